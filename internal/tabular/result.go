package tabular

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/ml/frame"
)

// Writer writes frames as one file.
type Writer interface {
	// Write appends the rows of the frame, which has the columns of the schema.
	Write(f *frame.Frame) error
	// Close writes what is left; it does not close the file.
	Close() error
}

// NewWriter returns a writer of the kind csv, jsonl or parquet.
func NewWriter(w io.Writer, kind string, schema Schema) (Writer, error) {
	switch kind {
	case KindCSV:
		return newTextWriter(w, schema, (*textWriter).csvRow, true)
	case KindJSONL:
		return newTextWriter(w, schema, (*textWriter).jsonRow, false)
	case KindParquet:
		return NewParquetWriter(w, schema)
	default:
		return nil, fault.New(fault.ClassUnsupported, "unsupported_format", "the format is %q; it must be csv, jsonl or parquet", shorten(kind, 40))
	}
}

// NewTailWriter returns a writer of what is to be appended to a file of the
// kind csv or jsonl: the same without a header.
func NewTailWriter(w io.Writer, kind string, schema Schema) (Writer, error) {
	switch kind {
	case KindCSV:
		return newTextWriter(w, schema, (*textWriter).csvRow, false)
	case KindJSONL:
		return newTextWriter(w, schema, (*textWriter).jsonRow, false)
	default:
		return nil, fault.New(fault.ClassUnsupported, "unsupported_format", "nothing can be appended to a file of the format %q", shorten(kind, 40))
	}
}

// textWriter writes CSV (RFC 4180, with LF) or JSON Lines.
type textWriter struct {
	out     *bufio.Writer
	schema  Schema
	heads   [][]byte // names as JSON with a colon
	row     func(w *textWriter, columns []frame.Column, i int) error
	line    []byte
	columns []frame.Column
}

var _ Writer = (*textWriter)(nil)

func newTextWriter(w io.Writer, schema Schema, row func(*textWriter, []frame.Column, int) error, header bool) (*textWriter, error) {
	t := &textWriter{out: bufio.NewWriterSize(w, 64<<10), schema: schema, row: row}
	for _, f := range schema {
		head, err := json.Marshal(f.Name)
		if err != nil {
			return nil, fmt.Errorf("write table: %w", err)
		}
		t.heads = append(t.heads, append(head, ':'))
	}
	if !header {
		return t, nil
	}
	for k, f := range schema {
		if k > 0 {
			t.line = append(t.line, ',')
		}
		t.line = appendCSVText(t.line, f.Name)
	}
	return t, t.flushLine()
}

