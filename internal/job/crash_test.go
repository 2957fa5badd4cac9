package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// doomed files answer nothing once their process is dead.
type doomed struct {
	job.CheckpointFiles
	dead atomic.Bool
	step func() error // nil, or asked before and after every call
}

func (d *doomed) enter() error {
	if d.dead.Load() {
		return errDown
	}
	if d.step != nil {
		return d.step()
	}
	return nil
}

func (d *doomed) Put(ctx context.Context, key, contentType string, r io.Reader) (int64, error) {
	if err := d.enter(); err != nil {
		return 0, err
	}
	n, err := d.CheckpointFiles.Put(ctx, key, contentType, r)
	return n, errors.Join(err, d.enter())
}

func (d *doomed) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	return d.CheckpointFiles.Open(ctx, key)
}

func (d *doomed) Delete(ctx context.Context, keys ...string) error {
	if err := d.enter(); err != nil {
		return err
	}
	return errors.Join(d.CheckpointFiles.Delete(ctx, keys...), d.enter())
}

func (d *doomed) Each(ctx context.Context, prefix string, fn func(string, int64, time.Time) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	return d.CheckpointFiles.Each(ctx, prefix, fn)
}

// fate kills a process at its n-th crash point: every call to the outside has
// one before and one after it. The process then stays dead.
type fate struct {
	points atomic.Int64
	at     int64 // 0: never
	killed atomic.Bool
}

func (f *fate) dead() bool { return f.killed.Load() || f.at > 0 && f.points.Load() >= f.at }

func (f *fate) kill() { f.killed.Store(true) }

func (f *fate) step() error {
	if f.dead() {
		return errDown
	}
	f.points.Add(1)
	if f.dead() {
		return errDown
	}
	return nil
}

// fated is a driver under a fate.
type fated struct {
	store.Driver
	*fate
}

func (d fated) Insert(ctx context.Context, c string, r ...store.Record) ([]error, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	errs, err := d.Driver.Insert(ctx, c, r...)
	return errs, errors.Join(err, d.step())
}

func (d fated) Replace(ctx context.Context, c string, r ...store.Record) ([]error, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	errs, err := d.Driver.Replace(ctx, c, r...)
	return errs, errors.Join(err, d.step())
}

func (d fated) Get(ctx context.Context, c, id string) (store.Record, error) {
	if err := d.step(); err != nil {
		return store.Record{}, err
	}
	return d.Driver.Get(ctx, c, id)
}

func (d fated) Peek(ctx context.Context, c, id string) (store.Record, error) {
	if err := d.step(); err != nil {
		return store.Record{}, err
	}
	return d.Driver.Peek(ctx, c, id)
}

func (d fated) Find(ctx context.Context, c string, s store.Scan) ([]store.Record, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	return d.Driver.Find(ctx, c, s)
}

func (d fated) Count(ctx context.Context, c string, s store.Scan, limit int64) (int64, error) {
	if err := d.step(); err != nil {
		return 0, err
	}
	return d.Driver.Count(ctx, c, s, limit)
}

func (d fated) Delete(ctx context.Context, c, id string, revision int64) error {
	if err := d.step(); err != nil {
		return err
	}
	return errors.Join(d.Driver.Delete(ctx, c, id, revision), d.step())
}

// fatedQueue is a queue under a fate.
type fatedQueue struct {
	job.Queue
	*fate
}

func (q fatedQueue) Enqueue(ctx context.Context, d ...job.Delivery) error {
	if err := q.step(); err != nil {
		return err
	}
	return errors.Join(q.Queue.Enqueue(ctx, d...), q.step())
}

func (q fatedQueue) Alive(ctx context.Context, d job.Delivery) (bool, error) {
	if err := q.step(); err != nil {
		return false, err
	}
	return q.Queue.Alive(ctx, d)
}

func (q fatedQueue) Backlog(ctx context.Context, pool string) (waiting, active, ended int64, err error) {
	if err := q.step(); err != nil {
		return 0, 0, 0, err
	}
	return q.Queue.Backlog(ctx, pool)
}

func (q fatedQueue) HintCancel(ctx context.Context, d job.Delivery) error {
	if err := q.step(); err != nil {
		return err
	}
	return errors.Join(q.Queue.HintCancel(ctx, d), q.step())
}

// pipeline is a job as the platform's are: it resumes from checkpoints, writes
// lines and progress, and publishes its result as a record of its own.
type pipeline struct {
	driver store.Driver
	// trouble, when not nil, is asked at the start of every attempt.
	trouble func(t *job.Task) error
	steps   int
	pace    time.Duration
}

