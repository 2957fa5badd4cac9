package profile

import (
	"math"

	"github.com/narrativeml/narrative/ml/frame"
)

const (
	levelColumns = 20 // of texts and booleans are compared with each other: the first with few values
	maxLevels    = 50 // values that such a column has at most
)

// levels are the values of a column that has few.
type levels struct {
	column int // in the collector
	index  map[string]int
	names  []string
	many   bool    // there are more than maxLevels
	codes  []int16 // of the chunk; -1 where missing
}

func newLevels(column int, boolean bool) *levels {
	l := &levels{column: column, index: make(map[string]int)}
	if boolean {
		l.of("false")
		l.of("true")
	}
	return l
}

// of returns the number of the value, or -1 when there are too many.
func (l *levels) of(text string) int16 {
	if k, ok := l.index[text]; ok {
		return int16(k)
	}
	if len(l.names) == maxLevels {
		l.many = true
		return -1
	}
	text = shorten(text)
	if k, ok := l.index[text]; ok { // two long texts that begin alike count as one
		return int16(k)
	}
	k := len(l.names)
	l.index[text] = k
	l.names = append(l.names, text)
	return int16(k)
}

// load finds the values of a chunk.
func (l *levels) load(part frame.Column) {
	l.codes = l.codes[:0]
	if part.Type() != frame.String {
		for i, v := range part.Ints() {
			code := int16(v)
			if part.Null(i) {
				code = -1
			}
			l.codes = append(l.codes, code)
		}
		return
	}
	known := make([]int16, len(part.Dict()))
	for k := range known {
		known[k] = -1
	}
	for _, k := range part.Codes() {
		code := int16(-1)
		if k >= 0 {
			if known[k] < 0 {
				if known[k] = l.of(part.Dict()[k]); l.many {
					return
				}
			}
			code = known[k]
		}
		l.codes = append(l.codes, code)
	}
}

// table counts how often two values meet.
type table [maxLevels][maxLevels]int64

// tables counts the values of every two columns with few.
type tables struct {
	columns []*levels
	counts  map[[2]int]*table
}

func newTables(columns []*levels) *tables {
	return &tables{columns: columns, counts: make(map[[2]int]*table)}
}

func (t *tables) add(parts []frame.Column) {
	var few []int
	for k, l := range t.columns {
		if !l.many {
			l.load(parts[l.column])
		}
		if l.many {
			l.codes = nil
		} else if len(few) < levelColumns {
			few = append(few, k)
		}
	}
	for a, i := range few {
		for _, j := range few[a+1:] {
			counts := t.counts[[2]int{i, j}]
			if counts == nil {
				counts = new(table)
				t.counts[[2]int{i, j}] = counts
			}
			other := t.columns[j].codes
			for r, x := range t.columns[i].codes {
				if y := other[r]; x >= 0 && y >= 0 {
					counts[x][y]++
				}
			}
		}
	}
	t.forget()
}

// forget drops what was counted of columns that have many values after all.
func (t *tables) forget() {
	for pair := range t.counts {
		if t.columns[pair[0]].many || t.columns[pair[1]].many {
			delete(t.counts, pair)
		}
	}
}

// merge adds what o counted in other rows.
func (t *tables) merge(o *tables) {
	to := make([][]int16, len(t.columns))
	for k, l := range t.columns {
		other := o.columns[k]
		l.many = l.many || other.many
		for _, name := range other.names {
			if !l.many {
				to[k] = append(to[k], l.of(name))
			}
		}
	}
	for pair, counts := range o.counts {
		i, j := pair[0], pair[1]
		if t.columns[i].many || t.columns[j].many {
			continue
		}
		mine := t.counts[pair]
		if mine == nil {
			mine = new(table)
			t.counts[pair] = mine
		}
		for x, a := range to[i] {
			for y, b := range to[j] {
				mine[a][b] += counts[x][y]
			}
		}
	}
	t.forget()
}

// cramer returns Cramér's V of two columns, and whether there is one: both need
// two values in the rows that have both.
func (t *table) cramer() (float64, bool) {
	var rows, columns [maxLevels]float64
	n := 0.0
	for x := range t {
		for y, c := range t[x] {
			rows[x] += float64(c)
			columns[y] += float64(c)
			n += float64(c)
		}
	}
	used := func(sums [maxLevels]float64) (k float64) {
		for _, s := range sums {
			if s > 0 {
				k++
			}
		}
		return k
	}
	smaller := min(used(rows), used(columns))
	if smaller < 2 {
		return 0, false
	}
	sum := 0.0
	for x := range t {
		for y, c := range t[x] {
			if c > 0 {
				sum += float64(c) * float64(c) / (rows[x] * columns[y])
			}
		}
	}
	v, ok := held(math.Sqrt(max(sum-1, 0) / (smaller - 1)))
	return min(v, 1), ok
}

// gain returns which share of the mistakes of always guessing the most frequent
// second value is avoided by guessing, for each row, what most of the other rows with
// its first value have (Goodman and Kruskal's lambda, in which a row does not tell
// itself), and which share guessing without it gets right.
func gain(counts [][]int64) (lambda, base float64, ok bool) {
	n := int64(0)
	var columns []int64
	for _, row := range counts {
		for y, c := range row {
			if y == len(columns) {
				columns = append(columns, 0)
			}
			columns[y] += c
			n += c
		}
	}
	common := 0
	for y, c := range columns {
		if c > columns[common] {
			common = y
		}
	}
	if n == 0 || columns[common] == n {
		return 0, 0, false
	}
	best := 0.0
	for _, row := range counts {
		best += guessed(row, common)
	}
	all, most := float64(n), float64(columns[common])
	return max(best-most, 0) / (all - most), most / all, true
}

// guessed returns how many of the rows that have these classes are guessed by the
// others, half of those of which as many say something else. One that is alone is
// guessed to be of the common class.
func guessed(classes []int64, common int) float64 {
	sum, first, second, at := int64(0), int64(0), int64(0), 0
	for y, c := range classes {
		sum += c
		if c > first {
			first, second, at = c, first, y
		} else {
			second = max(second, c)
		}
	}
	switch {
	case sum == 1 && at == common, first-1 > second:
		return float64(first)
	case sum > 1 && first-1 == second:
		return float64(first) / 2
	default:
		return 0
	}
}
