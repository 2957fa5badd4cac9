package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// divided is a parent that has its numbers squared by children and adds up
// what they return.
type divided struct {
	n        int
	tolerate int
	finals   *atomic.Int64 // calls that found the children's results
	names    func(i int) string
}

func (d divided) fan() job.Fan {
	f := job.Fan{Tolerate: d.tolerate, Until: 0.9}
	for i := range d.n {
		name := fmt.Sprint("part-", i)
		if d.names != nil {
			name = d.names(i)
		}
		f.Children = append(f.Children, job.ChildSpec{Name: name, Kind: kind("part"), Weight: float64(i + 1), Payload: i})
	}
	return f
}

func (d divided) Run(ctx context.Context, t *job.Task) (any, error) {
	if t.Job.Family == nil {
		t.Report.Progress("divide", 0.1, 0, 0)
		return nil, job.FanOut(d.fan())
	}
	if d.finals != nil {
		d.finals.Add(1)
	}
	results, err := t.Children(ctx)
	if err != nil {
		return nil, err
	}
	sum := 0
	for i, r := range results {
		if r.Number != i+1 || r.Name != fmt.Sprint("part-", i) {
			return nil, job.Permanent(fmt.Errorf("child %d is %q, number %d", i, r.Name, r.Number))
		}
		n := 0
		if r.State == job.Succeeded {
			if err := json.Unmarshal(r.Result, &n); err != nil {
				return nil, err
			}
		}
		sum += n
	}
	return sum, sleep(ctx, time.Second)
}

// part squares its number after some seconds.
func part(ctx context.Context, t *job.Task) (any, error) {
	var n int
	if err := t.Decode(&n); err != nil {
		return nil, err
	}
	t.Report.Progress("square", 0.5, int64(n), 0)
	return n * n, sleep(ctx, 3*time.Second)
}

// children returns all children of the job.
func (w *world) children(id string) []*job.Job {
	w.t.Helper()
	var all []*job.Job
	cursor := ""
	for {
		page, err := w.service.List(w.t.Context(), tenant, job.Filter{Parent: id}, cursor, 500)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

func states(jobs []*job.Job) string {
	var b strings.Builder
	for _, j := range jobs {
		fmt.Fprintf(&b, "%c", j.State[0])
	}
	return b.String()
}

// reasons returns how often the job's history names the reason.
func reasons(j *job.Job, reason string) int {
	n := 0
	for _, h := range j.History {
		if h.Reason == reason {
			n++
		}
	}
	return n
}

func TestFanOutAndIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		finals := &atomic.Int64{}
		w := setup(t, map[string]job.Handler{"work": divided{n: 5, finals: finals}, "part": does(part)})
		stop := w.start(w.runner("wkr_a"), w.runner("wkr_b"))
		defer stop()
		j := w.submit("work")
		seen := w.until(j.ID, func(j *job.Job) bool { return j.State == job.Awaiting && j.Progress.Fraction > 0.2 })
		if seen.Worker != "" || seen.Family.Children != 5 || seen.Waiting.Code != "children_running" || seen.Progress.Rows == 0 {
			t.Errorf("while it waits: %s", dump(seen))
		}
		j = w.finish(j.ID)
		w.want(j, job.Succeeded)
		if string(j.Result) != "30" || finals.Load() != 1 || j.Attempt != 2 || reasons(j, "children_ended") != 1 || j.Failures+j.Crashes != 0 {
			t.Errorf("%d finals, %s", finals.Load(), dump(j))
		}
		if j.Family.States[job.Succeeded] != 5 || j.Progress.Fraction != 1 {
			t.Errorf("family %+v", j.Family)
		}
		children := w.children(j.ID)
		if states(children) != "sssss" || children[3].Child.Name != "part-3" || children[3].Tenant != tenant || children[3].Subject != "ds_1" {
			t.Errorf("children %s, %s", states(children), dump(children[3]))
		}
		page, err := w.service.List(t.Context(), tenant, job.Filter{}, "", 0)
		if err != nil || len(page.Items) != 1 {
			t.Errorf("the list of jobs shows %d, %v", len(page.Items), err)
		}
		if page, err = w.service.List(t.Context(), tenant, job.Filter{Parent: j.ID, State: "succeeded", Kind: "part"}, "", 2); err != nil || len(page.Items) != 2 || page.Next == "" {
			t.Errorf("a page of %d children, %v", len(page.Items), err)
		}
		for _, f := range []job.Filter{{Parent: j.ID, State: "failed"}, {Parent: j.ID, Subject: "ds_2"}, {Parent: children[0].ID}} {
			if page, err = w.service.List(t.Context(), tenant, f, "", 0); err != nil || len(page.Items) != 0 {
				t.Errorf("%+v lists %d, %v", f, len(page.Items), err)
			}
		}
		if page, err = w.service.List(t.Context(), "other", job.Filter{Parent: j.ID}, "", 0); err != nil || len(page.Items) != 0 {
			t.Errorf("another tenant lists %d children, %v", len(page.Items), err)
		}
	})
}

