package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/cache"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
	"github.com/narrativeml/narrative/internal/upload"
)

const (
	ada      = "ada:analyst"
	bob      = "bob:analyst,operator,steward"
	operator = "ops:operator"
	origin   = "https://app.example.org"
)

// bench is an API over fakes, with a server that listens.
type bench struct {
	url      string
	handler  http.Handler
	client   *http.Client
	config   httpapi.Config
	deps     httpapi.Deps
	jobs     *jobs
	datasets *datasets
	models   *models
	recipes  *recipes
	training *submitter[training.Request]
	cleanup  *submitter[retention.Request]
	log      *record
	draining chan struct{}
	counted  *counter
}

// record keeps what was logged.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// counter keeps what was observed.
type counter struct {
	mu   sync.Mutex
	seen []string
}

func (c *counter) ObserveRequest(method, route string, status int, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, method+" "+route+" "+http.StatusText(status))
}

func (c *counter) has(what string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(strings.Join(c.seen, "\n")+"\n", what+"\n")
}

func ready(context.Context) (any, string) {
	return map[string]any{"status": "ok", "checks": map[string]any{"store": map[string]any{"status": "ok", "latency_ms": 0.5}}}, httpapi.StatusOK
}

// newBench returns an API's configuration and fake parts.
func newBench() *bench {
	b := &bench{log: &record{}, draining: make(chan struct{}), counted: &counter{}, config: httpapi.DefaultConfig()}
	b.config.Origins = []string{origin}
	b.jobs = newJobs(time.Now)
	b.datasets = &datasets{
		all: map[string]*dataset.Dataset{}, jobs: b.jobs, read: readAll,
		view: dataset.Preview{
			Schema: tabular.Schema{{Name: "x", Type: tabular.Float, Nullable: true}}, RowsTotal: 4,
			Rows: [][]any{{1.5}, {nil}, {math.Inf(1)}, {math.NaN()}},
		},
	}
	b.models = &models{all: map[string]*model.Model{}}
	knownDataset := func(tenant, id string) error { _, err := b.datasets.Get(context.Background(), tenant, id); return err }
	knownModel := func(tenant, id string) error { _, err := b.models.Get(context.Background(), tenant, id); return err }
	b.training = &submitter[training.Request]{
		jobs: b.jobs, kind: "training", subject: func(r training.Request) string { return r.DatasetID },
		known: func(tenant string, r training.Request) error { return knownDataset(tenant, r.DatasetID) },
	}
	b.cleanup = &submitter[retention.Request]{
		jobs: b.jobs, kind: "cleanup", subject: func(retention.Request) string { return "" },
		known: func(string, retention.Request) error { return nil },
	}
	b.recipes = &recipes{submitter: submitter[recipe.Request]{
		jobs: b.jobs, kind: "transform", subject: func(r recipe.Request) string { return r.DatasetID },
		known: func(tenant string, r recipe.Request) error { return knownDataset(tenant, r.DatasetID) },
	}}
	policies := newPolicies()
	b.deps = httpapi.Deps{
		Verifier: verifier{}, Jobs: b.jobs, Queues: policies, Tenants: policies, Datasets: b.datasets, Uploads: newUploads(), Locks: newLocks(), Models: b.models, Recipes: b.recipes, Versions: versions{knownDataset}, Workflow: flows{b.datasets}, Answers: answers(), Training: b.training, Retention: b.cleanup, Health: findings{},
		Tuning: &submitter[tuning.Request]{
			jobs: b.jobs, kind: "tuning", subject: func(r tuning.Request) string { return r.ModelID },
			known: func(tenant string, r tuning.Request) error { return knownModel(tenant, r.ModelID) },
		},
		Prediction: &submitter[prediction.Request]{
			jobs: b.jobs, kind: "prediction", subject: func(r prediction.Request) string { return r.ModelID },
			known: func(tenant string, r prediction.Request) error {
				if err := knownModel(tenant, r.ModelID); err != nil {
					return err
				}
				return knownDataset(tenant, r.DatasetID)
			},
		},
		Observed: httpapi.Observed{
			Ready: ready, Observer: b.counted,
			Metrics:    http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
			Monitoring: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "queues") }),
		},
		Logger:   slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Draining: b.draining,
	}
	return b
}

// answers keeps nothing, and has what is asked for together made once.
func answers() httpapi.Answers {
	c, err := cache.New(cache.Config{})
	if err != nil {
		panic(err)
	}
	return c
}

// newPolicies keeps what operators set, in memory.
func newPolicies() *job.Service {
	driver := memstore.New()
	if err := driver.Ensure(context.Background(), job.Collections()...); err != nil {
		panic(err)
	}
	return job.NewService(job.ServiceConfig{Driver: driver, Queue: deaf{}, Pools: []string{"batch", "training"}, Kinds: []string{"training", "tuning"}})
}

