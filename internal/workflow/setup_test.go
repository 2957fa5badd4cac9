package workflow_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/internal/workflow"
)

const (
	tenant = "acme"
	id     = "ds_1"
)

// clock is when everything of the tests begins.
func clock() time.Time { return time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC) }

// world is what there is; it answers for every part that the service asks.
type world struct {
	d        *dataset.Dataset
	versions []*dataset.Revision
	profile  profile.Profile
	jobs     []*job.Job // the newest first
	suggests []recipe.Suggestion
	models   map[string]*model.Model
	remarks  []workflow.Remark
	fail     map[string]error
}

func (w *world) Get(_ context.Context, of, which string) (*dataset.Dataset, error) {
	if of != tenant || which != id {
		return nil, fault.NotFound("dataset_not_found", "there is no data set %q", which)
	}
	return w.d, w.fail["dataset"]
}

func (w *world) Versions(context.Context, string, string) ([]*dataset.Revision, error) {
	return w.versions, w.fail["versions"]
}

func (w *world) ProfileOf(context.Context, *dataset.Dataset) ([]byte, error) {
	b, err := json.Marshal(w.profile)
	if err != nil {
		return nil, err
	}
	return b, w.fail["profile"]
}

func (w *world) List(_ context.Context, _ string, f job.Filter, _ string, _ int) (store.Page[*job.Job], error) {
	var page store.Page[*job.Job]
	for _, j := range w.jobs {
		if slices.Contains(j.Subjects(), f.Subject) {
			page.Items = append(page.Items, j)
		}
	}
	return page, w.fail["jobs"]
}

func (w *world) Suggest(_ context.Context, caller account.Caller, _ string, _ int) ([]recipe.Suggestion, error) {
	if caller.Tenant != tenant {
		return nil, fault.NotFound("dataset_not_found", "not yours")
	}
	return w.suggests, w.fail["suggest"]
}

type models struct{ w *world }

func (m models) Get(_ context.Context, _, which string) (*model.Model, error) {
	if found, ok := m.w.models[which]; ok {
		return found, m.w.fail["model"]
	}
	return nil, fault.NotFound("model_not_found", "there is no model %q", which)
}

func (w *world) Remarks(context.Context, *dataset.Dataset, *profile.Profile) ([]workflow.Remark, error) {
	return w.remarks, w.fail["source"]
}

// job adds a job about the data set, or another thing; every job is an hour newer
// than the one before.
func (w *world) job(kind string, state job.State, result string, about ...string) *job.Job {
	at := clock().Add(time.Duration(len(w.jobs)+1) * time.Hour)
	j := &job.Job{
		Meta: store.Meta{ID: "job_" + kind + "_" + string(rune('a'+len(w.jobs))), Revision: 1}, Tenant: tenant, Kind: kind, State: state,
		Subject: append(about, id)[0], Result: json.RawMessage(result), CreatedAt: at, FinishedAt: at.Add(time.Minute),
	}
	if state == job.Failed {
		j.Failure = &job.Failure{Code: "broken", Message: "it broke"}
	}
	w.jobs = slices.Insert(w.jobs, 0, j)
	return j
}

// transform adds a transform job of the steps.
func (w *world) transform(state job.State, steps ...string) *job.Job {
	var p recipe.Payload
	for _, s := range steps {
		p.Steps = append(p.Steps, recipe.Step{Name: s})
	}
	j := w.job("transform", state, `{}`)
	j.Payload, _ = json.Marshal(p) // it is made of literals
	return j
}

// version adds one that the steps made of the version that there is, or of the parent.
func (w *world) version(parent int, steps ...string) {
	v := *w.d.Version
	v.Number, v.JobID, v.CreatedAt = len(w.versions)+1, "job_made", clock().Add(time.Duration(len(w.versions))*time.Minute)
	r := &dataset.Revision{DatasetID: id, Version: v, Parent: parent, RowsBefore: 10}
	for _, s := range steps {
		r.Steps = append(r.Steps, recipe.Step{Name: s})
	}
	before, after := 0.5, 0.75
	r.QualityBefore, r.QualityAfter = &before, &after
	w.versions = slices.Insert(w.versions, 0, r)
	w.d.Version = &v
}

// target gives a column the role, as the profile knows it, or not.
func (w *world) target(known bool) {
	w.d.Settings = map[string]dataset.Setting{"y": {Role: tabular.RoleTarget}}
	if known {
		w.profile.Columns[1].Role, w.profile.Target = tabular.RoleTarget, "y"
	}
}

// trained adds a model of the version.
func (w *world) trained(which string, version int) *model.Model {
	w.job("training", job.Succeeded, `{"model_id":"`+which+`"}`)
	m := &model.Model{
		Meta: store.Meta{ID: which}, Tenant: tenant, DatasetID: id, DatasetVersion: version, Target: "y", Algorithm: "gbdt", Metric: "roc_auc", HoldoutRows: 2,
		Leaderboard: []model.Candidate{{Holdout: map[string]float64{"roc_auc": 0.9}}}, CreatedAt: clock().Add(time.Hour),
	}
	w.models[which] = m
	return m
}

// ready is a data set with one version whose table could be better.
func ready() *world {
	v := &dataset.Version{
		Number: 1, JobID: "job_ingest", Rows: 10, CreatedAt: clock(),
		Schema: tabular.Schema{{Name: "x", Type: tabular.Float}, {Name: "y", Type: tabular.String}, {Name: "at", Type: tabular.Datetime}},
	}
	return &world{
		d:        &dataset.Dataset{Meta: store.Meta{ID: id, Revision: 2}, Tenant: tenant, State: dataset.Ready, JobID: "job_ingest", Version: v, CreatedAt: clock()},
		versions: []*dataset.Revision{{DatasetID: id, Version: *v}},
		profile: profile.Profile{
			Version: profile.Version, Rows: 10, Columns: []profile.Column{{Name: "x"}, {Name: "y"}, {Name: "at"}}, Quality: &profile.Quality{Score: 0.8},
			Findings: []profile.Finding{{Code: "missing_values", Severity: profile.High, Message: "x lacks 4 of 10 values"}, {Code: "leakage_suspect", Severity: profile.High, Message: "x tells y"}, {Code: "skewed", Severity: profile.Low, Message: "x has a tail"}},
		},
		suggests: []recipe.Suggestion{{Step: recipe.Step{Name: "impute_missing"}, Affected: 4, Effect: 0.1, Auto: true}, {Step: recipe.Step{Name: "cap_outliers"}, Affected: 1}},
		models:   map[string]*model.Model{}, fail: map[string]error{},
	}
}

// bundle is a service in a world.
type bundle struct {
	*workflow.Service
	*world
}

func setup(t *testing.T, change func(*world)) *bundle {
	t.Helper()
	w := ready()
	if change != nil {
		change(w)
	}
	driver := memstore.New()
	if err := driver.Ensure(t.Context(), workflow.Collections()...); err != nil {
		t.Fatal(err)
	}
	return &bundle{world: w, Service: workflow.NewService(workflow.ServiceConfig{
		Driver: driver, Datasets: w, Jobs: w, Recipes: w, Models: models{w}, Sources: []workflow.Source{w}, Now: clock,
	})}
}

func (b *bundle) show(t *testing.T) *workflow.Flow {
	t.Helper()
	f, err := b.Show(t.Context(), tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
