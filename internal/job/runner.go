package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// RunnerConfig is what a Runner needs. Worker, Driver, Files and Handlers are
// required; zero durations and sizes mean the defaults.
type RunnerConfig struct {
	Worker   string // this worker's identifier; two live processes never share one
	Driver   store.Driver
	Files    CheckpointFiles
	Handlers map[string]Handler // by kind
	Slots    map[string]int     // pool → attempts at a time; a pool that is not named has no limit
	Now      func() time.Time   // default time.Now
	Observer Observer           // default Unobserved
	Seed     uint64             // of the jitter of retries; 0 is derived from Worker
	Backoff  Backoff            // between attempts that fail
	Memory   int64              // bytes for all attempts together; 0: no limit

	OutageBackoff  Backoff       // between attempts for which a part was away; default 2 s, 1 min
	OutagePatience time.Duration // for which a job waits for parts that are away; default 7 days

	HeartbeatEvery time.Duration // default 5 s; well below KeeperConfig.DeadAfter
	LookEvery      time.Duration // how often the record is looked at for a cancellation; default 1 s
	ReportEvery    time.Duration // how often progress and lines are written while they change; default 1 s
	CallTimeout    time.Duration // of one call to the store; default 5 s
	FinishPatience time.Duration // for which an outcome is kept trying to be recorded; default 24 h
	PublishTimeout time.Duration // of Publisher.Publish; default 1 min
	DrainGrace     time.Duration // after Drain, until handlers are stopped; default 20 s
	StopGrace      time.Duration // after a handler's context ended, until its outcome is recorded without it; default 30 s

	MemoryPatience  time.Duration // for which a job waits for a worker with enough memory, when none has; default 1 min
	UpgradePatience time.Duration // for which a job waits for a worker that knows its kind and version; default 1 day

	MaxResult     int // bytes of a result; default 4 MiB
	MaxCheckpoint int // bytes of one checkpoint; default 256 MiB
	MaxLogLines   int // of one job; default 10,000
}

func (c RunnerConfig) withDefaults() RunnerConfig {
	c.Now = defaultNow(c.Now)
	c.Observer = defaultObserver(c.Observer)
	c.Backoff = c.Backoff.withDefaults()
	c.OutageBackoff.Max = positive(c.OutageBackoff.Max, time.Minute)
	c.OutageBackoff = c.OutageBackoff.withDefaults()
	c.OutagePatience = positive(c.OutagePatience, 7*24*time.Hour)
	c.HeartbeatEvery = positive(c.HeartbeatEvery, 5*time.Second)
	c.LookEvery = positive(c.LookEvery, time.Second)
	c.ReportEvery = positive(c.ReportEvery, time.Second)
	c.CallTimeout = positive(c.CallTimeout, 5*time.Second)
	c.FinishPatience = positive(c.FinishPatience, 24*time.Hour)
	c.PublishTimeout = positive(c.PublishTimeout, time.Minute)
	c.DrainGrace = positive(c.DrainGrace, 20*time.Second)
	c.StopGrace = positive(c.StopGrace, 30*time.Second)
	c.MemoryPatience = positive(c.MemoryPatience, time.Minute)
	c.UpgradePatience = positive(c.UpgradePatience, 24*time.Hour)
	c.MaxResult = positive(c.MaxResult, 4<<20)
	c.MaxCheckpoint = positive(c.MaxCheckpoint, 256<<20)
	c.MaxLogLines = positive(c.MaxLogLines, 10_000)
	return c
}

// Runner runs the jobs that are delivered to one worker. It is safe for
// concurrent use.
type Runner struct {
	cfg      RunnerConfig
	jobs     *table
	logs     *logTable
	workers  *workerTable
	budget   *budget
	dice     *dice
	rules    *rules
	tender   *tender
	slots    map[string]chan struct{}
	draining chan struct{} // closed by Drain
	aborting chan struct{} // closed DrainGrace later

	mu       sync.Mutex
	drained  bool
	sessions map[*session]struct{}
	idle     chan struct{} // closed while no attempt runs
}

