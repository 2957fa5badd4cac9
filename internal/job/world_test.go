package job_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

const (
	tenant = "acme"
	many   = 10_000 // jobs with the queue, more than any test has
)

var errDown = errors.New("connection refused")

// line is a queue in memory that behaves like the real one: tasks are known by
// job and epoch, a finished one is kept and refused again, one whose worker
// died is delivered again after its lease.
type line struct {
	mu    sync.Mutex
	down  bool
	tasks map[string]*task
	order []string
	hint  func(job.Delivery)
	moved chan struct{} // closed when there may be something to take
	freed chan struct{} // has something when a delivery has ended
}

type task struct {
	delivery job.Delivery
	state    string    // waiting, active or done
	lease    time.Time // when it may be taken
}

var _ job.Queue = (*line)(nil)

func newLine() *line {
	return &line{tasks: map[string]*task{}, moved: make(chan struct{}), freed: make(chan struct{}, 1)}
}

// stir tells those who wait. The lock is held.
func (q *line) stir() {
	close(q.moved)
	q.moved = make(chan struct{})
}

// wait returns when there may be something to take: when something has changed
// since the call, or a lease is over.
func (q *line) wait(ctx context.Context) {
	q.mu.Lock()
	moved, over := q.moved, make(<-chan time.Time)
	first := time.Time{}
	for _, t := range q.tasks {
		if !q.down && t.state != "done" && (first.IsZero() || t.lease.Before(first)) {
			first = t.lease
		}
	}
	q.mu.Unlock()
	if !first.IsZero() {
		timer := time.NewTimer(time.Until(first) + 1)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
	case <-moved:
	case <-over:
	}
}

func taskID(d job.Delivery) string { return fmt.Sprintf("%s:%d", d.JobID, d.Epoch) }

func (q *line) Enqueue(_ context.Context, deliveries ...job.Delivery) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.down {
		return errDown
	}
	for _, d := range deliveries {
		if q.tasks[taskID(d)] == nil {
			q.tasks[taskID(d)] = &task{delivery: d, state: "waiting", lease: time.Now()}
			q.order = append(q.order, taskID(d))
		}
	}
	q.stir()
	return nil
}

func (q *line) Alive(_ context.Context, d job.Delivery) (bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.down {
		return false, errDown
	}
	t := q.tasks[taskID(d)]
	return t != nil && t.state != "done", nil
}

func (q *line) Backlog(_ context.Context, pool string) (waiting, active, ended int64, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.down {
		return 0, 0, 0, errDown
	}
	for _, t := range q.tasks {
		switch {
		case t.delivery.Pool != pool:
		case t.state == "waiting":
			waiting++
		case t.state == "active":
			active++
		default:
			ended++
		}
	}
	return waiting, active, ended, nil
}

func (q *line) HintCancel(_ context.Context, d job.Delivery) error {
	q.mu.Lock()
	down, hint := q.down, q.hint
	q.mu.Unlock()
	if down {
		return errDown
	}
	if hint != nil {
		hint(d)
	}
	return nil
}

// take returns the next delivery and marks it active.
func (q *line) take() (job.Delivery, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.down {
		return job.Delivery{}, false
	}
	for _, id := range q.order {
		t := q.tasks[id]
		if t.state == "waiting" || t.state == "active" && time.Now().After(t.lease) {
			t.state, t.lease = "active", time.Now().Add(90*time.Second)
			return t.delivery, true
		}
	}
	return job.Delivery{}, false
}

func (q *line) settle(d job.Delivery, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t := q.tasks[taskID(d)]; t != nil {
		t.state = "done"
		if err != nil {
			t.state, t.lease = "active", time.Now().Add(time.Second)
		}
	}
	q.stir()
	select {
	case q.freed <- struct{}{}:
	default:
	}
}

func (q *line) flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.tasks)
	q.order = nil
}

// forget makes the queue lose one delivery.
func (q *line) forget(d job.Delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.tasks, taskID(d))
	q.order = slices.DeleteFunc(q.order, func(id string) bool { return id == taskID(d) })
}

