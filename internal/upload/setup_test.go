package upload_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
	"github.com/narrativeml/narrative/internal/upload"
)

// register takes jobs, one for each idempotency key.
type register struct {
	mu   sync.Mutex
	jobs map[string]*job.Job
	fail error
	full error // of CheckRoom
}

var _ dataset.Jobs = (*register)(nil)

func (r *register) Submit(_ context.Context, s job.Submission) (*job.Job, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return nil, false, r.fail
	}
	if j := r.jobs[s.IdempotencyKey]; j != nil {
		return j, false, nil
	}
	j := &job.Job{Meta: store.Meta{ID: store.NewID("job")}, Tenant: s.Tenant, Subject: s.Subject, State: job.Pending}
	r.jobs[s.IdempotencyKey] = j
	return j, true, nil
}

func (r *register) Get(_ context.Context, _, id string) (*job.Job, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.jobs {
		if j.ID == id {
			return j, nil
		}
	}
	return nil, fault.NotFound("job_not_found", "there is no job %s", id)
}

func (r *register) CheckRoom(context.Context, string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.full
}

func (*register) Active(context.Context, string) (bool, error) { return false, nil }

func (*register) CheckAfter(_ context.Context, _ string, after []string) error {
	if len(after) > 0 {
		return fault.NotFound("job_not_found", "there is no job %s", after[0])
	}
	return nil
}

// flaky is a store whose writes to a collection can fail, after they were done
// or instead.
type flaky struct {
	store.Driver
	mu         sync.Mutex
	collection string
	lost       bool // the write is done, and its reply lost
}

var errBroken = fault.Unavailable("store_unavailable", "the store is away")

func (f *flaky) breaks(collection string, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.collection, f.lost = collection, lost
}

func (f *flaky) around(collection string, do func() ([]error, error)) ([]error, error) {
	f.mu.Lock()
	broken, lost := f.collection == collection, f.lost
	f.mu.Unlock()
	if !broken {
		return do()
	}
	if lost {
		if _, err := do(); err != nil {
			return nil, err
		}
	}
	return nil, errBroken
}

func (f *flaky) Insert(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	return f.around(collection, func() ([]error, error) { return f.Driver.Insert(ctx, collection, records...) })
}

func (f *flaky) Replace(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	return f.around(collection, func() ([]error, error) { return f.Driver.Replace(ctx, collection, records...) })
}

// bundle is the service on stores in memory.
type bundle struct {
	*upload.Service
	driver   *flaky
	files    *jobtest.Files
	jobs     *register
	datasets *dataset.Service
	now      time.Time
}

const (
	text   = "a,b\n1,2\n3,4\n"
	tenant = "acme"
	name   = "t.csv"
)

func setup(t *testing.T, change ...func(*upload.ServiceConfig)) *bundle {
	t.Helper()
	b := &bundle{
		driver: &flaky{Driver: memstore.New()}, files: jobtest.NewFiles(), jobs: &register{jobs: map[string]*job.Job{}},
		now: time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC),
	}
	for _, c := range [][]store.Collection{upload.Collections(), dataset.Collections()} {
		if err := b.driver.Ensure(t.Context(), c...); err != nil {
			t.Fatal(err)
		}
	}
	clock := func() time.Time { return b.now }
	b.datasets = dataset.NewService(dataset.ServiceConfig{Driver: b.driver, Files: b.files, Jobs: b.jobs, Now: clock})
	c := upload.ServiceConfig{Driver: b.driver, Files: b.files, Datasets: b.datasets, Now: clock}
	for _, f := range change {
		f(&c)
	}
	b.Service = upload.NewService(c)
	return b
}

func request(key string) dataset.Upload {
	return dataset.Upload{Tenant: tenant, User: "ann", Filename: name, IdempotencyKey: key}
}

// begin begins an upload of text.
func (b *bundle) begin(t *testing.T) *upload.Upload {
	t.Helper()
	up, created, err := b.Create(t.Context(), request(""), map[string]string{"filename": name}, int64(len(text)))
	if err != nil || !created {
		t.Fatalf("created is %v, %v", created, err)
	}
	return up
}

// add sends the text from the offset on.
func (b *bundle) add(t *testing.T, up *upload.Upload, from, to int) {
	t.Helper()
	if n, err := b.Append(t.Context(), up, int64(from), strings.NewReader(text[from:to])); err != nil || n != int64(to-from) {
		t.Fatalf("%d bytes were kept, %v", n, err)
	}
}

// crash is a step on the way from the last byte to the upload's record that breaks.
type crash struct {
	crash, mend func(*bundle)
	appeared    bool // the file is there by then, so that it is clear that the client had sent all of it
}

// crashes are all of them, by when they are.
func crashes() map[string]crash {
	away := fault.Unavailable("storage_unavailable", "away")
	driver := func(collection string, lost bool) crash {
		return crash{func(b *bundle) { b.driver.breaks(collection, lost) }, func(b *bundle) { b.driver.breaks("", false) }, true}
	}
	return map[string]crash{
		"before the file appears":        {func(b *bundle) { b.files.Fail("#finish", away) }, func(b *bundle) { b.files.Fail("#finish", nil) }, false},
		"before the data set":            driver("datasets", false),
		"after the data set":             driver("datasets", true),
		"before the job":                 {func(b *bundle) { b.jobs.fail = away }, func(b *bundle) { b.jobs.fail = nil }, true},
		"before the upload's record":     driver("uploads", false),
		"when that one's reply was lost": driver("uploads", true),
	}
}

// together has several finish the same upload, which has to be one data set and one
// job to all of them.
func together(t *testing.T, finish func() (*upload.Upload, error)) {
	t.Helper()
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wg.Go(func() {
			found, err := finish()
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = found.DatasetID + found.JobID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("the data set and the job are %q", ids)
		}
	}
}

// made checks that the upload is one data set with one job, and its file whole.
func (b *bundle) made(t *testing.T, up *upload.Upload) {
	t.Helper()
	d, err := b.datasets.Get(t.Context(), tenant, up.DatasetID)
	if err != nil {
		t.Fatal(err)
	}
	if up.State != upload.Finished || up.JobID == "" || d.JobID != up.JobID || len(b.jobs.jobs) != 1 {
		t.Errorf("the upload is %+v, the data set %+v, the jobs %v", up, d, b.jobs.jobs)
	}
	if got, err := b.files.Get(d.RawKey); err != nil || string(got) != text || d.Size != int64(len(text)) {
		t.Errorf("the file is %q, %v; its size %d", got, err, d.Size)
	}
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if fault.CodeOf(err) != code || err == nil {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func repeated(n int) string { return fmt.Sprint(strings.Repeat("x", n)) }
