package tabular

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/fault"
)

// JSONOptions say how a JSON file is read.
type JSONOptions struct {
	Lines    bool // one object a line, instead of an array of objects
	Limits   Limits
	Tolerant bool     // bad rows are returned beside the good ones
	Schema   Schema   // the columns that are wanted, by name, and their types; nil: all, as text
	IDColumn string   // a column that chunks also have as text; empty: none
	Names    []string // of all columns; others are passed over
}

// JSONReader yields the objects of a JSON file as rows.
type JSONReader struct{ textReader }

var _ Reader = (*JSONReader)(nil)

// NewJSONReader returns a reader of src, which is in UTF-8. The names must be
// known: [InferJSON] finds them. Its errors are fault.Invalid; missing_columns
// names the columns of the schema that the file lacks.
func NewJSONReader(src io.Reader, o JSONOptions) (*JSONReader, error) {
	if o.Names == nil {
		return nil, errors.New("read JSON: the names of the columns must be known")
	}
	r := newJSONReader(src, o)
	return r, r.want(o.Schema, o.IDColumn)
}

// InferJSON reads the whole of src, checks every object, and finds the columns,
// in the order in which they appear, and their types. Its errors are
// fault.Invalid with the line, the row and the column of the first mistake.
func InferJSON(ctx context.Context, src io.Reader, o JSONOptions, rows func(int64)) (*Table, error) {
	o.Tolerant, o.Names = false, nil
	r := newJSONReader(src, o)
	t, err := r.infer(ctx, rows)
	if err != nil {
		return nil, err
	}
	if len(t.Schema) == 0 {
		return nil, fault.Invalid("json_no_columns", "the objects of the file are empty; give at least one value a name")
	}
	if t.Rows == 1 && (byColumns(t.Schema) || divided(t.Schema)) {
		return nil, fault.Invalid("json_by_columns", "the file has one object of columns instead of one object for each row; write rows, in pandas with to_json(orient=\"records\")")
	}
	return t, nil
}

// byColumns reports whether the names are those of columns of rows, as in
// {"a": {"0": 1, "1": 2}}, which pandas writes when it is told nothing.
func byColumns(s Schema) bool {
	rows := make(map[string]int) // of each column
	most := 0
	for _, f := range s {
		k := strings.LastIndexByte(f.Name, '.')
		if k < 0 || f.Name[k+1:] != strconv.Itoa(rows[f.Name[:k]]) {
			return false
		}
		rows[f.Name[:k]]++
		most = max(most, rows[f.Name[:k]])
	}
	return most > 1 && most*len(rows) == len(s)
}

// divided reports whether the names are those of a table in parts, as pandas writes
// it with orient="split".
func divided(s Schema) bool {
	names := s.Names()
	slices.Sort(names)
	return slices.Equal(names, []string{"columns", "data", "index"}) || slices.Equal(names, []string{"columns", "data"})
}

func newJSONReader(src io.Reader, o JSONOptions) *JSONReader {
	limits := o.Limits.orDefault()
	s := &objects{src: src, limits: limits, tolerant: o.Tolerant, lines: o.Lines, line: 1}
	s.parser.set = newColumnSet(o.Names, limits.Columns, "json")
	s.parser.src, s.parser.limit = src, limits.Field
	kind := KindJSON
	if o.Lines {
		kind = KindJSONL
	}
	return &JSONReader{textReader{
		records: s, src: src, limits: limits, format: Format{Kind: kind, Header: true}, names: o.Names, tolerant: o.Tolerant,
	}}
}

// objects cuts a JSON file into its objects. It holds one of them, and what they
// are made into.
type objects struct {
	src      io.Reader
	limits   Limits
	tolerant bool
	lines    bool

	buf    []byte
	pos    int   // where reading goes on
	line   int64 // of pos
	row    int64 // objects seen, good or bad
	begun  bool
	eof    bool
	failed error  // that comes after the chunk
	held   int    // bytes of an object at pos for the next chunk
	state  place  // in a document
	table  string // the member of the outer object that has the rows

	parser objectParser
	sparse sparse
}

// place is where in a document reading goes on.
type place uint8

const (
	atStart    place = iota
	atFirst          // of the array's elements, or its end
	atNext           // behind an element
	atMember         // of the outer object, or its end
	atMemberIn       // of it, behind a comma
	atMemberEnd
	atEnd
)

var _ records = (*objects)(nil)

// total implements records.
func (s *objects) total() int64 { return s.row }

// columns implements records.
func (s *objects) columns() []string { return s.parser.set.names }

