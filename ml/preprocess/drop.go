package preprocess

import (
	"context"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// Drop removes columns that say nothing.
type Drop struct {
	columns []string
}

// Dropped is a column that Drop removes, and why.
type Dropped struct {
	Column string
	Reason string // all_missing, constant or unique_text
	Note   string // a sentence for people
}

// uniqueText is the part of the rows from which on different texts are taken
// for names or identifiers, unless there are fewer than fewTexts.
const (
	uniqueText = 0.5
	fewTexts   = 20
)

var _ Step = (*Drop)(nil)

// FitDrop fits a Drop on x: columns without values, with a single value and no
// missing ones, and columns of strings of which at least half differ.
func FitDrop(ctx context.Context, x *frame.Frame) (*Drop, []Dropped, error) {
	d := &Drop{}
	var why []Dropped
	for _, c := range x.Columns() {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		reason, note := useless(c)
		if reason == "" {
			continue
		}
		d.columns = append(d.columns, c.Name())
		why = append(why, Dropped{Column: c.Name(), Reason: reason, Note: note})
	}
	return d, why, nil
}

func useless(c frame.Column) (reason, note string) {
	nulls := c.Nulls()
	rows := c.Len() - nulls
	switch {
	case rows == 0:
		return "all_missing", fmt.Sprintf("Column %q was left out: it has no values.", c.Name())
	case nulls == 0 && isConstant(c):
		return "constant", fmt.Sprintf("Column %q was left out: it has the same value in every row.", c.Name())
	case c.Type() != frame.String:
		return "", ""
	}
	if n := Distinct(c); n >= fewTexts && float64(n) >= uniqueText*float64(rows) {
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