type published struct {
	Epoch int `json:"epoch"`
	Sum   int `json:"sum"`
}

func (p pipeline) Run(ctx context.Context, t *job.Task) (any, error) {
	if p.trouble != nil {
		if err := p.trouble(t); err != nil {
			return nil, err
		}
	}
	sum := 0
	for i := range p.steps {
		name := fmt.Sprint("step.", i)
		t.Report.Progress(name, float64(i)/float64(p.steps), 0, 0)
		data, ok, err := t.Saved.Load(ctx, name)
		if err != nil {
			return nil, err
		}
		if ok {
			if string(data) != fmt.Sprint(i) {
				return nil, job.Permanent(fmt.Errorf("checkpoint %s holds %q", name, data))
			}
			sum += i
			continue
		}
		t.Report.Logf("step %d", i)
		select {
		case <-t.Draining:
			return nil, job.Drained
		default:
		}
		if err := sleep(ctx, p.pace); err != nil {
			return nil, err
		}
		sum += i
		if err := t.Saved.Save(ctx, name, []byte(fmt.Sprint(i))); err != nil {
			return nil, err
		}
	}
	return published{Epoch: t.Job.Epoch, Sum: sum}, nil
}

func (p pipeline) Publish(ctx context.Context, j *job.Job, result json.RawMessage) error {
	r := store.Record{ID: j.ID, Keys: map[string]any{}, Body: result}
	errs, err := p.driver.Insert(ctx, "effects", r)
	if err != nil || !errors.Is(errs[0], store.ErrDuplicate) {
		return errors.Join(append(errs, err)...)
	}
	found, err := p.driver.Get(ctx, "effects", j.ID)
	if err == nil && string(found.Body) != string(result) {
		err = job.Permanent(fmt.Errorf("published %s, now %s", found.Body, result))
	}
	return err
}

// effect returns what was published for the job.
func (w *world) effect(id string) string {
	r, err := w.driver.Get(context.Background(), "effects", id)
	if errors.Is(err, store.ErrNotFound) {
		return ""
	}
	if err != nil {
		w.t.Error(err)
	}
	return string(r.Body)
}

