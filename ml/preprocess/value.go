package preprocess

import (
	"math"

	"github.com/narrativeml/narrative/ml/frame"
)

// mapTexts changes the texts of a column by its dictionary; a text for which
// change is not ok becomes missing.
func mapTexts(c frame.Column, change func(s string) (text string, ok bool)) frame.Column {
	old := c.Dict()
	to := make([]int32, len(old))
	dict := make([]string, 0, len(old))
	index := make(map[string]int32, len(old))
	same := true
	for k, s := range old {
		text, ok := change(s)
		if !ok {
			to[k], same = -1, false
			continue
		}
		at, ok := index[text]
		if !ok {
			at = int32(len(dict))
			index[text] = at
			dict = append(dict, text)
		}
		to[k] = at
		same = same && at == int32(k) && text == s
	}
	if same {
		return c
	}
	codes := make([]int32, c.Len())
	for i, k := range c.Codes() {
		codes[i] = -1
		if k >= 0 {
			codes[i] = to[k]
		}
	}
	return frame.NewString(c.Name(), codes, dict)
}

// eachText calls f once for every text of the column's dictionary and returns
// the values by row; for a missing text, or one for which f is not ok, the value
// is NaN.
func eachText(c frame.Column, f func(s string) (float64, bool)) []float64 {
	of := make([]float64, len(c.Dict()))
	for k, s := range c.Dict() {
		v, ok := f(s)
		if !ok {
			v = math.NaN()
		}
		of[k] = v
	}
	values := make([]float64, c.Len())
	for i, k := range c.Codes() {
		values[i] = math.NaN()
		if k >= 0 {
			values[i] = of[k]
		}
	}
	return values
}

// intsOfTexts is the same for whole numbers.
func intsOfTexts(c frame.Column, t frame.Type, f func(s string) (int64, bool)) frame.Column {
	of, known := make([]int64, len(c.Dict())), make([]bool, len(c.Dict()))
	for k, s := range c.Dict() {
		of[k], known[k] = f(s)
	}
	values := make([]int64, c.Len())
	var nulls frame.Bitmap
	for i, k := range c.Codes() {
		if k < 0 || !known[k] {
			nulls.Set(i)
			continue
		}
		values[i] = of[k]
	}
	return frame.NewInt(c.Name(), t, values, nulls)
}

// floatsOf returns the numbers of a column, NaN where one is missing. They are
// not to be changed.
func floatsOf(c frame.Column) []float64 {
	if c.Type() == frame.Float {
		return c.Floats()
	}
	values := make([]float64, c.Len())
	if c.Type() == frame.String {
		for i := range values {
			values[i] = math.NaN()
		}
		return values
	}
	ints := c.Ints()
	if c.Nulls() == 0 {
		for i, v := range ints {
			values[i] = float64(v)
		}
		return values
	}
	for i, v := range ints {
		values[i] = float64(v)
		if c.Null(i) {
			values[i] = math.NaN()
		}
	}
	return values
}

func floatColumn(c frame.Column) frame.Column {
	if c.Type() == frame.Float {
		return c
	}
	return frame.NewFloat(c.Name(), floatsOf(c))
}

// wholeColumn returns a column of floats as one of integers, if they are.
func wholeColumn(c frame.Column) (frame.Column, bool) {
	values := make([]int64, c.Len())
	var nulls frame.Bitmap
	for i, v := range c.Floats() {
		switch {
		case math.IsNaN(v):
			nulls.Set(i)
		case v != math.Trunc(v) || math.Abs(v) > 1<<53:
			return c, false
		default:
			values[i] = int64(v)
		}
	}
	return frame.NewInt(c.Name(), frame.Int, values, nulls), true
}

// nullsOf returns the set of missing values of a column.
func nullsOf(c frame.Column) frame.Bitmap {
	var nulls frame.Bitmap
	if c.Nulls() == 0 {
		return nulls
	}
	for i := range c.Len() {
		if c.Null(i) {
			nulls.Set(i)
		}
	}
	return nulls
}

// finite keeps a number within those there are.
func finite(v float64) float64 {
	if math.IsInf(v, 0) {
		return math.Copysign(math.MaxFloat64, v)
	}
	return v
}

// concat joins frames of the same columns.
func concat(parts []*frame.Frame) (*frame.Frame, error) {
	if len(parts) == 1 {
		return parts[0], nil
	}
	columns := make([]frame.Column, len(parts[0].Columns()))
	pieces := make([]frame.Column, len(parts))
	for k, c := range parts[0].Columns() {
		for i, p := range parts {
			other, ok := p.Column(c.Name())
			if !ok || other.Type() != c.Type() {
				return nil, &missingPieceError{c.Name()}
			}
			pieces[i] = other
		}
		columns[k] = concatColumns(pieces)
	}
	return frame.New(columns...)
}

type missingPieceError struct{ column string }

func (e *missingPieceError) Error() string {
	return "preprocess: column " + e.column + " is not the same in all chunks"
}

func concatColumns(parts []frame.Column) frame.Column {
	n := 0
	for _, p := range parts {
		n += p.Len()
	}
	name, t := parts[0].Name(), parts[0].Type()
	switch t {
	case frame.Float:
		values := make([]float64, 0, n)
		for _, p := range parts {
			values = append(values, p.Floats()...)
		}
		return frame.NewFloat(name, values)
	case frame.String:
		codes := make([]int32, 0, n)
		var dict []string
		index := map[string]int32{}
		for _, p := range parts {
			to := make([]int32, len(p.Dict()))
			for k, s := range p.Dict() {
				at, ok := index[s]
				if !ok {
					at = int32(len(dict))
					index[s] = at
					dict = append(dict, s)
				}
				to[k] = at
			}
			for _, k := range p.Codes() {
				if k >= 0 {
					k = to[k]
				}
				codes = append(codes, k)
			}
		}
		return frame.NewString(name, codes, dict)
	default:
		values := make([]int64, 0, n)
		var nulls frame.Bitmap
		for _, p := range parts {
			if p.Nulls() > 0 {
				for i := range p.Len() {
					if p.Null(i) {
						nulls.Set(len(values) + i)
					}
				}
			}
			values = append(values, p.Ints()...)
		}
		return frame.NewInt(name, t, values, nulls)
	}
}
