package recipe_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

var (
	ann = account.Caller{Tenant: "acme", User: "ann"}
	amy = account.Caller{Tenant: "acme", User: "amy"}
	bob = account.Caller{Tenant: "rival", User: "bob"}
)

// bundle is recipes and data sets on stores in memory.
type bundle struct {
	*recipe.Service
	datasets *dataset.Service
	ingest   *dataset.Runner
	runner   *recipe.Runner
	files    *jobtest.Files
	line     *jobtest.Line
	rows     *store.Table[dataset.Dataset, *dataset.Dataset] // the records of data sets
	now      time.Time
	keys     *pii.Keys
	driver   *memstore.Store
	ingested map[string]ingested // by data set
}

// ingested is what an ingest made.
type ingested struct {
	job  *job.Job
	made *dataset.IngestResult
}

func setup(tb testing.TB) *bundle {
	tb.Helper()
	return setupWith(tb, pii.NewKeys(strings.Repeat("secret", 8)))
}

// setupWith is setup with the keys that values are hashed with.
func setupWith(tb testing.TB, keys *pii.Keys) *bundle {
	tb.Helper()
	driver := memstore.New()
	if err := driver.Ensure(tb.Context(), append(dataset.Collections(), recipe.Collections()...)...); err != nil {
		tb.Fatal(err)
	}
	b := &bundle{
		driver: driver, files: jobtest.NewFiles(), line: jobtest.NewLine(), now: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
		keys: keys, ingested: map[string]ingested{},
	}
	b.open()
	return b
}

// open makes the services, as at the start of a process.
func (b *bundle) open() {
	now := func() time.Time { return b.now }
	const keep = 2
	b.rows = store.NewTable[dataset.Dataset](b.driver, dataset.Collections()[0])
	b.datasets = dataset.NewService(dataset.ServiceConfig{Driver: b.driver, Files: b.files, Jobs: b.line, KeepVersions: keep, Keys: b.keys, Now: now})
	b.ingest = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: b.files, Jobs: b.line, KeepVersions: keep, Now: now})
	b.Service = recipe.NewService(recipe.ServiceConfig{Driver: b.driver, Datasets: b.datasets, Jobs: b.line, Now: now})
	b.runner = recipe.NewRunner(recipe.RunnerConfig{Datasets: b.datasets, Files: b.files, Publisher: b.ingest, Now: now})
}

// end ends a job.
func (b *bundle) end(tb testing.TB, id string, state job.State) {
	tb.Helper()
	for _, j := range b.line.Jobs() {
		if j.ID == id {
			j.State = state
		}
	}
}

// count is how many jobs of a kind there are.
func (b *bundle) count(kind string) int {
	n := 0
	for _, j := range b.line.Jobs() {
		if j.Kind == kind {
			n++
		}
	}
	return n
}

// table uploads and ingests a table, and returns its data set.
func (b *bundle) table(tb testing.TB, caller account.Caller, csv string) string {
	tb.Helper()
	d, j, err := b.datasets.Create(tb.Context(), dataset.Upload{Tenant: caller.Tenant, User: caller.User, Filename: "table.csv", Body: strings.NewReader(csv)})
	if err != nil {
		tb.Fatal(err)
	}
	task := jobtest.NewTask(j, nil)
	made, err := b.ingest.Run(tb.Context(), task.Task, dataset.IngestRequest{DatasetID: d.ID})
	if err != nil {
		tb.Fatal(err)
	}
	b.ingested[d.ID] = ingested{j, made}
	b.republish(tb, d.ID)
	b.end(tb, j.ID, job.Succeeded)
	return d.ID
}

// republish publishes what the ingest made, which may be once more.
func (b *bundle) republish(tb testing.TB, id string) {
	tb.Helper()
	of := b.ingested[id]
	if err := b.ingest.Publish(tb.Context(), of.job, encode(tb, of.made)); err != nil {
		tb.Fatal(err)
	}
}

func encode(tb testing.TB, v any) json.RawMessage {
	tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// run runs a transform job without publishing what it made.
func (b *bundle) run(ctx context.Context, t *jobtest.Task) (*recipe.Result, error) {
	var req recipe.Payload
	if err := t.Decode(&req); err != nil {
		return nil, err
	}
	return b.runner.Run(ctx, t.Task, req)
}

// apply submits a transform job, runs it and publishes what it made.
func (b *bundle) apply(tb testing.TB, caller account.Caller, req recipe.Request) *recipe.Result {
	tb.Helper()
	j, _, err := b.Submit(tb.Context(), caller, req, "")
	if err != nil {
		tb.Fatal(err)
	}
	made, err := b.run(tb.Context(), jobtest.NewTask(j, nil))
	if err != nil {
		tb.Fatal(err)
	}
	b.publish(tb, j, made)
	b.end(tb, j.ID, job.Succeeded)
	return made
}

func (b *bundle) publish(tb testing.TB, j *job.Job, made *recipe.Result) {
	tb.Helper()
	if err := b.runner.Publish(tb.Context(), j, encode(tb, made)); err != nil {
		tb.Fatal(err)
	}
}

// shop is a table with something to clean.
func shop(rows int) string {
	var s strings.Builder
	s.WriteString("id,city,price,note\n")
	for i := range rows {
		price := fmt.Sprint(float64(i%50) + 0.5)
		if i%7 == 0 {
			price = ""
		}
		if i%101 == 100 {
			price = "100000.5"
		}
		fmt.Fprintf(&s, "%d,%s,%s,same\n", i, []string{"Oslo", `"  Rome "`, "Kyiv"}[i%3], price)
	}
	return s.String()
}

func steps(all ...recipe.Step) []recipe.Step { return all }

func step(name string, parameters map[string]any) recipe.Step {
	return recipe.Step{Name: name, Parameters: parameters}
}

func trim() recipe.Step { return step("trim_text", map[string]any{"columns": []any{"city"}}) }

func median() recipe.Step {
	return step("impute_missing", map[string]any{"columns": []any{"price"}, "strategy": "median"})
}

func checkFault(tb testing.TB, err error, class fault.Class, code, location string) {
	tb.Helper()
	f, ok := fault.As(err)
	if !ok || f.Class != class || f.Code != code {
		tb.Errorf("error %v, want %s %s", err, class, code)
		return
	}
	if location != "" && (len(f.Fields) == 0 || f.Fields[0].Location != location) {
		tb.Errorf("fields %+v, want %s", f.Fields, location)
	}
}
