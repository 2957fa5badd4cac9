package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

func (w *world) after(name string, ids ...string) *job.Job {
	w.t.Helper()
	j, created, err := w.service.Submit(w.t.Context(), job.Submission{Kind: kind(name), Tenant: tenant, After: ids, Payload: 1})
	if err != nil || !created {
		w.t.Fatalf("submit: %v, created %v", err, created)
	}
	return j
}

func TestAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		step := does(func(ctx context.Context, task *job.Task) (any, error) {
			err := sleep(ctx, 3*time.Second)
			order = append(order, task.Job.ID)
			return 1, err
		})
		w := setup(t, map[string]job.Handler{"work": step})
		a, b := w.submit("work"), w.submit("work")
		c := w.after("work", a.ID, b.ID)
		d := w.after("work", c.ID)
		w.want(c, job.Awaiting)
		if c.Waiting.Code != "dependencies_running" || !strings.Contains(c.Waiting.Message, "2 jobs") {
			t.Errorf("it does not say what it waits for: %+v", c.Waiting)
		}
		started := time.Now()
		defer w.start(w.runner("wkr_a"))()
		d = w.finish(d.ID)
		w.want(d, job.Succeeded)
		if took := time.Since(started); took > 12*time.Second {
			t.Errorf("three steps of 3 s took %s", took)
		}
		if len(order) != 4 || order[2] != c.ID || order[3] != d.ID {
			t.Errorf("order %v", order)
		}
		late := w.after("work", a.ID, d.ID) // all have ended
		if late.State == job.Awaiting {
			t.Error("it waits for jobs that have succeeded")
		}
		w.want(w.finish(late.ID), job.Succeeded)
	})
}

// What comes after a job that fails fails, and so does what comes after that;
// once the first is well they can be retried.
func TestAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := true
		w := setup(t, map[string]job.Handler{
			"work": does(func(context.Context, *job.Task) (any, error) {
				if broken {
					return nil, job.Permanent(errors.New("no"))
				}
				return 1, nil
			}),
			"slow": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Hour) }),
		})
		slow := w.submit("slow")
		a := w.submit("work")
		b := w.after("work", slow.ID, a.ID)
		chain := []string{b.ID}
		for range 50 {
			chain = append(chain, w.after("work", chain[len(chain)-1]).ID)
		}
		defer w.start(w.runner("wkr_a"))()
		b = w.finish(b.ID)
		w.want(b, job.Failed)
		if b.Failure.Code != "dependency_failed" || !strings.Contains(b.Failure.Message, a.ID) || b.Attempt != 0 {
			t.Error(dump(b))
		}
		for _, id := range chain {
			w.want(w.finish(id), job.Failed)
		}
		if _, err := w.service.Retry(t.Context(), tenant, b.ID); err != nil {
			t.Fatal(err)
		}
		w.want(w.get(b.ID), job.Failed) // a has failed still
		broken = false
		for _, id := range []string{a.ID, b.ID} {
			if _, err := w.service.Retry(t.Context(), tenant, id); err != nil {
				t.Fatal(err)
			}
		}
		w.want(w.get(b.ID), job.Awaiting)
		w.want(w.finish(a.ID), job.Succeeded)
		if _, err := w.service.Cancel(t.Context(), tenant, slow.ID); err != nil {
			t.Fatal(err)
		}
		b = w.finish(b.ID)
		if b.Failure == nil || !strings.Contains(b.Failure.Message, "was cancelled") {
			t.Error(dump(b))
		}
		// Removing a job removes what says that it comes after others.
		if err := w.service.Remove(t.Context(), a.ID); err != nil {
			t.Error(err)
		}
		if err := w.service.Remove(t.Context(), b.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestAfterIsChecked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		a := w.submit("work")
		other, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: "other"})
		if err != nil {
			t.Fatal(err)
		}
		many := make([]string, job.MaxAfter+1)
		for i := range many {
			many[i] = fmt.Sprintf("job_%032x", i)
		}
		for _, tt := range []struct {
			after []string
			code  string
			field string
		}{
			{[]string{a.ID, many[0]}, "job_not_found", "body.after[1]"},
			{[]string{other.ID}, "job_not_found", "body.after[0]"},
			{[]string{"nonsense"}, "job_not_found", "body.after[0]"},
			{[]string{a.ID, a.ID}, "duplicate_dependency", "body.after[1]"},
			{many, "too_many_dependencies", "body.after"},
		} {
			_, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant, After: tt.after})
			e, _ := fault.As(err)
			if code(err) != tt.code || len(e.Fields) != 1 || e.Fields[0].Location != tt.field {
				t.Errorf("%v: %v", tt.after, err)
			}
		}
		sub := job.Submission{Kind: kind("work"), Tenant: tenant, After: []string{a.ID}, IdempotencyKey: "k", Payload: 1}
		first, _, err := w.service.Submit(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		again, created, err := w.service.Submit(t.Context(), sub)
		if err != nil || created || again.ID != first.ID {
			t.Errorf("the key made a second job: %v", err)
		}
		sub.After = nil
		if _, _, err := w.service.Submit(t.Context(), sub); code(err) != "idempotency_key_reused" {
			t.Errorf("the same key without what it comes after: %v", err)
		}
	})
}

