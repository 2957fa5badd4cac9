package job_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

const gib = 1 << 30

// heavy submits a job that needs the memory.
func (w *world) heavy(name string, bytes int64) *job.Job {
	w.t.Helper()
	j, _, err := w.service.Submit(w.t.Context(), job.Submission{Kind: kind(name), Tenant: tenant, Payload: 1, Memory: bytes})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// roll notes which jobs began, in order, and how much memory they held at most
// together.
type roll struct {
	mu         sync.Mutex
	began      []string
	held, peak int64
}

// takes returns a handler that takes a while.
func (r *roll) takes(d time.Duration) job.Handler {
	return does(func(ctx context.Context, t *job.Task) (any, error) {
		r.mu.Lock()
		r.began = append(r.began, t.Job.ID)
		r.held += t.Job.Memory
		r.peak = max(r.peak, r.held)
		r.mu.Unlock()
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.held -= t.Job.Memory
		}()
		return 1, sleep(ctx, d)
	})
}

// deliver hands the next delivery to the runner, which is worked on beside.
func (w *world) deliver(r *job.Runner) <-chan error {
	w.t.Helper()
	d, ok := w.queue.take()
	if !ok {
		w.t.Fatal("the queue is empty")
	}
	done := make(chan error, 1)
	go func() {
		err := r.Handle(context.WithoutCancel(w.t.Context()), d)
		w.queue.settle(d, err)
		done <- err
	}()
	synctest.Wait()
	return done
}

func withMemory(bytes int64) func(*job.RunnerConfig) {
	return func(c *job.RunnerConfig) { c.Memory = bytes }
}

func TestMemoryIsNeverGivenTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r roll
		w := setup(t, map[string]job.Handler{"x": r.takes(time.Minute)})
		runner := w.runner("wkr_a", withMemory(8*gib))
		var ids []string
		for i := range 40 {
			ids = append(ids, w.heavy("x", int64(i%5+1)*gib).ID)
		}
		old := w.heavy("x", 0) // from before jobs declared their memory
		defer w.start(runner)()
		for _, id := range append(ids, old.ID) {
			w.want(w.finish(id), job.Succeeded)
		}
		if r.peak > 8*gib || r.peak < 6*gib {
			t.Errorf("the jobs held %s at most, of 8 GiB", job.Size(r.peak))
		}
		if used, total, waiting := runner.Memory(); used != 0 || total != 8*gib || waiting != 0 {
			t.Errorf("at the end %d of %d are taken, %d wait", used, total, waiting)
		}
	})
}

// A big job waits at the head of the line. Small ones pass it for a while, and
// then no more, though they never end coming.
func TestMemoryDoesNotStarveTheBig(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r roll
		w := setup(t, map[string]job.Handler{"x": r.takes(time.Minute)})
		runner := w.runner("wkr_a", withMemory(4*gib))
		first := w.heavy("x", 3*gib)
		w.deliver(runner)
		big := w.heavy("x", 4*gib)
		w.deliver(runner)
		var small []string
		for range 30 {
			small = append(small, w.heavy("x", gib).ID)
			w.deliver(runner)
			time.Sleep(20 * time.Second)
			synctest.Wait()
		}
		defer w.start(runner)()
		for _, id := range append(small, big.ID) {
			w.want(w.finish(id), job.Succeeded)
		}
		at := slices.Index(r.began, big.ID)
		if r.began[0] != first.ID || at < 2 || at > 9 {
			t.Errorf("the big job began as number %d", at+1)
		}
	})
}

func TestWaitingForMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r roll
		w := setup(t, map[string]job.Handler{"x": r.takes(time.Minute)})
		runner := w.runner("wkr_a", withMemory(4*gib))
		w.heavy("x", 3*gib)
		w.deliver(runner)
		waits, goes := w.heavy("x", 2*gib), w.heavy("x", 2*gib)
		w.deliver(runner)
		gone := w.deliver(runner)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		j := w.get(waits.ID)
		if j.State != job.Queued || j.Waiting == nil || j.Waiting.Code != "memory_needed" || !strings.Contains(j.Waiting.Message, "needs 2 GiB") || !strings.Contains(j.Waiting.Message, "1 GiB left of 4 GiB") {
			t.Errorf("job %s", dump(j))
		}
		// Who is cancelled leaves the line.
		if _, err := w.service.Cancel(t.Context(), tenant, goes.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		select {
		case err := <-gone:
			if err != nil {
				t.Errorf("the cancelled job's delivery ended with %v", err)
			}
		default:
			t.Error("the cancelled job is still waited with")
		}
		if _, _, waiting := runner.Memory(); waiting != 1 {
			t.Errorf("%d wait", waiting)
		}
		j = w.finish(waits.ID)
		w.want(j, job.Succeeded)
		if j.Waiting != nil || j.Attempt != 1 || j.Epoch != 1 {
			t.Errorf("job %s", dump(j))
		}
	})
}

func TestDrainWhileWaitingForMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r roll
		w := setup(t, map[string]job.Handler{"x": r.takes(time.Minute)})
		runner := w.runner("wkr_a", withMemory(4*gib))
		w.heavy("x", 3*gib)
		w.deliver(runner)
		w.heavy("x", 2*gib)
		waiting := w.deliver(runner)
		w.heavy("x", 2*gib)
		ctx, cancel := context.WithCancelCause(t.Context())
		d, _ := w.queue.take()
		given := make(chan error, 1)
		go func() { given <- runner.Handle(ctx, d) }()
		synctest.Wait()
		cancel(errDown)
		if err := <-given; !errors.Is(err, errDown) {
			t.Errorf("the delivery that was given up ended with %v", err)
		}
		runner.Drain()
		if err := <-waiting; !errors.Is(err, job.ErrDraining) {
			t.Errorf("the delivery that waited ended with %v", err)
		}
		time.Sleep(time.Hour)
		if used, _, n := runner.Memory(); used != 0 || n != 0 {
			t.Errorf("%d bytes are taken, %d wait", used, n)
		}
	})
}

// register runs the worker's record beside until the test ends.
func (w *world) register(runners ...*job.Runner) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, r := range runners {
		wg.Go(func() { r.Register(ctx, "host", 1) })
	}
	synctest.Wait()
	return func() { cancel(); wg.Wait() }
}

func withSlots(n int) func(*job.RunnerConfig) {
	return func(c *job.RunnerConfig) { c.Slots = map[string]int{"batch": n} }
}

// A job that waits on one worker goes to another that has room.
func TestAnotherWorkerHasRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r roll
		w := setup(t, map[string]job.Handler{"x": r.takes(time.Hour)})
		a := w.runner("wkr_a", withMemory(4*gib), withSlots(4))
		b := w.runner("wkr_b", withMemory(4*gib), withSlots(1))
		w.heavy("x", 3*gib)
		w.deliver(a)
		w.heavy("x", 3*gib)
		onB := w.deliver(b)
		stop := w.register(a, b)
		defer stop()
		waits := w.heavy("x", 3*gib)
		waiting := w.deliver(a)
		time.Sleep(30 * time.Minute)
		select {
		case err := <-waiting:
			t.Fatalf("it was given back though nobody has room: %v", err)
		default:
		}
		time.Sleep(20 * time.Minute)
		w.heavy("x", 0)
		w.deliver(a) // keeps no memory, and a slot
		if err := <-onB; err != nil {
			t.Fatal(err)
		}
		if err := <-waiting; err != nil && !errors.Is(err, job.ErrNoRoom) {
			t.Fatal(err)
		}
		defer w.start(a, b)()
		w.want(w.finish(waits.ID), job.Succeeded)
	})
}

func TestGivenBackForAnotherWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r roll
		w := setup(t, map[string]job.Handler{"x": r.takes(time.Hour)})
		a := w.runner("wkr_a", withMemory(4*gib), withSlots(4))
		b := w.runner("wkr_b", withMemory(4*gib), withSlots(1))
		w.heavy("x", 3*gib)
		w.deliver(a)
		waits := w.heavy("x", 3*gib)
		waiting := w.deliver(a)
		defer w.register(a, b)()
		if err := <-waiting; !errors.Is(err, job.ErrNoRoom) {
			t.Fatalf("it was not given back: %v", err)
		}
		time.Sleep(2 * time.Second)
		w.deliver(b)
		if j := w.get(waits.ID); j.Worker != "wkr_b" || j.Attempt != 1 || j.Epoch != 1 {
			t.Errorf("job %s", dump(j))
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestBiggerWorkerIsNeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r roll
		w := setup(t, map[string]job.Handler{"x": r.takes(time.Minute)})
		small := w.runner("wkr_small", withMemory(2*gib), withSlots(1))
		big := w.runner("wkr_big", withMemory(8*gib), withSlots(1))
		defer w.register(small, big)()
		j := w.heavy("x", 6*gib)
		if err := <-w.deliver(small); err != nil {
			t.Fatal(err)
		}
		j = w.get(j.ID)
		if j.State != job.Pending || j.Waiting == nil || j.Waiting.Code != "bigger_worker_needed" || !strings.Contains(j.Waiting.Message, "needs 6 GiB") || !strings.Contains(j.Waiting.Message, "has 2 GiB") {
			t.Errorf("job %s", dump(j))
		}
		defer w.start(small, big)()
		j = w.finish(j.ID)
		w.want(j, job.Succeeded)
		if j.Worker != "wkr_big" || j.Attempt != 1 || j.Failures+j.Crashes+j.Outages != 0 {
			t.Errorf("job %s", dump(j))
		}
	})
}

