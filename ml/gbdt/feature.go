package gbdt

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// feature says how the values of a column become bins. The bin after the last
// one of a value is that of missing values, of unseen categories and of those
// too rare for a bin of their own.
type feature struct {
	name        string
	categorical bool
	bounds      []float64 // numeric: at most 254, ascending
	categories  []string  // categorical: the text of each bin, at most 255

	numeric *binner          // looks numbers up in bounds
	index   map[string]uint8 // looks text up in categories
}

// prepare makes the feature ready to be looked up in.
func (f *feature) prepare() {
	if !f.categorical {
		f.numeric = newBinner(f.bounds)
		return
	}
	f.index = make(map[string]uint8, len(f.categories))
	for i, text := range f.categories {
		f.index[text] = uint8(i)
	}
}

// missing returns the bin of missing values.
func (f *feature) missing() int {
	if f.categorical {
		return len(f.categories)
	}
	return len(f.bounds) + 1
}

// sampleSize is the number of values that decide where bins begin.
const sampleSize = 200_000

// newFeature finds the bins of a column.
func newFeature(c frame.Column, limit int, seed uint64) (feature, error) {
	f := feature{name: c.Name(), categorical: c.Type() == frame.String}
	if f.categorical {
		f.categories = frequent(c, limit)
		return f, nil
	}
	if i := slices.IndexFunc(c.Floats(), infinite); i >= 0 {
		return f, &ml.InputError{
			Code: "infinite_value", Column: f.name, Row: i,
			Message: fmt.Sprintf("the column %q is infinite in row %d; every value must be a finite number or missing", f.name, i+1),
		}
	}
	f.bounds = bounds(sample(c, seed), limit)
	return f, nil
}

func infinite(v float64) bool { return math.IsInf(v, 0) }

// sample returns the values that are there, of one row from each of at most
// sampleSize equal stretches.
func sample(c frame.Column, seed uint64) []float64 {
	n := min(c.Len(), sampleSize)
	out := make([]float64, 0, n)
	for i := range n {
		low, high := i*c.Len()/n, (i+1)*c.Len()/n
		row := low + int(mix(seed+uint64(i)*golden)%uint64(high-low))
		if v := c.Float(row); !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}

// frequent returns the limit most frequent categories, by descending frequency
// and then by text.
func frequent(c frame.Column, limit int) []string {
	counts := make([]int, len(c.Dict()))
	for _, k := range c.Codes() {
		if k >= 0 {
			counts[k]++
		}
	}
	var seen []int32
	for k, n := range counts {
		if n > 0 {
			seen = append(seen, int32(k))
		}
	}
	slices.SortFunc(seen, func(a, b int32) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(c.Dict()[a], c.Dict()[b]))
	})
	out := make([]string, min(limit, len(seen)))
	for i := range out {
		out[i] = c.Dict()[seen[i]]
	}
	return out
}

// source turns ranges of one column's rows into bins.
type source struct {
	column  frame.Column
	numeric *binner
	byCode  []uint8 // categorical: the bin of each code of the dictionary
	missing uint8
}

// newSource returns the source of a feature's bins in x.
func newSource(f *feature, x *frame.Frame) (*source, error) {
	c, ok := x.Column(f.name)
	if !ok {
		return nil, &ml.InputError{
			Code: "missing_column", Column: f.name, Row: -1,
			Message: fmt.Sprintf("the table has no column %q, which the model needs", f.name),
		}
	}
	if f.categorical != (c.Type() == frame.String) {
		want := "a numeric column"
		if f.categorical {
			want = "a column of strings"
		}
		return nil, &ml.InputError{
			Code: "column_type", Column: f.name, Row: -1,
			Message: fmt.Sprintf("the column %q is of type %s; the model needs %s", f.name, c.Type(), want),
		}
	}
	s := &source{column: c, missing: uint8(f.missing()), numeric: f.numeric}
	if !f.categorical {
		return s, nil
	}
	s.byCode = make([]uint8, len(c.Dict()))
	for k, text := range c.Dict() {
		bin, ok := f.index[text]
		if !ok {
			bin = s.missing
		}
		s.byCode[k] = bin
	}
	return s, nil
}

// bins writes the bins of the rows from start on to out. The buffer holds at
// least as many numbers as out has bytes.
func (s *source) bins(start int, out []uint8, buffer []float64) {
	if s.numeric == nil {
		for i, k := range s.column.Codes()[start : start+len(out)] {
			if k < 0 {
				out[i] = s.missing
			} else {
				out[i] = s.byCode[k]
			}
		}
		return
	}
	if values := s.column.Floats(); values != nil {
		s.numeric.bins(values[start:start+len(out)], out)
		return
	}
	buffer = buffer[:len(out)]
	for i := range buffer {
		buffer[i] = s.column.Float(start + i)
	}
	s.numeric.bins(buffer, out)
}