// NewRunner returns a runner over collections that the caller has ensured.
func NewRunner(cfg RunnerConfig) *Runner {
	cfg = cfg.withDefaults()
	r := &Runner{
		cfg: cfg, jobs: newTable(cfg.Driver), logs: newLogTable(cfg.Driver), workers: newWorkerTable(cfg.Driver),
		budget: &budget{total: max(cfg.Memory, 0)}, dice: newDice(cfg.Seed, cfg.Worker),
		rules: newRules(cfg.Driver, TenantDefaults{}, cfg.Now),
		slots: map[string]chan struct{}{}, draining: make(chan struct{}), aborting: make(chan struct{}),
		sessions: map[*session]struct{}{}, idle: make(chan struct{}),
	}
	r.tender = &tender{jobs: r.jobs, edges: newEdgeTable(cfg.Driver), batches: newBatchTable(cfg.Driver), observer: cfg.Observer, now: cfg.Now}
	close(r.idle)
	for pool, n := range cfg.Slots {
		r.slots[pool] = make(chan struct{}, max(n, 1))
	}
	return r
}

// Handle runs the job of a delivery and returns when its outcome is recorded.
// A delivery that is stale, unknown or already claimed is dropped: nil. An
// error means that the delivery is to come again, though nothing is lost if it
// does not: the keeper looks after the record.
//
// The end of ctx is taken as a hint to look at the record: it cancels the
// handler only when the job's owner asked for it, or when the worker drains.
func (r *Runner) Handle(ctx context.Context, d Delivery) error {
	release, err := r.admit(ctx, d.Pool)
	if err != nil {
		return err
	}
	defer release()
	j, err := r.read(ctx, d)
	if err != nil || j == nil {
		return err
	}
	memory, err := r.reserve(ctx, j)
	if err != nil || memory == nil {
		return err
	}
	defer memory.release()
	j, err = r.claim(ctx, d, j)
	if err != nil || j == nil {
		return err
	}
	s := r.begin(ctx, j, memory)
	defer r.end(s)
	return s.run(ctx)
}

// Hint makes the runner look at the record of the job now, if it runs it.
func (r *Runner) Hint(jobID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sessions {
		if s.id == jobID {
			s.nudge()
		}
	}
}

// Running returns how many attempts are under way.
func (r *Runner) Running() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sessions)
}

// Drain makes the runner take no more jobs and asks the handlers to save and
// return Drained. Those that have not after DrainGrace are stopped, and their
// jobs are handed over just the same. Drain returns at once; see Wait.
func (r *Runner) Drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drained {
		return
	}
	r.drained = true
	close(r.draining)
	time.AfterFunc(r.cfg.DrainGrace, func() { close(r.aborting) })
}

// Wait returns nil as soon as no attempt is under way, or the error of ctx.
func (r *Runner) Wait(ctx context.Context) error {
	for {
		r.mu.Lock()
		n, idle := len(r.sessions), r.idle
		r.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d running jobs: %w", n, ctx.Err())
		}
	}
}

func (r *Runner) isDraining() bool {
	select {
	case <-r.draining:
		return true
	default:
		return false
	}
}

// admit waits for a slot of the pool. The queue may free a slot of its own
// while the handler in it still runs; this one is free when the handler has
// returned.
func (r *Runner) admit(ctx context.Context, pool string) (release func(), err error) {
	if r.isDraining() {
		return nil, ErrDraining
	}
	slot := r.slots[pool]
	if slot == nil {
		return func() {}, nil
	}
	select {
	case slot <- struct{}{}:
		return func() { <-slot }, nil
	case <-r.draining:
		return nil, ErrDraining
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a slot of pool %s: %w", pool, context.Cause(ctx))
	}
}

// read returns the job of the delivery, nil when the delivery is to be dropped.
func (r *Runner) read(ctx context.Context, d Delivery) (*Job, error) {
	j, err := r.jobs.Get(ctx, d.JobID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("claim job %s: %w", d.JobID, err)
	case j.State != Queued || j.Epoch != d.Epoch:
		return nil, nil
	case r.cfg.Handlers[j.Kind] == nil:
		return nil, r.unheardOf(ctx, j)
	}
	return j, nil
}

