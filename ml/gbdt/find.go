package gbdt

import "github.com/narrativeml/narrative/ml/internal/binned"

// private is what a worker sums on its own.
type private struct {
	histogram []uint64
	used      bool
	bins      [256]uint64 // of a feature in a bundle
	touched   uint64
	_         [64]byte // keeps workers from sharing a cache line
}

// add sums elements in a worker's histogram.
func (g *grower) add(worker int, elements []uint64) {
	w := &g.private[worker]
	if !w.used {
		w.used = true
		if w.histogram == nil {
			w.histogram = make([]uint64, g.layout.size)
		}
		clear(w.histogram)
	}
	w.touched ^= g.layout.accumulate(g.table, elements, w.histogram, g.team)
}

// forget drops what the workers have summed.
func (g *grower) forget() {
	for i := range g.private {
		g.private[i].used = false
	}
}

// sum sums the rows of a leaf in the private histograms.
func (g *grower) sum(l *leaf) {
	g.over(l.rows).Each(len(l.parts), func(worker, i int) {
		if p := l.parts[i]; p.n > 0 {
			g.add(worker, g.elements[l.side][p.start:p.start+p.n])
		}
	})
}

// find takes the private histograms over into the one of small and, if there is
// a large leaf, out of the one of their parent, which large has. It sets the best
// splits of large and, if wanted, of small: of equals the one of the first
// feature.
func (g *grower) find(small, large *leaf, wanted bool) {
	t := g.team
	if g.layout.size < serialBins && small.rows < serialRows {
		t = t.AtMost(1)
	}
	merge := g.collect(small)
	t.Each(len(g.members), func(worker, c int) {
		if !g.layout.groups[c/8].active {
			return
		}
		low := g.layout.offsets[c]
		high := low + g.table.Bins[c]
		if merge {
			g.merge(small.histogram[low:high], low)
		}
		if large != nil {
			subtract(large.histogram[low:high], small.histogram[low:high])
		}
		for _, f := range g.members[c] {
			if !g.active[f] {
				continue
			}
			if wanted {
				g.found[0][f] = g.best(worker, f, small)
			}
			if large != nil {
				g.found[1][f] = g.best(worker, f, large)
			}
		}
	})
	g.forget()
	for f, active := range g.active {
		if wanted && active && g.found[0][f].gain > small.best.gain {
			small.best = g.found[0][f]
		}
		if large != nil && active && g.found[1][f].gain > large.best.gain {
			large.best = g.found[1][f]
		}
	}
}

// collect finds the private histograms that have something, and reports whether
// they are still to be merged: a single one changes places with that of the leaf.
func (g *grower) collect(l *leaf) bool {
	g.summed = g.summed[:0]
	last := 0
	for i := range g.private {
		if g.private[i].used {
			g.summed = append(g.summed, g.private[i].histogram)
			last = i
		}
	}
	if len(g.summed) != 1 {
		return true
	}
	l.histogram, g.private[last].histogram = g.private[last].histogram, l.histogram
	return false
}

// merge writes the sum of the private histograms from low on.
func (g *grower) merge(into []uint64, low int) {
	if len(g.summed) == 0 {
		clear(into)
		return
	}
	copy(into, g.summed[0][low:])
	for _, h := range g.summed[1:] {
		for i, v := range h[low : low+len(into)] {
			into[i] += v
		}
	}
}

func subtract(from, what []uint64) {
	what = what[:len(from)]
	for i := range from {
		from[i] -= what[i]
	}
}

// best returns the best split of a leaf by a feature.
func (g *grower) best(worker, f int, l *leaf) candidate {
	place := g.table.Places[f]
	at, n := g.layout.offsets[place.Column], g.features[f].Missing()+1
	bins := l.histogram[at:]
	if place.Bundled {
		bins = unbundle(bins, place, n, l.word(), &g.private[worker].bins)
	}
	var c candidate
	if g.features[f].Categorical {
		c = g.scan.categorical(bins[:n], &l.stats)
	} else {
		c = g.scan.numeric(bins[:n], &l.stats, g.direction[f])
	}
	c.feature = int32(f)
	return c
}

// unbundle returns the n bins of a feature in a bundle: what the leaf has besides
// is in the commonest.
func unbundle(column []uint64, p binned.Place, n int, total uint64, out *[256]uint64) []uint64 {
	rest := total
	for b := range n {
		if b == p.Common {
			continue
		}
		v := column[p.In(b)]
		out[b] = v
		rest -= v
	}
	out[p.Common] = rest
	return out[:]
}

// take returns a histogram with unknown contents.
func (g *grower) take() []uint64 {
	if n := len(g.free); n > 0 {
		h := g.free[n-1]
		g.free = g.free[:n-1]
		return h
	}
	g.kept++
	return make([]uint64, g.layout.size)
}

// release gives the histogram of a leaf back.
func (g *grower) release(l *leaf) {
	if l.histogram != nil {
		g.free = append(g.free, l.histogram)
		l.histogram = nil
	}
}

// trim gives the histogram of a leaf back if it will not be used or there is no
// room to keep it.
func (g *grower) trim(l *leaf) {
	if l.best.gain == 0 || (g.kept-len(g.free))*g.layout.size*8 > g.budget {
		g.release(l)
	}
}
