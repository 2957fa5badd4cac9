package tabular

import (
	"context"
	"fmt"
	"io"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/ml/frame"
)

// Type returns the frame's type for t.
func (t Type) Type() frame.Type {
	switch t {
	case Integer:
		return frame.Int
	case Boolean:
		return frame.Bool
	case Datetime:
		return frame.Time
	case Float:
		return frame.Float
	default:
		return frame.String
	}
}

// TypeOf returns the type of a frame's column.
func TypeOf(t frame.Type) Type {
	switch t {
	case frame.Int:
		return Integer
	case frame.Bool:
		return Boolean
	case frame.Time:
		return Datetime
	case frame.Float:
		return Float
	default:
		return String
	}
}

// Table is what a file holds, as a look at the whole of it found.
type Table struct {
	Format Format
	Schema Schema
	Rows   int64
}

// guess narrows down the type of one column.
type guess struct {
	seen     uint8 // kinds of values seen
	nullable bool
	infinite *problem // the first infinity
}

const (
	sawWhole uint8 = 1 << iota
	sawCode
	sawDecimal
	sawBool
	sawTime
	sawText
)

const sawNumber = sawWhole | sawCode | sawDecimal

// observe takes one value into account. It reports true when the value is an
// infinity.
func (g *guess) observe(b []byte) bool {
	if g.seen&sawText != 0 {
		if !g.nullable {
			g.nullable = missing(b)
		}
		return false
	}
	if missing(b) {
		g.nullable = true
		return false
	}
	infinite := false
	switch n := scanNumber(b); n.kind {
	case wholeNumber:
		g.seen |= sawWhole
	case codeNumber:
		g.seen |= sawCode
	case decimalNumber:
		g.seen |= sawDecimal
	case infiniteNumber:
		g.seen |= sawDecimal
		infinite = true
	default:
		if _, ok := parseBool(b); ok {
			g.seen |= sawBool
		} else if _, ok := parseTime(b); ok {
			g.seen |= sawTime
		} else {
			g.seen |= sawText
		}
	}
	if g.seen&sawNumber != 0 && g.seen&(sawBool|sawTime) != 0 || g.seen&sawBool != 0 && g.seen&sawTime != 0 {
		g.seen |= sawText
	}
	return infinite
}

// typ returns the narrowest type of all values.
func (g *guess) typ() Type {
	switch {
	case g.seen == 0 || g.seen&sawText != 0:
		return String
	case g.seen == sawBool:
		return Boolean
	case g.seen == sawTime:
		return Datetime
	case g.seen&sawDecimal != 0:
		return Float
	case g.seen&sawCode != 0:
		return String
	default:
		return Integer
	}
}

// InferCSV reads the whole of src, checks every record, and finds the type of
// every column. Its errors are fault.Invalid with the line, the row and the
// column of the first mistake. rows, which may be nil, is told from time to
// time how many rows were read.
func InferCSV(ctx context.Context, src io.Reader, o CSVOptions, rows func(int64)) (*Table, error) {
	o.Tolerant = false
	r, err := NewCSVReader(src, o)
	if err != nil {
		return nil, err
	}
	return r.infer(ctx, rows)
}

// infer reads all records and finds the columns and their types.
func (r *textReader) infer(ctx context.Context, rows func(int64)) (*Table, error) {
	var guesses []guess
	before := false // whether there were rows
	err := r.ahead(ctx, func(c *rawChunk) error {
		for len(guesses) < c.width {
			guesses = append(guesses, guess{nullable: before})
		}
		before = true
		for j := range c.width {
			g := &guesses[j]
			for i := range c.rows {
				if g.observe(c.field(i, j)) && g.infinite == nil {
					g.infinite = infiniteProblem(c.field(i, j), c.rows[i], c.lines[i], j)
				}
			}
		}
		if rows != nil {
			rows(c.rows[len(c.rows)-1])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.names = r.records.columns()
	t := &Table{Format: r.Format(), Rows: r.records.total()}
	if t.Rows == 0 {
		return nil, r.noRows()
	}
	var first *problem
	for j, name := range r.names {
		g := &guesses[j]
		f := Field{Name: name, Type: g.typ(), Nullable: g.nullable}
		t.Schema = append(t.Schema, f)
		if f.Type == Float && g.infinite != nil && (first == nil || g.infinite.row < first.row) {
			first = g.infinite
		}
	}
	if first != nil {
		return nil, first.fault(r.names)
	}
	return t, nil
}

// noRows says that there is nothing but names of columns.
func (r *textReader) noRows() error {
	switch r.format.Kind {
	case KindJSON, KindJSONL:
		return fault.Invalid("json_no_rows", "the file has no objects that could be rows; give an array of objects, or one object a line")
	case KindXLSX:
		return fault.Invalid("xlsx_header_only", "the sheet %q has a header with %d columns and no rows; add at least one row of data", r.format.Sheet, len(r.names))
	default:
		return fault.Invalid("csv_header_only", "the file has a header with %d columns and no rows; add at least one row of data", len(r.names))
	}
}

func infiniteProblem(text []byte, row, line int64, column int) *problem {
	return &problem{code: "infinite_value", row: row, line: line, column: column, reason: fmt.Sprintf(
		"%q is infinite or too large for a 64-bit float; leave the field empty or give a finite number", shorten(string(text), 60))}
}
