package job

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// Presigner makes links to files. It is a subset of the blob client.
type Presigner interface {
	// Stat returns size and time of the file, or a fault of class not_found.
	Stat(ctx context.Context, key string) (size int64, modified time.Time, err error)
	// Presign returns a link to the file that is valid for the duration and
	// saves as filename.
	Presign(ctx context.Context, key, filename string, ttl time.Duration) (string, error)
}

// ServiceConfig is what a Service needs. Driver, Queue and Files are required;
// zero durations and sizes mean the defaults.
type ServiceConfig struct {
	Driver   store.Driver
	Queue    Queue
	Files    Presigner
	Now      func() time.Time // default time.Now
	Observer Observer         // default Unobserved

	Pools   []string       // of the policies that operators set; default none
	Kinds   []string       // that exist; default every one that is named
	Tenants TenantDefaults // of tenants whose policy does not say otherwise
	Blind   int            // jobs that a queue holds whose workers are not known; default 16

	MaxPayload     int           // bytes of a submission's payload; default 1 MiB
	EnqueueTimeout time.Duration // for which a submission waits for the queue; default 2 s
	QueuePause     time.Duration // for which submissions leave a queue alone that did not answer; default 1 s
	WatchEvery     time.Duration // how often a job that somebody waits for is read; default 250 ms
	LinkTTL        time.Duration // validity of a link to a result; default 15 min
}

func (c ServiceConfig) withDefaults() ServiceConfig {
	c.Now = defaultNow(c.Now)
	c.Observer = defaultObserver(c.Observer)
	c.Blind = positive(c.Blind, defaultBlind)
	c.MaxPayload = positive(c.MaxPayload, 1<<20)
	c.EnqueueTimeout = positive(c.EnqueueTimeout, 2*time.Second)
	c.QueuePause = positive(c.QueuePause, time.Second)
	c.WatchEvery = positive(c.WatchEvery, 250*time.Millisecond)
	c.LinkTTL = positive(c.LinkTTL, 15*time.Minute)
	return c
}

func defaultNow(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

func defaultObserver(o Observer) Observer {
	if o == nil {
		return Unobserved{}
	}
	return o
}

// positive returns v, or the default when v is not positive.
func positive[N int | int64 | time.Duration](v, byDefault N) N {
	if v > 0 {
		return v
	}
	return byDefault
}

// Service accepts, shows, cancels and retries jobs. It is safe for concurrent
// use. The jobs it returns belong to the caller.
type Service struct {
	cfg       ServiceConfig
	jobs      *table
	logs      *logTable
	deadlines *deadlineTable
	history   *historyTable
	dead      *deadTable
	dispatch  *dispatcher
	tender    *tender
	pause     atomic.Int64 // submissions leave the queue alone until then, in ns

	lines lines
	rooms *rooms
	rules *rules
	crowd crowd

	mu      sync.Mutex
	watches map[string]*watch  // by job
	behind  map[string]*behind // by pool and tenant
}

// NewService returns a service over collections that the caller has ensured.
func NewService(cfg ServiceConfig) *Service {
	cfg = cfg.withDefaults()
	jobs := newTable(cfg.Driver)
	return &Service{
		lines: lines{jobs}, rules: newRules(cfg.Driver, cfg.Tenants, cfg.Now), crowd: crowd{jobs: jobs, now: cfg.Now},
		rooms: &rooms{
			jobs: jobs, workers: newWorkerTable(cfg.Driver), queue: cfg.Queue, now: cfg.Now,
			timeout: cfg.EnqueueTimeout, age: roomAge, blind: cfg.Blind,
		},
		cfg: cfg, jobs: jobs, logs: newLogTable(cfg.Driver), history: newHistoryTable(cfg.Driver), dead: newDeadTable(cfg.Driver),
		deadlines: newDeadlineTable(cfg.Driver),
		dispatch:  &dispatcher{jobs: jobs, queue: cfg.Queue, observer: cfg.Observer, now: cfg.Now, timeout: cfg.EnqueueTimeout},
		watches:   map[string]*watch{}, behind: map[string]*behind{},
		tender: &tender{
			jobs: jobs, edges: newEdgeTable(cfg.Driver), batches: newBatchTable(cfg.Driver), observer: cfg.Observer, now: cfg.Now,
			hint: newHints(cfg.Queue, cfg.EnqueueTimeout, cfg.Observer).tell,
		},
	}
}

var idForm = regexp.MustCompile(`^job_[0-9a-f]{32}$`)

// Lookup returns the job whoever owns it. It is for the platform itself: what
// a tenant asks for goes through Get.
func (s *Service) Lookup(ctx context.Context, id string) (*Job, error) {
	if !idForm.MatchString(id) {
		return nil, notFound(id)
	}
	j, err := s.jobs.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound(id)
	}
	return j, storeFault(err)
}

