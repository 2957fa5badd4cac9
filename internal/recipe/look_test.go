package recipe_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/store"
)

// remarks is a table whose texts nobody takes for personal data, beside one column of it.
func remarks() string {
	var s strings.Builder
	s.WriteString("email,note,other,amount\n")
	for i := range 40 {
		fmt.Fprintf(&s, "user%d@example.org,quartz-%c-zebra,basalt-%c,%d\n", i, 'a'+i%7, 'a'+i%5, i*3)
	}
	return s.String()
}

// changeVersion changes the record of a version.
func (b *bundle) changeVersion(tb testing.TB, id string, number int, change func(*dataset.Revision)) {
	tb.Helper()
	at := slices.IndexFunc(dataset.Collections(), func(c store.Collection) bool { return c.Name == "dataset_versions" })
	table := store.NewTable[dataset.Revision](b.driver, dataset.Collections()[at])
	_, err := table.Update(tb.Context(), fmt.Sprintf("ver_%s_%d", strings.TrimPrefix(id, "ds_"), number), func(r *dataset.Revision) error {
		change(r)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// TestOlderVersionsHideWhatTheNewestHides: whatever was known of an older version, it
// does not show what is hidden today.
func TestOlderVersionsHideWhatTheNewestHides(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before func(tb testing.TB, b *bundle, id string)
		steps  []recipe.Step
		after  func(tb testing.TB, b *bundle, id string)
		masked string // columns of the older version
		values []string
	}{
		"found in it": {steps: steps(dropped("email")), masked: "email", values: []string{"user7@", "user0@"}},
		"said of a column of both": {
			steps: steps(dropped("email")), masked: "email note", values: []string{"quartz-a-zebra", "user7@"},
			after: func(tb testing.TB, b *bundle, id string) { tb.Helper(); b.said(tb, id, "note", "warn") },
		},
		"said of what was made of it": {
			steps: steps(renamed("note", "remark")), masked: "email note", values: []string{"quartz-a-zebra"},
			after: func(tb testing.TB, b *bundle, id string) { tb.Helper(); b.said(tb, id, "remark", "warn") },
		},
		"found later": {
			steps: steps(dropped("note")), masked: "email", values: []string{"user7@", "user0@"},
			after: func(tb testing.TB, b *bundle, id string) {
				tb.Helper()
				b.changeVersion(tb, id, 1, func(r *dataset.Revision) { r.Version.PII, r.Version.Scanned = nil, false })
			},
		},
		"hashed by a step": {steps: steps(step("hash_values", map[string]any{"columns": []any{"note"}})), masked: "email note", values: []string{"quartz-a-zebra"}},
		"hashed under another name": {
			steps: steps(renamed("note", "remark"), step("hash_values", map[string]any{"columns": []any{"remark"}})), masked: "email note", values: []string{"quartz-a-zebra"},
		},
		"allowed, until another column had its name": {
			before: func(tb testing.TB, b *bundle, id string) {
				tb.Helper()
				b.said(tb, id, "note", "warn")
				b.said(tb, id, "email", "allow")
				b.reprofile(tb, id)
			},
			steps: steps(renamed("email", "address"), renamed("note", "email")), masked: "email note", values: []string{"user7@", "quartz-a-zebra"},
		},
		"its name was given to another one": {
			steps: steps(renamed("note", "remark"), step("derive_column", map[string]any{"name": "note", "expression": `upper(other)`})), masked: "email note other", values: []string{"quartz-a-zebra"},
			after: func(tb testing.TB, b *bundle, id string) { tb.Helper(); b.said(tb, id, "remark", "warn") },
		},
		"computed, under a name that has another one in it": {
			steps: steps(step("derive_column", map[string]any{"name": "another", "expression": `upper(note) + "_other"`})), masked: "email note", values: []string{"quartz-a-zebra"},
			after: func(tb testing.TB, b *bundle, id string) { tb.Helper(); b.said(tb, id, "another", "warn") },
		},
		"the largest of a group": {
			steps: steps(step("aggregate_by_group", map[string]any{"by": []any{"other"}, "values": map[string]any{"most": "max(amount)"}})), masked: "email other amount", values: []string{"basalt-a"},
			after: func(tb testing.TB, b *bundle, id string) { tb.Helper(); b.said(tb, id, "most", "warn") },
		},
		"no column is named": {
			before: func(tb testing.TB, b *bundle, id string) {
				tb.Helper()
				b.said(tb, id, "email", "allow")
			},
			steps: steps(step("encode_one_hot", nil)), masked: "email note other amount", values: []string{"quartz-a-zebra"},
			after: func(tb testing.TB, b *bundle, id string) { tb.Helper(); b.said(tb, id, "other=basalt-a", "warn") },
		},
		"nobody knows what it was made of": {
			steps: steps(renamed("note", "remark")), masked: "email note other amount", values: []string{"quartz-a-zebra"},
			after: func(tb testing.TB, b *bundle, id string) {
				tb.Helper()
				b.said(tb, id, "remark", "warn")
				b.changeVersion(tb, id, 2, func(r *dataset.Revision) { r.Parent = 7 })
			},
		},
		"it has the name of another one": {
			steps: steps(dropped("other"), renamed("note", "other")), masked: "email note other", values: []string{"quartz-a-zebra"},
			after: func(tb testing.TB, b *bundle, id string) { tb.Helper(); b.said(tb, id, "other", "warn") },
		},
		"others were dropped, and changed in place": {
			steps: steps(renamed("note", "remark"), dropped("other"), step("round_numbers", map[string]any{"columns": []any{"amount"}})), masked: "email note", values: []string{"quartz-a-zebra"},
			after: func(tb testing.TB, b *bundle, id string) { tb.Helper(); b.said(tb, id, "remark", "warn") },
		},
		"what it was made of is known": {steps: steps(renamed("email", "contact"), dropped("other"), step("derive_column", map[string]any{"name": "twice", "expression": "amount * 2"})), masked: "email", values: []string{"user7@"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, ctx := setup(t), t.Context()
			id := b.table(t, ann, remarks())
			if tt.before != nil {
				tt.before(t, b, id)
			}
			b.apply(t, ann, apply(id, tt.steps...))
			if tt.after != nil {
				tt.after(t, b, id)
			}
			b.hiddenIn(t, name, id, 1, tt.values...)
			d, err := b.datasets.Look(ctx, ann.Tenant, id, 1)
			if err != nil {
				t.Fatal(err)
			}
			p, err := b.datasets.Preview(ctx, d, 3)
			if err != nil || strings.Join(p.Masked, " ") != tt.masked || len(p.Schema) != 4 {
				t.Errorf("masked are %q of %d columns, %v", p.Masked, len(p.Schema), err)
			}
			for _, f := range p.Schema {
				_, err := b.datasets.Chart(ctx, d, chart.Request{Kind: chart.Histogram, X: f.Name})
				if hidden := slices.Contains(p.Masked, f.Name); hidden != (err != nil) || hidden && fault.CodeOf(err) != "column_is_personal" {
					t.Errorf("a chart of %s: %v", f.Name, err)
				}
			}
			look, err := b.Preview(ctx, ann, recipe.Use{DatasetID: id, Version: 1, Steps: steps(step("sort_rows", map[string]any{"columns": []any{"amount"}}))}, 40)
			if err != nil {
				t.Fatal(err)
			}
			for _, value := range tt.values {
				if strings.Contains(fmt.Sprint(look.Before.Values, look.After.Values), value) {
					t.Errorf("a preview of steps tells %q", value)
				}
			}
		})
	}
}

// TestBranchesHideWhatTheNewestHides: a version that the newest was not made of, but of
// what it was made of.
func TestBranchesHideWhatTheNewestHides(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, remarks())
	b.apply(t, ann, apply(id, renamed("note", "word"), step("sample_rows", map[string]any{"fraction": 0.9})))
	b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Version: 1, Steps: steps(renamed("note", "remark"))}})
	masked := func(version int) string {
		t.Helper()
		d, err := b.datasets.Look(ctx, ann.Tenant, id, version)
		if err != nil {
			t.Fatal(err)
		}
		p, err := b.datasets.Preview(ctx, d, 1)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(p.Masked, " ")
	}
	if got := masked(2); got != "email" {
		t.Errorf("at first %q are masked", got)
	}
	b.said(t, id, "remark", "warn")
	b.hiddenIn(t, "a branch", id, 2, "quartz-a-zebra")
	if got := masked(2); got != "email word" {
		t.Errorf("of the branch %q are masked", got)
	}
	if got := masked(1); got != "email note" {
		t.Errorf("of what both were made of %q are masked", got)
	}
}

