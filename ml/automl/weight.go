package automl

import (
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
)

// The least and the most that a row may count besides 0. Their products with
// balanced class weights stay within what the algorithms take.
const (
	minWeight = 1e-12
	maxWeight = 1e12
)

func (p Params) validateWeight() error {
	switch {
	case p.WeightColumn == "":
		return nil
	case p.WeightColumn == p.Target:
		return parameter("weight_is_target", "weight_column", "column %q is both the target and the weight column, it should be one of them", p.Target)
	case slices.Contains(p.Features, p.WeightColumn):
		return parameter("weight_is_feature", "weight_column", "column %q is both the weight column and a feature, it should be one of them", p.WeightColumn)
	default:
		return nil
	}
}

// weigh reads the weights of the rows that have a target and leaves out those of
// weight 0, which count for nothing.
func (t *target) weigh(p Params, data *frame.Frame) error {
	if p.WeightColumn == "" {
		return nil
	}
	c, ok := data.Column(p.WeightColumn)
	if !ok {
		e := parameter("unknown_column", "weight_column", "the table has no column %q to weigh the rows by", p.WeightColumn)
		e.Column = p.WeightColumn
		return e
	}
	if c.Type() != frame.Float && c.Type() != frame.Int {
		e := parameter("column_type", "weight_column", "column %q holds values of type %s, a weight is a number", c.Name(), c.Type())
		e.Column = c.Name()
		return e
	}
	var kept []int
	for _, row := range t.rows {
		if err := checkWeight(c, row); err != nil {
			return err
		}
		if w := c.Float(row); w > 0 {
			kept = append(kept, row)
			t.Weights = append(t.Weights, w)
		}
	}
	if len(kept) == 0 {
		return input("zero_weights", c.Name(), "the weight %q is 0 in every row that has a target, it should be above 0 in at least %d", c.Name(), minRows)
	}
	if n := len(t.rows) - len(kept); n > 0 {
		t.note("%s left out: the weight %q is 0 there.", plural(n, "row was", "rows were"), c.Name())
	}
	t.rows = kept
	return nil
}

// checkWeight returns an error unless row has a weight that can be used.
func checkWeight(c frame.Column, row int) error {
	if c.Null(row) {
		e := input("missing_value", c.Name(), "column %q is missing in row %d, every row with a target needs a weight", c.Name(), row+1)
		e.Row = row
		return e
	}
	if w := c.Float(row); w != 0 && !(w >= minWeight && w <= maxWeight) {
		if math.IsInf(w, 0) {
			return infinite(c.Name(), row)
		}
		e := input("bad_weight", c.Name(), "the weight %q is %g in row %d, it should be 0 or between %g and %g", c.Name(), w, row+1, minWeight, maxWeight)
		e.Row = row
		return e
	}
	return nil
}
