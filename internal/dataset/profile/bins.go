package profile

import "math"

// maxBins is the most bins of a histogram.
const maxBins = 30

// slots is how many bins are kept while counting; a power of two of room above
// maxBins lets most batches pass without joining bins.
const slots = 64

// bins is a histogram over bins of width 2^exp, aligned to multiples of it.
type bins struct {
	used   bool
	exp    int
	first  int64 // number of the bin in counts[0]: it begins at first * 2^exp
	last   int64 // number of the last bin that was used
	low    int64 // number of the first bin that was used
	counts [slots]int64
}

// finest is how much finer than a value the first bins are, in powers of two.
const finest = 50

func exponent(v float64) int {
	_, e := math.Frexp(v)
	return e
}

// add counts numbers that lie between lo and hi.
func (b *bins) add(values []float64, lo, hi float64) {
	if len(values) == 0 {
		return
	}
	b.cover(lo, hi)
	scale := math.Ldexp(1, -b.exp)
	if scale == 0 || math.IsInf(scale, 0) || -b.exp > 1000 || -b.exp < -1000 {
		for _, v := range values {
			b.counts[b.number(v)-b.first]++
		}
		return
	}
	for _, v := range values {
		b.counts[int64(math.Floor(v*scale))-b.first]++
	}
}

// number returns which bin v lies in.
func (b *bins) number(v float64) int64 { return int64(math.Floor(math.Ldexp(v, -b.exp))) }

// cover makes room for numbers from lo to hi.
func (b *bins) cover(lo, hi float64) {
	if !b.used {
		b.used = true
		e := exponent(max(math.Abs(lo), math.Abs(hi)))
		if lo == 0 && hi == 0 {
			e = -900
		}
		b.exp = e - finest
		b.low, b.last = b.number(lo), b.number(hi)
		for b.last-b.low >= slots {
			b.exp++
			b.low, b.last = b.number(lo), b.number(hi)
		}
		b.first = b.low
		return
	}
	// Joining must stay below 2^62 bins, so that numbers do not overflow.
	if e := exponent(max(math.Abs(lo), math.Abs(hi))) - finest; e > b.exp {
		b.widen(e)
	}
	for {
		low, last := min(b.low, b.number(lo)), max(b.last, b.number(hi))
		if last-low < slots {
			b.move(low, last)
			return
		}
		b.widen(b.exp + 1)
	}
}

// widen joins bins until they have the width 2^exp.
func (b *bins) widen(exp int) {
	shift := uint(min(exp-b.exp, 63))
	var joined [slots]int64
	low := b.low >> shift
	for n := b.low; n <= b.last; n++ {
		joined[n>>shift-low] += b.counts[n-b.first]
	}
	b.counts, b.first, b.low, b.last, b.exp = joined, low, low, b.last>>shift, exp
}

// move makes low the first bin.
func (b *bins) move(low, last int64) {
	if low != b.first {
		var moved [slots]int64
		for n := b.low; n <= b.last; n++ {
			moved[n-low] = b.counts[n-b.first]
		}
		b.counts, b.first = moved, low
	}
	b.low, b.last = low, last
}

// merge adds the counts of o.
func (b *bins) merge(o *bins) {
	if !o.used {
		return
	}
	if !b.used {
		*b = *o
		return
	}
	other := *o
	if other.exp > b.exp {
		b.widen(other.exp)
	} else if b.exp > other.exp {
		other.widen(b.exp)
	}
	for max(b.last, other.last)-min(b.low, other.low) >= slots {
		b.widen(b.exp + 1)
		other.widen(other.exp + 1)
	}
	b.move(min(b.low, other.low), max(b.last, other.last))
	for n := other.low; n <= other.last; n++ {
		b.counts[n-b.first] += other.counts[n-other.first]
	}
}

// result returns at most maxBins bins. whole keeps edges at whole numbers.
func (b *bins) result(whole bool) (edges []float64, counts []int64) {
	if !b.used {
		return nil, nil
	}
	c := *b
	if whole && c.exp < 0 {
		c.widen(0)
	}
	for c.last-c.low >= maxBins {
		c.widen(c.exp + 1)
	}
	for n := c.low; n <= c.last; n++ {
		edges = append(edges, math.Ldexp(float64(n), c.exp))
		counts = append(counts, c.counts[n-c.first])
	}
	return append(edges, math.Ldexp(float64(c.last+1), c.exp)), counts
}
