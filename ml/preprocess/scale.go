package preprocess

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// Scale maps columns of numbers to Float columns with mean 0 and standard
// deviation 1 in training. A column that was constant becomes 0. Missing
// values stay missing.
type Scale struct {
	columns []scaling
}

type scaling struct {
	column          string
	mean, deviation float64 // deviation 0: the column was constant
}

var _ Step = (*Scale)(nil)

// FitScale fits a Scale on every column of numbers of x.
func FitScale(ctx context.Context, x *frame.Frame) (*Scale, error) {
	s := &Scale{}
	for _, c := range x.Columns() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !c.Type().Numeric() {
			continue
		}
		mean, deviation := moments(present(c))
		// What is left of a constant by rounding is not a deviation.
		if deviation <= 1e-14*math.Abs(mean) {
			deviation = 0
		}
		s.columns = append(s.columns, scaling{c.Name(), mean, deviation})
	}
	return s, nil
}

// Transform implements ml.Transformer.
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
	if f.deviation == 0 {
		return 0
	}
	z := (v - f.mean) / f.deviation
	return max(-math.MaxFloat64, min(z, math.MaxFloat64))
}

func (s *Scale) kind() kind { return kindScale }

func (s *Scale) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.columns)))
	for _, f := range s.columns {
		b = wire.AppendString(b, f.column)
		b = wire.AppendFloats(b, f.mean)
		b = wire.AppendFloats(b, f.deviation)
	}
	return b
}

func decodeScale(r *wire.Reader) *Scale {
	s := &Scale{}
	for range r.Count(20) {
		f := scaling{r.String(), r.Float(), r.Float()}
		if f.deviation < 0 {
			r.Fail("the deviation of column %q is negative", f.column)
		}
		if r.Err() != nil {
			break
		}
		s.columns = append(s.columns, f)
	}
	return s
}
