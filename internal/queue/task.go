package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hibiken/asynq"

	"github.com/narrativeml/narrative/internal/fault"
)

// Delivery tells a worker about a job. It holds identifiers only.
type Delivery struct {
	JobID  string
	Epoch  int // counts hand-overs of the job, from 1
	Kind   string
	Tenant string
	Pool   string
}

// payload is what operators see of a task.
type payload struct {
	JobID  string `json:"job_id"`
	Tenant string `json:"tenant"`
}

// taskID identifies a hand-over; there is one task for each.
func (d Delivery) taskID() string { return d.JobID + ":" + strconv.Itoa(d.Epoch) }

func (d Delivery) validate(pools []string) error {
	switch {
	case !identifier.MatchString(d.JobID):
		return fault.Invalid("invalid_delivery", "the job identifier %q of a delivery is not made of letters, digits, - and _", d.JobID)
	case d.Epoch < 0:
		return fault.Invalid("invalid_delivery", "the epoch %d of a delivery is negative", d.Epoch)
	case !word.MatchString(d.Kind):
		return fault.Invalid("invalid_delivery", "the kind %q of a delivery is not made of lower-case letters, digits, - and _", d.Kind)
	}
	if slices.Contains(pools, d.Pool) {
		return nil
	}
	return fault.Invalid("unknown_pool", "there is no pool of workers %q; the pools are %s", d.Pool, strings.Join(pools, ", "))
}

// encode returns the task of a delivery.
func encode(d Delivery, c Config) (*asynq.Task, error) {
	body, err := json.Marshal(payload{JobID: d.JobID, Tenant: d.Tenant})
	if err != nil {
		return nil, fmt.Errorf("encode delivery %s: %w", d.taskID(), err)
	}
	return asynq.NewTask(d.Kind, body,
		asynq.TaskID(d.taskID()),
		asynq.Queue(d.Pool),
		asynq.MaxRetry(maxRedeliveries),
		asynq.Timeout(c.TaskTimeout),
		asynq.Retention(c.Retention),
	), nil
}

// decode returns the delivery of a task that asynq hands to a handler.
func decode(ctx context.Context, t *asynq.Task) (Delivery, error) {
	id, _ := asynq.GetTaskID(ctx)
	pool, _ := asynq.GetQueueName(ctx)
	return parse(id, pool, t.Type(), t.Payload())
}

func parse(id, pool, kind string, body []byte) (Delivery, error) {
	job, number, found := strings.Cut(id, ":")
	epoch, err := strconv.Atoi(number)
	if !found || err != nil || strconv.Itoa(epoch) != number {
		return Delivery{}, fmt.Errorf("queue: task %q is not named after a job and an epoch", id)
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Delivery{}, fmt.Errorf("queue: payload of task %q: %w", id, err)
	}
	if p.JobID != job {
		return Delivery{}, errors.New("queue: the payload of a task is about another job than its name")
	}
	return Delivery{JobID: job, Epoch: epoch, Kind: kind, Tenant: p.Tenant, Pool: pool}, nil
}

// key returns the name of a key that asynq keeps for the pool.
func key(pool, name string) string { return "asynq:{" + pool + "}:" + name }

// allQueues is the set in which asynq keeps the names of the queues.
const allQueues = "asynq:queues"

// hints is the channel on which workers listen for cancellations.
const hints = "narrative:hints"