// said sets what is done about a column.
func (b *bundle) said(tb testing.TB, id string, pairs ...string) {
	tb.Helper()
	if _, _, err := b.datasets.SetPolicies(tb.Context(), sue, id, policies(pairs...), nil); err != nil {
		tb.Fatal(err)
	}
}

// TestVersionsThatCanBeLookedAt: those that there are and that have their files, by who
// may, and it is written down which one it was.
func TestVersionsThatCanBeLookedAt(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, remarks())
	b.apply(t, ann, apply(id, dropped("other")))
	b.apply(t, ann, apply(id, dropped("note")))
	for number, want := range map[int]int{0: 2, 1: 4, 2: 3, 3: 2} {
		d, err := b.datasets.Look(ctx, ann.Tenant, id, number)
		if err != nil || len(d.Version.Schema) != want {
			t.Fatalf("version %d: %+v, %v", number, d, err)
		}
		if p, err := b.datasets.Unmasked(ctx, sue, id, number, 1); err != nil || p.Rows[0][0] != "user0@example.org" || len(p.Rows[0]) != want {
			t.Errorf("version %d unmasked: %+v, %v", number, p, err)
		}
	}
	accesses, err := b.datasets.Accesses(ctx, sue, id, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]int{}
	for _, a := range accesses.Items {
		seen[a.Version]++
	}
	if want := map[int]int{1: 1, 2: 1, 3: 2}; fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("written down are %v", seen)
	}
	b.changeVersion(t, id, 2, func(r *dataset.Revision) { r.Gone = true })
	for number, want := range map[int]string{-1: "version_not_found", 4: "version_not_found", 2: "version_gone"} {
		if _, err := b.datasets.Look(ctx, ann.Tenant, id, number); fault.CodeOf(err) != want {
			t.Errorf("version %d: %v", number, err)
		}
		if _, err := b.datasets.Unmasked(ctx, sue, id, number, 1); fault.CodeOf(err) != want {
			t.Errorf("version %d unmasked: %v", number, err)
		}
	}
	if _, err := b.datasets.Unmasked(ctx, ann, id, 1, 1); fault.CodeOf(err) != "role_required" {
		t.Errorf("by somebody without the right: %v", err)
	}
	if _, err := b.datasets.Look(ctx, "other", id, 1); fault.CodeOf(err) != "dataset_not_found" {
		t.Errorf("by another tenant: %v", err)
	}
	b.protected(t, id, policies("email", "drop"))
	for number := 1; number < 4; number++ {
		if _, err := b.datasets.Look(ctx, ann.Tenant, id, number); fault.CodeOf(err) != dataset.CodeSealed {
			t.Errorf("version %d is not sealed: %v", number, err)
		}
		if _, err := b.datasets.Unmasked(ctx, sue, id, number, 1); fault.CodeOf(err) != dataset.CodeSealed {
			t.Errorf("version %d is not sealed for stewards: %v", number, err)
		}
	}
	if _, err := b.datasets.Erase(ctx, sue, id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.datasets.Look(ctx, ann.Tenant, id, 1); fault.CodeOf(err) != dataset.CodeErased {
		t.Errorf("version 1 is not erased: %v", err)
	}
}

// TestHowAFileWasRead is said whatever was made of it, also by records of old programs.
func TestHowAFileWasRead(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, strings.ReplaceAll(remarks(), ",", ";"))
	read := func(when string) {
		t.Helper()
		one, err := b.datasets.Get(ctx, ann.Tenant, id)
		if err != nil {
			t.Fatal(err)
		}
		page, err := b.datasets.List(ctx, ann.Tenant, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []*dataset.Dataset{one, page.Items[0]} {
			if f := d.ReadAs(); f == nil || f.Kind != "csv" || f.Delimiter != ";" {
				t.Errorf("%s it was read as %+v", when, f)
			}
		}
	}
	read("at first")
	b.apply(t, ann, apply(id, dropped("other")))
	read("with a recipe")
	b.protected(t, id, policies("email", "drop"))
	read("with policies")
	at := slices.IndexFunc(dataset.Collections(), func(c store.Collection) bool { return c.Name == "datasets" })
	table := store.NewTable[dataset.Dataset](b.driver, dataset.Collections()[at])
	if _, err := table.Update(ctx, id, func(d *dataset.Dataset) error {
		if d.FileFormat == nil {
			t.Error("the record does not say it")
		}
		d.FileFormat = nil
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	read("by an old program")
}
