package ml

import (
	"fmt"
	"math"
)

// Weight returns the weight of row i, 1 when the target has no weights.
func (t Target) Weight(i int) float64 {
	if t.Weights == nil {
		return 1
	}
	return t.Weights[i]
}

// Outputs is the number of values a model of the target gives for each row:
// one probability for every class, or 1.
func (t Target) Outputs() int {
	if t.Task == Regression {
		return 1
	}
	return len(t.Classes)
}

// Validate reports, as an *InputError, whether the target fits a table of that
// many rows and can be learned or scored: a known task; at least one row; two
// classes for Binary, two or more for Multiclass and none for Regression; class
// names that differ; class indices within the classes; finite values; finite weights above 0. It does
// not ask that every class has a row.
func (t Target) Validate(rows int) error {
	switch {
	case t.Task != Binary && t.Task != Multiclass && t.Task != Regression:
		return targetError("unknown_task", -1, fmt.Sprintf(
			"the task %q is unknown; it is one of binary, multiclass and regression", t.Task))
	case len(t.Values) != rows:
		return targetError("target_length", -1, fmt.Sprintf(
			"the target has %d values for a table of %d rows; it needs one for each row", len(t.Values), rows))
	case t.Weights != nil && len(t.Weights) != rows:
		return targetError("weights_length", -1, fmt.Sprintf(
			"there are %d weights for a table of %d rows; give one for each row, or none", len(t.Weights), rows))
	case rows == 0:
		return targetError("no_rows", -1, "the table has no rows; at least one is needed")
	case t.Task == Binary && len(t.Classes) != 2:
		return targetError("class_count", -1, fmt.Sprintf(
			"a binary target has 2 classes, this one has %d", len(t.Classes)))
	case t.Task == Multiclass && len(t.Classes) < 2:
		return targetError("class_count", -1, fmt.Sprintf(
			"a multiclass target has at least 2 classes, this one has %d", len(t.Classes)))
	}
	if err := t.validateClasses(); err != nil {
		return err
	}
	if err := t.validateValues(); err != nil {
		return err
	}
	return t.validateWeights()
}

func (t Target) validateClasses() error {
	if t.Task == Regression && len(t.Classes) > 0 {
		return targetError("class_count", -1, fmt.Sprintf(
			"a regression target has no classes, this one has %d", len(t.Classes)))
	}
	seen := make(map[string]bool, len(t.Classes))
	for _, name := range t.Classes {
		if seen[name] {
			return targetError("duplicate_class", -1, fmt.Sprintf(
				"the class %q is listed twice; each class has a name of its own", name))
		}
		seen[name] = true
	}
	return nil
}

func (t Target) validateValues() error {
	for i, v := range t.Values {
		switch {
		case math.IsNaN(v):
			return targetError("missing_target", i, "the target is missing; every row needs one")
		case math.IsInf(v, 0):
			return targetError("infinite_target", i, "the target is infinite; it must be a finite number")
		case t.Task == Regression:
		case v != math.Trunc(v) || v < 0 || v >= float64(len(t.Classes)):
			return targetError("unknown_class", i, fmt.Sprintf(
				"the class index is %v; it must be a whole number from 0 to %d", v, len(t.Classes)-1))
		}
	}
	return nil
}

func (t Target) validateWeights() error {
	for i, w := range t.Weights {
		if math.IsNaN(w) || w <= 0 || math.IsInf(w, 1) {
			return targetError("bad_weight", i, fmt.Sprintf(
				"the weight is %v; it must be a finite number above 0", w))
		}
	}
	return nil
}

// ValidateTraining is Validate for learning: for a classification target it
// also asks that rows of at least two classes are there.
func (t Target) ValidateTraining(rows int) error {
	if err := t.Validate(rows); err != nil {
		return err
	}
	if t.Task == Regression {
		return nil
	}
	for _, v := range t.Values[1:] {
		if v != t.Values[0] {
			return nil
		}
	}
	return targetError("constant_target", -1, fmt.Sprintf(
		"every row is of the class %q; rows of at least two classes are needed", t.Classes[int(t.Values[0])]))
}

func targetError(code string, row int, message string) *InputError {
	return &InputError{Code: code, Row: row, Message: message}
}
