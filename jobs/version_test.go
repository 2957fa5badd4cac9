package jobs_test

import (
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/internal/training"
)

// TestFromARecipeToPredictions learns from what a recipe made. What is learned
// and predicted is about that version, whatever becomes of the data set.
func TestFromARecipeToPredictions(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	set, _ := sample.Lookup("insurance")
	file, err := set.Open()
	if err != nil {
		t.Fatal(err)
	}
	d, j, err := b.datasets.Create(ctx, dataset.Upload{Tenant: ann.Tenant, User: ann.User, Filename: set.Filename, Body: file})
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, j)
	transform := func(steps ...recipe.Step) {
		t.Helper()
		j, _, err := b.recipes.Submit(ctx, ann, recipe.Request{Use: recipe.Use{DatasetID: d.ID, Steps: steps}}, "")
		if err != nil {
			t.Fatal(err)
		}
		b.run(t, j)
	}
	train := func() (trained training.Result) {
		t.Helper()
		j, _, err := b.training.Submit(ctx, ann, training.Request{DatasetID: d.ID, Target: set.Target, Algorithms: []string{"linear"}, Folds: 2}, "")
		if err != nil {
			t.Fatal(err)
		}
		decode(t, b.run(t, j), &trained)
		return trained
	}
	before := train()
	now, err := b.datasets.Get(ctx, ann.Tenant, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	number := now.Version.Schema[0].Name
	transform(recipe.Step{Name: "sample_rows", Parameters: map[string]any{"fraction": 0.5}}, recipe.Step{Name: "rename_columns", Parameters: map[string]any{"names": map[string]any{number: "renamed"}}})
	after := train()
	transform(recipe.Step{Name: "drop_columns", Parameters: map[string]any{"columns": []any{"renamed"}}})
	for id, version := range map[string]int{before.ModelID: 1, after.ModelID: 2} {
		m, err := b.models.Get(ctx, ann.Tenant, id)
		if err != nil || m.DatasetVersion != version {
			t.Fatalf("model %+v of version %d: %v", m, version, err)
		}
		for _, rows := range []string{prediction.RowsHoldout, prediction.RowsAll} {
			j, _, err := b.prediction.Submit(ctx, ann, prediction.Request{ModelID: id, DatasetID: d.ID, Rows: rows}, "")
			if err != nil {
				t.Fatal(err)
			}
			var predicted prediction.Result
			decode(t, b.run(t, j), &predicted)
			want := m.HoldoutRows
			if rows == prediction.RowsAll {
				want = m.Rows
			}
			if predicted.Rows != want || predicted.BadRows != 0 {
				t.Errorf("predicted %s rows of version %d: %+v, want %d", rows, version, predicted, want)
			}
		}
	}
	r, err := b.datasets.Revision(ctx, ann.Tenant, d.ID, 2)
	if err != nil || len(r.Used) != 1 || r.Used[0] != after.ModelID {
		t.Errorf("version %+v: %v", r, err)
	}
}