// Write implements Writer.
func (t *textWriter) Write(f *frame.Frame) error {
	t.columns = t.columns[:0]
	for _, field := range t.schema {
		c, ok := f.Column(field.Name)
		if !ok || c.Type() != field.Type.Type() {
			return fmt.Errorf("write table: the frame has no %s column %q", field.Type, field.Name)
		}
		t.columns = append(t.columns, c)
	}
	for i := range f.Rows() {
		if err := t.row(t, t.columns, i); err != nil {
			return err
		}
		if err := t.flushLine(); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Writer.
func (t *textWriter) Close() error {
	if err := t.out.Flush(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

func (t *textWriter) flushLine() error {
	t.line = append(t.line, '\n')
	_, err := t.out.Write(t.line)
	t.line = t.line[:0]
	if err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

func (t *textWriter) csvRow(columns []frame.Column, i int) error {
	for k, c := range columns {
		if k > 0 {
			t.line = append(t.line, ',')
		}
		switch {
		case c.Null(i):
			if len(columns) == 1 {
				t.line = append(t.line, `""`...) // a blank line would be no row
			}
		case c.Type() == frame.String:
			t.line = appendCSVText(t.line, c.Text(i))
		default:
			t.line = appendValue(t.line, c, i)
		}
	}
	return nil
}

func (t *textWriter) jsonRow(columns []frame.Column, i int) error {
	t.line = append(t.line, '{')
	for k, c := range columns {
		if k > 0 {
			t.line = append(t.line, ',')
		}
		t.line = append(t.line, t.heads[k]...)
		switch {
		case c.Null(i), c.Type() == frame.Float && math.IsInf(c.Float(i), 0):
			t.line = append(t.line, "null"...)
		case c.Type() == frame.String:
			text, err := json.Marshal(c.Text(i))
			if err != nil {
				return fmt.Errorf("write table: %w", err)
			}
			t.line = append(t.line, text...)
		case c.Type() == frame.Time:
			t.line = append(t.line, '"')
			t.line = appendValue(t.line, c, i)
			t.line = append(t.line, '"')
		default:
			t.line = appendValue(t.line, c, i)
		}
	}
	t.line = append(t.line, '}')
	return nil
}

// appendValue appends a value that is not text and not missing.
func appendValue(b []byte, c frame.Column, i int) []byte {
	switch c.Type() {
	case frame.Float:
		return appendFloat(b, c.Float(i))
	case frame.Bool:
		return strconv.AppendBool(b, c.Int(i) != 0)
	case frame.Time:
		return appendTime(b, c.Int(i))
	default:
		return strconv.AppendInt(b, c.Int(i), 10)
	}
}

// appendFloat appends the shortest text that reads as the same number, in a
// form that JSON allows too.
func appendFloat(b []byte, f float64) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

func appendTime(b []byte, micros int64) []byte {
	return time.UnixMicro(micros).UTC().AppendFormat(b, time.RFC3339Nano)
}

// appendCSVText appends text as a CSV field, guarded against being run as a
// formula by a spreadsheet.
func appendCSVText(b []byte, s string) []byte {
	if formula(s) {
		s = "'" + s
	}
	if !needsQuotes(s) {
		return append(b, s...)
	}
	b = append(b, '"')
	for {
		k := strings.IndexByte(s, '"')
		if k < 0 {
			break
		}
		b = append(b, s[:k]...)
		b = append(b, '"', '"')
		s = s[k+1:]
	}
	b = append(b, s...)
	return append(b, '"')
}

// formula reports whether a spreadsheet may take the text for a formula.
// Plain numbers are none.
func formula(s string) bool {
	const first = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20" // the last four as East Asian keyboards write them
	if r, _ := utf8.DecodeRuneInString(s); s == "" || !strings.ContainsRune(first, r) {
		return false
	}
	kind := scanNumber([]byte(s)).kind
	return kind == notNumber || kind == infiniteNumber
}

// needsQuotes reports whether the text would not read as itself without quotes.
func needsQuotes(s string) bool {
	return s == "" || strings.ContainsAny(s, ",\"\r\n;|\t") || s[0] == ' ' || s[len(s)-1] == ' ' || s[0] == '\''
}

// Text returns value i of the column as the text that CSV and JSON Lines use,
// "" if it is missing.
func Text(c frame.Column, i int) string {
	switch {
	case c.Null(i):
		return ""
	case c.Type() == frame.String:
		return c.Text(i)
	default:
		return string(appendValue(nil, c, i))
	}
}

// Value returns value i of the column as encoding/json writes it: nil,
// float64, int64, bool or string.
func Value(c frame.Column, i int) any {
	if c.Null(i) {
		return nil
	}
	switch c.Type() {
	case frame.Float:
		if f := c.Float(i); !math.IsInf(f, 0) {
			return f
		}
		return nil
	case frame.Int:
		return c.Int(i)
	case frame.Bool:
		return c.Int(i) != 0
	default:
		return Text(c, i)
	}
}

// SchemaOf returns the columns of the frame.
func SchemaOf(f *frame.Frame) Schema {
	schema := make(Schema, 0, len(f.Columns()))
	for _, c := range f.Columns() {
		schema = append(schema, Field{Name: c.Name(), Type: TypeOf(c.Type()), Nullable: c.Nulls() > 0})
	}
	return slices.Clip(schema)
}