// sometimes is a child that fails for some numbers, at the first attempt of its
// parent's first round or always.
func sometimes(numbers map[int]bool, healed *atomic.Bool, runs *atomic.Int64) job.Handler {
	return does(func(ctx context.Context, t *job.Task) (any, error) {
		runs.Add(1)
		var n int
		if err := t.Decode(&n); err != nil {
			return nil, err
		}
		if numbers[n] && !healed.Load() {
			return nil, job.Permanent(errors.New("no"))
		}
		return part(ctx, t)
	})
}

func TestChildrenFail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		tolerate int
		bad      map[int]bool
		want     job.State
		result   string
		states   string
	}{
		{"fail fast", 0, map[int]bool{2: true}, job.Failed, "", "ccfcc"},
		{"tolerated", 2, map[int]bool{0: true, 4: true}, job.Succeeded, "14", "fsssf"},
		{"too many", 1, map[int]bool{0: true, 4: true}, job.Failed, "", "fcccf"},
		{"all", 5, map[int]bool{0: true, 1: true, 2: true, 3: true, 4: true}, job.Succeeded, "0", "fffff"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				runs, healed := &atomic.Int64{}, &atomic.Bool{}
				w := setup(t, map[string]job.Handler{"work": divided{n: 5, tolerate: tt.tolerate}, "part": sometimes(tt.bad, healed, runs)})
				defer w.start(w.runner("wkr_a"))()
				j := w.finish(w.submit("work").ID)
				w.want(j, tt.want)
				time.Sleep(5 * time.Second) // children that were told
				if got := states(w.children(j.ID)); got != tt.states || string(j.Result) != tt.result {
					t.Errorf("children %s, result %s", got, j.Result)
				}
				if tt.want == job.Failed && (j.Failure.Code != "internal" || !strings.Contains(j.Failure.Message, "part-")) {
					t.Errorf("the failure does not tell which: %+v", j.Failure)
				}
			})
		})
	}
}

// A parent that is retried runs again only what has not succeeded.
func TestRetryAFamily(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs, healed := &atomic.Int64{}, &atomic.Bool{}
		w := setup(t, map[string]job.Handler{"work": divided{n: 5, tolerate: 1}, "part": does(func(ctx context.Context, task *job.Task) (any, error) {
			if err := sleep(ctx, time.Duration(task.Job.Child.Number%2)*5*time.Second); err != nil {
				return nil, err
			}
			return sometimes(map[int]bool{0: true, 2: true}, healed, runs).Run(ctx, task)
		})})
		defer w.start(w.runner("wkr_a"))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Failed)
		time.Sleep(2 * time.Second) // the one that was told
		if got := states(w.children(j.ID)); got != "fsfsc" {
			t.Fatalf("children %s", got)
		}
		child := w.children(j.ID)[0]
		if _, err := w.service.Retry(t.Context(), tenant, child.ID); code(err) != "child_not_retryable" {
			t.Errorf("a child was retried by itself: %v", err)
		}
		healed.Store(true)
		runs.Store(0)
		if _, err := w.service.Retry(t.Context(), tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		j = w.until(j.ID, func(j *job.Job) bool { return j.State.Terminal() && j.Round == 1 })
		w.want(j, job.Succeeded)
		if string(j.Result) != "30" || runs.Load() != 3 {
			t.Errorf("result %s, %d runs after 2 of 5 children had succeeded", j.Result, runs.Load())
		}
	})
}

