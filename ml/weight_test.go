package ml_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
)

func TestBalancedClassWeights(t *testing.T) {
	t.Parallel()
	three := []string{"a", "b", "c"}
	tests := map[string]struct {
		y    ml.Target
		want []float64
	}{
		// n/(k*count): 8/(3*4), 8/(3*2), 8/(3*2).
		"counts":          {ml.Target{Task: ml.Multiclass, Classes: three, Values: []float64{0, 0, 1, 2, 0, 1, 0, 2}}, []float64{2.0 / 3, 4.0 / 3, 4.0 / 3}},
		"already even":    {ml.Target{Task: ml.Multiclass, Classes: three, Values: []float64{0, 1, 2}}, []float64{1, 1, 1}},
		"weights":         {ml.Target{Task: ml.Binary, Classes: three[:2], Values: []float64{0, 1, 1}, Weights: []float64{6, 1, 1}}, []float64{8.0 / 12, 8.0 / 4}},
		"a class without": {ml.Target{Task: ml.Multiclass, Classes: three, Values: []float64{0, 0, 0, 2}}, []float64{4.0 / 6, 1, 4.0 / 2}},
		"huge weights":    {ml.Target{Task: ml.Binary, Classes: three[:2], Values: []float64{0, 1}, Weights: []float64{math.MaxFloat64, math.MaxFloat64}}, []float64{1, 1}},
		"regression":      {ml.Target{Task: ml.Regression, Values: []float64{1, 2}}, nil},
	}
	for name, test := range tests {
		got := ml.BalancedClassWeights(test.y)
		if !slices.EqualFunc(got, test.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-15 }) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestWithClassWeights(t *testing.T) {
	t.Parallel()
	y := ml.Target{Task: ml.Binary, Classes: []string{"no", "yes"}, Values: []float64{0, 1, 0}, Weights: []float64{1, 2, 3}}
	got, err := y.WithClassWeights([]float64{10, 0.5})
	if err != nil || !slices.Equal(got.Weights, []float64{10, 1, 30}) || !slices.Equal(y.Weights, []float64{1, 2, 3}) {
		t.Errorf("%v, %v; the target has %v", got.Weights, err, y.Weights)
	}
	y.Weights = nil
	if got, err = y.WithClassWeights([]float64{10, 0.5}); err != nil || !slices.Equal(got.Weights, []float64{10, 0.5, 10}) || y.Weights != nil {
		t.Errorf("%v, %v; the target has %v", got.Weights, err, y.Weights)
	}
	balanced, err := y.WithClassWeights(ml.BalancedClassWeights(y))
	if err != nil || math.Abs(balanced.Weights[0]+balanced.Weights[2]-balanced.Weights[1]) > 1e-15 {
		t.Errorf("balanced weights are %v, %v", balanced.Weights, err)
	}
	huge := y
	huge.Weights = []float64{1, 1, math.MaxFloat64}
	for code, c := range map[string]struct {
		y       ml.Target
		weights []float64
		row     int
	}{
		"class_weights_not_for_task": {ml.Target{Task: ml.Regression, Values: []float64{1}}, nil, -1},
		"class_weights_length":       {y, []float64{1}, -1},
		"bad_class_weight":           {y, []float64{1, 0}, -1},
		"bad_weight":                 {huge, []float64{2, 1}, 2},
	} {
		_, err := c.y.WithClassWeights(c.weights)
		var e *ml.InputError
		if !errors.As(err, &e) || e.Code != code || e.Row != c.row || e.Message == "" {
			t.Errorf("the error is %+v, want %s of row %d", err, code, c.row)
		}
	}
	for _, w := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := y.WithClassWeights([]float64{1, w}); err == nil {
			t.Errorf("a class weight of %v is taken", w)
		}
	}
}
