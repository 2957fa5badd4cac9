package job_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

func TestStats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{
			"train":  does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Hour) }),
			"snooze": does(func(context.Context, *job.Task) (any, error) { return nil, job.Snooze(time.Hour, "not_yet", "not yet") }),
		})
		submit := func(name, pool string) *job.Job {
			j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: job.Kind{Name: name, Pool: pool}, Tenant: tenant})
			if err != nil {
				t.Fatal(err)
			}
			return j
		}
		if s, err := w.keeper.Stats(t.Context()); err != nil || len(s.Running)+len(s.Waiting) != 0 {
			t.Errorf("of nothing: %+v, %v", s, err)
		}
		r := w.runner("wkr_a")
		for range 3 {
			j := submit("train", "training")
			go func() { _ = r.Handle(context.Background(), j.Delivery()) }()
		}
		if err := r.Handle(t.Context(), submit("snooze", "batch").Delivery()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		first := submit("tune", "batch")
		time.Sleep(time.Second)
		submit("predict", "batch")
		w.queue.setDown(true)
		submit("predict", "batch")
		if _, _, err := w.service.Submit(t.Context(), job.Submission{Kind: job.Kind{Name: "tune", Pool: "batch"}, Tenant: tenant, After: []string{first.ID}}); err != nil {
			t.Fatal(err)
		}
		s, err := w.keeper.Stats(t.Context())
		want := fmt.Sprint(job.Stats{
			Running: map[string]int64{"train": 3, "snooze": 0, "tune": 0, "predict": 0},
			Waiting: map[string]job.Waiting{"training": {}, "batch": {Awaiting: 1, Pending: 2, Queued: 2, Oldest: first.QueuedAt}},
		})
		if got := fmt.Sprint(s); err != nil || got != want {
			t.Errorf("%v\n%s\n%s", err, got, want)
		}
		b := &broken{Driver: w.driver}
		k := job.NewKeeper(job.KeeperConfig{Driver: b, Queue: w.queue})
		for _, op := range []string{"find lines", "count"} {
			b.set(failing(op))
			if _, err := k.Stats(t.Context()); !errors.Is(err, errDown) {
				t.Errorf("%s: %v", op, err)
			}
		}
		counted := false
		b.set(func(op, _ string) error {
			counted = counted || op == "count"
			if counted && op == "find lines" {
				return errDown
			}
			return nil
		})
		if _, err := k.Stats(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("oldest: %v", err)
		}
		r.Drain()
		if err := r.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Hour) })})
		b := &broken{Driver: w.driver}
		slots := func(c *job.RunnerConfig) { c.Slots = map[string]int{"batch": 2} }
		a, z := w.runner("wkr_a", slots), w.runner("wkr_z", slots, func(c *job.RunnerConfig) { c.Driver = b })
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan struct{}, 2)
		for _, r := range []*job.Runner{a, z} {
			go func() { r.Register(ctx, "host", 7); over <- struct{}{} }()
		}
		j := w.submit("work")
		go func() { _ = a.Handle(context.Background(), j.Delivery()) }()
		time.Sleep(6 * time.Second)
		check := func(state, want string) {
			t.Helper()
			found, err := w.keeper.Workers(t.Context(), state, 0)
			text := ""
			for _, f := range found {
				text += fmt.Sprintf("%s %s %d %v %d %s; ", f.ID, f.Host, f.PID, f.Pools, f.Running, f.State)
			}
			if err != nil || text != want {
				t.Errorf("%s: %s, not %s; %v", state, text, want, err)
			}
		}
		sweep := func(want int) {
			t.Helper()
			if lost, err := w.keeper.SweepWorkers(t.Context()); len(lost) != want || err != nil {
				t.Errorf("lost %v, %v", lost, err)
			}
		}
		check(job.WorkerAlive, "wkr_a host 7 map[batch:2] 1 alive; wkr_z host 7 map[batch:2] 0 alive; ")
		sweep(0)
		b.set(func(string, string) error { return errDown })
		time.Sleep(20 * time.Second)
		sweep(1)
		check(job.WorkerLost, "wkr_z host 7 map[batch:2] 0 lost; ")
		b.set(nil)
		time.Sleep(5 * time.Second) // it was only cut off
		check(job.WorkerLost, "")
		a.Drain()
		synctest.Wait()
		check(job.WorkerDraining, "wkr_a host 7 map[batch:2] 1 draining; ")
		b.set(func(string, string) error { return errDown })
		stop()
		<-over
		<-over
		check(job.WorkerStopped, "wkr_a host 7 map[batch:2] 1 stopped; ")
		time.Sleep(25 * time.Hour)
		sweep(1)
		sweep(0)
		check(job.WorkerStopped, "")
		check(job.WorkerLost, "") // lost a day ago as well
		if !w.diary.has("trouble worker_heartbeat") {
			t.Error(w.diary.text())
		}
	})
}

func TestSweepWithoutStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		register := func(name string) {
			ctx, stop := context.WithCancel(t.Context())
			over := make(chan struct{})
			go func() { w.runner(name).Register(ctx, "host", 1); close(over) }()
			synctest.Wait()
			stop()
			<-over
		}
		for i := range 120 {
			register(fmt.Sprint("wkr_", i))
		}
		b := &broken{Driver: w.driver}
		k := job.NewKeeper(job.KeeperConfig{Driver: b, Queue: w.queue})
		time.Sleep(25 * time.Hour)
		finds := 0
		for name, fail := range map[string]func(string, string) error{
			"find": failing("find state"), "delete": failing("delete"),
			"second find": func(op, _ string) error {
				if finds++; finds > 2 {
					return errDown
				}
				return nil
			},
		} {
			b.set(fail)
			if _, err := k.SweepWorkers(t.Context()); !errors.Is(err, errDown) {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.set(nil)
		if _, err := k.SweepWorkers(t.Context()); err != nil {
			t.Error(err)
		}
		if left, err := k.Workers(t.Context(), job.WorkerStopped, 0); len(left) != 0 || err != nil {
			t.Errorf("%d stayed, %v", len(left), err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go w.runner("wkr_q").Register(ctx, "host", 1)
		synctest.Wait()
		defer stop()
		late := job.NewKeeper(job.KeeperConfig{Driver: b, Queue: w.queue, Now: func() time.Time { return time.Now().Add(time.Minute) }})
		b.set(failing("replace"))
		if _, err := late.SweepWorkers(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("replace: %v", err)
		}
		b.set(func(op, _ string) error {
			if op == "replace" {
				return w.driver.Delete(t.Context(), "workers", "wkr_q", 0)
			}
			return nil
		})
		if lost, err := late.SweepWorkers(t.Context()); len(lost) != 0 || err != nil {
			t.Errorf("a worker that went meanwhile: %v, %v", lost, err)
		}
		_ = store.ErrStale
	})
}
