package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/fetch"
	"github.com/narrativeml/narrative/internal/health"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
	"github.com/narrativeml/narrative/internal/upload"
	"github.com/narrativeml/narrative/internal/workflow"
	handlers "github.com/narrativeml/narrative/jobs"
)

// The services of the domain are what the edge asks for.
var (
	_ httpapi.Verifier                      = (*account.Verifier)(nil)
	_ httpapi.Verifier                      = account.Developer{}
	_ httpapi.Jobs                          = (*job.Service)(nil)
	_ httpapi.HealthHistory                 = (*health.History)(nil)
	_ httpapi.Datasets                      = (*dataset.Service)(nil)
	_ httpapi.Uploads                       = (*upload.Service)(nil)
	_ httpapi.UploadLocks                   = (*upload.Locker)(nil)
	_ httpapi.Recipes                       = (*recipe.Service)(nil)
	_ httpapi.Versions                      = (*dataset.Service)(nil)
	_ httpapi.Models                        = (*model.Service)(nil)
	_ httpapi.Submitter[training.Request]   = (*training.Service)(nil)
	_ httpapi.Submitter[tuning.Request]     = (*tuning.Service)(nil)
	_ httpapi.Submitter[prediction.Request] = (*prediction.Service)(nil)
	_ httpapi.Submitter[retention.Request]  = (*retention.Service)(nil)
)

// shelf keeps files in memory.
type shelf struct{ *jobtest.Files }

// Put loses what an error was, as a client of a file store may.
func (s shelf) Put(ctx context.Context, key, kind string, r io.Reader) (int64, error) {
	n, err := s.Files.Put(ctx, key, kind, r)
	if err != nil {
		err = errors.New("put: the file store has lost what it was")
	}
	return n, err
}

func (s shelf) Stat(ctx context.Context, key string) (int64, time.Time, error) {
	_, n, err := s.OpenAt(ctx, key)
	return n, time.Time{}, err
}

func (shelf) Presign(_ context.Context, key, _ string, _ time.Duration) (string, error) {
	return "https://files.example.org/" + key, nil
}

// deaf is a queue that takes everything and delivers nothing.
type deaf struct{}

func (deaf) Enqueue(context.Context, ...job.Delivery) error    { return nil }
func (deaf) Alive(context.Context, job.Delivery) (bool, error) { return true, nil }
func (deaf) HintCancel(context.Context, job.Delivery) error    { return nil }
func (deaf) Backlog(context.Context, string) (waiting, active, ended int64, err error) {
	return 0, 0, 0, nil
}

// anywhere is the same file at every address.
type anywhere struct{}

func (anywhere) Check(string, string) error { return nil }

func (anywhere) Open(context.Context, string, string, int64, string) (*fetch.Remote, error) {
	return &fetch.Remote{Body: io.NopCloser(strings.NewReader("a,b\n1,2\n")), Size: 8}, nil
}

// line is a queue that delivers to whoever reads it.
type line struct {
	deaf
	deliveries chan job.Delivery
}

func (l line) Enqueue(_ context.Context, deliveries ...job.Delivery) error {
	for _, d := range deliveries {
		l.deliveries <- d
	}
	return nil
}

// domain is the real services on stores in memory.
type domain struct {
	driver     store.Driver
	files      shelf
	jobs       *job.Service
	datasets   *dataset.Service
	uploads    *upload.Service
	locks      *upload.Locker
	recipes    *recipe.Service
	models     *model.Service
	workflow   *workflow.Service
	training   *training.Service
	tuning     *tuning.Service
	prediction *prediction.Service
	retention  *retention.Service
	health     *health.History
}

