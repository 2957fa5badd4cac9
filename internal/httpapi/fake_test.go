package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/health"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// verifier knows tokens of the form tenant:role,role.
type verifier struct{}

var _ httpapi.Verifier = verifier{}

func (verifier) Verify(_ context.Context, credential string) (account.Caller, error) {
	tenant, roles, ok := strings.Cut(credential, ":")
	switch {
	case credential == "":
		return account.Caller{}, fault.New(fault.ClassUnauthenticated, "token_missing", "this needs a bearer token or a session cookie")
	case !ok:
		return account.Caller{}, fault.New(fault.ClassUnauthenticated, "token_expired", "the \"token\" has expired")
	}
	return account.Caller{Tenant: tenant, User: tenant, Roles: strings.Split(roles, ",")}, nil
}

// jobs keeps jobs in memory and wakes those who wait for them.
type jobs struct {
	mu      sync.Mutex
	all     map[string]*job.Job
	lines   map[string][]job.LogLine
	keys    map[string]string
	changed chan struct{}
	waiting chan struct{} // one token for every Wait that has begun
	err     error         // what every call returns, if set
	now     func() time.Time
	next    int
}

var _ httpapi.Jobs = (*jobs)(nil)

func newJobs(now func() time.Time) *jobs {
	return &jobs{
		all: map[string]*job.Job{}, lines: map[string][]job.LogLine{}, keys: map[string]string{},
		changed: make(chan struct{}), waiting: make(chan struct{}, 1000), now: now,
	}
}

func identifier(prefix string, n int) string { return fmt.Sprintf("%s_%032x", prefix, n) }

func (f *jobs) add(tenant, kind, subject string) *job.Job {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	j := &job.Job{
		Meta: store.Meta{ID: identifier("job", f.next), Revision: 1}, Tenant: tenant, User: tenant, Kind: kind, Subject: subject,
		State: job.Queued, CreatedAt: f.now(), History: []job.Transition{{At: f.now(), State: job.Queued, Epoch: 1}},
	}
	f.all[j.ID] = j
	c := *j
	return &c
}

// fail makes every later call fail, and wakes the waiting.
func (f *jobs) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	close(f.changed)
	f.changed = make(chan struct{})
}

// change alters a job as a worker would and wakes the waiting.
func (f *jobs) change(id string, alter func(j *job.Job)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j := *f.all[id]
	alter(&j)
	j.Revision++
	j.LogLines = len(f.lines[id])
	f.all[id] = &j
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *jobs) say(id string, messages ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range messages {
		f.lines[id] = append(f.lines[id], job.LogLine{Seq: len(f.lines[id]) + 1, At: f.now(), Attempt: 1, Level: "info", Message: m})
	}
}

func (f *jobs) submit(ctx context.Context, s job.Submission) (*job.Job, bool, error) {
	if _, err := f.List(ctx, s.Tenant, job.Filter{}, "", 1); err != nil {
		return nil, false, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %v", s.Kind.Name, s.Payload))
	name := s.Tenant + " " + s.Kind.Name + " " + s.IdempotencyKey
	f.mu.Lock()
	known, seen := f.keys[name]
	f.mu.Unlock()
	if seen && s.IdempotencyKey != "" {
		id, sent, _ := strings.Cut(known, " ")
		if sent != hex.EncodeToString(sum[:]) {
			return nil, false, fault.Conflict("idempotency_key_reused", "the key was used for another request")
		}
		j, err := f.Get(ctx, s.Tenant, id)
		return j, false, err
	}
	j := f.add(s.Tenant, s.Kind.Name, s.Subject)
	f.mu.Lock()
	f.keys[name] = j.ID + " " + hex.EncodeToString(sum[:])
	f.mu.Unlock()
	return j, true, nil
}

func (f *jobs) Get(_ context.Context, tenant, id string) (*job.Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	j := f.all[id]
	if j == nil || j.Tenant != tenant {
		return nil, fault.NotFound("job_not_found", "there is no job %s", id)
	}
	c := *j
	return &c, nil
}

func (f *jobs) List(_ context.Context, tenant string, filter job.Filter, cursor string, limit int) (store.Page[*job.Job], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return store.Page[*job.Job]{}, f.err
	}
	if cursor != "" && f.all[cursor] == nil {
		return store.Page[*job.Job]{}, fault.Invalid("invalid_cursor", "the cursor does not belong to this query").
			With(fault.Field{Location: "query.cursor", Message: "not a cursor"})
	}
	var page store.Page[*job.Job]
	ids := slices.Sorted(maps.Keys(f.all))
	slices.Reverse(ids)
	for _, id := range ids {
		j := f.all[id]
		if j.Tenant != tenant || filter.State != "" && filter.State != string(j.State) || filter.Kind != "" && filter.Kind != j.Kind ||
			filter.Subject != "" && !slices.Contains(j.Subjects(), filter.Subject) || cursor != "" && id >= cursor {
			continue
		}
		if len(page.Items) == limit {
			page.Next = page.Items[limit-1].ID
			break
		}
		page.Items = append(page.Items, j)
	}
	return page, nil
}

