package binned

import (
	"cmp"
	"slices"

	"github.com/narrativeml/narrative/ml/internal/parallel"
)

const (
	// bundleBins is the most bins of a feature that may share a column.
	bundleBins = 32
	// bundleShare is the least share of rows in the commonest bin of one.
	bundleShare = 0.75
	// bundleBlocks is how many blocks of rows are looked at to find bundles.
	bundleBlocks = 16
	// bundleTries is how many bundles a feature is tried against, latest first.
	bundleTries = 64
)

// plan assigns features to columns. It is what LightGBM calls exclusive feature
// bundling (Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision
// Tree", 2017) without any conflict, so that no split is lost.
type plan struct {
	common []int // of each feature that is bundled, else -1
	bundle []int // of each feature that is bundled
	count  int   // of bundles
}

// candidate is a feature that might share a column: the rows looked at in which
// it is away from its commonest bin.
type candidate struct {
	feature, common, bins int
	away                  []uint64
}

// newPlan looks at some rows to find features that exclude each other.
func newPlan(features []Feature, sources []*Source, rows int, t parallel.Team) *plan {
	p := &plan{common: make([]int, len(features)), bundle: make([]int, len(features))}
	starts := looked(rows)
	found := make([]*candidate, len(features))
	t.Each(len(features), func(_, f int) {
		p.common[f] = -1
		if bins := features[f].Missing() + 1; bins <= bundleBins {
			found[f] = look(sources[f], starts, rows)
		}
	})
	type bundle struct {
		members []*candidate
		bins    int
		away    []uint64
	}
	var open []*bundle
	for f, c := range found {
		if c == nil {
			continue
		}
		c.feature, c.bins = f, features[f].Missing()
		at := len(open) - 1
		for last := max(0, len(open)-bundleTries); at >= last; at-- {
			if open[at].bins+c.bins <= MaxBins && exclusive(open[at].away, c.away) {
				break
			}
		}
		if at < max(0, len(open)-bundleTries) {
			open = append(open, &bundle{bins: 1, away: make([]uint64, len(c.away))})
			at = len(open) - 1
		}
		b := open[at]
		b.members = append(b.members, c)
		b.bins += c.bins
		for i, w := range c.away {
			b.away[i] |= w
		}
	}
	for _, b := range open {
		if len(b.members) < 2 {
			continue
		}
		for _, c := range b.members {
			p.common[c.feature], p.bundle[c.feature] = c.common, p.count
		}
		p.count++
	}
	return p
}

// looked returns the first rows of the blocks to look at, evenly spread.
func looked(rows int) []int {
	blocks := (rows + blockRows - 1) / blockRows
	n := min(blocks, bundleBlocks)
	out := make([]int, n)
	for i := range out {
		out[i] = i * blocks / n * blockRows
	}
	return out
}

// look returns a candidate, or nil if the feature is too often away.
func look(s *Source, starts []int, rows int) *candidate {
	var buffer [blockRows]float64
	bins := make([]uint8, 0, len(starts)*blockRows)
	var counts [256]int
	for _, start := range starts {
		n := min(blockRows, rows-start)
		bins = bins[:len(bins)+n]
		part := bins[len(bins)-n:]
		s.Bins(start, part, buffer[:])
		for _, b := range part {
			counts[b]++
		}
	}
	c := &candidate{}
	for b, n := range counts {
		if n > counts[c.common] {
			c.common = b
		}
	}
	if float64(counts[c.common]) < bundleShare*float64(len(bins)) {
		return nil
	}
	c.away = make([]uint64, (len(bins)+63)/64)
	for i, b := range bins {
		if int(b) != c.common {
			c.away[i>>6] |= 1 << (i & 63)
		}
	}
	return c
}

func exclusive(a, b []uint64) bool {
	for i, w := range a {
		if w&b[i] != 0 {
			return false
		}
	}
	return true
}

// remove gives a feature a column of its own.
func (p *plan) remove(feature int) { p.common[feature] = -1 }

// layout gives every feature its place and every column its number of bins. The
// columns are in the order of their first features within their size.
func (p *plan) layout(b *Table, features []Feature) {
	columns := make([]int, p.count)
	for i := range columns {
		columns[i] = -1
	}
	var bins []int
	b.Places = make([]Place, len(features))
	for f := range features {
		n := features[f].Missing() + 1
		if p.common[f] < 0 {
			b.Places[f] = Place{Column: len(bins)}
			bins = append(bins, n)
			continue
		}
		column := &columns[p.bundle[f]]
		if *column < 0 {
			*column = len(bins)
			bins = append(bins, 1)
		}
		b.Places[f] = Place{Column: *column, Bundled: true, Base: bins[*column], Common: p.common[f]}
		bins[*column] += n - 1
	}
	order := make([]int, len(bins))
	for c := range order {
		order[c] = c
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(Room(bins[b]), Room(bins[a])) })
	place := make([]int, len(bins))
	for at, c := range order {
		place[c] = at
		b.Bins = append(b.Bins, bins[c])
	}
	for f := range b.Places {
		b.Places[f].Column = place[b.Places[f].Column]
	}
	b.Columns = make([][]uint8, len(b.Bins))
}

// Room returns the room that a histogram gives to a column of that many bins:
// 16, 64 or 256.
func Room(bins int) int {
	switch {
	case bins <= 16:
		return 16
	case bins <= 64:
		return 64
	}
	return 256
}
