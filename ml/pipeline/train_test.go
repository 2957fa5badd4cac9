package pipeline_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// seen is what an algorithm was given.
type seen struct {
	x *frame.Frame
	y ml.Target
	o ml.Options
}

// summing trains a summer of every column, and keeps what it was given.
func summing(into *seen) pipeline.TrainFunc {
	return pipeline.Algorithm(func(_ context.Context, _ int, x *frame.Frame, y ml.Target, o ml.Options) (*summer, error) {
		*into = seen{x, y, o}
		return &summer{columns: x.Names(), outputs: y.Outputs()}, nil
	}, 0)
}

// people is a table of every type with gaps, and a target for it.
func people(t *testing.T) (*frame.Frame, ml.Target) {
	t.Helper()
	return newFrame(t,
		frame.NewFloat("age", []float64{20, math.NaN(), 40, 60}),
		frame.NewInt("same", frame.Int, []int64{3, 3, 3, 3}, nil),
		text("colour", "red", "blue", "red", "-"),
		frame.NewInt("at", frame.Time, []int64{0, 1e9, 2e11, 3e13}, nil),
	), ml.Target{Task: ml.Regression, Values: []float64{1, 2, 3, 4}}
}

func spec(steps ...pipeline.Fitter) pipeline.Spec {
	return pipeline.Spec{Algorithm: "sum", Target: "y", Steps: steps}
}

func days() pipeline.Fitter {
	return pipeline.Step(preprocess.FitDates, preprocess.DateParams{Parts: []preprocess.Part{preprocess.Days}})
}

func onehot() pipeline.Fitter {
	return pipeline.Step(preprocess.FitOneHot, preprocess.DefaultCategoryParams())
}

func drop() pipeline.Fitter { return pipeline.Step(preprocess.FitDrop, preprocess.DefaultDropParams()) }

func impute(by preprocess.Strategy) pipeline.Fitter {
	return pipeline.Step(preprocess.FitImpute, preprocess.ImputeParams{Strategy: by})
}

