package job_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// TestPause checks that a pause holds at once, for what the queue has, too, that
// nothing is lost or counted by it, and that its end is followed at once.
func TestPause(t *testing.T) {
	t.Parallel()
	pauses := map[string]func(f *fleet, paused bool){
		"queue": func(f *fleet, paused bool) {
			if _, err := f.service.SetQueuePolicy(f.t.Context(), job.QueuePolicy{Meta: store.Meta{ID: "batch"}, Paused: paused}, nil); err != nil {
				f.t.Fatal(err)
			}
		},
		"tenant": func(f *fleet, paused bool) {
			p := tenantPolicy(tenant)
			p.Paused = paused
			if _, err := f.service.SetTenantPolicy(f.t.Context(), p, nil); err != nil {
				f.t.Fatal(err)
			}
		},
	}
	for name, pause := range pauses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := withFleet(t, 2, 10*time.Second)
				ids := f.submitMany(tenant, "work", 8)
				time.Sleep(time.Second)
				pause(f, true)
				time.Sleep(time.Hour)
				if n := len(f.order(tenant)); n != 2 {
					t.Errorf("%d jobs were started, want the 2 from before the pause", n)
				}
				late := f.submitAs(tenant, "work", 9)
				f.want(late, job.Pending)
				if _, err := f.service.Cancel(t.Context(), tenant, ids[7]); err != nil {
					t.Error(err)
				}
				f.want(f.get(ids[7]), job.Cancelled)
				if name == "tenant" {
					f.ended("other", f.submitAs("other", "work", 5).ID)
				}
				pause(f, false)
				time.Sleep(2 * time.Second)
				if n := len(f.order(tenant)); n != 4 {
					t.Errorf("%d jobs were started, want 2 more", n)
				}
				for _, id := range append(ids[:7], late.ID) {
					if j := f.finish(id); j.State != job.Succeeded || j.Attempt != 1 || j.Failures+j.Crashes+j.Outages != 0 {
						t.Error(dump(j))
					}
				}
			})
		})
	}
}

// TestPauseReachesTheQueue checks that a job that the queue has is not started
// after the pause, and goes back to the line.
func TestPauseReachesTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
		j := w.submit("work")
		w.want(j, job.Queued)
		p := tenantPolicy(tenant)
		p.Paused = true
		w.setTenant(p)
		b := &broken{Driver: w.driver, fail: failing("get")}
		r := w.runner("wkr_a")
		if err := w.runner("wkr_b", func(c *job.RunnerConfig) { c.Driver = b }).Handle(t.Context(), j.Delivery()); err == nil {
			t.Error("claimed without the store")
		}
		b.set(func(op, collection string) error {
			if op == "get" && collection == "tenant_policies" {
				return errDown
			}
			return nil
		})
		if err := w.runner("wkr_b", func(c *job.RunnerConfig) { c.Driver = b }).Handle(t.Context(), j.Delivery()); err == nil {
			t.Error("claimed without knowing whether the tenant is paused")
		}
		if err := r.Handle(t.Context(), j.Delivery()); err != nil {
			t.Fatal(err)
		}
		got := w.get(j.ID)
		w.want(got, job.Pending)
		if last := got.History[len(got.History)-1]; last.Reason != "tenant_paused" || got.Attempt != 0 || !got.NotBefore.IsZero() {
			t.Error(dump(got))
		}
		w.setTenant(tenantPolicy(tenant))
		defer w.start(r)()
		if j := w.finish(j.ID); j.State != job.Succeeded || j.Epoch != 2 {
			t.Error(dump(j))
		}
	})
}

// TestTooManyWait checks that a tenant can fill its own line only, and that a
// request sent again is answered all the same.
func TestTooManyWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.service = job.NewService(job.ServiceConfig{Driver: w.driver, Queue: w.queue, Files: w.files, Observer: w.diary, Tenants: job.TenantDefaults{MaxWaiting: 10}})
		w.queue.setDown(true)
		submit := func(tenant, key string) error {
			_, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant, IdempotencyKey: key, Payload: 1})
			return err
		}
		for i := range 10 {
			if err := submit(tenant, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := submit(tenant, "new"); code(err) != "too_many_waiting_jobs" {
				t.Errorf("the eleventh: %v", err)
			}
			time.Sleep(time.Second)
		}
		if err := submit(tenant, "3"); err != nil {
			t.Errorf("sent again: %v", err)
		}
		if err := submit("other", ""); err != nil {
			t.Errorf("another tenant: %v", err)
		}
		p := tenantPolicy(tenant)
		p.MaxWaiting = new(12)
		w.setTenant(p)
		if err := submit(tenant, "new"); err != nil {
			t.Errorf("with a larger limit: %v", err)
		}
		w.queue.setDown(false)
		if n, err := w.keeper.Relay(t.Context()); n != 12 || err != nil {
			t.Fatalf("relayed %d, %v", n, err)
		}
		time.Sleep(time.Second)
		if err := submit(tenant, "later"); err != nil {
			t.Errorf("after some were started: %v", err)
		}
	})
}
