package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// queueUnavailable is the code of a queue that does not take jobs.
const queueUnavailable = "queue_unavailable"

// dispatcher hands jobs over to the queue. The record is marked first; what
// the queue then does not take is put back.
type dispatcher struct {
	jobs     *table
	queue    Queue
	observer Observer
	now      func() time.Time
	timeout  time.Duration // of one call to the queue, and of putting back
}

// handOver marks the jobs as queued under a new epoch and enqueues them. Jobs
// that somebody else changed meanwhile are left alone. It returns those that
// were handed over.
func (d *dispatcher) handOver(ctx context.Context, reason string, jobs ...*Job) ([]*Job, error) {
	marked, err := d.mark(ctx, reason, jobs...)
	if len(marked) == 0 {
		return nil, err
	}
	if failed := d.enqueue(ctx, marked...); failed != nil {
		return nil, errors.Join(err, failed)
	}
	return marked, err
}

// mark marks the jobs as queued under a new epoch and returns those that nobody
// else had changed.
func (d *dispatcher) mark(ctx context.Context, reason string, jobs ...*Job) ([]*Job, error) {
	at := stamp(d.now)
	for _, j := range jobs {
		j.queue(at, reason)
	}
	return d.replace(ctx, jobs)
}

// enqueue tells the queue about jobs that are marked as queued. When it does
// not answer they are put back to pending, best effort: a job that stays
// behind as queued is found by Keeper.Reconcile.
func (d *dispatcher) enqueue(ctx context.Context, jobs ...*Job) error {
	deliveries := make([]Delivery, len(jobs))
	for i, j := range jobs {
		deliveries[i] = j.Delivery()
	}
	// The records are marked: now it is seen through.
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.timeout)
	defer cancel()
	err := d.queue.Enqueue(call, deliveries...)
	switch {
	case err == nil:
		return nil
	case fault.ClassOf(err) == fault.ClassInvalid:
		return d.setAside(context.WithoutCancel(ctx), jobs, err)
	}
	err = fault.Unavailable(queueUnavailable, "the queue does not answer; %d jobs wait in the store", len(jobs)).Because(err)
	return errors.Join(err, d.putBack(ctx, jobs...))
}

// putBack puts jobs that are marked as queued back to pending.
func (d *dispatcher) putBack(ctx context.Context, jobs ...*Job) error {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.timeout)
	defer cancel()
	at := stamp(d.now)
	for _, j := range jobs {
		j.wait(at, at, queueUnavailable)
	}
	_, err := d.replace(call, jobs)
	return err
}

// asideFor is after what time a job is tried again that the queue cannot take.
const asideFor = 30 * time.Second

// setAside puts jobs back for a while that the queue can never take as they are:
// this program does not know their pool, since a newer one stored them. Those
// among them that it can take are handed over; nothing else waits for the rest.
func (d *dispatcher) setAside(ctx context.Context, jobs []*Job, cause error) error {
	if len(jobs) > 1 {
		var errs []error
		for _, j := range jobs {
			errs = append(errs, d.enqueue(ctx, j))
		}
		return errors.Join(errs...)
	}
	call, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	j, at := jobs[0], stamp(d.now)
	j.Waiting = &Reason{Code: fault.CodeOf(cause), Message: fmt.Sprintf("The program that hands jobs over knows no queue %q: it waits for a newer one.", j.Pool)}
	j.wait(at, at.Add(asideFor), j.Waiting.Code)
	_, failed := d.replace(call, jobs)
	return errors.Join(fmt.Errorf("hand over job %s: %w", j.ID, cause), failed)
}

// replace writes the jobs and returns those that nobody else had changed.
func (d *dispatcher) replace(ctx context.Context, jobs []*Job) ([]*Job, error) {
	errs, err := d.jobs.ReplaceAll(ctx, jobs...)
	if err != nil {
		return nil, err
	}
	written := make([]*Job, 0, len(jobs))
	var failed error
	for i, j := range jobs {
		switch e := errs[i]; {
		case e == nil:
			written = append(written, j)
		case !errors.Is(e, store.ErrStale) && !errors.Is(e, store.ErrNotFound):
			failed = fmt.Errorf("mark job %s: %w", j.ID, e)
		}
	}
	return written, failed
}
