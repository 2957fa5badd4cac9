package forest

import (
	"math"
	"math/bits"

	"github.com/narrativeml/narrative/ml/internal/random"
)

// Streams of random numbers, each from the seed of a tree.
const (
	drawRows = iota + 1
	roundWeights
	roundTargets
	searchNodes
)

// stream draws numbers one after the other.
type stream struct {
	seed uint64
	at   int
}

func newStream(seed uint64, of uint64) stream { return stream{seed: random.Mix(seed + of)} }

func (s *stream) next() uint64 {
	s.at++
	return random.At(s.seed, s.at)
}

// below returns a number from 0 to n-1.
func (s *stream) below(n int) int {
	high, _ := bits.Mul64(s.next(), uint64(n))
	return int(high)
}

// bag says how often each row is drawn for a tree. It keeps its room.
type bag []uint8

// draw draws the rows of a tree.
func (b bag) draw(p Params, seed uint64) {
	s := newStream(seed, drawRows)
	switch rows := len(b); {
	case p.Bootstrap:
		clear(b)
		for range max(1, int(math.Round(p.RowFraction*float64(rows)))) {
			if at := s.below(rows); b[at] < math.MaxUint8 {
				b[at]++
			}
		}
	default:
		take := random.NewFraction(p.RowFraction, s.seed)
		for i := range b {
			b[i] = 0
			if take.Take(i, rows) {
				b[i] = 1
			}
		}
	}
}

// sample draws the rows of a tree and returns its root.
func (g *grower) sample() node {
	g.bag.draw(g.params, g.seed)
	weigh := g.weigher()
	out := g.elements[0][:0]
	root := node{}
	for i, d := range g.bag {
		if d == 0 {
			continue
		}
		w := weigh.weight(i, d)
		if w == 0 {
			continue
		}
		var target int64
		switch {
		case g.classes == 2:
			target = w * int64(g.y.Values[i])
		case g.classes > 2:
			target = int64(g.y.Values[i])
		}
		e := element(target, w, i)
		root.sums += uint64(w)
		if g.classes == 2 {
			root.sums += uint64(target) << 32
		}
		g.heaviest = max(g.heaviest, w)
		out = append(out, e)
	}
	root.n = int32(len(out))
	return root
}

const (
	maxWeight = math.MaxInt16 // of an element, whose target may be as much
	maxSum    = math.MaxInt32 // of weights, and of targets either way
)

// weigher turns the weights of rows into whole numbers. Where there is something
// to round, it rounds at random, so that the expectation is exact.
type weigher struct {
	weights []float64 // nil: 1
	scale   float64
	seed    uint64
}

func (g *grower) weigher() weigher {
	w := weigher{weights: g.y.Weights, seed: random.Mix(g.seed + roundWeights)}
	if w.weights == nil {
		return w
	}
	var sum, most float64
	for i, d := range g.bag {
		v := float64(d) * w.weights[i]
		sum += v
		most = max(most, v)
	}
	w.scale = 1
	if !g.whole || most > maxWeight || sum > maxSum {
		w.scale = min(maxWeight/most, float64(maxSum-len(g.bag))/sum)
	}
	return w
}

// weight returns the weight of a row that was drawn some times.
func (w *weigher) weight(row int, times uint8) int64 {
	if w.weights == nil {
		return int64(times)
	}
	v := float64(times) * w.weights[row] * w.scale
	return min(int64(v+random.Unit(random.At(w.seed, row))), maxWeight)
}

// regauge looks at the targets of a Regression node. It reports whether they are
// all alike. Where their range is a small part of what the elements can tell
// apart, it makes the elements' targets again.
func (g *grower) regauge(nd *node, e []uint64) (alike bool) {
	low, high := g.values[rowOf(e[0])], g.values[rowOf(e[0])]
	for _, k := range e {
		v := g.values[rowOf(k)]
		low, high = min(low, v), max(high, v)
	}
	if low == high {
		return true
	}
	_, sum := unpack(nd.sums)
	half := high/2 - low/2
	steps := min(float64(math.MaxInt16-1)/float64(g.heaviest), float64(maxSum-len(e))/float64(sum))
	unit := half / steps
	if nd.unit != 0 && unit*8 > nd.unit {
		return false
	}
	nd.unit, nd.sums = unit, 0
	middle := low/2 + high/2
	seed := random.Mix(g.seed+roundTargets) + uint64(nd.at)<<32
	for i, k := range e {
		w := int64(weightOf(k))
		// Numbers are shifted above 0, where conversion rounds down.
		t := float64(w) * ((g.values[rowOf(k)] - middle) / half) * steps
		e[i] = element(int64(t+random.Unit(random.At(seed, rowOf(k)))+65536)-65536, w, rowOf(k))
		nd.sums += sumsOf(e[i])
	}
	return false
}
