package dataset_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

// files is a file store in memory.
type files struct {
	mu      sync.Mutex
	objects map[string][]byte
	fail    error                                    // of Put, after the body was read
	open    func(key string, b []byte) io.ReadCloser // replaces Open
}

func (f *files) Put(_ context.Context, key, _ string, r io.Reader) (int64, error) {
	b, err := io.ReadAll(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[key] = b // what came before an error stays, as in the worst of stores
	if err == nil {
		err = f.fail
	}
	return int64(len(b)), err
}

func (f *files) get(key string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.objects[key]
	if !ok {
		return nil, fault.NotFound("file_not_found", "there is no file %s", key)
	}
	return b, nil
}

func (f *files) Open(_ context.Context, key string) (io.ReadCloser, error) {
	b, err := f.get(key)
	if err != nil {
		return nil, err
	}
	if f.open != nil {
		return f.open(key, b), nil
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (f *files) OpenAt(_ context.Context, key string) (io.ReaderAt, int64, error) {
	b, err := f.get(key)
	return bytes.NewReader(b), int64(len(b)), err
}

func (f *files) Delete(_ context.Context, keys ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range keys {
		delete(f.objects, k)
	}
	return nil
}

func (f *files) keys() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []string
	for k := range f.objects {
		keys = append(keys, k)
	}
	return keys
}

// jobs keeps jobs in memory, one a tenant, kind and key.
type jobs struct {
	mu      sync.Mutex
	all     []*job.Job
	fail    error
	active  bool
	crowded error // of CheckRoom
}

func (s *jobs) Submit(_ context.Context, sub job.Submission) (*job.Job, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return nil, false, s.fail
	}
	for _, j := range s.all {
		if sub.IdempotencyKey != "" && j.Tenant == sub.Tenant && j.Kind == sub.Kind.Name && j.IdempotencyKey == sub.IdempotencyKey {
			return j, false, nil
		}
	}
	payload, err := json.Marshal(sub.Payload)
	j := &job.Job{
		Meta: store.Meta{ID: store.NewID("job"), Revision: 1}, Tenant: sub.Tenant, User: sub.User, Kind: sub.Kind.Name,
		Subject: sub.Subject, IdempotencyKey: sub.IdempotencyKey, Payload: payload, State: job.Queued, Epoch: 1, After: sub.After,
	}
	s.all = append(s.all, j)
	return j, true, err
}

func (s *jobs) Get(_ context.Context, tenant, id string) (*job.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.all {
		if j.ID == id && j.Tenant == tenant {
			return j, nil
		}
	}
	return nil, fault.NotFound("job_not_found", "there is no job %s", id)
}

func (s *jobs) CheckAfter(ctx context.Context, tenant string, after []string) error {
	for _, id := range after {
		if _, err := s.Get(ctx, tenant, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *jobs) CheckRoom(context.Context, string) error { return s.crowded }

func (s *jobs) Active(context.Context, string) (bool, error) { return s.active, s.fail }

// report keeps what a job reports.
type report struct {
	mu        sync.Mutex
	stages    []string
	fractions []float64
	lines     int
	rows      int64
	each      func(fraction float64)
}

func (r *report) Progress(stage string, fraction float64, rows, _ int64) {
	r.mu.Lock()
	r.stages = append(r.stages, stage)
	r.fractions = append(r.fractions, fraction)
	r.rows = rows
	each := r.each
	r.mu.Unlock()
	if each != nil {
		each(fraction)
	}
}

func (r *report) Logf(string, ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines++
}

// bundle is a service and a runner on stores in memory.
type bundle struct {
	*dataset.Service
	runner *dataset.Runner
	driver *memstore.Store
	files  *files
	jobs   *jobs
	report *report
	now    time.Time
	drain  chan struct{}
}

func setup(tb testing.TB, change func(*dataset.ServiceConfig)) *bundle {
	tb.Helper()
	b := &bundle{
		driver: memstore.New(), files: &files{objects: map[string][]byte{}}, jobs: &jobs{}, report: &report{}, drain: make(chan struct{}),
		now: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
	}
	if err := b.driver.Ensure(tb.Context(), dataset.Collections()...); err != nil {
		tb.Fatal(err)
	}
	c := dataset.ServiceConfig{Driver: b.driver, Files: b.files, Jobs: b.jobs, Now: func() time.Time { return b.now }}
	if change != nil {
		change(&c)
	}
	b.Service = dataset.NewService(c)
	b.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: b.files, Jobs: b.jobs, Policy: c.Policy, Now: func() time.Time { return b.now }})
	return b
}

func upload(body string) dataset.Upload {
	return dataset.Upload{Tenant: "acme", User: "ann", Filename: "people.csv", Body: strings.NewReader(body)}
}

// create uploads a table.
func (b *bundle) create(tb testing.TB, body string) (*dataset.Dataset, *job.Job) {
	tb.Helper()
	d, j, err := b.Create(tb.Context(), upload(body))
	if err != nil {
		tb.Fatal(err)
	}
	return d, j
}

// ingest runs the job once.
func (b *bundle) ingest(ctx context.Context, j *job.Job) (*dataset.IngestResult, error) {
	task := &job.Task{Job: j, Prefix: j.Prefix(), Report: b.report, Draining: b.drain}
	var req dataset.IngestRequest
	if err := task.Decode(&req); err != nil {
		return nil, err
	}
	return b.runner.Run(ctx, task, req)
}

// finish ingests and publishes.
func (b *bundle) finish(tb testing.TB, j *job.Job) *dataset.IngestResult {
	tb.Helper()
	made, err := b.ingest(tb.Context(), j)
	if err != nil {
		tb.Fatal(err)
	}
	b.publish(tb, j, made)
	return made
}

func (b *bundle) publish(tb testing.TB, j *job.Job, made *dataset.IngestResult) {
	tb.Helper()
	result, err := json.Marshal(made)
	if err != nil {
		tb.Fatal(err)
	}
	if err := b.runner.Publish(tb.Context(), j, result); err != nil {
		tb.Fatal(err)
	}
}

func checkCode(tb testing.TB, err error, class fault.Class, code string) {
	tb.Helper()
	if fault.CodeOf(err) != code || fault.ClassOf(err) != class {
		tb.Errorf("error = %v, want %s %s", err, class, code)
	}
}
