package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// publishPatience is by how much the limits on failures and crashes are
// stretched for a job whose result is committed: only publishing is left, and
// nobody can cancel or repeat it.
const publishPatience = 10

// decide moves the job according to what the handler answered, and returns the
// outcome. A cancellation that was acknowledged wins over everything but a
// committed result.
func (s *session) decide(j *Job, a answer) string {
	at := stamp(s.cfg.Now)
	snooze, snoozed := errors.AsType[*SnoozeError](a.err)
	tooOld := snoozed && snooze.Code == CodeNewerWorker
	memory, exceeded := errors.AsType[*MemoryError](a.err)
	j.Waiting = nil
	if !tooOld {
		j.UpgradeSince = time.Time{}
	}
	switch {
	case j.CancelRequested && !j.Committed:
		j.end(at, Cancelled, "cancelled_by_owner")
		return OutcomeCancelled
	case a.err == nil:
		j.Result, j.Files, j.OwnFiles = a.result, a.files, a.own
		j.Failure = nil
		j.Progress.Fraction = 1
		j.end(at, Succeeded, "")
		return OutcomeSucceeded
	case errors.Is(a.err, Drained) && s.isDraining():
		j.wait(at, at, "worker_drained")
		return OutcomeDrained
	case tooOld:
		return s.tooNew(j, at, snooze.Reason)
	case snoozed:
		j.Waiting = &snooze.Reason
		j.wait(at, at.Add(snooze.For), snooze.Code)
		return OutcomeSnoozed
	case exceeded && memory.elsewhere():
		return j.route(at, memory)
	default:
		if crash, crashed := errors.AsType[*CrashError](a.err); crashed {
			return s.crash(j, at, crash)
		}
		return s.fail(j, at, a.err)
	}
}

// fail counts a failure and either gives the job up or sends it back. That a
// part was away says nothing about the job and is counted apart, so that an
// outage does not end the jobs that meet it.
func (s *session) fail(j *Job, at time.Time, err error) string {
	j.Failure = failureOf(err, j)
	switch {
	case permanent(err):
		j.Failures++
		if j.Failure.Class == fault.ClassInternal {
			j.Dead = DeadDefect
		}
		j.giveUp(at, j.Failure.Code)
		return OutcomeFailed
	case j.Failure.Class == fault.ClassUnavailable:
		return s.park(j, at)
	}
	j.Failures++
	if j.Failures >= limit(j, j.MaxFailures) {
		j.Dead = DeadFailures
		j.giveUp(at, j.Failure.Code)
		return OutcomeFailed
	}
	j.wait(at, at.Add(s.cfg.Backoff.after(j.Failures, s.dice.roll())), j.Failure.Code)
	return OutcomeRetried
}

// park lets the job wait for a part that is away. No failure is counted: the
// job waits for as long as OutagePatience, since the first time that a part was
// away, and is tried again at growing intervals.
func (s *session) park(j *Job, at time.Time) string {
	j.Outages++
	if j.OutageSince.IsZero() {
		j.OutageSince = at
	}
	patience := s.cfg.OutagePatience
	if j.Committed {
		patience *= publishPatience
	}
	if at.Sub(j.OutageSince) >= patience {
		j.Dead = DeadOutage
		j.giveUp(at, j.Failure.Code)
		return OutcomeFailed
	}
	j.Waiting = &Reason{Code: j.Failure.Code, Message: "A part that the job needs is away, and it goes on when that is back: " + j.Failure.Message}
	j.wait(at, at.Add(s.cfg.OutageBackoff.after(j.Outages, s.dice.roll())), j.Failure.Code)
	return OutcomeParked
}

// furtherBy is by how much of the whole job its checkpoints have to get further
// for its crashes to be counted anew: so a poison job, which dies at one place,
// is given up however its progress trembles there, and none goes on for ever.
const furtherBy = 0.01

// crashed counts a crash and returns how many there were since the job's
// checkpoints last got further. A long job may lose any number of workers; one
// that takes its worker with it does so again at the same place.
func (j *Job) crashed() int {
	if j.Saved >= j.SavedBefore+furtherBy {
		j.CrashesBefore, j.SavedBefore = j.Crashes, j.Saved
	}
	j.Crashes++
	return j.crashesHere()
}

func (j *Job) crashesHere() int { return j.Crashes - j.CrashesBefore }

// limit returns how many failures or crashes the job may have.
func limit(j *Job, n int) int {
	if j.Committed {
		return n * publishPatience
	}
	return n
}

// giveUp fails the job for good. A result that could not be published is none.
func (j *Job) giveUp(at time.Time, reason string) {
	j.Committed, j.Result, j.Files, j.OwnFiles = false, nil, nil, nil
	j.end(at, Failed, reason)
}

// explain tells the job's owner in a line, and the observer in full, why an
// attempt did not end well.
func (s *session) explain(err error) {
	j := s.seen()
	switch snooze, snoozed := errors.AsType[*SnoozeError](err); {
	case errors.Is(err, ErrCancelled), j.CancelRequested && !j.Committed:
		return
	case snoozed:
		if j.Waiting == nil || j.Waiting.Code != snooze.Code { // else it says so already
			s.report.log(levelWarn, snooze.Message)
		}
		return
	case errors.Is(err, Drained) && s.isDraining():
		s.report.log(levelInfo, "The worker stops; another one goes on with the job.")
		return
	}
	f := failureOf(err, j)
	if f.Class == fault.ClassUnavailable && j.Waiting != nil && j.Waiting.Code == f.Code {
		return // the part is still away, and the job says so already
	}
	s.report.log("error", fmt.Sprintf("Attempt %d failed: %s", j.Attempt, f.Message))
	s.cfg.Observer.Trouble(s.base, "run_job", j, err)
}

// reviver takes jobs from dead workers.
type reviver struct {
	tender   *tender
	now      func() time.Time
	observer Observer
	backoff  Backoff
	dice     *dice
}

// revive takes the job from the worker that died running it, and reports
// whether it was still there to be taken. The first crash costs no waiting,
// since it is rarely the job's fault; the following ones do, from when the worker
// fell silent: the time until that was noticed was waiting too.
func revive(ctx context.Context, jobs *table, j *Job, r reviver) (bool, error) {
	at, worker := stamp(r.now), j.Worker
	took := max(at.Sub(j.StartedAt), 0)
	crashes := j.crashed()
	j.Waiting, j.UpgradeSince = nil, time.Time{}
	outcome := ""
	switch {
	case j.CancelRequested && !j.Committed:
		j.Worker = ""
		j.end(at, Cancelled, "cancelled_by_owner")
		outcome = OutcomeCancelled
	case crashes >= limit(j, j.MaxCrashes):
		j.Worker = ""
		j.Failure, j.Dead = diedTooOften(j), DeadCrashes
		j.giveUp(at, j.Failure.Code)
		outcome = OutcomeFailed
	default:
		due := at
		if crashes > 1 {
			due = j.HeartbeatAt.Add(r.backoff.after(crashes-1, r.dice.roll()))
		}
		j.wait(at, due, "worker_died: "+worker)
	}
	switch errs, err := jobs.ReplaceAll(ctx, j); {
	case err != nil:
		return false, err
	case errs[0] != nil:
		return false, unlessRaced(errs[0])
	}
	r.observer.Revived(j, "worker_died")
	if outcome != "" {
		r.observer.Finished(j, outcome, took)
		r.tender.ended(ctx, j)
	}
	return true, nil
}
