package automl_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// shop is a messy table whose target depends on what a recipe makes of it.
func shop(t *testing.T, rows int) *frame.Frame {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	city, price, count, y := make([]string, rows), make([]float64, rows), make([]int64, rows), make([]string, rows)
	for i := range rows {
		city[i] = []string{" Oslo", "oslo ", "ROME", "rome", "Kyiv"}[r.IntN(5)]
		price[i], count[i] = math.Round(100*r.ExpFloat64()), int64(1+r.IntN(9))
		y[i] = "no"
		if price[i]*float64(count[i])+20*r.NormFloat64() > 300 {
			y[i] = "yes"
		}
		if i%11 == 0 {
			price[i] = math.NaN()
		}
	}
	return newFrame(t, frame.StringsOf("city", city, nil), frame.NewFloat("price", price), frame.NewInt("count", frame.Int, count, nil), frame.StringsOf("y", y, nil))
}

func environment() preprocess.Environment {
	return preprocess.Environment{Expressions: expression.Compiler{}}
}

func bind(t *testing.T, x *frame.Frame, specs ...preprocess.Spec) *preprocess.Recipe {
	t.Helper()
	r, err := preprocess.Bind(specs, preprocess.SchemaOf(x.Without("y")), environment())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func cleaning() []preprocess.Spec {
	type p = map[string]any
	return []preprocess.Spec{
		{Name: "trim_text"},
		{Name: "change_case", Parameters: p{"case": "lower"}},
		{Name: "sample_rows", Parameters: p{"fraction": 0.9}},
		{Name: "filter_rows", Parameters: p{"condition": "price < 900.0 || missing(price)"}},
		{Name: "impute_missing", Parameters: p{"columns": []any{"price"}, "strategy": "mean"}},
		{Name: "derive_column", Parameters: p{"name": "total", "expression": "price * double(count)"}},
		{Name: "scale_numbers", Parameters: p{"columns": []any{"total"}}},
		{Name: "encode_one_hot", Parameters: p{"columns": []any{"city"}}},
		{Name: "sort_rows", Parameters: p{"columns": []any{"total"}}},
		{Name: "drop_columns", Parameters: p{"columns": []any{"count"}}},
	}
}

// TestRecipe trains with steps and predicts rows as they were before.
func TestRecipe(t *testing.T) {
	t.Parallel()
	x := shop(t, 400)
	for _, algorithm := range []string{artifact.Linear, artifact.GBDT, artifact.Forest} {
		p := params("y")
		p.Algorithms, p.Folds, p.Trees, p.Recipe = []string{algorithm}, 3, 20, bind(t, x, cleaning()...)
		saved := &drawers{kept: map[string][]byte{}}
		r := train(t, p, x, automl.Options{Threads: 2, Checkpoint: saved})
		if len(r.OutOfFold.Rows) != len(r.TrainRows) || len(r.HoldoutRows) != 80 {
			t.Errorf("%s: %d rows are tested on of %d, and %d held out", algorithm, len(r.OutOfFold.Rows), len(r.TrainRows), len(r.HoldoutRows))
		}
		if auc := r.Leaderboard[0].Holdout["roc_auc"]; auc < 0.9 {
			t.Errorf("%s: %v", algorithm, auc)
		}
		var file bytes.Buffer
		if err := artifact.Write(&file, r.Model); err != nil {
			t.Fatal(err)
		}
		if _, err := artifact.Read(bytes.NewReader(file.Bytes())); err == nil {
			t.Error("expressions are read without a compiler")
		}
		back, err := artifact.ReadWith(bytes.NewReader(file.Bytes()), environment())
		if err != nil {
			t.Fatal(err)
		}
		held := x.Take(r.HoldoutRows).Without("y")
		whole := make([]float64, held.Rows()*2)
		if err := back.Predict(held, whole); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(whole, r.Holdout.Outputs) {
			t.Errorf("%s: rows are predicted otherwise than in training", algorithm)
		}
		for i := range held.Rows() {
			one := make([]float64, 2)
			if err := back.Predict(held.Take([]int{i}), one); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(one, whole[2*i:2*i+2]) {
				t.Fatalf("%s: row %d alone gets %v, among others %v", algorithm, i, one, whole[2*i:2*i+2])
			}
		}
		again := train(t, p, x, automl.Options{Threads: 1, Checkpoint: saved})
		if got := modelBytes(t, again); !bytes.Equal(got, file.Bytes()) {
			t.Errorf("%s: another model from checkpoints", algorithm)
		}
		p.Recipe = bind(t, x, cleaning()[:5]...)
		if other := train(t, p, x, automl.Options{Checkpoint: saved}); bytes.Equal(modelBytes(t, other), file.Bytes()) {
			t.Errorf("%s: checkpoints of another recipe are taken", algorithm)
		}
	}
}

func modelBytes(t *testing.T, r *automl.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := artifact.Write(&b, r.Model); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// drawers keep checkpoints.
type drawers struct{ kept map[string][]byte }

func (d *drawers) Load(_ context.Context, name string) ([]byte, bool, error) {
	b, ok := d.kept[name]
	return b, ok, nil
}

func (d *drawers) Save(_ context.Context, name string, b []byte) error {
	d.kept[name] = bytes.Clone(b)
	return nil
}

// TestRecipeLearnsOfItsRowsAlone changes rows that a fit may not see: neither the
// model nor what a fold predicts may change.
func TestRecipeLearnsOfItsRowsAlone(t *testing.T) {
	t.Parallel()
	x := shop(t, 300)
	p := params("y")
	p.Algorithms, p.Folds = []string{artifact.Linear}, 3
	p.Recipe = bind(t, x, preprocess.Spec{Name: "impute_missing", Parameters: map[string]any{"strategy": "mean"}},
		preprocess.Spec{Name: "cap_outliers"}, preprocess.Spec{Name: "encode_frequency"})
	before := train(t, p, x, automl.Options{})
	poison := func(rows ...int) *automl.Result {
		c, _ := x.Column("price")
		values := slices.Clone(c.Floats())
		for _, row := range rows {
			values[row] = 1e9
		}
		columns := slices.Clone(x.Columns())
		columns[1] = frame.NewFloat("price", values)
		return train(t, p, newFrame(t, columns...), automl.Options{})
	}
	if after := poison(before.HoldoutRows...); !bytes.Equal(modelBytes(t, after), modelBytes(t, before)) {
		t.Error("what is held out changes the model")
	}
	after := poison(before.TrainRows[5])
	same := 0
	for i := range before.OutOfFold.Rows {
		if before.OutOfFold.Outputs[2*i] == after.OutOfFold.Outputs[2*i] {
			same++
		}
	}
	// The fold of the changed row learns of others only.
	if third := len(before.TrainRows) / 3; same < third-2 || same > third+2 {
		t.Errorf("%d of %d rows are predicted as before, want those of one fold", same, len(before.TrainRows))
	}
}

func TestRecipesThatCannotBeLearned(t *testing.T) {
	t.Parallel()
	x := shop(t, 200)
	type p = map[string]any
	for name, c := range map[string]struct {
		code  string
		specs []preprocess.Spec
	}{
		"makes rows":      {"rows_are_made", []preprocess.Spec{{Name: "group_rows", Parameters: p{"by": []any{"city"}, "values": p{"n": "count()"}}}}},
		"leaves no rows":  {"no_rows_left", []preprocess.Spec{{Name: "filter_rows", Parameters: p{"condition": "price > 1e9"}}}},
		"leaves nothing":  {"no_features", []preprocess.Spec{{Name: "derive_column", Parameters: p{"name": "one", "expression": "1.0"}}, {Name: "select_columns", Parameters: p{"columns": []any{"one"}}}}},
		"marks rows":      {"not_in_prediction", []preprocess.Spec{{Name: "split_rows"}}},
		"reads the marks": {"not_in_prediction", []preprocess.Spec{{Name: "split_rows"}, {Name: "derive_column", Parameters: p{"name": "test", "expression": `split == "test" ? 1.0 : 0.0`}}, {Name: "drop_columns", Parameters: p{"columns": []any{"split"}}}}},
	} {
		r := params("y")
		r.Recipe = bind(t, x, c.specs...)
		_, err := automl.Train(t.Context(), r, x, automl.Options{})
		if wantCode(t, err, c.code); t.Failed() {
			t.Fatal(name, fmt.Sprint(err))
		}
	}
}
