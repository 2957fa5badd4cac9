package profile

import (
	"math"
	"strconv"

	"github.com/narrativeml/narrative/ml/frame"
)

// fewClasses is how many whole numbers a target may have that a training takes for
// classes. Of other numbers it takes two for classes.
const fewClasses = 20

// numberClasses gathers how well columns tell a target of numbers that are classes,
// such as 0 and 1.
type numberClasses struct {
	levels *levels   // of the target; many when they are no classes
	groups [][]group // of each column of numbers of the pairs, by class
	counts []*table  // of classes and the values of each column of the tables
	broken bool      // there are numbers that are not whole
}

func newNumberClasses(target int, p *pairs, t *tables) *numberClasses {
	n := &numberClasses{levels: newLevels(target, false), groups: make([][]group, len(p.columns)), counts: make([]*table, len(t.columns))}
	for k := range n.groups {
		n.groups[k] = make([]group, fewClasses)
	}
	return n
}

// load finds the classes of a chunk's targets.
func (n *numberClasses) load(part frame.Column) {
	l := n.levels
	if l.many {
		return
	}
	known := make(map[float64]int16)
	l.codes = l.codes[:0]
	for i := range part.Len() {
		if part.Null(i) {
			l.codes = append(l.codes, -1)
			continue
		}
		v := part.Float(i) + 0 // -0 is 0
		code, ok := known[v]
		if !ok {
			code = l.of(strconv.FormatFloat(v, 'g', -1, 64))
			known[v] = code
			n.broken = n.broken || v != math.Trunc(v)
			if n.crowded() {
				return
			}
		}
		l.codes = append(l.codes, code)
	}
}

// crowded reports whether there are too many values for classes; then nothing is
// kept of them.
func (n *numberClasses) crowded() bool {
	l := n.levels
	if l.many = l.many || len(l.names) > fewClasses || n.broken && len(l.names) > 2; l.many {
		l.codes, n.groups, n.counts = nil, nil, nil
	}
	return l.many
}

// add takes the chunk into account that pairs and tables have just seen.
func (n *numberClasses) add(a *aim) {
	codes := n.levels.codes
	if n.levels.many {
		return
	}
	for k := range n.groups {
		if k > 0 { // the first is the target
			a.spread(n.groups[k], codes, k)
		}
	}
	for k, l := range a.tables.columns {
		if l.many || l.codes == nil {
			n.counts[k] = nil
			continue
		}
		if n.counts[k] == nil {
			n.counts[k] = new(table)
		}
		for r, x := range codes {
			if y := l.codes[r]; x >= 0 && y >= 0 {
				n.counts[k][x][y]++
			}
		}
	}
}

// merge adds what o gathered; the tables of both are merged already. It returns the
// numbers that the classes of o have here, none when they are no classes.
func (n *numberClasses) merge(o *numberClasses, t, ot *tables) []int16 {
	n.levels.many, n.broken = n.levels.many || o.levels.many, n.broken || o.broken
	var to []int16
	for _, name := range o.levels.names {
		to = append(to, n.levels.of(name))
	}
	if n.crowded() {
		return nil
	}
	for k := range n.groups {
		for c, x := range to {
			n.groups[k][x].spreadMore(&o.groups[k][c])
		}
	}
	for k, more := range o.counts {
		l := t.columns[k]
		if l.many || more == nil {
			continue
		}
		if n.counts[k] == nil {
			n.counts[k] = new(table)
		}
		for y, name := range ot.columns[k].names {
			for c, x := range to {
				n.counts[k][x][l.of(name)] += more[c][y]
			}
		}
	}
	return to
}

// gainOfNumbers returns what guessing by column k of the pairs gains.
func (n *numberClasses) gainOfNumbers(k int) *float64 {
	if n.levels.many || len(n.levels.names) < 2 {
		return nil
	}
	return gained(binGain(n.groups[k]))
}

// gainOfTexts returns what guessing by column k of the tables gains.
func (n *numberClasses) gainOfTexts(k int, l *levels) *float64 {
	if n.levels.many || len(n.levels.names) < 2 || n.counts[k] == nil {
		return nil
	}
	return gained(gain(turned(n.counts[k], len(l.names), len(n.levels.names))))
}