func (f *jobs) Logs(ctx context.Context, tenant, id string, after, limit int) ([]job.LogLine, error) {
	if _, err := f.Get(ctx, tenant, id); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := f.lines[id]
	lines = lines[min(after, len(lines)):]
	return slices.Clone(lines[:min(limit, len(lines))]), nil
}

func (f *jobs) Peek(ctx context.Context, tenant, id string) (job.Glance, error) {
	j, err := f.Get(ctx, tenant, id)
	if err != nil {
		return job.Glance{}, err
	}
	return job.Glance{Revision: j.Revision, State: j.State}, nil
}

func (f *jobs) History(ctx context.Context, tenant, id string, after, limit int) ([]job.Event, error) {
	j, err := f.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	var events []job.Event
	for i, t := range j.History {
		if i >= after && len(events) < limit {
			events = append(events, job.Event{Seq: i + 1, Transition: t})
		}
	}
	return events, nil
}

// DeadJob takes every job for one that was given up.
func (f *jobs) DeadJob(_ context.Context, id string) (*job.Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j := f.all[id]
	if j == nil {
		return nil, fault.NotFound("dead_letter_not_found", "there is no dead letter %s", id)
	}
	c := *j
	c.State, c.Dead, c.Payload = job.Failed, job.DeadDefect, json.RawMessage(`{"a":1,"file_key":"jobs/secret/x"}`)
	return &c, nil
}

func (f *jobs) DeadLetters(ctx context.Context, _ job.DeadFilter, _ string, limit int) (store.Page[*job.DeadLetter], error) {
	var page store.Page[*job.DeadLetter]
	for id := range f.all {
		if j, err := f.DeadJob(ctx, id); err == nil && len(page.Items) < limit {
			page.Items = append(page.Items, j.Letter())
		}
	}
	return page, f.err
}

func (f *jobs) Requeue(_ context.Context, r job.Requeue) (*job.Requeued, error) {
	return &job.Requeued{Jobs: r.Jobs, Skipped: []job.Skipped{}}, f.err
}

func (f *jobs) Schedules(context.Context, string, int) (store.Page[*job.ScheduleState], error) {
	state := &job.ScheduleState{Name: "cleanup", Spec: "17 * * * *", At: f.now(), LastAt: f.now(), Done: true}
	return store.Page[*job.ScheduleState]{Items: []*job.ScheduleState{state}}, f.err
}

func (f *jobs) Workers(context.Context, string, string, int) (store.Page[*job.Worker], error) {
	w := &job.Worker{Meta: store.Meta{ID: "wkr_1"}, State: job.WorkerAlive, Pools: map[string]int{"training": 1}, StartedAt: f.now(), HeartbeatAt: f.now()}
	return store.Page[*job.Worker]{Items: []*job.Worker{w}}, f.err
}

// findings are what sweeps have found.
type findings struct{ page store.Page[*health.Finding] }

