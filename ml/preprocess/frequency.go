package preprocess

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// FrequencyParams says which columns become frequencies.
type FrequencyParams struct {
	Columns []string // empty: all of strings
}

// DefaultFrequencyParams names every column of strings.
func DefaultFrequencyParams() FrequencyParams { return FrequencyParams{} }

// Validate returns nil: there is nothing to get wrong before a table is there.
func (FrequencyParams) Validate() error { return nil }

// Frequency maps columns of strings to Float columns that hold the share of
// the category among the training rows that have one, 0 to 1. A category that
// training did not have has the share 0; missing values stay missing.
type Frequency struct {
	columns []shares
}

type shares struct {
	column     string
	categories []string // ascending
	share      []float64
}

var _ Step = (*Frequency)(nil)

// FitFrequency fits a Frequency on columns of strings of x. Weights are those
// of the rows, and a share is one of weight. It returns an *ml.InputError for
// weights out of their limits and columns that are missing or hold something
// else.
func FitFrequency(ctx context.Context, x *frame.Frame, p FrequencyParams, weights ...float64) (*Frequency, error) {
	if err := cmp.Or(p.Validate(), checkWeights(x, weights)); err != nil {
		return nil, err
	}
	columns, err := choose(ctx, x, p.Columns, isString, "strings")
	if err != nil {
		return nil, err
	}
	f := &Frequency{columns: make([]shares, len(columns))}
	for i, c := range columns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f.columns[i] = newShares(c, weights)
	}
	return f, nil
}

func newShares(c frame.Column, weights []float64) shares {
	s := shares{column: c.Name()}
	sums := weightOf(c, weights)
	var order []int
	total := 0.0
	for k, sum := range sums {
		if sum > 0 {
			order = append(order, k)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(c.Dict()[a], c.Dict()[b]) })
	for _, k := range order {
		total += sums[k]
	}
	for _, k := range order {
		s.categories = append(s.categories, c.Dict()[k])
		s.share = append(s.share, min(sums[k]/total, 1))
	}
	return s
}

// Transform implements ml.Transformer.
func (f *Frequency) Transform(x *frame.Frame) (*frame.Frame, error) {
	return f.transform(context.Background(), x)
}

func (f *Frequency) transform(ctx context.Context, x *frame.Frame) (*frame.Frame, error) {
	entry := map[string][]frame.Column{}
	for i := range f.columns {
		s := &f.columns[i]
		c, err := column(ctx, x, s.column, isString, "strings")
		if err != nil {
			return nil, err
		}
		of := make([]float64, len(c.Dict()))
		for k, text := range c.Dict() {
			if at, ok := slices.BinarySearch(s.categories, text); ok {
				of[k] = s.share[at]
			}
		}
		values := make([]float64, c.Len())
		for row, k := range c.Codes() {
			values[row] = math.NaN()
			if k >= 0 {
				values[row] = of[k]
			}
		}
		entry[s.column] = []frame.Column{frame.NewFloat(s.column, values)}
	}
	return replace(x, entry)
}

func (f *Frequency) kind() kind { return kindFrequency }

func (f *Frequency) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.columns)))
	for i := range f.columns {
		s := &f.columns[i]
		b = wire.AppendString(b, s.column)
		b = wire.AppendStrings(b, s.categories)
		b = wire.AppendFloats(b, s.share...)
	}
	return b
}

func decodeFrequency(r *wire.Reader) *Frequency {
	f := &Frequency{}
	for range r.Count(8) {
		s := shares{column: r.String(), categories: r.Strings()}
		s.share = r.Floats(len(s.categories))
		for i := range s.share {
			if i > 0 && s.categories[i-1] >= s.categories[i] {
				r.Fail("the categories of column %q are not in order", s.column)
			}
			if s.share[i] < 0 || s.share[i] > 1 {
				r.Fail("the share of category %q of column %q is %v", s.categories[i], s.column, s.share[i])
			}
		}
		if r.Err() != nil {
			break
		}
		f.columns = append(f.columns, s)
	}
	return f
}
