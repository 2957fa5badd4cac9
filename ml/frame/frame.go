package frame

import (
	"fmt"
	"math"
	"slices"
)

// Type is the type of a column's values.
type Type uint8

// The types.
const (
	Float  Type = iota // float64; NaN is a missing value
	Int                // int64
	Bool               // int64, 0 or 1
	String             // int32 codes into a dictionary
	Time               // int64, microseconds since 1970-01-01T00:00:00Z
)

// String returns the type's name.
func (t Type) String() string {
	switch t {
	case Float:
		return "float"
	case Int:
		return "integer"
	case Bool:
		return "boolean"
	case String:
		return "string"
	case Time:
		return "datetime"
	default:
		return fmt.Sprintf("Type(%d)", uint8(t))
	}
}

// Numeric reports whether values of the type are numbers (Bool counts as 0 and
// 1, Time as microseconds).
func (t Type) Numeric() bool { return t != String }

// Column is a named sequence of values of one type, some of them missing.
type Column struct {
	name   string
	typ    Type
	floats []float64
	ints   []int64
	codes  []int32
	dict   []string
	nulls  Bitmap // set bits are missing; empty means none is
	length int
}

// NewFloat returns a column of floats. NaN values are missing. It keeps values.
func NewFloat(name string, values []float64) Column {
	c := Column{name: name, typ: Float, floats: values, length: len(values)}
	for i, v := range values {
		if math.IsNaN(v) {
			c.nulls.Set(i)
		}
	}
	return c
}

// NewInt returns a column of Int, Bool or Time values; nulls may be empty. It
// keeps both. It panics when t is another type.
func NewInt(name string, t Type, values []int64, nulls Bitmap) Column {
	if t != Int && t != Bool && t != Time {
		panic("frame: NewInt with type " + t.String())
	}
	return Column{name: name, typ: t, ints: values, nulls: nulls, length: len(values)}
}

// NewString returns a column of strings: codes index dict, a negative code is
// missing. It keeps both. Dictionary entries have to be distinct. It panics when
// a code is beyond the dictionary.
func NewString(name string, codes []int32, dict []string) Column {
	c := Column{name: name, typ: String, codes: codes, dict: dict, length: len(codes)}
	for i, k := range codes {
		if k < 0 {
			c.nulls.Set(i)
		} else if int(k) >= len(dict) {
			panic(fmt.Sprintf("frame: code %d of column %q is not in its dictionary of %d", k, name, len(dict)))
		}
	}
	return c
}

// StringsOf returns a column of strings with a dictionary in order of first
// appearance; missing may be nil.
func StringsOf(name string, values []string, missing func(i int) bool) Column {
	codes := make([]int32, len(values))
	index := make(map[string]int32)
	var dict []string
	for i, v := range values {
		if missing != nil && missing(i) {
			codes[i] = -1
			continue
		}
		k, ok := index[v]
		if !ok {
			k = int32(len(dict))
			index[v] = k
			dict = append(dict, v)
		}
		codes[i] = k
	}
	return NewString(name, codes, dict)
}

// Name returns the column's name.
func (c Column) Name() string { return c.name }

// Type returns the type of the values.
func (c Column) Type() Type { return c.typ }

// Len returns the number of values.
func (c Column) Len() int { return c.length }

// Null reports whether value i is missing.
func (c Column) Null(i int) bool { return c.nulls.Get(i) }

// Nulls returns the number of missing values.
func (c Column) Nulls() int { return c.nulls.Count(c.length) }

// Float returns value i as a number, NaN if it is missing or a string.
func (c Column) Float(i int) float64 {
	switch {
	case c.typ == Float:
		return c.floats[i]
	case c.typ == String || c.nulls.Get(i):
		return math.NaN()
	default:
		return float64(c.ints[i])
	}
}

// Int returns value i of an Int, Bool or Time column; 0 if it is missing.
func (c Column) Int(i int) int64 {
	if c.nulls.Get(i) {
		return 0
	}
	return c.ints[i]
}

// Code returns the dictionary code of value i of a String column, or -1.
func (c Column) Code(i int) int32 { return c.codes[i] }

