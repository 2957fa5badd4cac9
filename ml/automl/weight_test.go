package automl_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
)

// survey is a table whose rows stand for different numbers of people.
func survey(t *testing.T, rows int, weight func(i int) float64) *frame.Frame {
	t.Helper()
	return newFrame(t,
		nums("age", rows, func(i int) float64 { return float64(i * i % 61) }),
		strs("town", rows, func(i int) string { return fmt.Sprint("t", i%5) }),
		nums("weight", rows, weight),
		strs("target", rows, func(i int) string {
			return map[bool]string{true: "yes", false: "no"}[(i*i%61 > 40) != (i%7 == 0)]
		}))
}

func weighted() automl.Params {
	p := quick()
	p.PositiveClass, p.WeightColumn = "yes", "weight"
	return p
}

// uneven is a weight from 1 to 4 that goes with the age, and so with the target.
func uneven(i int) float64 { return float64(1 + i*i%61/16) }

// TestWeightsCount looks for the weights in what is learned, in every score and
// in what is kept.
func TestWeightsCount(t *testing.T) {
	t.Parallel()
	x := survey(t, 400, uneven)
	p := weighted()
	for _, algorithm := range automl.Algorithms() {
		p.Algorithms = []string{algorithm}
		r := train(t, p, x, automl.Options{})
		for _, in := range r.Model.Inputs() {
			if in.Name == "weight" {
				t.Errorf("%s learns from the weight", algorithm)
			}
		}
		plain := p
		plain.WeightColumn, plain.Features = "", []string{"age", "town"}
		if other := train(t, plain, x, automl.Options{}); other.Holdout.Weights != nil || slices.Equal(other.Holdout.Outputs, r.Holdout.Outputs) {
			t.Errorf("%s learns the same without weights, or keeps some", algorithm)
		}
		for _, part := range []automl.Predictions{r.OutOfFold, r.Holdout} {
			for k, row := range part.Rows {
				if part.Weights[k] != uneven(row) {
					t.Fatalf("the weight of row %d is %v, want %v", row, part.Weights[k], uneven(row))
				}
			}
		}
		y := ml.Target{Task: ml.Binary, Classes: r.Model.Classes(), Values: r.Holdout.Labels, Weights: r.Holdout.Weights}
		for name, want := range r.Leaderboard[0].Holdout {
			if got, err := metric.Score(name, y, r.Holdout.Outputs); err != nil || got != want {
				t.Errorf("%s: %s is %v, %v, on the leaderboard %v", algorithm, name, got, err, want)
			}
		}
		y.Weights = nil
		if got, err := metric.Score("log_loss", y, r.Holdout.Outputs); err != nil || got == r.Leaderboard[0].Holdout["log_loss"] {
			t.Errorf("%s: the log_loss without weights is the same, %v", algorithm, err)
		}
	}
	// The baseline is the share of the weights of the positive class.
	p.Algorithms = []string{"baseline"}
	r := train(t, p, x, automl.Options{})
	sum, positive := 0.0, 0.0
	for k, row := range r.OutOfFold.Rows {
		sum += uneven(row)
		positive += uneven(row) * r.OutOfFold.Labels[k]
	}
	if got := r.Holdout.Outputs[1]; math.Abs(got-positive/sum) > 1e-12 {
		t.Errorf("the baseline predicts %v, want %v", got, positive/sum)
	}
}

// TestRowsOfWeightZero are as if they were not there.
func TestRowsOfWeightZero(t *testing.T) {
	t.Parallel()
	x := survey(t, 500, func(i int) float64 {
		if i%5 == 3 {
			return 0
		}
		return uneven(i)
	})
	var rows []int
	for i := range x.Rows() {
		if i%5 != 3 {
			rows = append(rows, i)
		}
	}
	p := weighted()
	got, want := train(t, p, x, automl.Options{}), train(t, p, x.Take(rows), automl.Options{})
	if !bytes.Equal(write(t, got.Model), write(t, want.Model)) || !slices.Equal(got.Holdout.Outputs, want.Holdout.Outputs) {
		t.Error("rows of weight 0 change the model")
	}
	for k, row := range want.HoldoutRows {
		if got.HoldoutRows[k] != rows[row] {
			t.Fatalf("row %d is held out, want %d", got.HoldoutRows[k], rows[row])
		}
	}
	if notes := strings.Join(got.Notes, "\n"); !strings.Contains(notes, `100 rows were left out: the weight "weight" is 0 there.`) {
		t.Errorf("the notes are %s", notes)
	}
}

