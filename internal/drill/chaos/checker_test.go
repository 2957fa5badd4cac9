package chaos_test

import (
	"slices"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/drill/chaos"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// life is the history of one job that goes well, and what is left of it.
func life() ([]chaos.Event, chaos.Final) {
	write := func(at, revision int, state job.State, epoch, attempt int, worker string) chaos.Event {
		return chaos.Event{
			At: time.Duration(at) * time.Second, Since: time.Duration(at) * time.Second, What: chaos.Written, Job: "job_1", Kind: "training", Revision: int64(revision),
			State: string(state), Epoch: epoch, Attempt: attempt, Worker: worker,
		}
	}
	committed := write(41, 6, job.Running, 2, 2, "wkr_b")
	committed.Committed, committed.Result, committed.Fraction = true, "r", 1
	done := write(42, 7, job.Succeeded, 2, 2, "wkr_b")
	done.Committed, done.Result, done.Fraction = true, "r", 1
	events := []chaos.Event{
		{What: chaos.Asked, Key: "k"},
		write(1, 1, job.Queued, 1, 0, ""),
		{At: 2 * time.Second, What: chaos.Accepted, Job: "job_1", Key: "k", Kind: "training"},
		write(3, 2, job.Running, 1, 1, "wkr_a"),
		{At: 4 * time.Second, What: chaos.Kill, Process: "worker 0", Worker: "wkr_a", Fault: "SIGKILL", Holding: []string{"job_1"}},
		write(20, 3, job.Pending, 1, 1, ""),
		write(21, 4, job.Queued, 2, 1, ""),
		write(22, 5, job.Running, 2, 2, "wkr_b"),
		{At: 23 * time.Second, What: chaos.Refused, Job: "job_1", Epoch: 1, Attempt: 1, Worker: "wkr_a", State: string(job.Succeeded)},
		committed, done,
		{At: 43 * time.Second, What: chaos.Ended, Job: "job_1", State: string(job.Succeeded)},
		{At: 44 * time.Second, What: chaos.Ticked, Key: "cleanup@1"},
	}
	final := chaos.Final{
		Jobs: []*job.Job{{
			Meta: store.Meta{ID: "job_1", Revision: 7}, Kind: "training", IdempotencyKey: "k", State: job.Succeeded,
			Epoch: 2, Attempt: 2, Crashes: 1, MaxCrashes: 5, Files: map[string]string{"model": "jobs/job_1/2/model.bin"},
		}},
		Models: map[string][]string{"job_1": {"mdl_1"}},
		Files:  []string{"jobs/job_1/2/model.bin"},
		Named:  map[string]bool{"jobs/job_1/2/model.bin": true},
	}
	return events, final
}

func TestCheckFindsNothingWhereNothingIs(t *testing.T) {
	t.Parallel()
	events, final := life()
	final.Limit = 1
	// One ends before the other is handed over, though that is told late.
	events = append(events,
		chaos.Event{At: 900 * time.Millisecond, What: chaos.Written, Job: "job_2", Revision: 1, State: string(job.Queued)},
		chaos.Event{Since: 950 * time.Millisecond, At: 2 * time.Second, What: chaos.Written, Job: "job_2", Revision: 2, State: string(job.Cancelled)},
	)
	if found := chaos.Check(events, final); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// pause is one of a queue or a tenant, in which the second claim of life falls.
func pause(queue, tenant string) []chaos.Event {
	return []chaos.Event{
		{At: 20 * time.Second, What: chaos.Held, Part: queue, Tenant: tenant, For: 10 * time.Second},
		{At: 30 * time.Second, What: chaos.Freed, Part: queue, Tenant: tenant},
	}
}

// What only looks like a mistake is none: a worker that was stopped knows of no
// pause, nobody does while the records are away, another queue is not paused,
// and a job fails when one that it comes after did.
func TestCheckForgives(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(events []chaos.Event, f *chaos.Final) []chaos.Event{
		"another queue": func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].Pool = "batch"
			return append(e, pause("training", "")...)
		},
		"the records were away": func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].Pool = "training"
			return append(append(e, pause("training", "")...), chaos.Event{At: 18 * time.Second, What: chaos.Fault, Part: "records", For: time.Second})
		},
		"the worker was stopped": func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].Pool = "training"
			stop := chaos.Event{At: 20 * time.Second, What: chaos.Kill, Fault: "SIGSTOP", Worker: "wkr_b"}
			cont := chaos.Event{At: 21 * time.Second, What: chaos.Kill, Fault: "SIGCONT", Worker: "wkr_b"}
			return append(append(e, pause("training", "")...), stop, cont)
		},
		"a pause that began just before": func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].Pool = "training"
			p := pause("training", "")
			p[0].At = 21 * time.Second
			return append(e, p...)
		},
		"after another": func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].After = []string{"job_2"}
			f.Jobs = append(f.Jobs, &job.Job{Meta: store.Meta{ID: "job_2", Revision: 1}, State: job.Succeeded})
			return append(e, chaos.Event{At: 10 * time.Second, Since: time.Second, What: chaos.Written, Job: "job_2", Revision: 1, State: string(job.Succeeded)})
		},
		"a parent that waited for another first": func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			e[1].State, e[1].Epoch, e[2].Job = string(job.Awaiting), 0, ""
			e[3].State, e[3].Epoch, e[3].Attempt, e[3].Worker = string(job.Pending), 0, 0, ""
			e[4].Holding = nil
			e[5].State, e[5].Epoch, e[5].Attempt = string(job.Queued), 1, 0
			e[6].State, e[6].Epoch, e[6].Worker = string(job.Running), 1, "wkr_a"
			e[7].State, e[7].Epoch, e[7].Attempt, e[7].Worker = string(job.Awaiting), 1, 1, ""
			e[2].What = chaos.Note
			e[9].State, e[9].Epoch, e[9].Attempt, e[9].Committed, e[9].Worker, e[9].Result = string(job.Pending), 1, 1, false, "", ""
			e[10].State, e[10].Committed, e[10].Revision = string(job.Cancelled), false, 7
			e[10].Epoch, e[10].Attempt, e[10].Result = 1, 1, ""
			e[11].State = string(job.Cancelled)
			f.Jobs[0].State, f.Jobs[0].Kind, f.Models, f.Jobs[0].Files, f.Files = job.Cancelled, "prediction", nil, nil, []string{}
			return append(e, chaos.Event{At: 40 * time.Second, What: chaos.Written, Job: "job_2", Parent: "job_1", Revision: 1, State: string(job.Succeeded)})
		},
		"its priority": func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].Urgency = 4
			return append(e, chaos.Event{What: chaos.Ranked, Job: "job_1", Priority: 9})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, final := life()
			events = plant(events, &final)
			if found := chaos.Check(events, final); len(found) > 0 {
				t.Errorf("%v", found)
			}
		})
	}
	never := []chaos.Event{
		{At: time.Second, Since: time.Second, What: chaos.Written, Job: "job_1", Revision: 1, State: string(job.Cancelled)},
		{At: time.Second, Since: time.Second, What: chaos.Written, Job: "job_2", Revision: 1, State: string(job.Failed)},
		{At: time.Second, Since: time.Second, What: chaos.Written, Job: "job_3", Revision: 1, State: string(job.Failed)},
		{What: chaos.Expected, Job: "job_3", Reason: "memory_exceeded"},
	}
	left := chaos.Final{Jobs: []*job.Job{
		{Meta: store.Meta{ID: "job_1", Revision: 1}, IdempotencyKey: "1", State: job.Cancelled, MaxCrashes: 5},
		{Meta: store.Meta{ID: "job_2", Revision: 1}, IdempotencyKey: "2", State: job.Failed, MaxCrashes: 5, After: []string{"job_1"}, Failure: &job.Failure{Code: "dependency_failed"}},
		{Meta: store.Meta{ID: "job_3", Revision: 1}, IdempotencyKey: "3", State: job.Failed, MaxCrashes: 5, Failure: &job.Failure{Code: "memory_exceeded"}},
	}}
	if found := chaos.Check(never, left); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// TestCheckFindsWhatIsPlanted breaks every promise once.
