package jobs_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/training"
)

type parameters = map[string]any

// orders is a messy file; without the target it is what comes to be predicted.
func orders(rows int, target bool) io.Reader {
	r := rand.New(rand.NewPCG(7, 9))
	var b bytes.Buffer
	b.WriteString("id,city,price,count,joined,note")
	if target {
		b.WriteString(",late")
	}
	b.WriteByte('\n')
	for i := range rows {
		city := []string{" Oslo", "oslo ", "ROME", "Rome", "Kyiv", ""}[r.IntN(6)]
		price := fmt.Sprintf("%.2f", 100*r.ExpFloat64())
		count := 1 + r.IntN(9)
		late := r.Float64() < float64(count)/10
		if i%13 == 0 {
			price = ""
		}
		fmt.Fprintf(&b, "o%d,%s,%s,%d,2024-%02d-11,note %d", i, city, price, count, 1+r.IntN(12), i)
		if target {
			fmt.Fprintf(&b, ",%v", map[bool]string{true: "yes", false: "no"}[late])
		}
		b.WriteByte('\n')
	}
	return &b
}

func (b *bundle) upload(t *testing.T, name string, file io.Reader) string {
	t.Helper()
	d, j, err := b.datasets.Create(t.Context(), dataset.Upload{Tenant: ann.Tenant, User: ann.User, Filename: name, Body: file})
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, j)
	return d.ID
}

func (b *bundle) transform(t *testing.T, id string, steps ...recipe.Step) {
	t.Helper()
	j, _, err := b.recipes.Submit(t.Context(), ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps}}, "")
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, j)
}

func (b *bundle) train(t *testing.T, req training.Request) *model.Model {
	t.Helper()
	req.Target, req.Algorithms, req.Folds, req.Trees = "late", []string{"gbdt"}, 2, 10
	j, _, err := b.training.Submit(t.Context(), ann, req, "")
	if err != nil {
		t.Fatal(err)
	}
	var made training.Result
	decode(t, b.run(t, j), &made)
	m, err := b.models.Get(t.Context(), ann.Tenant, made.ModelID)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// predict returns the file of a prediction.
func (b *bundle) predict(t *testing.T, req prediction.Request) (prediction.Result, []byte) {
	t.Helper()
	j, _, err := b.prediction.Submit(t.Context(), ann, req, "")
	if err != nil {
		t.Fatal(err)
	}
	var made prediction.Result
	decode(t, b.run(t, j), &made)
	file, err := b.files.Get(made.OutputKey)
	if err != nil {
		t.Fatal(err)
	}
	return made, file
}

// byID reads a file of predictions.
func byID(t *testing.T, file []byte) map[string]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, row := range rows[1:] {
		out[row[0]] = strings.Join(row[1:], " ")
	}
	return out
}

// cleaned makes a version that is far from its file.
func (b *bundle) cleaned(t *testing.T, id string) {
	t.Helper()
	b.transform(t, id, recipe.Step{Name: "trim_text"}, recipe.Step{Name: "change_case", Parameters: parameters{"case": "lower"}},
		recipe.Step{Name: "filter_rows", Parameters: parameters{"condition": "count > 1"}},
		recipe.Step{Name: "impute_missing", Parameters: parameters{"columns": []any{"price"}, "strategy": "median"}},
		recipe.Step{Name: "join_table", Parameters: parameters{"dataset": b.upload(t, "cities.csv", strings.NewReader("town,people\noslo,0.7\nrome,2.8\n")), "on": []any{"city"}, "other_on": []any{"town"}}})
	b.transform(t, id, recipe.Step{Name: "derive_column", Parameters: parameters{"name": "total", "expression": "price * double(count)"}},
		recipe.Step{Name: "aggregate_by_group", Parameters: parameters{"by": []any{"city"}, "values": parameters{"usual": "mean(total)"}}},
		recipe.Step{Name: "encode_one_hot", Parameters: parameters{"columns": []any{"city"}}},
		recipe.Step{Name: "encode_cycles", Parameters: parameters{"columns": []any{"joined"}, "parts": []any{"month"}}},
		recipe.Step{Name: "sort_rows", Parameters: parameters{"columns": []any{"total"}}}, recipe.Step{Name: "drop_columns", Parameters: parameters{"columns": []any{"note"}}})
}

