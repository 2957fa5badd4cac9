package job

import (
	"context"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// CodeNewerWorker is the code of what a job waits for that was submitted by a
// newer program than the worker is of that took it up.
const CodeNewerWorker = "newer_worker_needed"

// newerWait is after what time such a job is offered to whoever has a slot
// again.
const newerWait = 30 * time.Second

// NewerWorker is returned by a handler that does not know the job's version, as
// when programs are replaced one by one: another worker will. When none does for
// RunnerConfig.UpgradePatience the job is given up, and is a dead letter.
func NewerWorker(format string, args ...any) error {
	return Snooze(newerWait, CodeNewerWorker, format, args...)
}

// tooNew sends a job back to the line for a newer worker, or gives it up when it
// has waited for one too long, and returns the outcome.
func (r *Runner) tooNew(j *Job, at time.Time, reason Reason) string {
	if j.UpgradeSince.IsZero() {
		j.UpgradeSince = at
	}
	patience := r.cfg.UpgradePatience
	if j.Committed {
		patience *= publishPatience
	}
	if at.Sub(j.UpgradeSince) < patience {
		j.Waiting = &reason
		j.wait(at, at.Add(newerWait), reason.Code)
		j.sentBackBy(r.cfg.Worker)
		return OutcomeSnoozed
	}
	j.Failure = &Failure{Class: fault.ClassUnsupported, Code: reason.Code, Message: fmt.Sprintf(
		"No worker knew the job for %s, and it was given up; it can be tried again when the workers are up to date. %s", at.Sub(j.UpgradeSince).Round(time.Second), reason.Message)}
	j.Dead = DeadUnsupported
	j.giveUp(at, reason.Code)
	return OutcomeFailed
}

// unheardOf deals with a job of whose kind this worker knows nothing. It is not
// claimed.
func (r *Runner) unheardOf(ctx context.Context, j *Job) error {
	call, cancel := context.WithTimeout(ctx, r.cfg.CallTimeout)
	defer cancel()
	outcome := r.tooNew(j, stamp(r.cfg.Now), Reason{Code: CodeNewerWorker, Message: fmt.Sprintf(
		"The worker that took the job up knows no jobs of the kind %s: it waits for a newer worker.", j.Kind)})
	switch err := r.jobs.Replace(call, j); {
	case unlessRaced(err) != nil:
		return fmt.Errorf("hand back job %s: %w", j.ID, err)
	case err != nil:
		return nil // somebody else was faster
	}
	r.cfg.Observer.Finished(j, outcome, 0)
	r.tender.ended(ctx, j)
	return nil
}
