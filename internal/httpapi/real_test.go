package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
)

// The services of the domain are what the edge asks for.
var (
	_ httpapi.Verifier                      = (*account.Verifier)(nil)
	_ httpapi.Verifier                      = account.Developer{}
	_ httpapi.Jobs                          = (*job.Service)(nil)
	_ httpapi.Datasets                      = (*dataset.Service)(nil)
	_ httpapi.Models                        = (*model.Service)(nil)
	_ httpapi.Submitter[training.Request]   = (*training.Service)(nil)
	_ httpapi.Submitter[tuning.Request]     = (*tuning.Service)(nil)
	_ httpapi.Submitter[prediction.Request] = (*prediction.Service)(nil)
	_ httpapi.Submitter[retention.Request]  = (*retention.Service)(nil)
)

// shelf keeps files in memory.
type shelf struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (s *shelf) Put(_ context.Context, key, _ string, r io.Reader) (int64, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return 0, errors.New("put: the file store has lost what it was")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[key] = b
	return int64(len(b)), nil
}

func (s *shelf) OpenAt(_ context.Context, key string) (io.ReaderAt, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.files[key]
	if !ok {
		return nil, 0, fault.NotFound("file_not_found", "there is no file")
	}
	return bytes.NewReader(b), int64(len(b)), nil
}

func (s *shelf) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	r, n, err := s.OpenAt(ctx, key)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.NewSectionReader(r, 0, n)), nil
}

func (s *shelf) Delete(_ context.Context, keys ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		delete(s.files, key)
	}
	return nil
}

func (s *shelf) Stat(ctx context.Context, key string) (int64, time.Time, error) {
	_, n, err := s.OpenAt(ctx, key)
	return n, time.Time{}, err
}

func (*shelf) Presign(_ context.Context, key, _ string, _ time.Duration) (string, error) {
	return "https://files.example.org/" + key, nil
}

// deaf is a queue that takes everything and delivers nothing.
type deaf struct{}

func (deaf) Enqueue(context.Context, ...job.Delivery) error    { return nil }
func (deaf) Alive(context.Context, job.Delivery) (bool, error) { return true, nil }
func (deaf) HintCancel(context.Context, job.Delivery) error    { return nil }

// withServices puts the real services behind the edge.
func withServices(t *testing.T, change ...func(*bench)) *bench {
	t.Helper()
	driver, files := memstore.New(), &shelf{files: map[string][]byte{}}
	for _, collections := range [][]store.Collection{job.Collections(), dataset.Collections(), model.Collections(), retention.Collections()} {
		if err := driver.Ensure(t.Context(), collections...); err != nil {
			t.Fatal(err)
		}
	}
	jobs := job.NewService(job.ServiceConfig{Driver: driver, Queue: deaf{}, Files: files, WatchEvery: 5 * time.Millisecond})
	datasets := dataset.NewService(dataset.ServiceConfig{Driver: driver, Files: files, Jobs: jobs})
	models := model.NewService(model.ServiceConfig{Driver: driver, Files: files, Jobs: jobs})
	return setup(t, append([]func(*bench){func(b *bench) {
		b.deps.Jobs, b.deps.Datasets, b.deps.Models = jobs, datasets, models
		b.deps.Training = training.NewService(jobs, datasets)
		b.deps.Tuning = tuning.NewService(jobs, models)
		b.deps.Prediction = prediction.NewService(jobs, datasets, models)
		b.deps.Retention = retention.NewService(jobs)
	}}, change...)...)
}

