package training_test

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/internal/store/memstore"
	"github.com/narrativeml/narrative/internal/training"
)

var ann = account.Caller{Tenant: "acme", User: "ann"}

// bundle is a service and a runner on stores in memory, with the real keepers
// of data sets and models.
type bundle struct {
	*training.Service
	line     *jobtest.Line
	files    *jobtest.Files
	datasets *dataset.Service
	recipes  *recipe.Service
	models   *model.Service
	ingest   *dataset.Runner
	config   training.RunnerConfig // of runners that a test makes
	now      time.Time
}

func setup(tb testing.TB) *bundle {
	tb.Helper()
	b := &bundle{line: jobtest.NewLine(), files: jobtest.NewFiles(), now: time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC)}
	now := func() time.Time { return b.now }
	driver := memstore.New()
	if err := driver.Ensure(tb.Context(), slices.Concat(dataset.Collections(), recipe.Collections(), model.Collections())...); err != nil {
		tb.Fatal(err)
	}
	b.datasets = dataset.NewService(dataset.ServiceConfig{Driver: driver, Files: b.files, Jobs: b.line, Now: now})
	b.models = model.NewService(model.ServiceConfig{Driver: driver, Files: b.files, Jobs: b.line, Now: now})
	b.ingest = dataset.NewRunner(dataset.RunnerConfig{Driver: driver, Files: b.files, Now: now})
	b.recipes = recipe.NewService(recipe.ServiceConfig{Driver: driver, Datasets: b.datasets, Jobs: b.line, Now: now})
	b.Service = training.NewService(b.line, b.datasets, b.recipes, 0)
	b.config = training.RunnerConfig{Tables: b.datasets, Models: b.models, Files: b.files, Threads: 2, Now: now}
	return b
}

// upload stores a table that is not ready yet.
func (b *bundle) upload(tb testing.TB, body io.Reader) (*dataset.Dataset, *job.Job) {
	tb.Helper()
	d, j, err := b.datasets.Create(tb.Context(), dataset.Upload{Tenant: ann.Tenant, User: ann.User, Name: "people", Filename: "people.csv", Body: body})
	if err != nil {
		tb.Fatal(err)
	}
	return d, j
}

// table uploads and ingests a table and returns its identifier.
func (b *bundle) table(tb testing.TB, body io.Reader) string {
	tb.Helper()
	d, j := b.upload(tb, body)
	made, err := b.ingest.Run(tb.Context(), jobtest.NewTask(j, nil).Task, dataset.IngestRequest{DatasetID: d.ID})
	if err != nil {
		tb.Fatal(err)
	}
	if err := b.ingest.Publish(tb.Context(), j, encode(tb, made)); err != nil {
		tb.Fatal(err)
	}
	j.State = job.Succeeded
	return d.ID
}

// sample uploads and ingests a bundled data set and asks for a quick training
// on it.
func (b *bundle) sample(tb testing.TB, name string) (sample.Set, training.Request) {
	tb.Helper()
	set, ok := sample.Lookup(name)
	if !ok {
		tb.Fatalf("no sample %s", name)
	}
	file, err := set.Open()
	if err != nil {
		tb.Fatal(err)
	}
	return set, training.Request{DatasetID: b.table(tb, file), Target: set.Target, Folds: 3, Trees: 40}
}

// submit submits a request that is in order.
func (b *bundle) submit(tb testing.TB, req training.Request) *job.Job {
	tb.Helper()
	j, created, err := b.Submit(tb.Context(), ann, req, "")
	if err != nil || !created {
		tb.Fatalf("submit: created %v, %v", created, err)
	}
	return j
}

// run runs an attempt of a job that was submitted.
func (b *bundle) run(ctx context.Context, task *jobtest.Task) (*training.Result, error) {
	var req training.Request
	if err := task.Decode(&req); err != nil {
		return nil, err
	}
	return training.NewRunner(b.config).Run(ctx, task.Task, req)
}

// train submits and runs a request, which must succeed.
func (b *bundle) train(tb testing.TB, req training.Request) (*training.Result, *jobtest.Task) {
	tb.Helper()
	task := jobtest.NewTask(b.submit(tb, req), nil)
	made, err := b.run(tb.Context(), task)
	if err != nil {
		tb.Fatal(err)
	}
	return made, task
}

func encode(tb testing.TB, v any) json.RawMessage {
	tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func checkFault(tb testing.TB, err error, class fault.Class, code, location string) {
	tb.Helper()
	if fault.CodeOf(err) != code || fault.ClassOf(err) != class {
		tb.Fatalf("error = %v, want %s %s", err, class, code)
	}
	e, _ := fault.As(err)
	if location == "" {
		return
	}
	for _, f := range e.Fields {
		if strings.HasPrefix(f.Location, location) && f.Message != "" {
			return
		}
	}
	tb.Errorf("fields %+v, want one of %s", e.Fields, location)
}
