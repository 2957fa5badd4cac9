package preprocess

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// Method is how columns of numbers are made comparable: a value becomes
// (value − center) / unit.
type Method string

// The methods.
const (
	// Standard has the mean as the center and the standard deviation (by the
	// number of values) as the unit. It honours weights.
	Standard Method = "standard"
	// MinMax maps the smallest value to 0 and the largest to 1.
	MinMax Method = "minmax"
	// Robust has the median as the center and the range between two quantiles
	// as the unit, which outliers hardly move. Where the quantiles are equal
	// but not all values, the unit is 1. It takes no notice of weights.
	Robust Method = "robust"
	// MaxAbs divides by the largest magnitude, so that zeros stay zeros.
	MaxAbs Method = "maxabs"
)

// ScaleParams says how numbers are scaled.
type ScaleParams struct {
	Columns []string // empty: all of numbers
	Method  Method
	Low     float64 // the lower quantile of Robust, 0 to 1 and less than High
	High    float64 // the upper quantile of Robust
}

// DefaultScaleParams gives every column the mean 0 and the standard deviation
// 1; for Robust they name the quartiles.
func DefaultScaleParams() ScaleParams { return ScaleParams{Method: Standard, Low: 0.25, High: 0.75} }

// Validate returns an error when a parameter is out of range.
func (p ScaleParams) Validate() error {
	switch p.Method {
	case Standard, MinMax, MaxAbs:
		return nil
	case Robust:
	default:
		return invalid("method", fmt.Sprintf("method is %q, it should be standard, minmax, robust or maxabs", p.Method))
	}
	if err := inLimits(limit{"low", p.Low, 0, 1}, limit{"high", p.High, 0, 1}); err != nil {
		return err
	}
	if p.Low >= p.High {
		return invalid("low", fmt.Sprintf("low is %v and high is %v, low should be less", p.Low, p.High))
	}
	return nil
}

// Scale maps columns of numbers to Float columns on a common scale. A column
// that was constant in training becomes 0, for MaxAbs only where it was 0.
// Missing values stay missing. Results beyond the largest number are that
// number.
type Scale struct {
	columns []scaling
}

type scaling struct {
	column       string
	center, unit float64 // unit 0: every value becomes 0
}

var _ Step = (*Scale)(nil)

// FitScale fits a Scale on columns of numbers of x. Weights are those of the
// rows. It returns an *ml.InputError for parameters or weights out of their
// limits, columns that are missing or hold something else, and infinite values.
func FitScale(ctx context.Context, x *frame.Frame, p ScaleParams, weights ...float64) (*Scale, error) {
	if err := cmp.Or(p.Validate(), checkWeights(x, weights)); err != nil {
		return nil, err
	}
	columns, err := choose(ctx, x, p.Columns, frame.Type.Numeric, "numbers")
	if err != nil {
		return nil, err
	}
	s := &Scale{columns: make([]scaling, len(columns))}
	for i, c := range columns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		values, err := newSample(c, weights)
		if err != nil {
			return nil, err
		}
		f := scaling{column: c.Name()}
		if len(values.values) > 0 {
			f.center, f.unit = p.measure(values)
		}
		s.columns[i] = f
	}
	return s, nil
}

// measure returns the center and the unit of values, of which there is at least
// one.
func (p ScaleParams) measure(s sample) (center, unit float64) {
	switch p.Method {
	case MinMax:
		lo, hi := slices.Min(s.values), slices.Max(s.values)
		return lo, min(hi-lo, math.MaxFloat64)
	case MaxAbs:
		return 0, max(slices.Max(s.values), -slices.Min(s.values))
	case Robust:
		if s.isConstant() {
			return s.values[0], 0
		}
		slices.Sort(s.values)
		center = quantile(s.values, 0.5)
		unit = min(quantile(s.values, p.High)-quantile(s.values, p.Low), math.MaxFloat64)
		if unit <= 0 {
			unit = 1
		}
		return center, unit
	default:
		center, unit = s.moments()
		// What is left of a constant by rounding is not a deviation.
		if unit <= 1e-14*math.Abs(center) {
			unit = 0
		}
		return center, unit
	}
}

// Transform implements ml.Transformer. An infinite value is an *ml.InputError.
func (s *Scale) Transform(x *frame.Frame) (*frame.Frame, error) {
	return s.transform(context.Background(), x)
}

func (s *Scale) transform(ctx context.Context, x *frame.Frame) (*frame.Frame, error) {
	entry := map[string][]frame.Column{}
	for _, f := range s.columns {
		c, err := column(ctx, x, f.column, frame.Type.Numeric, "numbers")
		if err != nil {
			return nil, err
		}
		if err := checkFinite(c); err != nil {
			return nil, err
		}
		values := make([]float64, c.Len())
		for i := range values {
			values[i] = f.apply(c.Float(i))
		}
		entry[f.column] = []frame.Column{frame.NewFloat(f.column, values)}
	}
	return replace(x, entry)
}

func (f scaling) apply(v float64) float64 {
	if math.IsNaN(v) {
		return v
	}
	if f.unit == 0 {
		return 0
	}
	d := v - f.center
	if math.IsInf(d, 0) {
		return max(-math.MaxFloat64, min((v/2-f.center/2)/(f.unit/2), math.MaxFloat64))
	}
	return max(-math.MaxFloat64, min(d/f.unit, math.MaxFloat64))
}

func (s *Scale) kind() kind { return kindScale }

func (s *Scale) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.columns)))
	for _, f := range s.columns {
		b = wire.AppendString(b, f.column)
		b = wire.AppendFloats(b, f.center)
		b = wire.AppendFloats(b, f.unit)
	}
	return b
}

func decodeScale(r *wire.Reader) *Scale {
	s := &Scale{}
	for range r.Count(20) {
		f := scaling{r.String(), r.Float(), r.Float()}
		if f.unit < 0 {
			r.Fail("the unit of column %q is negative", f.column)
		}
		if r.Err() != nil {
			break
		}
		s.columns = append(s.columns, f)
	}
	return s
}