func (q *line) setDown(down bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.down = down
	q.stir()
}

// shelf keeps files in memory.
type shelf struct {
	mu    sync.Mutex
	files map[string][]byte
	fail  error
}

var (
	_ job.CheckpointFiles = (*shelf)(nil)
	_ job.Presigner       = (*shelf)(nil)
)

func newShelf() *shelf { return &shelf{files: map[string][]byte{}} }

func (s *shelf) Put(_ context.Context, key, _ string, r io.Reader) (int64, error) {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err = errors.Join(err, s.fail); err == nil {
		s.files[key] = b
	}
	return int64(len(b)), err
}

func (s *shelf) Open(_ context.Context, key string) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return nil, s.fail
	}
	b, ok := s.files[key]
	if !ok {
		return nil, fault.NotFound("file_not_found", "no file %q", key)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (s *shelf) Delete(_ context.Context, keys ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		delete(s.files, key)
	}
	return s.fail
}

func (s *shelf) Each(_ context.Context, prefix string, fn func(string, int64, time.Time) error) error {
	s.mu.Lock()
	keys := slices.Sorted(maps.Keys(s.files))
	s.mu.Unlock()
	for _, key := range keys {
		if strings.HasPrefix(key, prefix) {
			if err := fn(key, 1, time.Time{}); err != nil {
				return err
			}
		}
	}
	return s.fail
}

func (s *shelf) Stat(_ context.Context, key string) (int64, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, time.Time{}, s.fail
	}
	b, ok := s.files[key]
	if !ok {
		return 0, time.Time{}, fault.NotFound("file_not_found", "no file %q", key)
	}
	return int64(len(b)), time.Time{}, nil
}

func (s *shelf) Presign(_ context.Context, key, filename string, ttl time.Duration) (string, error) {
	return "https://files/" + key + "?as=" + filename + "&for=" + ttl.String(), s.fail
}

func (s *shelf) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.files))
}

// diary is an observer that remembers.
type diary struct {
	mu      sync.Mutex
	entries []string
	errs    []error
}

var _ job.Observer = (*diary)(nil)

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, fmt.Sprintf(format, args...))
}

func (d *diary) Submitted(j *job.Job, created bool)     { d.note("submitted %s %v", j.Kind, created) }
func (d *diary) Started(j *job.Job, wait time.Duration) { d.note("started %s", j.Kind); _ = wait }
func (d *diary) Finished(j *job.Job, o string, took time.Duration) {
	d.note("%s %s", o, j.Kind)
	_ = took
}
func (d *diary) Revived(j *job.Job, reason string) { d.note("revived %s %s", j.Kind, reason) }
func (d *diary) Trouble(_ context.Context, op string, _ *job.Job, err error) {
	d.note("trouble %s", op)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.errs = append(d.errs, err)
}

func (d *diary) has(entry string) bool { return d.count(entry) > 0 }

func (d *diary) count(entry string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, e := range d.entries {
		if e == entry {
			n++
		}
	}
	return n
}

func (d *diary) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(d.entries, d.errs)
}

// world is everything a job needs, with handlers by kind.
type world struct {
	t        *testing.T
	driver   *auditor
	queue    *line
	files    *shelf
	diary    *diary
	service  *job.Service
	keeper   *job.Keeper
	handlers map[string]job.Handler
	hurry    time.Duration // patience, if not a day
	pace     time.Duration // between deliveries, if not 20 ms
}

var effects = store.Collection{Name: "effects"}

// setup makes a world. It is to be called within a synctest bubble.
func setup(t *testing.T, handlers map[string]job.Handler) *world {
	t.Helper()
	w := &world{t: t, driver: newAuditor(memstore.New()), queue: newLine(), files: newShelf(), diary: &diary{}, handlers: handlers}
	if err := w.driver.Ensure(t.Context(), append(job.Collections(), effects)...); err != nil {
		t.Fatal(err)
	}
	w.service = job.NewService(job.ServiceConfig{Driver: w.driver, Queue: w.queue, Files: w.files, Observer: w.diary, Blind: many})
	w.keeper = job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w.queue, Observer: w.diary, Blind: many, Freed: w.queue.freed})
	t.Cleanup(func() {
		for _, v := range w.driver.violations() {
			t.Error(v)
		}
	})
	return w
}

