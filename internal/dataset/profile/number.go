package profile

import (
	"math/bits"

	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"

	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

func (c *column) addNumbers(part frame.Column) {
	c.scratch, c.keys = c.scratch[:0], c.keys[:0]
	missing := part.Nulls() > 0
	switch c.field.Type {
	case tabular.Integer:
		c.private.AddIntegers(part.Ints(), part.Null)
	case tabular.Datetime:
		c.private.AddTimes(part.Ints(), part.Null)
	default:
	}
	// Integers are counted by their own bits, since a float does not hold all.
	if part.Type() == frame.Float {
		for i, v := range part.Floats() {
			if !missing || !part.Null(i) {
				c.scratch, c.keys = append(c.scratch, v), append(c.keys, key(v))
			}
		}
	} else {
		c.gather(part, missing)
	}
	if c.ids != nil {
		for _, k := range c.keys {
			c.ids.add(mix(k ^ seed))
		}
	}
	c.tallyAll()
	n := int64(len(c.scratch))
	c.missing += int64(part.Len()) - n
	c.count += n
	if n == 0 {
		return
	}
	before := c.values
	c.values = moment{}
	c.values.add(c.scratch)
	lo, hi := c.values.min, c.values.max
	before.merge(c.values)
	c.values = before
	if c.field.Type == tabular.Datetime { // so that bins begin with days, or halves and so on of them
		for i := range c.scratch {
			c.scratch[i] /= dayMicros
		}
		lo, hi = lo/dayMicros, hi/dayMicros
	}
	c.hist.add(c.scratch, lo, hi)
}

// gather puts whole numbers and instants into scratch.
func (c *column) gather(part frame.Column, missing bool) {
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
		c.scratch, c.keys = append(c.scratch, float64(v)), append(c.keys, uint64(v))
		day = day && v%dayMicros == 0
	}
	c.minInt, c.maxInt = lo, hi
	c.timed = c.timed || part.Type() == frame.Time && !day
}

// pendingTimes is how many times as many numbers as there are entries in the table
// of counts wait to be counted together.
const pendingTimes = 2

// tallyAll counts the numbers in scratch, whose keys are in keys. Beyond exact
// counting they wait until they are many, since the tables of all columns together
// do not fit into the fastest of the processor's memories, and that of one does.
func (c *column) tallyAll() {
	at := 0
	for ; at < len(c.keys) && c.counts.exact(); at++ {
		c.tally(c.keys[at], 1, c.scratch[at])
	}
	c.pending = append(c.pending, c.keys[at:]...)
	if len(c.pending) >= pendingTimes*c.counts.capacity {
		c.settle()
	}
}

// settle counts the numbers that wait. It is to be called before anything that was
// counted is looked at.
func (c *column) settle() {
	if len(c.pending) == 0 || c.err != nil {
		return
	}
	c.counts.addAll(c.pending)
	for _, k := range c.pending {
		c.differ(mix(k ^ seed))
	}
	c.err = c.sketchAll(c.pending)
	c.pending = c.pending[:0]
}

// differ counts the hash of a value among the distinct ones. Most hashes change
// nothing in the sketch, of which ranks is a copy: the most zeros, and one, that
// were seen in front of the rest of a hash, by its first bits.
func (c *column) differ(hash uint64) {
	if c.ranks == nil {
		c.ranks = make([]uint8, 1<<c.precision)
	}
	at := &c.ranks[hash>>(64-c.precision)]
	if rank := uint8(bits.LeadingZeros64(hash<<c.precision|1<<(c.precision-1))) + 1; *at < rank {
		*at = rank
		c.distinct.InsertHash(hash)
	}
}

// sketchAll adds numbers to the sketch as its AddWithCount does, without asking
// anew for every number what it is made of.
func (c *column) sketchAll(keys []uint64) error {
	index, ok1 := c.sketch.IndexMapping.(*mapping.CubicallyInterpolatedMapping)
	positive, ok2 := c.sketch.GetPositiveValueStore().(*store.CollapsingLowestDenseStore)
	negative, ok3 := c.sketch.GetNegativeValueStore().(*store.CollapsingLowestDenseStore)
	known := ok1 && ok2 && ok3
	lo, hi := c.sketch.MinIndexableValue(), c.sketch.MaxIndexableValue()
	for _, k := range keys {
		v := c.number(k) - c.base
		switch {
		case known && v > lo && v <= hi:
			positive.AddWithCount(index.Index(v), 1)
		case known && v < -lo && v >= -hi:
			negative.AddWithCount(index.Index(-v), 1)
		default:
			if err := c.sketch.AddWithCount(v, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// tally counts a number.
func (c *column) tally(k uint64, n int64, v float64) {
	for c.counts.add(k, n) < 0 {
		c.counts.shrink()
	}
	if c.counts.exact() {
		return
	}
	c.differ(mix(k ^ seed))
	if err := c.sketch.AddWithCount(v-c.base, float64(n)); err != nil {
		c.err = err
	}
}
