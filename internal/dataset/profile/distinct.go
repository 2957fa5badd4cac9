package profile

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/axiomhq/hyperloglog"
)

// distinct estimates how many values differ from each other, given by their hashes.
type distinct struct {
	sketch    *hyperloglog.Sketch
	precision uint8
	// ranks are what the sketch has seen at least: the most zeros, and one, in front of
	// the rest of a hash, by its first bits. Most hashes change nothing in the sketch,
	// which is found out here for less.
	ranks []uint8
}

// newDistinct returns an estimate whose standard error is 1.04 / sqrt(2^precision).
func newDistinct(precision uint8) (*distinct, error) {
	s, err := hyperloglog.NewSketch(precision, false)
	if err != nil {
		return nil, fmt.Errorf("count distinct values: %w", err)
	}
	return &distinct{sketch: s, precision: precision, ranks: make([]uint8, 1<<precision)}, nil
}

// changes reports whether the hash changes the estimate: whether the rest of it begins
// with as many zeros at least as the most seen so far.
func (d *distinct) changes(hash uint64) bool {
	rank := d.ranks[hash>>(64-d.precision)]
	return d.rest(hash)>>1>>(63-rank) == 0
}

// rest returns the bits of a hash behind the first, with a one behind them.
func (d *distinct) rest(hash uint64) uint64 { return hash<<d.precision | 1<<(d.precision-1) }

// add takes the hash of a value into account.
func (d *distinct) add(hash uint64) {
	if d.changes(hash) {
		d.insert(hash)
	}
}

// insert takes a hash into account that changes the estimate.
func (d *distinct) insert(hash uint64) {
	d.ranks[hash>>(64-d.precision)] = uint8(bits.LeadingZeros64(d.rest(hash))) + 1
	d.sketch.InsertHash(hash)
}

func (d *distinct) clone() *distinct {
	return &distinct{sketch: d.sketch.Clone(), precision: d.precision, ranks: slices.Clone(d.ranks)}
}

// merge adds what o has seen, which has the same precision.
func (d *distinct) merge(o *distinct) error {
	if err := d.sketch.Merge(o.sketch); err != nil {
		return fmt.Errorf("merge distinct values: %w", err)
	}
	for i, rank := range o.ranks {
		d.ranks[i] = max(d.ranks[i], rank)
	}
	return nil
}

func (d *distinct) estimate() int64 { return int64(d.sketch.Estimate()) }
