package ml_test

import (
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/narrativeml/narrative/ml"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	if got := (ml.Options{}).Workers(); got != runtime.GOMAXPROCS(0) {
		t.Errorf("%d workers without a number, want %d", got, runtime.GOMAXPROCS(0))
	}
	if got := (ml.Options{Threads: 3}).Workers(); got != 3 {
		t.Errorf("%d workers, want 3", got)
	}
	if got := (ml.Options{Threads: math.MaxInt}).Workers(); got != ml.MaxThreads {
		t.Errorf("%d workers of as many as there are numbers, want %d", got, ml.MaxThreads)
	}
	ml.Options{}.Record(ml.Progress{Stage: "nobody listens"})
	var got ml.Progress
	o := ml.Options{Recorder: ml.RecorderFunc(func(p ml.Progress) { got = p })}
	want := ml.Progress{Stage: "a", Fraction: 0.5, Message: "b"}
	if o.Record(want); got != want {
		t.Errorf("the progress is %+v, want %+v", got, want)
	}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	y := ml.Target{Task: ml.Multiclass, Values: []float64{0, 2, 2}, Classes: []string{"a", "b", "c"}}
	if err := y.ValidateTraining(3); err != nil {
		t.Errorf("a good target is refused: %v", err)
	}
	if y.Outputs() != 3 || y.Weight(1) != 1 {
		t.Errorf("%d outputs, weight %v", y.Outputs(), y.Weight(1))
	}
	y.Weights = []float64{1, 2, 3}
	if y.Weight(1) != 2 {
		t.Errorf("the weight is %v, want 2", y.Weight(1))
	}
	constant := ml.Target{Task: ml.Regression, Values: []float64{3, 3}}
	if err := constant.ValidateTraining(2); err != nil || constant.Outputs() != 1 {
		t.Errorf("a constant value is refused: %v, %d outputs", err, constant.Outputs())
	}
}

func TestTargetRefuses(t *testing.T) {
	t.Parallel()
	two := []string{"no", "yes"}
	tests := map[string]struct {
		y    ml.Target
		rows int
		code string
		row  int
	}{
		"task":              {ml.Target{Task: "x", Values: []float64{1}}, 1, "unknown_task", -1},
		"length":            {ml.Target{Task: ml.Regression, Values: []float64{1}}, 2, "target_length", -1},
		"weights":           {ml.Target{Task: ml.Regression, Values: []float64{1}, Weights: []float64{}}, 1, "weights_length", -1},
		"rows":              {ml.Target{Task: ml.Regression}, 0, "no_rows", -1},
		"binary classes":    {ml.Target{Task: ml.Binary, Values: []float64{0}, Classes: []string{"a"}}, 1, "class_count", -1},
		"multiclass":        {ml.Target{Task: ml.Multiclass, Values: []float64{0}, Classes: []string{"a"}}, 1, "class_count", -1},
		"regression":        {ml.Target{Task: ml.Regression, Values: []float64{0}, Classes: two}, 1, "class_count", -1},
		"class twice":       {ml.Target{Task: ml.Multiclass, Values: []float64{0, 1}, Classes: []string{"a", "b", "a"}}, 2, "duplicate_class", -1},
		"missing":           {ml.Target{Task: ml.Regression, Values: []float64{1, math.NaN()}}, 2, "missing_target", 1},
		"infinite":          {ml.Target{Task: ml.Regression, Values: []float64{math.Inf(-1)}}, 1, "infinite_target", 0},
		"half a class":      {ml.Target{Task: ml.Binary, Values: []float64{0, 0.5}, Classes: two}, 2, "unknown_class", 1},
		"negative class":    {ml.Target{Task: ml.Binary, Values: []float64{-1, 1}, Classes: two}, 2, "unknown_class", 0},
		"no weight":         {ml.Target{Task: ml.Binary, Values: []float64{0, 1}, Classes: two, Weights: []float64{1, 0}}, 2, "bad_weight", 1},
		"one class":         {ml.Target{Task: ml.Binary, Values: []float64{1, 1}, Classes: two}, 2, "constant_target", -1},
		"one row, one kind": {ml.Target{Task: ml.Multiclass, Values: []float64{1}, Classes: two}, 1, "constant_target", -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.y.ValidateTraining(test.rows)
			var e *ml.InputError
			if !errors.As(err, &e) || e.Code != test.code || e.Row != test.row || e.Error() == "ml: " {
				t.Errorf("the error is %+v, want %s of row %d", err, test.code, test.row)
			}
		})
	}
}
