package forest_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
)

// numbered returns the names of so many classes.
func numbered(n int) []string {
	names := make([]string, n)
	for k := range names {
		names[k] = strconv.Itoa(k)
	}
	return names
}

func inputError(tb testing.TB, err error, code, column string, row int) {
	tb.Helper()
	var e *ml.InputError
	if !errors.As(err, &e) {
		tb.Fatalf("the error is %v, want an input error %s", err, code)
	}
	if e.Code != code || e.Column != column || e.Row != row || e.Message == "" {
		tb.Errorf("the error is %+v, want %s of column %q, row %d", e, code, column, row)
	}
}

func TestParamsValidate(t *testing.T) {
	t.Parallel()
	for _, p := range []forest.Params{forest.DefaultParams(), forest.ExtraParams()} {
		if err := p.Validate(); err != nil {
			t.Fatalf("the defaults are refused: %v", err)
		}
	}
	type change = func(p *forest.Params)
	tests := map[string][]change{
		"criterion":         {func(p *forest.Params) { p.Criterion = "mae" }, func(p *forest.Params) { p.Criterion = forest.SquaredError }},
		"trees":             {func(p *forest.Params) { p.Trees = 0 }, func(p *forest.Params) { p.Trees = 100_001 }},
		"max_depth":         {func(p *forest.Params) { p.MaxDepth = -1 }, func(p *forest.Params) { p.MaxDepth = 1001 }},
		"max_leaves":        {func(p *forest.Params) { p.MaxLeaves = 1 }, func(p *forest.Params) { p.MaxLeaves = -1 }, func(p *forest.Params) { p.MaxLeaves = 1_000_001 }},
		"min_child_samples": {func(p *forest.Params) { p.MinChildSamples = 0 }, func(p *forest.Params) { p.MinChildSamples = 1_000_000_001 }},
		"min_split_samples": {func(p *forest.Params) { p.MinSplitSamples = 1 }},
		"max_features":      {func(p *forest.Params) { p.MaxFeatures = -0.1 }, func(p *forest.Params) { p.MaxFeatures = 1.1 }, func(p *forest.Params) { p.MaxFeatures = math.NaN() }},
		"row_fraction":      {func(p *forest.Params) { p.RowFraction = 0 }, func(p *forest.Params) { p.RowFraction = 1.1 }, func(p *forest.Params) { p.RowFraction = math.NaN() }},
		"max_bins":          {func(p *forest.Params) { p.MaxBins = 1 }, func(p *forest.Params) { p.MaxBins = 256 }},
		"out_of_bag":        {func(p *forest.Params) { p.OutOfBag, p.Bootstrap = true, false }},
	}
	data := wide(20, 1)
	for name, changes := range tests {
		for _, c := range changes {
			_, err := forest.Train(t.Context(), params(c), data.x, data.y, ml.Options{})
			inputError(t, err, "bad_parameter", "", -1)
			if e := (*ml.InputError)(nil); errors.As(err, &e) && e.Parameter != name {
				t.Errorf("parameter %q is blamed, want %q", e.Parameter, name)
			}
		}
	}
	_, _, err := forest.TrainOutOfBag(t.Context(), forest.ExtraParams(), data.x, data.y, ml.Options{})
	inputError(t, err, "bad_parameter", "", -1)
}

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	numbers := []float64{1, 2, 3, 4}
	labels := func(v ...float64) ml.Target {
		return ml.Target{Task: ml.Binary, Values: v, Classes: []string{"no", "yes"}}
	}
	table := func(columns ...frame.Column) *frame.Frame { return must(frame.New(columns...)) }
	good := table(frame.NewFloat("a", numbers))
	heavy := func(w ...float64) ml.Target { y := labels(0, 1, 0, 1); y.Weights = w; return y }
	tests := map[string]struct {
		x            *frame.Frame
		y            ml.Target
		code, column string
		row          int
	}{
		"no rows":          {table(frame.NewFloat("a", nil)), labels(), "no_rows", "", -1},
		"no columns":       {good.Without("a"), labels(0, 1, 0, 1), "no_columns", "", -1},
		"one row":          {table(frame.NewFloat("a", numbers[:1])), labels(1), "constant_target", "", -1},
		"one class":        {good, labels(1, 1, 1, 1), "constant_target", "", -1},
		"infinity":         {table(frame.NewFloat("a", []float64{1, 2, math.Inf(-1), 4})), labels(0, 1, 0, 1), "infinite_value", "a", 2},
		"too few labels":   {good, labels(0, 1), "target_length", "", -1},
		"missing label":    {good, labels(0, 1, math.NaN(), 1), "missing_target", "", 2},
		"infinite label":   {good, labels(0, 1, math.Inf(1), 1), "infinite_target", "", 2},
		"unknown class":    {good, labels(0, 1, 2, 1), "unknown_class", "", 2},
		"weight of 0":      {good, heavy(1, 1, 1, 0), "bad_weight", "", 3},
		"negative weight":  {good, heavy(1, -1, 1, 1), "bad_weight", "", 1},
		"NaN weight":       {good, heavy(1, 1, math.NaN(), 1), "bad_weight", "", 2},
		"infinite weight":  {good, heavy(math.Inf(1), 1, 1, 1), "bad_weight", "", 0},
		"enormous weight":  {good, heavy(1, 1e51, 1, 1), "bad_weight", "", 1},
		"too few weights":  {good, heavy(1, 1, 1), "weights_length", "", -1},
		"unknown task":     {good, ml.Target{Task: "ranking", Values: numbers}, "unknown_task", "", -1},
		"enormous target":  {good, ml.Target{Task: ml.Regression, Values: []float64{1, 2, 1e101, 3}}, "target_magnitude", "", 2},
		"three for binary": {good, ml.Target{Task: ml.Binary, Values: numbers, Classes: []string{"a", "b", "c"}}, "class_count", "", -1},
		"many classes":     {good, ml.Target{Task: ml.Multiclass, Values: []float64{0, 1, 2, 3}, Classes: numbered(65_537)}, "class_count", "", -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := forest.Train(t.Context(), forest.DefaultParams(), test.x, test.y, ml.Options{})
			inputError(t, err, test.code, test.column, test.row)
		})
	}
}

