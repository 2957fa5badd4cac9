package recipe_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// TestWhatOthersLearnOfARecipe lets another tenant use a public recipe and tells
// it nothing of the columns of the table that it was made for.
func TestWhatOthersLearnOfARecipe(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, shop(20))
	r, _, err := b.Create(ctx, ann, recipe.Draft{Name: "clean", Steps: steps(trim()), DatasetID: id, Visibility: recipe.Public}, "")
	if err != nil {
		t.Fatal(err)
	}
	theirs := b.table(t, bob, "city,price,colour\nOslo,x,red\nRome,y,blue\n")
	p, err := b.Check(ctx, bob, recipe.Use{DatasetID: theirs, RecipeID: r.ID})
	if err != nil || len(p.Steps) != 1 || p.Report == nil || len(p.Report.Missing) != 0 || len(p.Report.Retyped) != 0 || !slices.Equal(p.Report.Unused, []string{"price", "colour"}) {
		t.Errorf("plan %+v: %v", p, err) // price is none that the recipe tells of
	}
	nothing, _, err := b.Create(ctx, ann, recipe.Draft{Name: "all", Steps: steps(step("fill_missing", map[string]any{"value": "none"})), DatasetID: id, Visibility: recipe.Public}, "")
	if err != nil {
		t.Fatal(err)
	}
	if p, err = b.Check(ctx, bob, recipe.Use{DatasetID: theirs, RecipeID: nothing.ID}); err != nil || p.Report != nil {
		t.Errorf("plan %+v: %v", p, err)
	}
	named, _, err := b.Create(ctx, ann, recipe.Draft{Name: "named", Steps: steps(step("rename_columns", map[string]any{"names": map[string]any{"price": "cost"}})), DatasetID: id, Visibility: recipe.Public}, "")
	if err != nil {
		t.Fatal(err)
	}
	if p, err = b.Check(ctx, bob, recipe.Use{DatasetID: theirs, RecipeID: named.ID}); err != nil || !slices.Equal(p.Report.Retyped, []string{"price"}) {
		t.Errorf("plan %+v: %v", p, err)
	}
	mine, err := b.Check(ctx, amy, recipe.Use{DatasetID: id, RecipeID: r.ID})
	if err != nil || mine.Report == nil {
		t.Errorf("plan %+v: %v", mine, err)
	}
}

// TestRepeatedKeys gives nobody the private recipe of somebody else.
func TestRepeatedKeys(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	draft := recipe.Draft{Name: "clean", Steps: steps(trim())}
	r, _, err := b.Create(ctx, ann, draft, "key")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = b.Create(ctx, amy, draft, "key")
	checkFault(t, err, fault.ClassConflict, "idempotency_key_used", "")
	if other, created, err := b.Create(ctx, bob, draft, "key"); err != nil || !created || other.ID == r.ID {
		t.Errorf("another tenant's recipe %+v, created %v: %v", other, created, err)
	}
	if err := b.Delete(ctx, ann, r.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.Create(ctx, ann, draft, "key")
	checkFault(t, err, fault.ClassConflict, "idempotency_key_used", "")
}

// TestTypesOfAProgram takes the types of columns from a data set that is named, or
// that the recipe was saved with.
func TestTypesOfAProgram(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, shop(20))
	all := steps(step("derive_column", map[string]any{"name": "next", "expression": "id + 1"}), step("filter_rows", map[string]any{"condition": "next / 2 > 3"}))
	bare, _, err := b.Create(ctx, ann, recipe.Draft{Name: "bare", Steps: all, Visibility: recipe.Public}, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Python(ctx, ann, bare.ID, 0, "")
	checkFault(t, err, fault.ClassInvalid, "no_python", "steps[0]")
	saved, _, err := b.Create(ctx, ann, recipe.Draft{Name: "saved", Steps: all, DatasetID: id}, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string][2]string{"a data set that is named": {bare.ID, id}, "one that it was saved with": {saved.ID, ""}} {
		code, err := b.Python(ctx, ann, of[0], 0, of[1])
		if err != nil || !strings.Contains(code, `each_row(df, {"next": "integer"}, lambda c_next: more(divided(c_next, 2), 3))`) {
			t.Errorf("%s: %v\n%s", name, err, code)
		}
	}
	_, err = b.Python(ctx, bob, bare.ID, 0, id)
	checkFault(t, err, fault.ClassNotFound, "dataset_not_found", "")
	_, err = b.Python(ctx, ann, bare.ID, 0, b.table(t, ann, "x,y\n1,2\n"))
	checkFault(t, err, fault.ClassInvalid, "missing_column", "body.steps[0].parameters.expression")
	_, err = b.Python(ctx, ann, saved.ID, 9, "")
	checkFault(t, err, fault.ClassNotFound, "recipe_version_not_found", "")

	// A join of a data set that the caller does not have: the types behind it are
	// not known.
	towns := b.table(t, ann, "city,people\nOslo,1\n")
	joined, _, err := b.Create(ctx, ann, recipe.Draft{Name: "joined", Visibility: recipe.Public, DatasetID: id, Steps: steps(
		step("join_table", map[string]any{"dataset": towns, "on": []any{"city"}}), step("filter_rows", map[string]any{"condition": "people > 1"}),
	)}, "")
	if err != nil {
		t.Fatal(err)
	}
	code, err := b.Python(ctx, ann, joined.ID, 0, "")
	if err != nil || !strings.Contains(code, "def transform(df: pd.DataFrame, tables: dict[str, pd.DataFrame])") || !strings.Contains(code, `tables["`+towns+`"]`) {
		t.Errorf("%v\n%s", err, code)
	}
	_, err = b.Python(ctx, bob, joined.ID, 0, "")
	checkFault(t, err, fault.ClassInvalid, "no_python", "steps[1]")
	_, err = b.Python(ctx, account.Caller{Tenant: "none", User: "x"}, saved.ID, 0, "")
	checkFault(t, err, fault.ClassNotFound, "recipe_not_found", "")
}

// TestWhatMayBeHeld names the setting when a step would hold too much.
func TestWhatMayBeHeld(t *testing.T) {
	t.Parallel()
	schema := preprocess.Schema{{Name: "city", Type: frame.String}}
	_, err := preprocess.Bind(steps(step("sort_rows", map[string]any{"columns": []any{"city"}}), step("trim_txt", nil)), schema, preprocess.Environment{Rows: 1 << 30})
	err = recipe.Invalid(err)
	checkFault(t, err, fault.ClassInvalid, "memory_needed", "body.steps[0]")
	f, _ := fault.As(err)
	if !strings.Contains(f.Message, "24576 MiB") || !strings.Contains(f.Message, "allow it more (limits.step_bytes)") || !strings.HasSuffix(f.Message, "; and 1 more") || len(f.Fields) != 2 || f.Fields[1].Location != "body.steps[1].name" {
		t.Errorf("%+v", f)
	}
}