// While children of the round before still run, the retried parent waits for
// them to end.
func TestRetryWhileChildrenEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var stubborn atomic.Int64
		w := setup(t, map[string]job.Handler{"work": divided{n: 2}, "part": does(func(ctx context.Context, task *job.Task) (any, error) {
			if task.Job.Child.Number == 1 && stubborn.Add(1) == 1 {
				<-release // ignores its context for a while
			}
			return part(ctx, task)
		})})
		defer w.start(w.runner("wkr_a"))()
		j := w.submit("work")
		w.until(j.ID, func(*job.Job) bool { return stubborn.Load() == 1 })
		if _, err := w.service.Cancel(t.Context(), tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		w.want(w.get(j.ID), job.Cancelled)
		if _, err := w.service.Retry(t.Context(), tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		j = w.until(j.ID, func(j *job.Job) bool { return j.Waiting != nil && j.Waiting.Code == "children_ending" })
		close(release)
		j = w.finish(j.ID)
		w.want(j, job.Succeeded)
		if string(j.Result) != "1" {
			t.Error(dump(j))
		}
	})
}

func TestFansThatAreRefused(t *testing.T) {
	t.Parallel()
	same := func(int) string { return "same" }
	long := func(i int) string { return strings.Repeat("x", 200) + fmt.Sprint(i) }
	for _, tt := range []struct {
		name    string
		handler job.Handler
		code    string
	}{
		{"too many", divided{n: job.MaxChildren + 1}, "too_many_children"},
		{"none", divided{n: 0}, "internal"},
		{"one name twice", divided{n: 2, names: same}, "internal"},
		{"a name that is none", divided{n: 2, names: long}, "internal"},
		{"negative", divided{n: 2, tolerate: -1}, "internal"},
		{"a payload that cannot be encoded", does(func(context.Context, *job.Task) (any, error) {
			return nil, job.FanOut(job.Fan{Children: []job.ChildSpec{{Name: "a", Kind: kind("part"), Payload: func() {}}}})
		}), "internal"},
		{"a payload that is too long", does(func(context.Context, *job.Task) (any, error) {
			return nil, job.FanOut(job.Fan{Children: []job.ChildSpec{{Name: "a", Kind: kind("part"), Payload: strings.Repeat("x", 2<<20)}}})
		}), "internal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": tt.handler, "part": does(part)})
				defer w.start(w.runner("wkr_a"))()
				j := w.finish(w.submit("work").ID)
				w.want(j, job.Failed)
				if j.Failure.Code != tt.code || j.Attempt != 1 || j.Family != nil {
					t.Error(dump(j))
				}
				if n, err := w.driver.Count(t.Context(), "jobs", store.Scan{Index: store.Index{Name: "due", Fields: []store.IndexField{{Name: "state"}, {Name: "due_at", Type: store.Int}}}, Limit: 1}, 0); err != nil || n != 1 {
					t.Errorf("%d jobs are stored, %v", n, err)
				}
			})
		})
	}
}

// Enders that race let the parent go on once.
func TestFanInOnce(t *testing.T) {
	t.Parallel()
	for seed := range 20 {
		synctest.Test(t, func(t *testing.T) {
			finals := &atomic.Int64{}
			w := setup(t, map[string]job.Handler{"work": divided{n: 8, finals: finals}, "part": does(func(ctx context.Context, task *job.Task) (any, error) {
				var n int
				err := task.Decode(&n)
				return n * n, errors.Join(err, sleep(ctx, time.Duration(2+seed%3)*time.Second))
			})})
			runners := make([]*job.Runner, 8)
			for i := range runners {
				runners[i] = w.runner(fmt.Sprint("wkr_", i))
			}
			defer w.start(runners...)()
			j := w.finish(w.submit("work").ID)
			w.want(j, job.Succeeded)
			if finals.Load() != 1 || reasons(j, "children_ended") != 1 || string(j.Result) != "140" {
				t.Errorf("%d finals: %s", finals.Load(), dump(j))
			}
		})
	}
}
