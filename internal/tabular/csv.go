package tabular

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
)

// CSVOptions say how a CSV file is read. The zero value sniffs everything.
type CSVOptions struct {
	Format   FormatOptions
	Limits   Limits
	Tolerant bool   // bad rows are returned beside the good ones
	Schema   Schema // the columns that are wanted, by name, and their types; nil: all, as text
	IDColumn string // a column that chunks also have as text; empty: none
}

// CSVReader yields the rows of a CSV file.
type CSVReader struct {
	textReader

	scan *scanner
}

var _ Reader = (*CSVReader)(nil)

// sampleSize is how much of a file is looked at to find its format.
const sampleSize = 64 << 10

// NewCSVReader reads the beginning of src, finds out the format as far as the
// options do not tell, and reads the header. Its errors are fault.Invalid;
// missing_columns names the columns of the schema that the file lacks.
func NewCSVReader(src io.Reader, o CSVOptions) (*CSVReader, error) {
	if err := o.Format.Validate(); err != nil {
		return nil, err
	}
	limits := o.Limits.orDefault()
	head := newScanner(src, Format{}, limits)
	for !head.eof && len(head.buf) < sampleSize {
		if err := head.fill(); err != nil {
			return nil, err
		}
	}
	format, err := SniffCSV(head.buf, head.eof, o.Format)
	if err != nil {
		return nil, err
	}
	s := newScanner(src, format, limits)
	s.buf, s.eof, s.read, s.tolerant = head.buf, head.eof, head.read, o.Tolerant
	if format.BOM {
		s.pos = len(bom)
	}
	if _, n := separatorLine(s.buf[s.pos:]); n > 0 {
		s.pos += n
		s.line++
	}
	r := &CSVReader{scan: s, textReader: textReader{records: s, src: src, limits: limits, format: format, tolerant: o.Tolerant}}
	if err := r.header(); err != nil {
		return nil, err
	}
	s.names, s.width = r.names, len(r.names)
	if err := r.want(o.Schema, o.IDColumn); err != nil {
		return nil, err
	}
	return r, nil
}

// header reads the names of the columns, or makes them up.
func (r *CSVReader) header() error {
	s := r.scan
	pos, line := s.pos, s.line
	more, err := s.record()
	switch {
	case err != nil:
		return err
	case s.fault != nil:
		return s.fault.fault(nil)
	case !more:
		return errEmpty()
	case s.count > r.limits.Columns:
		return fault.Invalid("csv_too_many_columns", "the file has %d columns; at most %d are allowed, so leave some out or check the delimiter %q",
			s.count, r.limits.Columns, string(s.delim))
	}
	r.names = make([]string, s.count)
	if !r.format.Header {
		for i := range r.names {
			r.names[i] = columnName(nil, i)
		}
		s.pos, s.line, s.skipping = pos, line, false
		return nil
	}
	s.unescape()
	for i, f := range s.spans {
		r.names[i] = cleanName(string(s.buf[f.start:f.end]))
	}
	nameRest(r.names)
	return checkNames(r.names, "csv", s.start)
}

// nameRest gives columns without a name one by their place, unless more lack a name
// than have one: what is read is no header then.
func nameRest(names []string) {
	taken := make(map[string]bool, len(names))
	bare := 0
	for _, name := range names {
		taken[name] = true
		if name == "" {
			bare++
		}
	}
	if 2*bare > len(names) {
		return
	}
	for i := range names {
		for n := 1; names[i] == ""; n++ {
			name := columnName(nil, i)
			if n > 1 {
				name += "_" + strconv.Itoa(n)
			}
			if !taken[name] {
				names[i], taken[name] = name, true
			}
		}
	}
}

// maxName is the longest name of a column, in bytes.
const maxName = 1024