// claim takes the job, as it was read, by a compare-and-swap. It returns nil
// when the delivery is to be dropped.
func (r *Runner) claim(ctx context.Context, d Delivery, j *Job) (_ *Job, err error) {
	for ; j != nil && err == nil; j, err = r.read(ctx, d) {
		switch held, err := r.hold(ctx, j); {
		case err != nil:
			return nil, fmt.Errorf("claim job %s: %w", d.JobID, err)
		case held:
			return nil, nil
		}
		at := stamp(r.cfg.Now)
		if cause := j.over(at); cause != nil {
			if err := r.expire(ctx, j, at, cause); unlessRaced(err) != nil {
				return nil, fmt.Errorf("expire job %s: %w", d.JobID, err)
			}
			continue
		}
		wait := at.Sub(j.QueuedAt)
		j.ParkedAt = time.Time{}
		j.Attempt++
		j.Worker = r.cfg.Worker
		j.StartedAt, j.HeartbeatAt = at, at
		j.Progress = Progress{At: at}
		if j.Family != nil { // what its children did is done
			j.Progress.Fraction = j.Family.Until
		}
		if j.Committed {
			j.Progress.Fraction = 1
		}
		j.move(at, Running, "")
		err = r.jobs.Replace(ctx, j)
		switch {
		case err == nil:
			r.cfg.Observer.Started(j.copy(), wait)
			return j, nil
		case errors.Is(err, store.ErrStale), errors.Is(err, store.ErrNotFound):
			// somebody was faster: look again
		default:
			return nil, fmt.Errorf("claim job %s: %w", d.JobID, err)
		}
	}
	return nil, err
}

// hold puts a job back into the line whose queue or tenant is paused, and
// reports whether it did, or found that somebody else has changed the job to
// what needs no worker. Nothing is counted.
func (r *Runner) hold(ctx context.Context, j *Job) (bool, error) {
	reason, err := r.rules.paused(ctx, j.Pool, j.Tenant)
	if err != nil || reason == "" {
		return false, err
	}
	at := stamp(r.cfg.Now)
	_, err = r.jobs.Update(ctx, j.ID, func(now *Job) error {
		if now.State != Queued || now.Epoch != j.Epoch {
			return store.ErrUnchanged
		}
		now.wait(at, at, reason)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return true, err
}

// begin notes that the attempt is under way.
func (r *Runner) begin(ctx context.Context, j *Job, memory *Allowance) *session {
	s := newSession(ctx, r, j, memory)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sessions) == 0 {
		r.idle = make(chan struct{})
	}
	r.sessions[s] = struct{}{}
	return s
}

func (r *Runner) end(s *session) {
	s.stop(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sessions, s)
	if len(r.sessions) == 0 {
		close(r.idle)
	}
}

// Reclaim takes back the jobs that are recorded as running on this worker but
// are not: a process that starts again under the identifier it had before it
// was killed need not wait for the keeper to notice. It returns how many.
func (r *Runner) Reclaim(ctx context.Context) (int, error) {
	n, q := 0, store.Query{Index: indexDue, Equal: []any{string(Running)}}
	for {
		page, err := r.jobs.Find(ctx, q)
		if err != nil {
			return n, err
		}
		for _, j := range page.Items {
			if j.Worker != r.cfg.Worker || r.runs(j.ID) {
				continue
			}
			revived, err := revive(ctx, r.jobs, j, r.reviver())
			if err != nil {
				return n, err
			}
			if revived {
				n++
			}
		}
		if page.Next == "" {
			return n, nil
		}
		q.Cursor = page.Next
	}
}

func (r *Runner) runs(jobID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sessions {
		if s.id == jobID {
			return true
		}
	}
	return false
}

func (r *Runner) reviver() reviver {
	return reviver{tender: r.tender, now: r.cfg.Now, observer: r.cfg.Observer, backoff: r.cfg.Backoff, dice: r.dice}
}
