package job_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

func TestCancelReachesChildren(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Int64
		w := setup(t, map[string]job.Handler{"work": divided{n: 6}, "part": does(func(ctx context.Context, _ *job.Task) (any, error) {
			err := sleep(ctx, time.Hour)
			if errors.Is(context.Cause(ctx), job.ErrCancelled) {
				stopped.Add(1)
			}
			return nil, err
		})})
		w.queue.hint = nil
		defer w.start(w.runner("wkr_a", func(c *job.RunnerConfig) { c.Slots = map[string]int{"batch": 2} }))()
		j := w.submit("work")
		w.until(j.ID, func(j *job.Job) bool { return j.State == job.Awaiting && j.Family.States[job.Running] == 2 })
		got, err := w.service.Cancel(t.Context(), tenant, j.ID)
		if err != nil || got.State != job.Cancelled {
			t.Fatalf("%v, %s", err, dump(got))
		}
		time.Sleep(2 * time.Second)
		if stopped.Load() != 2 || states(w.children(j.ID)) != "cccccc" {
			t.Errorf("%d stopped, children %s", stopped.Load(), states(w.children(j.ID)))
		}
		if _, err := w.service.Cancel(t.Context(), tenant, j.ID); err != nil {
			t.Errorf("cancel again: %v", err)
		}
	})
}

// A child that somebody cancels counts as one that failed.
func TestACancelledChild(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": divided{n: 2}, "part": does(part)})
		stop := w.start(w.runner("wkr_a"))
		defer stop()
		j := w.submit("work")
		w.until(j.ID, func(j *job.Job) bool { return j.State == job.Awaiting })
		if _, err := w.service.Cancel(t.Context(), tenant, w.children(j.ID)[1].ID); err != nil {
			t.Fatal(err)
		}
		j = w.finish(j.ID)
		w.want(j, job.Failed)
		if j.Failure.Code != "child_cancelled" {
			t.Error(dump(j))
		}
	})
}

// Children that have children: the end of the grandchildren goes all the way
// up, and a cancellation all the way down.
func TestGrandchildren(t *testing.T) {
	t.Parallel()
	handlers := func() map[string]job.Handler {
		return map[string]job.Handler{
			"work": does(func(ctx context.Context, task *job.Task) (any, error) {
				if task.Job.Family != nil {
					results, err := task.Children(ctx)
					return len(results), err
				}
				return nil, job.FanOut(job.Fan{Children: []job.ChildSpec{{Name: "a", Kind: kind("middle")}, {Name: "b", Kind: kind("middle")}}})
			}),
			"middle": divided{n: 3}, "part": does(part),
		}
	}
	t.Run("succeed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := setup(t, handlers())
			defer w.start(w.runner("wkr_a"))()
			j := w.finish(w.submit("work").ID)
			w.want(j, job.Succeeded)
			if string(j.Result) != "2" {
				t.Error(dump(j))
			}
		})
	})
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := setup(t, handlers())
			defer w.start(w.runner("wkr_a"))()
			j := w.submit("work")
			w.until(j.ID, func(j *job.Job) bool { return j.State == job.Awaiting })
			for _, c := range w.children(j.ID) {
				w.until(c.ID, func(j *job.Job) bool { return j.Family != nil })
			}
			if _, err := w.service.Cancel(t.Context(), tenant, j.ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second)
			for _, c := range w.children(j.ID) {
				w.want(c, job.Cancelled)
				if got := states(w.children(c.ID)); got != "ccc" {
					t.Errorf("grandchildren %s", got)
				}
			}
		})
	})
}

// A family that is lost half way does not stay: children of a parent that is
// gone end, and so do those of one that ended before it waited for them.
func TestOrphans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": divided{n: 4}, "part": does(part)})
		b := &broken{Driver: w.driver}
		dying := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b })
		j := w.submit("work")
		// The worker stores its children and can then write nothing more.
		var dead atomic.Bool
		b.set(func(operation, collection string) error {
			switch {
			case operation == "insert" && collection == "jobs":
				dead.Store(true)
			case operation == "replace" && dead.Load():
				return errDown
			}
			return nil
		})
		go func() { _ = dying.Handle(t.Context(), j.Delivery()) }()
		time.Sleep(time.Minute)
		if _, err := w.service.Cancel(t.Context(), tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		defer w.start()()
		time.Sleep(10 * time.Minute)
		w.want(w.get(j.ID), job.Cancelled)
		ids := w.driver.ids()
		if len(ids) != 5 {
			t.Fatalf("%d jobs", len(ids))
		}
		for _, id := range ids {
			w.want(w.get(id), job.Cancelled)
		}
	})
}

// A parent whose deadline passes while it waits fails, and its children end.
func TestAParentOverTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": divided{n: 3}, "part": does(func(ctx context.Context, _ *job.Task) (any, error) {
			return nil, sleep(ctx, time.Hour)
		})})
		defer w.start(w.runner("wkr_a"))()
		at := time.Now().Add(10 * time.Second)
		j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant, Limits: job.Limits{Deadline: &at, Memory: "1GiB"}})
		if err != nil {
			t.Fatal(err)
		}
		j = w.finish(j.ID)
		w.want(j, job.Failed)
		time.Sleep(2 * time.Second)
		children := w.children(j.ID)
		if j.Failure.Code != "deadline_exceeded" || states(children) != "ccc" || w.diary.count("failed work") != 1 {
			t.Errorf("children %s: %s; %s", states(children), dump(j), w.diary.text())
		}
		if children[0].Memory != 1<<30 || !children[0].MemoryAsked {
			t.Errorf("the child is given %d bytes", children[0].Memory)
		}
	})
}
