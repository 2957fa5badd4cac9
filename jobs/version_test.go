package jobs_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
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

// TestReadingsAndRecipes reads a file again for other types, as a version, and
// applies recipes; every version can be made again to the same hash.
func TestReadingsAndRecipes(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.upload(t, "orders.csv", orders(200, true))
	plain := b.train(t, training.Request{DatasetID: id, Exclude: []string{"id", "note"}})
	change := func(typ, role string) (*job.Job, error) {
		_, j, err := b.datasets.ChangeSchema(ctx, dataset.SchemaChange{Tenant: ann.Tenant, User: ann.User, ID: id, Columns: []dataset.ColumnChange{{Name: "count", Type: typ, Role: role}}})
		return j, err
	}
	j, err := change("categorical", "group")
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, j)
	read := b.train(t, training.Request{DatasetID: id, Exclude: []string{"id", "note"}})
	if plain.DatasetVersion != 1 || read.DatasetVersion != 2 || len(read.Recipe) != 0 {
		t.Errorf("models of versions %d and %d", plain.DatasetVersion, read.DatasetVersion)
	}
	for _, m := range []string{plain.ID, read.ID} {
		for _, rows := range []string{prediction.RowsAll, prediction.RowsHoldout} {
			if made, _ := b.predict(t, prediction.Request{ModelID: m, DatasetID: id, Rows: rows}); made.Rows == 0 || made.BadRows > 0 {
				t.Errorf("predicted %+v", made)
			}
		}
	}
	b.transform(t, id, recipe.Step{Name: "drop_columns", Parameters: parameters{"columns": []any{"note"}}})
	d, err := b.datasets.Look(ctx, ann.Tenant, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b.datasets.ProfileOf(ctx, d)
	if err != nil || !strings.Contains(string(raw), `"role":"group"`) {
		t.Errorf("roles are not in the profile of what a recipe made: %v", err)
	}
	_, err = change("integer", "")
	if fault.CodeOf(err) != "retype_after_recipe" || !strings.Contains(err.Error(), "convert_type") {
		t.Error(err)
	}
	if j, err := change("", "none"); err != nil || j != nil {
		t.Errorf("a role takes a job, or cannot be changed: %v", err)
	}
	carrying := b.train(t, training.Request{DatasetID: id, Exclude: []string{"id"}})
	if carrying.DatasetVersion != 3 || len(carrying.Recipe) != 1 {
		t.Errorf("model %+v", carrying)
	}
	// Another file is read as the second version was.
	other := b.upload(t, "more.csv", orders(50, false))
	if made, _ := b.predict(t, prediction.Request{ModelID: carrying.ID, DatasetID: other}); made.Rows != 50 || made.BadRows > 0 {
		t.Errorf("predicted %+v", made)
	}
	all, err := b.datasets.Versions(ctx, ann.Tenant, id)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d versions: %v", len(all), err)
	}
	for _, v := range all[:2] {
		j, _, err := b.recipes.Submit(ctx, ann, recipe.Request{Use: recipe.Use{DatasetID: id}, Reproduce: v.Version.Number}, "")
		if err != nil {
			t.Fatal(err)
		}
		b.run(t, j)
		again, err := b.datasets.Revision(ctx, ann.Tenant, id, 0)
		if err != nil || again.Version.Hash != v.Version.Hash || again.ReproducedFrom != v.Version.Number || again.MadeBy() != v.MadeBy() {
			t.Errorf("version %d comes back as %+v: %v", v.Version.Number, again, err)
		}
	}
}

// TestEveryOperationCanBeMadeAgain applies each transformation to a file and makes
// the version again.
func TestEveryOperationCanBeMadeAgain(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	cities := b.upload(t, "cities.csv", strings.NewReader("name,country,people\nOslo,Norway,0.7\nRome,Italy,2.8\n"))
	for _, o := range recipe.Vocabulary() {
		var rows strings.Builder
		w := csv.NewWriter(&rows)
		var header []string
		for _, c := range o.Example.Before {
			header = append(header, c.Name)
		}
		if err := w.Write(header); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			for i := range o.Example.Before[0].Values {
				var cells []string
				for _, c := range o.Example.Before {
					cell := ""
					if v := c.Values[i]; v != nil {
						cell = fmt.Sprint(v)
					}
					cells = append(cells, cell)
				}
				if err := w.Write(cells); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.Flush()
		id := b.upload(t, "example.csv", strings.NewReader(rows.String()))
		given := maps.Clone(o.Example.Parameters)
		if _, ok := given["dataset"]; ok {
			given["dataset"] = cities
		}
		asJSON, err := json.Marshal(given)
		if err != nil {
			t.Fatal(err)
		}
		given = nil
		if err := json.Unmarshal(asJSON, &given); err != nil {
			t.Fatal(err)
		}
		b.transform(t, id, recipe.Step{Name: o.Name, Parameters: given})
		made, err := b.datasets.Revision(ctx, ann.Tenant, id, 2)
		if err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		j, _, err := b.recipes.Submit(ctx, ann, recipe.Request{Use: recipe.Use{DatasetID: id}, Reproduce: 2}, "")
		if err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		b.run(t, j)
		again, err := b.datasets.Revision(ctx, ann.Tenant, id, 3)
		if err != nil || again.Version.Hash != made.Version.Hash || made.Version.Hash == "" {
			t.Errorf("%s: %s, made again %s: %v", o.Name, made.Version.Hash, again.Version.Hash, err)
		}
	}
}