func TestCheckFindsWhatIsPlanted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		promise string
		plant   func(events []chaos.Event, f *chaos.Final) []chaos.Event
	}{
		{"no record", chaos.NoneLost, func(e []chaos.Event, f *chaos.Final) []chaos.Event { f.Jobs = nil; f.Models = nil; return e }},
		{"two jobs of a key", chaos.OneKeyOneJob, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			return append(e, chaos.Event{What: chaos.Accepted, Job: "job_2", Key: "k", Kind: "training"})
		}},
		{"two records of a key", chaos.OneKeyOneJob, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			again := *f.Jobs[0]
			again.ID = "job_2"
			f.Jobs = append(f.Jobs, &again)
			return e
		}},
		{"not ended", chaos.NoneStuck, func(e []chaos.Event, f *chaos.Final) []chaos.Event { f.Jobs[0].State = job.Queued; return e }},
		{"failed", chaos.NoneFailed, func(e []chaos.Event, f *chaos.Final) []chaos.Event { f.Jobs[0].State = job.Failed; return e }},
		{"ended twice", chaos.NoneDoubled, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			again := e[10]
			again.Revision, again.State = 8, string(job.Running)
			then := e[10]
			then.Revision = 9
			return append(e, again, then)
		}},
		{"out of an end", chaos.LegalSteps, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			again := e[10]
			again.Revision, again.State = 8, string(job.Running)
			return append(e, again)
		}},
		{"a stale commit", chaos.Fenced, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			e[9].Epoch, e[9].Attempt, e[9].Worker = 1, 1, "wkr_a"
			return e
		}},
		{"a commit by another worker", chaos.Fenced, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			e[10].Worker = "wkr_a"
			return e
		}},
		{"two writes of a revision", chaos.Fenced, func(e []chaos.Event, _ *chaos.Final) []chaos.Event { return append(e, e[7]) }},
		{"handed over in the same epoch", chaos.EpochsGrow, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			e[6].Epoch, e[7].Epoch, e[9].Epoch, e[10].Epoch = 1, 1, 1, 1
			return e
		}},
		{"progress fell", chaos.EpochsGrow, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			e[7].Fraction, e[9].Fraction = 0.9, 0.1
			return e
		}},
		{"a commit changed", chaos.CommitsStay, func(e []chaos.Event, _ *chaos.Final) []chaos.Event { e[10].Result = "other"; return e }},
		{"committed after a cancel", chaos.CancelsHold, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			e[7].Cancel, e[9].Cancel, e[10].Cancel = true, true, true
			return e
		}},
		{"a cancel taken back", chaos.CancelsHold, func(e []chaos.Event, _ *chaos.Final) []chaos.Event { e[7].Cancel = true; return e }},
		{"succeeded after an acknowledged cancel", chaos.CancelsHold, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			return append(e, chaos.Event{What: chaos.Cancelled, Job: "job_1"})
		}},
		{"cancelled with a model", chaos.CancelsHold, func(e []chaos.Event, f *chaos.Final) []chaos.Event { f.Jobs[0].State = job.Cancelled; return e }},
		{"a client was told otherwise", chaos.ClientsRight, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			return append(e, chaos.Event{What: chaos.Ended, Job: "job_1", State: string(job.Failed)})
		}},
		{"two models", chaos.NoneDoubled, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Models["job_1"] = []string{"mdl_1", "mdl_2"}
			return e
		}},
		{"no model", chaos.NoneMissing, func(e []chaos.Event, f *chaos.Final) []chaos.Event { f.Models = nil; return e }},
		{"a model of nobody", chaos.NoneLost, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Models["job_9"] = []string{"mdl_9"}
			return e
		}},
		{"a child of nobody", chaos.NoneLost, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			return append(e, chaos.Event{What: chaos.Written, Job: "job_2", Parent: "job_9", Revision: 1, State: string(job.Succeeded)})
		}},
		{"a parent that went on before its child had ended", chaos.FanInOnce, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			e[5].State = string(job.Awaiting)
			return append(e, chaos.Event{At: time.Minute, What: chaos.Written, Job: "job_2", Parent: "job_1", Revision: 1, State: string(job.Succeeded)})
		}},
		{"a parent that went on twice", chaos.FanInOnce, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			e[5].State, e[7].State = string(job.Awaiting), string(job.Awaiting)
			return append(e, chaos.Event{What: chaos.Written, Job: "job_2", Parent: "job_1", Revision: 1, State: string(job.Succeeded)})
		}},
		{"a child too few", chaos.FanInOnce, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].Family = &job.Family{Children: 2}
			return append(e, chaos.Event{What: chaos.Written, Job: "job_2", Parent: "job_1", Revision: 1, State: string(job.Succeeded)})
		}},
		{"a row twice", chaos.RowsOnce, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			return append(e, chaos.Event{What: chaos.Rows, Job: "job_1", Text: "row 7 comes twice"})
		}},
		{"a tenant with too many", chaos.LimitsHold, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Limit = 1
			return append(e, chaos.Event{At: 5 * time.Second, What: chaos.Written, Job: "job_2", Revision: 1, State: string(job.Queued)})
		}},
		{"a tick twice", chaos.TicksOnce, func(e []chaos.Event, _ *chaos.Final) []chaos.Event { return append(e, e[len(e)-1]) }},
		{"a tick that fired two jobs", chaos.TicksOnce, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			for _, id := range []string{"job_2", "job_3"} {
				f.Jobs = append(f.Jobs, &job.Job{Meta: store.Meta{ID: id}, Kind: "cleanup", IdempotencyKey: "cleanup@1", State: job.Succeeded})
			}
			return e
		}},
		{"an orphan", chaos.NoOrphans, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Files = append(f.Files, "jobs/job_1/1/model.bin")
			return e
		}},
		{"a missing file", chaos.NoneMissing, func(e []chaos.Event, f *chaos.Final) []chaos.Event { f.Files = []string{}; return e }},
		{"a missing file of a child", chaos.NoneMissing, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Files = []string{}
			f.Jobs[0].Parent = "job_2"
			f.Jobs = append(f.Jobs, &job.Job{Meta: store.Meta{ID: "job_2"}, State: job.Awaiting})
			return e
		}},
		{"a tick that nobody inserted", chaos.TicksOnce, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs = append(f.Jobs, &job.Job{Meta: store.Meta{ID: "job_2"}, Kind: "cleanup", IdempotencyKey: "cleanup@2", State: job.Succeeded})
			return e
		}},
		{"a child that nobody waits for", chaos.FanInOnce, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].Family = &job.Family{Children: 1}
			child := chaos.Event{What: chaos.Written, Job: "job_2", Parent: "job_1", Revision: 1, State: string(job.Succeeded)}
			other := child
			other.Job = "job_3"
			return append(e, child, other)
		}},
		{"ran before another had succeeded", chaos.AfterOthers, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].After = []string{"job_2"}
			f.Jobs = append(f.Jobs, &job.Job{Meta: store.Meta{ID: "job_2", Revision: 1}, State: job.Succeeded})
			return append(e, chaos.Event{At: 50 * time.Second, Since: 4 * time.Second, What: chaos.Written, Job: "job_2", Revision: 1, State: string(job.Succeeded)})
		}},
		{"ran though another failed", chaos.AfterOthers, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].After = []string{"job_2"}
			f.Jobs = append(f.Jobs, &job.Job{Meta: store.Meta{ID: "job_2"}, State: job.Cancelled})
			return e
		}},
		{"another is not there", chaos.AfterOthers, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].After = []string{"job_2"}
			return e
		}},
		{"failed for another that succeeded", chaos.NoneFailed, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].State, f.Jobs[0].After = job.Failed, []string{"job_2"}
			f.Jobs[0].Failure = &job.Failure{Code: "dependency_failed"}
			f.Jobs = append(f.Jobs, &job.Job{Meta: store.Meta{ID: "job_2"}, State: job.Succeeded})
			return e
		}},
		{"had the memory after all", chaos.NeedsKept, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			return append(e, chaos.Event{What: chaos.Expected, Job: "job_1", Reason: "memory_exceeded"})
		}},
		{"failed with another code", chaos.NeedsKept, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].State, f.Jobs[0].Failure = job.Failed, &job.Failure{Code: "internal_error"}
			return append(e, chaos.Event{What: chaos.Expected, Job: "job_1", Reason: "memory_exceeded"})
		}},
		{"another priority than was told", chaos.RanksStay, func(e []chaos.Event, _ *chaos.Final) []chaos.Event {
			return append(e, chaos.Event{What: chaos.Ranked, Job: "job_1", Priority: 9})
		}},
		{"claimed while its queue is paused", chaos.PausesHold, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].Pool = "training"
			return append(e, pause("training", "")...)
		}},
		{"claimed while its tenant is paused", chaos.PausesHold, func(e []chaos.Event, f *chaos.Final) []chaos.Event {
			f.Jobs[0].Tenant = "acme"
			return append(e, pause("", "acme")...)
		}},
		{"a change nobody saw", chaos.WholeHistory, func(e []chaos.Event, f *chaos.Final) []chaos.Event { f.Jobs[0].Revision = 8; return e }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			events, final := life()
			events = tt.plant(events, &final)
			found := chaos.Check(events, final)
			if !slices.ContainsFunc(found, func(v chaos.Violation) bool { return v.Promise == tt.promise && v.String() != "" }) {
				t.Errorf("want a violation of %q, found %v", tt.promise, found)
			}
		})
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	events, final := life()
	m := chaos.Measure(events, final)
	if m.Jobs != 1 || m.Hits != 1 || m.Total() != 1 || m.Attempts != 2 || m.Resumed != 1 || m.Fenced != 1 || m.Crowd != 1 {
		t.Errorf("%+v", m)
	}
	if len(m.Recovery) != 1 || m.Recovery[0] != 18*time.Second {
		t.Errorf("recovered after %v", m.Recovery)
	}
	if chaos.Percentile(nil, 0.5) != 0 || chaos.Percentile([]time.Duration{3, 1, 2}, 0.5) != 2 || chaos.Percentile([]time.Duration{3, 1, 2}, 0.99) != 3 {
		t.Error("percentiles")
	}
}

