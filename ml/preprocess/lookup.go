package preprocess

import (
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// finder adds columns of a table to rows by a key.
type finder struct {
	index map[[2]uint64]int
	on    []Field        // of the rows
	made  []frame.Column // of the table, and a row of missing values behind
	rows  int
}

// newLookup returns a finder in the table; on are the key's columns in the rows,
// keys those in the table.
func newLookup(table *frame.Frame, on, keys, made []Field) (*finder, error) {
	l := &finder{index: map[[2]uint64]int{}, on: on}
	if table == nil {
		for _, f := range made {
			l.made = append(l.made, missingColumn(f, 1))
		}
		return l, nil
	}
	l.rows = table.Rows()
	a, b, err := hashRows(table, keys, nil, nil)
	if err != nil {
		return nil, err
	}
	for i := range a {
		key := [2]uint64{a[i], b[i]}
		if _, ok := l.index[key]; !ok {
			l.index[key] = i
		}
	}
	for _, f := range made {
		c, err := present(table, f)
		if err != nil {
			return nil, err
		}
		l.made = append(l.made, concatColumns([]frame.Column{c, missingColumn(f, 1)}))
	}
	return l, nil
}

func missingColumn(f Field, n int) frame.Column {
	switch f.Type {
	case frame.Float:
		return frame.NewFloat(f.Name, slices.Repeat([]float64{math.NaN()}, n))
	case frame.String:
		return frame.NewString(f.Name, slices.Repeat([]int32{-1}, n), nil)
	default:
		var nulls frame.Bitmap
		for i := range n {
			nulls.Set(i)
		}
		return frame.NewInt(f.Name, f.Type, make([]int64, n), nulls)
	}
}

// find returns the row of the table for each row of x, one behind the last
// where there is none.
func (l *finder) find(x *frame.Frame) ([]int, error) {
	a, b, err := hashRows(x, l.on, nil, nil)
	if err != nil {
		return nil, err
	}
	rows := make([]int, x.Rows())
	for i := range rows {
		at, ok := l.index[[2]uint64{a[i], b[i]}]
		if !ok {
			at = l.rows
		}
		rows[i] = at
	}
	return rows, nil
}

func (l *finder) add(x *frame.Frame) (*frame.Frame, error) {
	rows, err := l.find(x)
	if err != nil {
		return nil, err
	}
	return l.put(x, rows)
}

func (l *finder) put(x *frame.Frame, rows []int) (*frame.Frame, error) {
	made := make([]frame.Column, len(l.made))
	for k, c := range l.made {
		made[k] = c.Take(rows)
	}
	return put(x, made...)
}

// appendFrame writes a table.
func appendFrame(b []byte, x *frame.Frame) []byte {
	b = appendSchema(b, SchemaOf(x))
	b = appendCount(b, x.Rows())
	for _, c := range x.Columns() {
		switch c.Type() {
		case frame.Float:
			for _, v := range c.Floats() {
				b = wire.AppendBool(b, math.IsNaN(v))
				if !math.IsNaN(v) {
					b = wire.AppendFloats(b, v)
				}
			}
		case frame.String:
			for i := range c.Len() {
				b = wire.AppendBool(b, c.Null(i))
				if !c.Null(i) {
					b = wire.AppendString(b, c.Text(i))
				}
			}
		default:
			for i, v := range c.Ints() {
				b = wire.AppendBool(b, c.Null(i))
				if !c.Null(i) {
					b = appendInt(b, v)
				}
			}
		}
	}
	return b
}

// decodeFrame reads a table; nil when it has no columns.
func decodeFrame(learned []byte) (*frame.Frame, error) {
	r := wire.NewReader(learned)
	schema := decodeSchema(r)
	if len(schema) == 0 {
		return nil, r.Close()
	}
	n := r.Count(len(schema))
	columns := make([]frame.Column, len(schema))
	for k, f := range schema {
		columns[k] = decodeColumn(r, f, n)
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	return frame.New(columns...)
}

func decodeColumn(r *wire.Reader, f Field, n int) frame.Column {
	floats, texts, ints := []float64(nil), []string(nil), []int64(nil)
	var nulls frame.Bitmap
	for i := range n {
		null := r.Bool()
		if null {
			nulls.Set(i)
		}
		switch {
		case r.Err() != nil:
			return missingColumn(f, 0)
		case f.Type == frame.Float:
			v := math.NaN()
			if !null {
				v = r.Float()
			}
			floats = append(floats, v)
		case f.Type == frame.String:
			s := ""
			if !null {
				s = r.String()
			}
			texts = append(texts, s)
		default:
			v := int64(0)
			if !null {
				v = int64(r.Uint64())
			}
			ints = append(ints, v)
		}
	}
	switch f.Type {
	case frame.Float:
		return frame.NewFloat(f.Name, floats)
	case frame.String:
		return frame.StringsOf(f.Name, texts, nulls.Get)
	default:
		return frame.NewInt(f.Name, f.Type, ints, nulls)
	}
}