// Text returns value i of a String column, "" if it is missing.
func (c Column) Text(i int) string {
	if k := c.codes[i]; k >= 0 {
		return c.dict[k]
	}
	return ""
}

// Floats returns the values of a Float column, nil for any other. Do not
// change them.
func (c Column) Floats() []float64 { return c.floats }

// Ints returns the values of an Int, Bool or Time column. Do not change them.
func (c Column) Ints() []int64 { return c.ints }

// Codes returns the codes of a String column. Do not change them.
func (c Column) Codes() []int32 { return c.codes }

// Dict returns the dictionary of a String column. Do not change it.
func (c Column) Dict() []string { return c.dict }

// Rename returns the column under another name.
func (c Column) Rename(name string) Column {
	c.name = name
	return c
}

// Take returns the column made of the rows given, which may repeat.
func (c Column) Take(rows []int) Column {
	out := Column{name: c.name, typ: c.typ, dict: c.dict, length: len(rows)}
	switch c.typ {
	case Float:
		out.floats = make([]float64, len(rows))
		for i, r := range rows {
			out.floats[i] = c.floats[r]
		}
	case String:
		out.codes = make([]int32, len(rows))
		for i, r := range rows {
			out.codes[i] = c.codes[r]
		}
	default:
		out.ints = make([]int64, len(rows))
		for i, r := range rows {
			out.ints[i] = c.ints[r]
		}
	}
	if len(c.nulls) > 0 {
		for i, r := range rows {
			if c.nulls.Get(r) {
				out.nulls.Set(i)
			}
		}
	}
	return out
}

// Frame is a table: columns of one length with distinct names.
type Frame struct {
	columns []Column
	index   map[string]int
	rows    int
}

// New returns a frame of the columns. It returns an error when their lengths
// differ or a name is empty or repeated.
func New(columns ...Column) (*Frame, error) {
	f := &Frame{columns: slices.Clone(columns), index: make(map[string]int, len(columns))}
	for i, c := range columns {
		if c.name == "" {
			return nil, fmt.Errorf("frame: column %d has no name", i+1)
		}
		if j, ok := f.index[c.name]; ok {
			return nil, fmt.Errorf("frame: columns %d and %d are both named %q", j+1, i+1, c.name)
		}
		if i > 0 && c.length != f.rows {
			return nil, fmt.Errorf("frame: column %q has %d rows, column %q has %d", c.name, c.length, columns[0].name, f.rows)
		}
		f.index[c.name] = i
		f.rows = c.length
	}
	return f, nil
}

// Rows returns the number of rows.
func (f *Frame) Rows() int { return f.rows }

// Columns returns the columns in order. Do not change the slice.
func (f *Frame) Columns() []Column { return f.columns }

// Names returns the names of the columns in order.
func (f *Frame) Names() []string {
	names := make([]string, len(f.columns))
	for i, c := range f.columns {
		names[i] = c.name
	}
	return names
}

// Column returns the column of that name.
func (f *Frame) Column(name string) (Column, bool) {
	i, ok := f.index[name]
	if !ok {
		return Column{}, false
	}
	return f.columns[i], true
}

// Select returns a frame of the named columns in that order.
func (f *Frame) Select(names ...string) (*Frame, error) {
	columns := make([]Column, len(names))
	for i, n := range names {
		c, ok := f.Column(n)
		if !ok {
			return nil, fmt.Errorf("frame: no column %q", n)
		}
		columns[i] = c
	}
	return New(columns...)
}

// Without returns a frame that lacks the named columns.
func (f *Frame) Without(names ...string) *Frame {
	var keep []Column
	for _, c := range f.columns {
		if !slices.Contains(names, c.name) {
			keep = append(keep, c)
		}
	}
	out, _ := New(keep...) // a part of a valid frame is valid
	out.rows = f.rows
	return out
}

// Take returns the frame made of the rows given, which may repeat.
func (f *Frame) Take(rows []int) *Frame {
	columns := make([]Column, len(f.columns))
	for i, c := range f.columns {
		columns[i] = c.Take(rows)
	}
	out, _ := New(columns...)
	out.rows = len(rows)
	return out
}
