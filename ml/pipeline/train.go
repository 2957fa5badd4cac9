package pipeline

import (
	"context"
	"fmt"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Fitter fits a step on training rows. Step makes one.
type Fitter interface {
	// Validate returns an *ml.InputError when a parameter is out of range.
	Validate() error
	// Fit fits the step on the rows of x; weights has one for each, or is nil.
	Fit(ctx context.Context, x *frame.Frame, weights []float64) (preprocess.Step, error)
}

// Step returns the Fitter of a Fit function of preprocess and its parameters:
//
//	pipeline.Step(preprocess.FitScale, preprocess.DefaultScaleParams())
func Step[P validator, S preprocess.Step](fit func(context.Context, *frame.Frame, P, ...float64) (S, error), p P) Fitter {
	return fitter[P, S]{fit, p}
}

type validator interface{ Validate() error }

type fitter[P validator, S preprocess.Step] struct {
	fit    func(context.Context, *frame.Frame, P, ...float64) (S, error)
	params P
}

func (f fitter[P, S]) Validate() error { return f.params.Validate() }

func (f fitter[P, S]) Fit(ctx context.Context, x *frame.Frame, weights []float64) (preprocess.Step, error) {
	s, err := f.fit(ctx, x, f.params, weights...)
	if err != nil {
		return nil, err // not a step that is a nil pointer
	}
	return s, nil
}

// TrainFunc trains an algorithm on prepared rows. Algorithm makes one.
type TrainFunc func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (Estimator, error)

// Algorithm returns the TrainFunc of the Train function of an algorithm and its
// parameters:
//
//	pipeline.Algorithm(gbdt.Train, gbdt.DefaultParams())
func Algorithm[P any, E Estimator](train func(context.Context, P, *frame.Frame, ml.Target, ml.Options) (E, error), p P) TrainFunc {
	return func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (Estimator, error) {
		e, err := train(ctx, p, x, y, o)
		if err != nil {
			return nil, err
		}
		return e, nil
	}
}

// Spec says what is trained together.
type Spec struct {
	Algorithm string   // the name in the model file, as package artifact has it: "gbdt"
	Target    string   // the name of the column that is predicted; it is not one of the table
	Steps     []Fitter // in order, each fitted on what the one before it makes of the rows
}

func (s Spec) validate(x *frame.Frame) error {
	if s.Algorithm == "" {
		return &ml.InputError{Code: "invalid_parameter", Parameter: "algorithm", Row: -1, Message: "no algorithm was named, the model needs its name"}
	}
	if s.Target == "" {
		return &ml.InputError{Code: "target_missing", Parameter: "target", Row: -1, Message: "no target was named, the model needs the name of the column that it predicts"}
	}
	if _, ok := x.Column(s.Target); ok {
		return &ml.InputError{Code: "target_is_feature", Column: s.Target, Row: -1, Message: fmt.Sprintf("column %q is both the target and a column to learn from, it should be one of them", s.Target)}
	}
	for i, f := range s.Steps {
		if err := f.Validate(); err != nil {
			return stepError(i, err)
		}
	}
	return nil
}

func stepError(i int, err error) error { return fmt.Errorf("step %d: %w", i+1, err) }

// Train fits the steps on the rows of x, one after the other, then the algorithm
// on what they make of them, and returns the whole. Nothing is learned from other
// rows; o.Validation has columns like those of x, and goes through the fitted
// steps to the algorithm. Weights of y count in the steps, too.
//
// The inputs of the model are the columns of x. Where the first steps drop
// columns, those are no inputs: nobody who predicts has to have them.
//
// It returns the error of ctx soon after that is done, what the steps and the
// algorithm return, or an *ml.InputError: for a Spec without names, parameters
// out of their limits, a target that does not fit the rows, infinite values, and
// a dictionary of a column that holds a string twice.
func Train(ctx context.Context, s Spec, train TrainFunc, x *frame.Frame, y ml.Target, o ml.Options) (*Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.validate(x); err != nil {
		return nil, err
	}
	if err := y.Validate(x.Rows()); err != nil {
		return nil, err
	}
	if err := checkFinite(ctx, x); err != nil {
		return nil, err
	}
	f, err := s.fit(ctx, x, y.Weights)
	if err != nil {
		return nil, err
	}
	if o.Validation != nil {
		if o.Validation, err = f.validation(ctx, *o.Validation); err != nil {
			return nil, fmt.Errorf("validation rows: %w", err)
		}
	}
	estimator, err := train(ctx, f.ready, y, o)
	if err != nil {
		return nil, err
	}
	return New(Parts{
		Algorithm: s.Algorithm, Task: y.Task, Target: s.Target, Classes: y.Classes,
		Inputs: f.inputs, Steps: f.steps, Estimator: estimator,
	})
}

// fitted is the steps, and what they made of the training rows.
type fitted struct {
	inputs []Input
	steps  []preprocess.Step
	ready  *frame.Frame
}

func (s Spec) fit(ctx context.Context, x *frame.Frame, weights []float64) (*fitted, error) {
	f := &fitted{ready: x}
	for i, by := range s.Steps {
		step, err := by.Fit(ctx, f.ready, weights)
		if err != nil {
			return nil, stepError(i, err)
		}
		if f.ready, err = preprocess.Apply(ctx, []preprocess.Step{step}, f.ready); err != nil {
			return nil, stepError(i, err)
		}
		if _, ok := step.(*preprocess.Drop); ok && len(f.steps) == 0 {
			x = f.ready
			continue
		}
		f.steps = append(f.steps, step)
	}
	for _, c := range x.Columns() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		in := InputOf(c)
		if entry, ok := twice(in.Categories); ok {
			return nil, &ml.InputError{Code: "duplicate_category", Column: in.Name, Row: -1, Message: fmt.Sprintf(
				"the dictionary of column %q holds %q twice, each of its entries should be there once", in.Name, entry)}
		}
		f.inputs = append(f.inputs, in)
	}
	return f, nil
}

// twice finds an entry that is twice in a sorted list.
func twice(sorted []string) (entry string, ok bool) {
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return sorted[i], true
		}
	}
	return "", false
}

// validation prepares rows that were not trained on.
func (f *fitted) validation(ctx context.Context, v ml.Validation) (*ml.Validation, error) {
	if v.X == nil {
		return nil, &ml.InputError{Code: "no_rows", Parameter: "validation", Row: -1, Message: "the validation has no table, it needs one like that of training"}
	}
	x, err := inputsOf(f.inputs, v.X)
	if err != nil {
		return nil, err
	}
	if err := checkFinite(ctx, x); err != nil {
		return nil, err
	}
	if v.X, err = preprocess.Apply(ctx, f.steps, x); err != nil {
		return nil, err
	}
	return &v, nil
}