func TestNoWorkerIsBigEnough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r roll
		w := setup(t, map[string]job.Handler{"x": r.takes(time.Minute)})
		small := w.runner("wkr_small", withMemory(2*gib), withSlots(1))
		other := w.runner("wkr_other", withMemory(3*gib), withSlots(1))
		elsewhere := w.runner("wkr_elsewhere", withMemory(64*gib), func(c *job.RunnerConfig) { c.Slots = map[string]int{"training": 1} })
		defer w.register(small, other, elsewhere)()
		defer w.start(small, other)()
		id := w.heavy("x", 6*gib).ID
		j := w.until(id, func(j *job.Job) bool { return j.State == job.Pending && j.Waiting != nil })
		if j.Waiting.Code != "memory_budget_too_small" {
			t.Errorf("it waits for %+v", j.Waiting)
		}
		j = w.finish(id)
		w.want(j, job.Failed)
		for _, said := range []string{"needs 6 GiB", "largest worker of the pool batch has 3 GiB", "worker.memory", "fewer rows or columns"} {
			if !strings.Contains(j.Failure.Message, said) {
				t.Errorf("%q does not say %q", j.Failure.Message, said)
			}
		}
		if j.Failure.Code != "memory_budget_too_small" || j.Attempt != 0 || j.FinishedAt.Sub(j.CreatedAt) < time.Minute || j.FinishedAt.Sub(j.CreatedAt) > 2*time.Minute {
			t.Errorf("job %s", dump(j))
		}
		// A larger worker came, and its owner tries again.
		big := w.runner("wkr_big", withMemory(8*gib), withSlots(1))
		defer w.register(big)()
		defer w.start(big)()
		if _, err := w.service.Retry(t.Context(), tenant, id); err != nil {
			t.Fatal(err)
		}
		w.want(w.finish(id), job.Succeeded)
	})
}

// eats uses memory as if it were in a process of its own, and asks for more.
func eats(bytes int64) job.Handler {
	return does(func(_ context.Context, t *job.Task) (any, error) {
		t.Memory.Used(bytes)
		if t.Memory.Bytes() > 0 && bytes > t.Memory.Grow(bytes) {
			return nil, t.Memory.Exceeded(bytes)
		}
		return t.Memory.Bytes(), nil
	})
}

func TestAllowance(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		budget   int64
		beside   int64 // taken by another job for an hour
		estimate int64
		asked    string
		uses     int64
		state    job.State
		attempts int
		said     []string
		peak     int64
	}{
		{"within the estimate", 8 * gib, 0, gib, "", gib, job.Succeeded, 1, nil, gib},
		{"an estimate grows", 8 * gib, 0, gib, "", 5 * gib, job.Succeeded, 1, nil, 5 * gib},
		{"up to the budget", 8 * gib, 0, gib, "", 9 * gib, job.Failed, 1, []string{"at least 9 GiB", "had 8 GiB", "worker.memory"}, 9 * gib},
		{"what was asked for does not grow", 8 * gib, 0, gib, "2GiB", 3 * gib, job.Failed, 1, []string{"at least 3 GiB", "had 2 GiB", "ask for more with memory"}, 3 * gib},
		{"beside others it is tried again with more", 8 * gib, 6 * gib, gib, "", 3 * gib, job.Succeeded, 2, nil, 3 * gib},
		{"no budget", 0, 0, gib, "", 50 * gib, job.Succeeded, 1, nil, 50 * gib},
		{"no budget, but asked for", 0, 0, gib, "2GiB", 3 * gib, job.Failed, 1, []string{"at least 3 GiB", "had 2 GiB"}, 3 * gib},
		{"not known", 8 * gib, 0, 0, "", 50 * gib, job.Succeeded, 1, nil, 50 * gib},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var r roll
				w := setup(t, map[string]job.Handler{"x": eats(test.uses), "beside": r.takes(time.Hour)})
				defer w.start(w.runner("wkr_a", withMemory(test.budget)))()
				beside := ""
				if test.beside > 0 {
					beside = w.heavy("beside", test.beside).ID
					w.until(beside, func(j *job.Job) bool { return j.State == job.Running })
				}
				j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("x"), Tenant: tenant, Payload: 1, Memory: test.estimate, Limits: job.Limits{Memory: test.asked}})
				if err != nil {
					t.Fatal(err)
				}
				j = w.finish(j.ID)
				w.want(j, test.state)
				if j.Attempt != test.attempts || j.MemoryPeak != test.peak {
					t.Errorf("job %s", dump(j))
				}
				if test.state == job.Failed && j.Failure.Code != "memory_exceeded" {
					t.Errorf("failure %+v", j.Failure)
				}
				for _, said := range test.said {
					if !strings.Contains(j.Failure.Message, said) {
						t.Errorf("%q does not say %q", j.Failure.Message, said)
					}
				}
				if beside != "" {
					w.want(w.finish(beside), job.Succeeded)
				}
			})
		})
	}
}