func TestServices(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	key := []string{"Idempotency-Key", "first"}
	made := decode[httpapi.Accepted](t, b.upload(t, ada, key, "name", "flowers", "file", "a,b\n1,2\n"))
	tick(t)
	again := b.upload(t, ada, key, "name", "flowers", "file", "a,b\n1,2\n")
	if got := decode[httpapi.Accepted](t, again); got.JobID != made.JobID || got.DatasetID != made.DatasetID || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %v %s", again.header, again.body)
	}
	wantProblem(t, b.upload(t, ada, key, "name", "flowers", "file", "a,b\n3,4\n"), http.StatusConflict, "idempotency_key_reused")
	if r := b.upload(t, ada, nil, "file", ""); r.status != http.StatusUnprocessableEntity {
		t.Errorf("an empty file: status %d: %s", r.status, r.body)
	}

	one := jobsPath + "/" + made.JobID
	r := b.get(t, one, ada)
	if j := decode[httpapi.Job](t, r); j.Kind != "ingest" || j.State != "queued" || strings.Contains(string(r.body), "uploads/") {
		t.Errorf("the job is %s", r.body)
	}
	if r := b.get(t, one+"?wait=30ms", ada, "If-None-Match", r.header.Get("ETag")); r.status != http.StatusNotModified {
		t.Errorf("unchanged: status %d: %s", r.status, r.body)
	}
	wantProblem(t, b.get(t, datasetsPath+"/"+made.DatasetID+"/preview", ada), http.StatusConflict, "dataset_not_ready")
	wantProblem(t, b.send(t, "/api/v1/training", ada, `{"dataset_id":"`+made.DatasetID+`","target":"a"}`), http.StatusConflict, "dataset_not_ready")

	s := b.follow(t, made.JobID, "")
	first, _ := s.next()
	if r := b.ask(t, http.MethodPost, one+"/cancel", ada, nil); r.status != http.StatusAccepted || decode[httpapi.Job](t, r).State != "cancelled" {
		t.Errorf("cancel: status %d: %s", r.status, r.body)
	}
	if last, ok := s.next(); first.name != "job" || !ok || !strings.Contains(last.data, `"state":"cancelled"`) {
		t.Errorf("events are %+v and %+v", first, last)
	}
	if r := b.ask(t, http.MethodPost, one+"/retry", ada, nil); r.status != http.StatusAccepted {
		t.Errorf("retry: status %d: %s", r.status, r.body)
	}
	if r := b.get(t, one+"/result", ada); r.status < 400 || r.status >= 500 {
		t.Errorf("no result: status %d: %s", r.status, r.body)
	}
}

func TestServicesKeepCursorsApart(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	for range 3 {
		if r := b.send(t, "/api/v1/cleanup", bob, "{}"); r.status != http.StatusAccepted {
			t.Fatalf("status %d: %s", r.status, r.body)
		}
	}
	page := decode[httpapi.Page[httpapi.Job]](t, b.get(t, jobsPath+"?limit=2&kind=cleanup", bob))
	if len(page.Items) != 2 || page.NextCursor == "" {
		t.Fatalf("the page is %+v", page)
	}
	cursor := "&cursor=" + url.QueryEscape(page.NextCursor)
	if rest := decode[httpapi.Page[httpapi.Job]](t, b.get(t, jobsPath+"?limit=2&kind=cleanup"+cursor, bob)); len(rest.Items) != 1 || rest.NextCursor != "" {
		t.Errorf("the rest is %+v", rest)
	}
	for name, address := range map[string]string{
		"another filter": jobsPath + "?kind=training" + cursor, "no filter": jobsPath + "?limit=2" + cursor,
		"another list": datasetsPath + "?limit=2" + cursor, "models": "/api/v1/models?limit=2" + cursor,
	} {
		if r := b.get(t, address, bob); r.status != http.StatusUnprocessableEntity || decode[problem](t, r).Code != "invalid_cursor" {
			t.Errorf("%s: status %d: %s", name, r.status, r.body)
		}
	}
	// The same query of another tenant is another query.
	wantProblem(t, b.get(t, jobsPath+"?limit=2&kind=cleanup"+cursor, "eve:analyst"), http.StatusUnprocessableEntity, "invalid_cursor")
}

// TestServicesKeepTenantsApart walks every route that names a thing, with the
// real services behind it.
func TestServicesKeepTenantsApart(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	made := decode[httpapi.Accepted](t, b.upload(t, ada, nil, "file", "a,b\n1,2\n"))
	mdl := identifier("mdl", 1)
	for _, r := range contractOf(t).routes {
		if !strings.Contains(r.path, "{id}") && r.id() != "train" && r.id() != "tune" && r.id() != "predict" {
			continue
		}
		id := map[bool]string{true: made.DatasetID, false: made.JobID}[strings.Contains(r.path, "/datasets/")]
		if strings.Contains(r.path, "/models/") {
			id = mdl
		}
		body := map[string]string{
			"train": `{"dataset_id":"` + made.DatasetID + `","target":"a"}`, "tune": `{"model_id":"` + mdl + `","method":"threshold"}`,
			"predict": `{"model_id":"` + mdl + `","dataset_id":"` + made.DatasetID + `"}`,
		}[r.id()]
		got := b.ask(t, r.method, strings.ReplaceAll(r.path, "{id}", id), bob, strings.NewReader(body), "Content-Type", "application/json")
		if got.status != http.StatusNotFound {
			t.Errorf("%s %s: status %d: %s", r.method, r.path, got.status, got.body)
		}
	}
}