func TestTrain(t *testing.T) {
	t.Parallel()
	x, y := people(t)
	var given seen
	m, err := pipeline.Train(t.Context(), spec(drop(), days(), onehot(), impute(preprocess.Mean)), summing(&given), x, y, ml.Options{Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"age", "colour=blue", "colour=red", "colour is missing", "at days"}; !slices.Equal(given.x.Names(), want) {
		t.Errorf("the algorithm got %q, want %q", given.x.Names(), want)
	}
	if age, _ := given.x.Column("age"); !slices.Equal(age.Floats(), []float64{20, 40, 40, 60}) {
		t.Errorf("ages %v", age.Floats())
	}
	if given.o.Threads != 3 || !slices.Equal(given.y.Values, y.Values) {
		t.Errorf("the algorithm got %+v and %+v", given.y, given.o)
	}
	// What a first step drops, a row need not have.
	var inputs []string
	for _, in := range m.Inputs() {
		inputs = append(inputs, in.Name)
	}
	if !slices.Equal(inputs, []string{"age", "colour", "at"}) || len(m.Parts().Steps) != 3 {
		t.Errorf("inputs %q, %d steps", inputs, len(m.Parts().Steps))
	}
	if m.Algorithm() != "sum" || m.Target() != "y" || m.Task() != ml.Regression {
		t.Errorf("%s of %s by %s", m.Task(), m.Target(), m.Algorithm())
	}
	// The fill value is that of training, whatever the rows are.
	got := predict(t, m, newFrame(t, frame.NewFloat("age", []float64{math.NaN(), 1}), text("colour", "red", "green"), frame.NewInt("at", frame.Time, []int64{0, 0}, nil)))
	if !slices.Equal(got, []float64{41, 1}) {
		t.Errorf("outputs %v", got)
	}
}

func TestTrainLaterDropStays(t *testing.T) {
	t.Parallel()
	x, y := people(t)
	var given seen
	m, err := pipeline.Train(t.Context(), spec(days(), drop()), summing(&given), x, y, ml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Inputs()) != 4 || len(m.Parts().Steps) != 2 || slices.Contains(given.x.Names(), "same") {
		t.Errorf("%d inputs, %d steps, the algorithm got %q", len(m.Inputs()), len(m.Parts().Steps), given.x.Names())
	}
}

func TestTrainWeights(t *testing.T) {
	t.Parallel()
	x, y := people(t)
	y.Weights = []float64{1, 9, 1, 2}
	var given seen
	if _, err := pipeline.Train(t.Context(), spec(days(), onehot(), impute(preprocess.Mean)), summing(&given), x, y, ml.Options{}); err != nil {
		t.Fatal(err)
	}
	if age, _ := given.x.Column("age"); age.Float(1) != 45 {
		t.Errorf("the mean age is %v, by weight it is 45", age.Float(1))
	}
}

func TestTrainValidation(t *testing.T) {
	t.Parallel()
	x, y := people(t)
	v := &ml.Validation{Y: ml.Target{Task: ml.Regression, Values: []float64{7}}}
	// Other order, a number of another type, a category that training lacks,
	// and a column with the name of one that a step makes.
	v.X = newFrame(t, text("colour", "green"), frame.NewInt("age", frame.Int, []int64{0}, frame.Bitmap{1}),
		frame.NewFloat("colour=red", []float64{5}), frame.NewInt("at", frame.Time, []int64{0}, nil))
	var given seen
	s := spec(drop(), days(), onehot(), impute(preprocess.Mean))
	if _, err := pipeline.Train(t.Context(), s, summing(&given), x, y, ml.Options{Validation: v}); err != nil {
		t.Fatal(err)
	}
	got := given.o.Validation
	if !slices.Equal(got.X.Names(), given.x.Names()) || got.Y.Values[0] != 7 {
		t.Errorf("the validation is %q of %v, training %q", got.X.Names(), got.Y.Values, given.x.Names())
	}
	if age, _ := got.X.Column("age"); age.Float(0) != 40 {
		t.Errorf("the age is %v, training fills in 40", age.Float(0))
	}
	if len(v.X.Columns()) != 4 {
		t.Error("the caller's validation was changed")
	}
	for code, bad := range map[string]*frame.Frame{
		"missing_column": v.X.Without("age"),
		"infinite_value": newFrame(t, append(slices.Clone(v.X.Without("age").Columns()), frame.NewFloat("age", []float64{math.Inf(1)}))...),
		"no_rows":        nil,
	} {
		_, err := pipeline.Train(t.Context(), s, summing(&given), x, y, ml.Options{Validation: &ml.Validation{X: bad}})
		wantCode(t, err, code, "")
		if !strings.Contains(err.Error(), "validation") {
			t.Errorf("%v does not say where", err)
		}
	}
}

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	x, y := people(t)
	named := func(by func(columns []string) pipeline.Fitter, columns ...string) pipeline.Fitter { return by(columns) }
	scale := func(columns []string) pipeline.Fitter {
		return pipeline.Step(preprocess.FitScale, preprocess.ScaleParams{Columns: columns, Method: preprocess.MinMax})
	}
	other := func(change func(y *ml.Target)) ml.Target {
		y := y
		change(&y)
		return y
	}
	infinite := newFrame(t, append(slices.Clone(x.Columns()[1:]), frame.NewFloat("age", []float64{1, 2, math.Inf(-1), 4}))...)
	for _, c := range []struct {
		name, code, text string
		spec             pipeline.Spec
		x                *frame.Frame
		y                ml.Target
	}{
		{"no algorithm", "invalid_parameter", "no algorithm", pipeline.Spec{Target: "y"}, x, y},
		{"no target", "target_missing", "no target", pipeline.Spec{Algorithm: "sum"}, x, y},
		{"target among the columns", "target_is_feature", `"age"`, pipeline.Spec{Algorithm: "sum", Target: "age"}, x, y},
		{"parameter", "invalid_parameter", "method", spec(days(), pipeline.Step(preprocess.FitScale, preprocess.ScaleParams{Method: "log"})), x, y},
		{"column that is not there", "missing_column", `"size"`, spec(days(), named(scale, "size")), x, y},
		{"column of another type", "column_type", `"colour"`, spec(named(scale, "colour")), x, y},
		{"column that a step has replaced", "missing_column", `"at"`, spec(days(), named(scale, "at")), x, y},
		{"column that a step makes later", "missing_column", `"at days"`, spec(named(scale, "at days"), days()), x, y},
		{"column twice", "duplicate_column", `"age"`, spec(named(scale, "age", "age")), x, y},
		{"infinite value", "infinite_value", "row 3", spec(), infinite, y},
		{"target of other rows", "target_length", "", spec(), x, other(func(y *ml.Target) { y.Values = y.Values[1:] })},
		{"weights of other rows", "weights_length", "", spec(), x, other(func(y *ml.Target) { y.Weights = []float64{1} })},
		{"negative weight", "bad_weight", "", spec(), x, other(func(y *ml.Target) { y.Weights = []float64{1, 1, -1, 1} })},
		{"category twice", "duplicate_category", `"red"`, spec(), newFrame(t, frame.NewString("colour", []int32{0, 1, 2, 1}, []string{"red", "blue", "red"})), y},
		{"no rows", "no_rows", "", spec(), x.Take(nil), other(func(y *ml.Target) { y.Values = nil })},
	} {
		var given seen
		m, err := pipeline.Train(t.Context(), c.spec, summing(&given), c.x, c.y, ml.Options{})
		if m != nil || given.x != nil {
			t.Errorf("%s is trained", c.name)
		}
		wantCode(t, err, c.code, c.text)
	}
	// A step says which it is.
	_, err := pipeline.Train(t.Context(), spec(days(), named(scale, "size")), summing(&seen{}), x, y, ml.Options{})
	if err == nil || !strings.Contains(err.Error(), "step 2") {
		t.Errorf("%v does not say which step", err)
	}
}

func TestTrainStops(t *testing.T) {
	t.Parallel()
	x, y := people(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pipeline.Train(ctx, spec(days()), summing(&seen{}), x, y, ml.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call returns %v", err)
	}
	broken := errors.New("nothing can be learned")
	failing := pipeline.Algorithm(func(context.Context, int, *frame.Frame, ml.Target, ml.Options) (*summer, error) { return nil, broken }, 0)
	if m, err := pipeline.Train(t.Context(), spec(), failing, x, y, ml.Options{}); !errors.Is(err, broken) || m != nil {
		t.Errorf("an algorithm that fails gives %v, %v", m, err)
	}
	if e, err := failing(t.Context(), x, y, ml.Options{}); e != nil || err == nil {
		t.Errorf("an algorithm that fails gives the estimator %v", e)
	}
}
