package gbdt

import (
	"cmp"
	"math"
	"slices"
)

// rounding is the relative gain that a sum of floating-point numbers may show
// where there is none.
const rounding = 1e-12

// candidate is a possible split of a leaf. Sums and gain are in quantized units.
type candidate struct {
	gain        float64 // 0 means none
	feature     int32
	bin         uint8
	missingLeft bool
	set         set
	gLeft       int64
	hLeft       int64
}

// scan holds what all splits of a tree have in common, in quantized units.
type scan struct {
	l2, categoryL2 float64
	smoothing      float64
	minGain        float64
	minHessian     int64
	minSamples     int
}

// stats are the sums of a leaf.
type stats struct {
	rows int
	g, h int64
}

// least returns the least sum of hessians of a side of a split.
func (s *scan) least(leaf stats) int64 {
	samples := math.Ceil(float64(s.minSamples) * (float64(leaf.h) / float64(leaf.rows)) * (1 - 1e-12))
	return max(1, s.minHessian, int64(samples))
}

// numeric returns the best threshold of a feature whose bins are given, the
// last one being that of missing values.
func (s *scan) numeric(bins []uint64, leaf stats) candidate {
	var best candidate
	var total uint64
	for _, b := range bins {
		total += b
	}
	gain := gainOf{s, float64(leaf.g), float64(leaf.h), s.l2, s.least(leaf)}
	missing := bins[len(bins)-1]
	parent := gain.parent()
	score := parent*(1+rounding) + s.minGain
	var left uint64
	for b, v := range bins[:len(bins)-1] {
		left += v
		if v == 0 {
			continue
		}
		if q := gain.of(left, total); q > score {
			score = q
			g, h := sums(left)
			best = candidate{gain: q - parent, bin: uint8(b), gLeft: g, hLeft: h}
		}
		if missing == 0 {
			continue
		}
		if q := gain.of(left+missing, total); q > score {
			score = q
			g, h := sums(left + missing)
			best = candidate{gain: q - parent, bin: uint8(b), missingLeft: true, gLeft: g, hLeft: h}
		}
	}
	if best.gain <= 0 {
		return candidate{}
	}
	if missing == 0 {
		best.missingLeft = 2*best.hLeft >= leaf.h
	}
	best.set = thresholdSet(int(best.bin), len(bins)-1, best.missingLeft)
	return best
}

// category is a bin of a categorical feature that has rows in the leaf.
type category struct {
	bin   int
	sums  uint64
	order float64
}

// categorical returns the best set of categories of a feature, among those that
// are a beginning of the categories sorted by gradient over hessian. Missing
// values are one category more, and categories without rows go with them.
func (s *scan) categorical(bins []uint64, leaf stats) candidate {
	var room [256]category
	list := room[:0]
	var total uint64
	for b, v := range bins {
		total += v
		if g, h := sums(v); h > 0 {
			list = append(list, category{b, v, float64(g) / (float64(h) + s.smoothing)})
		}
	}
	slices.SortFunc(list, func(a, b category) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.bin, b.bin))
	})
	gain := gainOf{s, float64(leaf.g), float64(leaf.h), s.l2, s.least(leaf)}
	parent := gain.parent()
	if len(list) > 4 {
		gain.l2 += s.categoryL2
	}
	score, last := parent*(1+rounding)+s.minGain, -1
	var left, chosen uint64
	for i, c := range list[:max(0, len(list)-1)] {
		left += c.sums
		if q := gain.of(left, total); q > score {
			score, last, chosen = q, i, left
		}
	}
	if last < 0 || score <= parent {
		return candidate{}
	}
	best := candidate{gain: score - parent}
	best.gLeft, best.hLeft = sums(chosen)
	return best.choose(bins, list[:last+1], 2*best.hLeft >= leaf.h)
}

// choose fills in the set of the categories that go left. Bins without rows go
// where missing values go; if there are none of these, to the heavier side.
func (c candidate) choose(bins []uint64, left []category, heavier bool) candidate {
	missing := len(bins) - 1
	c.missingLeft = heavier
	if _, h := sums(bins[missing]); h > 0 {
		c.missingLeft = slices.ContainsFunc(left, func(k category) bool { return k.bin == missing })
	}
	for _, k := range left {
		c.set.add(k.bin)
	}
	if c.missingLeft {
		for b, v := range bins {
			if _, h := sums(v); h == 0 {
				c.set.add(b)
			}
		}
	}
	return c
}

// gainOf scores the two sides of splits of one leaf.
type gainOf struct {
	*scan
	g, h, l2 float64
	least    int64
}

func (s *gainOf) parent() float64 { return s.g * s.g / (s.h + s.l2) }

// of returns the score of a left side, or -1 if a side is too small.
func (s *gainOf) of(left, total uint64) float64 {
	gl, hl := sums(left)
	gr, hr := sums(total - left)
	if hl < s.least || hr < s.least {
		return -1
	}
	a, b := float64(gl), float64(gr)
	return a*a/(float64(hl)+s.l2) + b*b/(float64(hr)+s.l2)
}