// A cancel counts when its worker could see it.
func TestMeasureCancels(t *testing.T) {
	t.Parallel()
	cancel := func(more ...chaos.Event) *chaos.Figures {
		base := []chaos.Event{
			{At: time.Second, What: chaos.Written, Job: "j", Revision: 1, State: string(job.Running), Worker: "w", Attempt: 1},
			{At: 5 * time.Second, What: chaos.Written, Job: "j", Revision: 2, State: string(job.Running), Worker: "w", Attempt: 1, Cancel: true},
			{At: 5 * time.Second, What: chaos.Cancelled, Job: "j"},
			{At: 6 * time.Second, What: chaos.Written, Job: "j", Revision: 3, State: string(job.Cancelled), Worker: "w", Attempt: 1, Cancel: true},
		}
		return chaos.Measure(append(base, more...), chaos.Final{})
	}
	if m := cancel(); len(m.Cancel) != 1 || m.Cancel[0] != time.Second || m.Held != 0 {
		t.Errorf("%v, %d held", m.Cancel, m.Held)
	}
	for name, e := range map[string]chaos.Event{
		"records away": {At: 2 * time.Second, What: chaos.Fault, Fault: "refuse", Part: "records", For: 2 * time.Second},
		"stopped":      {At: 4 * time.Second, What: chaos.Kill, Fault: "SIGSTOP", Worker: "w"},
		"killed":       {At: 5500 * time.Millisecond, What: chaos.Kill, Fault: "SIGKILL", Worker: "w"},
	} {
		if m := cancel(e); len(m.Cancel) != 0 || m.Held != 1 {
			t.Errorf("%s: %v, %d held", name, m.Cancel, m.Held)
		}
	}
}

