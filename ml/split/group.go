package split

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Groups numbers the distinct values of a column of any type, from 0 in the
// order in which they appear, and returns the number of each row. A row without
// a value is an *ml.InputError missing_group.
func Groups(c frame.Column) ([]int, error) {
	out := make([]int, c.Len())
	numbers := map[float64]int{}
	integers := map[int64]int{}
	codes := make([]int, len(c.Dict()))
	next := 0
	number := func(known int, ok bool, keep func(int)) int {
		if !ok {
			known = next
			next++
			keep(known)
		}
		return known
	}
	for i := range out {
		if c.Null(i) {
			return nil, &ml.InputError{
				Code: "missing_group", Column: c.Name(), Row: i,
				Message: fmt.Sprintf("column %q is missing in row %d, every row needs a group to stay with", c.Name(), i+1),
			}
		}
		switch c.Type() {
		case frame.String:
			k := c.Code(i)
			out[i] = number(codes[k]-1, codes[k] > 0, func(n int) { codes[k] = n + 1 })
		case frame.Float:
			v := c.Float(i) + 0 // -0 is 0
			known, ok := numbers[v]
			out[i] = number(known, ok, func(n int) { numbers[v] = n })
		default:
			v := c.Int(i)
			known, ok := integers[v]
			out[i] = number(known, ok, func(n int) { integers[v] = n })
		}
	}
	return out, nil
}

// GroupHoldout holds out whole groups with about the fraction of the rows: at
// least one group, and at least atLeast are kept. groups holds the group of each
// row, any numbers that are the same within a group. Both results ascend. Too
// few groups are an error.
//
// Groups come by falling size, at random among those of about the same; each
// goes where it is missed more. So few groups of very different sizes are
// divided in the same way whatever the seed.
func GroupHoldout(groups []int, fraction float64, atLeast int, seed uint64) (keep, held []int, err error) {
	return StratifiedGroupHoldout(make([]int, len(groups)), 1, groups, fraction, atLeast, seed)
}

// StratifiedGroupHoldout is GroupHoldout that also gives each class about its
// share, as far as the groups allow: a class whose rows are in one group is on
// one side. classes holds the class of each row, 0 … n-1; another is an error.
func StratifiedGroupHoldout(classes []int, n int, groups []int, fraction float64, atLeast int, seed uint64) (keep, held []int, err error) {
	if err := checkFraction(fraction); err != nil {
		return nil, nil, err
	}
	g, err := newGrouping(groups, classes, n)
	if err != nil {
		return nil, nil, err
	}
	atLeast = max(1, atLeast)
	if g.count() <= atLeast {
		return nil, nil, invalid("too_few_groups", "", "the rows are of %s, at least %d are needed to hold one out", plural(g.count(), "group"), uint(atLeast)+1)
	}
	side := g.deal([]float64{1 - fraction, fraction}, []int{atLeast, 1}, seed)
	for row, k := range g.of {
		if side[k] == 1 {
			held = append(held, row)
		} else {
			keep = append(keep, row)
		}
	}
	return keep, held, nil
}

// GroupKFold returns the fold of each row, 0 … folds-1, so that no group is in
// two folds and the folds have about as many rows as each other. groups holds
// the group of each row, any numbers that are the same within a group. Fewer
// groups than folds are an error. The order of the groups is that of
// GroupHoldout.
func GroupKFold(groups []int, folds int, seed uint64) ([]int, error) {
	return StratifiedGroupKFold(make([]int, len(groups)), 1, groups, folds, seed)
}

// StratifiedGroupKFold is GroupKFold that also gives each fold about the same
// share of each class, as far as the groups allow: a class whose rows are in
// fewer groups than there are folds is not in every fold. classes holds the
// class of each row, 0 … n-1; another is an error.
func StratifiedGroupKFold(classes []int, n int, groups []int, folds int, seed uint64) ([]int, error) {
	if err := checkFolds(folds, len(groups)); err != nil {
		return nil, err
	}
	g, err := newGrouping(groups, classes, n)
	if err != nil {
		return nil, err
	}
	if g.count() < folds {
		return nil, invalid("too_few_groups", "", "the rows are of %s, at least %d are needed for %d folds", plural(g.count(), "group"), folds, folds)
	}
	side := g.deal(slices.Repeat([]float64{1 / float64(folds)}, folds), slices.Repeat([]int{1}, folds), seed)
	fold := make([]int, len(groups))
	for row, k := range g.of {
		fold[row] = side[k]
	}
	return fold, nil
}

// grouping is the rows by group.
type grouping struct {
	of      []int // the group of each row, from 0
	rows    []int // of one group after the other
	start   []int // where in rows each group begins, and the end
	classes []int // of each row
	totals  []int // rows of each class
}

func (g *grouping) count() int { return len(g.start) - 1 }

func newGrouping(groups, classes []int, n int) (*grouping, error) {
	if len(groups) != len(classes) {
		return nil, fmt.Errorf("split: %d groups for %d classes", len(groups), len(classes))
	}
	if err := checkNumbers(classes, n); err != nil {
		return nil, err
	}
	g := &grouping{of: make([]int, len(groups)), classes: classes, totals: count(classes, n)}
	index := map[int]int{}
	var sizes []int
	for row, v := range groups {
		k, ok := index[v]
		if !ok {
			k = len(sizes)
			index[v] = k
			sizes = append(sizes, 0)
		}
		g.of[row] = k
		sizes[k]++
	}
	g.start = make([]int, len(sizes)+1)
	for k, size := range sizes {
		g.start[k+1] = g.start[k] + size
	}
	next := slices.Clone(g.start)
	g.rows = make([]int, len(groups))
	for row, k := range g.of {
		g.rows[next[k]] = row
		next[k]++
	}
	return g, nil
}

// deal gives each group to a side, to each at least as many as it needs, so that
// each side has about its share of every class. It keeps small the sum, over the
// sides and classes, of the squares of the share of the class on the side, by
// the side's own share.
func (g *grouping) deal(shares []float64, needs []int, seed uint64) (side []int) {
	order := shuffled(g.count(), seed)
	size := func(k int) int { return g.start[k+1] - g.start[k] }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(bits.Len(uint(size(b))), bits.Len(uint(size(a)))) })

	n := len(g.totals)
	held := make([]float64, len(shares)*n) // rows of each class on each side
	rows := make([]int, len(shares))
	missing := 0 // groups that sides need still
	for _, n := range needs {
		missing += n
	}
	side = make([]int, g.count())
	inside := make([]float64, n) // rows of each class in the group
	var present []int
	for at, k := range order {
		present = present[:0]
		for _, row := range g.rows[g.start[k]:g.start[k+1]] {
			c := g.classes[row]
			if inside[c] == 0 {
				present = append(present, c)
			}
			inside[c]++
		}
		best, least := -1, 0.0
		// The last groups go where they are needed.
		scarce := len(order)-at <= missing
		for s, share := range shares {
			if scarce && needs[s] == 0 {
				continue
			}
			cost := 0.0
			for _, c := range present {
				total := float64(g.totals[c])
				cost += (2*held[s*n+c] + inside[c]) * inside[c] / (share * total * total)
			}
			if best < 0 || cost < least || cost == least && rows[s] < rows[best] {
				best, least = s, cost
			}
		}
		side[k] = best
		if needs[best] > 0 {
			needs[best]--
			missing--
		}
		rows[best] += size(k)
		for _, c := range present {
			held[best*n+c] += inside[c]
			inside[c] = 0
		}
	}
	return side
}
