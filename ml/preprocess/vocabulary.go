package preprocess

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// CategoryParams says which categories of a column of strings are told apart.
// They are counted in rows, whatever the weights of those.
type CategoryParams struct {
	Columns       []string // empty: all of strings
	MaxCategories int      // the most frequent ones, of equals the first in order; the rest become "other"; 1 to 1,048,576
	MinRows       int      // categories with fewer rows become "other"; at least 1
}

// DefaultCategoryParams tells the 50 most frequent categories apart.
func DefaultCategoryParams() CategoryParams { return CategoryParams{MaxCategories: 50, MinRows: 1} }

// Validate returns an error when a parameter is out of range.
func (p CategoryParams) Validate() error {
	return inRange(
		bound{"max_categories", p.MaxCategories, 1, 1 << 20},
		bound{"min_rows", p.MinRows, 1, 1 << 30},
	)
}

// vocabulary is the categories of one column that are told apart, sorted.
type vocabulary struct {
	column string
	kept   []string
	other  string // the name of the rest; empty when training had no rest
}

// size returns the number of codes.
func (v *vocabulary) size() int {
	if v.other != "" {
		return len(v.kept) + 1
	}
	return len(v.kept)
}

// translate maps the codes of a dictionary to ours. A category that training
// did not have is "other" when there is such, else missing (-1).
func (v *vocabulary) translate(dict []string) []int32 {
	out := make([]int32, len(dict))
	for i, s := range dict {
		k, ok := slices.BinarySearch(v.kept, s)
		switch {
		case ok:
			out[i] = int32(k)
		case v.other != "":
			out[i] = int32(len(v.kept))
		default:
			out[i] = -1
		}
	}
	return out
}

// codes returns our code for each row of c, -1 for a missing value.
func (v *vocabulary) codes(c frame.Column) []int32 {
	table := v.translate(c.Dict())
	out := make([]int32, c.Len())
	for i, k := range c.Codes() {
		out[i] = -1
		if k >= 0 {
			out[i] = table[k]
		}
	}
	return out
}

// dict returns the name of each code.
func (v *vocabulary) dict() []string {
	if v.other == "" {
		return v.kept
	}
	return append(slices.Clone(v.kept), v.other)
}

// fitVocabulary chooses the categories of c: the most frequent first, equal
// ones in sorted order.
func fitVocabulary(c frame.Column, p CategoryParams) vocabulary {
	counts := make([]int, len(c.Dict()))
	for _, k := range c.Codes() {
		if k >= 0 {
			counts[k]++
		}
	}
	var all []category
	for k, n := range counts {
		if n > 0 {
			all = append(all, category{c.Dict()[k], n})
		}
	}
	return chooseCategories(c.Name(), all, p)
}

// category is a text and how many rows have it.
type category struct {
	text string
	rows int
}

// chooseCategories chooses among the categories of a column, in any order.
func chooseCategories(column string, all []category, p CategoryParams) vocabulary {
	taken := namer{}
	for _, k := range all {
		taken[k.text] = true
	}
	slices.SortFunc(all, func(a, b category) int {
		return cmp.Or(cmp.Compare(b.rows, a.rows), cmp.Compare(a.text, b.text))
	})
	v := vocabulary{column: column}
	for i, k := range all {
		if i >= p.MaxCategories || k.rows < p.MinRows {
			v.other = taken.name("other")
			break
		}
		v.kept = append(v.kept, k.text)
	}
	slices.Sort(v.kept)
	return v
}

func fitVocabularies(ctx context.Context, x *frame.Frame, p CategoryParams) ([]vocabulary, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	columns, err := choose(ctx, x, p.Columns, isString, "strings")
	if err != nil {
		return nil, err
	}
	all := make([]vocabulary, len(columns))
	for i, c := range columns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all[i] = fitVocabulary(c, p)
	}
	return all, nil
}

func appendVocabularies(b []byte, all []vocabulary) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(all)))
	for _, v := range all {
		b = wire.AppendString(b, v.column)
		b = wire.AppendStrings(b, v.kept)
		b = wire.AppendString(b, v.other)
	}
	return b
}

func decodeVocabularies(r *wire.Reader) []vocabulary {
	n := r.Count(12)
	var all []vocabulary
	for range n {
		v := vocabulary{column: r.String(), kept: r.Strings(), other: r.String()}
		for i := 1; i < len(v.kept); i++ {
			if v.kept[i-1] >= v.kept[i] {
				r.Fail("the categories of column %q are not in order", v.column)
			}
		}
		if _, ok := slices.BinarySearch(v.kept, v.other); ok && v.other != "" {
			r.Fail("column %q has the category %q twice", v.column, v.other)
		}
		if r.Err() != nil {
			return nil
		}
		all = append(all, v)
	}
	return all
}
