package corpus

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/narrativeml/narrative/internal/pii"
)

// Column is a column of which it is known what it holds.
type Column struct {
	Name   string
	Kind   pii.Kind // empty: no personal data
	Values []string // empty: missing
}

// source makes the values of columns; each name is a column.
type source struct {
	kind    pii.Kind
	names   string // separated by commas
	make    func(r *rand.Rand, row int) string
	missing int // of a hundred
}

// Columns returns the columns of a seed, each of so many rows: those that hold
// personal data, and those that do not. They were written beside the rules of the
// search, which therefore does better on them than on others: what they are good for
// is to notice when it gets worse.
func Columns(seed uint64, rows int) []Column {
	return columnsOf(slices.Concat(positives(), negatives()), seed, rows)
}

// HeldOut returns columns that were written after the search, likewise. Their
// origin, and what the search did on them at first, is with their list.
func HeldOut(seed uint64, rows int) []Column { return columnsOf(heldOut(), seed, rows) }

// Exports returns columns as programs of many trades and countries write them, some
// four hundred that hold personal data and as many that hold none. They were written
// before the rules were made broader, and measured first.
func Exports(seed uint64, rows int) []Column { return columnsOf(exports(), seed, rows) }

// Unseen returns columns that were written when the rules were done, likewise. The
// rules were left alone afterwards.
func Unseen(seed uint64, rows int) []Column { return columnsOf(unseen(), seed, rows) }

// Nameless returns the columns with names that say nothing.
func Nameless(columns []Column) []Column {
	out := slices.Clone(columns)
	for i := range out {
		out[i].Name = "c" + strconv.Itoa(i)
	}
	return out
}

func columnsOf(sources []source, seed uint64, rows int) []Column {
	var all []Column
	for i, s := range sources {
		for k, name := range splitNames(s.names) {
			r := rand.New(rand.NewPCG(seed, uint64(i*100+k)))
			c := Column{Name: name, Kind: s.kind, Values: make([]string, rows)}
			for row := range c.Values {
				if s.missing == 0 || r.IntN(100) >= s.missing {
					c.Values[row] = s.make(r, row)
				}
			}
			all = append(all, c)
		}
	}
	return all
}

// Result is how many columns of a kind were found.
type Result struct {
	Kind  pii.Kind // empty: all
	Right int      // found, and of this kind
	Wrong int      // found as this kind, and of none or another
	Lost  int      // of this kind, and not found or found as another
}

// Precision is the share of what was found that is right.
func (r Result) Precision() float64 { return share(r.Right, r.Right+r.Wrong) }

// Recall is the share of what is there that was found.
func (r Result) Recall() float64 { return share(r.Right, r.Right+r.Lost) }

func share(part, all int) float64 {
	if all == 0 {
		return 1
	}
	return float64(part) / float64(all)
}

// Mistake is a column that was taken for something else.
type Mistake struct {
	Column      string
	Want, Found pii.Kind
}

// Score compares what was found in the columns, in their order, with what they
// hold. The first result is of all kinds together.
func Score(columns []Column, found []pii.Kind) ([]Result, []Mistake) {
	all := Result{}
	of := make(map[pii.Kind]*Result)
	for _, k := range pii.Kinds() {
		of[k] = &Result{Kind: k}
	}
	var mistakes []Mistake
	for i, c := range columns {
		got := found[i]
		if got != c.Kind {
			mistakes = append(mistakes, Mistake{c.Name, c.Kind, got})
		}
		switch {
		case got == "" && c.Kind == "":
		case got == c.Kind:
			all.Right++
			of[got].Right++
		default:
			if got != "" {
				all.Wrong++
				of[got].Wrong++
			}
			if c.Kind != "" {
				all.Lost++
				of[c.Kind].Lost++
			}
		}
	}
	results := []Result{all}
	for _, k := range pii.Kinds() {
		results = append(results, *of[k])
	}
	return results, mistakes
}
