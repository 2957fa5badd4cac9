package gbdt_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
)

func TestParamsValidate(t *testing.T) {
	t.Parallel()
	if err := gbdt.DefaultParams().Validate(); err != nil {
		t.Fatalf("the defaults are refused: %v", err)
	}
	tests := map[string][]func(p *gbdt.Params){
		"trees":                  {func(p *gbdt.Params) { p.Trees = 0 }, func(p *gbdt.Params) { p.Trees = 100_001 }},
		"learning_rate":          {func(p *gbdt.Params) { p.LearningRate = 0 }, func(p *gbdt.Params) { p.LearningRate = math.NaN() }},
		"max_leaves":             {func(p *gbdt.Params) { p.MaxLeaves = 1 }, func(p *gbdt.Params) { p.MaxLeaves = 65_537 }},
		"max_depth":              {func(p *gbdt.Params) { p.MaxDepth = -1 }, func(p *gbdt.Params) { p.MaxDepth = 1001 }},
		"min_child_samples":      {func(p *gbdt.Params) { p.MinChildSamples = 0 }},
		"min_child_hessian":      {func(p *gbdt.Params) { p.MinChildHessian = -1 }, func(p *gbdt.Params) { p.MinChildHessian = math.Inf(1) }},
		"l2":                     {func(p *gbdt.Params) { p.L2 = -1 }, func(p *gbdt.Params) { p.L2 = math.NaN() }},
		"min_gain":               {func(p *gbdt.Params) { p.MinGain = -1 }},
		"max_bins":               {func(p *gbdt.Params) { p.MaxBins = 1 }, func(p *gbdt.Params) { p.MaxBins = 256 }},
		"row_fraction":           {func(p *gbdt.Params) { p.RowFraction = 0 }, func(p *gbdt.Params) { p.RowFraction = 1.1 }},
		"feature_fraction":       {func(p *gbdt.Params) { p.FeatureFraction = -0.1 }},
		"category_smoothing":     {func(p *gbdt.Params) { p.CategorySmoothing = -1 }},
		"category_l2":            {func(p *gbdt.Params) { p.CategoryL2 = 2e12 }},
		"category_samples":       {func(p *gbdt.Params) { p.CategorySamples = 0 }},
		"category_group_samples": {func(p *gbdt.Params) { p.CategoryGroupSamples = -1 }},
		"max_categories":         {func(p *gbdt.Params) { p.MaxCategories = 256 }},
		"early_stopping":         {func(p *gbdt.Params) { p.EarlyStopping = -1 }},
	}
	x, y := wide(20, 2, 1)
	for name, changes := range tests {
		for _, change := range changes {
			p := gbdt.DefaultParams()
			change(&p)
			_, err := gbdt.Train(t.Context(), p, x, y, ml.Options{})
			inputError(t, err, "bad_parameter", "", -1)
			if e := (*ml.InputError)(nil); errors.As(err, &e) && e.Parameter != name {
				t.Errorf("parameter %q is blamed, want %q", e.Parameter, name)
			}
		}
	}
}

func inputError(t *testing.T, err error, code, column string, row int) {
	t.Helper()
	var e *ml.InputError
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want an input error %s", err, code)
	}
	if e.Code != code || e.Column != column || e.Row != row || e.Message == "" {
		t.Errorf("the error is %+v, want %s of column %q, row %d", e, code, column, row)
	}
}

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	numbers := []float64{1, 2, 3, 4}
	labels := func(v ...float64) ml.Target {
		return ml.Target{Task: ml.Binary, Values: v, Classes: []string{"no", "yes"}}
	}
	table := func(columns ...frame.Column) *frame.Frame { return must(frame.New(columns...)) }
	good := table(frame.NewFloat("a", numbers))
	weighted := labels(0, 1, 0, 1)
	heavy := func(w ...float64) ml.Target { y := weighted; y.Weights = w; return y }
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
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := gbdt.Train(t.Context(), gbdt.DefaultParams(), test.x, test.y, ml.Options{})
			inputError(t, err, test.code, test.column, test.row)
		})
	}
}

func TestPredictRefuses(t *testing.T) {
	t.Parallel()
	p := shops(500, 1)
	m := train(t, gbdt.DefaultParams(), p, ml.Options{})
	out := make([]float64, 1000)
	inputError(t, m.Predict(p.x.Without("x2"), out), "missing_column", "x2", -1)
	swap := func(name string, c frame.Column) *frame.Frame {
		return must(frame.New(append(slices.Clone(p.x.Without(name).Columns()), c)...))
	}
	inputError(t, m.Predict(swap("x0", frame.NewFloat("x0", make([]float64, 500))), out), "column_type", "x0", -1)
	texts := frame.StringsOf("x2", make([]string, 500), nil)
	inputError(t, m.Predict(swap("x2", texts), out), "column_type", "x2", -1)
	if err := m.Predict(p.x, out[1:]); err == nil {
		t.Error("an output slice that is too short is taken")
	}
	extra := must(frame.New(append([]frame.Column{frame.NewFloat("other", make([]float64, 500))}, p.x.Columns()...)...))
	if !slices.Equal(predict(t, m, extra), predict(t, m, p.x)) {
		t.Error("a further column changes the prediction")
	}
}

