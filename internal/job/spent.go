package job

import (
	"context"
	"time"
)

// Spent returns for how long the job's attempts have run, and those of the jobs
// that it was divided into as far as they were looked at.
func (j *Job) Spent() time.Duration {
	if j.Family == nil {
		return j.TimeSpent
	}
	return j.TimeSpent + j.Family.Spent
}

// spentBy returns for how long a child's attempts have run for this fan. What
// had ended before was counted then.
func (f *Family) spentBy(c *Job, at time.Time) time.Duration {
	switch {
	case c.State.Terminal() && c.FinishedAt.Before(f.Since):
		return 0
	case c.State == Running:
		return c.TimeSpent + max(at.Sub(c.StartedAt), 0)
	default:
		return c.TimeSpent
	}
}

// spent adds up for how long the attempts of all children have run.
func (t *tender) spent(ctx context.Context, f *Family) (sum time.Duration, err error) {
	at := stamp(t.now)
	err = eachChild(ctx, t.jobs, f.Fan, func(page []*Job) error {
		for _, c := range page {
			sum += f.spentBy(c, at)
		}
		return nil
	})
	return sum, err
}

// charge notes for how long the children have run. A parent whose time budget is
// used up by that fails, and they are told to stop; one of which some is left
// is looked at again when it may be.
func (j *Job) charge(at time.Time, spent time.Duration, running int) {
	f := *j.Family
	f.Spent = spent
	j.Family = &f
	if j.TimeBudget <= 0 {
		return
	}
	left := j.TimeBudget - j.Spent()
	if left <= 0 {
		j.Failure = failureOf(ErrTimeBudget, j)
		j.giveUp(at, j.Failure.Code)
		return
	}
	if next := at.Add(max(left/time.Duration(max(running, 1)), tendEvery)); next.Before(j.TendAt) {
		j.TendAt = next
	}
}
