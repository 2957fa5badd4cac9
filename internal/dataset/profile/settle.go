package profile

import (
	"fmt"
	"math"
	"slices"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"

	"github.com/narrativeml/narrative/internal/tabular"
)

// pendingTimes is how many times as many numbers as there are entries in the table
// of counts are counted together: the tables of all columns do not fit into the
// fastest of the processor's memories, and those of one do.
const pendingTimes = 4

// settleMost counts the numbers that wait, in batches of one size, however many
// come at a time.
func (c *column) settleMost() {
	batch, at := pendingTimes*c.counts.capacity, 0
	for ; len(c.pending)-at >= batch; at += batch {
		c.tallyAll(c.pending[at : at+batch])
	}
	c.pending = c.pending[:copy(c.pending, c.pending[at:])]
}

// settle counts the numbers that still wait. It is to be called before anything
// that was counted is looked at.
func (c *column) settle() {
	c.tallyAll(c.pending)
	c.pending = c.pending[:0]
}

// tallyAll counts numbers, given by their keys.
func (c *column) tallyAll(keys []uint64) {
	if c.err == nil && c.counts.exact() {
		keys = keys[c.counts.addExactly(keys):]
	}
	if c.err != nil || len(keys) == 0 {
		return
	}
	s := &c.counts.spare.sieve
	s.reset(len(keys))
	d := c.distinct
	for _, k := range keys {
		if h := mix(k ^ seed); d.changes(h) { // most do not, which is found out without a call
			d.insert(h)
		}
		s.add(k)
	}
	if c.ids != nil || namedID(c.field.Name) { // of which it matters whether any comes back
		c.counts.addAll(keys)
	} else {
		c.counts.addFrequent(keys, s)
	}
	c.err = c.sketchAll(keys)
}

// tally counts a number n times.
func (c *column) tally(k uint64, n int64, v float64) {
	for c.counts.add(k, n) < 0 {
		c.counts.shrink()
	}
	if c.counts.exact() || c.err != nil {
		return
	}
	c.distinct.add(mix(k ^ seed))
	c.err = c.sketchSome(v-c.base, n)
}

// cut is into how many equal parts the bins of the sketch cut each power of two, as a
// power of two, so that the first bits of a number, its exponent and some more, tell
// which bin it is in.
type cut uint8

const (
	fine   cut = 6
	coarse cut = 5 // for tables of many columns

	// sketchPowers is how many powers of two have bins; what is nearer to zero
	// shares the lowest.
	sketchPowers = 64
)

func (k cut) bins() int   { return sketchPowers << k }
func (k cut) normal() int { return 1 << k } // the bin of the smallest normal number
func (k cut) one() int    { return 1023 << k }

// of returns the bin of a number by its bits, whatever its sign.
func (k cut) of(b uint64) int { return int(b << 1 >> ((53 - k) & 63)) }

// off is how far quantiles are off at most.
func (k cut) off() float64 { return quantileError * float64(int(1)<<(fine-k)) }

// newSketch returns a sketch whose quantiles are off by half a bin at most, 0.8 % of
// a fine cut and 1.6 % of a coarse one.
func newSketch(k cut) (*ddsketch.DDSketch, error) {
	m, err := mapping.NewLinearlyInterpolatedMappingWithGamma(math.Exp2(1/float64(int(1)<<k)), 0)
	if err != nil {
		return nil, fmt.Errorf("make a sketch: %w", err)
	}
	return ddsketch.NewDDSketchFromStoreProvider(m, func() store.Store {
		return store.NewCollapsingLowestDenseStore(k.bins())
	}), nil
}

// sketchSome adds a distance from the base to the sketch n times. It puts it into its
// bin, since the sketch's own way to the bin ends before the largest numbers.
func (c *column) sketchSome(v float64, n int64) error {
	bin := c.cut.of(math.Float64bits(min(max(v, -math.MaxFloat64), math.MaxFloat64)))
	switch {
	case bin < c.cut.normal(): // which the sketch takes for zero
		if err := c.sketch.AddWithCount(v, float64(n)); err != nil {
			return fmt.Errorf("sketch %v: %w", v, err)
		}
	case v < 0:
		c.sketch.GetNegativeValueStore().AddWithCount(bin-c.cut.one(), float64(n))
	default:
		c.sketch.GetPositiveValueStore().AddWithCount(bin-c.cut.one(), float64(n))
	}
	return nil
}

// binTally counts the numbers of a batch by the bins of the sketch that they are in,
// the negative ones behind the others. It is all zero between batches.
type binTally [2 * (sketchPowers << fine)]uint32

// sketchAll adds numbers to the sketch: those that share a bin together.
func (c *column) sketchAll(keys []uint64) error {
	spare := c.counts.spare
	spare.distances = slices.Grow(spare.distances[:0], len(keys))[:len(keys)]
	largest := c.distances(spare.distances, keys)
	// The tally has the bin of the largest number and those below it.
	k, bins := c.cut, c.cut.bins()
	first := max(k.of(largest)-(bins-1), k.normal())
	zeros := int64(0)
	for _, v := range spare.distances {
		b := math.Float64bits(v)
		bin := k.of(b) - first
		switch {
		case bin >= 0:
			spare.tally[bin+int(b>>63)*bins]++
		case v == 0:
			zeros++
		default:
			if err := c.sketchSome(v, 1); err != nil {
				return err
			}
		}
	}
	for sign, to := range [2]store.Store{c.sketch.GetPositiveValueStore(), c.sketch.GetNegativeValueStore()} {
		counts := spare.tally[sign*bins:][:bins]
		for bin, n := range counts {
			if n > 0 {
				to.AddWithCount(bin+first-k.one(), float64(n))
				counts[bin] = 0
			}
		}
	}
	return c.sketchSome(0, zeros)
}

// distances puts how far the numbers lie from the base into to, and returns the
// bits of the largest of them, without its sign.
func (c *column) distances(to []float64, keys []uint64) (largest uint64) {
	const sign = 1 << 63
	if c.field.Type == tabular.Float {
		for i, k := range keys {
			to[i] = math.Float64frombits(k) - c.base
			largest = max(largest, math.Float64bits(to[i])&^sign)
		}
		return largest
	}
	for i, k := range keys {
		to[i] = float64(int64(k)) - c.base
		largest = max(largest, math.Float64bits(to[i])&^sign)
	}
	return largest
}
