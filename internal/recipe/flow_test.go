package recipe_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// TestWideTablesAreMadeInPieces makes thousands of columns, a few rows at a time:
// the table is the one that all rows at once make, also where rows are counted.
func TestWideTablesAreMadeInPieces(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	var csv strings.Builder
	csv.WriteString("key,n\n")
	for i := range 4500 {
		fmt.Fprintf(&csv, "k%d,%d\n", i*7%2200, i)
	}
	id := b.table(t, ann, csv.String())
	all := steps(step("encode_one_hot", map[string]any{"columns": []any{"key"}, "max_categories": 2200.0}), step("sample_rows", map[string]any{"fraction": 0.5}))
	made := b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: all}})

	d, _, err := b.datasets.At(ctx, ann.Tenant, id, 1)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.datasets.Source(ctx, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := tabular.ReadFrame(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := preprocess.Bind(all, preprocess.SchemaOf(x), preprocess.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := bound.Fit(ctx, preprocess.Frames{x}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := fitted.Apply(x)
	if err != nil {
		t.Fatal(err)
	}
	content := dataset.NewContent(made.Record.Version.Schema)
	content.Add(whole)
	if made.Columns != 2201 || made.Rows != int64(whole.Rows()) || made.Hash != content.Hash() {
		t.Errorf("%d rows of %d columns, hash %s; all at once make %d rows, hash %s", made.Rows, made.Columns, made.Hash, whole.Rows(), content.Hash())
	}
}
