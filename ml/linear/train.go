package linear

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

const (
	// maxMagnitude bounds values, targets and weights, so that squares of them do
	// not overflow.
	maxMagnitude = 1e100
	// maxPenalty bounds the penalty of a variable, which leaves nothing of it.
	maxPenalty = 1e250
)

// Train fits a model to the columns of x: those of type Float, without missing
// or infinite values, as numbers, those of type String as categories. Scaling
// numbers first is not needed to converge, but changes what the penalty means.
//
// A String column of any number of categories has a coefficient for each that
// has a row, and one for missing values if there are such: a missing value is a
// category of its own. No column of 0 and 1 is ever made.
//
// It returns the error of ctx, soon after it is done, or an *ml.InputError: for
// parameters out of their limits, no rows, no columns, columns of other types,
// missing or infinite numbers, magnitudes above 1e100, a classification target
// with rows of one class only, and for Poisson a negative target or one that is
// 0 in every row.
//
// The model depends on x, y and p alone; Options.Validation is not used. Memory
// is about 24 bytes for every row, or 16 for every row and class of Multiclass;
// 4 for every value of a String column, and 8 for those of a column of numbers
// that are far from 0 as measured by their deviation; 130 for every coefficient,
// and at most 128 MiB of sums.
func Train(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options) (*Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	loss, err := check(p, x, y)
	if err != nil {
		return nil, err
	}
	team, end := parallel.New(ctx, o.Workers())
	defer end()
	columns, err := newColumns(x, team)
	if done := ctx.Err(); done != nil {
		return nil, done
	}
	if err != nil {
		return nil, err
	}
	f := newFit(loss, columns, y, team)
	if done := ctx.Err(); done != nil {
		return nil, done
	}
	s := f.solver(p)
	s.err = ctx.Err
	s.report = func(fraction float64) { o.Record(ml.Progress{Stage: stage, Fraction: fraction}) }
	converged, err := s.search()
	if err != nil {
		return nil, err
	}
	m := &Model{task: y.Task, loss: loss, iterations: s.iterations, converged: converged}
	m.inputs = inputsOf(x.Names(), columns)
	f.unscale(s.at, m)
	o.Record(ml.Progress{Stage: stage, Fraction: 1, Message: fmt.Sprintf(
		"%d iterations, converged: %t", m.iterations, m.converged)})
	return m, nil
}

const stage = "linear"

// check refuses parameters and targets, and tables by their shape.
func check(p Params, x *frame.Frame, y ml.Target) (Loss, error) {
	if err := p.Validate(); err != nil {
		return "", err
	}
	if err := y.ValidateTraining(x.Rows()); err != nil {
		return "", err
	}
	loss, err := p.lossFor(y.Task)
	if err != nil {
		return "", err
	}
	if len(x.Columns()) == 0 {
		return "", &ml.InputError{Code: "no_columns", Row: -1, Message: "the table has no columns; at least one is needed"}
	}
	for _, c := range x.Columns() {
		if t := c.Type(); t != frame.Float && t != frame.String {
			return "", &ml.InputError{Code: "column_type", Column: c.Name(), Row: -1, Message: fmt.Sprintf(
				"the column %q is of type %s; a linear model needs floats or strings, so convert it first", c.Name(), t)}
		}
	}
	return loss, checkTarget(loss, y)
}

func checkTarget(loss Loss, y ml.Target) error {
	largest := 0.0
	for i, v := range y.Values {
		switch {
		case math.Abs(v) > maxMagnitude:
			return &ml.InputError{Code: "target_magnitude", Row: i, Message: fmt.Sprintf(
				"the target is %g in row %d; it must be between -1e100 and 1e100", v, i+1)}
		case loss == Poisson && v < 0:
			return &ml.InputError{Code: "negative_target", Row: i, Message: fmt.Sprintf(
				"the target is %g in row %d; with the loss poisson it must be 0 or more", v, i+1)}
		}
		largest = max(largest, v)
	}
	if loss == Poisson && largest < 1/maxMagnitude {
		return &ml.InputError{Code: "zero_target", Row: -1, Message: "the target is 0 in every row; with the loss poisson it must be at least 1e-100 in one"}
	}
	for i, w := range y.Weights {
		if w > maxMagnitude || w < 1/maxMagnitude {
			return &ml.InputError{Code: "bad_weight", Row: i, Message: fmt.Sprintf(
				"the weight is %g in row %d; it must be between 1e-100 and 1e100", w, i+1)}
		}
	}
	return nil
}

