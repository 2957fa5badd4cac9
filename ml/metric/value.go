package metric

import (
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
)

// meanOf returns the weighted mean of a function of the true value and the
// output.
func (s *scoring) meanOf(f func(y, p float64) float64) float64 {
	return weightedMean(s.y, func(i int) float64 { return f(s.y.Values[i], s.outputs[i]) })
}

func squared(y, p float64) float64 { return (p - y) * (p - y) }

func absolute(y, p float64) float64 { return math.Abs(p - y) }

func (s *scoring) mse() float64 { return s.meanOf(squared) }

func (s *scoring) rmse() float64 { return math.Sqrt(s.mse()) }

func (s *scoring) mae() float64 { return s.meanOf(absolute) }

func (s *scoring) mape() float64 {
	return s.meanOf(func(y, p float64) float64 { return absolute(y, p) / max(math.Abs(y), epsilon) })
}

// smape is 0 where both are 0.
func (s *scoring) smape() float64 {
	return s.meanOf(func(y, p float64) float64 {
		if y == p {
			return 0
		}
		if math.Abs(y) > 1 || math.Abs(p) > 1 {
			y, p = y/4, p/4 // so that no sum overflows
		}
		return 2 * absolute(y, p) / (math.Abs(y) + math.Abs(p))
	})
}

func (s *scoring) maxError() float64 {
	largest := 0.0
	for i, y := range s.y.Values {
		largest = max(largest, absolute(y, s.outputs[i]))
	}
	return largest
}

func (s *scoring) medianAE() float64 {
	errs := make([]float64, len(s.outputs))
	for i, y := range s.y.Values {
		errs[i] = bounded(absolute(y, s.outputs[i]))
	}
	low, high := quantiles(errs, s.y.Weights, 0.5)
	return low/2 + high/2
}

// quantiles returns the least value below or at which the share lies by weight,
// and the one after it where the share ends exactly with it, else the same.
func quantiles(values, weights []float64, share float64) (low, high float64) {
	order := descending(values)
	slices.Reverse(order)
	weight := func(i int32) float64 {
		if weights == nil {
			return 1
		}
		return weights[i]
	}
	total := 0.0
	for _, i := range order {
		total += weight(i)
	}
	sum := 0.0
	for n, i := range order {
		sum += weight(i)
		if sum >= share*total || n == len(order)-1 {
			low, high = values[i], values[i]
			if sum == share*total && n+1 < len(order) {
				high = values[order[n+1]]
			}
			break
		}
	}
	return low, high
}

// msle is undefined below 0, as in scikit-learn, though the logarithm is not
// until -1.
func (s *scoring) msle(name string) (float64, error) {
	for i, y := range s.y.Values {
		if y < 0 {
			return 0, outside(TargetRange, name, "the true value", y, i, "0 or more")
		}
		if p := s.outputs[i]; p < 0 {
			return 0, outside(OutputRange, name, "an output", p, i, "0 or more")
		}
	}
	return s.meanOf(func(y, p float64) float64 { return squared(math.Log1p(y), math.Log1p(p)) }), nil
}

func (s *scoring) rmsle() (float64, error) {
	v, err := s.msle(RMSLE)
	return math.Sqrt(v), err
}

func outside(code, name, what string, value float64, row int, want string) error {
	e := inputError(code, "%s is undefined when %s is %v; it must be %s", name, what, value, want)
	e.Row = row
	return e
}

// pinball is the mean loss of a quantile (R. Koenker and G. Bassett, Regression
// quantiles, 1978).
func (s *scoring) pinball(alpha float64) float64 {
	return s.meanOf(func(y, p float64) float64 { return max(alpha*(y-p), (alpha-1)*(y-p)) })
}

// tamed returns the scoring with true values of at most 1 when they are so
// large or small that squares of them are not within float64; a share of what
// is saved stays the same.
func (s *scoring) tamed() *scoring {
	largest := 0.0
	for _, y := range s.y.Values {
		largest = max(largest, math.Abs(y))
	}
	if largest == 0 || largest > 1e-100 && largest < 1e100 {
		return s
	}
	_, power := math.Frexp(largest)
	t := *s
	t.y.Values, t.outputs = make([]float64, len(s.outputs)), make([]float64, len(s.outputs))
	for i, y := range s.y.Values {
		t.y.Values[i], t.outputs[i] = math.Ldexp(y, -power), math.Ldexp(s.outputs[i], -power)
	}
	return &t
}

// saved returns which share of the loss of the best constant is saved. Where
// the target is constant that is everything if every value is met, else
// nothing.
func (s *scoring) saved(name string, loss func(s *scoring) float64, constant func(t ml.Target) float64) (float64, error) {
	if len(s.outputs) < 2 {
		return 0, inputError(TooFewRows, "%s is undefined for one row; at least 2 are needed", name)
	}
	s = s.tamed()
	left := loss(s)
	if slices.Min(s.y.Values) == slices.Max(s.y.Values) {
		return met(left), nil
	}
	if math.IsNaN(left) { // of outputs whose sum is beyond the range of float64
		left = math.Inf(1)
	}
	best := *s
	best.outputs = slices.Repeat([]float64{constant(s.y)}, len(s.outputs))
	all := loss(&best)
	if math.IsInf(all, 1) && math.IsInf(left, 1) {
		return 0, nil // as far as float64 can tell them apart
	}
	if all == 0 { // as far as float64 can tell the target is constant
		return met(left), nil
	}
	return 1 - left/all, nil
}

// met is the share of the loss of a constant target that is saved.
func met(left float64) float64 {
	if left > 0 {
		return 0
	}
	return 1
}

func meanValue(t ml.Target) float64 {
	return weightedMean(t, func(i int) float64 { return t.Values[i] })
}

func (s *scoring) r2() (float64, error) { return s.saved(R2, (*scoring).mse, meanValue) }

// explained is r2 of errors whose mean is taken off; constant errors explain
// everything.
func (s *scoring) explained() (float64, error) {
	return s.saved(Explained, func(s *scoring) float64 {
		first, constant := s.outputs[0]-s.y.Values[0], true
		center := s.meanOf(func(y, p float64) float64 {
			constant = constant && p-y == first
			return p - y
		})
		if constant {
			return 0
		}
		return s.meanOf(func(y, p float64) float64 { return squared(center, p-y) })
	}, meanValue)
}

func (s *scoring) d2Pinball(name string, alpha float64) (float64, error) {
	return s.saved(name, func(s *scoring) float64 { return s.pinball(alpha) }, func(t ml.Target) float64 {
		low, _ := quantiles(t.Values, t.Weights, alpha)
		return low
	})
}
