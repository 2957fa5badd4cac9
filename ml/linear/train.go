package linear

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// maxMagnitude bounds values, targets and weights, so that squares of them do
// not overflow.
const maxMagnitude = 1e100

// Train fits a model to the columns of x, which are of type Float without
// missing or infinite values. Scaling them first is not needed to converge, but
// changes what the penalty means.
//
// It returns the error of ctx, soon after it is done, or an *ml.InputError: for
// parameters out of their limits, no rows, no columns, columns of other types,
// missing or infinite values, magnitudes above 1e100 and a classification target
// with rows of one class only.
//
// The model depends on x, y and p alone; Options.Validation is not used.
func Train(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options) (*Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := y.ValidateTraining(x.Rows()); err != nil {
		return nil, err
	}
	if len(x.Columns()) == 0 {
		return nil, &ml.InputError{Code: "no_columns", Row: -1, Message: "the table has no columns; at least one is needed"}
	}
	values, err := matrix(x, x.Names())
	if err != nil {
		return nil, err
	}
	if err := magnitudes(x.Names(), values, y); err != nil {
		return nil, err
	}
	l := newLoss(ctx.Err, p, values, y, o.Workers())
	solution, err := l.minimize(p, o)
	if err != nil {
		return nil, err
	}
	m := &Model{task: y.Task, columns: x.Names(), iterations: solution.iterations, converged: solution.converged}
	l.unscale(solution.at, m)
	o.Record(ml.Progress{Stage: stage, Fraction: 1, Message: fmt.Sprintf(
		"%d iterations, converged: %t", m.iterations, m.converged)})
	return m, nil
}

const stage = "linear"

func magnitudes(names []string, values [][]float64, y ml.Target) error {
	for j, column := range values {
		if i := large(column); i >= 0 {
			return &ml.InputError{Code: "magnitude", Column: names[j], Row: i, Message: fmt.Sprintf(
				"the column %q is %g in row %d; it must be between -1e100 and 1e100", names[j], column[i], i+1)}
		}
	}
	if i := large(y.Values); i >= 0 {
		return &ml.InputError{Code: "target_magnitude", Row: i, Message: fmt.Sprintf(
			"the target is %g in row %d; it must be between -1e100 and 1e100", y.Values[i], i+1)}
	}
	for i, w := range y.Weights {
		if w > maxMagnitude || w < 1/maxMagnitude {
			return &ml.InputError{Code: "bad_weight", Row: i, Message: fmt.Sprintf(
				"the weight is %g in row %d; it must be between 1e-100 and 1e100", w, i+1)}
		}
	}
	return nil
}

// large returns the first index of a value that is too large, or -1.
func large(values []float64) int {
	for i, v := range values {
		if math.Abs(v) > maxMagnitude {
			return i
		}
	}
	return -1
}

// solution is where the search ended.
type solution struct {
	at         []float64
	iterations int
	converged  bool
}

// minimize searches from zero.
func (l *loss) minimize(p Params, o ml.Options) (solution, error) {
	problem := optimize.Problem{
		Func: l.evaluate,
		Grad: func(out, at []float64) {
			l.evaluate(at)
			copy(out, l.gradient)
		},
		Status: func() (optimize.Status, error) {
			if err := l.err(); err != nil {
				return optimize.Failure, err
			}
			return optimize.NotTerminated, nil
		},
	}
	settings := &optimize.Settings{
		GradientThreshold: p.Tolerance,
		MajorIterations:   p.MaxIterations,
		Converger:         optimize.NeverTerminate{},
		Recorder:          &progress{o: o, total: p.MaxIterations},
	}
	method := &optimize.LBFGS{
		Linesearcher:      &optimize.MoreThuente{},
		Store:             20,
		GradStopThreshold: math.NaN(),
	}
	result, err := optimize.Minimize(problem, make([]float64, l.size()), settings, method)
	if done := l.err(); done != nil {
		return solution{}, done
	}
	if result == nil || floats.HasNaN(result.X) {
		return solution{}, fmt.Errorf("linear: minimize the loss: %w", err)
	}
	// A line search that finds nothing lower has reached the precision of the
	// numbers: the place where it stands is the answer.
	return solution{ //nolint:nilerr // as said above
		at:         result.X,
		iterations: result.MajorIterations,
		converged:  err != nil || result.Status != optimize.IterationLimit,
	}, nil
}

// progress passes the iterations on.
type progress struct {
	o     ml.Options
	total int
}

// Init does nothing.
func (*progress) Init() error { return nil }

// Record reports each iteration.
func (p *progress) Record(_ *optimize.Location, op optimize.Operation, stats *optimize.Stats) error {
	if op == optimize.MajorIteration {
		p.o.Record(ml.Progress{Stage: stage, Fraction: float64(stats.MajorIterations) / float64(p.total+1)})
	}
	return nil
}
