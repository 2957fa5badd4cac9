package binned_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

func TestFeatureCodec(t *testing.T) {
	t.Parallel()
	for _, f := range []binned.Feature{
		{Name: "a", Bounds: []float64{-1, 0, 2.5}},
		{Name: "b", Categorical: true, Categories: []string{"x", "", "y"}},
		{Name: "c", Bounds: []float64{}},
	} {
		b := binned.AppendFeature(nil, &f)
		if len(b) < binned.LeastFeature {
			t.Errorf("%q has %d bytes", f.Name, len(b))
		}
		r := wire.NewReader(b)
		back := binned.ReadFeature(r)
		if err := r.Close(); err != nil || !reflect.DeepEqual(back, f) {
			t.Errorf("%+v comes back as %+v with the error %v", f, back, err)
		}
	}
	many := make([]string, 256)
	steps := make([]float64, 255)
	for i := range many {
		many[i] = strings.Repeat("x", i)
	}
	for i := range steps {
		steps[i] = float64(i)
	}
	for want, f := range map[string]binned.Feature{
		"has no name":    {Bounds: []float64{1}},
		"do not ascend":  {Name: "a", Bounds: []float64{1, 1}},
		"is repeated":    {Name: "a", Categorical: true, Categories: []string{"x", "x"}},
		"256 categories": {Name: "a", Categorical: true, Categories: many},
		"255 bounds":     {Name: "a", Bounds: steps},
	} {
		r := wire.NewReader(binned.AppendFeature(nil, &f))
		binned.ReadFeature(r)
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	table := func(n int) *frame.Frame {
		x, err := frame.New(frame.NewString("a", make([]int32, n), []string{"x"}))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	target := func(values, weights []float64) ml.Target {
		return ml.Target{Task: ml.Regression, Values: values, Weights: weights}
	}
	one := []float64{1, 1}
	tests := map[string]struct {
		err  error
		code string
	}{
		"a row":            {binned.CheckTable(table(1)), ""},
		"no rows":          {binned.CheckTable(table(0)), "no_rows"},
		"no columns":       {binned.CheckTable(table(1).Without("a")), "no_columns"},
		"too many rows":    {binned.CheckTable(table(binned.MaxRows + 1)), "too_many_rows"},
		"a target":         {binned.CheckTarget(target([]float64{-1e100, 1e100}, []float64{1e-50, 1e50})), ""},
		"a large target":   {binned.CheckTarget(target([]float64{1, -1.1e100}, nil)), "target_magnitude"},
		"an endless one":   {binned.CheckTarget(target([]float64{1, math.Inf(1)}, nil)), "target_magnitude"},
		"a small weight":   {binned.CheckTarget(target(one, []float64{1, 0.9e-50})), "bad_weight"},
		"a large weight":   {binned.CheckTarget(target(one, []float64{1, 1.1e50})), "bad_weight"},
		"no weight at all": {binned.CheckTarget(target(one, []float64{1, 0})), "bad_weight"},
	}
	for name, test := range tests {
		var e *ml.InputError
		if errors.As(test.err, &e); test.code == "" && test.err != nil || test.code != "" && (e == nil || e.Code != test.code || e.Message == "") {
			t.Errorf("%s: the error is %v, want %q", name, test.err, test.code)
		}
	}
}
