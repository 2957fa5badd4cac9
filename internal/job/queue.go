package job

import (
	"context"
	"slices"

	"github.com/narrativeml/narrative/internal/store"
)

// QueueStatus is a pool as operators see it: what is set for it, and how it is.
type QueueStatus struct {
	QueuePolicy
	Awaiting int64 // jobs that wait for other jobs
	Pending  int64 // jobs that wait in the store, those that wait for a time among them
	Queued   int64 // jobs that the queue has
	Running  int64
	Slots    int // of live workers
	Workers  int // that are alive
}

// Queues returns every pool, by name.
func (s *Service) Queues(ctx context.Context) ([]QueueStatus, error) {
	all := make([]QueueStatus, 0, len(s.cfg.Pools))
	for _, pool := range slices.Sorted(slices.Values(s.cfg.Pools)) {
		q, err := s.Queue(ctx, pool)
		if err != nil {
			return nil, err
		}
		all = append(all, *q)
	}
	return all, nil
}

// Queue returns the pool, or the fault queue_not_found.
func (s *Service) Queue(ctx context.Context, pool string) (*QueueStatus, error) {
	p, err := s.QueuePolicy(ctx, pool)
	if err != nil {
		return nil, err
	}
	q := &QueueStatus{QueuePolicy: *p}
	for state, at := range map[State]*int64{Awaiting: &q.Awaiting, Pending: &q.Pending, Queued: &q.Queued, Running: &q.Running} {
		*at, err = s.jobs.Count(ctx, store.Query{Index: indexLine, Equal: []any{string(state), pool}}, statsLimit)
		if err != nil {
			return nil, storeFault(err)
		}
	}
	workers, slots, err := s.rooms.liveWorkers(ctx)
	q.Workers, q.Slots = workers[pool], slots[pool]
	return q, storeFault(err)
}
