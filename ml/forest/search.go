package forest

import (
	"cmp"
	"math"
	"slices"
)

// split is a way to divide a node. Its score is what it saves of the impurity,
// times a number that is the same for all splits of the node.
type split struct {
	score       float64 // below 0 for none
	feature     int32
	last        uint8 // number: the last bin that goes left
	categorical bool
	missing     bool // the node has missing values
	missingLeft bool
	left, right set // of the categories of the node, missing values being one
}

// search finds the best split of a node among the features drawn for it, and
// leaves it in found and its bins in chosen. It reports whether there is one.
func (g *grower) search(nd *node, e []uint64) bool {
	g.found = split{score: -1}
	top := g.top(nd, e)
	if g.summed() && len(e) <= smallRows {
		for i, k := range e {
			g.words[i] = sumsOf(k)
		}
	}
	g.draw = newStream(g.seed+uint64(nd.at)<<8, searchNodes)
	drawn, differs := 0, false
	for drawn < len(g.order) && (drawn < g.tries || !differs) && g.found.score < top && !g.team.Stopped() {
		at := drawn + g.draw.below(len(g.order)-drawn)
		g.swaps[drawn] = int32(at)
		g.order[drawn], g.order[at] = g.order[at], g.order[drawn]
		if g.try(int(g.order[drawn]), nd, e) {
			differs = true
		}
		drawn++
	}
	for drawn--; drawn >= 0; drawn-- { // put them back
		at := g.swaps[drawn]
		g.order[drawn], g.order[at] = g.order[at], g.order[drawn]
	}
	return g.found.score >= 0
}

// topRows is the number of rows up to which it pays to find the top of a
// Regression node.
const topRows = 8

// top is the score that no split of a node surpasses by more than rounding.
func (g *grower) top(nd *node, e []uint64) float64 {
	const rounding = 1 - 1e-12
	switch t, w := unpack(nd.sums); {
	case nd.n == 2:
		return 0
	case g.classes == 2 && g.logs != nil:
		return g.logs.entropy(w, t) * rounding
	case g.classes == 2:
		return float64(t) * float64(w-t) * rounding
	case g.classes > 2:
		return g.tally.top() * rounding
	case nd.n <= topRows:
		return topOf(e, nd.sums) * rounding
	}
	return math.Inf(1)
}

// topOf returns the score of the best way to divide a few elements: that is one of
// those that divide them by their target.
func topOf(e []uint64, sums uint64) float64 {
	var sorted [topRows]uint64
	for i, k := range e {
		v := sumsOf(k)
		t, w := unpack(v)
		for ; i > 0; i-- {
			if a, x := unpack(sorted[i-1]); a*w <= t*x {
				break
			}
			sorted[i] = sorted[i-1]
		}
		sorted[i] = v
	}
	best, left := 0.0, uint64(0)
	for _, v := range sorted[:len(e)-1] {
		left += v
		best = max(best, scoreOf(left, sums))
	}
	return best
}

// scoreOf returns the score by squared error or Gini of a split with these sums on
// the left: what it saves times the weight, which needs one division alone.
func scoreOf(left, all uint64) float64 {
	t, w := unpack(all)
	a, x := unpack(left)
	d := float64(a*w - t*x)
	return d * d / (float64(x) * float64(w-x))
}

// try looks for a better split at a feature. It reports whether the feature
// differs within the node.
func (g *grower) try(f int, nd *node, e []uint64) bool {
	at := &g.features[f]
	bins := g.bins[:len(e)]
	at.bins(g.columns, e, bins)
	before := g.found.score
	var differs bool
	if g.params.ExtraTrees {
		differs = g.guess(at, nd, e, bins)
	} else {
		differs = g.best(at, nd, e, bins)
	}
	if g.found.score > before {
		g.found.feature, g.found.categorical = int32(f), at.categorical
		g.bins, g.chosen = g.chosen, g.bins
	}
	return differs
}

