package job_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// big makes a result that fits, and makes it visible.
type big struct{}

func (big) Run(context.Context, *job.Task) (any, error) { return strings.Repeat("x", 3<<20), nil }

func (big) Publish(context.Context, *job.Job, json.RawMessage) error { return nil }

// A payload and a result may each be allowed and together be too much for a
// record. Such a job fails and says so; it is not tried for a day to be written.
func TestAResultThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]job.Handler{"plain": does(big{}.Run), "published": big{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": handler})
				w.hurry = time.Minute
				w.service = job.NewService(job.ServiceConfig{Driver: w.driver, Queue: w.queue, Files: w.files, MaxPayload: store.MaxBody})
				defer w.start(w.runner("wkr_a"))()
				submit := func(bytes int) (*job.Job, error) {
					j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant, Payload: strings.Repeat("y", bytes)})
					return j, err
				}
				j, err := submit(6 << 20)
				if err != nil {
					t.Fatal(err)
				}
				j = w.finish(j.ID)
				w.want(j, job.Failed)
				if j.Failure.Code != "result_too_large" || j.Dead != job.DeadDefect || j.Attempt != 1 || j.Result != nil || j.Committed {
					t.Errorf("%+v, %s, attempt %d", j.Failure, j.Dead, j.Attempt)
				}
				_, err = submit(store.MaxBody - 100)
				if code(err) != "record_too_large" || fault.ClassOf(err) != fault.ClassTooLarge {
					t.Errorf("a payload that fits no record: %v", err)
				}
			})
		})
	}
}

// Lines that JSON writes long fit into their rows: they must not keep a job from
// its heartbeat.
func TestLinesThatAreWrittenLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lines = 600
		w := setup(t, map[string]job.Handler{"work": does(func(_ context.Context, task *job.Task) (any, error) {
			for range lines {
				task.Report.Logf("%s", strings.Repeat("<", 5000))
			}
			return 1, nil
		})})
		w.hurry = time.Minute
		defer w.start(w.runner("wkr_a"))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Succeeded)
		if j.Attempt != 1 || j.LogLines != lines {
			t.Errorf("attempt %d, %d lines", j.Attempt, j.LogLines)
		}
		seen := 0
		for seen < lines {
			page, err := w.service.Logs(t.Context(), tenant, j.ID, seen, 300)
			if err != nil || len(page) == 0 || page[0].Seq != seen+1 {
				t.Fatalf("after %d lines: %d, %v", seen, len(page), err)
			}
			seen += len(page)
		}
	})
}
