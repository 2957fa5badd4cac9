package preprocess

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml/frame"
)

// VarianceParams says from which variance on a column is kept.
type VarianceParams struct {
	Columns   []string // empty: all of floats, whole numbers and booleans
	Threshold float64  // columns whose variance is not above it go; at least 0
}

// DefaultVarianceParams drops columns of a single value.
func DefaultVarianceParams() VarianceParams { return VarianceParams{} }

// Validate returns an error when a parameter is out of range.
func (p VarianceParams) Validate() error {
	return inLimits(limit{"threshold", p.Threshold, 0, math.MaxFloat64})
}

// FitVariance fits a Drop of the columns of x whose variance, in the square of
// the column's unit and by the number of values, is not above the threshold.
// Missing values do not count; a column of them alone goes. Weights are those of
// the rows. It returns an *ml.InputError for parameters or weights out of their
// limits, columns that are missing or hold something else, and infinite values.
func FitVariance(ctx context.Context, x *frame.Frame, p VarianceParams, weights ...float64) (*Drop, error) {
	if err := cmp.Or(p.Validate(), checkWeights(x, weights)); err != nil {
		return nil, err
	}
	columns, err := choose(ctx, x, p.Columns, isQuantity, "numbers")
	if err != nil {
		return nil, err
	}
	var why []Dropped
	for _, c := range columns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s, err := newSample(c, weights)
		if err != nil {
			return nil, err
		}
		variance := 0.0
		if !s.isConstant() {
			_, deviation := s.moments()
			variance = deviation * deviation
		}
		if variance <= p.Threshold {
			why = append(why, Dropped{
				Column: c.Name(), Reason: "low_variance",
				Note: fmt.Sprintf("Column %q was left out: its variance is %.4g, not above %v.", c.Name(), variance, p.Threshold),
			})
		}
	}
	return newDrop(why), nil
}
