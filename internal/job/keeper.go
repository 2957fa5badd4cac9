package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// KeeperConfig is what a Keeper needs. Driver and Queue are required; zero
// durations and sizes mean the defaults.
type KeeperConfig struct {
	Driver   store.Driver
	Queue    Queue
	Now      func() time.Time // default time.Now
	Observer Observer         // default Unobserved
	Seed     uint64           // of the jitter after crashes; 0 is a fixed one
	Backoff  Backoff          // after the second and later crashes of a job

	DeadAfter      time.Duration // silence after which a running job's worker is dead; default 15 s
	ReconcileAfter time.Duration // for which a queued job is taken to be with the queue; default 10 s
	ForgetAfter    time.Duration // after which a stopped or lost worker's record is deleted; default 24 h
	QueueTimeout   time.Duration // of one call to the queue; default 5 s

	Tenants    TenantDefaults   // of tenants whose policy does not say otherwise
	Blind      int              // jobs that a queue holds whose workers are not known; default 16
	Dispatched func(Dispatched) // told after every pass over a pool in which jobs wait; default nothing
	Freed      <-chan struct{}  // tells that some worker has ended a job, if somebody can; see Run

	DispatchEvery  time.Duration // between two passes of Relay while jobs wait for their turn; default 20 ms
	RelayEvery     time.Duration // and while none does; default 500 ms
	ReviveEvery    time.Duration // default 1 s, or a sixth of DeadAfter if that is less
	ReconcileEvery time.Duration // default 5 s
	TendEvery      time.Duration // default 1 s

	Page       int // jobs handed over at a time; default 200
	Limit      int // jobs that one pass looks at; default 5,000
	Contenders int // tenants with jobs of one pool that one pass looks at; default 10,000
}

func (c KeeperConfig) withDefaults() KeeperConfig {
	c.Now = defaultNow(c.Now)
	c.Observer = defaultObserver(c.Observer)
	c.Backoff = c.Backoff.withDefaults()
	c.DeadAfter = positive(c.DeadAfter, 15*time.Second)
	c.ReconcileAfter = positive(c.ReconcileAfter, 10*time.Second)
	c.ForgetAfter = positive(c.ForgetAfter, 24*time.Hour)
	c.QueueTimeout = positive(c.QueueTimeout, 5*time.Second)
	c.Blind = positive(c.Blind, defaultBlind)
	if c.Dispatched == nil {
		c.Dispatched = func(Dispatched) {}
	}
	c.DispatchEvery = positive(c.DispatchEvery, 20*time.Millisecond)
	c.RelayEvery = positive(c.RelayEvery, 500*time.Millisecond)
	c.ReviveEvery = positive(c.ReviveEvery, min(time.Second, c.DeadAfter/6))
	c.ReconcileEvery = positive(c.ReconcileEvery, 5*time.Second)
	c.TendEvery = positive(c.TendEvery, tendEvery)
	c.Page = min(positive(c.Page, 200), store.MaxLimit-1)
	c.Limit = positive(c.Limit, 5000)
	c.Contenders = positive(c.Contenders, 10_000)
	return c
}

// Keeper looks after the jobs that nobody else does: it relays those that
// wait to the queue, takes those of dead workers back, and finds those that
// the queue forgot. One keeper is enough; several do no harm, since every
// write is a compare-and-swap.
type Keeper struct {
	cfg       KeeperConfig
	jobs      *table
	workers   *workerTable
	deadlines *deadlineTable
	dispatch  *dispatcher
	reviver   reviver

	lines lines
	rooms *rooms
	rules *rules

	relaying sync.Mutex
	refused  refusal
	ledger   *ledger
	shares   map[string]*shares // by pool
	rounds   map[string]string  // by pool in which more tenants wait than one pass looks at: whose turn was last

	reviving sync.Mutex
	running  sightings // of running jobs

	tender  *tender
	tending sync.Mutex

	counting sync.Mutex
	counted  Stats // last

	reconciling sync.Mutex
	until       time.Time // of the round of Reconcile that is under way
	position    string    // its cursor
	ahead       sightings // of queued jobs whose time lies in the future
}

// NewKeeper returns a keeper over collections that the caller has ensured.
func NewKeeper(cfg KeeperConfig) *Keeper {
	cfg = cfg.withDefaults()
	jobs := newTable(cfg.Driver)
	t := &tender{
		jobs: jobs, edges: newEdgeTable(cfg.Driver), batches: newBatchTable(cfg.Driver), observer: cfg.Observer, now: cfg.Now,
		hint: newHints(cfg.Queue, cfg.QueueTimeout, cfg.Observer).tell,
	}
	workers := newWorkerTable(cfg.Driver)
	return &Keeper{
		lines: lines{jobs}, rules: newRules(cfg.Driver, cfg.Tenants, cfg.Now), ledger: newLedger(cfg, jobs),
		shares: map[string]*shares{}, rounds: map[string]string{},
		rooms:  &rooms{jobs: jobs, workers: workers, queue: cfg.Queue, now: cfg.Now, timeout: cfg.QueueTimeout, blind: cfg.Blind},
		tender: t, cfg: cfg, jobs: jobs, workers: workers, deadlines: newDeadlineTable(cfg.Driver),
		dispatch: &dispatcher{jobs: jobs, queue: cfg.Queue, observer: cfg.Observer, now: cfg.Now, timeout: cfg.QueueTimeout},
		reviver:  reviver{tender: t, now: cfg.Now, observer: cfg.Observer, backoff: cfg.Backoff, dice: newDice(cfg.Seed, "keeper")},
	}
}

