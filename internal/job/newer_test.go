package job_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

var errTooNew = job.NewerWorker("it is of version 2")

// A job that no worker knows waits for a newer one, and is given up in the end.
func TestAJobThatNoWorkerKnows(t *testing.T) {
	t.Parallel()
	for name, patience := range map[string]time.Duration{"kind": 2 * time.Minute, "version": 2 * time.Minute, "publish": 20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				done := does(func(context.Context, *job.Task) (any, error) { return 1, nil })
				w := setup(t, map[string]job.Handler{
					"version": does(func(context.Context, *job.Task) (any, error) { return nil, errTooNew }),
					"publish": publisher{Handler: done, publish: func(context.Context, *job.Job) error { return errTooNew }},
				})
				stop := w.start(w.runner("wkr_old", func(c *job.RunnerConfig) { c.UpgradePatience = 2 * time.Minute }))
				began := time.Now()
				id := w.submit(name).ID
				j := w.until(id, func(j *job.Job) bool { return j.State == job.Pending && j.Waiting != nil })
				if j.Waiting.Code != job.CodeNewerWorker || j.Failures+j.Crashes+j.Outages != 0 || j.NotBefore.IsZero() || j.UpgradeSince.IsZero() {
					t.Errorf("it waits: %s", dump(j))
				}
				j = w.finish(id)
				w.want(j, job.Failed)
				if took := time.Since(began); took < patience || took > patience+time.Minute {
					t.Errorf("given up after %s", took)
				}
				if j.Dead != job.DeadUnsupported || j.Failure.Code != job.CodeNewerWorker || j.Failure.Class != fault.ClassUnsupported || j.Failures != 0 || j.Committed {
					t.Errorf("given up: %s", dump(j))
				}
				if n := w.diary.count("snoozed " + name); n < 4 {
					t.Errorf("it was offered %d times", n)
				}
				stop()
				w.handlers = map[string]job.Handler{name: done}
				defer w.start(w.runner("wkr_new"))()
				again, err := w.service.Requeue(t.Context(), job.Requeue{Filter: job.DeadFilter{Code: job.CodeNewerWorker}})
				if err != nil || len(again.Jobs) != 1 {
					t.Fatalf("%+v, %v", again, err)
				}
				j = w.finish(id)
				w.want(j, job.Succeeded)
				if !j.UpgradeSince.IsZero() {
					t.Errorf("%s", dump(j))
				}
			})
		})
	}
}

// A parent whose children no worker knows fails with their reason, and is the
// dead letter.
func TestAChildThatNoWorkerKnows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) {
			return nil, job.FanOut(job.Fan{Children: []job.ChildSpec{{Name: "a", Kind: kind("unheard_of"), Payload: 1}}})
		})})
		defer w.start(w.runner("wkr_old", func(c *job.RunnerConfig) { c.UpgradePatience = time.Minute }))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Failed)
		if j.Dead != job.DeadUnsupported || j.Failure.Code != job.CodeNewerWorker {
			t.Errorf("%s", dump(j))
		}
	})
}

// The wait for a newer worker begins anew when one has taken the job up.
func TestPatienceBeginsAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, failed := time.Now(), false
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) {
			switch age := time.Since(began); {
			case age < 4*time.Minute:
				return nil, errTooNew
			case !failed:
				failed = true
				return nil, errors.New("this one knows it, and fails")
			case age < 8*time.Minute:
				return nil, errTooNew
			default:
				return 1, nil
			}
		})})
		defer w.start(w.runner("wkr_a", func(c *job.RunnerConfig) { c.UpgradePatience = 5 * time.Minute }))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Succeeded)
		if !failed || time.Since(began) < 8*time.Minute || !j.UpgradeSince.IsZero() {
			t.Errorf("%s", dump(j))
		}
	})
}

// What cannot be written is told, and the delivery comes again.
func TestAnUnknownKindWithoutAStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		b := &broken{Driver: w.driver}
		r := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b })
		j := w.submit("unheard_of")
		b.set(failing("replace"))
		if err := r.Handle(t.Context(), j.Delivery()); !errors.Is(err, errDown) {
			t.Errorf("error %v", err)
		}
		w.want(w.get(j.ID), job.Queued)
		b.set(nil)
		if err := r.Handle(t.Context(), j.Delivery()); err != nil {
			t.Error(err)
		}
		w.want(w.get(j.ID), job.Pending)
		if err := r.Handle(t.Context(), j.Delivery()); err != nil { // it is stale now
			t.Error(err)
		}
	})
}
