package tabular

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
)

// sheetRows reads the rows of one sheet, from the first to the last, without
// those that hold nothing.
type sheetRows struct {
	book   *workbook
	part   *part
	inside bool  // of the rows
	number int64 // of the row in work, from 1
	values []sheetValue
	text   []byte // of the values
	raw    []byte // of the cell in work
}

// sheetValue is the value of a cell in the row in work.
type sheetValue struct {
	column     int // from 0
	start, end int
}

// maxSheetColumns is how many columns a sheet can have.
const maxSheetColumns = 1 << 14

func (w *workbook) openSheet(s sheetPart) (*sheetRows, error) {
	p, err := w.open(s.part)
	if err != nil {
		return nil, err
	}
	return &sheetRows{book: w, part: p}, nil
}

func (s *sheetRows) close() {
	_ = s.part.close() // what was read of it has been checked
}

// enter goes to the rows.
func (s *sheetRows) enter() error {
	if err := s.part.root("worksheet"); err != nil {
		return err
	}
	for {
		e, ok, err := s.part.start()
		if err != nil {
			return err
		}
		if !ok {
			return errWorkbook(fmt.Errorf("%s: no sheetData", s.part.name))
		}
		if e.Name.Local == "sheetData" {
			s.inside = true
			return nil
		}
		if err := s.part.skip(); err != nil {
			return err
		}
	}
}