// newUploads keeps uploads in memory.
func newUploads() *upload.Service {
	driver := memstore.New()
	if err := errors.Join(driver.Ensure(context.Background(), upload.Collections()...), driver.Ensure(context.Background(), dataset.Collections()...), driver.Ensure(context.Background(), job.Collections()...)); err != nil {
		panic(err)
	}
	files := shelf{jobtest.NewFiles()}
	jobs := job.NewService(job.ServiceConfig{Driver: driver, Queue: deaf{}, Files: files})
	return upload.NewService(upload.ServiceConfig{Driver: driver, Files: files, Direct: files, Datasets: dataset.NewService(dataset.ServiceConfig{Driver: driver, Files: files, Jobs: jobs})})
}

func newLocks() *upload.Locker {
	driver := memstore.New()
	if err := driver.Ensure(context.Background(), upload.Collections()...); err != nil {
		panic(err)
	}
	return upload.NewLocker(upload.LockerConfig{Driver: driver})
}

// setup starts an API; change may alter its configuration and parts.
func setup(t *testing.T, change ...func(*bench)) *bench {
	t.Helper()
	b := newBench()
	for _, f := range change {
		f(b)
	}
	h, err := httpapi.New(b.config, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	b.handler = h
	server := httptest.NewUnstartedServer(h)
	server.Config = httpapi.NewServer(h, b.deps.Logger)
	server.Start()
	t.Cleanup(server.Close)
	b.url = server.URL
	b.client = server.Client()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// addUpload begins an upload of the tenant.
func (b *bench) addUpload(tenant string) *upload.Upload {
	const size = 8
	up, _, err := b.deps.Uploads.Create(context.Background(), dataset.Upload{Tenant: tenant, User: tenant, Filename: "t.csv"}, nil, size)
	if err != nil {
		panic(err)
	}
	return up
}

// addPresigned begins a presigned upload of the tenant.
func (b *bench) addPresigned(tenant string) *upload.Upload {
	const size = 8
	up, _, err := b.deps.Uploads.Presign(context.Background(), upload.File{Upload: dataset.Upload{Tenant: tenant, User: tenant, Filename: "t.csv"}, Size: size})
	if err != nil {
		panic(err)
	}
	return up
}

// addModel keeps a model of the tenant.
func (b *bench) addModel(tenant string) *model.Model {
	n := len(b.models.all) + 1
	m := &model.Model{
		Meta: store.Meta{ID: identifier("mdl", n)}, Tenant: tenant, User: tenant, Name: "m",
		DatasetID: identifier("ds", n), JobID: identifier("job", n), Task: "binary", Target: "y", Classes: []string{"no", "yes"},
		Inputs: tabular.Schema{{Name: "x", Type: tabular.Float}}, Algorithm: "gbdt", Metric: "roc_auc",
		Leaderboard: []model.Candidate{{Algorithm: "gbdt", CV: map[string]float64{"roc_auc": 0.9}, Holdout: map[string]float64{"r2": math.NaN()}}},
		FileKey:     "jobs/secret/model", OutOfFoldKey: "jobs/secret/oof", HoldoutKey: "jobs/secret/holdout", CreatedAt: time.Now(),
		Threshold: &model.Threshold{Value: 0.4, Objective: "f1", JobID: identifier("job", n), CreatedAt: time.Now()},
	}
	b.models.all[m.ID] = m
	return m
}

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request; headers are pairs of a name and a value.
func (b *bench) ask(t *testing.T, method, path, token string, body io.Reader, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := b.client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	r := reply{status: res.StatusCode, header: res.Header, body: content}
	if method != http.MethodHead && r.header.Get("Content-Encoding") == "" {
		contractOf(t).check(t, method, req.URL.Path, r)
	}
	return r
}

// send asks with a JSON body.
func (b *bench) send(t *testing.T, path, token, body string, headers ...string) reply {
	t.Helper()
	return b.ask(t, http.MethodPost, path, token, strings.NewReader(body), append(headers, "Content-Type", "application/json")...)
}

// get asks without a body.
func (b *bench) get(t *testing.T, path, token string, headers ...string) reply {
	t.Helper()
	return b.ask(t, http.MethodGet, path, token, nil, headers...)
}

func decode[T any](t *testing.T, r reply) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("status %d, body %q: %v", r.status, r.body, err)
	}
	return v
}

// problem is what every error must be.
type problem struct {
	Type, Title, Detail, Instance, Code string
	Status                              int
	RequestID                           string `json:"request_id"`
	Errors                              []fault.Field
}

// wantProblem checks that the answer is a complete problem.
func wantProblem(t *testing.T, r reply, status int, code string) problem {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d, want %d; body %s", r.status, status, r.body)
	}
	if kind := r.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("Content-Type is %q", kind)
	}
	p := decode[problem](t, r)
	if p.Code != code {
		t.Errorf("code %q, want %q (%s)", p.Code, code, p.Detail)
	}
	if p.Status != status || p.Type == "" || p.Title == "" || p.Detail == "" || p.Instance == "" || p.RequestID == "" || p.RequestID != r.header.Get("X-Request-Id") {
		t.Errorf("incomplete: %s", r.body)
	}
	return p
}
