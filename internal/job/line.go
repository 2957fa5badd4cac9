package job

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// The priorities of jobs: within a tenant, those of a higher one have their
// turn first.
const (
	MinPriority     = 0
	DefaultPriority = 5
	MaxPriority     = 9
)

// priorityStep is what a priority is worth: a job goes before those of the next
// higher priority that were submitted so much later. So every job has its turn,
// and the order of a line never changes by itself.
const priorityStep = time.Minute

// notYet is the turn of a job that waits for a time: after all others.
const notYet = math.MaxInt64

// Priority is how urgent the job is, from MinPriority to MaxPriority.
func (j *Job) Priority() int { return DefaultPriority + j.Urgency }

// turn is the job's place in the line of its tenant, pool and kind: the lower,
// the sooner. It is not 0 for a pending job, unless a program wrote the record
// that knew of no turns; those come first.
func (j *Job) turn() int64 {
	switch {
	case j.State != Pending:
		return 0
	case !j.NotBefore.IsZero():
		return notYet
	}
	return j.CreatedAt.Add(-time.Duration(j.Urgency) * priorityStep).UnixNano()
}

// ready reports whether a pending job may be handed over.
func (j *Job) ready(at time.Time) bool { return j.State == Pending && !j.NotBefore.After(at) }

// waits is since when a job waits that may be handed over, or that the queue
// has.
func (j *Job) waits() time.Time {
	if j.State == Pending && j.NotBefore.IsZero() {
		for _, t := range slices.Backward(j.History) {
			if t.Event == "" { // not what was done to it meanwhile
				return t.At
			}
		}
	}
	return j.due()
}

// checkPriority refuses what is no priority.
func checkPriority(p int) error {
	if p >= MinPriority && p <= MaxPriority {
		return nil
	}
	return fault.Invalid("priority_out_of_range", "The priority is %d; it lies between %d, the least urgent, and %d, and is %d where none is given.", p, MinPriority, MaxPriority, DefaultPriority).
		With(fault.Field{Location: "body.priority", Message: fmt.Sprintf("must be between %d and %d", MinPriority, MaxPriority), Value: p})
}

// Prioritise changes the priority of the tenant's job, and with it its place in
// the line, at once. It is the conflict job_not_waiting when the job runs or has
// ended.
func (s *Service) Prioritise(ctx context.Context, tenant, id string, priority int) (*Job, error) {
	if err := checkPriority(priority); err != nil {
		return nil, err
	}
	if _, err := s.Get(ctx, tenant, id); err != nil {
		return nil, err
	}
	j, err := s.jobs.Update(ctx, id, func(j *Job) error {
		switch {
		case j.State == Running || j.State.Terminal():
			return fault.Conflict("job_not_waiting", "The job is %s; only a job that waits has a priority to change.", j.State)
		case j.Priority() == priority:
			return store.ErrUnchanged
		}
		was := j.Priority()
		j.Urgency = priority - DefaultPriority
		j.note(stamp(s.cfg.Now), EventPriorityChanged, fmt.Sprintf("%d to %d", was, priority), actorOf(ctx))
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound(id)
	}
	if err == nil && j.State == Awaiting && j.Awaits == awaitsChildren {
		err = s.hurry(ctx, j)
	}
	return j, storeFault(err)
}

// hurry gives the children of a job that waits for them its priority: those that
// have not had their turn.
func (s *Service) hurry(ctx context.Context, parent *Job) error {
	return eachChild(ctx, s.jobs, parent.Family.Fan, func(page []*Job) error {
		var slow []*Job
		for _, c := range page {
			if (c.State == Pending || c.State == Awaiting) && c.Urgency != parent.Urgency {
				c.Urgency = parent.Urgency
				slow = append(slow, c)
			}
		}
		if len(slow) == 0 {
			return nil
		}
		_, err := s.jobs.ReplaceAll(ctx, slow...) // one that moves meanwhile has its turn
		return err
	})
}

// lines are the jobs that wait, by pool, tenant and kind.
type lines struct{ jobs *table }

// next returns the first pending job of the pool, tenant and kind after those
// given, in that order, which may not be ready; nil means that there is none.
// An empty tenant stands before all others.
func (l lines) next(ctx context.Context, pool, tenant, kind string) (*Job, error) {
	j, err := l.first(ctx, store.Query{Equal: []any{string(Pending), pool, tenant}, From: kind + "\x00"})
	if err != nil || j != nil {
		return j, err
	}
	return l.nextTenant(ctx, pool, tenant)
}

// nextTenant returns the first pending job of the pool of a tenant after the one
// given.
func (l lines) nextTenant(ctx context.Context, pool, tenant string) (*Job, error) {
	return l.first(ctx, store.Query{Equal: []any{string(Pending), pool}, From: tenant + "\x00"})
}

// nextPool returns a pending job of the pool after the one given.
func (l lines) nextPool(ctx context.Context, pool string) (*Job, error) {
	return l.first(ctx, store.Query{Equal: []any{string(Pending)}, From: pool + "\x00"})
}

func (l lines) first(ctx context.Context, q store.Query) (*Job, error) {
	q.Index, q.Limit = indexTurn, 1
	page, err := l.jobs.Find(ctx, q)
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	return page.Items[0], nil
}

// mostKinds is how many kinds of jobs of one tenant, all of which wait for a
// time, are looked at before it is taken that some other job is ready.
const mostKinds = 16

// anyReady reports whether a job of the tenant waits for its turn in the pool.
func (l lines) anyReady(ctx context.Context, pool, tenant string, at time.Time) (bool, error) {
	q := store.Query{Equal: []any{string(Pending), pool, tenant}}
	for range mostKinds {
		j, err := l.first(ctx, q)
		switch {
		case err != nil || j == nil:
			return false, err
		case j.ready(at):
			return true, nil
		}
		q.From = j.Kind + "\x00"
	}
	return true, nil
}

// adopt writes the pending jobs of the pool again that a program has written
// that knew of no owners, so that they stand in the line of theirs, and returns
// how many.
func (l lines) adopt(ctx context.Context, pool string, page, limit int) (int, error) {
	return l.rewrite(ctx, store.Query{Index: indexTurn, Equal: []any{string(Pending), pool, ""}, Limit: page}, limit, func(*Job) {})
}

// wake gives the pending jobs their turn whose time has come, and returns how
// many.
func (l lines) wake(ctx context.Context, at time.Time, page, limit int) (int, error) {
	q := store.Query{Index: indexDue, Equal: []any{string(Pending)}, From: int64(1), To: nanos(at) + 1, Limit: page}
	return l.rewrite(ctx, q, limit, func(j *Job) { j.NotBefore = time.Time{} })
}

// rewrite changes the jobs that are found, up to about limit, and returns how
// many. Those that somebody else changes meanwhile are left alone.
func (l lines) rewrite(ctx context.Context, q store.Query, limit int, change func(*Job)) (int, error) {
	written, seen := 0, 0
	for seen < limit {
		found, err := l.jobs.Find(ctx, q)
		if err != nil || len(found.Items) == 0 {
			return written, err
		}
		seen += len(found.Items)
		for _, j := range found.Items {
			change(j)
		}
		errs, err := l.jobs.ReplaceAll(ctx, found.Items...)
		if err != nil {
			return written, err
		}
		for _, e := range errs {
			switch {
			case e == nil:
				written++
			case unlessRaced(e) != nil:
				return written, e
			}
		}
		if found.Next == "" {
			return written, nil
		}
		q.Cursor = found.Next
	}
	return written, nil
}
