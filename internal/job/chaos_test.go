package job_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// TestChaos lets several workers run jobs while, by a seed, processes are
// killed, paused and drained, the queue is lost, flushed and delivers twice,
// and owners cancel. Then all is made well, and every acknowledged job must
// come to one end; the auditor watches every write meanwhile.
func TestChaos(t *testing.T) {
	t.Parallel()
	seeds := 40
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { (&chaos{world: setup(t, nil), dice: rand.New(rand.NewPCG(uint64(seed), 1))}).run() })
		})
	}
}

type chaos struct {
	*world
	dice    *rand.Rand
	names   int
	workers []*victim
	asked   []string // acknowledged
	cancels map[string]bool
}

// victim is one worker process.
type victim struct {
	*job.Runner
	store *broken
	fate  *fate
	stop  context.CancelFunc // takes nothing more
	gate  chan struct{}      // it is paused
}

func (c *chaos) spawn(ctx context.Context) {
	c.names++
	f := &fate{}
	b := &broken{Driver: fated{c.driver, f}}
	v := &victim{store: b, fate: f}
	v.Runner = c.runner(fmt.Sprint("wkr_", c.names), func(cfg *job.RunnerConfig) {
		cfg.Driver = b
		cfg.Files = &doomed{CheckpointFiles: c.files, step: f.step}
		cfg.Handlers = map[string]job.Handler{"work": pipeline{
			driver: b, steps: 4, pace: 3 * time.Second, trouble: func(task *job.Task) error {
				if task.Job.Attempt%5 == 2 {
					return errors.New("away")
				}
				return nil
			},
		}}
	})
	taking, stop := context.WithCancel(ctx)
	v.stop = stop
	go c.pump(taking, v.Runner, f.dead)
	c.workers = append(c.workers, v)
}

func (c *chaos) run() {
	c.hurry = time.Hour
	c.cancels = map[string]bool{}
	ctx, cancel := context.WithCancel(context.Background())
	for range 3 {
		c.spawn(ctx)
	}
	go c.keeper.Run(ctx)
	go job.NewKeeper(job.KeeperConfig{Driver: c.driver, Queue: c.queue, Seed: 3}).Run(ctx) // a second that believes it leads
	for range 120 {
		c.disturb(ctx)
		time.Sleep(time.Duration(c.dice.IntN(2000)) * time.Millisecond)
	}
	c.queue.setDown(false)
	for _, v := range c.workers {
		c.resume(v)
	}
	c.spawn(ctx)
	for _, id := range c.asked {
		j := c.finish(id)
		c.judge(j)
		if c.cancels[id] && j.State != job.Cancelled {
			c.t.Errorf("a cancel was acknowledged, and the job %s", j.State)
		}
	}
	cancel()
	time.Sleep(3 * time.Hour)
}

func (c *chaos) disturb(ctx context.Context) {
	v := c.workers[c.dice.IntN(len(c.workers))]
	switch c.dice.IntN(12) {
	case 0, 1, 2, 3:
		j, _, err := c.service.Submit(ctx, job.Submission{Kind: job.Kind{Name: "work", Pool: "batch", MaxFailures: 5, MaxCrashes: 50}, Tenant: tenant})
		if err == nil {
			c.asked = append(c.asked, j.ID)
		}
	case 4: // kill -9, and another one starts
		v.fate.kill()
		c.spawn(ctx)
	case 5: // SIGSTOP
		if v.gate == nil {
			v.gate = make(chan struct{})
			v.store.pause(v.gate)
		}
	case 6, 7:
		c.resume(v)
	case 8: // SIGTERM
		v.stop()
		v.Drain()
		c.spawn(ctx)
	case 9:
		c.queue.setDown(c.dice.IntN(2) == 0)
	case 10:
		c.queue.flush()
	case 11:
		if len(c.asked) == 0 {
			return
		}
		id := c.asked[c.dice.IntN(len(c.asked))]
		if c.dice.IntN(2) == 0 {
			if _, err := c.service.Cancel(ctx, tenant, id); err == nil {
				c.cancels[id] = true
			}
			return
		}
		go func() { _ = v.Handle(ctx, c.get(id).Delivery()) }() // delivered twice
	}
}

func (c *chaos) resume(v *victim) {
	if v.gate != nil {
		v.store.pause(nil)
		close(v.gate)
		v.gate = nil
	}
}

// A worker that was paused until its job was another's does nothing more.
func TestLostFence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cause, saved error
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			if task.Job.Attempt > 1 {
				return 2, sleep(ctx, time.Minute)
			}
			task.Report.Logf("from the first")
			err := sleep(ctx, 2*time.Minute)
			cause = context.Cause(ctx)
			saved = task.Saved.Save(context.WithoutCancel(ctx), "half", []byte("stale"))
			return 1, err
		})})
		b := &broken{Driver: w.driver}
		a := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b })
		defer w.start()()
		id := w.submit("work")
		done := make(chan error)
		go func() { done <- a.Handle(t.Context(), id.Delivery()) }()
		time.Sleep(4 * time.Second)
		gate := make(chan struct{})
		b.pause(gate)
		j := w.until(id.ID, func(j *job.Job) bool { return j.State == job.Queued && j.Epoch == 2 })
		other := make(chan error)
		go func() { other <- w.runner("wkr_b").Handle(t.Context(), j.Delivery()) }()
		synctest.Wait()
		b.pause(nil)
		close(gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !errors.Is(cause, job.ErrLost) || !errors.Is(saved, job.ErrLost) || !w.diary.has("lost work") {
			t.Errorf("the handler saw %v, its checkpoint %v; %s", cause, saved, w.diary.text())
		}
		if err := <-other; err != nil {
			t.Error(err)
		}
		j = w.get(id.ID)
		w.want(j, job.Succeeded)
		if string(j.Result) != "2" || len(w.files.keys()) != 0 {
			t.Errorf("%s, files %v", dump(j), w.files.keys())
		}
	})
}

