package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// ErrNoRoom is returned for a delivery that waited here for memory while
// another worker has room: it is to come again, to whoever has a slot. Nothing
// was claimed.
var ErrNoRoom = errors.New("job: another worker has room for the job")

// The codes of a job that waits for memory.
const (
	codeWaitsForMemory = "memory_needed"
	codeWaitsForBigger = "bigger_worker_needed"
	codeTooSmall       = "memory_budget_too_small"
)

// Memory returns how much of its budget the worker has given to attempts, the
// budget, 0 for none, and how many deliveries wait for some of it.
func (r *Runner) Memory() (used, total int64, waiting int) {
	used, waiting = r.budget.state()
	return used, r.budget.total, waiting
}

// reserve waits for the memory of the job. It returns nil when the delivery is
// to be dropped: the job is no longer there to be claimed, or this worker can
// never run it and the record says so.
func (r *Runner) reserve(ctx context.Context, j *Job) (*Allowance, error) {
	a := &Allowance{budget: r.budget, fixed: j.MemoryAsked}
	if j.Committed { // only publishing is left
		return a, nil
	}
	if r.budget.total == 0 {
		if j.MemoryAsked {
			a.bytes.Store(j.Memory)
		}
		return a, nil
	}
	if j.Memory <= 0 { // from before jobs declared their memory
		return a, nil
	}
	if j.Memory > r.budget.total {
		return nil, r.handBack(ctx, j)
	}
	place := r.budget.join(j.Memory)
	if err := r.standInLine(ctx, place, j); err != nil {
		if !r.budget.leave(place) {
			r.budget.give(place.need) // it came in that very moment
		}
		if errors.Is(err, errDropped) {
			err = nil
		}
		return nil, err
	}
	a.bytes.Store(place.need)
	return a, nil
}

// errDropped means that the job of a delivery that waits is no longer there to
// be claimed.
var errDropped = errors.New("job: the delivery is stale")

// standInLine returns nil when the place in the line has its memory. Meanwhile it
// looks now and then whether the job is still to be run, and whether another
// worker could run it at once.
func (r *Runner) standInLine(ctx context.Context, place *claimant, j *Job) error {
	select {
	case <-place.in: // it costs nothing while there is room
		return nil
	default:
	}
	ticker := time.NewTicker(r.cfg.HeartbeatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-place.in:
			return nil
		case <-r.draining:
			return ErrDraining
		case <-ctx.Done():
			return fmt.Errorf("wait for memory of job %s: %w", j.ID, context.Cause(ctx))
		case <-ticker.C:
		}
		if err := r.stillWaits(ctx, j); err != nil {
			return err
		}
	}
}

// stillWaits returns nil when the delivery is to wait on. What keeps the store
// from answering is no reason to give up a place in the line.
func (r *Runner) stillWaits(ctx context.Context, j *Job) error {
	call, cancel := context.WithTimeout(ctx, r.cfg.CallTimeout)
	defer cancel()
	now, err := r.jobs.Get(call, j.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errDropped
	case err != nil:
		return nil
	case now.State != Queued || now.Epoch != j.Epoch:
		return errDropped
	}
	workers, err := r.others(call, j.Pool)
	if err != nil {
		return nil
	}
	for _, w := range workers {
		if w.hasRoom(j) {
			return ErrNoRoom
		}
	}
	if now.Waiting == nil || now.Waiting.Code != codeWaitsForMemory {
		used, total, _ := r.Memory()
		now.Waiting = &Reason{Code: codeWaitsForMemory, Message: fmt.Sprintf(
			"The job needs %s of memory; its worker has %s left of %s and runs it as soon as there is enough.", Size(j.Memory), Size(total-used), Size(total))}
		_ = r.jobs.Replace(call, now) // whoever changed it meanwhile knows better
	}
	return nil
}