// checkNames refuses names that are empty, too long or used twice. prefix is
// that of the codes.
func checkNames(names []string, prefix string, line int64) error {
	seen := make(map[string]int, len(names))
	for i, name := range names {
		where := location(0, line, "")
		if name == "" {
			return fault.Invalid(prefix+"_empty_column_name", "column %d has no name; give every column a name, or say that the file has no header", i+1).
				With(fault.Field{Location: where, Message: fmt.Sprintf("column %d has no name", i+1)})
		}
		if len(name) > maxName {
			return fault.Invalid(prefix+"_column_name_too_long", "the name of column %d has %d bytes; at most %d are allowed", i+1, len(name), maxName).
				With(fault.Field{Location: where, Message: fmt.Sprintf("the name of column %d is too long", i+1), Value: shorten(name, 60)})
		}
		if j, ok := seen[name]; ok {
			return fault.Invalid(prefix+"_duplicate_column", "columns %d and %d are both named %q; give every column its own name", j+1, i+1, shorten(name, 100)).
				With(fault.Field{Location: location(0, line, name), Message: fmt.Sprintf("columns %d and %d have this name", j+1, i+1)})
		}
		seen[name] = i
	}
	return nil
}

func errEmpty() error {
	return fault.Invalid("csv_empty", "the file is empty; upload a table with a header and at least one row")
}

func errNoIDColumn(name string) error {
	return fault.Invalid("unknown_id_column", "the file has no column %q to take identifiers from", shorten(name, 100)).
		With(fault.Field{Location: location(0, 0, name), Message: "the file has no such column"})
}

// errMissingColumns names the columns that a file lacks.
func errMissingColumns(names []string) error {
	const show = 20
	e := fault.Invalid("missing_columns", "the file lacks %d of the columns it must have: %s; add them, with exactly these names",
		len(names), quoteNames(names, show))
	for _, name := range names[:min(len(names), show)] {
		e = e.With(fault.Field{Location: location(0, 0, name), Message: "the file has no such column"})
	}
	return e
}

// quoteNames lists the first of the names, quoted.
func quoteNames(names []string, show int) string {
	var b strings.Builder
	for i, name := range names {
		if i == show {
			fmt.Fprintf(&b, " and %d more", len(names)-show)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", shorten(name, 100))
	}
	return b.String()
}

// Reader yields a table in chunks. It is not safe for concurrent use.
type Reader interface {
	// Names returns the names of all columns of the file, in order.
	Names() []string
	// Schema returns the columns of the chunks, in order.
	Schema() Schema
	// Next returns the next rows, or io.EOF.
	Next(ctx context.Context) (*Chunk, error)
	// Close releases what the reader holds, not the file.
	Close() error
}

// Stream calls fn with every chunk of the reader, in order, while the chunks
// that follow are being read and typed in other goroutines. It returns the
// first error, of the reader, of fn or of the context, when all are done.
func Stream(ctx context.Context, r Reader, fn func(*Chunk) error) error {
	if t, ok := r.(streamer); ok {
		return t.stream(ctx, fn)
	}
	return pipeline(ctx, 1, r.Next, fn)
}

// pipeline calls produce in another goroutine until it returns io.EOF, and
// consume with each result, in order.
func pipeline[T any](ctx context.Context, depth int, produce func(context.Context) (T, error), consume func(T) error) error {
	ch := make(chan T, depth)
	return relay(ctx, ch, func(ctx context.Context) error {
		for {
			v, err := produce(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := send(ctx, ch, v); err != nil {
				return err
			}
		}
	}, consume)
}

// relay runs produce, which sends to ch, in another goroutine, and consume
// with everything sent. It returns when both are done.
func relay[T any](ctx context.Context, ch chan T, produce func(context.Context) error, consume func(T) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer close(ch)
		done <- guard(func() error { return produce(inner) })
	}()
	var failed error
	for v := range ch {
		if failed == nil {
			failed = ctx.Err()
		}
		if failed == nil {
			failed = consume(v)
		}
		if failed != nil {
			cancel()
		}
	}
	err := <-done
	if failed != nil {
		return failed
	}
	return err
}

// send sends v unless the context ends first.
func send[T any](ctx context.Context, ch chan<- T, v T) error {
	select {
	case ch <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// guard runs f and makes an error of a panic, so that a defect in reading one
// file does not end the process.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read table: panic: %v", p)
		}
	}()
	return f()
}
