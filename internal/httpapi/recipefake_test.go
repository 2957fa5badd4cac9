package httpapi_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// recipes keeps recipes in memory and says of all steps that they do nothing.
type recipes struct {
	submitter[recipe.Request]
	mu  sync.Mutex
	all []*recipe.Recipe
}

var _ httpapi.Recipes = (*recipes)(nil)

func (f *recipes) add(tenant string) *recipe.Recipe {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
	r := &recipe.Recipe{
		Meta: store.Meta{ID: fmt.Sprintf("rcp_%032x", len(f.all)+1)}, Tenant: tenant, User: tenant, Name: "clean", Visibility: recipe.Private, CreatedAt: at, UpdatedAt: at,
		Versions: []recipe.Version{{Number: 1, Steps: []recipe.Step{{Name: "remove_duplicates"}}, CreatedAt: at}},
	}
	f.all = append(f.all, r)
	return r
}

func (f *recipes) Create(_ context.Context, caller account.Caller, d recipe.Draft, key string) (*recipe.Recipe, bool, error) {
	if err := f.known(caller.Tenant, recipe.Request{Use: recipe.Use{DatasetID: d.DatasetID}}); err != nil {
		return nil, false, err
	}
	f.mu.Lock()
	for _, r := range f.all {
		if key != "" && r.IdempotencyKey == key {
			f.mu.Unlock()
			return r, false, nil
		}
	}
	f.mu.Unlock()
	r := f.add(caller.Tenant)
	r.Name, r.IdempotencyKey = d.Name, key
	return r, true, nil
}

func (f *recipes) Get(_ context.Context, caller account.Caller, id string) (*recipe.Recipe, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.all {
		if r.ID == id && r.Tenant == caller.Tenant {
			return r, nil
		}
	}
	return nil, fault.NotFound("recipe_not_found", "there is no recipe %s", id)
}

func (f *recipes) Update(ctx context.Context, caller account.Caller, id string, _ recipe.Draft) (*recipe.Recipe, error) {
	return f.Get(ctx, caller, id)
}

func (f *recipes) Delete(ctx context.Context, caller account.Caller, id string) error {
	_, err := f.Get(ctx, caller, id)
	return err
}

func (f *recipes) List(context.Context, account.Caller, recipe.Filter, string, int) (store.Page[*recipe.Recipe], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return store.Page[*recipe.Recipe]{Items: f.all}, nil
}

func (f *recipes) Python(ctx context.Context, caller account.Caller, id string, _ int, _ string) (string, error) {
	_, err := f.Get(ctx, caller, id)
	return "def transform(df):\n    return df\n", err
}

func (f *recipes) Check(_ context.Context, caller account.Caller, u recipe.Use) (*recipe.Plan, error) {
	return &recipe.Plan{Reads: 1, Steps: []recipe.PlannedStep{{Spec: recipe.Step{Name: "remove_duplicates"}, Operation: recipe.Vocabulary()[0], Explanation: "Nothing."}}, Report: &recipe.Compatibility{}}, f.known(caller.Tenant, recipe.Request{Use: u})
}

func (f *recipes) Preview(_ context.Context, caller account.Caller, u recipe.Use, _ int) (*recipe.Preview, error) {
	rows := &recipe.Rows{Schema: tabular.Schema{{Name: "x", Type: tabular.Float}}, Values: [][]any{{1.5}, {nil}}}
	return &recipe.Preview{SampleRows: 2, RowsTotal: 2, Before: rows, After: rows, Steps: []recipe.StepPreview{{Name: "trim_text", CellsChanged: 1}, {Name: "sort_rows", CellsChanged: -1}}},
		f.known(caller.Tenant, recipe.Request{Use: u})
}

func (f *recipes) SuggestFor(_ context.Context, d *dataset.Dataset) ([]recipe.Suggestion, error) {
	return []recipe.Suggestion{{Step: recipe.Step{Name: "remove_duplicates"}, Reason: "rows are the same", Affected: 2, Effect: 0.5, Auto: true}},
		f.known(d.Tenant, recipe.Request{Use: recipe.Use{DatasetID: d.ID}})
}

// versions are one of every data set.
type versions struct {
	known func(tenant, id string) error
}

var _ httpapi.Versions = versions{}

func (f versions) Revision(_ context.Context, tenant, id string, _ int) (*dataset.Revision, error) {
	return &dataset.Revision{
		Version: dataset.Version{Number: 1, Rows: 2, JobID: "job_0123456789abcdef0123456789abcdef", Schema: tabular.Schema{{Name: "x", Type: tabular.Float}}},
		Counts:  []dataset.StepCount{{In: 2, Out: 2}},
	}, f.known(tenant, id)
}

func (f versions) Versions(ctx context.Context, tenant, id string) ([]*dataset.Revision, error) {
	r, err := f.Revision(ctx, tenant, id, 1)
	return []*dataset.Revision{r}, err
}

func (f versions) Pin(ctx context.Context, tenant, id string, number int, _ bool) (*dataset.Revision, error) {
	return f.Revision(ctx, tenant, id, number)
}

func (f versions) Compare(ctx context.Context, tenant, id string, from, to int) (*dataset.Comparison, error) {
	a, err := f.Revision(ctx, tenant, id, from)
	if err != nil {
		return nil, err
	}
	b, err := f.Revision(ctx, tenant, id, to)
	mean := 1.5
	return &dataset.Comparison{From: a, To: b, QualityFrom: &mean, Columns: []dataset.ColumnDifference{{Name: "x", From: dataset.ColumnSummary{Type: "float", Mean: &mean}, To: dataset.ColumnSummary{Type: "string"}}}}, err
}