// Run relays, revives, expires, reconciles and tends, each at its interval,
// until ctx ends. What waits for a free slot is looked at again when Freed says
// that there may be one, and at growing intervals of up to RelayEvery.
// Errors go to the observer: the first of a kind at once, further ones once a
// minute until it worked again.
func (k *Keeper) Run(ctx context.Context) {
	duties := []struct {
		name  string
		every time.Duration
		do    func(context.Context) (int, error)
	}{
		{"revive_jobs", k.cfg.ReviveEvery, k.Revive},
		{"expire_jobs", k.cfg.ReviveEvery, k.Expire},
		{"reconcile_jobs", k.cfg.ReconcileEvery, k.Reconcile},
		{"tend_jobs", k.cfg.TendEvery, k.Tend},
		{"complete_batches", k.cfg.ReconcileEvery, k.Complete},
	}
	var wg sync.WaitGroup
	for _, d := range duties {
		wg.Go(func() {
			repeat(ctx, d.every, k.cfg.Now, func(ctx context.Context) error {
				_, err := d.do(ctx)
				return err
			}, func(err error) { k.cfg.Observer.Trouble(ctx, d.name, nil, err) })
		})
	}
	wg.Go(func() { k.dispatchJobs(ctx) })
	wg.Wait()
}

// telling tells the first error and then one a minute while they go on.
type telling struct {
	now     func() time.Time
	trouble func(error)
	told    time.Time
}

func (t *telling) error(err error) {
	switch {
	case err == nil:
		t.told = time.Time{}
	case t.told.IsZero() || t.now().Sub(t.told) >= time.Minute:
		t.told = t.now()
		t.trouble(err)
	}
}

// repeat calls do now and at every interval until ctx ends, and trouble with
// its first error and then once a minute while it goes on.
func repeat(ctx context.Context, every time.Duration, now func() time.Time, do func(context.Context) error, trouble func(error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	tell := telling{now: now, trouble: trouble}
	for {
		err := do(ctx)
		if ctx.Err() != nil {
			return
		}
		tell.error(err)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// asks finds out from the queue whether it has the job.
func (k *Keeper) asks(ctx context.Context, j *Job) (bool, error) {
	call, cancel := context.WithTimeout(ctx, k.cfg.QueueTimeout)
	defer cancel()
	alive, err := k.cfg.Queue.Alive(call, j.Delivery())
	if err != nil {
		return false, fault.Unavailable(queueUnavailable, "the queue does not answer; jobs wait in the store").Because(err)
	}
	return alive, nil
}

// Revive takes running jobs back from workers that died, and returns how many.
// A worker is dead when its heartbeat is older than DeadAfter and has stood
// still for half of that time before this keeper's own eyes: so neither a
// clock that is wrong, nor a pause of the keeper or of the store, makes it
// believe that live workers are dead. One that lies in the future, since the
// worker's clock is ahead, has to have stood still for all of it. It has to be
// called more often than that.
func (k *Keeper) Revive(ctx context.Context) (int, error) {
	k.reviving.Lock()
	defer k.reviving.Unlock()
	at, half := k.cfg.Now(), k.cfg.DeadAfter/2
	k.running.begin(at, half)
	old, err := k.reviveSome(ctx, store.Query{To: nanos(at.Add(-half))}, func(j *Job, still time.Duration) bool {
		return still >= half && at.Sub(j.HeartbeatAt) >= k.cfg.DeadAfter
	})
	if err != nil {
		return old, err
	}
	ahead, err := k.reviveSome(ctx, store.Query{From: nanos(at) + 1}, func(_ *Job, still time.Duration) bool {
		return still >= k.cfg.DeadAfter
	})
	if err == nil {
		k.running.end()
	}
	return old + ahead, err
}

// reviveSome looks at the running jobs that the query leaves, and takes back
// those that are dead.
func (k *Keeper) reviveSome(ctx context.Context, q store.Query, dead func(j *Job, still time.Duration) bool) (revived int, err error) {
	q.Index, q.Equal, q.Limit = indexDue, []any{string(Running)}, k.cfg.Page
	for seen := 0; seen < k.cfg.Limit; {
		page, err := k.jobs.Find(ctx, q)
		if err != nil {
			return revived, fmt.Errorf("revive: %w", err)
		}
		seen += len(page.Items)
		for _, j := range page.Items {
			if !dead(j, k.running.still(j.ID, nanos(j.HeartbeatAt))) {
				continue
			}
			done, err := revive(ctx, k.jobs, j, k.reviver)
			if err != nil { // the worker may have been silent for the same reason
				k.running.forget()
				return revived, fmt.Errorf("revive: %w", err)
			}
			if done {
				revived++
			}
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	return revived, nil
}

// Pass does each of the keeper's duties once: it revives, expires, tends,
// completes, relays and reconciles. It is what Run does at intervals.
func (k *Keeper) Pass(ctx context.Context) error {
	_, revive := k.Revive(ctx)
	_, expire := k.Expire(ctx)
	_, tend := k.Tend(ctx)
	_, complete := k.Complete(ctx)
	_, relay := k.Relay(ctx)
	_, reconcile := k.Reconcile(ctx)
	return errors.Join(revive, expire, tend, complete, relay, reconcile)
}
