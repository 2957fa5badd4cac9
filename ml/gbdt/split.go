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
	set         set // of a categorical feature
	gLeft       int64
	hLeft       int64
}

// scan holds what all splits of a tree have in common, in quantized units.
type scan struct {
	l1, l2, categoryL2 float64
	smoothing          float64
	categorySamples    int
	groupSamples       int
	maxCategories      int
	minGain            float64
	minHessian         int64
	minSamples         int
	bounded            bool // whether some feature is monotone
}

// stats are the sums of a leaf and the limits of its value.
type stats struct {
	rows      int
	g, h      int64
	low, high float64
}

// word returns the sums as a bin.
func (s stats) word() uint64 { return uint64(s.g)<<32 + uint64(s.h) }

// least returns the least sum of hessians of a side of a split.
func (s *scan) least(leaf stats) int64 {
	samples := math.Ceil(float64(s.minSamples) * (float64(leaf.h) / float64(leaf.rows)) * (1 - 1e-12))
	return max(1, s.minHessian, int64(samples))
}

// simple reports whether gains are g²/(h+l2) without more ado.
func (s *scan) simple() bool { return s.l1 == 0 && !s.bounded }

// value returns the best value of a leaf.
func (s *scan) value(g, h, l2 float64, leaf *stats) float64 {
	g = math.Copysign(max(0, math.Abs(g)-s.l1), g)
	return min(max(-g/(h+l2), leaf.low), leaf.high)
}

// score returns twice the loss that a leaf of that value saves.
func (s *scan) score(g, h, l2, value float64) float64 {
	return -(2*g+(h+l2)*value)*value - 2*s.l1*math.Abs(value)
}

// whole returns the score of a leaf that is not split.
func (s *scan) whole(leaf *stats) float64 {
	g, h := float64(leaf.g), float64(leaf.h)
	if s.simple() {
		return g * g / (h + s.l2)
	}
	return s.score(g, h, s.l2, s.value(g, h, s.l2, leaf))
}

// sides scores the two sides of splits of one leaf.
type sides struct {
	*scan
	leaf      *stats
	total     uint64
	l2        float64
	least     int64
	direction int // the value may not fall (1) or rise (-1) from left to right
}

// of returns the score of a left side, or -Inf if it is not allowed.
func (s *sides) of(left uint64) float64 {
	gl, hl := sums(left)
	gr, hr := sums(s.total - left)
	if hl < s.least || hr < s.least {
		return math.Inf(-1)
	}
	a, b := float64(gl), float64(gr)
	x, y := float64(hl), float64(hr)
	if s.simple() {
		return a*a/(x+s.l2) + b*b/(y+s.l2)
	}
	v, w := s.value(a, x, s.l2, s.leaf), s.value(b, y, s.l2, s.leaf)
	if s.direction > 0 && v > w || s.direction < 0 && v < w {
		return math.Inf(-1)
	}
	return s.score(a, x, s.l2, v) + s.score(b, y, s.l2, w)
}

// numeric returns the best threshold of a feature whose bins are given, the
// last one being that of missing values. These are tried on both sides.
func (s *scan) numeric(bins []uint64, leaf *stats, direction int) candidate {
	whole := s.whole(leaf)
	t := threshold{
		sides: sides{s, leaf, leaf.word(), s.l2, s.least(*leaf), direction},
		bin:   -1, score: whole + math.Abs(whole)*rounding + s.minGain,
	}
	values, missing := bins[:len(bins)-1], bins[len(bins)-1]
	t.scan(values, 0)
	c := candidate{missingLeft: missing != 0 && t.scan(values, missing)}
	if t.bin < 0 || t.score <= whole {
		return candidate{}
	}
	c.gain, c.bin = t.score-whole, uint8(t.bin)
	c.gLeft, c.hLeft = sums(t.left)
	if missing == 0 {
		c.missingLeft = 2*c.hLeft >= leaf.h
	}
	return c
}

// threshold is the best one so far.
type threshold struct {
	sides
	bin   int // -1 means none
	left  uint64
	score float64
}

// scan tries all thresholds with left as what is on the left before the first
// bin. It reports whether one is better than those before.
func (t *threshold) scan(bins []uint64, left uint64) bool {
	if t.simple() {
		return t.scanSimple(bins, left)
	}
	better := false
	for b, v := range bins {
		left += v
		if v == 0 {
			continue
		}
		if q := t.of(left); q > t.score {
			t.score, t.bin, t.left, better = q, b, left, true
		}
	}
	return better
}

