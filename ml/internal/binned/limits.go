package binned

import (
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

const (
	// MaxRows is the most rows that trees are grown from.
	MaxRows = 1 << 25
	// MaxTarget is the most that a target may amount to, so that squares do not
	// overflow.
	MaxTarget = 1e100
	// MaxWeight is the largest weight, and the least is one over it.
	MaxWeight = 1e50
)

// CheckTable returns an *ml.InputError for a table that trees cannot be grown
// from: one without rows or columns, or of more than MaxRows rows.
func CheckTable(x *frame.Frame) error {
	switch {
	case x.Rows() == 0:
		return &ml.InputError{Code: "no_rows", Row: -1, Message: "the table has no rows; at least one is needed"}
	case len(x.Columns()) == 0:
		return &ml.InputError{Code: "no_columns", Row: -1, Message: "the table has no columns; at least one is needed"}
	case x.Rows() > MaxRows:
		return &ml.InputError{Code: "too_many_rows", Row: -1, Message: fmt.Sprintf(
			"the table has %d rows; at most %d can be trained on", x.Rows(), MaxRows)}
	}
	return nil
}

// CheckTarget returns an *ml.InputError for a value or a weight beyond the limits.
func CheckTarget(y ml.Target) error {
	for i, v := range y.Values {
		if math.Abs(v) > MaxTarget {
			return &ml.InputError{Code: "target_magnitude", Row: i, Message: fmt.Sprintf(
				"the target is %g in row %d; it must be between -1e100 and 1e100", v, i+1)}
		}
	}
	for i, w := range y.Weights {
		if w > MaxWeight || w < 1/MaxWeight {
			return &ml.InputError{Code: "bad_weight", Row: i, Message: fmt.Sprintf(
				"the weight is %g in row %d; it must be between 1e-50 and 1e50", w, i+1)}
		}
	}
	return nil
}
