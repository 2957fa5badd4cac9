package chaos

import (
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// wanted returns the codes with which jobs must fail.
func (l *ledger) wanted() map[string]string {
	codes := map[string]string{}
	for _, e := range l.of(Expected) {
		codes[e.Job] = e.Reason
	}
	return codes
}

// failureOf tells why the job failed.
func failureOf(j *job.Job) string {
	if j.Failure == nil {
		return "it does not say why"
	}
	return j.Failure.Code + ": " + j.Failure.Message
}

// needs: a job that must fail does, with its code.
func needs(l *ledger) {
	for id, code := range l.wanted() {
		j := l.found[id]
		switch {
		case j == nil || !j.State.Terminal() || j.State == job.Failed && j.Crashes >= j.MaxCrashes:
		case j.State != job.Failed:
			l.breaks(NeedsKept, id, "it was to fail with %s, and it %s", code, j.State)
		case j.Failure == nil || j.Failure.Code != code:
			l.breaks(NeedsKept, id, "it was to fail with %s, and it failed with %s", code, failureOf(j))
		}
	}
}

// forlorn reports whether the job failed since one that it comes after did not
// succeed.
func (l *ledger) forlorn(j *job.Job) bool {
	if j.State != job.Failed || j.Failure == nil || j.Failure.Code != "dependency_failed" {
		return false
	}
	for _, id := range j.After {
		if other := l.found[id]; other != nil && other.State != job.Succeeded {
			return true
		}
	}
	return false
}

// chains: a job that comes after others was claimed after all of them had
// succeeded, and never when one of them did not.
func chains(l *ledger) {
	for _, j := range l.final.Jobs {
		for _, id := range j.After {
			other := l.found[id]
			if other == nil {
				l.breaks(AfterOthers, j.ID, "it comes after job %s, of which there is no record", id)
				continue
			}
			l.chain(j, other)
		}
	}
}

// chain judges one job that comes after another. The other's end counts from
// when the record server was asked for it: who reads it may be quicker than who
// writes it down.
func (l *ledger) chain(j, other *job.Job) {
	claimed, ran := l.first(j.ID, job.Running)
	if other.State != job.Succeeded {
		if ran || j.State == job.Succeeded {
			l.breaks(AfterOthers, j.ID, "it ran, though job %s, after which it comes, is %s", other.ID, other.State)
		} else if other.State.Terminal() && j.State.Terminal() && j.State != job.Cancelled && !l.forlorn(j) {
			l.breaks(AfterOthers, j.ID, "it comes after job %s, which is %s, and it %s: %s", other.ID, other.State, j.State, failureOf(j))
		}
		return
	}
	ended, ok := l.first(other.ID, job.Succeeded)
	if ran && ok && claimed.At < ended.Since {
		l.breaks(AfterOthers, j.ID, "it was claimed %s before job %s, after which it comes, had succeeded", ended.Since-claimed.At, other.ID)
	}
}

// first returns the first change of the job to the state.
func (l *ledger) first(id string, state job.State) (Event, bool) {
	for _, w := range l.writes[id] {
		if w.State == string(state) {
			return w, true
		}
	}
	return Event{}, false
}

// ranks: a priority that was changed is that of the job.
func ranks(l *ledger) {
	for _, e := range l.of(Ranked) {
		if j := l.found[e.Job]; j != nil && j.Priority() != e.Priority {
			l.breaks(RanksStay, e.Job, "a client was told that its priority is %d, and it is %d", e.Priority, j.Priority())
		}
	}
}

// pauseGrace is how long after the answer something may still start: processes
// follow within 200 ms, and a claim may be under way on a busy machine.
const pauseGrace = 1500 * time.Millisecond

// pauses: between the answer that a queue or a tenant is paused and the wish to
// go on, nothing of it is claimed. A process that was stopped meanwhile did not
// know, and while records cannot be read nobody does: such claims and such
// pauses are not judged.
func pauses(l *ledger) {
	for i, held := range l.events {
		if held.What != Held {
			continue
		}
		from, to := held.At+pauseGrace, l.freed(i)
		if l.troubled(from-2*pauseGrace, to) {
			continue
		}
		for _, j := range l.final.Jobs {
			if held.Part != "" && j.Pool != held.Part || held.Tenant != "" && j.Tenant != held.Tenant {
				continue
			}
			l.startedIn(j.ID, held, from, to)
		}
	}
}

// freed returns when the pause of that event was about to end.
func (l *ledger) freed(i int) time.Duration {
	held := l.events[i]
	for _, e := range l.events[i:] {
		if e.What == Freed && e.Part == held.Part && e.Tenant == held.Tenant {
			return e.At
		}
	}
	return held.At // it was never told that it lasted
}

// troubled reports whether the records were hurt in the time, or just before.
func (l *ledger) troubled(from, to time.Duration) bool {
	const settle = 6 * time.Second // a call that was sent before may last as long
	for _, e := range l.events {
		if e.What == Fault && e.Part == partRecords && e.At <= to && e.At+e.For+settle >= from {
			return true
		}
	}
	return false
}

// startedIn judges the claims of one job.
func (l *ledger) startedIn(id string, held Event, from, to time.Duration) {
	was := ""
	for _, w := range l.writes[id] {
		claimed := w.State == string(job.Running) && was != string(job.Running)
		was = w.State
		if claimed && w.Since > from && w.Since < to && !l.stopped(w.Worker, held.At-pauseGrace, w.Since) {
			l.breaks(PausesHold, id, "it was claimed %s after %s%s was paused", w.Since-held.At, held.Part, held.Tenant)
		}
	}
}

// stopped reports whether the worker was stopped by a signal in the time.
func (l *ledger) stopped(worker string, from, to time.Duration) bool {
	since := time.Duration(-1)
	for _, e := range l.events {
		switch {
		case e.What != Kill || e.Worker != worker || e.At > to:
		case e.Fault == "SIGSTOP":
			since = e.At
		case e.Fault == "SIGCONT":
			if since >= 0 && e.At >= from {
				return true
			}
			since = -1
		}
	}
	return since >= 0
}