// newColumns reads the columns.
func newColumns(x *frame.Frame, t parallel.Team) ([]column, error) {
	all := x.Columns()
	columns, errs := make([]column, len(all)), make([]error, len(all))
	t.Each(len(all), func(_, i int) {
		if all[i].Type() == frame.Float {
			columns[i], errs[i] = newNumbers(all[i])
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	for i, c := range all {
		if c.Type() == frame.String {
			columns[i] = newLevels(c, t)
		}
	}
	return columns, nil
}

func newNumbers(c frame.Column) (*numbers, error) {
	for i, v := range c.Floats() {
		if err := finite(c.Name(), i, v); err != nil {
			return nil, err
		}
		if math.Abs(v) > maxMagnitude {
			return nil, &ml.InputError{Code: "magnitude", Column: c.Name(), Row: i, Message: fmt.Sprintf(
				"the column %q is %g in row %d; it must be between -1e100 and 1e100", c.Name(), v, i+1)}
		}
	}
	return &numbers{values: c.Floats()}, nil
}

// fit is what is to be fitted: a design and a loss, in units of their own.
type fit struct {
	design    *design
	objective *objective
	total     float64   // of the weights
	start     []float64 // intercepts of the model without variables
	yMean     float64   // of a squared error
	yScale    float64   // what the target is counted in
}

func newFit(loss Loss, columns []column, y ml.Target, t parallel.Team) *fit {
	f := &fit{total: float64(y.Len()), yScale: 1}
	weights := y.Weights
	d := &design{team: t, rows: y.Len(), classes: 1, total: f.total, columns: columns}
	if weights != nil {
		f.total = floats.Sum(weights)
		// A power of two changes no digit.
		_, e := math.Frexp(f.total / d.total)
		d.total = math.Ldexp(f.total, 1-e)
		if e != 1 {
			weights = make([]float64, len(y.Weights))
			for i, w := range y.Weights {
				weights[i] = math.Ldexp(w, 1-e)
			}
		}
	}
	if y.Task == ml.Multiclass {
		d.classes = len(y.Classes)
	}
	d.measure(weights)
	d.cut()
	values := y.Values
	switch loss {
	case LogLoss:
		f.start = logits(y, weights, d.total, d.classes)
	case Poisson:
		f.yScale = mean(values, weights, d.total)
		values = scaled(values, 0, f.yScale)
		f.start = []float64{0}
	default:
		f.yMean = mean(values, weights, d.total)
		f.yScale = deviation(values, weights, f.yMean, d.total)
		if f.yScale <= 1e-12*math.Abs(f.yMean) || f.yScale < 1e-100 {
			f.yScale = 1
		}
		values = scaled(values, f.yMean, f.yScale)
		f.start = []float64{0}
	}
	f.design, f.objective = d, newObjective(loss, values, weights, d.scores(d.rows))
	return f
}

// solver returns one that stands at the model without variables.
func (f *fit) solver(p Params) *solver {
	d := f.design
	lasso, ridge := p.Alpha*p.L1Ratio/f.total, p.Alpha*(1-p.L1Ratio)/f.total
	switch f.objective.loss {
	case SquaredError:
		lasso /= f.yScale
	case Poisson:
		lasso /= f.yScale
		ridge /= f.yScale
	default:
	}
	n := d.variables()
	l1, l2 := make([]float64, d.size()), make([]float64, d.size())
	for j := range d.classes * n {
		scale := d.scale[j%n]
		if p.Standardize {
			scale = 1
		}
		l1[j], l2[j] = min(lasso*scale, maxPenalty), min(ridge*scale*scale, maxPenalty)
	}
	s := newSolver(d, f.objective, l1, l2)
	s.tolerance, s.limit = p.Tolerance, p.MaxIterations
	copy(s.at[d.classes*n:], f.start)
	return s
}

// unscale writes the solution to a model, in the units of the columns.
func (f *fit) unscale(at []float64, m *Model) {
	d := f.design
	n := d.variables()
	m.coefficients = make([]float64, d.classes*n)
	m.intercepts = make([]float64, d.classes)
	unit := f.yScale
	if f.objective.loss == Poisson {
		unit = 1
	}
	for k := range d.classes {
		b := at[d.intercept(k)]
		for c := range d.columns {
			for j := d.first[c]; j < d.first[c+1]; j++ {
				v := at[k*n+j] * d.scale[j]
				b -= v*d.mean[j] + v*d.shift[c]
				m.coefficients[k*n+j] = v * unit
			}
		}
		m.intercepts[k] = b * unit
		switch f.objective.loss {
		case SquaredError:
			m.intercepts[k] += f.yMean
		case Poisson:
			m.intercepts[k] += math.Log(f.yScale)
		default:
		}
	}
	if d.classes > 1 {
		// The same constant on every intercept changes nothing: let them sum to 0.
		floats.AddConst(-floats.Sum(m.intercepts)/float64(d.classes), m.intercepts)
	}
}

// logits returns the intercepts of the model without variables.
func logits(y ml.Target, weights []float64, total float64, classes int) []float64 {
	shares := make([]float64, len(y.Classes))
	for i, v := range y.Values {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		shares[int(v)] += w / total
	}
	if classes == 1 {
		return []float64{math.Log(shares[1]) - math.Log(shares[0])}
	}
	for k, s := range shares {
		shares[k] = math.Log(max(s, 1e-12)) // a class may have no row
	}
	return shares
}

// scaled returns (v-mean)/scale of each value.
func scaled(values []float64, mean, scale float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = (v - mean) / scale
	}
	return out
}
