package profile

import "github.com/narrativeml/narrative/ml/frame"

// absence gathers how well the target can be told from whether a column is missing:
// what is filled in only afterwards is missing until then.
type absence struct {
	all     told
	missing []told // of the rows where the column of the collector is missing
}

// told is what is known of the target in some rows.
type told struct {
	classes [maxLevels]int64
	numbers sums // from the target's base
}

// targets are the targets of a chunk: classes, numbers, or numbers that are classes.
type targets struct {
	codes  []int16 // -1 where missing; nil: there are no classes
	values []float64
	valid  []bool // nil: none is missing
}

func (t *told) add(of targets, row int) {
	if of.codes != nil && of.codes[row] >= 0 {
		t.classes[of.codes[row]]++
	}
	if of.values != nil && (of.valid == nil || of.valid[row]) {
		t.numbers.add(of.values[row])
	}
}

func (a *absence) add(parts []frame.Column, rows int, of targets) {
	if a.missing == nil {
		a.missing = make([]told, len(parts))
	}
	for r := range rows {
		a.all.add(of, r)
	}
	for k, part := range parts {
		if part.Nulls() == 0 {
			continue
		}
		for r := range rows {
			if part.Null(r) {
				a.missing[k].add(of, r)
			}
		}
	}
}

// merge adds what o gathered, whose class c is number to[c] here, and whose numbers
// are taken from a base that lies so much higher.
func (a *absence) merge(o *absence, to []int16, shift float64) {
	if o.missing == nil {
		return
	}
	if a.missing == nil {
		a.missing = make([]told, len(o.missing))
	}
	a.all.merge(&o.all, to, shift)
	for k := range o.missing {
		a.missing[k].merge(&o.missing[k], to, shift)
	}
}

func (t *told) merge(o *told, to []int16, shift float64) {
	for c, n := range o.classes {
		if n > 0 && c < len(to) && to[c] >= 0 {
			t.classes[to[c]] += n
		}
	}
	t.numbers.merge(o.numbers, shift)
}

// leastAbsence is how many rows there must be with and without a value.
const leastAbsence = 5

// link returns how the target goes with whether the column is missing. A target of
// classes has so many of them, any other none.
func (a *absence) link(column, classes int, class bool) (l Link, ok bool) {
	if a.missing == nil {
		return l, false
	}
	missing, present := a.missing[column], a.all
	present.numbers.n -= missing.numbers.n
	present.numbers.sum -= missing.numbers.sum
	present.numbers.sq -= missing.numbers.sq
	counts := new(table)
	var with, without int64
	for c := range classes {
		counts[0][c], counts[1][c] = present.classes[c]-missing.classes[c], missing.classes[c]
		with += counts[0][c]
		without += counts[1][c]
	}
	if classes > 0 {
		l.Gain = gained(gain([][]int64{counts[0][:classes], counts[1][:classes]}))
	}
	if class {
		l.Measure = measureCramer
		l.Value, ok = counts.cramer()
		return l, ok && min(with, without) >= leastAbsence
	}
	l.Measure = measureRatio
	l.Value, ok = ratio([]group{{sums: present.numbers}, {sums: missing.numbers}})
	return l, ok && min(present.numbers.n, missing.numbers.n) >= leastAbsence
}
