package preprocess

import (
	"context"

	"github.com/narrativeml/narrative/ml/frame"
)

// Group maps columns of strings to columns with a fixed dictionary, in which
// rare categories are one. A category that training did not have counts as
// rare when training had rare ones, else as missing.
type Group struct {
	columns []vocabulary
}

var _ Step = (*Group)(nil)

// FitGroup fits a Group on columns of strings of x. It returns an *ml.InputError for
// parameters out of their limits and columns that are missing or hold something
// else. Weights, which every Fit function takes, change nothing.
func FitGroup(ctx context.Context, x *frame.Frame, p CategoryParams, _ ...float64) (*Group, error) {
	columns, err := fitVocabularies(ctx, x, p)
	if err != nil {
		return nil, err
	}
	return &Group{columns: columns}, nil
}

// Transform implements ml.Transformer.
func (g *Group) Transform(x *frame.Frame) (*frame.Frame, error) {
	return g.transform(context.Background(), x)
}

func (g *Group) transform(ctx context.Context, x *frame.Frame) (*frame.Frame, error) {
	entry := map[string][]frame.Column{}
	for i := range g.columns {
		v := &g.columns[i]
		c, err := column(ctx, x, v.column, isString, "strings")
		if err != nil {
			return nil, err
		}
		entry[v.column] = []frame.Column{frame.NewString(v.column, v.codes(c), v.dict())}
	}
	return replace(x, entry)
}

func (g *Group) kind() kind             { return kindGroup }
func (g *Group) append(b []byte) []byte { return appendVocabularies(b, g.columns) }
