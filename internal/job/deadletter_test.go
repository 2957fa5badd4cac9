package job_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// graveyard is a world of jobs that fail in every way, by kind.
func graveyard(t *testing.T) *world {
	t.Helper()
	fails := func(err error) job.Handler {
		return does(func(context.Context, *job.Task) (any, error) { return nil, err })
	}
	return setup(t, map[string]job.Handler{
		"flaky":   fails(errors.New("secret")),
		"wrong":   fails(job.Permanent(errors.New("secret"))),
		"mistake": fails(fault.Invalid("bad_target", "the target is constant")),
		"away":    fails(errAway),
	})
}

func (w *world) dead(f job.DeadFilter) []string {
	w.t.Helper()
	var all []string
	cursor := ""
	for {
		page, err := w.service.DeadLetters(w.t.Context(), f, cursor, 2)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range page.Items {
			all = append(all, d.Kind+" "+d.Cause+" "+d.Code)
		}
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

func (w *world) submitFor(who, name, pool string) *job.Job {
	w.t.Helper()
	j, _, err := w.service.Submit(w.t.Context(), job.Submission{Kind: job.Kind{Name: name, Pool: pool}, Tenant: who, User: "ann", Payload: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := graveyard(t)
		defer w.start(w.runner("wkr_a", func(c *job.RunnerConfig) { c.OutagePatience = time.Minute }))()
		for _, sub := range []struct{ who, name, pool string }{
			{tenant, "flaky", "batch"},
			{"other", "flaky", "batch"},
			{tenant, "wrong", "batch"},
			{tenant, "mistake", "batch"},
			{"other", "away", "special"},
		} {
			j := w.submitFor(sub.who, sub.name, sub.pool)
			for got := j; !got.State.Terminal(); {
				time.Sleep(time.Second)
				var err error
				if got, err = w.service.Get(t.Context(), sub.who, j.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		const flaky, wrong, away = "flaky failures_exhausted internal", "wrong defect internal", "away outage_exhausted storage_away"
		for _, test := range []struct {
			filter job.DeadFilter
			want   []string
		}{
			{job.DeadFilter{}, []string{away, wrong, flaky, flaky}},
			{job.DeadFilter{Kind: "flaky"}, []string{flaky, flaky}},
			{job.DeadFilter{Pool: "special"}, []string{away}},
			{job.DeadFilter{Tenant: "other"}, []string{away, flaky}},
			{job.DeadFilter{Code: "internal"}, []string{wrong, flaky, flaky}},
			{job.DeadFilter{Code: "internal", Kind: "flaky", Tenant: "other", Pool: "batch"}, []string{flaky}},
			{job.DeadFilter{Kind: "mistake"}, nil},
		} {
			if got := w.dead(test.filter); !slices.Equal(got, test.want) {
				t.Errorf("%+v: %q, not %q", test.filter, got, test.want)
			}
		}
		// Who runs it again, or removes it, takes it off the list.
		page, err := w.service.DeadLetters(t.Context(), job.DeadFilter{Kind: "wrong"}, "", 0)
		if err != nil || len(page.Items) != 1 {
			t.Fatal(page, err)
		}
		if j, err := w.service.DeadJob(t.Context(), page.Items[0].Job); err != nil || j.Kind != "wrong" || j.Dead != job.DeadDefect {
			t.Errorf("%v, %v", j, err)
		}
		if _, err := w.service.Retry(t.Context(), tenant, page.Items[0].Job); err != nil {
			t.Fatal(err)
		}
		if got := w.dead(job.DeadFilter{Kind: "wrong"}); len(got) != 0 || w.rows("dead_letters") != 3 {
			t.Errorf("retried: %q, %d rows", got, w.rows("dead_letters"))
		}
		w.finish(page.Items[0].Job)
		if got := w.dead(job.DeadFilter{Kind: "wrong"}); !slices.Equal(got, []string{wrong}) {
			t.Errorf("failed again: %q", got)
		}
		if err := w.service.Remove(t.Context(), page.Items[0].Job); err != nil || w.rows("dead_letters") != 3 {
			t.Errorf("removed: %v, %d rows", err, w.rows("dead_letters"))
		}
	})
}

// A job that kills its workers is parked with the reason.
func TestPoisonIsADeadLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return nil, sleep(ctx, 5*time.Minute) })})
		id := w.submit("work").ID
		stop := w.start()
		defer stop()
		for i := range 3 {
			r, kill, dead := w.mortal(fmt.Sprint("wkr_", i))
			ctx, cancel := context.WithCancel(context.Background())
			go w.pump(ctx, r, dead)
			w.until(id, func(j *job.Job) bool { return j.State == job.Running && j.Attempt == i+1 })
			kill()
			cancel()
		}
		j := w.finish(id)
		w.want(j, job.Failed)
		if j.Crashes != 3 || j.Failures != 0 || j.Failure.Code != "worker_died" {
			t.Errorf("record: %s", dump(j))
		}
		if got := w.dead(job.DeadFilter{}); !slices.Equal(got, []string{"work crashes_exhausted worker_died"}) {
			t.Errorf("%q", got)
		}
		time.Sleep(10 * time.Minute) // until the dead have noticed
	})
}

