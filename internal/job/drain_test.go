package job_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

func TestDrain(t *testing.T) {
	t.Parallel()
	tests := map[string]func(ctx context.Context, t *job.Task) error{
		"obeys": func(ctx context.Context, t *job.Task) error {
			select {
			case <-t.Draining:
				if err := t.Saved.Save(ctx, "half", []byte("half")); err != nil {
					return err
				}
				return job.Drained
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		"waits to be stopped": func(ctx context.Context, t *job.Task) error {
			if err := t.Saved.Save(ctx, "half", []byte("half")); err != nil {
				return err
			}
			return sleep(ctx, time.Hour)
		},
	}
	for name, first := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
					if task.Job.Attempt == 1 {
						return nil, first(ctx, task)
					}
					data, ok, err := task.Saved.Load(ctx, "half")
					if string(data) != "half" || !ok {
						return nil, job.Permanent(errors.New("the checkpoint is gone"))
					}
					return 1, err
				})})
				a, b := w.runner("wkr_a"), w.runner("wkr_b")
				stop := w.start(a)
				id := w.submit("work").ID
				w.until(id, func(j *job.Job) bool { return j.State == job.Running })
				a.Drain()
				a.Drain()
				if err := a.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := a.Handle(t.Context(), job.Delivery{}); !errors.Is(err, job.ErrDraining) {
					t.Errorf("a draining worker took a job: %v", err)
				}
				stop()
				defer w.start(b)()
				j := w.finish(id)
				w.want(j, job.Succeeded)
				if j.Failures != 0 || j.Crashes != 0 || j.Attempt != 2 || j.Epoch != 2 || !w.diary.has("drained work") {
					t.Errorf("%s; %s", dump(j), w.diary.text())
				}
				if keys := w.files.keys(); len(keys) != 0 {
					t.Errorf("checkpoints stayed: %v", keys)
				}
			})
		})
	}
}

// The queue's context ends for three reasons; only two of them stop a handler.
func TestQueueContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, 30*time.Second) })})
		r := w.runner("wkr_a")
		run := func() (id string, cancel context.CancelFunc, done chan error) {
			j := w.submit("work")
			ctx, cancel := context.WithCancel(t.Context())
			done = make(chan error, 1)
			go func() { done <- r.Handle(ctx, j.Delivery()) }()
			synctest.Wait()
			return j.ID, cancel, done
		}
		id, cancel, done := run()
		cancel() // the queue lost the lease, say: the record is the truth
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.want(w.get(id), job.Succeeded)

		id, cancel, done = run()
		w.queue.setDown(true) // the hint is lost, the queue's own context ends
		if _, err := w.service.Cancel(t.Context(), tenant, id); err != nil {
			t.Fatal(err)
		}
		w.queue.setDown(false)
		at := time.Now()
		cancel()
		if err := <-done; err != nil || time.Since(at) > 0 {
			t.Fatal(err, time.Since(at))
		}
		w.want(w.get(id), job.Cancelled)

		id, cancel, done = run()
		r.Drain()
		cancel() // the queue stops
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.want(w.get(id), job.Pending)
		if j := w.get(id); j.Failures != 0 || j.Crashes != 0 || j.Worker != "" {
			t.Errorf("record: %s", dump(j))
		}
	})
}

func TestStaleDeliveries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) {
			runs++
			return 1, sleep(ctx, time.Second)
		})})
		a, b := w.runner("wkr_a"), w.runner("wkr_b")
		d := w.submit("work").Delivery()
		old, unknown := d, d
		old.Epoch, unknown.JobID = 0, "job_00000000000000000000000000000000"
		for _, stale := range []job.Delivery{old, unknown} {
			if err := a.Handle(t.Context(), stale); err != nil {
				t.Error(err)
			}
		}
		if runs != 0 {
			t.Error("a stale delivery was run")
		}
		done := make(chan error, 3)
		for _, r := range []*job.Runner{a, a, b} {
			go func() { done <- r.Handle(t.Context(), d) }()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if err := a.Handle(t.Context(), d); err != nil || runs != 1 {
			t.Errorf("%d runs, %v", runs, err)
		}
	})
}

func TestSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		running, most := 0, 0
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) {
			running++
			most = max(most, running)
			time.Sleep(time.Minute) // ignores its context
			running--
			return 1, ctx.Err()
		})})
		r := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Slots = map[string]int{"batch": 1} })
		stop := w.start(r)
		defer stop()
		a := w.submit("work").ID
		w.until(a, func(j *job.Job) bool { return j.State == job.Running })
		b := w.submit("work").ID
		if _, err := w.service.Cancel(t.Context(), tenant, a); err != nil {
			t.Fatal(err)
		}
		j := w.finish(a) // recorded although the handler does not listen
		w.want(j, job.Cancelled)
		if took := j.FinishedAt.Sub(j.StartedAt); took > 40*time.Second || !w.diary.has("trouble handler_ignores_context") {
			t.Errorf("recorded after %s; %s", took, w.diary.text())
		}
		w.want(w.get(b), job.Queued) // the slot is not free yet
		w.want(w.finish(b), job.Succeeded)
		if most != 1 {
			t.Errorf("%d handlers in one slot", most)
		}
		c, d := w.submit("work"), w.submit("work")
		w.until(c.ID, func(j *job.Job) bool { return j.State == job.Running })
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Handle(gone, d.Delivery()); !errors.Is(err, context.Canceled) {
			t.Errorf("waited for a slot with %v", err)
		}
		r.Drain()
		if err := r.Wait(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("waited for the handlers with %v", err)
		}
		if err := r.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
