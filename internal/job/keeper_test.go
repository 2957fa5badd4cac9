package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// mortal is a worker that can be killed: from then on nothing it does has an
// effect.
func (w *world) mortal(name string) (r *job.Runner, kill func(), dead func() bool) {
	b := &broken{Driver: w.driver}
	f := &doomed{CheckpointFiles: w.files}
	kill = func() {
		b.set(func(string, string) error { return errDown })
		f.dead.Store(true)
	}
	return w.runner(name, func(c *job.RunnerConfig) { c.Driver = b; c.Files = f }), kill, f.dead.Load
}

// A short DeadAfter is kept too: the keeper looks often enough to see a heartbeat
// stand still.
func TestReviveSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			if task.Job.Attempt > 1 {
				return 1, nil
			}
			return 1, sleep(ctx, time.Hour)
		})})
		a, kill, dead := w.mortal("wkr_a")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.pump(ctx, a, dead)
		go job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w.queue, DeadAfter: 1500 * time.Millisecond}).Run(ctx)
		id := w.submit("work").ID
		w.until(id, func(j *job.Job) bool { return j.State == job.Running })
		killed := time.Now()
		kill()
		go w.pump(ctx, w.runner("wkr_b"), immortal)
		j := w.finish(id)
		w.want(j, job.Succeeded)
		if took := j.FinishedAt.Sub(killed); took > 4*time.Second {
			t.Errorf("revived after %s", took)
		}
		cancel()
		time.Sleep(3 * time.Hour) // the dead one's goroutines end
	})
}

func TestRevive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			if _, ok, err := task.Saved.Load(ctx, "half"); ok || err != nil {
				return "resumed", err
			}
			task.Report.Progress("first half", 0.5, 0, 0)
			if err := task.Saved.Save(ctx, "half", nil); err != nil {
				return nil, err
			}
			return "at once", sleep(ctx, time.Hour)
		})})
		a, kill, dead := w.mortal("wkr_a")
		stop := w.start()
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		go w.pump(ctx, a, dead)
		id := w.submit("work").ID
		w.until(id, func(j *job.Job) bool { return j.Progress.Fraction == 0.5 })
		time.Sleep(time.Minute)
		killed := time.Now()
		kill()
		go w.pump(ctx, w.runner("wkr_b"), immortal)
		defer cancel()
		j := w.finish(id)
		w.want(j, job.Succeeded)
		if took := j.FinishedAt.Sub(killed); took > 17*time.Second || took < 9*time.Second {
			t.Errorf("revived after %s", took)
		}
		if string(j.Result) != `"resumed"` || j.Crashes != 1 || j.Failures != 0 || j.Attempt != 2 || j.Epoch != 2 || j.Worker != "wkr_b" {
			t.Error(dump(j))
		}
		if !strings.Contains(dump(j), "worker_died: wkr_a") || w.diary.count("revived work worker_died") != 1 {
			t.Error(dump(j), w.diary.text())
		}
		cancel()
		time.Sleep(3 * time.Hour) // the dead one's goroutines end
	})
}

func TestCrashesEnd(t *testing.T) {
	t.Parallel()
	for name, cancelled := range map[string]bool{"given up": false, "cancelled": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Hour) })})
				defer w.start()()
				id := w.submit("work").ID
				for i := 1; i <= 3; i++ {
					r, kill, dead := w.mortal(fmt.Sprint("wkr_", i))
					ctx, stop := context.WithCancel(t.Context())
					go w.pump(ctx, r, dead)
					w.until(id, func(j *job.Job) bool { return j.State == job.Running && j.Attempt == i })
					kill()
					stop()
					if cancelled {
						if _, err := w.service.Cancel(t.Context(), tenant, id); err != nil {
							t.Fatal(err)
						}
						break
					}
				}
				j := w.finish(id)
				if cancelled {
					w.want(j, job.Cancelled)
				} else {
					w.want(j, job.Failed)
					if j.Failure.Code != "worker_died" || !strings.Contains(j.Failure.Message, "3 times") || j.Crashes != 3 || j.Failures != 0 {
						t.Error(dump(j))
					}
				}
				time.Sleep(3 * time.Hour)
			})
		})
	}
}