// scanSimple is scan for simple gains. It compares fractions without dividing.
func (t *threshold) scanSimple(bins []uint64, left uint64) bool {
	best, over := t.score, 1.0 // the score as a fraction
	at := -1
	g, h := sums(t.total)
	for b, v := range bins {
		if v == 0 {
			continue
		}
		left += v
		gl, hl := sums(left)
		if hl < t.least {
			continue
		}
		if h-hl < t.least {
			break
		}
		x, y := float64(hl)+t.l2, float64(h-hl)+t.l2
		p, q := float64(gl), float64(g-gl)
		score, under := p*p*y+q*q*x, x*y
		if score*over > best*under {
			best, over, at, t.left = score, under, b, left
		}
	}
	if at < 0 {
		return false
	}
	t.bin, t.score = at, best/over
	return true
}

// category is a bin of a categorical feature that has rows in the leaf.
type category struct {
	bin   int
	sums  uint64
	order float64
}

// fewCategories is the most categories in a leaf of which any set is taken for
// what it is. Where there are more, the luckiest set of many flatters itself, and
// the limits of Params on categories apply.
const fewCategories = 4

// categorical returns the best set of categories of a feature, among those that
// are a beginning or an end of the categories sorted by gradient over hessian.
// Missing values are one category more, and those of too few rows are one
// together, which is on the right where even they are too few. Categories without
// rows go with missing values.
func (s *scan) categorical(bins []uint64, leaf *stats) candidate {
	var room [256]category
	list, rare := s.sorted(bins, leaf, room[:0])
	whole := s.whole(leaf)
	t := categories{
		sides: sides{s, leaf, leaf.word(), s.l2, s.least(*leaf), 0},
		score: whole + math.Abs(whole)*rounding + s.minGain,
	}
	if len(list) > fewCategories {
		t.l2 += s.categoryL2
		most := min(s.maxCategories, (len(list)+1)/2)
		t.scan(list, most, int64(float64(s.groupSamples)*float64(leaf.h)/float64(leaf.rows)))
		slices.Reverse(list)
		t.scan(list, most, int64(float64(s.groupSamples)*float64(leaf.h)/float64(leaf.rows)))
	} else {
		t.scan(list, len(list)-1, 0)
	}
	if t.chosen == nil || t.score <= whole {
		return candidate{}
	}
	best := candidate{gain: t.score - whole}
	best.gLeft, best.hLeft = sums(t.left)
	return best.choose(bins, t.chosen, &rare, 2*best.hLeft >= leaf.h)
}

// pooled stands for the categories of too few rows.
const pooled = 256

// sorted appends the categories of a leaf, in order, and returns which of them
// are pooled.
func (s *scan) sorted(bins []uint64, leaf *stats, list []category) (_ []category, rare set) {
	present := 0
	for _, v := range bins {
		if v != 0 {
			present++
		}
	}
	least := int64(1)
	if present > fewCategories {
		least = max(1, int64(float64(s.categorySamples)*float64(leaf.h)/float64(leaf.rows)))
	}
	add := func(bin int, v uint64) {
		g, h := sums(v)
		list = append(list, category{bin, v, float64(g) / (float64(h) + s.smoothing)})
	}
	var pool uint64
	for b, v := range bins {
		if _, h := sums(v); h >= least {
			add(b, v)
		} else if v != 0 {
			rare.add(b)
			pool += v
		}
	}
	if _, h := sums(pool); h >= least {
		add(pooled, pool)
	}
	slices.SortFunc(list, func(a, b category) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.bin, b.bin))
	})
	return list, rare
}

// categories is the best set so far.
type categories struct {
	sides
	room   [256]int16
	chosen []int16 // bins, or pooled
	left   uint64
	score  float64
}

// scan tries the beginnings of the list of at most so many categories, and of
// these only those that have a group of hessians more than the one tried before.
func (t *categories) scan(list []category, most int, group int64) {
	var left uint64
	var since int64
	best := -1
	for i, c := range list[:max(0, min(most, len(list)-1))] {
		left += c.sums
		_, h := sums(c.sums)
		if since += h; since < group {
			continue
		}
		since = 0
		if q := t.of(left); q > t.score {
			t.score, t.left, best = q, left, i
		}
	}
	if best < 0 {
		return
	}
	t.chosen = t.room[:best+1]
	for i := range t.chosen {
		t.chosen[i] = int16(list[i].bin)
	}
}

// choose fills in the set of the categories that go left. Bins without rows go
// where missing values go; if there are none of these, to the heavier side.
func (c candidate) choose(bins []uint64, left []int16, rare *set, heavier bool) candidate {
	for _, b := range left {
		if b == pooled {
			c.set.union(rare)
		} else {
			c.set.add(int(b))
		}
	}
	missing := len(bins) - 1
	if c.missingLeft = heavier; bins[missing] != 0 {
		c.missingLeft = c.set.has(uint8(missing))
	}
	if c.missingLeft {
		for b, v := range bins {
			if v == 0 {
				c.set.add(b)
			}
		}
	}
	return c
}