// next implements records.
func (s *objects) next(c *rawChunk, maxRows int) error {
	c.reset()
	width := len(s.parser.set.names)
	for s.failed == nil && len(c.rows) < maxRows && len(c.bad) < maxRows && len(c.data) < s.limits.ChunkSize {
		record, bad, err := s.record()
		if err != nil {
			s.failed = err
			break
		}
		start := s.line
		if bad == nil {
			mark, cells := len(c.data), len(s.sparse.cells)
			bad = s.parser.parse(record, c, &s.sparse)
			wider := len(s.parser.set.names)
			again := len(c.rows) > 0 && (len(c.rows)+1)*wider > chunkCells
			if bad != nil || again {
				c.data, s.sparse.cells = c.data[:mark], s.sparse.cells[:cells]
			}
			if again {
				s.held = len(record) // for a chunk of its own width
				break
			}
			width = wider
		} else {
			start = bad.line // it has been passed over
		}
		s.consume(len(record))
		s.row++
		if bad == nil {
			c.rows, c.lines = append(c.rows, s.row), append(c.lines, start)
			continue
		}
		if record != nil {
			bad.line += start
		}
		bad.row = s.row
		if !s.tolerant {
			return bad.fault(s.parser.set.names)
		}
		c.bad = append(c.bad, bad.badRow(s.parser.set.names, start))
	}
	s.sparse.layout(c, width)
	switch {
	case len(c.rows) > 0 || len(c.bad) > 0:
		return nil
	case s.failed != nil:
		return s.failed
	default:
		return io.EOF
	}
}

// record returns the next object, which begins at pos, or what is wrong with it
// when it has been passed over. Its error is io.EOF at the end.
func (s *objects) record() ([]byte, *problem, error) {
	if n := s.held; n > 0 {
		s.held = 0
		return s.buf[s.pos : s.pos+n], nil, nil
	}
	if !s.begun {
		if err := s.begin(); err != nil {
			return nil, nil, err
		}
	}
	if s.lines {
		return s.recordOfLine()
	}
	return s.element()
}

// begin takes off a byte order mark.
func (s *objects) begin() error {
	s.begun = true
	for !s.eof && len(s.buf) < len(bom) {
		if err := s.fill(); err != nil {
			return err
		}
	}
	if bytes.HasPrefix(s.buf, []byte(bom)) {
		s.pos = len(bom)
	}
	return nil
}

// recordOfLine returns the next line that is not blank.
func (s *objects) recordOfLine() ([]byte, *problem, error) {
	seen := 0 // bytes from pos on that have no line end
	for {
		rest := s.buf[s.pos:]
		k := bytes.IndexByte(rest[seen:], '\n')
		end := seen + k
		if k < 0 {
			end = len(rest)
		}
		switch {
		case end > s.limits.Record:
			return s.skipLine()
		case k < 0 && !s.eof:
			seen = end
			if err := s.fill(); err != nil {
				return nil, nil, err
			}
		case len(bytes.TrimSpace(rest[:end])) > 0:
			return rest[:end], nil, nil
		case k < 0:
			return nil, nil, io.EOF
		default:
			s.consume(end + 1)
			seen = 0
		}
	}
}

func (s *objects) tooLong() *problem {
	return &problem{code: "json_record_too_long", line: s.line, column: -1, reason: fmt.Sprintf(
		"an object has more than %d bytes; make it smaller, or check the line ends", s.limits.Record)}
}

// skipLine passes over a line that is too long.
func (s *objects) skipLine() ([]byte, *problem, error) {
	p := s.tooLong()
	for {
		k := bytes.IndexByte(s.buf[s.pos:], '\n')
		if k >= 0 {
			s.pos += k // the line end ends the next, blank, line
			return nil, p, nil
		}
		s.pos = len(s.buf)
		if s.eof {
			return nil, p, nil
		}
		if err := s.fill(); err != nil {
			return nil, nil, err
		}
	}
}

// consume moves on by n bytes.
func (s *objects) consume(n int) {
	s.line += int64(bytes.Count(s.buf[s.pos:s.pos+n], []byte{'\n'}))
	s.pos += n
}

// fill reads more of the file. What is before pos is gone afterwards.
func (s *objects) fill() error {
	s.buf = append(s.buf[:0], s.buf[s.pos:]...)
	s.pos = 0
	at := len(s.buf)
	if want := max(readSize, at); cap(s.buf)-at < want {
		grown := make([]byte, at, at+want)
		copy(grown, s.buf)
		s.buf = grown
	}
	for range 100 {
		n, err := s.src.Read(s.buf[at:cap(s.buf)])
		s.buf = s.buf[:at+n]
		if errors.Is(err, io.EOF) {
			s.eof = true
			return nil
		}
		if err != nil {
			return fmt.Errorf("read table: %w", err)
		}
		if n > 0 {
			return nil
		}
	}
	return fmt.Errorf("read table: %w", io.ErrNoProgress)
}

// peek moves to the next byte that is not blank and returns it; zero at the end.
func (s *objects) peek() (byte, error) {
	for {
		for s.pos < len(s.buf) {
			switch b := s.buf[s.pos]; b {
			case '\n':
				s.line++
			case ' ', '\t', '\r':
			default:
				return b, nil
			}
			s.pos++
		}
		if s.eof {
			return 0, nil
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// broken is a mistake in the document around its objects, after which nothing
// can be read.
func (s *objects) broken(b byte, want string) error {
	found := fmt.Sprintf("%q", string(rune(b)))
	switch {
	case b == 0 && s.pos >= len(s.buf):
		found = "the end of the file"
	case b >= utf8.RuneSelf:
		found = "text"
	}
	p := &problem{code: "json_syntax", line: s.line, column: -1, reason: fmt.Sprintf("there is %s where %s must be", found, want)}
	return p.fault(nil)
}
