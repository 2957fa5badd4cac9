package job_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// fleet is a world with a worker of so many slots whose jobs take so long, and
// keeps who was started when.
type fleet struct {
	*world
	mu      sync.Mutex
	started []*job.Job
	most    map[string]int // jobs at a time, by tenant, kind, and tenant and kind
	now     map[string]int
}

func withFleet(t *testing.T, slots int, takes time.Duration, change ...func(*job.KeeperConfig)) *fleet {
	t.Helper()
	f := &fleet{most: map[string]int{}, now: map[string]int{}}
	run := does(func(ctx context.Context, task *job.Task) (any, error) {
		j := task.Job
		f.count(j, 1)
		defer f.count(j, -1)
		return nil, sleep(ctx, takes)
	})
	f.world = setup(t, map[string]job.Handler{"work": run, "other": run})
	f.service = job.NewService(job.ServiceConfig{Driver: f.driver, Queue: f.queue, Files: f.files, Observer: f.diary, Pools: []string{"batch"}})
	keeping := job.KeeperConfig{Driver: f.driver, Queue: f.queue, Observer: f.diary, Freed: f.queue.freed}
	for _, c := range change {
		c(&keeping)
	}
	f.keeper = job.NewKeeper(keeping)
	r := f.runner("wkr_a", func(c *job.RunnerConfig) { c.Slots = map[string]int{"batch": slots} })
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); synctest.Wait() })
	go r.Register(ctx, "host", 1)
	synctest.Wait()
	t.Cleanup(f.start(r))
	return f
}

func (f *fleet) count(j *job.Job, by int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if by > 0 {
		f.started = append(f.started, j)
	}
	for _, name := range []string{j.Tenant, j.Kind, j.Tenant + "/" + j.Kind} {
		f.now[name] += by
		f.most[name] = max(f.most[name], f.now[name])
	}
}

// tally counts the jobs that were started since the n-th, by tenant.
func (f *fleet) tally(n int) map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	by := map[string]int{}
	for _, j := range f.started[n:] {
		by[j.Tenant]++
	}
	return by
}

func (f *fleet) peak(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most[name]
}

func (f *fleet) order(tenant string) (ids []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.started {
		if j.Tenant == tenant {
			ids = append(ids, j.ID)
		}
	}
	return ids
}

func (w *world) submitAs(tenant, name string, priority int) *job.Job {
	w.t.Helper()
	j, _, err := w.service.Submit(w.t.Context(), job.Submission{Kind: kind(name), Tenant: tenant, Priority: &priority, Payload: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

func (w *world) submitMany(tenant, name string, n int) (ids []string) {
	w.t.Helper()
	for range n {
		ids = append(ids, w.submitAs(tenant, name, job.DefaultPriority).ID)
	}
	return ids
}

func (w *world) setTenant(p job.TenantPolicy) {
	w.t.Helper()
	if _, err := w.service.SetTenantPolicy(w.t.Context(), p, nil); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Second) // every process has seen it
}

func tenantPolicy(name string) job.TenantPolicy { return job.TenantPolicy{Meta: store.Meta{ID: name}} }

// TestFlood checks that a tenant that has submitted a great many jobs delays
// another one's next job by no more than a slot.
func TestFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const slots, takes = 4, time.Minute
		f := withFleet(t, slots, takes)
		f.submitMany("flood", "work", 20_000)
		for range 3 {
			time.Sleep(70 * time.Second)
			began := time.Now()
			id := f.submitAs("small", "work", job.DefaultPriority).ID
			for !slices.Contains(f.order("small"), id) {
				if time.Since(began) > takes+time.Second {
					j, _ := f.service.Get(t.Context(), "small", id)
					t.Fatalf("the other tenant's job is not started after %s: %s; %v; %d", time.Since(began), dump(j), f.tally(0), len(f.diary.text()))
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		if n := len(f.order("flood")); n < 3*slots {
			t.Errorf("only %d of the flood were started", n)
		}
		if waiting, active, _, _ := f.queue.Backlog(t.Context(), "batch"); waiting+active > slots {
			t.Errorf("the queue holds %d and %d jobs for %d slots", waiting, active, slots)
		}
	})
}

// TestWeights checks that tenants get their shares while they wait, and that
// nobody saves up turns.
func TestWeights(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := withFleet(t, 8, time.Second)
		three := tenantPolicy("three")
		three.Weight = 3
		f.setTenant(three)
		f.submitMany("one", "work", 400)
		time.Sleep(20 * time.Second) // alone it has everything
		if got := f.tally(0); got["one"] < 140 {
			t.Errorf("a tenant alone has started %v in 20 s on 8 slots", got)
		}
		f.submitMany("three", "work", 200)
		f.submitMany("late", "other", 40)
		time.Sleep(time.Second)
		before := len(f.order("one")) + len(f.order("three")) + len(f.order("late"))
		time.Sleep(25 * time.Second)
		got := f.tally(before)
		all := got["one"] + got["three"] + got["late"]
		for name, weight := range map[string]int{"one": 1, "late": 1, "three": 3} {
			if want := all * weight / 5; got[name] < want-2 || got[name] > want+2 {
				t.Errorf("%s has %d of %d, want %d", name, got[name], all, want)
			}
		}
	})
}

