package profile

import "math"

// aim gathers how well each column alone tells the target: numbers by the
// classes of the target, or a target of numbers by the values of columns that
// have few. The rest of it pairs and tables know.
type aim struct {
	pairs  *pairs
	tables *tables
	column int // of the target, in the collector
	class  bool
	groups [][]group // of a column of numbers by class; or of a column with few values by value
	parts  [][]float64
}

// group is the numbers that go with one value.
type group struct {
	n, sum, sq float64
	bins       bins
}

// newAim expects the target to be the first of the pairs, or of the tables.
func newAim(column int, class bool, p *pairs, t *tables) *aim {
	a := &aim{pairs: p, tables: t, column: column, class: class, parts: make([][]float64, maxLevels)}
	if class {
		a.groups = make([][]group, len(p.columns))
	} else {
		a.groups = make([][]group, len(t.columns))
	}
	for k := range a.groups {
		a.groups[k] = make([]group, maxLevels)
	}
	return a
}

// add takes the chunk into account that pairs and tables have just seen.
func (a *aim) add() {
	if !a.class {
		for k, l := range a.tables.columns {
			if !l.many && l.codes != nil {
				a.gather(a.groups[k], l.codes, 0)
			}
		}
		return
	}
	classes := a.tables.columns[0]
	if classes.many || classes.codes == nil {
		return
	}
	for k := range a.pairs.columns {
		a.gather(a.groups[k], classes.codes, k)
		a.spread(a.groups[k], classes.codes, k)
	}
}

// gather adds the numbers of column i of the pairs to the groups of the codes.
func (a *aim) gather(groups []group, codes []int16, i int) {
	valid := a.pairs.valid[i]
	for r, v := range a.pairs.values[i] {
		if c := codes[r]; c >= 0 && (valid == nil || valid[r]) {
			g := &groups[c]
			g.n++
			g.sum += v
			g.sq += v * v
		}
	}
}

// spread adds the numbers of column i of the pairs to the bins of the codes.
func (a *aim) spread(groups []group, codes []int16, i int) {
	valid, base := a.pairs.valid[i], a.pairs.base[i]
	for c := range a.parts {
		a.parts[c] = a.parts[c][:0]
	}
	for r, v := range a.pairs.values[i] {
		if c := codes[r]; c >= 0 && (valid == nil || valid[r]) {
			a.parts[c] = append(a.parts[c], v+base)
		}
	}
	for c, values := range a.parts {
		if len(values) == 0 {
			continue
		}
		lo, hi := values[0], values[0]
		for _, v := range values {
			lo, hi = min(lo, v), max(hi, v)
		}
		groups[c].bins.add(values, lo, hi)
	}
}

// merge adds what o gathered; the pairs and tables of both are merged already,
// and their values have the numbers that index tells.
func (a *aim) merge(o *aim, oldBase []float64, oldBased []bool) {
	for k := range a.groups {
		column := 0 // of the pairs
		var from, to *levels
		if a.class {
			column = k
			from, to = o.tables.columns[0], a.tables.columns[0]
		} else {
			from, to = o.tables.columns[k], a.tables.columns[k]
		}
		if to.many || !oldBased[column] {
			continue
		}
		shift := oldBase[column] - a.pairs.base[column]
		for c, name := range from.names {
			g, more := &a.groups[k][to.of(name)], &o.groups[k][c]
			g.n += more.n
			g.sum += more.sum + more.n*shift
			g.sq += more.sq + 2*shift*more.sum + more.n*shift*shift
			g.bins.merge(&more.bins)
		}
	}
}

// ratio returns the correlation ratio of the groups: the square root of the share
// of the variance that lies between them.
func ratio(groups []group) (float64, bool) {
	var n, sum, sq float64
	used := 0
	for i := range groups {
		if g := &groups[i]; g.n > 0 {
			n += g.n
			sum += g.sum
			sq += g.sq
			used++
		}
	}
	if used < 2 || n < 3 {
		return 0, false
	}
	mean, between := sum/n, 0.0
	for i := range groups {
		if g := &groups[i]; g.n > 0 {
			d := g.sum/g.n - mean
			between += g.n * d * d
		}
	}
	total := sq - n*mean*mean
	const noise = 1e-12
	if total <= noise*sq {
		return 0, false
	}
	v, ok := held(math.Sqrt(between / total))
	return min(v, 1), ok
}

// binGain returns how well the bin of a number tells the class, see gain.
func binGain(groups []group) (lambda, base float64, ok bool) {
	var all bins
	for i := range groups {
		all.merge(&groups[i].bins)
	}
	if !all.used {
		return 0, 0, false
	}
	counts := make([][]int64, slots)
	for i := range groups {
		b := groups[i].bins // a copy
		if !b.used {
			for k := range counts {
				counts[k] = append(counts[k], 0)
			}
			continue
		}
		if all.exp > b.exp {
			b.widen(all.exp)
		}
		for k := range counts {
			n := int64(0)
			if at := all.low + int64(k); at >= b.low && at <= b.last {
				n = b.counts[at-b.first]
			}
			counts[k] = append(counts[k], n)
		}
	}
	return gain(counts)
}
