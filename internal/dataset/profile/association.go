package profile

import (
	"cmp"
	"math"
	"slices"
)

// describeAssociations fills in how columns go together.
func (c *Collector) describeAssociations(p *Profile) {
	a := &Associations{Pearson: c.pearson(), CramersV: c.cramersV()}
	numbers := 0
	for _, col := range p.Columns {
		switch col.Storage {
		case "integer", "float":
			numbers++
		default:
		}
	}
	a.Left = max(numbers-pairColumns, 0)
	if a.CramersV != nil {
		few := 0
		for _, l := range c.tables.columns {
			if !l.many && len(l.names) > 1 {
				few++
			}
		}
		a.Left += max(few-len(a.CramersV.Columns), 0)
	}
	if c.aim != nil {
		a.Target = c.links()
	}
	if a.Pearson != nil || a.CramersV != nil || a.Target != nil {
		p.Associations = a
	}
}

func (c *Collector) pearson() *Matrix {
	names := make([]string, len(c.pairs.columns))
	for i, at := range c.pairs.columns {
		names[i] = c.columns[at].field.Name
	}
	return newMatrix(names, c.pairs.correlation)
}

func (c *Collector) cramersV() *Matrix {
	var few []int
	var names []string
	for k, l := range c.tables.columns {
		if !l.many && len(l.names) > 1 && len(few) < levelColumns {
			few = append(few, k)
			names = append(names, c.columns[l.column].field.Name)
		}
	}
	return newMatrix(names, func(i, j int) (float64, bool) {
		counts := c.tables.counts[[2]int{few[min(i, j)], few[max(i, j)]}]
		if counts == nil {
			return 0, false
		}
		return counts.cramer()
	})
}

// newMatrix returns the matrix of a symmetric measure, nil for fewer than two
// columns.
func newMatrix(names []string, measure func(i, j int) (float64, bool)) *Matrix {
	if len(names) < 2 {
		return nil
	}
	m := &Matrix{Columns: names, Values: make([][]*float64, len(names))}
	for i := range names {
		m.Values[i] = make([]*float64, len(names))
	}
	one := 1.0
	for i := range names {
		m.Values[i][i] = &one
		for j := range i {
			if v, ok := measure(i, j); ok {
				v = math.Round(v*1e6) / 1e6
				m.Values[i][j], m.Values[j][i] = &v, &v
			}
		}
	}
	return m
}

// The measures of how strongly a column goes with the target.
const (
	measurePearson = "pearson"
	measureCramer  = "cramers_v"
	measureRatio   = "correlation_ratio"
)

// links returns how strongly the other columns go with the target.
func (c *Collector) links() []Link {
	all := []Link{}
	add := func(column int, measure string, value float64, ok bool, gain *float64) {
		if ok {
			all = append(all, Link{Column: c.columns[column].field.Name, Measure: measure, Value: value, Gain: gain})
		}
	}
	classes := 0
	if c.aim.class {
		if c.tables.columns[0].many {
			return all
		}
		classes = len(c.tables.columns[0].names)
		for k, at := range c.pairs.columns {
			v, ok := ratio(c.aim.groups[k])
			add(at, measureRatio, v, ok, gained(binGain(c.aim.groups[k])))
		}
		for k, l := range c.tables.columns[1:] {
			if counts := c.tables.counts[[2]int{0, k + 1}]; counts != nil {
				v, ok := counts.cramer()
				add(l.column, measureCramer, v, ok, gained(gain(turned(counts, len(l.names), classes))))
			}
		}
	} else {
		if !c.aim.numbers.levels.many {
			classes = len(c.aim.numbers.levels.names)
		}
		for k, at := range c.pairs.columns[1:] {
			v, ok := c.pairs.correlation(0, k+1)
			add(at, measurePearson, v, ok, c.aim.numbers.gainOfNumbers(k+1))
		}
		for k, l := range c.tables.columns {
			if !l.many {
				v, ok := ratio(c.aim.groups[k])
				add(l.column, measureRatio, v, ok, c.aim.numbers.gainOfTexts(k, l))
			}
		}
	}
	for k, col := range c.columns {
		if l, ok := c.aim.absence.link(k, classes, c.aim.class); ok && k != c.aim.column {
			l.Column, l.Missing = col.field.Name, true
			all = append(all, l)
		}
	}
	for i := range all {
		all[i].Value = math.Round(all[i].Value*1e6) / 1e6
	}
	slices.SortStableFunc(all, func(a, b Link) int { return cmp.Compare(math.Abs(b.Value), math.Abs(a.Value)) })
	return all
}

func gained(lambda, _ float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	lambda = math.Round(lambda*1e6) / 1e6
	return &lambda
}

// turned returns the counts by the second value first.
func turned(t *table, values, classes int) [][]int64 {
	out := make([][]int64, values)
	for y := range out {
		out[y] = make([]int64, classes)
		for x := range classes {
			out[y][x] = t[x][y]
		}
	}
	return out
}