// TestWeightsBelongToTheCall interrupts a weighted call and offers its
// checkpoints to one of other weights.
func TestWeightsBelongToTheCall(t *testing.T) {
	t.Parallel()
	x := survey(t, 300, uneven)
	p := weighted()
	whole := newMemory()
	want := train(t, p, x, automl.Options{Checkpoint: whole, Threads: 1})
	half := newMemory()
	for _, key := range whole.order[:len(whole.order)/2] {
		half.data[key] = whole.data[key]
	}
	equalResults(t, train(t, p, x, automl.Options{Checkpoint: half, Threads: 3}), want)
	if half.loaded < len(whole.order)/2 {
		t.Errorf("%d of %d checkpoints are used", half.loaded, len(whole.order)/2)
	}
	other := with(t, x, nums("weight", 300, func(i int) float64 { return uneven(i + 1) }))
	borrowed := newMemory()
	maps.Copy(borrowed.data, whole.data)
	equalResults(t, train(t, p, other, automl.Options{Checkpoint: borrowed}), train(t, p, other, automl.Options{}))
}

func TestBadWeights(t *testing.T) {
	t.Parallel()
	at := func(v float64) func(t *testing.T) *frame.Frame {
		return func(t *testing.T) *frame.Frame {
			t.Helper()
			return survey(t, 100, func(i int) float64 { return map[bool]float64{true: v, false: 1}[i == 30] })
		}
	}
	usual := at(1)
	for _, c := range []struct {
		name, code, column, parameter, text string
		row                                 int // from 1
		table                               func(t *testing.T) *frame.Frame
		change                              func(p *automl.Params)
	}{
		{name: "no such column", code: "unknown_column", column: "mass", parameter: "weight_column", table: usual, change: func(p *automl.Params) { p.WeightColumn = "mass" }},
		{name: "words", code: "column_type", column: "town", parameter: "weight_column", text: "of type string", table: usual, change: func(p *automl.Params) { p.WeightColumn = "town" }},
		{name: "target", code: "weight_is_target", parameter: "weight_column", table: usual, change: func(p *automl.Params) { p.WeightColumn = "target" }},
		{name: "feature", code: "weight_is_feature", parameter: "weight_column", table: usual, change: func(p *automl.Params) { p.Features = []string{"age", "weight"} }},
		{name: "negative", code: "bad_weight", column: "weight", row: 31, text: "is -1 in row 31, it should be 0 or between 1e-12 and 1e+12", table: at(-1)},
		{name: "missing", code: "missing_value", column: "weight", row: 31, table: at(math.NaN())},
		{name: "infinite", code: "infinite_value", column: "weight", row: 31, table: at(math.Inf(1))},
		{name: "minus infinite", code: "infinite_value", column: "weight", row: 31, table: at(math.Inf(-1))},
		{name: "enormous", code: "bad_weight", column: "weight", row: 31, table: at(1e13)},
		{name: "tiny", code: "bad_weight", column: "weight", row: 31, table: at(1e-13)},
		{name: "all zero", code: "zero_weights", column: "weight", table: func(t *testing.T) *frame.Frame {
			t.Helper()
			return survey(t, 100, func(int) float64 { return 0 })
		}},
		{name: "nearly all zero", code: "too_few_rows", text: "19 rows", table: func(t *testing.T) *frame.Frame {
			t.Helper()
			return survey(t, 100, func(i int) float64 { return map[bool]float64{true: 1}[i < 19] })
		}},
		{name: "one class left", code: "target_constant", column: "target", table: func(t *testing.T) *frame.Frame {
			t.Helper()
			x := survey(t, 100, uneven)
			y, _ := x.Column("target")
			return with(t, x, nums("weight", 100, func(i int) float64 { return map[bool]float64{true: 1}[y.Text(i) == "no"] }))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := weighted()
			p.PositiveClass = ""
			if c.change != nil {
				c.change(&p)
			}
			_, err := automl.Train(t.Context(), p, c.table(t), automl.Options{})
			e := wantCode(t, err, c.code)
			if e.Column != c.column || e.Parameter != c.parameter || e.Row != c.row-1 || !strings.Contains(e.Message, c.text) {
				t.Errorf("the error is %+v", e)
			}
		})
	}
}
