package automl

import (
	"context"
	"math"
	"strings"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// chooseFeatures returns the columns to learn from, with all rows.
func chooseFeatures(p Params, data *frame.Frame) (*frame.Frame, error) {
	if len(p.Features) == 0 {
		x := data.Without(p.Target, p.GroupColumn, p.WeightColumn)
		if len(x.Columns()) == 0 {
			return nil, input("no_features", "", "the table has no column besides the target %q to learn from, at least one is needed", p.Target)
		}
		return x, nil
	}
	for _, name := range p.Features {
		if _, ok := data.Column(name); !ok {
			return nil, input("unknown_feature", name, "the table has no column %q to learn from", name)
		}
	}
	return data.Select(p.Features...)
}

// checkFinite finds the first infinite value in the rows.
func checkFinite(ctx context.Context, x *frame.Frame, rows []int) error {
	for _, c := range x.Columns() {
		if err := ctx.Err(); err != nil {
			return err
		}
		values := c.Floats()
		if values == nil {
			continue
		}
		for _, row := range rows {
			if math.IsInf(values[row], 0) {
				return infinite(c.Name(), row)
			}
		}
	}
	return nil
}

// screen returns the training rows without the columns that say nothing, and
// a note for each of those.
func screen(ctx context.Context, x *frame.Frame) (*frame.Frame, []string, error) {
	drop, err := preprocess.FitDrop(ctx, x, preprocess.DefaultDropParams())
	if err != nil {
		return nil, nil, err
	}
	var notes []string
	for _, d := range drop.Dropped() {
		notes = append(notes, d.Note)
	}
	kept, err := preprocess.Apply(ctx, []preprocess.Step{drop}, x)
	if err != nil {
		return nil, nil, err
	}
	if len(kept.Columns()) == 0 {
		return nil, nil, input("no_features", "", "no column is left to learn from. %s", strings.Join(notes, " "))
	}
	for _, c := range kept.Columns() {
		if countsRows(c) {
			notes = append(notes, "Column \""+c.Name()+"\" counts the rows; if it only numbers them, leave it out.")
		}
	}
	return kept, notes, nil
}

// countsRows reports whether a column of whole numbers rises from row to row
// without ever repeating, as row numbers do.
func countsRows(c frame.Column) bool {
	if c.Type() != frame.Int || c.Nulls() > 0 || c.Len() < 2 {
		return false
	}
	values := c.Ints()
	for i := 1; i < len(values); i++ {
		if values[i] <= values[i-1] {
			return false
		}
	}
	// Drawn rows leave gaps: on average few, in a count.
	return values[len(values)-1]-values[0] <= 2*int64(len(values))
}

// take is x.Take for many rows: it looks at ctx between columns.
func take(ctx context.Context, x *frame.Frame, rows []int) (*frame.Frame, error) {
	columns := make([]frame.Column, len(x.Columns()))
	for i, c := range x.Columns() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		columns[i] = c.Take(rows)
	}
	return frame.New(columns...)
}
