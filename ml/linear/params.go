package linear

import (
	"fmt"
	"math"
	"strconv"

	"github.com/narrativeml/narrative/ml"
)

// Params are the parameters.
type Params struct {
	// Alpha is the strength of the L2 penalty on the coefficients, 0 to 1e12,
	// default 1. The intercept is not penalised. Classification minimises
	// the sum of weight*loss plus Alpha/2 times the squared coefficients (the C
	// of other libraries is 1/Alpha); Regression minimises the sum of
	// weight*error² plus Alpha times the squared coefficients.
	Alpha float64
	// MaxIterations ends the search for the minimum, 1 to 1,000,000, default
	// 1,000.
	MaxIterations int
	// Tolerance ends it when no derivative of the mean loss by a coefficient of
	// a standardised feature is larger, 1e-14 to 1, default 1e-7. For
	// Regression it is relative to the spread of the target.
	Tolerance float64
}

// DefaultParams returns the parameters to start from.
func DefaultParams() Params {
	return Params{Alpha: 1, MaxIterations: 1000, Tolerance: 1e-7}
}

// Validate returns an *ml.InputError that names the first parameter out of its
// limits, or nil.
func (p Params) Validate() error {
	switch {
	case outside(p.Alpha, 0, 1e12):
		return paramError("alpha", p.Alpha, "a number from 0 to 1e12")
	case p.MaxIterations < 1 || p.MaxIterations > 1_000_000:
		return paramError("max_iterations", float64(p.MaxIterations), "a whole number from 1 to 1000000")
	case outside(p.Tolerance, 1e-14, 1):
		return paramError("tolerance", p.Tolerance, "a number from 1e-14 to 1")
	default:
		return nil
	}
}

func outside(v, low, high float64) bool { return math.IsNaN(v) || v < low || v > high }

func paramError(name string, value float64, want string) *ml.InputError {
	got := strconv.FormatFloat(value, 'g', -1, 64)
	return &ml.InputError{
		Code: "bad_parameter", Parameter: name, Row: -1,
		Message: fmt.Sprintf("the parameter %s is %s; it must be %s", name, got, want),
	}
}