// scan reads the next row that has a value; it reports false at the end.
func (s *sheetRows) scan() (bool, error) {
	if !s.inside {
		if err := s.enter(); err != nil {
			return false, err
		}
	}
	s.values, s.text = s.values[:0], s.text[:0]
	for len(s.values) == 0 {
		e, ok, err := s.part.start()
		if err != nil || !ok {
			return false, err
		}
		if e.Name.Local != "row" {
			err = s.part.skip()
		} else {
			err = s.row(e)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// row reads the cells of the row.
func (s *sheetRows) row(e xml.StartElement) error {
	number := s.number + 1
	if at := attribute(e, "r"); at != "" {
		var err error
		if number, err = strconv.ParseInt(at, 10, 64); err != nil || number <= s.number {
			return errWorkbook(fmt.Errorf("%s: row %.20q follows row %d", s.part.name, at, s.number))
		}
	}
	s.number = number
	column := 0 // of the next cell
	return s.part.each("c", func(e xml.StartElement) error {
		if at := attribute(e, "r"); at != "" {
			named, ok := columnNumber(at)
			if !ok || named < column {
				return errWorkbook(fmt.Errorf("%s: cell %.20q in row %d", s.part.name, at, number))
			}
			column = named
		}
		if column >= maxSheetColumns {
			return errWorkbook(fmt.Errorf("%s: row %d has too many cells", s.part.name, number))
		}
		start := len(s.text)
		if err := s.cell(e); err != nil {
			if f, ok := fault.As(err); ok && f.Code == "xlsx_value_too_long" {
				err = f.With(fault.Field{Location: location(0, number, ""), Message: "a value is too long"})
			}
			return err
		}
		if len(s.text) > start {
			s.values = append(s.values, sheetValue{column: column, start: start, end: len(s.text)})
		}
		if len(s.text) > s.book.limits.Record {
			return fault.Invalid("xlsx_row_too_long", "row %d has more than %d bytes of text; shorten it", number, s.book.limits.Record).
				With(fault.Field{Location: location(0, number, ""), Message: "the row is too long"})
		}
		column++
		return nil
	})
}

// columnNumber returns the number of the column, from 0, of a cell such as AB12.
func columnNumber(cell string) (int, bool) {
	n, i := 0, 0
	for i < len(cell) && cell[i]|0x20 >= 'a' && cell[i]|0x20 <= 'z' {
		if n = n*26 + int(cell[i]|0x20-'a') + 1; n > maxSheetColumns {
			return 0, false
		}
		i++
	}
	return n - 1, i > 0
}

// cell appends the value of the cell to the text: nothing for none, and for the
// error values of formulas.
func (s *sheetRows) cell(e xml.StartElement) error {
	kind := attribute(e, "t")
	style, _ := strconv.Atoi(attribute(e, "s")) // zero is the general style
	s.raw = s.raw[:0]
	formula, worked := "", false // out, by the program that wrote it
	for {
		child, ok, err := s.part.start()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		switch child.Name.Local {
		case "v":
			s.raw, err = s.part.text(s.raw[:0], false)
			worked = true
		case "is":
			s.raw, err = s.part.text(s.raw[:0], true)
		case "f":
			var text []byte
			text, err = s.part.text(nil, false)
			formula = string(text)
		default:
			err = s.part.skip()
		}
		if err != nil {
			return err
		}
	}
	if len(s.raw) > 0 {
		return s.value(kind, style)
	}
	if formula != "" && (!worked || kind != "str") { // an empty text is a value
		s.text = append(append(s.text, '='), formula...)
	}
	return nil
}

// value appends what the content of a cell stands for.
func (s *sheetRows) value(kind string, style int) error {
	switch kind {
	case "s":
		number, err := strconv.Atoi(strings.TrimSpace(string(s.raw)))
		if err != nil {
			number = -1
		}
		var ok bool
		if s.text, ok, err = s.book.texts.get(s.text, number); err != nil {
			return err
		}
		if !ok {
			return errWorkbook(fmt.Errorf("%s: row %d: there is no text number %.20q", s.part.name, s.number, s.raw))
		}
	case "str", "inlineStr":
		s.text = append(s.text, unescape(s.raw)...)
	case "b":
		s.text = strconv.AppendBool(s.text, isTrue(strings.TrimSpace(string(s.raw))))
	case "e":
	case "d":
		s.text = append(s.text, s.raw...)
	default:
		shown := plainNumber
		if style >= 0 && style < len(s.book.styles) {
			shown = s.book.styles[style]
		}
		s.text = s.book.styled(strings.TrimSpace(string(s.raw)), shown, s.text)
	}
	return nil
}

// XLSXOptions say how a workbook is read.
type XLSXOptions struct {
	Format   FormatOptions
	Limits   Limits
	Tolerant bool     // bad rows are returned beside the good ones
	Schema   Schema   // the columns that are wanted, by name, and their types; nil: all, as text
	IDColumn string   // a column that chunks also have as text; empty: none
	Names    []string // of all columns of a sheet without a header
}

// XLSXReader yields the rows of one sheet of a workbook.
type XLSXReader struct {
	textReader

	book *workbook
	rows *sheetRecords
}

var _ Reader = (*XLSXReader)(nil)

// NewXLSXReader opens the workbook in a file of that many bytes, chooses the
// sheet and reads its header. The names of the columns must be known if there is
// none: [InferXLSX] finds them. Close gives back what it holds.
func NewXLSXReader(src io.ReaderAt, size int64, o XLSXOptions) (*XLSXReader, error) {
	r, err := newXLSXReader(src, size, o)
	if err != nil {
		return nil, err
	}
	if !r.format.Header && o.Names == nil {
		err = errors.New("read workbook: the names of the columns must be known")
	} else {
		err = r.want(o.Schema, o.IDColumn)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// InferXLSX reads the whole sheet and finds the columns and their types. Its
// errors are fault.Invalid with the row and the column of the first mistake.
func InferXLSX(ctx context.Context, src io.ReaderAt, size int64, o XLSXOptions, rows func(int64)) (*Table, error) {
	o.Tolerant, o.Names = false, nil
	r, err := newXLSXReader(src, size, o)
	if err != nil {
		return nil, err
	}
	t, err := r.infer(ctx, rows)
	return t, errors.Join(err, r.Close())
}

func newXLSXReader(src io.ReaderAt, size int64, o XLSXOptions) (*XLSXReader, error) {
	limits := o.Limits.orDefault()
	book, err := openWorkbook(src, size, limits)
	if err != nil {
		return nil, err
	}
	r := &XLSXReader{book: book, rows: &sheetRecords{limits: limits, tolerant: o.Tolerant}}
	r.textReader = textReader{
		records: r.rows, limits: limits, tolerant: o.Tolerant, format: Format{Kind: KindXLSX, Sheets: book.names()},
	}
	sheet, err := book.choose(o.Format.Sheet)
	if err == nil {
		r.format.Sheet = sheet.name
		err = r.begin(sheet, o)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close gives back what the reader holds.
func (r *XLSXReader) Close() error {
	if r.rows.rows != nil {
		r.rows.rows.close()
	}
	return r.book.close()
}

// begin finds out where the table is in the sheet and what its columns are
// called.
func (r *XLSXReader) begin(sheet sheetPart, o XLSXOptions) error {
	sample, err := r.sample(sheet)
	if err != nil {
		return err
	}
	if len(sample.records) == 0 {
		return fault.Invalid("xlsx_empty", "the sheet %q holds nothing; choose another of %s", sheet.name, quoteNames(r.book.names(), 20))
	}
	r.format.Header = hasHeader(sample.records)
	if o.Format.Header != nil {
		r.format.Header = *o.Format.Header
	}
	s := r.rows
	s.first = sample.first
	if s.rows, err = r.book.openSheet(sheet); err != nil {
		return err
	}
	if !r.format.Header {
		s.first, s.grow = sample.least, o.Names == nil
		s.names = append([]string{}, o.Names...)
		if s.grow {
			s.widen(sample.most + 1 - sample.least)
		}
	} else {
		if n := len(sample.records) - 1; n > 0 && sample.before == n { // an index, which pandas writes without a name
			s.first, s.names = sample.first-1, append(s.names, "")
		}
		for _, name := range sample.records[0] {
			s.names = append(s.names, cleanName(name))
		}
		nameRest(s.names)
		if _, err := s.rows.scan(); err != nil {
			return err
		}
	}
	if len(s.names) > r.limits.Columns {
		return r.rows.tooManyColumns(len(s.names))
	}
	r.names = s.names
	return checkNames(s.names, "xlsx", sample.number)
}

// sheetSample is the beginning of a sheet.
type sheetSample struct {
	number      int64      // of the first row
	records     [][]string // the columns of the first row
	first, last int        // columns of the first row with a value
	least, most int        // of all of them
	before      int        // rows that begin one column before the first
}

// sample looks at the first rows of the sheet.
func (r *XLSXReader) sample(sheet sheetPart) (*sheetSample, error) {
	rows, err := r.book.openSheet(sheet)
	if err != nil {
		return nil, err
	}
	defer rows.close()
	sample := &sheetSample{}
	for size := 0; len(sample.records) < sampleRecords && size < sampleSize; size += len(rows.text) {
		more, err := rows.scan()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		left, right := rows.values[0].column, rows.values[len(rows.values)-1].column
		if len(sample.records) == 0 {
			sample.number, sample.first, sample.last, sample.least, sample.most = rows.number, left, right, left, right
		}
		sample.least, sample.most = min(sample.least, left), max(sample.most, right)
		if left == sample.first-1 {
			sample.before++
		}
		record := make([]string, sample.last+1-sample.first)
		for _, v := range rows.values {
			if k := v.column - sample.first; k >= 0 && k < len(record) {
				record[k] = string(rows.text[v.start:v.end])
			}
		}
		sample.records = append(sample.records, record)
	}
	return sample, nil
}

// sheetRecords cuts a sheet into records.
type sheetRecords struct {
	rows     *sheetRows
	limits   Limits
	tolerant bool
	first    int // column of the sheet where the table begins
	names    []string
	grow     bool // there is no header: values make columns
	held     bool // the row that was read last has not been handed over
	n        int64
	sparse   sparse
}

var _ records = (*sheetRecords)(nil)

// total implements records.
func (s *sheetRecords) total() int64 { return s.n }

// columns implements records.
func (s *sheetRecords) columns() []string { return s.names }

func (s *sheetRecords) widen(to int) {
	for i := len(s.names); i < min(to, s.limits.Columns+1); i++ {
		s.names = append(s.names, columnName(nil, i))
	}
}

func (s *sheetRecords) tooManyColumns(n int) error {
	return fault.Invalid("xlsx_too_many_columns", "the sheet has %d columns; at most %d are allowed, so leave some out", n, s.limits.Columns)
}

// next implements records.
func (s *sheetRecords) next(c *rawChunk, maxRows int) error {
	c.reset()
	width := len(s.names)
	for len(c.rows) < maxRows && len(c.bad) < maxRows && len(c.data) < s.limits.ChunkSize {
		if !s.held {
			more, err := s.rows.scan()
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
		s.held = false
		wanted := s.rows.values[len(s.rows.values)-1].column - s.first + 1
		if s.grow && wanted > width {
			if wanted > s.limits.Columns {
				return s.tooManyColumns(wanted)
			}
			if len(c.rows) > 0 && (len(c.rows)+1)*wanted > chunkCells {
				s.held = true // for a chunk of its own width
				break
			}
			s.widen(wanted)
			width = wanted
		}
		s.n++
		if bad := s.beside(width); bad != nil {
			bad.row, bad.line = s.n, s.rows.number
			if !s.tolerant {
				return bad.fault(s.names)
			}
			c.bad = append(c.bad, bad.badRow(s.names, s.rows.number))
			continue
		}
		s.take(c)
	}
	s.sparse.layout(c, width)
	if len(c.rows) == 0 && len(c.bad) == 0 {
		return io.EOF
	}
	return nil
}

// beside looks for values outside of the table.
func (s *sheetRecords) beside(width int) *problem {
	for _, v := range s.rows.values {
		if k := v.column - s.first; k < 0 || k >= width {
			above := ""
			if s.n == 1 {
				above = ", or take away what stands above the header"
			}
			return &problem{code: "xlsx_value_beside_table", column: -1, reason: fmt.Sprintf(
				"there is a value in column %s, and the table is in the columns %s to %s; give the column a name in the first row, or empty the cell%s",
				columnLetters(v.column), columnLetters(s.first), columnLetters(s.first+width-1), above)}
		}
	}
	return nil
}

// take puts the row into the chunk.
func (s *sheetRecords) take(c *rawChunk) {
	at := len(c.data)
	c.data = append(c.data, s.rows.text...)
	row := int32(len(c.rows))
	for _, v := range s.rows.values {
		s.sparse.cells = append(s.sparse.cells, cell{
			row: row, column: int32(v.column - s.first), span: span{uint32(at + v.start), uint32(at + v.end)},
		})
	}
	c.rows, c.lines = append(c.rows, s.n), append(c.lines, s.rows.number)
}
