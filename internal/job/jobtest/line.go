package jobtest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// Line takes submissions and keeps their jobs, which stay queued until a test
// changes them. It is safe for concurrent use.
type Line struct {
	mu      sync.Mutex
	jobs    []*job.Job
	failure error
}

// NewLine returns an empty line.
func NewLine() *Line { return &Line{} }

// Fail makes every later call fail with err.
func (l *Line) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = err
}

// Submit returns the job of the idempotency key, or makes one.
func (l *Line) Submit(_ context.Context, s job.Submission) (*job.Job, bool, error) {
	payload, err := json.Marshal(s.Payload)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		err = l.failure
	}
	if err != nil {
		return nil, false, err
	}
	at := slices.IndexFunc(l.jobs, func(j *job.Job) bool {
		return s.IdempotencyKey != "" && j.Tenant == s.Tenant && j.Kind == s.Kind.Name && j.IdempotencyKey == s.IdempotencyKey
	})
	if at >= 0 {
		return l.jobs[at], false, nil
	}
	j := &job.Job{
		Meta: store.Meta{ID: store.NewID("job"), Revision: 1}, Tenant: s.Tenant, User: s.User,
		Kind: s.Kind.Name, Pool: s.Kind.Pool, Version: s.Kind.Version, Timeout: s.Kind.Timeout,
		MaxFailures: s.Kind.MaxFailures, MaxCrashes: s.Kind.MaxCrashes,
		Subject: s.Subject, Also: s.Also, IdempotencyKey: s.IdempotencyKey, Payload: payload, State: job.Queued, Epoch: 1, Memory: s.Memory,
		After: s.After,
	}
	l.jobs = append(l.jobs, j)
	return j, true, nil
}

// Jobs returns all jobs, oldest first.
func (l *Line) Jobs() []*job.Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.jobs)
}

// Lookup returns the job, or fault.NotFound.
func (l *Line) Lookup(_ context.Context, id string) (*job.Job, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure != nil {
		return nil, l.failure
	}
	for _, j := range l.jobs {
		if j.ID == id {
			return j, nil
		}
	}
	return nil, fault.NotFound("job_not_found", "there is no job %s", id)
}

// Get returns the tenant's job, or fault.NotFound.
func (l *Line) Get(ctx context.Context, tenant, id string) (*job.Job, error) {
	j, err := l.Lookup(ctx, id)
	if err == nil && j.Tenant != tenant {
		return nil, fault.NotFound("job_not_found", "there is no job %s", id)
	}
	return j, err
}

// CheckAfter refuses jobs that the tenant does not have.
func (l *Line) CheckAfter(ctx context.Context, tenant string, after []string) error {
	for _, id := range after {
		if _, err := l.Get(ctx, tenant, id); err != nil {
			return err
		}
	}
	return nil
}

// CheckRoom refuses nobody.
func (*Line) CheckRoom(context.Context, string) error { return nil }

// Active reports whether a job about the subject has not ended.
func (l *Line) Active(_ context.Context, subject string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.jobs, func(j *job.Job) bool { return slices.Contains(j.Subjects(), subject) && !j.State.Terminal() }), l.failure
}

// Ended returns the jobs in the state that ended before the time, all at once.
func (l *Line) Ended(_ context.Context, state job.State, before time.Time, _ string, _ int) (store.Page[*job.Job], error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var page store.Page[*job.Job]
	for _, j := range l.jobs {
		if j.State == state && j.FinishedAt.Before(before) {
			page.Items = append(page.Items, j)
		}
	}
	return page, l.failure
}

// ForgetBatches forgets nothing: there are no batches.
func (l *Line) ForgetBatches(context.Context, time.Time) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return 0, l.failure
}

// Remove forgets the job; one that is not there is a fault.NotFound.
func (l *Line) Remove(ctx context.Context, id string) error {
	if _, err := l.Lookup(ctx, id); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs = slices.DeleteFunc(l.jobs, func(j *job.Job) bool { return j.ID == id })
	return nil
}