// Get returns the tenant's job, or the fault job_not_found.
func (s *Service) Get(ctx context.Context, tenant, id string) (*Job, error) {
	j, err := s.Lookup(ctx, id)
	if err != nil {
		return nil, err
	}
	if j.Tenant != tenant {
		return nil, notFound(id)
	}
	return j, nil
}

// Glance is what is known of a job without reading its record.
type Glance struct {
	Revision int64
	State    State
}

// Peek returns the revision and the state of the tenant's job, or the fault
// job_not_found. It costs as little for a job with a large result as for any
// other.
func (s *Service) Peek(ctx context.Context, tenant, id string) (Glance, error) {
	meta, keys, err := s.peek(ctx, id)
	if err != nil {
		return Glance{}, err
	}
	if keys["tenant"] != tenant { // somebody else's, or a child, which lists find by its parent
		j, err := s.Get(ctx, tenant, id)
		if err != nil {
			return Glance{}, err
		}
		return Glance{Revision: j.Revision, State: j.State}, nil
	}
	state, _ := keys["state"].(string)
	return Glance{Revision: meta.Revision, State: State(state)}, nil
}

// peek is Peek whoever owns the job.
func (s *Service) peek(ctx context.Context, id string) (store.Meta, map[string]any, error) {
	if !idForm.MatchString(id) {
		return store.Meta{}, nil, notFound(id)
	}
	meta, keys, err := s.jobs.Peek(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return meta, nil, notFound(id)
	}
	return meta, keys, storeFault(err)
}

func notFound(id string) error {
	if len(id) > 64 {
		id = id[:64]
	}
	return fault.NotFound("job_not_found", "There is no job %q; a job's identifier is job_ and 32 hexadecimal digits.", id)
}

