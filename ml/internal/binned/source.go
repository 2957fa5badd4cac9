package binned

import (
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Source turns ranges of one column's rows into bins.
type Source struct {
	column  frame.Column
	numeric *binner
	byCode  []uint8 // categorical: the bin of each code of the dictionary
	missing uint8
}

// NewSource returns the source of a feature's bins in x. It returns an
// *ml.InputError when x lacks the column or has numbers for strings or the
// reverse.
func NewSource(f *Feature, x *frame.Frame) (*Source, error) {
	c, ok := x.Column(f.Name)
	if !ok {
		return nil, &ml.InputError{
			Code: "missing_column", Column: f.Name, Row: -1,
			Message: fmt.Sprintf("the table has no column %q, which the model needs", f.Name),
		}
	}
	if f.Categorical != (c.Type() == frame.String) {
		want := "a numeric column"
		if f.Categorical {
			want = "a column of strings"
		}
		return nil, &ml.InputError{
			Code: "column_type", Column: f.Name, Row: -1,
			Message: fmt.Sprintf("the column %q is of type %s; the model needs %s", f.Name, c.Type(), want),
		}
	}
	s := &Source{column: c, missing: uint8(f.Missing()), numeric: f.numeric}
	if !f.Categorical {
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

// Bins writes the bins of the rows from start on to out. The buffer holds at
// least as many numbers as out has bytes.
func (s *Source) Bins(start int, out []uint8, buffer []float64) {
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
	s.numeric.bins(s.numbers(start, buffer[:len(out)]), out)
}

// numbers returns the values of the rows from start on, in the buffer where the
// column does not hold them as they are.
func (s *Source) numbers(start int, buffer []float64) []float64 {
	if values := s.column.Floats(); values != nil {
		return values[start : start+len(buffer)]
	}
	for i := range buffer {
		buffer[i] = s.column.Float(start + i)
	}
	return buffer
}

// infinite returns the first of n rows from start on that is infinite, or -1.
func (s *Source) infinite(start, n int) int {
	values := s.column.Floats()
	if values == nil {
		return -1
	}
	var sum float64 // of zeros, or NaN for what is not a number
	for _, v := range values[start : start+n] {
		sum += v - v
	}
	if sum == 0 {
		return -1
	}
	for i, v := range values[start : start+n] {
		if math.IsInf(v, 0) {
			return start + i
		}
	}
	return -1
}