// A job that crashed before does not wait twice: the time until a death was
// noticed is part of its wait.
func TestLaterCrashesWaitOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Hour) })})
		defer w.start()()
		k := kind("work")
		k.MaxCrashes = 10
		j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: k, Tenant: tenant})
		if err != nil {
			t.Fatal(err)
		}
		var killed time.Time
		for i := 1; i <= 5; i++ {
			r, kill, dead := w.mortal(fmt.Sprint("wkr_", i))
			ctx, stop := context.WithCancel(t.Context())
			go w.pump(ctx, r, dead)
			w.until(j.ID, func(j *job.Job) bool { return j.State == job.Running && j.Attempt == i })
			if took := time.Since(killed); i > 1 && took > 18*time.Second {
				t.Errorf("attempt %d begins %s after the last worker was killed", i, took)
			}
			kill()
			stop()
			killed = time.Now()
		}
		if _, err := w.service.Cancel(t.Context(), tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		w.want(w.finish(j.ID), job.Cancelled)
		time.Sleep(3 * time.Hour) // the dead ones' goroutines end
	})
}

func TestOneCrashIsEnough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Hour) })})
		k := kind("work")
		k.MaxCrashes = 1
		j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: k, Tenant: tenant})
		if err != nil {
			t.Fatal(err)
		}
		r, kill, _ := w.mortal("wkr_a")
		done := make(chan error)
		go func() { done <- r.Handle(t.Context(), j.Delivery()) }()
		synctest.Wait()
		kill()
		// The process starts again under the same name.
		if n, err := w.runner("wkr_b").Reclaim(t.Context()); n != 0 || err != nil {
			t.Errorf("another worker reclaimed %d, %v", n, err)
		}
		if n, err := r.Reclaim(t.Context()); n != 0 || !errors.Is(err, errDown) {
			t.Errorf("a dead worker reclaimed %d, %v", n, err)
		}
		if n, err := w.runner("wkr_a").Reclaim(t.Context()); n != 1 || err != nil {
			t.Errorf("reclaimed %d, %v", n, err)
		}
		j = w.get(j.ID)
		w.want(j, job.Failed)
		if !strings.Contains(j.Failure.Message, "once") {
			t.Error(j.Failure)
		}
		if err := <-done; err == nil {
			t.Error("the dead one believes it recorded an outcome")
		}
	})
}

// What runs here is not reclaimed, however many jobs there are.
func TestReclaimLeavesWhatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Minute) })})
		r := w.runner("wkr_a")
		done := make(chan error)
		for range 150 {
			j := w.submit("work")
			go func() { done <- r.Handle(t.Context(), j.Delivery()) }()
		}
		synctest.Wait()
		if n, err := r.Reclaim(t.Context()); n != 0 || err != nil {
			t.Errorf("reclaimed %d, %v", n, err)
		}
		b := &broken{Driver: w.driver, fail: failing("replace")}
		again := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b })
		if _, err := again.Reclaim(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("reclaimed with %v", err)
		}
		for range 150 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