func TestPredictRefuses(t *testing.T) {
	t.Parallel()
	p := shops(300, 1)
	m := train(t, forest.DefaultParams(), p, ml.Options{})
	out := make([]float64, 600)
	inputError(t, m.Predict(p.x.Without("x2"), out), "missing_column", "x2", -1)
	swap := func(name string, c frame.Column) *frame.Frame {
		return must(frame.New(append(slices.Clone(p.x.Without(name).Columns()), c)...))
	}
	inputError(t, m.Predict(swap("x0", frame.NewFloat("x0", make([]float64, 300))), out), "column_type", "x0", -1)
	inputError(t, m.Predict(swap("x2", frame.StringsOf("x2", make([]string, 300), nil)), out), "column_type", "x2", -1)
	if err := m.Predict(p.x, out[1:]); err == nil {
		t.Error("an output slice that is too short is taken")
	}
	if m.PredictRow(make([]float64, 4), out[:2]) == nil || m.PredictRow(make([]float64, 5), out[:3]) == nil {
		t.Error("a row of another length is taken")
	}
	more := must(frame.New(append([]frame.Column{frame.NewFloat("other", make([]float64, 300))}, p.x.Columns()...)...))
	if !slices.Equal(predict(t, m, more), predict(t, m, p.x)) {
		t.Error("a further column changes the prediction")
	}
}

