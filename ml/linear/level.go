package linear

import (
	"cmp"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

// levels is a column of strings: a variable for each category that has a row,
// in the order of their bytes, and one for missing values, the last, if there
// are such. A row is 1 in the variable of its level and 0 in the others, none
// of which is ever written down.
type levels struct {
	codes      []int32 // of each row, its level
	categories []string
	missing    bool // whether the last level is that of missing values
}

var _ column = (*levels)(nil)

// newLevels finds the levels of a column of strings.
func newLevels(c frame.Column, t parallel.Team) *levels {
	dict := c.Dict()
	used := make([]bool, len(dict))
	l := &levels{}
	for i, k := range c.Codes() {
		if k >= 0 {
			used[k] = true
		} else {
			l.missing = true
		}
		if i%stopRows == 0 && t.Stopped() {
			return l
		}
	}
	order := make([]int32, 0, len(dict))
	for k, u := range used {
		if u {
			order = append(order, int32(k))
		}
	}
	order = sortCodes(order, dict, t)
	l.categories = make([]string, len(order))
	rank := make([]int32, len(dict))
	same := !l.missing && len(order) == len(dict)
	for level, k := range order {
		l.categories[level] = dict[k]
		rank[k] = int32(level)
		same = same && int(k) == level
	}
	if same {
		l.codes = c.Codes()
		return l
	}
	l.codes = make([]int32, c.Len())
	for i, k := range c.Codes() {
		l.codes[i] = int32(len(order))
		if k >= 0 {
			l.codes[i] = rank[k]
		}
		if i%stopRows == 0 && t.Stopped() {
			return l
		}
	}
	return l
}

// sortCodes sorts codes by the text they stand for, merging runs so that it can
// stop soon. What it returns after it is to stop is of no use.
func sortCodes(codes []int32, dict []string, t parallel.Team) []int32 {
	const run = 4096
	byText := func(a, b int32) int { return cmp.Compare(dict[a], dict[b]) }
	if slices.IsSortedFunc(codes, byText) {
		return codes
	}
	runs := (len(codes) + run - 1) / run
	t.Each(runs, func(_, i int) { slices.SortFunc(codes[i*run:min((i+1)*run, len(codes))], byText) })
	from, to := codes, make([]int32, len(codes))
	for width := run; width < len(codes); width *= 2 {
		pairs := (len(codes) + 2*width - 1) / (2 * width)
		t.Each(pairs, func(_, i int) {
			low := i * 2 * width
			middle, high := min(low+width, len(codes)), min(low+2*width, len(codes))
			merge(to[low:high], from[low:middle], from[middle:high], byText, t)
		})
		from, to = to, from
	}
	return from
}

// merge writes two sorted runs to out as one.
func merge(out, a, b []int32, compare func(a, b int32) int, t parallel.Team) {
	for i := range out {
		if i%stopRows == 0 && t.Stopped() {
			return
		}
		if len(b) == 0 || len(a) > 0 && compare(a[0], b[0]) <= 0 {
			out[i], a = a[0], a[1:]
		} else {
			out[i], b = b[0], b[1:]
		}
	}
}

func (l *levels) width() int {
	if l.missing {
		return len(l.categories) + 1
	}
	return len(l.categories)
}

func (l *levels) add(scores, coefficients []float64, low int) {
	for i, k := range l.codes[low : low+len(scores)] {
		scores[i] += coefficients[k]
	}
}

func (l *levels) sum(out, values []float64, low int) {
	for i, k := range l.codes[low : low+len(values)] {
		out[k] += values[i]
	}
}

// squares is sum: the square of 0 or 1 is itself.
func (l *levels) squares(out, values []float64, low int) { l.sum(out, values, low) }

// centred is exact where the values are the same in and outside of the level.
func (l *levels) centred(square, mean float64) float64 { return square * (1 - mean) }