func (f findings) List(context.Context, string, string, int) (store.Page[*health.Finding], error) {
	return f.page, nil
}

func (f *jobs) Wait(ctx context.Context, tenant, id string, revision int64) (*job.Job, error) {
	f.waiting <- struct{}{}
	for {
		f.mu.Lock()
		changed := f.changed
		f.mu.Unlock()
		j, err := f.Get(ctx, tenant, id)
		if err != nil || j.Revision > revision || j.State.Terminal() {
			return j, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return j, nil
		}
	}
}

func (f *jobs) ResultURL(ctx context.Context, tenant, id, name string) (string, error) {
	j, err := f.Get(ctx, tenant, id)
	if err != nil {
		return "", err
	}
	if j.State != job.Succeeded {
		return "", fault.Conflict("job_not_finished", "the job has no result yet")
	}
	if name == "" {
		name = "predictions"
	}
	key, ok := j.Files[name]
	if !ok {
		return "", fault.NotFound("file_not_found", "the job has no file %q", name)
	}
	return "https://files.example.org/" + key + "?signature=x", nil
}

func (f *jobs) Cancel(ctx context.Context, tenant, id string) (*job.Job, error) {
	j, err := f.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if j.State.Terminal() {
		return nil, fault.Conflict("job_finished", "the job has ended")
	}
	f.change(id, func(j *job.Job) { j.CancelRequested = true })
	return f.Get(ctx, tenant, id)
}

func (f *jobs) Retry(ctx context.Context, tenant, id string) (*job.Job, error) {
	j, err := f.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if j.State != job.Failed && j.State != job.Cancelled {
		return nil, fault.Conflict("job_not_retryable", "only a failed or cancelled job can be tried again")
	}
	f.change(id, func(j *job.Job) { j.State, j.Failure = job.Pending, nil })
	return f.Get(ctx, tenant, id)
}

func (f *jobs) Prioritise(ctx context.Context, tenant, id string, priority int) (*job.Job, error) {
	j, err := f.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if j.State.Terminal() {
		return nil, fault.Conflict("job_not_waiting", "only a job that waits has a priority to change")
	}
	f.change(id, func(j *job.Job) { j.Urgency = priority - job.DefaultPriority })
	return f.Get(ctx, tenant, id)
}

// submitter makes jobs of requests of one kind.
type submitter[R any] struct {
	jobs    *jobs
	kind    string
	subject func(R) string
	known   func(tenant string, r R) error
	got     []R
	mu      sync.Mutex
}

func (f *submitter[R]) Submit(ctx context.Context, caller account.Caller, req R, key string) (*job.Job, bool, error) {
	f.mu.Lock()
	f.got = append(f.got, req)
	f.mu.Unlock()
	if err := f.known(caller.Tenant, req); err != nil {
		return nil, false, err
	}
	return f.jobs.submit(ctx, job.Submission{
		Tenant: caller.Tenant, Kind: job.Kind{Name: f.kind}, Subject: f.subject(req), IdempotencyKey: key, Payload: req,
	})
}

func (f *submitter[R]) Prepare(_ context.Context, caller account.Caller, req R) (job.Submission, error) {
	return job.Submission{Tenant: caller.Tenant, Kind: job.Kind{Name: f.kind}, Subject: f.subject(req), Payload: req}, f.known(caller.Tenant, req)
}

// SubmitBatch makes a job of each member.
func (f *jobs) SubmitBatch(ctx context.Context, _, key string, members []job.Member) ([]*job.Job, bool, error) {
	var made []*job.Job
	all := true
	for _, m := range members {
		if m.Name == "circle" {
			return nil, false, fault.Invalid("dependency_cycle", "The jobs wait for each other in a circle: circle → circle.")
		}
		if key != "" {
			m.IdempotencyKey = key + "/" + m.Name
		}
		j, created, err := f.submit(ctx, m.Submission)
		if err != nil {
			return nil, false, err
		}
		made, all = append(made, j), all && created
	}
	return made, all, nil
}
