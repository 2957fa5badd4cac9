package job_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// TestFamilyCrashPoints kills the worker, the keeper or the API before and
// after every call it makes while a job fans out to children, they run, and it
// goes on; what is left of the system brings all of them to their one end.
func TestFamilyCrashPoints(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"plain", "failing", "cancelled"} {
		for _, victim := range []string{"worker", "keeper", "service"} {
			if victim == "service" && scenario != "cancelled" {
				continue // submitting is TestCrashPoints
			}
			t.Run(scenario+"/"+victim, func(t *testing.T) {
				t.Parallel()
				at := int64(1)
				for ; at < 2000; at++ {
					reached := false
					synctest.Test(t, func(t *testing.T) { reached = crashFamily(t, scenario, victim, at) })
					if !reached || t.Failed() {
						break
					}
				}
				if t.Failed() {
					t.Fatalf("killed at crash point %d", at)
				}
				if at < 3 {
					t.Errorf("only %d crash points", at-1)
				}
			})
		}
	}
}

// crashFamily runs the scenario once and reports whether the victim got as far
// as its crash point.
func crashFamily(t *testing.T, scenario, victim string, at int64) bool {
	fates := map[string]*fate{"service": {}, "worker": {}, "keeper": {}}
	fates[victim].at = at
	w := setup(t, nil)
	w.hurry = 15 * time.Minute
	service := job.NewService(job.ServiceConfig{Driver: fated{w.driver, fates["service"]}, Queue: fatedQueue{w.queue, fates["service"]}, Files: w.files})
	keeper := job.NewKeeper(job.KeeperConfig{Driver: fated{w.driver, fates["keeper"]}, Queue: fatedQueue{w.queue, fates["keeper"]}})
	finals := &atomic.Int64{}
	child := does(part)
	if scenario == "failing" {
		child = sometimes(map[int]bool{1: true}, &atomic.Bool{}, &atomic.Int64{})
	}
	runner := func(name string, f *fate) *job.Runner {
		return w.runner(name, func(c *job.RunnerConfig) {
			c.Driver = fated{w.driver, f}
			c.Files = &doomed{CheckpointFiles: w.files, step: f.step}
			c.Handlers = map[string]job.Handler{"work": divided{n: 3, finals: finals}, "part": child}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	go w.pump(ctx, runner("wkr_a", fates["worker"]), fates["worker"].dead)
	keeping, stopKeeping := context.WithCancel(ctx)
	defer stopKeeping()
	go keeper.Run(keeping)
	id := w.submit("work").ID
	go func() { // another worker takes over
		for start := time.Now(); !fates["worker"].dead() && time.Since(start) < time.Minute; {
			time.Sleep(100 * time.Millisecond)
		}
		w.pump(ctx, runner("wkr_b", &fate{}), immortal)
	}()
	go w.keeper.Run(ctx)
	acknowledged := false
	if scenario == "cancelled" {
		time.Sleep(time.Duration(at%5) * time.Second)
		_, err := service.Cancel(ctx, tenant, id)
		acknowledged = err == nil
	}
	j := w.finish(id)
	stopKeeping()
	switch {
	case acknowledged:
		w.want(j, job.Cancelled)
	case scenario == "cancelled" && j.State == job.Cancelled:
	case scenario == "failing":
		w.want(j, job.Failed)
	default:
		w.want(j, job.Succeeded)
		if string(j.Result) != "5" || reasons(j, "children_ended") != 1 {
			t.Errorf("%d finals: %s", finals.Load(), dump(j))
		}
	}
	time.Sleep(2 * time.Minute)
	judgeFamily(w, id)
	cancel()
	time.Sleep(3 * time.Hour) // what is dead gives up
	return fates[victim].dead()
}

// judgeFamily checks that every job there is has come to one end.
func judgeFamily(w *world, parent string) {
	w.t.Helper()
	for _, id := range w.driver.ids() {
		j := w.get(id)
		if !j.State.Terminal() {
			w.t.Errorf("job %s of parent %s is %s: %s", id, parent, j.State, dump(j))
		}
		ends := 0
		for _, h := range j.History {
			if h.State.Terminal() {
				ends++
			}
		}
		if ends != 1 {
			w.t.Errorf("%d ends: %s", ends, dump(j))
		}
	}
}

// crowd asks for that many children.
func crowd(n int) job.Handler {
	return does(func(ctx context.Context, task *job.Task) (any, error) {
		if task.Job.Family != nil {
			results, err := task.Children(ctx)
			return len(results), err
		}
		f := job.Fan{}
		for i := range n {
			f.Children = append(f.Children, job.ChildSpec{Name: fmt.Sprintf("%05d", i), Kind: kind("part"), Payload: i})
		}
		return nil, job.FanOut(f)
	})
}

// The most children there may be are stored, released and cancelled with their
// parent.
func TestMostChildren(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": crowd(job.MaxChildren)})
		j := w.submit("work")
		if err := w.runner("wkr_a").Handle(t.Context(), j.Delivery()); err != nil {
			t.Fatal(err)
		}
		parent := w.get(j.ID)
		w.want(parent, job.Awaiting)
		byState := store.Index{Name: "state", Fields: []store.IndexField{{Name: "tenant"}, {Name: "state"}, {Name: "created_at", Type: store.Int}}}
		released := store.Scan{Index: byState, Equal: []any{parent.Family.Fan, string(job.Pending)}, Descending: true, Limit: 1}
		if n, err := w.driver.Count(t.Context(), "jobs", released, 0); err != nil || n != job.MaxChildren {
			t.Fatalf("%d children are released, %v", n, err)
		}
		if last, err := w.driver.Find(t.Context(), "jobs", released); err != nil || len(last) != 1 || decode(last[0]).Child.Number != job.MaxChildren {
			t.Errorf("the last child: %v, %v", last, err)
		}
		if _, err := w.service.Cancel(t.Context(), tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		j = w.get(j.ID)
		w.want(j, job.Cancelled)
		if j.Family.States[job.Cancelled] != job.MaxChildren {
			t.Errorf("%v", j.Family.States)
		}
	})
}

// Many children run to their end, and the last one wakes their parent.
func TestManyChildren(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		var ran atomic.Int64
		w := setup(t, map[string]job.Handler{
			"work": crowd(n), "part": does(func(context.Context, *job.Task) (any, error) { return ran.Add(1), nil }),
		})
		r, ctx := w.runner("wkr_a"), t.Context()
		id := w.submit("work").ID
		for !w.get(id).State.Terminal() {
			if d, ok := w.queue.take(); ok {
				err := r.Handle(ctx, d)
				if err != nil {
					t.Fatal(err)
				}
				w.queue.settle(d, nil)
				continue
			}
			time.Sleep(time.Second)
			if err := w.keeper.Pass(ctx); err != nil {
				t.Fatal(err)
			}
		}
		j := w.get(id)
		w.want(j, job.Succeeded)
		if j.Family.States[job.Succeeded] != n || ran.Load() != n || string(j.Result) != fmt.Sprint(n) {
			t.Fatalf("%d ran: %s", ran.Load(), dump(j))
		}
	})
}
