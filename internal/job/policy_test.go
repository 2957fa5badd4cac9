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

// TestPolicies checks what is kept, who may replace it, and what is refused.
func TestPolicies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		b := &broken{Driver: w.driver}
		s := job.NewService(job.ServiceConfig{Driver: b, Queue: w.queue, Files: w.files, Pools: []string{"training", "batch"}})
		ctx := t.Context()
		tenantTo := func(p job.TenantPolicy, revision *int64) error {
			_, err := s.SetTenantPolicy(ctx, p, revision)
			return err
		}
		queueTo := func(p job.QueuePolicy, revision *int64) error {
			_, err := s.SetQueuePolicy(ctx, p, revision)
			return err
		}
		batch := job.QueuePolicy{Meta: store.Meta{ID: "batch"}, Paused: true, UpdatedBy: "olga"}
		acme := tenantPolicy(tenant)
		acme.Weight = 2
		for want, err := range map[string]error{
			"invalid_tenant":           tenantTo(tenantPolicy(":system"), nil),
			"weight_out_of_range":      tenantTo(job.TenantPolicy{Meta: acme.Meta, Weight: -1}, nil),
			"max_running_out_of_range": tenantTo(job.TenantPolicy{Meta: acme.Meta, MaxRunning: new(-1)}, nil),
			"rate_limit_out_of_range":  tenantTo(job.TenantPolicy{Meta: acme.Meta, RateLimit: new(job.MaxRate + 1)}, nil),
			"max_waiting_out_of_range": tenantTo(job.TenantPolicy{Meta: acme.Meta, MaxWaiting: new(-5)}, nil),
			"kind_limit_out_of_range":  queueTo(job.QueuePolicy{Meta: batch.Meta, KindLimits: map[string]int{"work": 0}}, nil),
			"unknown_kind":             tenantTo(job.TenantPolicy{Meta: acme.Meta, KindLimits: map[string]int{"No kind": 1}}, nil),
			"queue_not_found":          queueTo(job.QueuePolicy{Meta: store.Meta{ID: "nowhere"}}, nil),
			"policy_changed":           tenantTo(acme, new(int64(1))),
		} {
			if code(err) != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
		if err := tenantTo(acme, new(int64(0))); err != nil {
			t.Error(err)
		}
		if err := tenantTo(acme, new(int64(0))); code(err) != "policy_changed" {
			t.Error(err)
		}
		if p, err := s.TenantPolicy(ctx, tenant); err != nil || p.Weight != 2 || p.Revision != 1 || p.UpdatedAt.IsZero() {
			t.Errorf("%+v, %v", p, err)
		}
		if p, err := s.TenantPolicy(ctx, "none"); err != nil || p.Revision != 0 || p.ID != "none" {
			t.Errorf("%+v, %v", p, err)
		}
		if page, err := s.TenantPolicies(ctx, "", 0); err != nil || len(page.Items) != 1 {
			t.Errorf("%+v, %v", page, err)
		}
		if err := queueTo(batch, nil); err != nil {
			t.Error(err)
		}
		w.submit("work")
		all, err := s.Queues(ctx)
		if err != nil || len(all) != 2 || all[0].ID != "batch" || !all[0].Paused || all[0].UpdatedBy != "olga" || all[0].Pending+all[0].Queued != 1 || all[1].ID != "training" {
			t.Errorf("%+v, %v", all, err)
		}
		for _, op := range []string{"get", "count", "find state", "find tenant"} {
			b.set(failing(op))
			_, one := s.Queues(ctx)
			_, two := s.TenantPolicies(ctx, "", 0)
			three := queueTo(batch, nil)
			failed := 0
			for _, err := range []error{one, two, three} {
				if err != nil && code(err) != "store_unavailable" {
					t.Errorf("%s: %v", op, err)
				}
				if err != nil {
					failed++
				}
			}
			if failed == 0 {
				t.Errorf("nothing fails without %s", op)
			}
		}
		b.set(failing("replace"))
		if err := tenantTo(acme, nil); code(err) != "store_unavailable" {
			t.Error(err)
		}
		b.set(func(op, collection string) error {
			if op == "replace" && collection == "tenant_policies" {
				return fmt.Errorf("%w", store.ErrStale) // somebody else is always faster
			}
			return nil
		})
		if err := tenantTo(acme, nil); code(err) != "policy_changed" {
			t.Error(err)
		}
	})
}

// TestDispatchWithoutStore fails each of the store's calls once, for a tenant
// and a queue with limits, and checks that the next pass goes on.
func TestDispatchWithoutStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		p := tenantPolicy(tenant)
		p.MaxRunning, p.KindLimits, p.RateLimit = new(1000), map[string]int{"work": 900}, new(600_000)
		w.setTenant(p)
		w.service = job.NewService(job.ServiceConfig{Driver: w.driver, Queue: w.queue, Files: w.files, Pools: []string{"batch"}})
		if _, err := w.service.SetQueuePolicy(t.Context(), job.QueuePolicy{Meta: store.Meta{ID: "batch"}, KindLimits: map[string]int{"work": 800}}, nil); err != nil {
			t.Fatal(err)
		}
		failures := 0
		for at := 1; ; at++ {
			w.submitMany(tenant, "work", 3)
			calls := 0
			b := &broken{Driver: w.driver, fail: func(string, string) error {
				if calls++; calls == at {
					return errDown
				}
				return nil
			}}
			k := job.NewKeeper(job.KeeperConfig{Driver: b, Queue: w.queue, Blind: many})
			n, err := k.Relay(t.Context())
			if err == nil {
				if n == 0 {
					t.Error("nothing was relayed at the end")
				}
				break
			}
			failures++
			for range 2 { // the first may find a job that it has made another revision of
				if n, err := k.Relay(t.Context()); err != nil {
					t.Fatalf("after call %d failed: relayed %d, %v", at, n, err)
				}
			}
			if page, err := w.service.List(t.Context(), tenant, job.Filter{State: string(job.Pending)}, "", 0); err != nil || len(page.Items) != 0 {
				t.Fatalf("after call %d failed: %d wait, %v", at, len(page.Items), err)
			}
			time.Sleep(time.Second)
		}
		if failures < 15 {
			t.Errorf("only %d calls", failures)
		}
	})
}