// TestAModelCarriesItsRecipe learns from what recipes made of a file, and
// predicts rows of files as they were before: those of its own file alike.
func TestAModelCarriesItsRecipe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.upload(t, "orders.csv", orders(400, true))
	b.cleaned(t, id)
	m := b.train(t, training.Request{DatasetID: id, Exclude: []string{"id"}})
	if got := m.Inputs.Names(); !slices.Equal(got, []string{"city", "price", "count", "joined"}) {
		t.Errorf("inputs %v", got)
	}
	if _, ok := m.Prepared.Lookup("usual"); !ok || m.DatasetVersion != 3 || len(m.Recipe) != 11 || m.Recipe[2].Version != 2 || !m.Recipe[2].Skipped || m.Recipe[5].Version != 3 || m.Recipe[5].Skipped ||
		m.Recipe[1].Explanation != `Writes "city", "note", "late" in lower case.` && !strings.Contains(m.Recipe[1].Explanation, "lower") {
		t.Errorf("prepared %v, recipe %+v", m.Prepared.Names(), m.Recipe)
	}
	own, file := b.predict(t, prediction.Request{ModelID: m.ID, DatasetID: id, IDColumn: "id"})
	raw, fromFile := b.predict(t, prediction.Request{ModelID: m.ID, DatasetID: id, Version: 1, IDColumn: "id"})
	if raw.Rows != 400 || own.Rows >= 400 || raw.BadRows+own.BadRows > 0 {
		t.Fatalf("predicted %+v and %+v", own, raw)
	}
	all := byID(t, fromFile)
	for row, want := range byID(t, file) {
		if all[row] != want {
			t.Fatalf("row %s: %s of the file, %s of the version", row, all[row], want)
		}
	}
	if held, _ := b.predict(t, prediction.Request{ModelID: m.ID, DatasetID: id, Rows: prediction.RowsHoldout}); held.Rows != m.HoldoutRows {
		t.Errorf("held out %+v of %d", held, m.HoldoutRows)
	}
	// Rows of another file need no target, nor a column that nothing comes of.
	other := b.upload(t, "more.csv", orders(400, false))
	b.transform(t, other, recipe.Step{Name: "drop_columns", Parameters: parameters{"columns": []any{"price"}}})
	_, whole := b.predict(t, prediction.Request{ModelID: m.ID, DatasetID: other, IDColumn: "id"})
	parts, joined := b.predict(t, prediction.Request{ModelID: m.ID, DatasetID: other, IDColumn: "id", Shards: 3})
	if parts.Shards != 3 || !bytes.Equal(whole, joined) {
		t.Errorf("in %d parts another file", parts.Shards)
	}
	if got := byID(t, whole); len(got) != 400 || got["o7"] == "" {
		t.Errorf("%d rows", len(got))
	}
	prepared, again := b.predict(t, prediction.Request{ModelID: m.ID, DatasetID: id, Version: 3, Prepared: true, IDColumn: "id"})
	if !bytes.Equal(again, file) || prepared.Rows != own.Rows {
		t.Error("a table that was prepared is predicted otherwise")
	}
}

func TestWhatARecipeOfAModelNeeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.upload(t, "orders.csv", orders(300, true))
	b.cleaned(t, id)
	m := b.train(t, training.Request{DatasetID: id, Exclude: []string{"id"}})
	short := b.upload(t, "short.csv", strings.NewReader("id,city,count,joined\n1,Oslo,2,2024-01-01\n2,Rome,3,2024-01-02\n"))
	plain := b.train(t, training.Request{DatasetID: id, Version: 1, Exclude: []string{"id", "note"}})
	for name, c := range map[string]struct {
		req        prediction.Request
		code, text string
	}{
		"lacks a column":       {prediction.Request{ModelID: m.ID, DatasetID: short}, "missing_columns", `"price"`},
		"is not prepared":      {prediction.Request{ModelID: m.ID, DatasetID: short, Prepared: true}, "missing_columns", "column"},
		"held out elsewhere":   {prediction.Request{ModelID: m.ID, DatasetID: id, Version: 1, Rows: prediction.RowsHoldout}, "holdout_of_another_version", "version 3"},
		"nothing to leave out": {prediction.Request{ModelID: plain.ID, DatasetID: id, Version: 1, Prepared: true}, "nothing_prepared", "carries no steps"},
	} {
		_, _, err := b.prediction.Submit(t.Context(), ann, c.req, "")
		if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStepsOfATraining learns steps within a training.
func TestStepsOfATraining(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.upload(t, "orders.csv", orders(300, true))
	saved, _, err := b.recipes.Create(t.Context(), ann, recipe.Draft{Name: "clean", Steps: []recipe.Step{
		{Name: "trim_text", Parameters: parameters{"columns": []any{"city"}}},
		{Name: "change_case", Parameters: parameters{"columns": []any{"city"}, "case": "lower"}},
		{Name: "remove_outliers", Parameters: parameters{"columns": []any{"price"}}},
		{Name: "impute_missing", Parameters: parameters{"columns": []any{"price"}, "strategy": "mean"}},
		{Name: "derive_column", Parameters: parameters{"name": "total", "expression": "price * double(count)"}},
		{Name: "drop_columns", Parameters: parameters{"columns": []any{"note", "id"}}},
	}}, "")
	if err != nil {
		t.Fatal(err)
	}
	whole := b.train(t, training.Request{DatasetID: id, RecipeID: saved.ID})
	parts := b.train(t, training.Request{DatasetID: id, RecipeID: saved.ID, FoldsAsJobs: true})
	if whole.SHA256 != parts.SHA256 || len(whole.Recipe) != 6 || len(whole.Prepared) != 0 || !whole.Recipe[2].Skipped || whole.Recipe[2].Version != 0 {
		t.Errorf("model %s in parts, %s as a whole, %+v", parts.SHA256, whole.SHA256, whole.Recipe)
	}
	if got := whole.Inputs.Names(); !slices.Equal(got, []string{"city", "price", "count", "joined"}) {
		t.Errorf("inputs %v", got)
	}
	if made, _ := b.predict(t, prediction.Request{ModelID: whole.ID, DatasetID: id}); made.Rows != 300 {
		t.Errorf("%+v", made)
	}
	held, _ := b.predict(t, prediction.Request{ModelID: whole.ID, DatasetID: id, Rows: prediction.RowsHoldout})
	if held.Rows != whole.HoldoutRows {
		t.Errorf("%+v", held)
	}
	// Steps of the data set and of the training, one after the other.
	b.cleaned(t, id)
	both := b.train(t, training.Request{DatasetID: id, Exclude: []string{"id"}, Steps: []recipe.Step{{Name: "scale_numbers", Parameters: parameters{"columns": []any{"total"}}}}})
	_, version := b.predict(t, prediction.Request{ModelID: both.ID, DatasetID: id, IDColumn: "id"})
	_, file := b.predict(t, prediction.Request{ModelID: both.ID, DatasetID: id, Version: 1, IDColumn: "id"})
	all := byID(t, file)
	for row, want := range byID(t, version) {
		if all[row] != want {
			t.Fatalf("row %s: %s of the file, %s of the version", row, all[row], want)
		}
	}
	for name, c := range map[string]struct {
		req            training.Request
		code, location string
	}{
		"reads the target":   {training.Request{Steps: []recipe.Step{{Name: "trim_text", Parameters: parameters{"columns": []any{"late"}}}}}, "step_reads_target", "body.steps[0].parameters.columns"},
		"in an expression":   {training.Request{Steps: []recipe.Step{{Name: "derive_column", Parameters: parameters{"name": "x", "expression": `late == "yes" ? 1.0 : 0.0`}}}}, "step_reads_target", "body.steps[0].parameters.expression"},
		"makes rows":         {training.Request{Steps: []recipe.Step{{Name: "trim_text"}, {Name: "group_rows", Parameters: parameters{"by": []any{"city"}, "values": parameters{"n": "count()"}}}}}, "rows_are_made", "body.steps[1]"},
		"no such column":     {training.Request{Exclude: []string{"price"}, Steps: []recipe.Step{{Name: "round_numbers", Parameters: parameters{"columns": []any{"price"}}}}}, "missing_column", "body.steps[0]"},
		"steps and a recipe": {training.Request{RecipeID: saved.ID, Steps: []recipe.Step{{Name: "trim_text"}}}, "steps_and_recipe", "body.recipe_id"},
		"no recipe":          {training.Request{RecipeVersion: 2}, "no_recipe", "body.recipe_version"},
		"no such recipe":     {training.Request{RecipeID: "rcp_none"}, "recipe_not_found", ""},
		"no such version":    {training.Request{RecipeID: saved.ID, RecipeVersion: 9}, "recipe_version_not_found", ""},
		"tables and nothing": {training.Request{Tables: []dataset.TableRef{{DatasetID: id}}}, "tables_without_steps", "body.tables"},
	} {
		c.req.DatasetID, c.req.Version, c.req.Target = id, 1, "late"
		_, _, err := b.training.Submit(t.Context(), ann, c.req, "")
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f, _ := fault.As(err)
		if c.location != "" && (len(f.Fields) == 0 || !strings.HasPrefix(f.Fields[0].Location, c.location)) {
			t.Errorf("%s: %+v", name, f.Fields)
		}
	}
}

// TestVersionsThatCannotBeCarried refuses features that nobody has who predicts,
// and says what is not carried.
func TestVersionsThatCannotBeCarried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.upload(t, "orders.csv", orders(300, true))
	b.transform(t, id, recipe.Step{Name: "derive_column", Parameters: parameters{"name": "hint", "expression": `late == "yes" ? price : 0.0`}}, recipe.Step{Name: "split_rows"})
	attempt := func(version int, exclude ...string) error {
		j, _, err := b.training.Submit(t.Context(), ann, training.Request{DatasetID: id, Version: version, Target: "late", Algorithms: []string{"baseline"}, Folds: 2, Exclude: exclude}, "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.handlers["training"].Run(t.Context(), taskOf(j))
		return err
	}
	if err := attempt(2); fault.CodeOf(err) != "not_in_prediction" || !strings.Contains(err.Error(), `"split"`) {
		t.Error(err)
	}
	if err := attempt(2, "split"); fault.CodeOf(err) != "target_in_features" || !strings.Contains(err.Error(), `"hint"`) {
		t.Error(err)
	}
	if err := attempt(2, "split", "hint"); err != nil {
		t.Error(err)
	}
	b.transform(t, id, recipe.Step{Name: "group_rows", Parameters: parameters{"by": []any{"city", "joined", "late"}, "values": parameters{"n": "count()", "price": "mean(price)"}}})
	m := b.train(t, training.Request{DatasetID: id})
	if len(m.Recipe) != 0 || !slices.Contains(m.Inputs.Names(), "n") {
		t.Errorf("model %+v", m)
	}
	keys := b.files.Keys("jobs/")
	for _, key := range keys {
		if strings.HasSuffix(key, "fitted.steps") {
			if err := b.files.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := attempt(2, "split", "hint"); fault.CodeOf(err) != "lineage_gone" {
		t.Error(err)
	}
}