// The row is written before the record. One whose record was not written is not
// shown, and goes after a while.
func TestDeadLetterWithoutDeath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := graveyard(t)
		b := &broken{Driver: w.driver}
		b.set(func(op, collection string) error {
			if op == "replace" && collection == "jobs" && w.rows("dead_letters") > 0 {
				return errAway
			}
			return nil
		})
		j := w.submit("wrong")
		r := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b })
		if err := r.Handle(t.Context(), j.Delivery()); err == nil {
			t.Error("the outcome was recorded")
		}
		if got := w.dead(job.DeadFilter{}); len(got) != 0 || w.rows("dead_letters") != 1 {
			t.Errorf("%q, %d rows", got, w.rows("dead_letters"))
		}
		time.Sleep(20 * time.Minute)
		if got := w.dead(job.DeadFilter{}); len(got) != 0 || w.rows("dead_letters") != 0 {
			t.Errorf("later: %q, %d rows", got, w.rows("dead_letters"))
		}
	})
}

func TestRequeue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := true
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) {
			if broken {
				return nil, job.Permanent(errors.New("secret"))
			}
			return 1, nil
		})})
		defer w.start(w.runner("wkr_a"))()
		var ids []string
		for range 5 {
			ids = append(ids, w.submit("work").ID)
		}
		for _, id := range ids {
			w.want(w.finish(id), job.Failed)
		}
		broken = false
		ask := func(r job.Requeue) *job.Requeued {
			t.Helper()
			done, err := w.service.Requeue(job.As(t.Context(), "ops"), r)
			if err != nil {
				t.Fatal(err)
			}
			return done
		}
		if dry := ask(job.Requeue{All: true, DryRun: true, Limit: 3}); len(dry.Jobs) != 3 || !dry.More || len(w.dead(job.DeadFilter{})) != 5 {
			t.Errorf("a dry run: %+v", dry)
		}
		absent := store.NewID("job")
		first := ask(job.Requeue{Jobs: []string{ids[0], ids[0], absent, "job_1"}})
		if !slices.Equal(first.Jobs, ids[:1]) || len(first.Skipped) != 2 || first.Skipped[0].Job != absent || first.Skipped[0].Code != "dead_letter_not_found" || first.More {
			t.Errorf("by identifier: %+v", first)
		}
		if again := ask(job.Requeue{Jobs: ids[:1]}); len(again.Jobs) != 0 || len(again.Skipped) != 1 {
			t.Errorf("again: %+v", again)
		}
		at := time.Now()
		slow := ask(job.Requeue{Filter: job.DeadFilter{Kind: "work"}, Limit: 2, Rate: 0.1})
		if len(slow.Jobs) != 2 || !slow.More || len(w.dead(job.DeadFilter{})) != 2 {
			t.Errorf("by filter: %+v", slow)
		}
		for i, id := range slow.Jobs {
			j := w.finish(id)
			w.want(j, job.Succeeded)
			if j.Failures != 0 || j.Dead != "" || j.FinishedAt.Sub(at) < time.Duration(i)*10*time.Second || j.FinishedAt.Sub(at) > time.Duration(i)*10*time.Second+2*time.Second {
				t.Errorf("%d ended after %s: %s", i, j.FinishedAt.Sub(at), dump(j))
			}
			if h := j.History[len(j.History)-4]; h.Reason != "requeued_by_operator" || h.By != "ops" {
				t.Errorf("history: %+v", h)
			}
		}
		if rest := ask(job.Requeue{All: true}); len(rest.Jobs) != 2 || rest.More {
			t.Errorf("the rest: %+v", rest)
		}
		for _, id := range ids {
			w.want(w.finish(id), job.Succeeded)
		}
		if n := w.rows("dead_letters"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

func TestRequeueRefuses(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	one := job.DeadFilter{Kind: "work"}
	for want, r := range map[string]job.Requeue{
		"requeue_nothing_named": {},
		"requeue_ambiguous":     {Jobs: []string{"job_1"}, Filter: one},
		"too_many_ids":          {Jobs: make([]string, 1001)},
		"rate_out_of_range":     {All: true, Rate: 1001},
		"limit_out_of_range":    {All: true, Limit: 1001},
		"invalid_filter":        {Filter: job.DeadFilter{Tenant: strings.Repeat("x", 201)}},
	} {
		if _, err := w.service.Requeue(t.Context(), r); code(err) != want {
			t.Errorf("%+v: %v, not %s", r, err, want)
		}
	}
	for _, r := range []job.Requeue{{Filter: one, All: true}, {Jobs: []string{"job_1"}, All: true}} {
		if _, err := w.service.Requeue(t.Context(), r); code(err) != "requeue_ambiguous" {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := w.service.DeadLetters(t.Context(), job.DeadFilter{}, "", 501); code(err) != "limit_out_of_range" {
		t.Errorf("a long page: %v", err)
	}
	if _, err := w.service.DeadLetters(t.Context(), job.DeadFilter{}, "x", 1); code(err) != "invalid_cursor" {
		t.Errorf("a strange cursor: %v", err)
	}
	alive := w.submit("work")
	if _, err := w.service.DeadJob(t.Context(), alive.ID); code(err) != "dead_letter_not_found" {
		t.Errorf("a job that lives: %v", err)
	}
}

func TestDeadLettersWithoutStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := graveyard(t)
		j := w.submit("wrong")
		if err := w.runner("wkr_a").Handle(t.Context(), j.Delivery()); err != nil {
			t.Fatal(err)
		}
		b := &broken{Driver: w.driver}
		s := job.NewService(job.ServiceConfig{Driver: b, Queue: w.queue, Files: w.files, Observer: w.diary})
		for _, op := range []string{"find at", "peek", "get", "replace"} {
			b.set(failing(op))
			if _, err := s.Requeue(t.Context(), job.Requeue{All: true}); code(err) != "store_unavailable" {
				t.Errorf("%s: %v", op, err)
			}
		}
		b.set(failing("delete")) // what cannot be deleted is not shown all the same
		if done, err := s.Requeue(t.Context(), job.Requeue{All: true}); err != nil || len(done.Jobs) != 1 {
			t.Errorf("%+v, %v", done, err)
		}
		if !w.diary.has("trouble remove_dead_letter") || w.rows("dead_letters") != 1 || len(w.dead(job.DeadFilter{})) != 0 {
			t.Errorf("%d rows; %s", w.rows("dead_letters"), w.diary.text())
		}
		time.Sleep(time.Hour)
		if _, err := s.DeadLetters(t.Context(), job.DeadFilter{}, "", 0); code(err) != "store_unavailable" {
			t.Errorf("an old row that cannot be deleted: %v", err)
		}
		b.set(func(op, collection string) error {
			if collection == "dead_letters" && op == "insert" {
				return errAway
			}
			return nil
		})
		k := w.runner("wkr_b", func(c *job.RunnerConfig) { c.Driver = b })
		if _, err := w.keeper.Relay(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := k.Handle(t.Context(), w.get(j.ID).Delivery()); err == nil { // no death without its letter
			t.Error("the outcome was recorded")
		}
		w.want(w.get(j.ID), job.Running)
	})
}

// Of a job that was divided the parent is the dead letter, and runs its parts
// again; a part is looked at and followed like any job.
func TestADividedJobIsOneDeadLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs, healed := &atomic.Int64{}, &atomic.Bool{}
		w := setup(t, map[string]job.Handler{"work": divided{n: 5}, "part": sometimes(map[int]bool{2: true}, healed, runs)})
		defer w.start(w.runner("wkr_a"))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Failed)
		time.Sleep(5 * time.Second)
		children := w.children(j.ID)
		g, err := w.service.Peek(t.Context(), tenant, children[0].ID)
		if err != nil || g != (job.Glance{Revision: children[0].Revision, State: children[0].State}) {
			t.Errorf("a part: %+v, %v", g, err)
		}
		if _, err := w.service.Peek(t.Context(), "other", children[0].ID); code(err) != "job_not_found" {
			t.Errorf("another tenant's part: %v", err)
		}
		if got := w.dead(job.DeadFilter{}); !slices.Equal(got, []string{"work defect internal"}) {
			t.Errorf("%q", got)
		}
		healed.Store(true)
		done, err := w.service.Requeue(t.Context(), job.Requeue{All: true})
		if err != nil || !slices.Equal(done.Jobs, []string{j.ID}) {
			t.Fatalf("%+v, %v", done, err)
		}
		w.want(w.finish(j.ID), job.Succeeded)
	})
}

// A job that fails since one that it comes after has is none.
func TestAFollowerIsNoDeadLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := graveyard(t)
		defer w.start(w.runner("wkr_a"))()
		first := w.finish(w.submit("wrong").ID)
		second, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("wrong"), Tenant: tenant, User: "ann", After: []string{first.ID}, Payload: 1})
		if err != nil {
			t.Fatal(err)
		}
		w.want(w.finish(second.ID), job.Failed) // its dependency has failed: no dead letter
		if got := w.dead(job.DeadFilter{}); !slices.Equal(got, []string{"wrong defect internal"}) {
			t.Errorf("%q", got)
		}
	})
}
