package job_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// A job that its handler handed back says what it waits for as long as it
// does: on the record all the time, in the log once for each reason.
func TestAJobSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	never := "no worker knows it"
	for _, name := range []string{"run", "publish"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				snooze := func(attempt int) error {
					switch {
					case attempt < 4:
						return job.Snooze(time.Minute, "newer_worker_needed", "attempt %d: %s", attempt, never)
					case attempt == 4:
						return job.Snooze(time.Minute, "quota_used_up", "tomorrow")
					default:
						return nil
					}
				}
				w := setup(t, nil)
				work := does(func(_ context.Context, task *job.Task) (any, error) {
					if name == "publish" {
						return 1, nil
					}
					return 1, snooze(task.Job.Attempt)
				})
				w.handlers = map[string]job.Handler{"run": work, "publish": publisher{Handler: work, publish: func(_ context.Context, j *job.Job) error {
					return snooze(j.Attempt)
				}}}
				defer w.start(w.runner("wkr_a"))()
				id := w.submit(name).ID
				for attempt := 1; attempt <= 4; attempt++ {
					j := w.until(id, func(j *job.Job) bool { return j.State == job.Pending && j.Attempt == attempt })
					code := "newer_worker_needed"
					if attempt == 4 {
						code = "quota_used_up"
					}
					last := j.History[len(j.History)-1]
					if j.Waiting == nil || j.Waiting.Code != code || j.Waiting.Message == "" || last.Reason != code || j.Failures != 0 || j.NotBefore.IsZero() {
						t.Fatalf("attempt %d: %s", attempt, dump(j))
					}
				}
				j := w.finish(id)
				w.want(j, job.Succeeded)
				if j.Waiting != nil {
					t.Errorf("it has ended and waits for %+v", j.Waiting)
				}
				var said []string
				for _, line := range w.lines(id, 0, 0) {
					said = append(said, line.Level+" "+line.Message)
				}
				if want := []string{"warn attempt 1: " + never, "warn tomorrow"}; !slices.Equal(said, want) {
					t.Errorf("the log says %q, want %q", said, want)
				}
			})
		})
	}
}

// Whatever else happens to a job ends the reason for which it waited.
func TestAReasonToWaitDoesNotOutliveIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(_ context.Context, task *job.Task) (any, error) {
			if task.Job.Attempt == 1 {
				return nil, job.Snooze(time.Hour, "not_yet", "not yet")
			}
			return nil, errDown
		})})
		defer w.start(w.runner("wkr_a"))()
		waits := func(id string, attempt int) *job.Job {
			return w.until(id, func(j *job.Job) bool { return j.State == job.Pending && j.Attempt == attempt })
		}
		id := w.submit("work").ID
		waits(id, 1)
		if j := waits(id, 2); j.Waiting != nil || j.Failure == nil {
			t.Errorf("after a failure: %s", dump(j))
		}
		id = w.submit("work").ID
		waits(id, 1)
		if j, err := w.service.Cancel(t.Context(), tenant, id); err != nil || j.Waiting != nil {
			t.Errorf("after it was cancelled: %v, %v", j, err)
		}
	})
}