// judge checks what must hold of every acknowledged job in the end.
func (w *world) judge(j *job.Job) {
	w.t.Helper()
	switch effect := w.effect(j.ID); j.State {
	case job.Succeeded:
		if effect == "" || effect != string(j.Result) {
			w.t.Errorf("the result is %s, published is %q", j.Result, effect)
		}
	case job.Cancelled, job.Failed:
		if effect != "" {
			w.t.Errorf("a %s job published %s", j.State, effect)
		}
	default:
		w.t.Errorf("the job is %s: %s", j.State, dump(j))
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
	lines := w.lines(j.ID, 0, 0)
	if len(lines) != j.LogLines {
		w.t.Errorf("%d lines, %d on record", len(lines), j.LogLines)
	}
	for i, line := range lines {
		if line.Seq != i+1 {
			w.t.Errorf("line %d has number %d", i+1, line.Seq)
		}
	}
}

// crashScenario is one way a job may go, in which one process is killed.
type crashScenario struct {
	name    string
	trouble func(t *job.Task) error // of an attempt
	script  func(w *world, service *job.Service, id string, victim *job.Runner)
	want    []job.State
}

func crashScenarios() []crashScenario {
	succeeds := []job.State{job.Succeeded}
	return []crashScenario{
		{name: "plain", want: succeeds},
		{name: "queue away", want: succeeds, script: func(w *world, _ *job.Service, _ string, _ *job.Runner) {
			w.queue.setDown(true)
			time.Sleep(4 * time.Second)
			w.queue.setDown(false)
		}},
		{name: "queue flushed", want: succeeds, script: func(w *world, _ *job.Service, _ string, _ *job.Runner) {
			w.queue.flush()
			time.Sleep(5 * time.Second)
			w.queue.flush()
		}},
		{name: "transient failure", want: succeeds, trouble: func(t *job.Task) error {
			if t.Job.Attempt == 1 {
				return errors.New("away")
			}
			return nil
		}},
		{name: "permanent failure", want: []job.State{job.Failed}, trouble: func(*job.Task) error { return job.Permanent(errors.New("no")) }},
		{name: "drain", want: succeeds, script: func(_ *world, _ *job.Service, _ string, victim *job.Runner) {
			time.Sleep(3 * time.Second)
			victim.Drain()
		}},
		{name: "cancel", want: []job.State{job.Cancelled, job.Succeeded}, script: func(w *world, service *job.Service, id string, _ *job.Runner) {
			time.Sleep(2500 * time.Millisecond)
			if id == "" {
				return
			}
			if _, err := service.Cancel(context.Background(), tenant, id); err != nil {
				return // not acknowledged: anything may happen
			}
			if j := w.finish(id); j.State != job.Cancelled {
				w.t.Errorf("a cancel was acknowledged, and the job %s", j.State)
			}
		}},
	}
}

// TestCrashPoints kills the service, the worker or the keeper before and after
// every single call it makes to the store, the queue and the files, one at a
// time, in every scenario; what is left of the system brings every
// acknowledged job to one end, with its effect published once.
func TestCrashPoints(t *testing.T) {
	t.Parallel()
	for _, scenario := range crashScenarios() {
		for _, victim := range []string{"service", "worker", "keeper"} {
			t.Run(scenario.name+"/"+victim, func(t *testing.T) {
				t.Parallel()
				at := int64(1)
				for ; at < 2000; at++ {
					reached := false
					synctest.Test(t, func(t *testing.T) { reached = crash(t, scenario, victim, at) })
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

// crash runs the scenario once and reports whether the victim got as far as
// its crash point.
func crash(t *testing.T, scenario crashScenario, victim string, at int64) bool {
	fates := map[string]*fate{"service": {}, "worker": {}, "keeper": {}}
	fates[victim].at = at
	w := setup(t, nil)
	w.hurry = 15 * time.Minute
	service := job.NewService(job.ServiceConfig{Driver: fated{w.driver, fates["service"]}, Queue: fatedQueue{w.queue, fates["service"]}, Files: w.files})
	keeper := job.NewKeeper(job.KeeperConfig{Driver: fated{w.driver, fates["keeper"]}, Queue: fatedQueue{w.queue, fates["keeper"]}})
	runner := func(name string, f *fate) *job.Runner {
		d := fated{w.driver, f}
		return w.runner(name, func(c *job.RunnerConfig) {
			c.Driver = d
			c.Files = &doomed{CheckpointFiles: w.files, step: f.step}
			c.Handlers = map[string]job.Handler{"work": pipeline{driver: d, trouble: scenario.trouble, steps: 4, pace: 2 * time.Second}}
		})
	}
	first := runner("wkr_a", fates["worker"])
	ctx, cancel := context.WithCancel(context.Background())
	taking, stopTaking := context.WithCancel(ctx)
	defer stopTaking()
	go w.pump(taking, first, fates["worker"].dead)
	go keeper.Run(ctx)
	if scenario.name == "queue away" {
		w.queue.setDown(true)
	}
	submitted, _, err := service.Submit(ctx, job.Submission{Kind: kind("work"), Tenant: tenant, Payload: 1})
	id := ""
	if err == nil {
		id = submitted.ID
	}
	if scenario.script != nil {
		scenario.script(w, service, id, first)
	}
	if scenario.name == "drain" {
		stopTaking()
	}
	// Another worker and another keeper take over, whoever was killed.
	go func() {
		for start := time.Now(); !fates["worker"].dead() && scenario.name != "drain" && time.Since(start) < time.Minute; {
			time.Sleep(100 * time.Millisecond)
		}
		w.pump(ctx, runner("wkr_b", &fate{}), immortal)
	}()
	go w.keeper.Run(ctx)
	page, listErr := w.service.List(ctx, tenant, job.Filter{}, "", 0)
	if listErr != nil {
		t.Fatal(listErr)
	}
	for _, j := range page.Items { // even one that was never acknowledged
		j = w.finish(j.ID)
		w.judge(j)
		ok := scenario.name == "cancel" && err != nil && j.State == job.Succeeded
		for _, s := range scenario.want {
			ok = ok || s == j.State
		}
		if !ok {
			t.Errorf("the job %s: %s", j.State, dump(j))
		}
		if j.Crashes > 1 {
			t.Errorf("%d crashes, though one process was killed", j.Crashes)
		}
	}
	if err == nil && len(page.Items) != 1 {
		t.Errorf("the job was acknowledged, and there are %d", len(page.Items))
	}
	cancel()
	time.Sleep(3 * time.Hour) // what is dead gives up
	return fates[victim].dead()
}