// others returns the other workers of the pool that live.
func (r *Runner) others(ctx context.Context, pool string) ([]*Worker, error) {
	fresh := r.cfg.Now().Add(-freshBeats * r.cfg.HeartbeatEvery)
	var all []*Worker
	q := store.Query{Index: "state", Equal: []any{WorkerAlive}, From: nanos(fresh)}
	for {
		page, err := r.workers.Find(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("find workers of pool %s: %w", pool, err)
		}
		for _, w := range page.Items {
			if w.ID != r.cfg.Worker && w.Pools[pool] > 0 {
				all = append(all, w)
			}
		}
		if page.Next == "" {
			return all, nil
		}
		q.Cursor = page.Next
	}
}

// largest returns the largest budget of the workers, and whether one has no
// limit.
func largest(workers []*Worker) (budget int64, unlimited bool) {
	for _, w := range workers {
		budget = max(budget, w.Memory)
		unlimited = unlimited || w.Memory == 0
	}
	return budget, unlimited
}

// freshBeats is after how many missed heartbeats a worker is not counted on.
const freshBeats = 4

// hasRoom reports whether the worker could run the job at once.
func (w *Worker) hasRoom(j *Job) bool {
	return w.Busy[j.Pool] < w.Pools[j.Pool] && (w.Memory == 0 || w.Memory-w.MemoryUsed >= j.Memory)
}

// handBack sends a job back to the line that needs more memory than this worker may
// ever give, for a worker that has as much. When none does, and none came
// within MemoryPatience, the job fails: only its owner or an operator can help.
func (r *Runner) handBack(ctx context.Context, j *Job) error {
	call, cancel := context.WithTimeout(ctx, r.cfg.CallTimeout)
	defer cancel()
	workers, err := r.others(call, j.Pool)
	if err != nil {
		return err
	}
	most, unlimited := largest(workers)
	most = max(most, r.budget.total)
	at := stamp(r.cfg.Now)
	if unlimited || most >= j.Memory {
		j.ParkedAt = time.Time{}
		j.Waiting = &Reason{Code: codeWaitsForBigger, Message: fmt.Sprintf(
			"The job needs %s of memory and the worker it was offered to has %s: it waits for one that has more.", Size(j.Memory), Size(r.budget.total))}
		j.wait(at, at.Add(parkFor), codeWaitsForBigger)
		return r.putBack(call, j)
	}
	message := fmt.Sprintf("The job needs %s of memory, and the largest worker of the pool %s has %s: run one with a larger worker.memory, ask for less with memory, or give the job fewer rows or columns.",
		Size(j.Memory), j.Pool, Size(most))
	if j.ParkedAt.IsZero() {
		j.ParkedAt = at
	}
	if at.Sub(j.ParkedAt) < r.cfg.MemoryPatience {
		j.Waiting = &Reason{Code: codeTooSmall, Message: message}
		j.wait(at, at.Add(tellFor), codeTooSmall)
		return r.putBack(call, j)
	}
	j.Failure = &Failure{Class: fault.ClassExhausted, Code: codeTooSmall, Message: message}
	j.giveUp(at, codeTooSmall)
	err = r.jobs.Replace(call, j)
	if err == nil {
		r.cfg.Observer.Finished(j, OutcomeFailed, 0)
		r.tender.ended(ctx, j)
	}
	if unlessRaced(err) != nil {
		return fmt.Errorf("fail job %s: %w", j.ID, err)
	}
	return nil
}

// After what time a job is offered again to whoever has a slot: one for which
// there is a worker, and one that waits for its operator.
const (
	parkFor = 5 * time.Second
	tellFor = 15 * time.Second
)

// putBack writes a job that was not claimed.
func (r *Runner) putBack(ctx context.Context, j *Job) error {
	if err := r.jobs.Replace(ctx, j); unlessRaced(err) != nil {
		return fmt.Errorf("hand back job %s: %w", j.ID, err)
	}
	return nil
}
