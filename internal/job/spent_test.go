package job_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// The time of a job's children counts towards its budget: when they have used
// it up together they are stopped and the job fails; a retry begins anew, and
// what has succeeded counts no more.
func TestTimeBudgetOfAFamily(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		takes := &atomic.Int64{}
		w := setup(t, map[string]job.Handler{"work": divided{n: 4}, "part": does(func(ctx context.Context, task *job.Task) (any, error) {
			var n int
			if err := task.Decode(&n); err != nil {
				return nil, err
			}
			if n == 0 {
				return n, sleep(ctx, 20*time.Minute)
			}
			return n * n, sleep(ctx, time.Duration(takes.Load()))
		})})
		defer w.start(w.runner("wkr_a"))()
		takes.Store(int64(time.Hour))
		j := w.finish(w.limited("work", job.Limits{TimeBudget: new(int64(110 * 60))}).ID)
		w.want(j, job.Failed)
		// Four run for twenty minutes, and three for ten more.
		if took := j.FinishedAt.Sub(j.CreatedAt); j.Failure.Code != "time_budget_exceeded" || took < 30*time.Minute || took > 31*time.Minute {
			t.Errorf("ended after %s: %s", took, dump(j))
		}
		if spent := j.Spent(); spent < 110*time.Minute || spent > 112*time.Minute {
			t.Errorf("spent %s", spent)
		}
		time.Sleep(5 * time.Second)
		if got := states(w.children(j.ID)); got != "sccc" {
			t.Errorf("children %s", got)
		}
		takes.Store(int64(35 * time.Minute))
		if _, err := w.service.Retry(t.Context(), tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		j = w.finish(j.ID)
		w.want(j, job.Succeeded)
		if spent := j.Spent(); spent < 105*time.Minute || spent > 106*time.Minute {
			t.Errorf("spent %s: the first child's twenty minutes were of the first try", spent)
		}
	})
}

// Nothing of the budget is left for the parent when the children needed it all.
func TestTimeBudgetThatTheChildrenNeed(t *testing.T) {
	t.Parallel()
	for budget, want := range map[int64]job.State{120: job.Failed, 130: job.Succeeded} {
		t.Run(fmt.Sprint(budget), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": divided{n: 2}, "part": does(func(ctx context.Context, _ *job.Task) (any, error) {
					return 1, sleep(ctx, time.Minute)
				})})
				defer w.start(w.runner("wkr_a"))()
				j := w.finish(w.limited("work", job.Limits{TimeBudget: &budget}).ID)
				w.want(j, want)
				if want == job.Failed && j.Failure.Code != "time_budget_exceeded" {
					t.Error(dump(j))
				}
			})
		})
	}
}

// A new priority of a divided job is that of its parts, too.
func TestPriorityReachesChildren(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": divided{n: 5}, "part": does(part)})
		p := tenantPolicy(tenant)
		p.KindLimits = map[string]int{"part": 1}
		w.setTenant(p)
		defer w.start(w.runner("wkr_a"))()
		id := w.submit("work").ID
		w.until(id, func(j *job.Job) bool { return j.State == job.Awaiting })
		time.Sleep(time.Second)
		if _, err := w.service.Prioritise(t.Context(), tenant, id, 9); err != nil {
			t.Fatal(err)
		}
		urgent := 0
		for _, c := range w.children(id) {
			if c.State == job.Pending && c.Priority() == 9 {
				urgent++
			}
		}
		if urgent != 4 {
			t.Errorf("%d children that wait are urgent, want all but the first", urgent)
		}
		w.want(w.finish(id), job.Succeeded)
	})
}