// A checkpoint is not saved before the record was asked, when the attempt has
// not heard of it for a while.
func TestStaleCheckpoint(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]bool{"taken": false, "removed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first, second, third := errors.New(""), errors.New(""), errors.New("")
				w := setup(t, nil)
				b := &broken{Driver: w.driver}
				id := ""
				w.handlers = map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
					ctx = context.WithoutCancel(ctx)
					time.Sleep(7 * time.Second)
					first = task.Saved.Save(ctx, "half", nil) // asks, and may
					b.set(failing("get"))
					time.Sleep(time.Minute)
					second = task.Saved.Save(ctx, "half", nil) // cannot ask
					b.set(nil)
					if gone {
						_ = w.driver.Delete(ctx, "jobs", id, 0)
					} else if n, err := w.runner("wkr_a").Reclaim(ctx); n != 1 || err != nil {
						t.Errorf("reclaimed %d, %v", n, err)
					}
					third = task.Saved.Save(ctx, "half", nil)
					return 1, nil
				})}
				r := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b; c.LookEvery, c.HeartbeatEvery = time.Hour, 5*time.Second })
				j := w.submit("work")
				id = j.ID
				if err := r.Handle(t.Context(), j.Delivery()); err != nil {
					t.Error(err)
				}
				if first != nil || !errors.Is(second, errDown) || !errors.Is(third, job.ErrLost) {
					t.Errorf("saved with %v, %v, %v", first, second, third)
				}
			})
		})
	}
}

// An outcome whose reply was lost is seen as recorded.
func TestLostReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
		b := &broken{Driver: w.driver}
		n := 0
		b.set(func(op, _ string) error {
			if op == "replaced" {
				if n++; n == 2 {
					return errDown
				}
			}
			return nil
		})
		j := w.submit("work")
		if err := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b }).Handle(t.Context(), j.Delivery()); err != nil {
			t.Error(err)
		}
		w.want(w.get(j.ID), job.Succeeded)
		if w.diary.count("succeeded work") != 1 || w.diary.has("lost work") {
			t.Error(w.diary.text())
		}
		// When the store stays away, the outcome is given up in the end.
		j = w.submit("work")
		n = 1
		b.set(func(op, _ string) error {
			if op == "replace" {
				if n++; n > 2 {
					return errDown
				}
			}
			return nil
		})
		at := time.Now()
		if err := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b }).Handle(t.Context(), j.Delivery()); !errors.Is(err, errDown) {
			t.Error(err)
		}
		if took := time.Since(at); took < time.Minute || took > 3*time.Minute {
			t.Errorf("gave up after %s", took)
		}
		for _, op := range []string{"get", "replace"} {
			j = w.submit("work")
			b.set(failing(op))
			if err := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b }).Handle(t.Context(), j.Delivery()); !errors.Is(err, errDown) {
				t.Errorf("claimed with %v", err)
			}
		}
	})
}

// An outcome whose reply was lost is not recorded again when a look at the
// record finds it before the next try.
func TestLostReplyIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
		b := &broken{Driver: w.driver}
		j := w.submit("work")
		r := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b })
		n := 0
		b.set(func(op, _ string) error {
			if op == "replaced" {
				if n++; n == 2 {
					r.Hint(j.ID)
					return errDown
				}
			}
			return nil
		})
		if err := r.Handle(t.Context(), j.Delivery()); err != nil {
			t.Error(err)
		}
		done := w.get(j.ID)
		w.want(done, job.Succeeded)
		if done.Revision != 3 || n != 2 {
			t.Errorf("the outcome was written %d times: %s", n-1, dump(done))
		}
	})
}

// Nobody has to watch, and all defaults do.
func TestDefaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		s := job.NewService(job.ServiceConfig{Driver: w.driver, Queue: w.queue, Files: w.files})
		k := job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w.queue})
		r := job.NewRunner(job.RunnerConfig{Worker: "wkr_a", Driver: w.driver, Files: w.files, Handlers: map[string]job.Handler{
			"work": does(func(_ context.Context, task *job.Task) (any, error) {
				if task.Job.Attempt == 1 {
					return nil, errors.New("no")
				}
				return nil, nil
			}),
		}})
		j, _, err := s.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Handle(t.Context(), j.Delivery()); err != nil {
			t.Fatal(err)
		}
		w.queue.flush()
		time.Sleep(5 * time.Second)
		if err := k.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.queue.flush()
		time.Sleep(15 * time.Second)
		if n, err := k.Reconcile(t.Context()); n != 1 || err != nil {
			t.Errorf("reconciled %d, %v", n, err)
		}
		if err := r.Handle(t.Context(), w.get(j.ID).Delivery()); err != nil {
			t.Fatal(err)
		}
		if j = w.get(j.ID); j.State != job.Succeeded || string(j.Result) != "null" {
			t.Error(dump(j))
		}
	})
	if job.Permanent(nil) != nil || job.Permanent(errDown).Error() != errDown.Error() || job.Snooze(time.Second, "not_yet", "not yet").Error() == "" {
		t.Error("verdicts")
	}
}
