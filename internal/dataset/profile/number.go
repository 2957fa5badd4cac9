package profile

import (
	"slices"

	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// addNumbers takes numbers, truth values or instants into account.
func (c *column) addNumbers(part frame.Column) {
	switch c.field.Type {
	case tabular.Integer:
		c.private.AddIntegers(part.Ints(), part.Null)
	case tabular.Datetime:
		c.private.AddTimes(part.Ints(), part.Null)
	default:
	}
	from := len(c.pending)
	var values []float64
	if part.Type() == frame.Float {
		values = c.gatherFloats(part)
	} else {
		values = c.gather(part)
	}
	if c.ids != nil {
		for _, k := range c.pending[from:] {
			c.ids.add(mix(k ^ seed))
		}
	}
	c.settleMost()
	n := int64(len(values))
	c.missing += int64(part.Len()) - n
	c.count += n
	if n == 0 {
		return
	}
	before := c.values
	c.values = moment{}
	c.values.add(values)
	lo, hi := c.values.min, c.values.max
	before.merge(c.values)
	c.values = before
	if c.field.Type == tabular.Datetime { // so that bins begin with days, or halves and so on of them
		for i := range values { // which are in scratch
			values[i] /= dayMicros
		}
		lo, hi = lo/dayMicros, hi/dayMicros
	}
	c.hist.add(values, lo, hi)
}

// gatherFloats returns the numbers that are there, and has their keys wait to be
// counted. The numbers are the column's own where none is missing.
func (c *column) gatherFloats(part frame.Column) []float64 {
	values := part.Floats()
	if part.Nulls() > 0 {
		c.scratch = c.scratch[:0]
		for _, v := range values {
			if v == v { // not NaN
				c.scratch = append(c.scratch, v)
			}
		}
		values = c.scratch
	}
	from := len(c.pending)
	c.pending = slices.Grow(c.pending, len(values))[:from+len(values)]
	for i, v := range values {
		c.pending[from+i] = key(v)
	}
	return values
}

// gather puts whole numbers and instants into scratch, and has them wait to be
// counted by their own bits, since a float does not hold all.
func (c *column) gather(part frame.Column) []float64 {
	c.scratch = c.scratch[:0]
	missing := part.Nulls() > 0
	first, day := c.count == 0, true
	lo, hi := c.minInt, c.maxInt
	for i, v := range part.Ints() {
		if missing && part.Null(i) {
			continue
		}
		if first {
			lo, hi, first = v, v, false
		}
		lo, hi = min(lo, v), max(hi, v)
		c.scratch, c.pending = append(c.scratch, float64(v)), append(c.pending, uint64(v))
		day = day && v%dayMicros == 0
	}
	c.minInt, c.maxInt = lo, hi
	c.timed = c.timed || part.Type() == frame.Time && !day
	return c.scratch
}
