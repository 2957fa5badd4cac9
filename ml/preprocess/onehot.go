package preprocess

import (
	"context"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// OneHot maps each column of strings to a Float column of 0 and 1 for every
// category, one for the rare ones together and one for missing values, where
// training had such. A category that training did not have counts as rare, or
// is 0 everywhere.
type OneHot struct {
	columns []hotColumn
}

type hotColumn struct {
	vocabulary
	names   []string // of the columns made: each code, then missing
	missing bool     // whether there is a column for missing values
}

var _ Step = (*OneHot)(nil)

// FitOneHot fits an OneHot on columns of strings of x. It returns an *ml.InputError for
// parameters out of their limits and columns that are missing or hold something
// else. Weights, which every Fit function takes, change nothing.
func FitOneHot(ctx context.Context, x *frame.Frame, p CategoryParams, _ ...float64) (*OneHot, error) {
	all, err := fitVocabularies(ctx, x, p)
	if err != nil {
		return nil, err
	}
	names := newNamer(x)
	o := &OneHot{}
	for _, v := range all {
		c, _ := x.Column(v.column)
		h := hotColumn{vocabulary: v, missing: c.Nulls() > 0}
		for _, s := range v.dict() {
			h.names = append(h.names, names.name(v.column+"="+s))
		}
		if h.missing {
			h.names = append(h.names, names.name(v.column+" is missing"))
		}
		o.columns = append(o.columns, h)
	}
	return o, nil
}

// Transform implements ml.Transformer.
func (o *OneHot) Transform(x *frame.Frame) (*frame.Frame, error) {
	return o.transform(context.Background(), x)
}

func (o *OneHot) transform(ctx context.Context, x *frame.Frame) (*frame.Frame, error) {
	entry := map[string][]frame.Column{}
	for i := range o.columns {
		h := &o.columns[i]
		c, err := column(ctx, x, h.column, isString, "strings")
		if err != nil {
			return nil, err
		}
		entry[h.column] = h.encode(c)
	}
	return replace(x, entry)
}

func (h *hotColumn) encode(c frame.Column) []frame.Column {
	values := make([][]float64, len(h.names))
	for k := range values {
		values[k] = make([]float64, c.Len())
	}
	for i, k := range h.codes(c) {
		switch {
		case k >= 0:
			values[k][i] = 1
		case h.missing && c.Null(i):
			values[len(values)-1][i] = 1
		}
	}
	columns := make([]frame.Column, len(values))
	for k, v := range values {
		columns[k] = frame.NewFloat(h.names[k], v)
	}
	return columns
}

func (o *OneHot) kind() kind { return kindOneHot }

func (o *OneHot) append(b []byte) []byte {
	all := make([]vocabulary, len(o.columns))
	for i, h := range o.columns {
		all[i] = h.vocabulary
	}
	b = appendVocabularies(b, all)
	for _, h := range o.columns {
		b = wire.AppendBool(b, h.missing)
		b = wire.AppendStrings(b, h.names)
	}
	return b
}

func decodeOneHot(r *wire.Reader) *OneHot {
	o := &OneHot{}
	for _, v := range decodeVocabularies(r) {
		o.columns = append(o.columns, hotColumn{vocabulary: v})
	}
	for i := range o.columns {
		h := &o.columns[i]
		h.missing, h.names = r.Bool(), r.Strings()
		want := h.size()
		if h.missing {
			want++
		}
		if r.Err() == nil && (len(h.names) != want || slices.Contains(h.names, "")) {
			r.Fail("column %q has %d names for %d columns", h.column, len(h.names), want)
		}
	}
	return o
}