// best tries all splits at a feature.
func (g *grower) best(f *feature, nd *node, e []uint64, bins []uint8) bool {
	switch {
	case !g.summed():
		g.cells = g.buckets.fill(bins, e, g.cells)
	case len(e) <= smallRows:
		g.cells = g.hist.small(bins, g.words, g.cells)
	default:
		g.cells = g.hist.large(bins, e, g.cells)
	}
	differs := len(g.cells) > 1
	if differs {
		if g.least > 0 {
			g.hist.count(bins, g.cells)
		}
		if f.categorical {
			g.bestSet(f, nd)
		} else {
			g.bestThreshold(f, nd)
		}
	}
	if !g.summed() {
		g.buckets.clear(g.cells)
	}
	return differs
}

// A rank orders splits of one feature: by the score, of equals by the first last
// cell on the left. It is a score whose low byte is 255 less that cell; 0 is none.
// The largest of many is found without a branch.

func rank(score float64, last int) uint64 {
	return math.Float64bits(score)&^255 | uint64(255-last)
}

// scan tries the splits that have the first cells on the left, besides the one
// that is there already, if there is one. It reports whether one is better than
// those before, and which cell is the last on the left.
func (g *grower) scan(cells []cell, nd *node, there *cell) (last int, better bool) {
	var best uint64
	switch {
	case !g.summed():
		best = g.scanClasses(cells, nd, there)
	case g.logs != nil:
		best = g.scanEntropy(cells, nd, there)
	default:
		best = g.scanSums(cells, nd, there)
	}
	score := math.Float64frombits(best &^ 255)
	if best == 0 || score <= g.found.score {
		return 0, false
	}
	g.found.score = score
	return 255 - int(best&255), true
}

// scanSums is scan by squared error, and for Binary by Gini: both are least where
// the means of the sides are furthest apart.
func (g *grower) scanSums(cells []cell, nd *node, there *cell) uint64 {
	t, w := unpack(nd.sums)
	left, rows := uint64(0), int32(0)
	if there != nil {
		left, rows = there.sums, there.rows
	}
	best := uint64(0)
	for i := range len(cells) - 1 {
		c := &cells[i]
		left += c.sums
		rows += c.rows
		a, x := unpack(left)
		d := float64(a*w - t*x)
		r := rank(d*d/(float64(x)*float64(w-x)), i)
		if min(rows, nd.n-rows) < g.least {
			r = 0
		}
		best = max(best, r)
	}
	return best
}

// bestThreshold tries the thresholds between cells of numbers.
func (g *grower) bestThreshold(f *feature, nd *node) {
	cells, s := g.cells, &g.found
	last := len(cells) - 1
	missing := cells[last].bin == f.missing
	if at, ok := g.scan(cells, nd, nil); ok {
		s.last, s.missing, s.missingLeft = between(cells, at), missing, false
		if missing && at+1 == last {
			s.last = f.missing - 1 // all values
		}
	}
	if !missing {
		return
	}
	if at, ok := g.scan(cells[:last], nd, &cells[last]); ok {
		s.last, s.missing, s.missingLeft = between(cells, at), true, true
	}
}

// between returns the last bin that goes left where the bins between two cells
// have no rows: about half of them do.
func between(cells []cell, at int) uint8 {
	low, high := cells[at].bin, cells[at+1].bin
	return low + (high-low)/2
}

// bestSet tries the sets that are a beginning of the categories in an order.
// Sorted by their mean target, one of these is the best of all sets (Fisher, "On
// grouping for maximum homogeneity", 1958). Missing values are one category more.
func (g *grower) bestSet(f *feature, nd *node) {
	if g.summed() {
		for _, c := range g.cells {
			t, w := unpack(c.sums)
			g.keys[c.bin] = float64(t) / float64(w)
		}
	} else {
		g.buckets.order(&g.tally, g.cells, &g.keys)
	}
	slices.SortFunc(g.cells, func(a, b cell) int {
		return cmp.Or(cmp.Compare(g.keys[a.bin], g.keys[b.bin]), cmp.Compare(a.bin, b.bin))
	})
	at, ok := g.scan(g.cells, nd, nil)
	if !ok {
		return
	}
	s := &g.found
	s.left, s.right = set{}, set{}
	for i, c := range g.cells {
		if i <= at {
			s.left.add(c.bin)
		} else {
			s.right.add(c.bin)
		}
	}
	s.missingLeft = s.left.has(f.missing)
	s.missing = s.missingLeft || s.right.has(f.missing)
}