// The process of an attempt that dies of itself is a crash of the job.
func TestCrashesOfTheProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dies := func(times int) job.Handler {
			return does(func(_ context.Context, t *job.Task) (any, error) {
				if t.Job.Attempt <= times {
					return nil, &job.CrashError{Err: errors.New("signal: killed")}
				}
				return 1, nil
			})
		}
		w := setup(t, map[string]job.Handler{"twice": dies(2), "always": dies(99)})
		defer w.start(w.runner("wkr_a"))()
		j := w.finish(w.submit("twice").ID)
		w.want(j, job.Succeeded)
		if j.Crashes != 2 || j.Failures != 0 || j.Attempt != 3 || j.Failure != nil {
			t.Errorf("job %s", dump(j))
		}
		j = w.finish(w.submit("always").ID)
		w.want(j, job.Failed)
		if j.Crashes != 3 || j.Failures != 0 || j.Failure.Code != "job_crashed" || !strings.Contains(j.Failure.Message, "3 crashes") {
			t.Errorf("job %s", dump(j))
		}
		if !strings.Contains(w.diary.text(), "signal: killed") {
			t.Errorf("the observer was not told why: %s", w.diary.text())
		}
	})
}

// The rest of what may happen to a job that needs more than its worker has.
func TestStoreThatIsAwayWhileAJobWaitsForMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r roll
		w := setup(t, map[string]job.Handler{"x": r.takes(time.Minute)})
		away := &awayStore{Driver: w.driver}
		runner := w.runner("wkr_a", withMemory(4*gib), func(c *job.RunnerConfig) { c.Driver = away })
		w.heavy("x", 3*gib)
		w.deliver(runner)
		waits := w.heavy("x", 2*gib)
		w.deliver(runner)
		away.set("jobs", "workers")
		time.Sleep(20 * time.Second)
		away.set("workers")
		time.Sleep(20 * time.Second)
		away.set()
		w.want(w.finish(waits.ID), job.Succeeded)

		// Nobody can say whether there is a larger worker: the delivery comes again.
		away.set("workers")
		big := w.heavy("x", 6*gib)
		if err := <-w.deliver(runner); !errors.Is(err, errDown) {
			t.Errorf("the delivery ended with %v", err)
		}
		if j := w.get(big.ID); j.State != job.Queued || j.Waiting != nil {
			t.Errorf("job %s", dump(j))
		}
	})
}

// awayStore does not answer about some collections.
type awayStore struct {
	store.Driver
	mu   sync.Mutex
	away []string
}

func (a *awayStore) set(collections ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away = collections
}

func (a *awayStore) fails(collection string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.Contains(a.away, collection) {
		return errDown
	}
	return nil
}

func (a *awayStore) Get(ctx context.Context, collection, id string) (store.Record, error) {
	if err := a.fails(collection); err != nil {
		return store.Record{}, err
	}
	return a.Driver.Get(ctx, collection, id)
}

func (a *awayStore) Find(ctx context.Context, collection string, scan store.Scan) ([]store.Record, error) {
	if err := a.fails(collection); err != nil {
		return nil, err
	}
	return a.Driver.Find(ctx, collection, scan)
}

// An allowance that is none has no limit.
func TestNoAllowance(t *testing.T) {
	t.Parallel()
	var a *job.Allowance
	a.Used(5)
	if a.Bytes() != 0 || a.Grow(7) != 0 {
		t.Errorf("it has %d bytes, and grows to %d", a.Bytes(), a.Grow(7))
	}
	e := &job.MemoryError{Used: 3, Had: 2, Budget: 4}
	if !strings.Contains(e.Error(), "used 3 bytes of memory and had 2, of the worker's 4") {
		t.Errorf("error %q", e)
	}
}

// A committed result needs no memory to be published: any worker may do it.
func TestPublishingNeedsNoMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"x": stubborn{}})
		big, small := w.runner("wkr_big", withMemory(8*gib)), w.runner("wkr_small", withMemory(2*gib))
		j := w.heavy("x", 6*gib)
		stop := w.start(big)
		w.until(j.ID, func(j *job.Job) bool { return j.Committed && j.State == job.Pending })
		stop()
		defer w.start(small)()
		j = w.finish(j.ID)
		w.want(j, job.Succeeded)
		if j.Worker != "wkr_small" {
			t.Errorf("%s published it", j.Worker)
		}
	})
}
