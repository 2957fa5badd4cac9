package mltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Case is an estimator under test. Encode, Decode and Train are required; the
// other zero values say that it cannot do a thing.
type Case struct {
	// Train fits it, with the parameters that the case is about.
	Train func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error)
	// Encode and Decode are its binary form.
	Encode func(p ml.Predictor) ([]byte, error)
	Decode func(b []byte) (ml.Predictor, error)

	// Algorithm is its name in a model file. Empty means that Encode and Decode
	// are of a whole model file already.
	Algorithm string

	Tasks   []ml.Task
	Types   []frame.Type // of columns that it takes; Float is among them
	Missing bool         // it takes missing values; else it refuses them as missing_value
	Blind   bool         // it does not look at the columns, and so does no better than chance

	// Weighted says that it reads the weights of the target and checks its
	// values; one that takes its target from a table does neither.
	Weighted bool
	// Repetition is how far outputs may be, with weights, from those after
	// learning from each row as often as its weight says: the root of the mean
	// square of the distances, of probabilities, or of values in standard
	// deviations of the target.
	Repetition float64

	// Resumes says that it keeps parts in Options.Checkpoint and goes on with them.
	Resumes bool

	OneRow   string // the code that a regression of one row is refused with; empty: it gives a model
	OneClass string // the code that rows of one class are refused with; empty: constant_target
	Constant string // the code that a regression of one value is refused with; empty: it gives a model
}

// check is one thing that an estimator must do. It returns what is wrong, or
// errNotApplicable.
type check struct {
	name string
	run  func(ctx context.Context, c Case, task ml.Task) error
}

// errNotApplicable says that a case does not claim to do what is checked.
var errNotApplicable = errors.New("the case does not claim it")

func checks() []check {
	return []check{
		{"learns", learns},
		{"outputs are proper", properOutputs},
		{"is deterministic on any number of threads", deterministic},
		{"takes weights as repetition", repetition},
		{"reports progress", progress},
		{"stops when cancelled", cancellation},
		{"goes on where it was stopped", resumption},
		{"changes no input", noMutation},

		{"predicts rows alone as together", singleRows},
		{"predicts concurrently", concurrently},
		{"refuses a wrong output length", wrongLength},

		{"comes back from its bytes", roundTrip},
		{"comes back from a model file", fileRoundTrip},
		{"refuses cut bytes", cutBytes},

		{"takes or refuses missing values", missingValues},
		{"takes or refuses a column without values", emptyColumn},
		{"takes constant columns", constantColumns},
		{"takes or refuses one row", oneRow},
		{"refuses one class", oneClass},
		{"takes or refuses one value", oneValue},
		{"takes 100,000 categories", manyCategories},
		{"refuses other types", otherTypes},
		{"refuses infinities", infinities},
		{"refuses bad weights", badWeights},
		{"refuses bad labels", badLabels},
		{"refuses tables without rows", noRows},
	}
}

// Run runs the suite, every check for each task of the case.
func Run(t *testing.T, c Case) {
	t.Helper()
	for _, task := range c.Tasks {
		for _, check := range checks() {
			t.Run(fmt.Sprintf("%s/%s", task, check.name), func(t *testing.T) {
				t.Parallel()
				err := check.run(t.Context(), c, task)
				if errors.Is(err, errNotApplicable) {
					t.Skip(err)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// Check is Run without a test: it returns what the checks find wrong, each with
// the task and its name, or nil.
func Check(ctx context.Context, c Case) error {
	var wrong []error
	for _, task := range c.Tasks {
		for _, check := range checks() {
			if err := check.run(ctx, c, task); err != nil && !errors.Is(err, errNotApplicable) {
				wrong = append(wrong, fmt.Errorf("%s: %s: %w", task, check.name, err))
			}
		}
	}
	return errors.Join(wrong...)
}

// train trains with the default options on so many threads.
func train(ctx context.Context, c Case, x *frame.Frame, y ml.Target, threads int) (ml.Predictor, error) {
	m, err := c.Train(ctx, x, y, ml.Options{Threads: threads})
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return m, nil
}

// trained trains on the usual table.
func trained(ctx context.Context, c Case, task ml.Task, missing bool) (ml.Predictor, *frame.Frame, ml.Target, error) {
	x, y := table(c, task, missing)
	m, err := train(ctx, c, x, y, 2)
	return m, x, y, err
}

func predict(m ml.Predictor, x *frame.Frame) ([]float64, error) {
	out := make([]float64, x.Rows()*m.Outputs())
	if err := m.Predict(x, out); err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	return out, nil
}

// wantCode returns what is wrong unless err is an *ml.InputError of the code
// with a message.
func wantCode(what string, err error, codes ...string) error {
	e, ok := errors.AsType[*ml.InputError](err)
	if !ok || e.Message == "" {
		return fmt.Errorf("%s: the error is %w, want an *ml.InputError %s", what, orNone(err), codes)
	}
	if slices.Contains(codes, e.Code) {
		return nil
	}
	return fmt.Errorf("%s: the code is %s, want %s: %s", what, e.Code, codes, e.Message)
}

var errNone = errors.New("none")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}