// The same seed decides on the same run.
func TestPlanIsReplayed(t *testing.T) {
	t.Parallel()
	tier := chaos.TierFor(10_000)
	a, b, c := chaos.NewPlan(10_000, 7, tier.Pace), chaos.NewPlan(10_000, 7, tier.Pace), chaos.NewPlan(10_000, 8, tier.Pace)
	if !slices.Equal(a.Steps, b.Steps) || !slices.Equal(a.Orders, b.Orders) {
		t.Error("one seed made two plans")
	}
	if slices.Equal(a.Steps, c.Steps) || slices.Equal(a.Orders, c.Orders) {
		t.Error("two seeds made one plan")
	}
	kills, seen := 0, map[chaos.Action]bool{}
	for i, s := range a.Steps {
		seen[s.Action] = true
		if s.Action.Kills() {
			kills++
		}
		if i > 0 && s.After < a.Steps[i-1].After || s.String() == "" {
			t.Errorf("step %d comes before the one before", i)
		}
	}
	if a.Target < 150 || kills < 200 {
		t.Errorf("%d kills are planned, %d of them of workers that run a job", kills, a.Target)
	}
	for _, action := range chaos.Actions() {
		if !seen[action] {
			t.Errorf("nothing is planned of %q", action)
		}
	}
	working, kinds, chained, ranked := 0, map[string]int{}, 0, 0
	for _, o := range a.Orders {
		kinds[o.Kind]++
		if o.After {
			chained++
		}
		if o.Rank >= 0 {
			ranked++
		}
		if o.Kind != "tuning" {
			working++
		}
	}
	if working < 5000 || len(kinds) != 7 {
		t.Errorf("the jobs are %v", kinds)
	}
	if chained < 500 || ranked < 1000 {
		t.Errorf("%d jobs come after others, %d get another priority", chained, ranked)
	}
}
