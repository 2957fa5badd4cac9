package app

import (
	"context"
	"maps"
	"slices"

	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/queue"
	"github.com/narrativeml/narrative/jobs"
)

// delivery makes a job.Queue of the queue: the two know nothing of each other.
type delivery struct{ client *queue.Client }

var _ job.Queue = delivery{}

// Enqueue implements job.Queue.
func (d delivery) Enqueue(ctx context.Context, deliveries ...job.Delivery) error {
	out := make([]queue.Delivery, len(deliveries))
	for i, one := range deliveries {
		out[i] = queue.Delivery(one)
	}
	return d.client.Enqueue(ctx, out...)
}

// Alive implements job.Queue.
func (d delivery) Alive(ctx context.Context, one job.Delivery) (bool, error) {
	return d.client.Alive(ctx, queue.Delivery(one))
}

// Backlog implements job.Queue.
func (d delivery) Backlog(ctx context.Context, pool string) (waiting, active, ended int64, err error) {
	return d.client.Backlog(ctx, pool)
}

// HintCancel implements job.Queue.
func (d delivery) HintCancel(ctx context.Context, one job.Delivery) error {
	return d.client.HintCancel(ctx, queue.Delivery(one))
}

// pools are the pools that jobs go to and those that workers serve.
func pools(c config.Config) []string {
	names := map[string]bool{}
	for _, k := range jobs.Kinds() {
		names[k.Pool] = true
	}
	for name := range c.Worker.Pools {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}
