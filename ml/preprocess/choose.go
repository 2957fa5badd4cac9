package preprocess

import (
	"context"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// choose returns the columns of x that a step is fitted on: those named, or
// without names all whose type fits. want says what a column should hold.
func choose(ctx context.Context, x *frame.Frame, names []string, fits func(frame.Type) bool, want string) ([]frame.Column, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var columns []frame.Column
	if len(names) == 0 {
		for _, c := range x.Columns() {
			if fits(c.Type()) {
				columns = append(columns, c)
			}
		}
		return columns, nil
	}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			return nil, &ml.InputError{Code: "duplicate_column", Column: name, Parameter: "columns", Row: -1, Message: fmt.Sprintf("column %q was named twice, once is enough", name)}
		}
		seen[name] = true
		c, err := column(ctx, x, name, fits, want)
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// column returns a column that a step needs, or the error of ctx.
func column(ctx context.Context, x *frame.Frame, name string, fits func(frame.Type) bool, want string) (frame.Column, error) {
	if err := ctx.Err(); err != nil {
		return frame.Column{}, err
	}
	c, ok := x.Column(name)
	if !ok {
		return c, &ml.InputError{Code: "missing_column", Column: name, Row: -1, Message: fmt.Sprintf("column %q is missing", name)}
	}
	if !fits(c.Type()) {
		return c, &ml.InputError{Code: "column_type", Column: name, Row: -1, Message: fmt.Sprintf("column %q holds values of type %s, it should hold %s", name, c.Type(), want)}
	}
	return c, nil
}

func isString(t frame.Type) bool { return t == frame.String }
func isTime(t frame.Type) bool   { return t == frame.Time }
func anyType(frame.Type) bool    { return true }

// isQuantity leaves out instants, whose numbers are of no scale of the table.
func isQuantity(t frame.Type) bool { return t.Numeric() && t != frame.Time }

// checkWeights returns an error unless there are no weights or a good one for
// each row.
func checkWeights(x *frame.Frame, weights []float64) error {
	if weights != nil && len(weights) != x.Rows() {
		return &ml.InputError{Code: "weights_length", Row: -1, Message: fmt.Sprintf("there are %d weights for a table of %d rows; give one for each row, or none", len(weights), x.Rows())}
	}
	for i, w := range weights {
		if math.IsNaN(w) || w <= 0 || math.IsInf(w, 1) {
			return &ml.InputError{Code: "bad_weight", Row: i, Message: fmt.Sprintf("the weight is %v; it must be a finite number above 0", w)}
		}
	}
	return nil
}

// checkFinite returns an error for the first infinite value of c.
func checkFinite(c frame.Column) error {
	for i, v := range c.Floats() {
		if math.IsInf(v, 0) {
			return &ml.InputError{Code: "infinite_value", Column: c.Name(), Row: i, Message: fmt.Sprintf("column %q is infinite in row %d, it should be a finite number or missing", c.Name(), i+1)}
		}
	}
	return nil
}