func newDomain(tb testing.TB, queue job.Queue) *domain {
	tb.Helper()
	d := &domain{driver: memstore.New(), files: shelf{jobtest.NewFiles()}}
	for _, collections := range [][]store.Collection{job.Collections(), dataset.Collections(), recipe.Collections(), model.Collections(), workflow.Collections(), retention.Collections(), health.Collections(), upload.Collections()} {
		if err := d.driver.Ensure(tb.Context(), collections...); err != nil {
			tb.Fatal(err)
		}
	}
	d.jobs = job.NewService(job.ServiceConfig{Driver: d.driver, Queue: queue, Files: d.files, WatchEvery: 5 * time.Millisecond, Blind: 1000})
	d.datasets = dataset.NewService(dataset.ServiceConfig{Driver: d.driver, Files: d.files, Jobs: d.jobs, Sources: anywhere{}, Keys: keys()})
	d.uploads = upload.NewService(upload.ServiceConfig{Driver: d.driver, Files: d.files, Direct: d.files, Datasets: d.datasets})
	d.locks = upload.NewLocker(upload.LockerConfig{Driver: d.driver, Poll: 5 * time.Millisecond})
	d.recipes = recipe.NewService(recipe.ServiceConfig{Driver: d.driver, Datasets: d.datasets, Jobs: d.jobs})
	d.models = model.NewService(model.ServiceConfig{Driver: d.driver, Files: d.files, Jobs: d.jobs, Keys: keys()})
	d.workflow = workflow.NewService(workflow.ServiceConfig{Driver: d.driver, Datasets: d.datasets, Jobs: d.jobs, Recipes: d.recipes, Models: d.models})
	d.training = training.NewService(d.jobs, d.datasets, d.recipes, 0)
	d.tuning = tuning.NewService(d.jobs, d.models)
	d.prediction = prediction.NewService(d.jobs, d.datasets, d.models)
	d.retention = retention.NewService(d.jobs)
	d.health = health.NewHistory(d.driver, time.Hour)
	return d
}

// behind puts the services behind the edge.
func (d *domain) behind(b *bench) {
	b.deps.Jobs, b.deps.Datasets, b.deps.Models = d.jobs, d.datasets, d.models
	b.deps.Uploads, b.deps.Locks = d.uploads, d.locks
	b.deps.Queues, b.deps.Tenants = d.jobs, d.jobs
	b.deps.Recipes, b.deps.Versions, b.deps.Workflow = d.recipes, d.datasets, d.workflow
	b.deps.Training, b.deps.Tuning, b.deps.Prediction, b.deps.Retention = d.training, d.tuning, d.prediction, d.retention
	b.deps.Health = d.health
}

// keys are those that values are hashed with.
func keys() *pii.Keys { return pii.NewKeys(strings.Repeat("secret", 8)) }

// handlers run every kind of job.
func (d *domain) handlers() map[string]job.Handler {
	ingest := dataset.NewRunner(dataset.RunnerConfig{Driver: d.driver, Files: d.files, Jobs: d.jobs})
	return handlers.Handlers(handlers.Runners{
		Ingest:     ingest,
		Import:     dataset.NewImporter(ingest, fetch.New(fetch.Config{Files: d.files, Source: anywhere{}})),
		Transform:  recipe.NewRunner(recipe.RunnerConfig{Datasets: d.datasets, Files: d.files, Publisher: ingest}),
		Training:   training.NewRunner(training.RunnerConfig{Tables: d.datasets, Models: d.models, Files: d.files, Threads: 1}),
		Tuning:     tuning.NewRunner(d.models, d.files, nil),
		Prediction: prediction.NewRunner(prediction.RunnerConfig{Files: d.files, Datasets: d.datasets, Models: prediction.Registry(d.models), Threads: 1}),
		Cleanup: retention.NewRunner(retention.RunnerConfig{
			Config: retention.Config{Grace: time.Hour}, Driver: d.driver, Files: d.files, Jobs: d.jobs, Datasets: d.datasets, Models: d.models, Uploads: d.uploads,
		}),
	})
}

// work runs what the queue delivers until the test ends.
func (d *domain) work(t *testing.T, queue line) {
	t.Helper()
	runner := job.NewRunner(job.RunnerConfig{Worker: "wkr_1", Driver: d.driver, Files: d.files, ReportEvery: 10 * time.Millisecond, Handlers: d.handlers()})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case delivery := <-queue.deliveries:
				if err := runner.Handle(ctx, delivery); err != nil {
					t.Error(err)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
}

// withServices puts the real services behind the edge, and nobody who runs
// their jobs.
func withServices(t *testing.T, change ...func(*bench)) *bench {
	t.Helper()
	return setup(t, append([]func(*bench){newDomain(t, deaf{}).behind}, change...)...)
}

// withWorker is withServices and a worker.
func withWorker(t *testing.T) *bench {
	t.Helper()
	queue := line{deliveries: make(chan job.Delivery, 100)}
	d := newDomain(t, queue)
	d.work(t, queue)
	return setup(t, d.behind)
}

// finished waits until the job of the answer has succeeded.
func (b *bench) finished(t *testing.T, token string, r reply) httpapi.Job {
	t.Helper()
	if r.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	id := decode[httpapi.Accepted](t, r).JobID
	for {
		j := decode[httpapi.Job](t, b.get(t, jobsPath+"/"+id+"?wait=30s", token))
		switch j.State {
		case "succeeded":
			return j
		case "failed", "cancelled":
			t.Fatalf("the %s job is %s: %+v", j.Kind, j.State, j.Failure)
		}
	}
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