func (w *world) runner(name string, change ...func(*job.RunnerConfig)) *job.Runner {
	cfg := job.RunnerConfig{
		Worker: name, Driver: w.driver, Files: w.files, Handlers: w.handlers, Observer: w.diary,
		FinishPatience: 2 * time.Minute, // a worker that a test kills goes on trying
	}
	for _, c := range change {
		c(&cfg)
	}
	return job.NewRunner(cfg)
}

// pump delivers from the queue to the runner until ctx ends, several at a
// time. A worker that is dead neither takes nor acknowledges anything.
func (w *world) pump(ctx context.Context, r *job.Runner, dead func() bool) {
	var wg sync.WaitGroup
	defer wg.Wait()
	pace := 20 * time.Millisecond
	if w.pace > 0 {
		pace = w.pace
	}
	for start := time.Now(); ; {
		if sleep(ctx, pace-time.Since(start)%pace) != nil || dead() {
			return
		}
		d, ok := w.queue.take()
		if !ok {
			w.queue.wait(ctx)
			continue
		}
		wg.Go(func() {
			if err := r.Handle(context.WithoutCancel(ctx), d); !dead() {
				w.queue.settle(d, err)
			}
		})
	}
}

func immortal() bool { return false }

// start runs a worker and the keeper until the test's bubble is left.
func (w *world) start(runners ...*job.Runner) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { w.keeper.Run(ctx) })
	for _, r := range runners {
		wg.Go(func() { w.pump(ctx, r, immortal) })
	}
	return func() { cancel(); wg.Wait() }
}

func kind(name string) job.Kind { return job.Kind{Name: name, Pool: "batch"} }

func (w *world) submit(name string) *job.Job {
	w.t.Helper()
	j, created, err := w.service.Submit(w.t.Context(), job.Submission{Kind: kind(name), Tenant: tenant, User: "ann", Subject: "ds_1", Payload: map[string]int{"n": 1}})
	if err != nil || !created {
		w.t.Fatalf("submit: %v, created %v", err, created)
	}
	return j
}

func (w *world) get(id string) *job.Job {
	w.t.Helper()
	j, err := w.service.Get(w.t.Context(), tenant, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// finish waits until the job has ended.
func (w *world) finish(id string) *job.Job {
	w.t.Helper()
	return w.until(id, func(j *job.Job) bool { return j.State.Terminal() })
}

func (w *world) until(id string, ok func(*job.Job) bool) *job.Job {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), w.patience())
	defer cancel()
	j := w.get(id)
	for !ok(j) {
		var err error
		if j, err = w.service.Wait(ctx, tenant, id, j.Revision); err != nil || ctx.Err() != nil {
			w.t.Fatalf("job %s did not get there: %s, %v; %s", id, dump(j), err, w.diary.text())
		}
	}
	return j
}

func (w *world) want(j *job.Job, state job.State) {
	w.t.Helper()
	if j.State != state {
		w.t.Fatalf("the job is %s, not %s: %s; %s", j.State, state, dump(j), w.diary.text())
	}
}

func dump(j *job.Job) string {
	b, _ := json.MarshalIndent(j, "", " ")
	return string(b)
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.CodeOf(err)
}

// sleep waits for the duration or returns the error of ctx, as handlers do.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func does(f func(ctx context.Context, t *job.Task) (any, error)) job.Handler {
	return job.HandlerFunc(f)
}

// patience is how long a test waits for a job: attempts may take hours.
func (w *world) patience() time.Duration {
	if w.hurry > 0 {
		return w.hurry
	}
	return 24 * time.Hour
}
