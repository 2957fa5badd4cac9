package recipe_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/recipe"
)

func TestRecipesAreKept(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, shop(20))
	draft := recipe.Draft{Name: " clean ", Tags: []string{"shop"}, Steps: steps(trim()), DatasetID: id}
	r, created, err := b.Create(ctx, ann, draft, "key")
	if err != nil || !created || r.Name != "clean" || r.Visibility != recipe.Private || r.Latest().Number != 1 || len(r.Latest().Schema) != 4 {
		t.Fatalf("recipe %+v, created %v: %v", r, created, err)
	}
	if again, created, err := b.Create(ctx, ann, draft, "key"); err != nil || created || again.ID != r.ID {
		t.Errorf("the same key gives %+v, created %v: %v", again, created, err)
	}
	draft.Name, draft.Steps = "cleaner", steps(trim(), median())
	b.now = b.now.Add(1)
	if r, err = b.Update(ctx, ann, r.ID, draft); err != nil || len(r.Versions) != 2 || r.Latest().Number != 2 || len(r.Versions[0].Steps) != 1 || r.Name != "cleaner" {
		t.Fatalf("recipe %+v: %v", r, err)
	}
	draft.Steps = nil
	if r, err = b.Update(ctx, ann, r.ID, draft); err != nil || len(r.Versions) != 2 {
		t.Fatalf("recipe %+v: %v", r, err)
	}
	for visibility, sees := range map[recipe.Visibility][]account.Caller{
		recipe.Private: {ann}, recipe.Shared: {ann, amy}, recipe.Public: {ann, amy, bob},
	} {
		draft.Visibility = visibility
		if _, err := b.Update(ctx, ann, r.ID, draft); err != nil {
			t.Fatal(err)
		}
		for _, caller := range []account.Caller{ann, amy, bob} {
			want := slices.ContainsFunc(sees, func(c account.Caller) bool { return c.User == caller.User })
			_, err := b.Get(ctx, caller, r.ID)
			if (err == nil) != want || err != nil && fault.CodeOf(err) != "recipe_not_found" {
				t.Errorf("%s recipe, seen by %s: %v", visibility, caller.User, err)
			}
			page, err := b.List(ctx, caller, caller.Tenant != ann.Tenant, "", 10)
			if err != nil || (len(page.Items) == 1) != want {
				t.Errorf("%s recipe, listed for %s: %d, %v", visibility, caller.User, len(page.Items), err)
			}
		}
	}
	draft.Visibility = recipe.Public
	if _, err := b.Update(ctx, ann, r.ID, draft); err != nil {
		t.Fatal(err)
	}
	_, err = b.Update(ctx, bob, r.ID, draft)
	checkFault(t, err, fault.ClassForbidden, "recipe_of_another", "")
	checkFault(t, b.Delete(ctx, bob, r.ID), fault.ClassForbidden, "recipe_of_another", "")
	if err := b.Delete(ctx, ann, r.ID); err != nil {
		t.Fatal(err)
	}
	_, err = b.Get(ctx, ann, r.ID)
	checkFault(t, err, fault.ClassNotFound, "recipe_not_found", "")
}

func TestDraftsThatCannotBe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.table(t, ann, shop(20))
	for name, c := range map[string]struct {
		change         func(d *recipe.Draft)
		code, location string
	}{
		"no name":           {func(d *recipe.Draft) { d.Name = " " }, "invalid_recipe", "body.name"},
		"tag twice":         {func(d *recipe.Draft) { d.Tags = []string{"a", "a"} }, "invalid_recipe", "body.tags[1]"},
		"visibility":        {func(d *recipe.Draft) { d.Visibility = "world" }, "invalid_recipe", "body.visibility"},
		"no steps":          {func(d *recipe.Draft) { d.Steps = nil }, "recipe_length", "body.steps"},
		"unknown step":      {func(d *recipe.Draft) { d.Steps[1].Name = "impute_mising" }, "unknown_operation", "body.steps[1].name"},
		"parameter":         {func(d *recipe.Draft) { d.Steps[1].Parameters["strategy"] = 7.0 }, "parameter_type", "body.steps[1].parameters.strategy"},
		"column gone":       {func(d *recipe.Draft) { d.Steps[1].Parameters["columns"] = []any{"prize"} }, "missing_column", "body.steps[1].parameters.columns"},
		"dropped before":    {func(d *recipe.Draft) { d.Steps[0] = step("drop_columns", map[string]any{"columns": []any{"price"}}) }, "missing_column", "body.steps[1].parameters.columns"},
		"unknown data set":  {func(d *recipe.Draft) { d.DatasetID = "ds_none" }, "dataset_not_found", ""},
		"without data sets": {func(d *recipe.Draft) { d.DatasetID = ""; d.Steps[0].Name = "x" }, "unknown_operation", "body.steps[0].name"},
	} {
		d := recipe.Draft{Name: "clean", Steps: steps(trim(), median()), DatasetID: id}
		c.change(&d)
		_, _, err := b.Create(t.Context(), ann, d, "")
		class := fault.ClassInvalid
		if c.code == "dataset_not_found" {
			class = fault.ClassNotFound
		}
		t.Log(name)
		checkFault(t, err, class, c.code, c.location)
	}
	_, _, err := b.Create(t.Context(), bob, recipe.Draft{Name: "clean", Steps: steps(trim()), DatasetID: id}, "")
	checkFault(t, err, fault.ClassNotFound, "dataset_not_found", "")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, shop(20))
	r, _, err := b.Create(ctx, ann, recipe.Draft{Name: "clean", Steps: steps(trim(), median()), DatasetID: id}, "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.Check(ctx, ann, recipe.Use{DatasetID: id, RecipeID: r.ID})
	if err != nil || len(p.Steps) != 2 || p.Reads != 2 || p.Steps[0].Explanation == "" || p.Report == nil {
		t.Fatalf("plan %+v: %v", p, err)
	}
	// Another data set: a column more, one less, and one of another type.
	other := b.table(t, ann, "city,price,note,colour\nOslo,1,2,red\nRome,2,3,blue\n")
	p, err = b.Check(ctx, ann, recipe.Use{DatasetID: other, RecipeID: r.ID})
	if err != nil || !slices.Equal(p.Report.Missing, []string{"id"}) || !slices.Equal(p.Report.Retyped, []string{"price"}) || !slices.Equal(p.Report.Unused, []string{"colour"}) {
		t.Fatalf("report %+v: %v", p.Report, err)
	}
	gone := b.table(t, ann, "city,prices\nOslo,1\nRome,2\n")
	_, err = b.Check(ctx, ann, recipe.Use{DatasetID: gone, RecipeID: r.ID})
	checkFault(t, err, fault.ClassInvalid, "missing_column", "body.steps[1].parameters.columns")
	if f, _ := fault.As(err); f.Fields[0].Value != "price" || !strings.Contains(f.Message, `"prices"`) || !strings.HasPrefix(f.Message, "step 2, impute_missing") {
		t.Errorf("%+v", f)
	}
	for _, u := range []recipe.Use{{DatasetID: id}, {DatasetID: id, RecipeID: r.ID, Steps: steps(trim())}} {
		if _, err := b.Check(ctx, ann, u); fault.ClassOf(err) != fault.ClassInvalid {
			t.Error(err)
		}
	}
	_, err = b.Check(ctx, ann, recipe.Use{DatasetID: id, RecipeID: r.ID, RecipeVersion: 9})
	checkFault(t, err, fault.ClassNotFound, "recipe_version_not_found", "")
	_, err = b.Check(ctx, bob, recipe.Use{DatasetID: id, RecipeID: r.ID})
	checkFault(t, err, fault.ClassNotFound, "recipe_not_found", "")
	_, err = b.Check(ctx, ann, recipe.Use{DatasetID: id, Version: 9, Steps: steps(trim())})
	checkFault(t, err, fault.ClassNotFound, "version_not_found", "")
}

