package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// ErrDeadline is the cause of a handler's context when the job's deadline
// passed.
var ErrDeadline = errors.New("job: the deadline has passed")

// ErrTimeBudget is the cause of a handler's context when the job's attempts
// have run for as long as they may in all.
var ErrTimeBudget = errors.New("job: the time budget is used up")

// deadlineRow reminds the keeper of a job's deadline. It is a record of its
// own, so that jobs without a deadline, which are nearly all, have no index
// more. It has the job's identifier.
type deadlineRow struct {
	store.Meta
	At time.Time `json:"at"`
}

type deadlineTable = store.Table[deadlineRow, *deadlineRow]

func newDeadlineTable(driver store.Driver) *deadlineTable {
	return store.NewTable[deadlineRow](driver, deadlineCollection())
}

func deadlineCollection() store.Collection {
	return store.Collection{Name: "job_deadlines", Indexes: []store.Index{
		{Name: "at", Fields: []store.IndexField{{Name: "at", Type: store.Int}}},
	}}
}

// Keys implements store.Entity.
func (r *deadlineRow) Keys() map[string]any { return map[string]any{"at": nanos(r.At)} }

// remind notes the job's deadline before the job itself is stored.
func (s *Service) remind(ctx context.Context, j *Job) error {
	if j.Deadline.IsZero() {
		return nil
	}
	err := s.deadlines.Insert(ctx, &deadlineRow{Meta: store.Meta{ID: j.ID}, At: j.Deadline})
	if errors.Is(err, store.ErrDuplicate) {
		return nil
	}
	return storeFault(err)
}

// strayAfter is how long after its time a reminder of a job that does not
// exist is kept: the job may only just be being stored.
const strayAfter = time.Hour

// Expire fails the jobs that no worker has and whose deadline has passed, and
// returns how many. A running one is stopped by its worker.
func (k *Keeper) Expire(ctx context.Context) (int, error) {
	at := stamp(k.cfg.Now)
	q := store.Query{Index: "at", To: nanos(at) + 1, Limit: k.cfg.Page}
	expired, seen := 0, 0
	for seen < k.cfg.Limit {
		page, err := k.deadlines.Find(ctx, q)
		if err != nil {
			return expired, fmt.Errorf("expire: %w", err)
		}
		seen += len(page.Items)
		for _, row := range page.Items {
			done, err := k.expire(ctx, row, at)
			if err != nil {
				return expired, fmt.Errorf("expire: %w", err)
			}
			if done {
				expired++
			}
		}
		if page.Next == "" {
			return expired, nil
		}
		q.Cursor = page.Next
	}
	return expired, nil
}

// expire deals with one deadline that has passed, and reports whether it
// failed the job.
func (k *Keeper) expire(ctx context.Context, row *deadlineRow, at time.Time) (bool, error) {
	failed := false
	j, err := k.jobs.Update(ctx, row.ID, func(j *Job) error {
		failed = false
		if j.State.Terminal() || j.State == Running || j.Deadline.After(at) || j.Deadline.IsZero() || j.Committed {
			return store.ErrUnchanged
		}
		j.Failure = failureOf(ErrDeadline, j)
		j.giveUp(at, j.Failure.Code)
		failed = j.State.Terminal() // a parent tells its children first
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		if at.Sub(row.At) < strayAfter {
			return false, nil
		}
	case err != nil:
		return false, err
	case failed:
		k.cfg.Observer.Finished(j, OutcomeFailed, 0)
		k.tender.ended(ctx, j)
	case !j.State.Terminal() && !j.Deadline.IsZero():
		return false, nil // its worker, or its publishing, ends it
	}
	if err := k.deadlines.Delete(ctx, row.ID, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
		return failed, err
	}
	return failed, nil
}

// over returns why the job may not be run any more, nil when it may. A result
// that is committed is published all the same.
func (j *Job) over(at time.Time) error {
	switch {
	case j.Committed:
		return nil
	case !j.Deadline.IsZero() && !at.Before(j.Deadline):
		return ErrDeadline
	case j.TimeBudget > 0 && j.Spent() >= j.TimeBudget:
		return ErrTimeBudget
	default:
		return nil
	}
}

// expire fails a job that a delivery names and that may not be run any more.
func (r *Runner) expire(ctx context.Context, j *Job, at time.Time, cause error) error {
	j.Failure = failureOf(cause, j)
	j.giveUp(at, j.Failure.Code)
	err := r.jobs.Replace(ctx, j)
	if err == nil {
		r.cfg.Observer.Finished(j, OutcomeFailed, 0)
		r.tender.ended(ctx, j)
	}
	return err
}

// bound ends the context when the job's time is over: that of the attempt,
// that of all attempts, or the deadline.
func (s *session) bound(ctx context.Context, j *Job) (context.Context, context.CancelFunc) {
	left, cause := j.Timeout, ErrTimedOut
	shorter := func(d time.Duration, err error) {
		if d < left {
			left, cause = d, err
		}
	}
	if j.TimeBudget > 0 {
		shorter(j.TimeBudget-j.Spent(), ErrTimeBudget)
	}
	if !j.Deadline.IsZero() {
		shorter(j.Deadline.Sub(s.cfg.Now()), ErrDeadline)
	}
	return context.WithTimeoutCause(ctx, max(left, 0), cause)
}

// outOfTime reports whether the cause is that the job's time was over.
func outOfTime(cause error) bool {
	return errors.Is(cause, ErrTimedOut) || beyondTime(cause)
}

// beyondTime reports whether the job may not be run any more.
func beyondTime(err error) bool { return errors.Is(err, ErrDeadline) || errors.Is(err, ErrTimeBudget) }

// timeFailure is what a client sees of a job whose time was over.
func timeFailure(err error, j *Job) *Failure {
	f := &Failure{Class: fault.ClassExhausted}
	switch {
	case errors.Is(err, ErrDeadline):
		f.Code = "deadline_exceeded"
		f.Message = fmt.Sprintf("The job had not ended by its deadline, %s; submit it again with a later one.", j.Deadline.UTC().Format(time.RFC3339))
	case errors.Is(err, ErrTimeBudget):
		f.Code = "time_budget_exceeded"
		f.Message = fmt.Sprintf("The attempts of the job ran for %s in all, its time budget; submit it again with a larger one, or with less to do.", j.TimeBudget)
	default:
		f.Code = "job_timed_out"
		f.Message = fmt.Sprintf("The attempt was stopped after %s, the time limit of a %s job.", j.Timeout, j.Kind)
	}
	return f
}
