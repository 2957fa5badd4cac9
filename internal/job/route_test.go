package job_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// A job that used all that its worker may give goes to one that may give more,
// and fails only when no worker has as much.
func TestAWorkerWithMoreMemory(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		uses     int64
		other    int64 // the budget of the other worker
		pool     string
		want     job.State
		attempts int
		memory   int64
		said     []string
	}{
		{"larger", 5 * gib, 8 * gib, "batch", job.Succeeded, 2, 15 * gib / 2, nil},
		{"no larger than it has to be", 6 * gib, 8 * gib, "batch", job.Succeeded, 2, 8 * gib, nil},
		{"without a limit", 90 * gib, 0, "batch", job.Succeeded, 2, 135 * gib, nil},
		{"not large enough", 20 * gib, 8 * gib, "batch", job.Failed, 2, 8 * gib, []string{"at least 20 GiB", "had 8 GiB", "largest budget of a worker of its pool is 8 GiB"}},
		{"smaller", 5 * gib, gib, "batch", job.Failed, 1, gib, []string{"at least 5 GiB", "had 2 GiB", "largest budget of a worker of its pool is 2 GiB"}},
		{"of another pool", 5 * gib, 8 * gib, "training", job.Failed, 1, gib, []string{"largest budget of a worker of its pool is 2 GiB"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"x": eats(tt.uses)})
				away := &awayStore{Driver: w.driver}
				small := w.runner("wkr_small", withMemory(2*gib), func(c *job.RunnerConfig) {
					c.Driver, c.Slots = away, map[string]int{"batch": 1}
				})
				other := w.runner("wkr_other", withMemory(tt.other), func(c *job.RunnerConfig) { c.Slots = map[string]int{tt.pool: 1} })
				defer w.register(small, other)()
				j := w.heavy("x", gib)
				away.set("workers") // who says which workers there are is away for a while
				done := w.deliver(small)
				time.Sleep(10 * time.Second)
				if now := w.get(j.ID); now.State != job.Running {
					t.Fatalf("it was decided without knowing the workers: %s", dump(now))
				}
				away.set()
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				if now := w.get(j.ID); tt.attempts > 1 {
					w.want(now, job.Pending)
					if now.Waiting == nil || now.Waiting.Code != "bigger_worker_needed" || !strings.Contains(now.Waiting.Message, "goes on with a worker that may give more") {
						t.Errorf("it waits for %+v", now.Waiting)
					}
				}
				defer w.start(small, other)()
				j = w.finish(j.ID)
				w.want(j, tt.want)
				if j.Attempt != tt.attempts || j.Memory != tt.memory || tt.want == job.Succeeded && (j.Worker != "wkr_other" || j.Failures+j.Crashes+j.Outages != 0) {
					t.Error(dump(j))
				}
				if tt.want != job.Failed {
					return
				}
				if j.Failure.Code != "memory_exceeded" {
					t.Errorf("%+v", j.Failure)
				}
				for _, said := range tt.said {
					if !strings.Contains(j.Failure.Message, said) {
						t.Errorf("%q does not say %q", j.Failure.Message, said)
					}
				}
			})
		})
	}
}
