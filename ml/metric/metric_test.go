package metric_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// TestDirection checks that a perfect prediction beats a poor one.
func TestDirection(t *testing.T) {
	t.Parallel()
	for _, task := range []ml.Task{ml.Binary, ml.Multiclass, ml.Regression} {
		y := ml.Target{Task: task, Values: []float64{0, 1, 0, 1}, Classes: []string{"no", "yes"}}
		perfect, poor := []float64{1, 0, 0, 1, 1, 0, 0, 1}, []float64{0.4, 0.6, 0.6, 0.4, 0.9, 0.1, 0.6, 0.4}
		switch task {
		case ml.Multiclass:
			y.Values, y.Classes = []float64{0, 1, 2, 3, 4, 5, 2}, []string{"a", "b", "c", "d", "e", "f"}
			perfect, poor = make([]float64, 42), make([]float64, 42)
			for i, v := range y.Values {
				perfect[6*i+int(v)] = 1
				poor[6*i+5-int(v)] = 1
			}
		case ml.Regression:
			y.Values, y.Classes = []float64{1, 2, 4, 7}, nil
			perfect, poor = y.Values, []float64{7, 1, 0.4, 3}
		case ml.Binary:
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
		"unknown metric":        {"luck", binary, good, "unknown_metric", -1},
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

// TestNearlyConstantTarget has values that differ in their last digits, so that
// the deviance of their mean is 0.
func TestNearlyConstantTarget(t *testing.T) {
	t.Parallel()
	values := []float64{1e6, 1e6 + 1e-8, 1e6 - 1e-8, 1e6 + 3e-9}
	y := ml.Target{Task: ml.Regression, Values: values}
	for _, name := range []string{"d2_poisson", "d2_gamma", "d2_tweedie"} {
		for want, outputs := range map[float64][]float64{1: values, 0: slices.Repeat([]float64{2e6}, 4)} {
			if got, err := metric.Score(name, y, outputs); err != nil || got != want {
				t.Errorf("%s is %v, %v, want %v", name, got, err, want)
			}
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
	// ml: "rmse" is not a metric of a binary task; those are roc_auc, average_precision, log_loss, accuracy, balanced_accuracy, precision, recall, specificity, f1, f2, f0_5, f1_macro, jaccard, mcc, cohen_kappa, brier, gini, ks
}

// TestAbsurdOutputs checks that a metric stays a number that JSON can hold.
func TestAbsurdOutputs(t *testing.T) {
	t.Parallel()
	y := ml.Target{Task: ml.Regression, Values: []float64{1, 2, 4}}
	want := map[string]float64{metric.RMSE: math.MaxFloat64, metric.R2: -math.MaxFloat64, metric.MAE: 1e300 / 3, metric.MAPE: 1e300 / 3, metric.SMAPE: 2.0 / 3}
	for name, want := range want {
		got, err := metric.Score(name, y, []float64{1e300, 2, 4})
		if err != nil || math.Abs(got/want-1) > 1e-12 {
			t.Errorf("%s is %v, %v, want %v", name, got, err, want)
		}
	}
	const top, tiny = math.MaxFloat64, math.SmallestNonzeroFloat64
	for _, values := range [][]float64{{1, 2, 4}, {top, 1, top / 2}, {tiny, 3 * tiny, 7 * tiny}, {-top, top, 0}, {0, 0, 1e-200}, {1e200, 1e-200, 1}} {
		y.Values = values
		for _, outputs := range [][]float64{{top, top, top}, {-top, top, -top}, {tiny, tiny, tiny}, {0, 0, 0}, {-tiny, 1e-200, 1e200}, {1e-200, 1e200, 1}, {1, 1e-300, 1e300}} {
			all, err := metric.All(y, outputs)
			if err != nil {
				t.Fatal(err)
			}
			for name, v := range all.Values {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%s of %v for %v is %v", name, outputs, values, v)
				}
			}
			for _, power := range []float64{-100, -1, 0, 1, 1.01, 1.99, 3, 100} {
				for _, f := range []func(ml.Target, []float64, float64) (float64, error){metric.Tweedie, metric.TweedieD2} {
					if v, err := f(y, outputs, power); err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
						t.Errorf("the deviance of power %v of %v for %v is %v", power, outputs, values, v)
					}
				}
			}
		}
	}
}

// undefined reports whether an error says why a metric has no value.
func undefined(err error) bool {
	var e *ml.InputError
	if !errors.As(err, &e) || e.Message == "" {
		return false
	}
	return slices.Contains([]string{metric.OneClass, metric.TooFewRows, metric.TooFewNames, metric.TargetRange, metric.OutputRange}, e.Code)
}

func BenchmarkScore(b *testing.B) {
	y, out := drawn(100_000, 2)
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

func BenchmarkAll(b *testing.B) {
	for _, classes := range []int{2, 10} {
		y, out := drawn(100_000, classes)
		b.Run(string(y.Task), func(b *testing.B) {
			for b.Loop() {
				if _, err := metric.All(y, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