// Cancel asks for the job to end. A job that no worker has is cancelled at
// once. A running one is marked, and its worker stops it within a second or
// two; it is cancelled then even if its work was nearly done. It is a conflict
// when the job has ended otherwise (job_already_finished) or its result is
// already being published (job_already_finishing).
func (s *Service) Cancel(ctx context.Context, tenant, id string) (*Job, error) {
	if _, err := s.Get(ctx, tenant, id); err != nil {
		return nil, err
	}
	ended := false
	j, err := s.jobs.Update(ctx, id, func(j *Job) error {
		ended = false
		switch {
		case j.State == Cancelled, j.CancelRequested:
			return store.ErrUnchanged
		case j.State.Terminal():
			return fault.Conflict("job_already_finished", "The job has %s already and cannot be cancelled.", j.State)
		case j.Committed:
			return fault.Conflict("job_already_finishing", "The job's result is final and being published; it cannot be cancelled any more.")
		case j.State == Running:
			j.CancelRequested = true
			j.note(stamp(s.cfg.Now), EventCancelRequested, "", actorOf(ctx))
		default:
			j.CancelRequested = true
			j.end(stamp(s.cfg.Now), Cancelled, "cancelled_by_owner")
			if ended = j.State.Terminal(); ended {
				j.sign(actorOf(ctx))
			} else { // its children have to be told first
				j.note(stamp(s.cfg.Now), EventCancelRequested, "", actorOf(ctx))
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, notFound(id)
	case err != nil:
		return nil, storeFault(err)
	case ended:
		s.cfg.Observer.Finished(j, OutcomeCancelled, 0)
		s.tender.ended(ctx, j)
	case j.State == Running:
		s.tender.hint(ctx, j)
	case j.State == Awaiting:
		s.tender.soon(ctx, j.ID)
		return s.Get(ctx, tenant, id)
	}
	return j, nil
}

// Retry runs a failed or cancelled job again, under a new epoch and with all
// counters but the attempts at zero. It is a conflict in any other state.
func (s *Service) Retry(ctx context.Context, tenant, id string) (*Job, error) {
	j, err := s.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	at := stamp(s.cfg.Now)
	fast := s.direct(ctx, j)
	buried := ""
	j, err = s.jobs.Update(ctx, id, func(j *Job) error {
		if j.State != Failed && j.State != Cancelled {
			return fault.Conflict("job_not_retryable", "The job is %s; only a failed or cancelled job can be retried.", j.State)
		}
		if j.Parent != "" {
			return fault.Conflict("child_not_retryable", "The job is a part of job %s; retry that one, which runs again only what has not succeeded.", j.Parent)
		}
		buried = j.deadID()
		j.reset(at)
		switch {
		case len(j.After) > 0:
			j.await(at, "retried_by_owner")
		case fast:
			j.queue(at, "retried_by_owner")
		default:
			j.wait(at, at, "retried_by_owner")
		}
		j.sign(actorOf(ctx))
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, notFound(id)
	case err != nil:
		return nil, storeFault(err)
	}
	s.unearth(ctx, j, buried)
	switch {
	case j.State == Awaiting:
		return s.link(ctx, j), nil
	case fast:
		s.enqueue(ctx, j)
	}
	return j, nil
}

// reset makes the job as if it had never run; attempts and epochs count on. A
// deadline that has passed is one no more.
func (j *Job) reset(at time.Time) {
	j.Failures, j.Outages, j.Crashes, j.CrashesBefore = 0, 0, 0, 0
	j.Saved, j.SavedBefore = 0, 0
	j.OutageSince, j.Dead = time.Time{}, ""
	j.CancelRequested, j.Committed = false, false
	j.Result, j.Files, j.OwnFiles, j.Failure = nil, nil, nil, nil
	j.Progress, j.Waiting = Progress{}, nil
	j.Family = nil
	j.Round++
	j.TimeSpent, j.ParkedAt, j.UpgradeSince = 0, time.Time{}, time.Time{}
	if !at.Before(j.Deadline) {
		j.Deadline = time.Time{}
	}
	j.StartedAt, j.HeartbeatAt, j.FinishedAt = time.Time{}, time.Time{}, time.Time{}
}

// ResultURL returns a link to a file of the job's result. An empty name means
// the only file; with several it is a fault, since a file of errors is easily
// taken for the one that was meant.
func (s *Service) ResultURL(ctx context.Context, tenant, id, name string) (string, error) {
	j, err := s.Get(ctx, tenant, id)
	if err != nil {
		return "", err
	}
	if j.State != Succeeded {
		return "", fault.Conflict("job_not_succeeded", "The job is %s; only a succeeded job has a result.", j.State)
	}
	names := make([]string, 0, len(j.Files))
	for n := range j.Files {
		names = append(names, n)
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return "", fault.NotFound("result_has_no_files", "The result of a %s job has no files to download.", j.Kind)
	case name == "" && len(names) > 1:
		return "", fault.Invalid("result_file_required", "The result has several files, %s; name one of them.", strings.Join(names, ", ")).
			With(fault.Field{Location: "query.file", Message: "must name one of several files"})
	case name == "":
		name = names[0]
	case !slices.Contains(names, name):
		return "", fault.NotFound("result_file_not_found", "The result has no file of that name; it has %s.", strings.Join(names, ", "))
	}
	key := j.Files[name]
	filename := name
	if path.Ext(filename) == "" {
		filename += path.Ext(key)
	}
	switch _, _, err := s.cfg.Files.Stat(ctx, key); {
	case isNotFound(err):
		return "", fault.NotFound("result_file_deleted", "The file %s was deleted, as its retention period has passed; run the job again to have it anew.", name).Because(err)
	case err != nil:
		return "", fmt.Errorf("look for file %s of job %s: %w", name, id, err)
	}
	link, err := s.cfg.Files.Presign(ctx, key, filename, s.cfg.LinkTTL)
	if err != nil {
		return "", fmt.Errorf("link to file %s of job %s: %w", name, id, err)
	}
	return link, nil
}

// Remove deletes the record, the log lines and the history of a job that ended. It is for
// the clean-up; files are deleted by whoever calls it, before.
func (s *Service) Remove(ctx context.Context, id string) error {
	j, err := s.Lookup(ctx, id)
	if err != nil {
		return err
	}
	if !j.State.Terminal() {
		return fault.Conflict("job_not_finished", "The job is %s; only a job that ended can be removed.", j.State)
	}
	if j.Parent != "" {
		parent, err := s.Lookup(ctx, j.Parent)
		if err == nil && !parent.State.Terminal() {
			return fault.Conflict("job_not_finished", "The job is a part of job %s, which has not ended.", j.Parent)
		}
		if err != nil && !isNotFound(err) {
			return err
		}
	}
	if err := s.unawaited(ctx, id); err != nil {
		return err
	}
	if err := s.removeLogs(ctx, id); err != nil {
		return err
	}
	if err := s.removeHistory(ctx, id); err != nil {
		return err
	}
	if err := s.removeDead(ctx, j.deadID()); err != nil {
		return err
	}
	if err := s.unlink(ctx, j); err != nil {
		return err
	}
	err = s.jobs.Delete(ctx, id, j.Revision)
	if errors.Is(err, store.ErrStale) {
		return fault.Conflict("job_not_finished", "The job was retried meanwhile.").Because(err)
	}
	return err
}

// Ended returns jobs of all tenants that ended in the state before the time,
// oldest first, for the clean-up. The cursor is Next of the page before.
func (s *Service) Ended(ctx context.Context, state State, before time.Time, cursor string, limit int) (store.Page[*Job], error) {
	if !state.Terminal() {
		return store.Page[*Job]{}, fmt.Errorf("jobs ended in state %q: not a terminal state", state)
	}
	return s.jobs.Find(ctx, store.Query{
		Index: indexDue, Equal: []any{string(state)}, To: nanos(before), Cursor: cursor, Limit: limit,
	})
}