func TestValidationRefuses(t *testing.T) {
	t.Parallel()
	p, other := shops(500, 1), shops(100, 2)
	try := func(v ml.Validation) error {
		_, err := gbdt.Train(t.Context(), gbdt.DefaultParams(), p.x, p.y, ml.Options{Validation: &v})
		return err
	}
	inputError(t, try(ml.Validation{X: other.x.Without("x3"), Y: other.y}), "missing_column", "x3", -1)
	classes := other.y
	classes.Classes = []string{"yes", "no"}
	inputError(t, try(ml.Validation{X: other.x, Y: classes}), "validation_target", "", -1)
	inputError(t, try(ml.Validation{X: p.x, Y: other.y}), "target_length", "", -1)
	inputError(t, try(ml.Validation{Y: other.y}), "no_rows", "", -1)
	weights := other.y
	weights.Weights = slices.Repeat([]float64{1e60}, 100)
	inputError(t, try(ml.Validation{X: other.x, Y: weights}), "bad_weight", "", 0)
}

func TestTrainStopsWithItsContext(t *testing.T) {
	t.Parallel()
	x, y := wide(3000, 6, 1)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gbdt.Train(done, gbdt.DefaultParams(), x, y, ml.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
	during, stop := context.WithCancel(t.Context())
	defer stop()
	p := gbdt.DefaultParams()
	p.Trees = 100_000
	calls := 0
	_, err := gbdt.Train(during, p, x, y, ml.Options{Recorder: ml.RecorderFunc(func(ml.Progress) {
		if calls++; calls == 3 {
			stop()
		}
	})})
	if !errors.Is(err, context.Canceled) || calls != 3 {
		t.Errorf("the error is %v after %d rounds, want %v after 3", err, calls, context.Canceled)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	x, y := wide(300, 3, 1)
	p := gbdt.DefaultParams()
	p.Trees = 7
	var got []ml.Progress
	if _, err := gbdt.Train(t.Context(), p, x, y, ml.Options{Recorder: ml.RecorderFunc(func(p ml.Progress) {
		got = append(got, p)
	})}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 7 || got[6].Fraction != 1 || got[0].Fraction != 1.0/7 || !strings.Contains(got[0].Stage, "gbdt") {
		t.Errorf("the progress is %v", got)
	}
}

// TestOddTables trains on what is legal but has little to learn from.
func TestOddTables(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	regression := func(v ...float64) ml.Target { return ml.Target{Task: ml.Regression, Values: v} }
	repeat := func(v float64) []float64 { return slices.Repeat([]float64{v}, 100) }
	ramp := make([]float64, 100)
	for i := range ramp {
		ramp[i] = float64(i)
	}
	tests := map[string]struct {
		column frame.Column
		y      ml.Target
		want   float64 // of the first row; NaN: only finite
	}{
		"one row":              {frame.NewFloat("a", []float64{5}), regression(7), 7},
		"one missing row":      {frame.NewFloat("a", []float64{nan}), regression(7), 7},
		"constant column":      {frame.NewFloat("a", repeat(3)), regression(ramp...), 49.5},
		"all-missing column":   {frame.NewFloat("a", repeat(nan)), regression(ramp...), 49.5},
		"constant target":      {frame.NewFloat("a", ramp), regression(repeat(4)...), 4},
		"no category":          {frame.NewString("a", slices.Repeat([]int32{-1}, 100), nil), regression(ramp...), 49.5},
		"one category":         {frame.StringsOf("a", slices.Repeat([]string{"x"}, 100), nil), regression(ramp...), 49.5},
		"extreme values":       {frame.NewFloat("a", append(repeat(math.MaxFloat64), repeat(-math.MaxFloat64)...)), regression(append(repeat(1), repeat(2)...)...), 1},
		"large target":         {frame.NewFloat("a", append(repeat(0), repeat(1)...)), regression(append(repeat(1e99), repeat(-1e99)...)...), 1e99},
		"booleans":             {frame.NewInt("a", frame.Bool, append(make([]int64, 100), slices.Repeat([]int64{1}, 100)...), nil), regression(append(repeat(1), repeat(2)...)...), 1},
		"unused dictionary":    {frame.NewString("a", make([]int32, 100), []string{"x", "y", "z"}), regression(ramp...), 49.5},
		"missing or not, only": {frame.NewFloat("a", append(repeat(nan), repeat(2)...)), regression(append(repeat(1), repeat(2)...)...), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := problem{must(frame.New(test.column)), test.y}
			m := train(t, gbdt.DefaultParams(), p, ml.Options{})
			out := predict(t, m, p.x)
			if math.Abs(out[0]-test.want) > 1e-3*math.Abs(test.want) {
				t.Errorf("the first row is %v, want %v", out[0], test.want)
			}
			if again := predict(t, roundTrip(t, m), p.x); !slices.Equal(again, out) {
				t.Error("the decoded model predicts otherwise")
			}
		})
	}
}

func TestManyCategories(t *testing.T) {
	t.Parallel()
	// 100,000 categories: the even hundreds of three frequent ones decide, the
	// others occur once.
	const n = 130_000
	texts, y := make([]string, n), make([]float64, n)
	for i := range n {
		switch {
		case i < 30_000:
			texts[i] = []string{"ant", "bee", "cat"}[i%3]
			y[i] = float64(i % 3)
		default:
			texts[i] = "rare" + strconv.Itoa(i)
			y[i] = 10
		}
	}
	p := problem{must(frame.New(frame.StringsOf("a", texts, nil))), ml.Target{Task: ml.Regression, Values: y}}
	m := train(t, gbdt.DefaultParams(), p, ml.Options{})
	test := must(frame.New(frame.StringsOf("a", []string{"cat", "ant", "rare99999", "never seen", ""}, func(i int) bool { return i == 4 })))
	got := predict(t, m, test)
	for i, want := range []float64{2, 0, 10, 10, 10} {
		if math.Abs(got[i]-want) > 0.05 {
			t.Errorf("row %d is %v, want about %v", i, got[i], want)
		}
	}
	if b := must(m.AppendBinary(nil)); len(b) > 200_000 {
		t.Errorf("the model has %d bytes", len(b))
	}
}