// Without the hint of an edge, as when a process dies before it is stored, the
// keeper finds out.
func TestAfterWithoutEdges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Minute) })})
		b := &broken{Driver: w.driver}
		service := job.NewService(job.ServiceConfig{Driver: b, Queue: w.queue, Files: w.files, Observer: w.diary})
		a := w.submit("work")
		b.set(func(operation, collection string) error {
			if collection == "job_edges" {
				return errDown
			}
			return nil
		})
		j, created, err := service.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant, After: []string{a.ID}})
		if err != nil || !created || !w.diary.has("trouble link_job") {
			t.Fatalf("%v, created %v; %s", err, created, w.diary.text())
		}
		defer w.start(w.runner("wkr_a"))()
		a = w.finish(a.ID)
		j = w.finish(j.ID)
		w.want(j, job.Succeeded)
		if wait := j.StartedAt.Sub(a.FinishedAt); wait > 15*time.Second {
			t.Errorf("it began %s later", wait)
		}
	})
}

// Jobs that wait for other jobs wait, too: a tenant can have no more of them
// than it may have in the line.
func TestTooManyWaitForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.service = job.NewService(job.ServiceConfig{Driver: w.driver, Queue: w.queue, Files: w.files, Blind: many, Tenants: job.TenantDefaults{MaxWaiting: 10}})
		first := w.submit("work").ID
		submit := func(key string, after ...string) error {
			_, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant, IdempotencyKey: key, After: after, Payload: 1})
			return err
		}
		for i := range 10 {
			if err := submit(fmt.Sprint(i), first); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := submit("new", first); code(err) != "too_many_waiting_jobs" {
				t.Errorf("the eleventh: %v", err)
			}
			time.Sleep(time.Second)
		}
		if err := submit("3", first); err != nil {
			t.Errorf("sent again: %v", err)
		}
		if err := submit("free"); err != nil {
			t.Errorf("one that need not wait: %v", err)
		}
	})
}

// A job that has succeeded is not removed while one that comes after it waits for
// another: it would be taken for one that failed.
func TestRemoveWhatOthersWaitFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{
			"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil }),
			"slow": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Hour) }),
		})
		defer w.start(w.runner("wkr_a"))()
		early, slow := w.submit("work"), w.submit("slow")
		w.want(w.finish(early.ID), job.Succeeded)
		j := w.after("work", early.ID, slow.ID)
		if err := w.service.Remove(t.Context(), early.ID); code(err) != "job_not_finished" {
			t.Errorf("removed: %v", err)
		}
		w.want(w.finish(j.ID), job.Succeeded)
		if err := w.service.Remove(t.Context(), early.ID); err != nil {
			t.Error(err)
		}
	})
}