// TestPriorities checks that the more urgent goes first, that whoever waits long
// enough does so, too, and that a change counts at once.
func TestPriorities(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := withFleet(t, 1, time.Minute)
		running := f.submitAs(tenant, "work", 5).ID
		time.Sleep(time.Second)
		names := map[string]string{running: "running"}
		add := func(name, kind string, priority int) string {
			id := f.submitAs(tenant, kind, priority).ID
			names[id] = name
			time.Sleep(time.Millisecond)
			return id
		}
		old := add("old 0", "work", 0)
		time.Sleep(20 * time.Second)
		add("5", "work", 5)
		add("9", "other", 9)
		changed := add("changed to 8", "work", 3)
		add("7", "work", 7)
		if _, err := f.service.Prioritise(t.Context(), tenant, changed, 8); err != nil {
			t.Fatal(err)
		}
		if j := f.get(changed); j.Priority() != 8 || f.get(old).Priority() != 0 {
			t.Errorf("the priorities are %d and %d", j.Priority(), f.get(old).Priority())
		}
		time.Sleep(4*time.Minute + 50*time.Second)
		add("late 5", "work", 5) // five and a half minutes after the old one, which is five steps behind
		time.Sleep(4 * time.Minute)
		var got []string
		for _, id := range f.order(tenant) {
			got = append(got, names[id])
		}
		if want := []string{"running", "9", "changed to 8", "7", "5", "old 0", "late 5"}; !slices.Equal(got, want) {
			t.Errorf("started %q, want %q", got, want)
		}
		for id, wantCode := range map[string]string{running: "job_not_waiting", "job_00000000000000000000000000000000": "job_not_found"} {
			if _, err := f.service.Prioritise(t.Context(), tenant, id, 4); code(err) != wantCode {
				t.Errorf("%s: %v", names[id], err)
			}
		}
		if _, err := f.service.Prioritise(t.Context(), "another", changed, 4); code(err) != "job_not_found" {
			t.Errorf("another tenant's: %v", err)
		}
		for _, p := range []int{-1, 10} {
			if _, err := f.service.Prioritise(t.Context(), tenant, changed, p); code(err) != "priority_out_of_range" {
				t.Errorf("priority %d: %v", p, err)
			}
			if _, _, err := f.service.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant, Priority: &p}); code(err) != "priority_out_of_range" {
				t.Errorf("priority %d: %v", p, err)
			}
		}
	})
}

