package forest

import (
	"math/bits"

	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/random"
)

// guess tries one split at a feature, drawn without a look at the targets
// (Geurts et al., "Extremely randomized trees", 2006). Only the side of missing
// values is searched for. It reports whether the feature differs within the node.
func (g *grower) guess(f *feature, nd *node, e []uint64, bins []uint8) bool {
	if f.categorical {
		return g.guessSet(f, nd, e, bins)
	}
	low, high, missing := extent(bins, f.missing)
	s := split{last: f.missing - 1, missing: missing} // all values from those that are missing
	switch {
	case low > high || low == high && !missing:
		return false
	case low < high:
		s.last = f.threshold(low, high, random.Unit(g.draw.next()))
	}
	if s.score = g.weigh(s.last, s.last, nd, e, bins); s.score > g.found.score {
		g.found = s
	}
	if missing && low < high {
		s.missingLeft = true
		if s.score = g.weigh(s.last, f.missing, nd, e, bins); s.score > g.found.score {
			g.found = s
		}
	}
	return true
}

// extent returns the lowest and the highest bin of a value, and whether there are
// missing ones. It has no branch but the loop.
func extent(bins []uint8, missing uint8) (low, high uint8, some bool) {
	first, last, top := 255, 0, 0
	for _, b := range bins {
		v := int(b)
		first = min(first, v)
		top = max(top, v)
		if b == missing {
			v = 0
		}
		last = max(last, v)
	}
	return uint8(first), uint8(last), top == int(missing)
}

// threshold returns the last bin that goes left of a threshold between the values
// of two bins, at a share of the way. Values are taken to lie in the middle
// between the bounds of their bins, and those of the outer bins as far beyond.
func (f *feature) threshold(low, high uint8, share float64) uint8 {
	if high-low == 1 {
		return low
	}
	// All in halves, which do not overflow.
	first, last := f.bounds[low]/2, f.bounds[high-1]/2
	before, after := (f.bounds[low+1]/2-first)/2, (last-f.bounds[high-2]/2)/2
	at := first - before + share*(last-first+before+after)
	return min(max(f.middles.Bin(at), low), high-1)
}

// middles returns a feature that finds the nearest of bounds for the half of a
// number.
func middles(bounds []float64) binned.Feature {
	f := binned.Feature{}
	for i := 1; i < len(bounds); i++ {
		f.Bounds = append(f.Bounds, bounds[i-1]/4+bounds[i]/4)
	}
	f.Prepare()
	return f
}

// guessSet draws a side for every category, missing values being one.
func (g *grower) guessSet(f *feature, nd *node, e []uint64, bins []uint8) bool {
	var seen, left set
	for _, b := range bins {
		seen.add(b)
	}
	for i := range left {
		left[i] = g.draw.next()
	}
	inside, outside := 0, 0
	for i, w := range seen {
		inside += bits.OnesCount64(w & left[i])
		outside += bits.OnesCount64(w &^ left[i])
	}
	if inside+outside < 2 {
		return false
	}
	if inside == 0 || outside == 0 { // one of them changes sides
		left.flip(seen.item(g.draw.below(inside + outside)))
	}
	s := split{left: left, missing: seen.has(f.missing), missingLeft: left.has(f.missing)}
	for i, w := range left {
		s.right[i] = ^w
	}
	for i, b := range bins { // 0 on the left, 1 on the right
		g.sides[i] = uint8(1 - left[b>>6]>>(b&63)&1)
	}
	if s.score = g.weigh(0, 0, nd, e, g.sides[:len(bins)]); s.score > g.found.score {
		g.found = s
	}
	return true
}

// weigh returns the score of a split that has on the left the bins up to the last
// one and another one, or -1 if it is not allowed.
func (g *grower) weigh(last, other uint8, nd *node, e []uint64, bins []uint8) float64 {
	if g.least > 0 {
		rows := int32(0)
		for _, b := range bins {
			rows += int32(goes(b, last, other))
		}
		if min(rows, nd.n-rows) < g.least {
			return -1
		}
	}
	if !g.summed() {
		g.tally.reset()
		e = e[:len(bins)]
		for i, b := range bins {
			g.tally.add(uint32(classOf(e[i])), uint64(weightOf(e[i]))&-goes(b, last, other))
		}
		return g.tally.score()
	}
	var left uint64
	if len(e) <= smallRows {
		words := g.words[:len(bins)]
		for i, b := range bins {
			left += words[i] & -goes(b, last, other)
		}
	} else {
		e = e[:len(bins)]
		for i, b := range bins {
			left += sumsOf(e[i]) & -goes(b, last, other)
		}
	}
	return g.score(left, nd.sums)
}

// goes returns 1 for a bin that is at most last or the other one, else 0.
func goes(bin, last, other uint8) uint64 {
	left := uint64(0)
	if bin <= last {
		left = 1
	}
	if bin == other {
		left = 1
	}
	return left
}
