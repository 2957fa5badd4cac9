package pipeline_test

import (
	"math"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// carried returns the model of setup behind a recipe, and rows as they were
// before that.
func carried(t *testing.T) (*pipeline.Model, *frame.Frame) {
	t.Helper()
	m, x := setup(t)
	raw := newFrame(t, append(slices.Clone(x.Without("number", "word").Columns()), x.Columns()[0].Rename("old"), text("word", " 7", "B "), text("more", "p", "q"))...)
	type p = map[string]any
	r, err := preprocess.Bind([]preprocess.Spec{
		{Name: "trim_text"},
		{Name: "change_case", Parameters: p{"case": "lower"}},
		{Name: "rename_columns", Parameters: p{"names": p{"old": "number"}}},
		{Name: "impute_missing", Parameters: p{"columns": []any{"number"}, "strategy": "mean"}},
		{Name: "drop_columns", Parameters: p{"columns": []any{"more"}}},
	}, preprocess.SchemaOf(raw), preprocess.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := r.Fit(t.Context(), preprocess.Frames{raw}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var columns []pipeline.Input
	var names []string
	for _, c := range raw.Columns() {
		columns = append(columns, pipeline.InputOf(c))
	}
	for _, in := range m.Inputs() {
		names = append(names, in.Name)
	}
	c, err := pipeline.NewCarried(columns, fitted.Steps(), names)
	if err != nil {
		t.Fatal(err)
	}
	carrying, err := m.Carry(c)
	if err != nil {
		t.Fatal(err)
	}
	return carrying, raw
}

func TestCarry(t *testing.T) {
	t.Parallel()
	m, raw := carried(t)
	if got := predict(t, m, raw); !slices.Equal(got, []float64{110.5, 223.5}) {
		t.Errorf("%v", got)
	}
	// Nothing comes of the column more, though steps looked at it.
	if got := predict(t, m, raw.Without("more")); !slices.Equal(got, []float64{110.5, 223.5}) {
		t.Errorf("without a column that is not needed: %v", got)
	}
	floats := newFrame(t, append(slices.Clone(raw.Without("count", "flag", "old").Columns()), frame.NewFloat("count", []float64{10, 20}),
		frame.NewFloat("flag", []float64{math.NaN(), 1}), frame.NewFloat("old", []float64{math.NaN(), 1.5}))...)
	if got := predict(t, m, floats); !slices.Equal(got, []float64{111, 223.5}) {
		t.Errorf("numbers of other types: %v", got)
	}
	if got := m.Unseen(newFrame(t, append(slices.Clone(raw.Without("word").Columns()), text("word", "B", "new"))...)); got["word"] != 1 {
		t.Errorf("unseen %v", got)
	}
	if got := m.Unseen(raw.Without("old")); len(got) != 0 {
		t.Errorf("unseen %v", got)
	}
	inner, err := m.Prepared()
	if err != nil || inner.Recipes() != 0 || m.Recipes() != 1 {
		t.Fatalf("prepared: %v", err)
	}
	if same, err := inner.Prepared(); err != nil || same != inner {
		t.Error("a model without a recipe becomes another")
	}
	_, x := setup(t)
	if got := predict(t, inner, x); !slices.Equal(got, []float64{110.5, 223.5}) {
		t.Errorf("rows that were prepared: %v", got)
	}
}

func TestCarryRefuses(t *testing.T) {
	t.Parallel()
	m, raw := carried(t)
	out := make([]float64, 2)
	wantCode(t, m.Predict(raw.Without("old"), out), "missing_column", `lacks the column "old"`)
	wantCode(t, m.Predict(newFrame(t, append(slices.Clone(raw.Without("count").Columns()), frame.NewFloat("count", []float64{1, 1.5}))...), out), "column_type", "1.5 in row 2")
	wantCode(t, m.Predict(newFrame(t, append(slices.Clone(raw.Without("flag").Columns()), frame.NewFloat("flag", []float64{1, 2}))...), out), "column_type", "2 in row 2")
	wantCode(t, m.Predict(newFrame(t, append(slices.Clone(raw.Without("old").Columns()), frame.NewFloat("old", []float64{1, math.Inf(1)}))...), out), "infinite_value", "row 2")
	_, err := pipeline.NewCarried(nil, m.Parts().Recipes[0].Steps, []string{"nowhere"})
	wantCode(t, err, "not_in_prediction", "leave it out")
	for name, c := range map[string]pipeline.Carried{
		"no steps":       {},
		"a column twice": {Inputs: []pipeline.Input{{Name: "a"}}, Others: []pipeline.Input{{Name: "a"}}, Steps: m.Parts().Recipes[0].Steps},
		"categories":     {Inputs: []pipeline.Input{{Name: "a", Type: frame.String, Categories: []string{"x"}}}, Steps: m.Parts().Recipes[0].Steps},
		"no name":        {Inputs: []pipeline.Input{{}}, Steps: m.Parts().Recipes[0].Steps},
		"other columns":  {Inputs: []pipeline.Input{{Name: "a"}}, Steps: m.Parts().Recipes[0].Steps},
	} {
		if _, err := m.Carry(c); err == nil {
			t.Errorf("%s: it is carried", name)
		}
	}
}