// TestLimits checks that limits hold and that what they keep from being started
// keeps nothing else.
func TestLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := withFleet(t, 12, 10*time.Second)
		p := tenantPolicy("bound")
		p.MaxRunning, p.KindLimits = new(4), map[string]int{"work": 1}
		f.setTenant(p)
		if _, err := f.service.SetQueuePolicy(t.Context(), job.QueuePolicy{Meta: store.Meta{ID: "batch"}, KindLimits: map[string]int{"other": 5}}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		ids := f.submitMany("bound", "work", 6)
		ids = append(ids, f.submitMany("bound", "other", 20)...)
		ids = append(ids, f.submitMany("free", "other", 20)...)
		free := f.submitMany("free", "work", 20)
		for _, id := range free {
			f.ended("free", id)
		}
		for _, id := range ids[:26] {
			f.ended("bound", id)
		}
		for _, id := range ids[26:] {
			f.ended("free", id)
		}
		for name, want := range map[string]int{"bound": 4, "bound/work": 1, "other": 5} {
			if got := f.peak(name); got != want {
				t.Errorf("%s had %d at a time, want %d", name, got, want)
			}
		}
		if got := f.peak("free/work"); got < 6 {
			t.Errorf("limits of others kept %d of 12 slots from a tenant without any", 12-got)
		}
	})
}

// ended waits for the end of another tenant's job.
func (w *world) ended(tenant, id string) {
	w.t.Helper()
	for range 10_000 {
		j, err := w.service.Get(w.t.Context(), tenant, id)
		if err != nil {
			w.t.Fatal(err)
		}
		if j.State == job.Succeeded {
			return
		}
		time.Sleep(time.Second)
	}
	w.t.Fatalf("job %s of %s has not ended", id, tenant)
}

// TestLimitWithTwoDispatchers lets dispatchers that all believe they lead race
// for the places of one tenant, and die between any two of their calls.
func TestLimitWithTwoDispatchers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := withFleet(t, 20, 3*time.Second)
		p := tenantPolicy("bound")
		p.MaxRunning = new(3)
		f.setTenant(p)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for i := range 3 {
			slow := &broken{Driver: f.driver}
			calls := 0
			slow.set(func(op, _ string) error {
				if calls++; calls%(41+6*i) == 0 {
					return fmt.Errorf("%s: %w", op, errDown) // of what it did, maybe
				}
				return nil
			})
			go job.NewKeeper(job.KeeperConfig{Driver: delayed{slow, time.Duration(i+1) * time.Millisecond}, Queue: f.queue}).Run(ctx)
		}
		ids := f.submitMany("bound", "work", 60)
		for _, id := range ids {
			f.ended("bound", id)
			active := 0
			for _, state := range []job.State{job.Queued, job.Running} {
				page, err := f.service.List(t.Context(), "bound", job.Filter{State: string(state)}, "", 0)
				if err != nil {
					t.Fatal(err)
				}
				active += len(page.Items)
			}
			if active > 3 {
				t.Errorf("%d jobs are with the queue or a worker", active)
			}
		}
		if got := f.peak("bound"); got != 3 {
			t.Errorf("%d ran at a time, want 3", got)
		}
		if n := f.driver.mostActive("bound"); n != 3 {
			t.Errorf("%d were with the queue or a worker at a time, want 3", n)
		}
	})
}

// delayed is a driver that takes its time before it writes.
type delayed struct {
	store.Driver
	by time.Duration
}

func (d delayed) Replace(ctx context.Context, c string, r ...store.Record) ([]error, error) {
	if err := sleep(ctx, d.by); err != nil {
		return nil, err
	}
	return d.Driver.Replace(ctx, c, r...)
}

// TestRate checks that a tenant starts no more jobs than its rate, and those at
// once.
func TestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := withFleet(t, 50, time.Second)
		p := tenantPolicy("slow")
		p.RateLimit = new(30)
		f.setTenant(p)
		f.submitMany("slow", "work", 100)
		f.submitMany("quick", "work", 100)
		time.Sleep(time.Minute)
		got := f.tally(0)
		if got["slow"] < 29 || got["slow"] > 31 || got["quick"] != 100 {
			t.Errorf("in a minute were started %v", got)
		}
		time.Sleep(time.Minute)
		if got := f.tally(0)["slow"]; got < 59 || got > 61 {
			t.Errorf("in two minutes were started %d", got)
		}
	})
}
