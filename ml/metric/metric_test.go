package metric_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// TestReference compares with the values of another implementation.
func TestReference(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Name    string             `json:"name"`
		Task    ml.Task            `json:"task"`
		Classes []string           `json:"classes"`
		Y       []float64          `json:"y"`
		Outputs []float64          `json:"outputs"`
		Weights []float64          `json:"weights"`
		Scores  map[string]float64 `json:"scores"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		t.Run(string(r.Task)+"/"+r.Name, func(t *testing.T) {
			t.Parallel()
			y := ml.Target{Task: r.Task, Values: r.Y, Classes: r.Classes, Weights: r.Weights}
			for _, name := range metric.Names(r.Task) {
				want, ok := r.Scores[name]
				if !ok {
					t.Fatalf("no reference for %s", name)
				}
				got, err := metric.Score(name, y, r.Outputs)
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) {
					t.Errorf("%s is %v, want %v", name, got, want)
				}
			}
			if names := metric.Names(r.Task); len(names) != len(r.Scores) {
				t.Errorf("the names are %v, the references %v", names, slices.Collect(maps.Keys(r.Scores)))
			}
		})
	}
}

// TestDirection checks that a perfect prediction beats a poor one.
func TestDirection(t *testing.T) {
	t.Parallel()
	for _, task := range []ml.Task{ml.Binary, ml.Multiclass, ml.Regression} {
		y := ml.Target{Task: task, Values: []float64{0, 1, 0, 1}, Classes: []string{"no", "yes"}}
		perfect, poor := []float64{1, 0, 0, 1, 1, 0, 0, 1}, []float64{0.4, 0.6, 0.6, 0.4, 0.9, 0.1, 0.6, 0.4}
		if task == ml.Regression {
			y.Classes = nil
			perfect, poor = y.Values, []float64{1, 0, 0.4, 3}
		}
		for _, name := range metric.Names(task) {
			best, err := metric.Score(name, y, perfect)
			if err != nil {
				t.Fatal(err)
			}
			other, err := metric.Score(name, y, poor)
			if err != nil {
				t.Fatal(err)
			}
			if best == other || metric.HigherIsBetter(name) != (best > other) {
				t.Errorf("%s is %v for a perfect and %v for a poor prediction, higher is better: %t", name, best, other, metric.HigherIsBetter(name))
			}
		}
	}
	if metric.Names("ranking") != nil {
		t.Error("an unknown task has metrics")
	}
}

func TestScoreRefuses(t *testing.T) {
	t.Parallel()
	binary := ml.Target{Task: ml.Binary, Values: []float64{0, 1}, Classes: []string{"no", "yes"}}
	value := ml.Target{Task: ml.Regression, Values: []float64{1, 2}}
	with := func(t ml.Target, values ...float64) ml.Target { t.Values = values; return t }
	good := []float64{0.5, 0.5, 0.2, 0.8}
	tests := map[string]struct {
		metric  string
		y       ml.Target
		outputs []float64
		code    string
		row     int
	}{
		"unknown metric":        {"gini", binary, good, "unknown_metric", -1},
		"metric of other task":  {metric.RMSE, binary, good, "unknown_metric", -1},
		"binary metric":         {metric.ROCAUC, ml.Target{Task: ml.Multiclass, Values: []float64{0}, Classes: []string{"a", "b", "c"}}, []float64{1, 0, 0}, "unknown_metric", -1},
		"too few outputs":       {metric.Accuracy, binary, good[:2], "outputs_length", -1},
		"NaN":                   {metric.Accuracy, binary, []float64{0.5, 0.5, math.NaN(), 0.8}, "bad_output", 1},
		"infinite":              {metric.RMSE, value, []float64{1, math.Inf(1)}, "bad_output", 1},
		"beyond 1":              {metric.LogLoss, binary, []float64{-0.1, 1.1, 0.2, 0.8}, "bad_output", 0},
		"no rows":               {metric.RMSE, with(value), nil, "no_rows", -1},
		"one class, AUC":        {metric.ROCAUC, with(binary, 1, 1), good, "one_class", -1},
		"one class, precision":  {metric.AveragePrecision, with(binary, 0, 0), good, "one_class", -1},
		"one row, r2":           {metric.R2, with(value, 1), []float64{1}, "too_few_rows", -1},
		"class out of range":    {metric.Accuracy, with(binary, 0, 2), good, "unknown_class", 1},
		"unknown task":          {metric.Accuracy, ml.Target{Task: "x", Values: []float64{1}}, []float64{1}, "unknown_task", -1},
		"a weight of zero":      {metric.RMSE, ml.Target{Task: ml.Regression, Values: []float64{1, 2}, Weights: []float64{1, 0}}, []float64{1, 2}, "bad_weight", 1},
		"a missing target":      {metric.RMSE, with(value, 1, math.NaN()), []float64{1, 2}, "missing_target", 1},
		"outputs for more rows": {metric.RMSE, value, []float64{1, 2, 3}, "outputs_length", -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := metric.Score(test.metric, test.y, test.outputs)
			var e *ml.InputError
			if !errors.As(err, &e) || e.Code != test.code || e.Row != test.row || e.Message == "" {
				t.Errorf("the error is %+v, want %s of row %d", err, test.code, test.row)
			}
		})
	}
}

// TestLargeWeights checks that the scale of the weights does not matter.
func TestLargeWeights(t *testing.T) {
	t.Parallel()
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 1, 0, 1}, Classes: []string{"no", "yes"}}
	out := []float64{0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.2, 0.8}
	for _, name := range metric.Names(ml.Binary) {
		y.Weights = []float64{1, 2, 4, 1}
		want, err := metric.Score(name, y, out)
		if err != nil {
			t.Fatal(err)
		}
		for i := range y.Weights {
			y.Weights[i] *= 0x1p1020
		}
		if got, err := metric.Score(name, y, out); err != nil || got != want {
			t.Errorf("%s is %v with large weights, want %v (%v)", name, got, want, err)
		}
	}
}

// TestConstantTarget checks r2 where the mean of equal values is rounded.
func TestConstantTarget(t *testing.T) {
	t.Parallel()
	y := ml.Target{Task: ml.Regression, Values: slices.Repeat([]float64{0.1}, 7)}
	for prediction, want := range map[float64]float64{0.1: 1, 0.2: 0} {
		if got, err := metric.Score(metric.R2, y, slices.Repeat([]float64{prediction}, 7)); err != nil || got != want {
			t.Errorf("r2 is %v for %v, want %v (%v)", got, prediction, want, err)
		}
	}
}

func ExampleScore() {
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 0, 1, 1}, Classes: []string{"stays", "leaves"}}
	outputs := []float64{
		0.9, 0.1,
		0.6, 0.4,
		0.65, 0.35,
		0.2, 0.8,
	}
	auc, err := metric.Score(metric.ROCAUC, y, outputs)
	fmt.Println(auc, err)
	_, err = metric.Score(metric.RMSE, y, outputs)
	fmt.Println(err)
	// Output:
	// 0.75 <nil>
	// ml: "rmse" is not a metric of a binary task; those are [roc_auc average_precision log_loss accuracy balanced_accuracy f1 f1_macro brier]
}

func BenchmarkScore(b *testing.B) {
	const rows = 100_000
	y := ml.Target{Task: ml.Binary, Values: make([]float64, rows), Classes: []string{"no", "yes"}}
	out := make([]float64, 2*rows)
	for i := range rows {
		y.Values[i] = float64(i % 2)
		p := math.Mod(float64(i)*0.618, 1)
		out[2*i], out[2*i+1] = 1-p, p
	}
	for _, name := range metric.Names(ml.Binary) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := metric.Score(name, y, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAbsurdOutputs checks that a metric stays a number that JSON can hold.
func TestAbsurdOutputs(t *testing.T) {
	t.Parallel()
	y := ml.Target{Task: ml.Regression, Values: []float64{1, 2, 4}}
	want := map[string]float64{metric.RMSE: math.MaxFloat64, metric.R2: -math.MaxFloat64, metric.MAE: 1e300 / 3, metric.MAPE: 1e300 / 3}
	for name, want := range want {
		got, err := metric.Score(name, y, []float64{1e300, 2, 4})
		if err != nil || math.Abs(got/want-1) > 1e-12 {
			t.Errorf("%s is %v, %v, want %v", name, got, err, want)
		}
	}
}