func TestTrainStopsWithItsContext(t *testing.T) {
	t.Parallel()
	data := wide(3000, 1)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := forest.Train(done, forest.DefaultParams(), data.x, data.y, ml.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
	during, stop := context.WithCancel(t.Context())
	defer stop()
	p := params(func(p *forest.Params) { p.Trees = 100_000 })
	calls := 0
	_, err := forest.Train(during, p, data.x, data.y, ml.Options{Threads: 2, Recorder: ml.RecorderFunc(func(ml.Progress) {
		if calls++; calls == 3 {
			stop()
		}
	})})
	if !errors.Is(err, context.Canceled) || calls != 3 {
		t.Errorf("the error is %v after %d trees, want %v after 3", err, calls, context.Canceled)
	}
}

// TestStopsWithinATree checks that no node is split after the team stopped, so
// that a call does not finish the trees that it is at.
func TestStopsWithinATree(t *testing.T) {
	t.Parallel()
	g := generator{1}
	x, y := makeRows(1000, 3, func(row []float64) float64 {
		for j := range row {
			row[j] = g.uniform()
		}
		return g.uniform()
	})
	data := regression(y, floats(x)...)
	for name, p := range map[string]forest.Params{
		"depth first": params(func(*forest.Params) {}),
		"best first":  params(func(p *forest.Params) { p.MaxLeaves = 20 }),
	} {
		if n := must(forest.Splits(t.Context(), p, data.x, data.y)); n == 0 {
			t.Errorf("%s: a tree has no split", name)
		}
		if n := must(forest.SplitsWhenStopped(t.Context(), p, data.x, data.y)); n != 0 {
			t.Errorf("%s: %d nodes are split after the end", name, n)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	p := params(func(p *forest.Params) { p.Trees = 7 })
	var got []ml.Progress
	train(t, p, wide(300, 1), ml.Options{Threads: 3, Recorder: ml.RecorderFunc(func(p ml.Progress) { got = append(got, p) })})
	if len(got) != 7 {
		t.Fatalf("the progress is %v", got)
	}
	for i, r := range got {
		if r.Stage != "forest" || math.Abs(r.Fraction-float64(i+1)/7) > 1e-12 {
			t.Errorf("progress %d is %+v", i, r)
		}
	}
}

// TestOddTables trains on what is legal but has little to learn from.
func TestOddTables(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	target := func(v ...float64) ml.Target { return ml.Target{Task: ml.Regression, Values: v} }
	repeat := func(v float64) []float64 { return slices.Repeat([]float64{v}, 100) }
	ramp := make([]float64, 100)
	for i := range ramp {
		ramp[i] = float64(i)
	}
	tests := map[string]struct {
		column frame.Column
		y      ml.Target
		want   float64 // of the first row
	}{
		"one row":              {frame.NewFloat("a", []float64{5}), target(7), 7},
		"one missing row":      {frame.NewFloat("a", []float64{nan}), target(7), 7},
		"constant column":      {frame.NewFloat("a", repeat(3)), target(ramp...), 49.5},
		"all-missing column":   {frame.NewFloat("a", repeat(nan)), target(ramp...), 49.5},
		"constant target":      {frame.NewFloat("a", ramp), target(repeat(4)...), 4},
		"no category":          {frame.NewString("a", slices.Repeat([]int32{-1}, 100), nil), target(ramp...), 49.5},
		"one category":         {frame.StringsOf("a", slices.Repeat([]string{"x"}, 100), nil), target(ramp...), 49.5},
		"extreme values":       {frame.NewFloat("a", append(repeat(math.MaxFloat64), repeat(-math.MaxFloat64)...)), target(append(repeat(1), repeat(2)...)...), 1},
		"extreme steps":        {frame.NewFloat("a", []float64{-math.MaxFloat64, -1, 0, 5e-324, 1, math.MaxFloat64}), target(1, 2, 3, 4, 5, 6), 1},
		"large target":         {frame.NewFloat("a", append(repeat(0), repeat(1)...)), target(append(repeat(1e99), repeat(-1e99)...)...), 1e99},
		"tiny target":          {frame.NewFloat("a", append(repeat(0), repeat(1)...)), target(append(repeat(5e-324), repeat(0)...)...), 5e-324},
		"booleans":             {frame.NewInt("a", frame.Bool, append(make([]int64, 100), slices.Repeat([]int64{1}, 100)...), nil), target(append(repeat(1), repeat(2)...)...), 1},
		"unused dictionary":    {frame.NewString("a", make([]int32, 100), []string{"x", "y", "z"}), target(ramp...), 49.5},
		"missing or not, only": {frame.NewFloat("a", append(repeat(nan), repeat(2)...)), target(append(repeat(1), repeat(2)...)...), 1},
	}
	for name, test := range tests {
		for variant, change := range map[string]func(*forest.Params){"best": func(p *forest.Params) { p.Bootstrap = false }, "extra": extra, "few leaves": func(p *forest.Params) { p.Bootstrap, p.MaxLeaves = false, 200 }} {
			data := problem{must(frame.New(test.column)), test.y}
			m := train(t, params(change), data, ml.Options{})
			out := predict(t, m, data.x)
			if math.Abs(out[0]-test.want) > 1e-3*math.Abs(test.want) {
				t.Errorf("%s, %s: the first row is %v, want %v", name, variant, out[0], test.want)
			}
			if again := predict(t, roundTrip(t, m), data.x); !slices.Equal(again, out) {
				t.Errorf("%s, %s: the decoded model predicts otherwise", name, variant)
			}
			train(t, forest.DefaultParams(), data, ml.Options{})
		}
	}
}

func TestManyCategories(t *testing.T) {
	t.Parallel()
	// 100,000 categories: three frequent ones decide, the others occur once.
	const n = 130_000
	list, y := make([]string, n), make([]float64, n)
	for i := range n {
		switch {
		case i < 30_000:
			list[i] = []string{"ant", "bee", "cat"}[i%3]
			y[i] = float64(i % 3)
		default:
			list[i] = "rare" + strconv.Itoa(i)
			y[i] = 10
		}
	}
	for name, change := range map[string]func(*forest.Params){"best": func(*forest.Params) {}, "extra": extra} {
		p := params(change)
		p.Trees = 20
		m := train(t, p, regression(y, frame.StringsOf("a", list, nil)), ml.Options{})
		test := must(frame.New(frame.StringsOf("a", []string{"cat", "ant", "rare99999", "never seen", ""}, func(i int) bool { return i == 4 })))
		got := predict(t, m, test)
		for i, want := range []float64{2, 0, 10, 10, 10} {
			if math.Abs(got[i]-want) > 0.05 {
				t.Errorf("%s: row %d is %v, want about %v", name, i, got[i], want)
			}
		}
		if b := encode(t, m); len(b) > 200_000 {
			t.Errorf("%s: the model has %d bytes", name, len(b))
		}
	}
}
