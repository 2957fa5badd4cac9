package job_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// ahead is a clock that is an hour fast.
func ahead() time.Time { return time.Now().Add(time.Hour) }

// Whoever led with a fast clock and died does not lead on for an hour.
func TestALeaderWhoseClockWasAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, h := setup(t, nil), newThrone()
		b := &broken{Driver: w.driver}
		ctx, die := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			job.NewLeader(job.LeaderConfig{Driver: b, Name: "scheduler", Holder: "fast", Now: ahead}).
				Run(ctx, func(ctx context.Context, _ int64) { <-ctx.Done() })
		}()
		time.Sleep(5 * time.Second)
		_, stop := w.candidate("right", h)
		defer stop()
		time.Sleep(10 * time.Minute)
		if h.who() != "" {
			t.Fatal("somebody else leads beside one that lives")
		}
		b.set(failing("replace")) // it cannot give the lease back
		die()
		<-over
		died := time.Now()
		for h.who() == "" && time.Since(died) < 2*time.Hour {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(died); took > 16*time.Second {
			t.Errorf("nobody led for %s", took)
		}
	})
}

// The job of a worker whose clock was fast and that died goes on soon; while it
// lives it keeps the job.
func TestAWorkerWhoseClockIsAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			if task.Job.Attempt > 1 {
				return 1, nil
			}
			return 1, sleep(ctx, time.Hour)
		})})
		b := &broken{Driver: w.driver}
		f := &doomed{CheckpointFiles: w.files}
		fast := w.runner("wkr_fast", func(c *job.RunnerConfig) { c.Driver, c.Files, c.Now = b, f, ahead })
		stop := w.start()
		ctx, cancel := context.WithCancel(t.Context())
		go w.pump(ctx, fast, f.dead.Load)
		id := w.submit("work").ID
		time.Sleep(3 * time.Minute)
		if j := w.get(id); j.State != job.Running || j.Attempt != 1 {
			t.Fatalf("it lost its job: %s", dump(j))
		}
		killed := time.Now()
		b.set(func(string, string) error { return errDown })
		f.dead.Store(true)
		go w.pump(ctx, w.runner("wkr_b"), immortal)
		j := w.finish(id)
		w.want(j, job.Succeeded)
		if took := j.FinishedAt.Sub(killed); took > 20*time.Second || j.Crashes != 1 {
			t.Errorf("revived after %s: %s", took, dump(j))
		}
		stop()
		cancel()
		time.Sleep(3 * time.Hour) // the dead one's goroutines end
	})
}

// A rate that a dispatcher with a fast clock has kept, or that was lower, holds
// nobody up.
func TestARateThatWasAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		p := tenantPolicy(tenant)
		p.RateLimit = new(60)
		w.setTenant(p)
		w.submitMany(tenant, "work", 3)
		fast := job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w.queue, Blind: many, Now: ahead})
		if n, err := fast.Relay(t.Context()); n != 1 || err != nil {
			t.Fatalf("relayed %d, %v", n, err)
		}
		time.Sleep(3 * time.Second)
		if n, err := w.keeper.Relay(t.Context()); n != 1 || err != nil {
			t.Errorf("after a fast clock relayed %d, %v", n, err)
		}
		p.RateLimit = new(1)
		w.setTenant(p)
		if n, err := w.keeper.Relay(t.Context()); n != 1 || err != nil {
			t.Fatalf("relayed %d, %v", n, err)
		}
		w.submitMany(tenant, "work", 3)
		p.RateLimit = new(60)
		w.setTenant(p)
		time.Sleep(2 * time.Second)
		if n, err := w.keeper.Relay(t.Context()); n != 1 || err != nil {
			t.Errorf("at a higher rate relayed %d, %v", n, err)
		}
	})
}

// Ticks that a ticker with a fast clock fired early keep nobody from firing those
// before them, and are not fired twice.
func TestATickerWhoseClockWasAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		fired := map[string]int{}
		ticker := func(now func() time.Time) *job.Ticker {
			tick, err := job.NewTicker(job.TickerConfig{Driver: w.driver, Now: now, Schedules: []job.Schedule{{
				Name: "health", Spec: "* * * * *", Fire: func(_ context.Context, key string, _ time.Time) error { fired[key]++; return nil },
			}}})
			if err != nil {
				t.Fatal(err)
			}
			return tick
		}
		right, fast := ticker(nil), ticker(ahead)
		for i := range 91 {
			if i == 2 {
				if err := fast.Pass(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if err := right.Pass(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
		}
		if len(fired) != 90 {
			t.Errorf("%d ticks in ninety minutes", len(fired))
		}
		for key, n := range fired {
			if n != 1 {
				t.Errorf("tick %s was fired %d times", key, n)
			}
		}
	})
}

// A queue that forgets is reminded soon, whatever the clock says of who handed
// the job over, or of who looks.
func TestAQueueThatForgetsWhenClocksAreWrong(t *testing.T) {
	t.Parallel()
	late := func() time.Time { return time.Now().Add(-time.Hour) }
	for name, clocks := range map[string]struct{ submits, looks func() time.Time }{
		"right":                {time.Now, time.Now},
		"who submits is ahead": {ahead, time.Now},
		"who submits is late":  {late, time.Now},
		"who looks is ahead":   {time.Now, ahead},
		"who looks is late":    {time.Now, late},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
				w.service = job.NewService(job.ServiceConfig{Driver: w.driver, Queue: w.queue, Files: w.files, Now: clocks.submits, Blind: many})
				w.keeper = job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w.queue, Observer: w.diary, Now: clocks.looks, Blind: many})
				lost, kept := w.submit("work"), w.submit("work")
				w.want(lost, job.Queued)
				w.queue.forget(lost.Delivery())
				stop := w.start()
				time.Sleep(time.Minute)
				stop()
				if j := w.get(lost.ID); j.Epoch != 2 {
					t.Errorf("after a minute the queue was not reminded: epoch %d", j.Epoch)
				}
				if j := w.get(kept.ID); j.Epoch != 1 {
					t.Errorf("what the queue has was handed over again: epoch %d", j.Epoch)
				}
				if n := w.diary.count("revived work queue_forgot"); n != 1 {
					t.Errorf("%d reminders", n)
				}
			})
		})
	}
}
