package preprocess

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// Drop removes columns. It is what DropParams, VarianceParams and
// CorrelationParams are fitted to.
type Drop struct {
	columns []string
	why     []Dropped // as columns; empty after Decode
}

// Dropped is a column that Drop removes, and why.
type Dropped struct {
	Column string
	Reason string // all_missing, constant, unique_text, low_variance or correlated
	Note   string // a sentence for people
}

var _ Step = (*Drop)(nil)

func newDrop(why []Dropped) *Drop {
	d := &Drop{why: why}
	for _, w := range why {
		d.columns = append(d.columns, w.Column)
	}
	return d
}

// Dropped returns what is removed, in the order of the table. Reasons are not
// written: a Drop that was decoded knows the columns alone.
func (d *Drop) Dropped() []Dropped {
	if d.why != nil {
		return slices.Clone(d.why)
	}
	out := make([]Dropped, len(d.columns))
	for i, name := range d.columns {
		out[i].Column = name
	}
	return out
}

// DropParams says which columns say nothing.
type DropParams struct {
	Columns    []string // that may be dropped; empty: all
	UniqueText float64  // the part of the rows from which on different texts are taken for names or identifiers, 0 to 1; 0: never
	FewTexts   int      // unless there are fewer different ones; at least 1
}

// DefaultDropParams takes texts for names when half of the rows, and 20, differ.
func DefaultDropParams() DropParams { return DropParams{UniqueText: 0.5, FewTexts: 20} }

// Validate returns an error when a parameter is out of range.
func (p DropParams) Validate() error {
	return cmp.Or(
		inLimits(limit{"unique_text", p.UniqueText, 0, 1}),
		inRange(bound{"few_texts", p.FewTexts, 1, 1 << 30}),
	)
}

// FitDrop fits a Drop on x: columns without values, with a single value and no
// missing ones, and columns of strings of which too many differ. It returns an
// *ml.InputError for parameters out of their limits and columns that are
// missing. Weights change nothing.
func FitDrop(ctx context.Context, x *frame.Frame, p DropParams, _ ...float64) (*Drop, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	columns, err := choose(ctx, x, p.Columns, anyType, "")
	if err != nil {
		return nil, err
	}
	var why []Dropped
	for _, c := range columns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if reason, note := p.useless(c); reason != "" {
			why = append(why, Dropped{Column: c.Name(), Reason: reason, Note: note})
		}
	}
	return newDrop(why), nil
}

func (p DropParams) useless(c frame.Column) (reason, note string) {
	nulls := c.Nulls()
	rows := c.Len() - nulls
	switch {
	case rows == 0:
		return "all_missing", fmt.Sprintf("Column %q was left out: it has no values.", c.Name())
	case nulls == 0 && isConstant(c):
		return "constant", fmt.Sprintf("Column %q was left out: it has the same value in every row.", c.Name())
	case c.Type() != frame.String || p.UniqueText == 0:
		return "", ""
	}
	if n := Distinct(c); n >= p.FewTexts && float64(n) >= p.UniqueText*float64(rows) {
		return "unique_text", fmt.Sprintf("Column %q was left out: its %d values are %d different texts, like names or identifiers, from which nothing general can be learned.", c.Name(), rows, n)
	}
	return "", ""
}

func isConstant(c frame.Column) bool {
	for i := 1; i < c.Len(); i++ {
		switch c.Type() {
		case frame.String:
			if c.Code(i) != c.Code(0) {
				return false
			}
		case frame.Float:
			if c.Float(i) != c.Float(0) {
				return false
			}
		default:
			if c.Int(i) != c.Int(0) {
				return false
			}
		}
	}
	return true
}

// Distinct returns the number of different values of c that are not missing.
func Distinct(c frame.Column) int {
	if c.Type() == frame.String {
		seen, n := make([]bool, len(c.Dict())), 0
		for _, k := range c.Codes() {
			if k >= 0 && !seen[k] {
				seen[k] = true
				n++
			}
		}
		return n
	}
	seen := map[uint64]struct{}{}
	for i := range c.Len() {
		switch {
		case c.Null(i):
		case c.Type() == frame.Float:
			seen[math.Float64bits(c.Float(i)+0)] = struct{}{} // +0: -0 is 0
		default:
			seen[uint64(c.Int(i))] = struct{}{}
		}
	}
	return len(seen)
}

// Transform implements ml.Transformer.
func (d *Drop) Transform(x *frame.Frame) (*frame.Frame, error) {
	return d.transform(context.Background(), x)
}

func (d *Drop) transform(_ context.Context, x *frame.Frame) (*frame.Frame, error) {
	return x.Without(d.columns...), nil
}

func (d *Drop) kind() kind             { return kindDrop }
func (d *Drop) append(b []byte) []byte { return wire.AppendStrings(b, d.columns) }

func decodeDrop(r *wire.Reader) *Drop { return &Drop{columns: r.Strings()} }
