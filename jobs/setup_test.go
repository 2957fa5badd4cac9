package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/fetch"
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
	"github.com/narrativeml/narrative/jobs"
)

var ann = account.Caller{Tenant: "acme", User: "ann"}

// bundle is the whole domain on stores in memory.
type bundle struct {
	line       *jobtest.Line
	files      *jobtest.Files
	datasets   *dataset.Service
	recipes    *recipe.Service
	models     *model.Service
	training   *training.Service
	tuning     *tuning.Service
	prediction *prediction.Service
	retention  *retention.Service
	handlers   map[string]job.Handler
	driver     *memstore.Store
}

func setup(t *testing.T) *bundle {
	t.Helper()
	driver := memstore.New()
	var collections []store.Collection
	for _, c := range [][]store.Collection{dataset.Collections(), recipe.Collections(), model.Collections(), retention.Collections(), upload.Collections()} {
		collections = append(collections, c...)
	}
	if err := driver.Ensure(t.Context(), collections...); err != nil {
		t.Fatal(err)
	}
	b := &bundle{line: jobtest.NewLine(), files: jobtest.NewFiles(), driver: driver}
	b.open(pii.NewKeys(strings.Repeat("secret", 8)))
	return b
}

// open makes the services, as at the start of a process, with the keys that values are
// hashed with.
func (b *bundle) open(keys *pii.Keys) {
	driver := b.driver
	b.datasets = dataset.NewService(dataset.ServiceConfig{Driver: driver, Files: b.files, Jobs: b.line, Sources: anywhere{}, Keys: keys})
	b.recipes = recipe.NewService(recipe.ServiceConfig{Driver: driver, Datasets: b.datasets, Jobs: b.line})
	b.models = model.NewService(model.ServiceConfig{Driver: driver, Files: b.files, Jobs: b.line, Keys: keys})
	b.training = training.NewService(b.line, b.datasets, b.recipes, 0)
	b.tuning = tuning.NewService(b.line, b.models)
	b.prediction = prediction.NewService(b.line, b.datasets, b.models)
	b.retention = retention.NewService(b.line)
	ingest := dataset.NewRunner(dataset.RunnerConfig{Driver: driver, Files: b.files, Jobs: b.line})
	b.handlers = jobs.Handlers(jobs.Runners{
		Ingest:     ingest,
		Import:     dataset.NewImporter(ingest, fetch.New(fetch.Config{Files: b.files, Source: anywhere{}, Piece: 10})),
		Transform:  recipe.NewRunner(recipe.RunnerConfig{Datasets: b.datasets, Files: b.files, Publisher: ingest}),
		Training:   training.NewRunner(training.RunnerConfig{Tables: b.datasets, Models: b.models, Files: b.files, Threads: 2}),
		Tuning:     tuning.NewRunner(b.models, b.files, nil),
		Prediction: prediction.NewRunner(prediction.RunnerConfig{Files: b.files, Datasets: b.datasets, Models: prediction.Registry(b.models), Threads: 2}),
		Cleanup: retention.NewRunner(retention.RunnerConfig{
			Config: retention.Config{Grace: time.Hour}, Driver: driver, Files: b.files, Jobs: b.line, Datasets: b.datasets, Models: b.models,
			Uploads: upload.NewService(upload.ServiceConfig{Driver: driver, Files: b.files, Datasets: b.datasets}),
		}),
	})
}

// anywhere is the same file at every address.
type anywhere struct{}

func (anywhere) Check(string, string) error { return nil }

func (anywhere) Open(_ context.Context, _, _ string, from int64, _ string) (*fetch.Remote, error) {
	const file = "a,b\n1,x\n2,y\n3,z\n"
	return &fetch.Remote{Body: io.NopCloser(strings.NewReader(file[from:])), At: from, Size: int64(len(file)), Version: "v1"}, nil
}

// runChildren runs what a job is divided into.
func (b *bundle) runChildren(t *testing.T, parent *job.Job, fan *job.FanOutError) []job.ChildResult {
	t.Helper()
	var results []job.ChildResult
	for i, c := range fan.Children {
		payload, err := json.Marshal(c.Payload)
		if err != nil {
			t.Fatal(err)
		}
		child := &job.Job{
			Meta: store.Meta{ID: fmt.Sprintf("%s_%d", parent.ID, i)}, Kind: c.Kind.Name, Version: c.Kind.Version, Tenant: parent.Tenant, User: parent.User, Epoch: 1, Payload: payload,
		}
		results = append(results, job.ChildResult{Name: c.Name, Number: i + 1, State: job.Succeeded, Result: b.run(t, child)})
	}
	return results
}

// run does with a job what a worker does when nothing goes wrong.
func (b *bundle) run(t *testing.T, j *job.Job) json.RawMessage {
	t.Helper()
	handler := b.handlers[j.Kind]
	task := jobtest.NewTask(j, nil)
	made, err := handler.Run(t.Context(), task.Task)
	if fan, ok := errors.AsType[*job.FanOutError](err); ok {
		again := jobtest.NewTask(j, task.Saved)
		children := b.runChildren(t, j, fan)
		j.Family = &job.Family{Children: len(children)}
		again.Children = func(context.Context) ([]job.ChildResult, error) { return children, nil }
		made, err = handler.Run(t.Context(), again.Task)
	}
	if err != nil {
		t.Fatalf("%s: %v", j.Kind, err)
	}
	result, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := handler.(job.Publisher); ok {
		j.Committed = true
		if err := p.Publish(t.Context(), j, result); err != nil {
			t.Fatalf("publish %s: %v", j.Kind, err)
		}
	}
	if named, ok := made.(interface{ Files() map[string]string }); ok {
		j.Files = named.Files()
	}
	if named, ok := made.(interface{ OwnFiles() []string }); ok {
		j.OwnFiles = named.OwnFiles()
	}
	j.State, j.Result, j.FinishedAt = job.Succeeded, result, time.Now()
	return result
}

func taskOf(j *job.Job) *job.Task { return jobtest.NewTask(j, nil).Task }
