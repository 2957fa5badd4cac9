package job_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// While long jobs hold every slot, or all that a limit allows, the dispatcher
// looks now and then; when one ends the next begins at once, if somebody tells.
func TestTheDispatcherRestsWhileNothingIsFree(t *testing.T) {
	t.Parallel()
	one, rate := 1, 6
	for _, tt := range []struct {
		name   string
		tells  bool
		slots  int
		policy job.TenantPolicy
		passes int64         // in a minute, at most
		within time.Duration // of the end of a job the next begins
	}{
		{"slots", true, 1, job.TenantPolicy{}, 130, 50 * time.Millisecond},
		{"slots, and nobody tells", false, 1, job.TenantPolicy{}, 130, 600 * time.Millisecond},
		{"a limit", true, 8, job.TenantPolicy{MaxRunning: &one}, 130, 50 * time.Millisecond},
		{"a limit of a kind", true, 8, job.TenantPolicy{KindLimits: map[string]int{"work": 1}}, 130, 50 * time.Millisecond},
		{"a limit, and a rate, for which time helps", false, 8, job.TenantPolicy{MaxRunning: &one, RateLimit: &rate}, 4000, 50 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var passes atomic.Int64
				f := withFleet(t, tt.slots, 3*time.Minute, func(c *job.KeeperConfig) {
					c.Dispatched = func(job.Dispatched) { passes.Add(1) }
					if !tt.tells {
						c.Freed = nil
					}
				})
				tt.policy.ID = tenant
				f.setTenant(tt.policy)
				ids := f.submitMany(tenant, "work", 3)
				f.until(ids[0], func(j *job.Job) bool { return j.State == job.Running })
				time.Sleep(time.Minute)
				passes.Store(0)
				time.Sleep(time.Minute)
				if n := passes.Load(); n > tt.passes || n < 100 {
					t.Errorf("%d passes in a minute in which nothing could be handed over", n)
				}
				for i, id := range ids[1:] {
					before, j := f.finish(ids[i]), f.until(id, func(j *job.Job) bool { return j.State == job.Running })
					if took := j.StartedAt.Sub(before.FinishedAt); took > tt.within {
						t.Errorf("the next job began %s after the end of the one before", took)
					}
				}
				f.finish(ids[2])
			})
		})
	}
}

// However many tenants wait, each has its turn, though one pass looks at some of
// them only.
func TestMoreTenantsThanOnePassLooksAt(t *testing.T) {
	t.Parallel()
	const tenants, each, window, room = 10, 3, 3, 2
	for name, barred := range map[string]int{"all": 0, "the first may have nothing": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
				w.keeper = job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w.queue, Blind: room + barred/2, Contenders: window})
				w.queue.setDown(true)
				for i := range tenants {
					name := fmt.Sprintf("t%02d", i)
					if i < barred {
						p := tenantPolicy(name)
						p.Paused = i%2 == 0
						p.KindLimits = map[string]int{"work": 1, "other": 1}
						w.setTenant(p)
					}
					w.submitMany(name, "work", each)
				}
				w.queue.setDown(false)
				r := w.runner("wkr_a")
				var held []job.Delivery // a limit is used up as long as they have not ended
				turn := func() (had []string) {
					t.Helper()
					if _, err := w.keeper.Relay(t.Context()); err != nil {
						t.Fatal(err)
					}
					for d, ok := w.queue.take(); ok; d, ok = w.queue.take() {
						had = append(had, d.Tenant)
						if slices.Contains([]string{"t01", "t03"}, d.Tenant) && barred > 0 {
							held = append(held, d)
							continue
						}
						if err := r.Handle(t.Context(), d); err != nil {
							t.Fatal(err)
						}
						w.queue.settle(d, nil)
					}
					return had
				}
				rounds := map[string]int{}
				for pass := 1; pass <= 4*tenants; pass++ {
					for _, name := range turn() {
						rounds[name]++
					}
					if pass == tenants/room && barred == 0 {
						for i := range tenants {
							if name := fmt.Sprintf("t%02d", i); rounds[name] != 1 {
								t.Errorf("after %d passes of %d turns tenant %s has had %d: %v", pass, room, name, rounds[name], rounds)
							}
						}
					}
					time.Sleep(time.Second)
				}
				for i := range tenants {
					want := each
					if i < barred {
						want = i % 2 // one that is held, none while it is paused
					}
					if name := fmt.Sprintf("t%02d", i); rounds[name] != want {
						t.Errorf("tenant %s has had %d turns of %d", name, rounds[name], want)
					}
				}
				if len(held) != barred/2 {
					t.Errorf("%d are held", len(held))
				}
			})
		})
	}
}
