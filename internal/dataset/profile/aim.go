package profile

import (
	"math"

	"github.com/narrativeml/narrative/ml/frame"
)

// aim gathers how well each column alone tells the target: numbers by the
// classes of the target, or a target of numbers by the values of columns that
// have few. The rest of it pairs and tables know.
type aim struct {
	pairs   *pairs
	tables  *tables
	column  int // of the target, in the collector
	class   bool
	groups  [][]group // of a column of numbers by class; or of a column with few values by value
	parts   [][]float64
	numbers *numberClasses // of a target of numbers
	absence absence
}

// group is the numbers that go with one value.
type group struct {
	sums

	zeros int64 // which often mean that there is nothing, and are in no bin
	bins  bins
}

// sums are of numbers and their squares, from some base.
type sums struct{ n, sum, sq float64 }

func (s *sums) add(v float64) {
	s.n++
	s.sum += v
	s.sq += v * v
}

// merge adds sums that were taken from a base that lies so much higher.
func (s *sums) merge(o sums, shift float64) {
	s.n += o.n
	s.sum += o.sum + o.n*shift
	s.sq += o.sq + 2*shift*o.sum + o.n*shift*shift
}

// newAim expects the target to be the first of the pairs, or of the tables.
func newAim(column int, class bool, p *pairs, t *tables) *aim {
	a := &aim{pairs: p, tables: t, column: column, class: class, parts: make([][]float64, maxLevels)}
	if class {
		a.groups = make([][]group, len(p.columns))
	} else {
		a.groups = make([][]group, len(t.columns))
		a.numbers = newNumberClasses(column, p, t)
	}
	for k := range a.groups {
		a.groups[k] = make([]group, maxLevels)
	}
	return a
}

// add takes the chunk into account that pairs and tables have just seen.
func (a *aim) add(parts []frame.Column, rows int) {
	if !a.class {
		for k, l := range a.tables.columns {
			if !l.many && l.codes != nil {
				a.gather(a.groups[k], l.codes, 0)
			}
		}
		a.numbers.load(parts[a.column])
		a.numbers.add(a)
		a.absence.add(parts, rows, targets{codes: a.numbers.levels.codes, values: a.pairs.values[0], valid: a.pairs.valid[0]})
		return
	}
	classes := a.tables.columns[0]
	if classes.many || classes.codes == nil {
		return
	}
	a.absence.add(parts, rows, targets{codes: classes.codes})
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
			groups[c].add(v)
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
		c := codes[r]
		switch {
		case c < 0 || valid != nil && !valid[r]:
		case v+base == 0:
			groups[c].zeros++
		default:
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

// merge adds what o gathered; the pairs and tables of both are merged already, and
// the bases of o are those that it had before.
func (a *aim) merge(o *aim) {
	for k := range a.groups {
		column := 0 // of the pairs
		var from, to *levels
		if a.class {
			column = k
			from, to = o.tables.columns[0], a.tables.columns[0]
		} else {
			from, to = o.tables.columns[k], a.tables.columns[k]
		}
		if to.many || !o.pairs.based[column] {
			continue
		}
		shift := o.pairs.base[column] - a.pairs.base[column]
		for c, name := range from.names {
			g, more := &a.groups[k][to.of(name)], &o.groups[k][c]
			g.merge(more.sums, shift)
			g.spreadMore(more)
		}
	}
	var to []int16
	shift := 0.0
	if a.class {
		to = translate(o.tables.columns[0], a.tables.columns[0])
	} else {
		to = a.numbers.merge(o.numbers, a.tables, o.tables)
		if o.pairs.based[0] {
			shift = o.pairs.base[0] - a.pairs.base[0]
		}
	}
	a.absence.merge(&o.absence, to, shift)
}

// translate returns the numbers that the values have elsewhere, none when there are
// too many.
func translate(from, to *levels) []int16 {
	var out []int16
	for _, name := range from.names {
		if to.many {
			return nil
		}
		out = append(out, to.of(name))
	}
	return out
}

// spreadMore adds how the numbers of another group are spread.
func (g *group) spreadMore(o *group) {
	g.zeros += o.zeros
	g.bins.merge(&o.bins)
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
	counts := make([][]int64, slots+1)
	for i := range groups {
		counts[slots] = append(counts[slots], groups[i].zeros)
	}
	if !all.used {
		return gain(counts[slots:])
	}
	for i := range groups {
		b := groups[i].bins // a copy
		if !b.used {
			for k := range slots {
				counts[k] = append(counts[k], 0)
			}
			continue
		}
		if all.exp > b.exp {
			b.widen(all.exp)
		}
		for k := range slots {
			n := int64(0)
			if at := all.low + int64(k); at >= b.low && at <= b.last {
				n = b.counts[at-b.first]
			}
			counts[k] = append(counts[k], n)
		}
	}
	return gain(counts)
}
