package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// Final is what is left when everything is quiet again.
type Final struct {
	Jobs   []*job.Job
	Models map[string][]string // job → models made of it
	Files  []string            // in the bucket, after the clean-up; nil: nobody looked
	Named  map[string]bool     // files that some record names; nil: nobody looked
	Limit  int                 // jobs of one tenant with the queue or a worker; 0: none
}

// Violation is a promise that was broken.
type Violation struct {
	Promise string
	Job     string
	What    string
}

// String implements fmt.Stringer.
func (v Violation) String() string {
	if v.Job == "" {
		return v.Promise + ": " + v.What
	}
	return v.Promise + ": job " + v.Job + ": " + v.What
}

// The promises, as violations name them.
const (
	NoneLost      = "no acknowledged job is lost"
	NoneDoubled   = "no job is finished twice"
	NoneStuck     = "no job is stuck"
	NoneFailed    = "no job fails for a fault of the platform"
	LegalSteps    = "a job goes only the ways of its state machine"
	Fenced        = "no write by a stale epoch"
	EpochsGrow    = "epochs, attempts and progress never go backwards"
	CommitsStay   = "a committed result is final"
	CancelsHold   = "no commit after an acknowledged cancel"
	ClientsRight  = "what a client was told stays true"
	OneKeyOneJob  = "an idempotency key is one job"
	TicksOnce     = "each tick fires once"
	NoOrphans     = "no file is left that no record names"
	NoneMissing   = "no file is missing that a record names"
	FanInOnce     = "a parent goes on once, when all its children have ended"
	RowsOnce      = "no row of a divided prediction is lost or doubled"
	LimitsHold    = "a tenant's limit is never exceeded"
	WholeHistory  = "the history is whole"
	LivesLeft     = "no live worker is declared dead"
	LittleRedone  = "a kill costs at most one checkpoint interval of work"
	QuickRecovery = "recovery p99 is at most 20 s"
	QuickCancel   = "cancel p99 is at most 2 s"
	EnoughKills   = "enough kills, and enough that hit running jobs"
	AfterOthers   = "a job after others runs when they have succeeded, and only then"
	NeedsKept     = "a job that needs more memory than it may have fails alone, and says so"
	PausesHold    = "nothing starts while it is paused"
	RanksStay     = "a priority that was changed stays"
	BreakersWork  = "circuit breakers open when a part is away, say so, and close when it is back"
	OutagesFree   = "an outage uses up no failure of a job"
	TakenAway     = "submissions are accepted while Redis is away"
	SaidClearly   = "what cannot be done is refused with a code"
	ClientsServed = "clients are served, though they may have to ask again"
	PlanKept      = "what is planned is done"
	StagesEnd     = "every stage comes to its end"
)

// ledger is the history, by job.
type ledger struct {
	events []Event
	final  Final
	writes map[string][]Event // of each job, by revision
	found  map[string]*job.Job
	broken []Violation
}

func newLedger(events []Event, final Final) *ledger {
	l := &ledger{events: events, final: final, writes: map[string][]Event{}, found: map[string]*job.Job{}}
	for _, e := range events {
		if e.What == Written {
			l.writes[e.Job] = append(l.writes[e.Job], e)
		}
	}
	for _, w := range l.writes {
		slices.SortStableFunc(w, func(a, b Event) int { return cmp.Compare(a.Revision, b.Revision) })
	}
	for _, j := range final.Jobs {
		l.found[j.ID] = j
	}
	return l
}

func (l *ledger) breaks(promise, jobID, format string, args ...any) {
	l.broken = append(l.broken, Violation{Promise: promise, Job: jobID, What: fmt.Sprintf(format, args...)})
}

// of returns the events of that sort.
func (l *ledger) of(what What) []Event {
	var all []Event
	for _, e := range l.events {
		if e.What == what {
			all = append(all, e)
		}
	}
	return all
}

// Check judges the history by every invariant and returns what was broken, in
// the order of the promises.
func Check(events []Event, final Final) []Violation {
	l := newLedger(events, final)
	for _, invariant := range []func(*ledger){
		accepted, answers, ends, needs, steps, cancels, families, chains, pauses, ranks, rows, limits, ticks, models, files, whole,
	} {
		invariant(l)
	}
	return l.broken
}

// claim returns the time of the first claim of the job after the time, or of
// its end.
func (l *ledger) claim(id string, after time.Duration, attempt int) (time.Duration, bool) {
	for _, w := range l.writes[id] {
		if w.At > after && (w.State == string(job.Running) && w.Attempt > attempt || job.State(w.State).Terminal()) {
			return w.At, true
		}
	}
	return 0, false
}