func TestPreview(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, shop(12_000))
	use := recipe.Use{DatasetID: id, Steps: steps(trim(), median(), step("filter_rows", map[string]any{"condition": "price < 1000.0"}),
		step("derive_column", map[string]any{"name": "double", "expression": "price * 2.0"}), step("drop_columns", map[string]any{"columns": []any{"note"}}))}
	p, err := b.Preview(ctx, ann, use, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Sampled || p.SampleRows != 5000 || p.RowsTotal != 12_000 || len(p.Before.Values) != 100 || len(p.After.Values) != 100 || !strings.Contains(p.Label(), "5000 of 12000") {
		t.Errorf("preview of %d of %d rows, %d before, %d after: %s", p.SampleRows, p.RowsTotal, len(p.Before.Values), len(p.After.Values), p.Label())
	}
	if s := p.Steps[0]; s.CellsChanged < 1500 || s.CellsChanged > 1900 {
		t.Errorf("trimmed %+v", s) // a third of 5,000
	}
	if s := p.Steps[1]; s.CellsChanged < 600 || s.CellsChanged > 850 {
		t.Errorf("filled %+v", s) // a seventh
	}
	if s := p.Steps[2]; s.RowsAfter >= s.RowsBefore || s.CellsChanged != 0 {
		t.Errorf("filtered %+v", s)
	}
	if s := p.Steps[3]; !slices.Equal(s.ColumnsAdded, []string{"double"}) || s.CellsChanged != 0 {
		t.Errorf("derived %+v", s)
	}
	if s := p.Steps[4]; !slices.Equal(s.ColumnsRemoved, []string{"note"}) {
		t.Errorf("dropped %+v", s)
	}
	again, err := b.Preview(ctx, ann, use, 7)
	if err != nil || len(again.After.Values) != 7 || again.After.Values[0][0] != p.After.Values[0][0] {
		t.Errorf("preview again: %v", err)
	}
	use.Steps = steps(step("convert_type", map[string]any{"columns": []any{"city"}, "type": "integer", "unknown": "fail"}))
	_, err = b.Preview(ctx, ann, use, 0)
	checkFault(t, err, fault.ClassInvalid, "value_type", "body.steps[0], row 1")
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, shop(1000))
	all, err := b.Suggest(ctx, ann, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, g := range all {
		names = append(names, g.Step.Name)
		if g.Reason == "" || g.Affected <= 0 || g.Effect <= 0 || i > 0 && all[i-1].Effect < g.Effect {
			t.Errorf("suggestion %+v", g)
		}
	}
	if want := []string{"drop_columns", "trim_text", "impute_missing", "cap_outliers"}; !slices.Equal(names, want) {
		t.Errorf("suggested %q, want %q", names, want)
	}
	clean := recipe.Clean(all)
	if _, err := b.Preview(ctx, ann, recipe.Use{DatasetID: id, Steps: clean}, 0); err != nil {
		t.Fatal(err)
	}
	made := b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: clean}})
	if made.Columns != 3 {
		t.Errorf("made %+v", made)
	}
	if all, err = b.Suggest(ctx, ann, id, 0); err != nil || len(recipe.Clean(all)) != 0 {
		t.Errorf("after the clean-up %+v, %v", all, err)
	}
	twice := b.table(t, ann, "a,b\n1,2\n1,2\n3,4\n")
	if all, err = b.Suggest(ctx, ann, twice, 0); err != nil || len(all) != 1 || all[0].Step.Name != "remove_duplicates" || all[0].Affected != 1 {
		t.Errorf("of rows that are the same: %+v, %v", all, err)
	}
}