// Live workers are not declared dead because a clock is wrong, the store was
// away or the keeper was paused.
func TestNoFalseDeaths(t *testing.T) {
	t.Parallel()
	run := func(name string, disturb func(t *testing.T, w *world, b *broken), change func(*job.RunnerConfig)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, 10*time.Minute) })})
				b := &broken{Driver: w.driver}
				w.keeper = job.NewKeeper(job.KeeperConfig{Driver: b, Queue: w.queue, Observer: w.diary})
				r := w.runner("wkr_a", func(c *job.RunnerConfig) {
					c.Driver = b
					if change != nil {
						change(c)
					}
				})
				defer w.start(r)()
				id := w.submit("work").ID
				w.until(id, func(j *job.Job) bool { return j.State == job.Running })
				time.Sleep(time.Minute)
				disturb(t, w, b)
				j := w.finish(id)
				w.want(j, job.Succeeded)
				if j.Attempt != 1 || j.Crashes != 0 {
					t.Errorf("%s; %s", dump(j), w.diary.text())
				}
			})
		})
	}
	run("the store was away", func(_ *testing.T, w *world, b *broken) {
		b.set(func(string, string) error { return errDown })
		time.Sleep(3 * time.Minute)
		b.set(nil)
		if !w.diary.has("trouble heartbeat") || !w.diary.has("trouble revive_jobs") {
			w.t.Error(w.diary.text())
		}
	}, nil)
	run("the worker was late when the store went away", func(_ *testing.T, _ *world, b *broken) {
		b.set(failing("replace")) // it cannot heartbeat, and the keeper begins to watch it
		time.Sleep(9 * time.Second)
		b.set(func(string, string) error { return errDown })
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Minute + time.Second/2)))
		b.set(nil) // the keeper looks first
	}, nil)
	// Reads go on, as when a disk is full: the keeper sees the silence, and is in
	// no position to act on it.
	for _, silence := range []time.Duration{16 * time.Second, 19 * time.Second, 22 * time.Second, 40 * time.Second} {
		run(fmt.Sprint("nothing was written for ", silence), func(_ *testing.T, _ *world, b *broken) {
			b.set(failing("replace"))
			time.Sleep(silence)
			b.set(nil)
		}, nil)
	}
	run("a clock is an hour late", func(*testing.T, *world, *broken) {}, func(c *job.RunnerConfig) {
		c.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	})
	run("the machine was paused", func(_ *testing.T, w *world, b *broken) {
		gate := make(chan struct{})
		b.pause(gate) // all calls hang, then go on in any order
		time.Sleep(4 * time.Minute)
		close(gate)
		b.pause(nil)
	}, nil)
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
		w.keeper = job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w.queue, Observer: w.diary, Page: 7, Limit: 20})
		ids := make([]string, 50)
		for i := range ids {
			ids[i] = w.submit("work").ID
		}
		reconcile := func(want int, wantErr string) {
			t.Helper()
			if n, err := w.keeper.Reconcile(t.Context()); n != want || code(err) != wantErr {
				t.Errorf("reconciled %d, %v; want %d, %s", n, err, want, wantErr)
			}
		}
		reconcile(0, "")
		time.Sleep(time.Minute)
		for range 4 {
			reconcile(0, "") // they wait in the queue
		}
		w.queue.setDown(true)
		reconcile(0, "queue_unavailable")
		w.queue.setDown(false)
		w.queue.flush()
		total := 0
		for range 5 { // twenty and one page at a time, wherever the round is
			n, err := w.keeper.Reconcile(t.Context())
			if err != nil || n > 21 {
				t.Errorf("reconciled %d, %v", n, err)
			}
			total += n
		}
		if total != len(ids) || w.diary.count("revived work queue_forgot") != len(ids) {
			t.Errorf("reconciled %d of %d", total, len(ids))
		}
		defer w.start(w.runner("wkr_a"))()
		for _, id := range ids {
			if j := w.finish(id); j.State != job.Succeeded || j.Epoch != 2 {
				t.Error(dump(j))
			}
		}
	})
}

func TestKeeperWithoutStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Hour) })})
		b := &broken{Driver: w.driver}
		k := job.NewKeeper(job.KeeperConfig{Driver: b, Queue: w.queue, Observer: w.diary})
		r, kill, _ := w.mortal("wkr_a")
		running := w.submit("work")
		go func() { _ = r.Handle(context.Background(), running.Delivery()) }()
		synctest.Wait()
		kill()
		w.queue.setDown(true)
		w.submit("work")
		w.queue.setDown(false)
		time.Sleep(2 * time.Second)
		if n, err := w.keeper.Relay(t.Context()); n != 1 || err != nil {
			t.Fatalf("relayed %d, %v", n, err)
		}
		queued := w.submit("work")
		w.want(queued, job.Queued)
		w.queue.setDown(true)
		w.want(w.submit("work"), job.Pending)
		w.queue.setDown(false)
		w.queue.flush()
		for range 40 {
			if _, err := k.Revive(t.Context()); err != nil {
				break
			}
			if w.get(running.ID).HeartbeatAt.Before(time.Now().Add(-14 * time.Second)) {
				break
			}
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Second)
		for op, duties := range map[string]int{"replace": 3, "find due": 4} {
			b.set(failing(op))
			if err := k.Pass(t.Context()); strings.Count(err.Error(), errDown.Error()) != duties {
				t.Errorf("%s: %v", op, err)
			}
		}
		b.set(nil)
		for range 2 { // what was seen before the store failed counts for nothing
			if n, err := k.Revive(t.Context()); n != 0 || err != nil {
				t.Errorf("revived %d, %v", n, err)
			}
			time.Sleep(4 * time.Second)
		}
		b.set(func(op, _ string) error {
			if op == "replace" {
				// somebody else is always faster
				page, _ := w.service.List(t.Context(), tenant, job.Filter{}, "", 0)
				for _, j := range page.Items {
					rec, _ := w.driver.Get(t.Context(), "jobs", j.ID)
					rec.Keys = j.Keys()
					_, _ = w.driver.Driver.Replace(t.Context(), "jobs", rec)
				}
			}
			return nil
		})
		if n, err := k.Revive(t.Context()); n != 0 || err != nil {
			t.Errorf("revived %d, %v", n, err)
		}
		if n, err := k.Reconcile(t.Context()); n != 0 || err != nil {
			t.Errorf("reconciled %d, %v", n, err)
		}
		b.set(nil)
		w.queue.setDown(false)
		if err := k.Pass(t.Context()); err != nil {
			t.Error(err)
		}
		w.want(w.get(queued.ID), job.Queued)
		if j := w.get(running.ID); j.Crashes != 1 {
			t.Error(dump(j))
		}
		time.Sleep(2 * time.Hour)
	})
}

// The queue answers when it is asked, and is gone when it is given something.
func TestRelayFailsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.queue.setDown(true)
		id := w.submit("work").ID
		k := job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: fickle{w.queue}})
		if n, err := k.Relay(t.Context()); n != 0 || code(err) != "queue_unavailable" {
			t.Errorf("relayed %d, %v", n, err)
		}
		w.want(w.get(id), job.Pending)
		b := &broken{Driver: w.driver}
		writes := 0
		b.set(func(op, _ string) error {
			if op == "replace" {
				if writes++; writes == 2 {
					return errDown // and it cannot be put back
				}
			}
			return nil
		})
		k = job.NewKeeper(job.KeeperConfig{Driver: b, Queue: fickle{w.queue}})
		if _, err := k.Relay(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("relayed with %v", err)
		}
		w.want(w.get(id), job.Queued) // which Reconcile finds
	})
}

// TestRelayOfARefusingQueue checks that jobs are not marked and put back without
// end while the queue answers and takes nothing.
func TestRelayOfARefusingQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.queue.setDown(true)
		var ids []string
		for range 20 {
			ids = append(ids, w.submit("work").ID)
		}
		k := job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: fickle{w.queue}, Blind: many})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go k.Run(ctx)
		time.Sleep(10 * time.Minute)
		epochs, most := 0, 0
		for _, id := range ids {
			j := w.get(id)
			w.want(j, job.Pending)
			epochs, most = epochs+j.Epoch, max(most, j.Epoch)
		}
		// All were tried together once, and one of them about every 30 s from
		// then on.
		if more := epochs - len(ids); more < 15 || more > 30 {
			t.Errorf("in ten minutes the jobs took %d further epochs, one of them %d", more, most)
		}
		w.queue.setDown(false)
		time.Sleep(31 * time.Second)
		for _, id := range ids {
			w.want(w.get(id), job.Queued)
		}
	})
}

type fickle struct{ *line }

func (fickle) Backlog(context.Context, string) (waiting, active, ended int64, err error) {
	return 0, 0, 0, nil
}

func (fickle) Alive(context.Context, job.Delivery) (bool, error) { return false, nil }

func TestRelayPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.queue.setDown(true)
		for range 45 {
			w.submit("work")
		}
		w.queue.setDown(false)
		k := job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w.queue, Page: 10, Limit: 20, Blind: many})
		for _, want := range []int{20, 20, 5, 0} {
			if n, err := k.Relay(t.Context()); n != want || err != nil {
				t.Errorf("relayed %d, %v; want %d", n, err, want)
			}
		}
	})
}
