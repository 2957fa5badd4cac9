package preprocess_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// fitting fits a step of one kind on the columns named.
type fitting func(ctx context.Context, x *frame.Frame, columns []string, weights ...float64) (preprocess.Step, error)

// adapt makes a fitting of a Fit function; with sets the columns.
func adapt[P any, S preprocess.Step](fit func(context.Context, *frame.Frame, P, ...float64) (S, error), with func(columns []string) P) fitting {
	return func(ctx context.Context, x *frame.Frame, columns []string, weights ...float64) (preprocess.Step, error) {
		s, err := fit(ctx, x, with(columns), weights...)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// fittings returns every Fit function with what it is for: a column of strings,
// numbers or dates.
func fittings() map[string]map[string]fitting {
	categories := func(c []string) preprocess.CategoryParams {
		p := preprocess.DefaultCategoryParams()
		p.Columns = c
		return p
	}
	return map[string]map[string]fitting{
		"s": {
			"group": adapt(preprocess.FitGroup, categories), "one-hot": adapt(preprocess.FitOneHot, categories), "ordinal": adapt(preprocess.FitOrdinal, categories),
			"frequency": adapt(preprocess.FitFrequency, func(c []string) preprocess.FrequencyParams { return preprocess.FrequencyParams{Columns: c} }),
		},
		"n": {
			"median": adapt(preprocess.FitImpute, func(c []string) preprocess.ImputeParams {
				return preprocess.ImputeParams{Columns: c, Strategy: preprocess.Median}
			}),
			"mean": adapt(preprocess.FitImpute, func(c []string) preprocess.ImputeParams {
				return preprocess.ImputeParams{Columns: c, Strategy: preprocess.Mean}
			}),
			"standard": adapt(preprocess.FitScale, func(c []string) preprocess.ScaleParams {
				return preprocess.ScaleParams{Columns: c, Method: preprocess.Standard}
			}),
			"robust": adapt(preprocess.FitScale, func(c []string) preprocess.ScaleParams {
				return preprocess.ScaleParams{Columns: c, Method: preprocess.Robust, Low: 0.1, High: 0.9}
			}),
			"variance": adapt(preprocess.FitVariance, func(c []string) preprocess.VarianceParams {
				return preprocess.VarianceParams{Columns: c, Threshold: 100}
			}),
			"correlation": adapt(preprocess.FitCorrelation, func(c []string) preprocess.CorrelationParams {
				return preprocess.CorrelationParams{Columns: c, Limit: 0.5}
			}),
		},
		"at": {"dates": adapt(preprocess.FitDates, func(c []string) preprocess.DateParams {
			return preprocess.DateParams{Columns: c, Parts: []preprocess.Part{preprocess.Hour}, Cycles: []preprocess.Part{preprocess.Hour}}
		})},
	}
}

func mixed(tb testing.TB) *frame.Frame {
	tb.Helper()
	return newFrame(tb,
		text("s", "a", "b", "-", "a"), text("s2", "a", "b", "c", "-"),
		frame.NewFloat("n", []float64{1, 2, nan, 9}), frame.NewFloat("n2", []float64{1, 2, 3, 9}),
		instants("at", "2024-02-29T00:00:00Z", "2024-02-29T05:00:00Z", "-", "-"), instants("at2", "2024-02-29T00:00:00Z", "2024-02-29T05:00:00Z", "-", "-"))
}

// TestColumns fits every step on one column of two: the other one stays.
func TestColumns(t *testing.T) {
	t.Parallel()
	x := mixed(t)
	for of, list := range fittings() {
		for name, fit := range list {
			s, err := fit(t.Context(), x, []string{of})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got := apply(t, s, nil, x)
			for _, c := range x.Columns() {
				now, ok := got.Column(c.Name())
				same := ok && now.Type() == c.Type() && now.Nulls() == c.Nulls() && now.Float(0) == c.Float(0)
				if c.Name() != of && c.Type() != frame.String && !same && !math.IsNaN(c.Float(0)) || c.Name() != of && !ok {
					t.Errorf("%s of %q changes column %q", name, of, c.Name())
				}
			}
			_, err = fit(t.Context(), x, []string{of, "nothing"})
			wantCode(t, err, "missing_column")
			_, err = fit(t.Context(), x, []string{of, of})
			wantCode(t, err, "duplicate_column")
			_, err = fit(t.Context(), x, []string{map[string]string{"s": "n", "n": "s", "at": "n"}[of]})
			wantCode(t, err, "column_type")
			if all, err := fit(t.Context(), x, nil); err != nil || all == nil {
				t.Errorf("%s of every column: %v", name, err)
			}
		}
	}
	drop, err := preprocess.FitDrop(t.Context(), newFrame(t, text("a", "x", "x"), text("b", "x", "x")), preprocess.DropParams{Columns: []string{"b"}, FewTexts: 1})
	if got := apply(t, drop, err, newFrame(t, text("a", "x"), text("b", "x"))).Names(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%q are left", got)
	}
}

// TestBadTables fits every step on tables that are odd, but tables.
func TestBadTables(t *testing.T) {
	t.Parallel()
	const many = 100_000
	texts, numbers := make([]string, many), make([]float64, many)
	for i := range texts {
		texts[i], numbers[i] = strconv.Itoa(i), float64(i)
	}
	for name, x := range map[string]*frame.Frame{
		"one row":            mixed(t).Take([]int{1}),
		"no rows":            mixed(t).Take(nil),
		"no values":          mixed(t).Take([]int{2, 2}).Without("s2", "n2"),
		"no columns":         newFrame(t),
		"constants":          newFrame(t, text("s", "a", "a"), frame.NewFloat("n", []float64{0.1, 0.1}), instants("at", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z")),
		"100,000 categories": newFrame(t, text("s", texts...), frame.NewFloat("n", numbers)),
		"the largest numbers": newFrame(t, frame.NewFloat("n", []float64{math.MaxFloat64, -math.MaxFloat64, 0}),
			frame.NewFloat("n2", []float64{5e-324, -5e-324, 0})),
	} {
		for _, list := range fittings() {
			for step, fit := range list {
				s, err := fit(t.Context(), x, nil)
				out := apply(t, s, err, x)
				if out.Rows() != x.Rows() {
					t.Errorf("%s of %s: %d rows, want %d", step, name, out.Rows(), x.Rows())
				}
				for _, c := range out.Columns() {
					if slices.ContainsFunc(c.Floats(), func(v float64) bool { return math.IsInf(v, 0) }) {
						t.Errorf("%s of %s: %v", step, name, c.Floats())
					}
				}
			}
		}
	}
}

func TestBadValues(t *testing.T) {
	t.Parallel()
	x := newFrame(t, frame.NewFloat("n", []float64{1, math.Inf(-1), 2}))
	good := newFrame(t, frame.NewFloat("n", []float64{1, 3, 2}))
	for name, fit := range fittings()["n"] {
		_, err := fit(t.Context(), x, nil)
		var e *ml.InputError
		if !errors.As(err, &e) || e.Code != "infinite_value" || e.Column != "n" || e.Row != 1 {
			t.Errorf("%s of an infinite value: %v", name, err)
		}
		for code, weights := range map[string][]float64{
			"weights_length": {1, 2}, "bad_weight": {1, 0, 1},
		} {
			_, err := fit(t.Context(), good, nil, weights...)
			wantCode(t, err, code)
		}
		for _, w := range []float64{nan, math.Inf(1), -1} {
			_, err := fit(t.Context(), good, nil, 1, w, 1)
			wantCode(t, err, "bad_weight")
		}
	}
	s, err := preprocess.FitScale(t.Context(), good, preprocess.DefaultScaleParams())
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Transform(x)
	wantCode(t, err, "infinite_value")
}

func TestParams(t *testing.T) {
	t.Parallel()
	type params interface{ Validate() error }
	for _, p := range []params{
		preprocess.DefaultCategoryParams(), preprocess.DefaultFrequencyParams(), preprocess.DefaultDateParams(), preprocess.DefaultImputeParams(),
		preprocess.DefaultScaleParams(), preprocess.DefaultDropParams(), preprocess.DefaultVarianceParams(), preprocess.DefaultCorrelationParams(),
	} {
		if err := p.Validate(); err != nil {
			t.Errorf("%T: %v", p, err)
		}
	}
	for _, c := range []struct {
		parameter string
		p         params
	}{
		{"max_categories", preprocess.CategoryParams{MaxCategories: 1<<20 + 1, MinRows: 1}},
		{"min_rows", preprocess.CategoryParams{MaxCategories: 1}},
		{"strategy", preprocess.ImputeParams{Strategy: "most_frequent"}},
		{"number", preprocess.ImputeParams{Strategy: preprocess.Constant, Number: math.Inf(1)}},
		{"method", preprocess.ScaleParams{Method: "log"}},
		{"low", preprocess.ScaleParams{Method: preprocess.Robust, Low: -0.1, High: 1}},
		{"high", preprocess.ScaleParams{Method: preprocess.Robust, Low: 0.1, High: nan}},
		{"low", preprocess.ScaleParams{Method: preprocess.Robust, Low: 0.5, High: 0.5}},
		{"threshold", preprocess.VarianceParams{Threshold: -1}},
		{"threshold", preprocess.VarianceParams{Threshold: nan}},
		{"limit", preprocess.CorrelationParams{Limit: 1.1}},
		{"max_rows", preprocess.CorrelationParams{Limit: 1, MaxRows: -1}},
		{"unique_text", preprocess.DropParams{UniqueText: 2, FewTexts: 1}},
		{"few_texts", preprocess.DropParams{}},
		{"parts", preprocess.DateParams{}},
		{"parts", preprocess.DateParams{Parts: []preprocess.Part{preprocess.YearDay + 1}}},
		{"parts", preprocess.DateParams{Parts: []preprocess.Part{preprocess.Day, preprocess.Day}}},
		{"cycles", preprocess.DateParams{Cycles: []preprocess.Part{preprocess.Day}}},
		{"cycles", preprocess.DateParams{Cycles: []preprocess.Part{preprocess.Hour, preprocess.Hour}}},
	} {
		var e *ml.InputError
		if err := c.p.Validate(); !errors.As(err, &e) || e.Code != "invalid_parameter" || e.Parameter != c.parameter {
			t.Errorf("%+v: error %v, want one of %s", c.p, err, c.parameter)
		}
	}
	// The Fit functions look at them.
	x := mixed(t)
	_, err := preprocess.FitScale(t.Context(), x, preprocess.ScaleParams{})
	wantCode(t, err, "invalid_parameter")
	_, err = preprocess.FitDates(t.Context(), x, preprocess.DateParams{})
	wantCode(t, err, "invalid_parameter")
	_, err = preprocess.FitDrop(t.Context(), x, preprocess.DropParams{})
	wantCode(t, err, "invalid_parameter")
	_, err = preprocess.FitVariance(t.Context(), x, preprocess.VarianceParams{Threshold: -1})
	wantCode(t, err, "invalid_parameter")
	_, err = preprocess.FitCorrelation(t.Context(), x, preprocess.CorrelationParams{Limit: -1})
	wantCode(t, err, "invalid_parameter")
}

// TestNameTaken applies steps to a table that has more columns than training
// had, one of them with a name that a step makes.
func TestNameTaken(t *testing.T) {
	t.Parallel()
	x := mixed(t)
	for of, other := range map[string]string{"s": "s=a", "n": "n is missing", "at": "at hour sin"} {
		more := newFrame(t, append(slices.Clone(x.Columns()), frame.NewFloat(other, []float64{1, 2, 3, 4}))...)
		fits := map[string]fitting{
			"s": fittings()["s"]["one-hot"], "at": fittings()["at"]["dates"],
			"n": adapt(preprocess.FitImpute, func(c []string) preprocess.ImputeParams {
				return preprocess.ImputeParams{Columns: c, Strategy: preprocess.Mean, Indicator: true}
			}),
		}
		s, err := fits[of](t.Context(), x, []string{of})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Transform(more)
		var e *ml.InputError
		if !errors.As(err, &e) || e.Code != "name_taken" || e.Column != other {
			t.Errorf("%q beside %q: %v", of, other, err)
		}
		// A step that is fitted on the name makes another.
		if s, err = fits[of](t.Context(), more, []string{of}); err != nil {
			t.Fatal(err)
		}
		if _, ok := apply(t, s, nil, more).Column(other + "_"); !ok {
			t.Errorf("no column %q", other+"_")
		}
	}
}

// TestWeights says which steps take notice of weights: to those a weight is as
// good as that many rows.
func TestWeights(t *testing.T) {
	t.Parallel()
	x := mixed(t)
	weights := []float64{1, 3, 2, 1}
	var repeated []int
	for row, w := range weights {
		repeated = append(repeated, slices.Repeat([]int{row}, int(w))...)
	}
	noticed := []string{"frequency", "mean", "median", "standard", "variance", "correlation"}
	for of, list := range fittings() {
		for name, fit := range list {
			plain, err1 := fit(t.Context(), x, []string{of})
			weighted, err2 := fit(t.Context(), x, []string{of}, weights...)
			many, err3 := fit(t.Context(), x.Take(repeated), []string{of})
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want := plain
			if slices.Contains(noticed, name) {
				want = many
			}
			got, expected := apply(t, weighted, nil, x), apply(t, want, nil, x)
			if !slices.Equal(got.Names(), expected.Names()) {
				t.Errorf("%s: columns %q, want %q", name, got.Names(), expected.Names())
			}
			for i, c := range got.Columns() {
				for row := range c.Len() {
					if a, b := c.Float(row), expected.Columns()[i].Float(row); math.Abs(a-b) > 1e-12 || math.IsNaN(a) != math.IsNaN(b) {
						t.Errorf("%s: %s[%d] is %v, want %v", name, c.Name(), row, a, b)
					}
				}
			}
		}
	}
}

func TestDroppedAfterDecode(t *testing.T) {
	t.Parallel()
	x := newFrame(t, text("a", "x", "x"), text("b", "x", "y"))
	s, err := preprocess.FitDrop(t.Context(), x, preprocess.DefaultDropParams())
	if err != nil {
		t.Fatal(err)
	}
	if d := s.Dropped(); len(d) != 1 || d[0].Column != "a" || d[0].Reason != "constant" {
		t.Errorf("%+v", d)
	}
	back, err := preprocess.Decode(preprocess.Append(nil, []preprocess.Step{s}))
	if err != nil {
		t.Fatal(err)
	}
	if d := back[0].(*preprocess.Drop).Dropped(); len(d) != 1 || d[0] != (preprocess.Dropped{Column: "a"}) {
		t.Errorf("%+v", d)
	}
}
