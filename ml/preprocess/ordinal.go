package preprocess

import (
	"context"
	"math"

	"github.com/narrativeml/narrative/ml/frame"
)

// Ordinal maps columns of strings to Float columns that hold the rank of the
// category in sorted order, from 0; the rare ones come last. Missing values and
// categories that training did not have stay missing, unless training had rare
// ones, which the latter then count among.
type Ordinal struct {
	columns []vocabulary
}

var _ Step = (*Ordinal)(nil)

// FitOrdinal fits an Ordinal on columns of strings of x. It returns an *ml.InputError for
// parameters out of their limits and columns that are missing or hold something
// else. Weights, which every Fit function takes, change nothing.
func FitOrdinal(ctx context.Context, x *frame.Frame, p CategoryParams, _ ...float64) (*Ordinal, error) {
	columns, err := fitVocabularies(ctx, x, p)
	if err != nil {
		return nil, err
	}
	return &Ordinal{columns: columns}, nil
}

// Transform implements ml.Transformer.
func (o *Ordinal) Transform(x *frame.Frame) (*frame.Frame, error) {
	return o.transform(context.Background(), x)
}

func (o *Ordinal) transform(ctx context.Context, x *frame.Frame) (*frame.Frame, error) {
	entry := map[string][]frame.Column{}
	for i := range o.columns {
		v := &o.columns[i]
		c, err := column(ctx, x, v.column, isString, "strings")
		if err != nil {
			return nil, err
		}
		ranks := make([]float64, c.Len())
		for row, k := range v.codes(c) {
			ranks[row] = float64(k)
			if k < 0 {
				ranks[row] = math.NaN()
			}
		}
		entry[v.column] = []frame.Column{frame.NewFloat(v.column, ranks)}
	}
	return replace(x, entry)
}

func (o *Ordinal) kind() kind             { return kindOrdinal }
func (o *Ordinal) append(b []byte) []byte { return appendVocabularies(b, o.columns) }
