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
	seen     uint16 // kinds of values seen
	fits     Forms  // forms with a layout that all values have, once one needs a layout
	nullable bool
	unit     string   // of the first amount of money
	infinite *problem // the first infinity
}

const (
	sawWhole uint16 = 1 << iota
	sawCode
	sawDecimal
	sawFraction // a decimal whose point does not separate thousands
	sawBool
	sawTime
	sawPlus   // a whole number that may be a telephone number
	sawLayout // a value that needs a layout
	sawPart   // one with a layout that is no 64-bit integer with a decimal point
	sawPiece  // one with a layout that is no 64-bit integer with a decimal comma
	sawDoubt  // one that has two readings
	sawText
)

const sawNumber = sawWhole | sawCode | sawDecimal | sawPlus

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
	n := scanNumber(b)
	if n.kind == notNumber {
		g.observeWord(b)
		return false
	}
	g.observeNumber(b, n)
	return n.kind == infiniteNumber
}

// observeNumber takes a value into account that is the number n.
func (g *guess) observeNumber(b []byte, n number) {
	before := g.seen
	switch n.kind {
	case wholeNumber:
		if b[0] == '+' && international(b) {
			g.seen |= sawPlus
		} else {
			g.seen |= sawWhole
		}
	case codeNumber:
		g.seen |= sawCode
	case decimalNumber:
		g.seen |= sawDecimal
		// Three digits behind the point may be thousands.
		if before&sawFraction == 0 && (n.exp != -3 || numeralForms(b)&FormComma == 0) {
			g.seen |= sawFraction
		}
	default:
		g.seen |= sawDecimal | sawFraction
	}
	if g.seen != before {
		g.settle()
	}
}

// observeWord takes a value into account that is no plain number.
func (g *guess) observeWord(b []byte) {
	if _, ok := parseBool(b); ok {
		g.seen |= sawBool
	} else if _, ok := parseTime(b); ok {
		g.seen |= sawTime
	} else if f := layoutForms(b); f == 0 {
		g.seen |= sawText
	} else {
		g.observeLayout(b, f)
	}
	g.settle()
}

func (g *guess) observeLayout(b []byte, f Forms) {
	if g.seen&sawLayout == 0 {
		g.seen |= sawLayout
		g.fits = ^Forms(0)
	}
	g.fits &= f
	if f&FormCurrencies != 0 {
		unit, _, _, _ := cutCurrency(b)
		if g.unit == "" {
			g.unit = unit
		}
		if g.unit != unit {
			g.fits &^= FormCurrencies // sums of different currencies mean nothing
		}
	}
	if twoReadings(b, g.fits) {
		g.seen |= sawDoubt
	}
	if f&FormPoint != 0 && !wholeNumeral(b, false) {
		g.seen |= sawPart
	}
	if f&FormComma != 0 && !wholeNumeral(b, true) {
		g.seen |= sawPiece
	}
}

// settle makes text of a column whose values have nothing in common.
func (g *guess) settle() {
	number, instant, boolean := g.seen&sawNumber != 0, g.seen&sawTime != 0, g.seen&sawBool != 0
	if g.seen&sawLayout == 0 {
		if number && (instant || boolean) || instant && boolean {
			g.seen |= sawText
		}
		return
	}
	if number {
		g.fits &= FormNumbers
	}
	if g.seen&sawFraction != 0 {
		g.fits &^= FormComma
	}
	if instant {
		g.fits &= FormDates
	}
	if boolean || g.seen&sawCode != 0 || g.fits == 0 {
		g.seen |= sawText
	}
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
	case g.seen&sawCode != 0 || g.seen == sawPlus:
		return String
	default:
		return Integer
	}
}

// field describes the column.
func (g *guess) field(name string) Field {
	f := Field{Name: name, Type: g.typ(), Nullable: g.nullable}
	if g.seen&sawLayout == 0 || g.seen&sawText != 0 {
		return f
	}
	fits := g.fits
	doubt := g.seen&sawDoubt != 0 || g.seen&sawDecimal != 0
	for _, pair := range []Forms{FormDayFirst | FormMonthFirst, FormNumbers, FormCurrencies, FormPercents} {
		if fits&pair == pair && doubt {
			f.Type = String // nobody can tell
			return f
		}
	}
	f.Layout = layoutOf(fits)
	_, f.Type = layoutForm(f.Layout)
	switch {
	case f.Layout == PointDecimal && g.seen&(sawPart|sawDecimal) == 0, f.Layout == CommaDecimal && g.seen&sawPiece == 0:
		f.Type = Integer
	case fits&FormCurrencies != 0:
		f.Unit = g.unit
	}
	return f
}

// layoutOf returns the first layout that the forms allow.
func layoutOf(f Forms) Layout {
	for _, l := range layouts() {
		if form, _ := layoutForm(l); f&form != 0 {
			return l
		}
	}
	return Plain
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
	var g guesses
	err := r.ahead(ctx, func(c *rawChunk) error {
		g.observe(c)
		if rows != nil {
			rows(c.rows[len(c.rows)-1])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r.table(&g)
}

// guesses are those of all columns.
type guesses struct {
	columns []guess
	begun   bool // there were rows
}

// observe takes records into account.
func (g *guesses) observe(c *rawChunk) {
	for len(g.columns) < c.width {
		g.columns = append(g.columns, guess{nullable: g.begun})
	}
	g.begun = true
	for j := range c.width {
		one := &g.columns[j]
		for i := range c.rows {
			if one.observe(c.field(i, j)) && one.infinite == nil {
				one.infinite = infiniteProblem(c.field(i, j), c.rows[i], c.lines[i], j)
			}
		}
	}
}

// table says what the file holds, of which all records were observed.
func (r *textReader) table(g *guesses) (*Table, error) {
	r.names = r.records.columns()
	t := &Table{Format: r.Format(), Rows: r.records.total()}
	if t.Rows == 0 {
		return nil, r.noRows()
	}
	var first *problem
	for j, name := range r.names {
		one := &g.columns[j]
		f := one.field(name)
		t.Schema = append(t.Schema, f)
		if f.Type == Float && one.infinite != nil && (first == nil || one.infinite.row < first.row) {
			first = one.infinite
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
