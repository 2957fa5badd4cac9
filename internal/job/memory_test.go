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

// worker is a runner of the pool with so much memory and so many slots.
func (w *world) worker(name string, memory int64, slots int) *job.Runner {
	return w.runner(name, withMemory(memory), func(c *job.RunnerConfig) { c.Slots = map[string]int{"batch": slots} })
}

// memoryTest runs the test in a world whose jobs of the kind x take a while.
func memoryTest(t *testing.T, takes time.Duration, test func(t *testing.T, w *world, r *roll)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var r roll
		test(t, setup(t, map[string]job.Handler{"x": r.takes(takes)}), &r)
	})
}

// crowded hands the runner a job that leaves 1 GiB of its 4.
func (w *world) crowded(r *job.Runner) (first *job.Job, done <-chan error) {
	w.t.Helper()
	first = w.heavy("x", 3*gib)
	return first, w.deliver(r)
}

func TestMemoryIsNeverGivenTwice(t *testing.T) {
	t.Parallel()
	memoryTest(t, time.Minute, func(t *testing.T, w *world, r *roll) {
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
	memoryTest(t, time.Minute, func(t *testing.T, w *world, r *roll) {
		runner := w.runner("wkr_a", withMemory(4*gib))
		first, _ := w.crowded(runner)
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
	memoryTest(t, time.Minute, func(t *testing.T, w *world, _ *roll) {
		runner := w.runner("wkr_a", withMemory(4*gib))
		w.crowded(runner)
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
	memoryTest(t, time.Minute, func(t *testing.T, w *world, _ *roll) {
		runner := w.runner("wkr_a", withMemory(4*gib))
		w.crowded(runner)
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

// A job that waits on one worker goes to another that has room.
func TestAnotherWorkerHasRoom(t *testing.T) {
	t.Parallel()
	memoryTest(t, time.Hour, func(t *testing.T, w *world, _ *roll) {
		a := w.worker("wkr_a", 4*gib, 4)
		b := w.worker("wkr_b", 4*gib, 1)
		w.crowded(a)
		_, onB := w.crowded(b)
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
	memoryTest(t, time.Hour, func(t *testing.T, w *world, _ *roll) {
		a := w.worker("wkr_a", 4*gib, 4)
		b := w.worker("wkr_b", 4*gib, 1)
		w.crowded(a)
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
	memoryTest(t, time.Minute, func(t *testing.T, w *world, _ *roll) {
		small := w.worker("wkr_small", 2*gib, 1)
		big := w.worker("wkr_big", 8*gib, 1)
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
	memoryTest(t, time.Minute, func(t *testing.T, w *world, _ *roll) {
		small := w.worker("wkr_small", 2*gib, 1)
		other := w.worker("wkr_other", 3*gib, 1)
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
		big := w.worker("wkr_big", 8*gib, 1)
		defer w.register(big)()
		defer w.start(big)()
		if _, err := w.service.Retry(t.Context(), tenant, id); err != nil {
			t.Fatal(err)
		}
		w.want(w.finish(id), job.Succeeded)
	})
}

// The rest of what may happen to a job that needs more than its worker has.
func TestStoreThatIsAwayWhileAJobWaitsForMemory(t *testing.T) {
	t.Parallel()
	memoryTest(t, time.Minute, func(t *testing.T, w *world, _ *roll) {
		away := &awayStore{Driver: w.driver}
		runner := w.runner("wkr_a", withMemory(4*gib), func(c *job.RunnerConfig) { c.Driver = away })
		w.crowded(runner)
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
