package tabular

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"unicode/utf8"
)

// span is a field in the data of a rawChunk.
type span struct{ start, end uint32 }

// rawChunk is a run of records, cut into fields but not typed.
type rawChunk struct {
	data   []byte
	fields []span // width of them a row
	width  int
	rows   []int64 // number of each row, from 1
	lines  []int64 // where each row begins
	bad    []BadRow
}

// field returns field j of row i.
func (c *rawChunk) field(i, j int) []byte {
	s := c.fields[i*c.width+j]
	return c.data[s.start:s.end]
}

func (c *rawChunk) reset() {
	c.data, c.fields, c.rows, c.lines, c.bad = c.data[:0], c.fields[:0], c.rows[:0], c.lines[:0], nil
}

// scanner cuts a CSV file into records and fields. It holds the chunk that it
// works on and no more.
type scanner struct {
	src      io.Reader
	limits   Limits
	tolerant bool
	delim    byte
	quote    byte
	ends     [256]bool // bytes that end a field without quotes
	names    []string  // for messages
	width    int       // fields in a record; 0 until it is known

	buf      []byte // what was read and not handed over
	pos      int    // where the next record begins in buf
	line     int64  // of pos
	start    int64  // line of the record in work
	row      int64  // rows seen, good or bad
	eof      bool
	skipping bool  // the rest of a line is to be thrown away
	read     int64 // bytes of the file taken from src, or that come before it
	until    int64 // records that begin there or behind are not read; 0: all are

	spans   []span   // fields of the record in work
	escaped []int    // which of them hold doubled quotes
	count   int      // fields of the record in work, also those beyond width
	opened  int64    // line of the quote in work
	limitAt int      // fields kept of a record
	fault   *problem // of the record in work
}

const readSize = 256 << 10

func newScanner(src io.Reader, f Format, limits Limits) *scanner {
	s := &scanner{src: src, limits: limits, delim: ',', quote: '"', line: 1}
	if f.Delimiter != "" {
		s.delim = f.Delimiter[0]
	}
	if f.Quote != "" {
		s.quote = f.Quote[0]
	}
	s.ends[s.delim], s.ends['\n'], s.ends['\r'] = true, true, true
	return s
}

// errNeedMore says that the record does not end in the buffer.
var errNeedMore = errors.New("tabular: need more data")

// next fills the chunk with the records that follow. At the end it returns
// io.EOF, with an empty chunk.
func (s *scanner) next(c *rawChunk, maxRows int) error {
	tail := s.buf[s.pos:]
	c.reset()
	c.width = s.width
	c.data = append(c.data, tail...)
	s.buf, s.pos = c.data, 0
	err := s.fillChunk(c, maxRows)
	c.data = s.buf
	if err != nil {
		return err
	}
	if len(c.rows) == 0 && len(c.bad) == 0 {
		return io.EOF
	}
	return nil
}

// total implements records.
func (s *scanner) total() int64 { return s.row }

// columns implements records.
func (s *scanner) columns() []string { return s.names }

func (s *scanner) fillChunk(c *rawChunk, maxRows int) error {
	for len(c.rows) < maxRows && len(c.bad) < maxRows && s.pos < s.limits.ChunkSize {
		if s.skipping {
			done, err := s.skipLine(len(c.rows) > 0)
			if err != nil {
				return err
			}
			if !done {
				return nil
			}
		}
		if s.until > 0 && s.mark().Offset >= s.until {
			return nil
		}
		more, err := s.record()
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
		s.row++
		if s.fault == nil && s.count != s.width {
			s.fault = s.ragged()
		}
		if s.fault != nil {
			s.fault.row = s.row
			if !s.tolerant {
				return s.fault.fault(s.names)
			}
			c.bad = append(c.bad, s.fault.badRow(s.names, s.start))
			continue
		}
		c.fields = append(c.fields, s.spans...)
		c.rows = append(c.rows, s.row)
		c.lines = append(c.lines, s.start)
	}
	return nil
}

func (s *scanner) ragged() *problem {
	above := ""
	if s.row == 1 && s.count > s.width {
		above = "; take away lines above the header, if there are any"
	}
	return &problem{code: "csv_ragged_row", line: s.start, column: -1, reason: fmt.Sprintf(
		"expected %d fields, found %d; give every row one field for each column, and enclose fields that contain %q in %q%s",
		s.width, s.count, string(s.delim), string(s.quote), above)}
}

// record cuts the next record that is not blank, or reports false at the end.
// The record's fields are in spans, or its mistake in fault.
func (s *scanner) record() (bool, error) {
	for {
		err := s.cut()
		switch {
		case errors.Is(err, errNeedMore):
			if err := s.fill(); err != nil {
				return false, err
			}
			continue
		case err != nil:
			return false, err
		}
		if s.fault != nil || s.count > 0 {
			return true, nil
		}
		if s.pos == len(s.buf) && s.eof {
			return false, nil
		}
	}
}

// cut cuts the record at pos and moves behind it. A blank line has no fields.
func (s *scanner) cut() error {
	s.spans, s.escaped, s.count, s.fault = s.spans[:0], s.escaped[:0], 0, nil
	s.limitAt = s.limits.Columns + 1
	if s.width > 0 {
		s.limitAt = s.width
	}
	s.start = s.line
	b, i := s.buf, s.pos
	newlines := int64(0)
	for {
		// Blanks in front of a quote do not matter.
		j := i
		for j < len(b) && (b[j] == ' ' || b[j] == '\t') && b[j] != s.delim {
			j++
		}
		var end, next int
		start, blank := i, false
		if j < len(b) && b[j] == s.quote {
			s.opened = s.line + newlines
			closing, after, lines, err := s.quoted(j)
			if err != nil {
				return err
			}
			if s.fault != nil {
				return s.abandon()
			}
			newlines += lines
			start, end, next = j+1, closing, after
		} else {
			i = s.fieldEnd(j)
			if i == len(b) && !s.eof {
				return s.short(start, i, newlines)
			}
			start, end, next = j, i, i
			for end > start && (b[end-1] == ' ' || b[end-1] == '\t') {
				end--
			}
			blank = end == start
		}
		if end-start > s.limits.Field {
			s.fault = s.tooLong(s.line + newlines)
			return s.abandon()
		}
		if blank && s.count == 0 && (next == len(b) || b[next] != s.delim) {
			return s.finish(next, newlines) // a blank line
		}
		if s.count < s.limitAt {
			s.spans = append(s.spans, span{uint32(start), uint32(end)})
		}
		s.count++
		if next == len(b) || b[next] != s.delim {
			return s.finish(next, newlines)
		}
		i = next + 1
	}
}

// Eight bytes with the same value, and with the same bit.
const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// fieldEnd returns where the field without quotes ends that begins at i: at a byte
// that ends fields, or with the buffer. It looks at eight bytes together.
func (s *scanner) fieldEnd(i int) int {
	b := s.buf
	delim := eachByte * uint64(s.delim)
	for ; len(b)-i >= 8; i += 8 {
		word := binary.LittleEndian.Uint64(b[i:])
		d, n, r := word^delim, word^eachByte*'\n', word^eachByte*'\r'
		// The lowest high bit that is left is that of the first byte that is zero.
		found := ((d-eachByte)&^d | (n-eachByte)&^n | (r-eachByte)&^r) & highBits
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(b) && !s.ends[b[i]] {
		i++
	}
	return i
}

// quoted finds the end of the field whose opening quote is at open: the
// closing quote, and the delimiter or line end after it.
func (s *scanner) quoted(open int) (closing, after int, lines int64, err error) {
	b, i := s.buf, open+1
	doubled := false
	for {
		k := bytes.IndexByte(b[i:], s.quote)
		if k < 0 {
			if !s.eof && len(b)-open <= s.limits.Field && len(b)-s.pos <= s.limits.Record {
				return 0, 0, 0, errNeedMore
			}
			s.fault = s.unclosed(s.eof && len(b)-open <= s.limits.Field)
			return 0, 0, 0, nil
		}
		i += k + 1
		if i == len(b) && !s.eof {
			return 0, 0, 0, errNeedMore
		}
		if i < len(b) && b[i] == s.quote {
			doubled = true
			i++
			continue
		}
		break
	}
	closing = i - 1
	if closing-open > s.limits.Field { // as if it had not been seen yet, which it may not have
		s.fault = s.unclosed(false)
		return 0, 0, 0, nil
	}
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') && b[i] != s.delim {
		i++
	}
	if i == len(b) && !s.eof {
		return 0, 0, 0, errNeedMore
	}
	lines = countLines(b[open:closing])
	if i < len(b) && !s.ends[b[i]] {
		s.fault = &problem{code: "csv_bare_quote", line: s.opened + lines, column: s.count, reason: fmt.Sprintf(
			"text follows the closing quote of a field that was opened by %[1]s in line %[2]d; write a quote inside a field twice (%[1]s%[1]s)",
			string(s.quote), s.opened)}
		return 0, 0, 0, nil
	}
	if doubled && s.count < s.limitAt {
		s.escaped = append(s.escaped, s.count)
	}
	return closing, i, lines, nil
}

const codeUnclosed = "csv_unclosed_quote"

func (s *scanner) unclosed(atEnd bool) *problem {
	if !atEnd {
		return &problem{code: "csv_field_too_long", line: s.opened, column: s.count, reason: fmt.Sprintf(
			"a field that a quote %s opens here is longer than %d bytes; shorten it, or close the quote", string(s.quote), s.limits.Field)}
	}
	return &problem{code: codeUnclosed, line: s.opened, column: s.count, reason: fmt.Sprintf(
		"a quote %s opens a field here and is never closed; close it, or write a quote inside a field twice", string(s.quote))}
}

func (s *scanner) tooLong(line int64) *problem {
	return &problem{code: "csv_field_too_long", line: line, column: s.count, reason: fmt.Sprintf(
		"a field is longer than %d bytes; shorten it, and check the delimiter %q and the line ends", s.limits.Field, string(s.delim))}
}

// short asks for more data unless the field or the record is too long already.
func (s *scanner) short(start, end int, newlines int64) error {
	switch {
	case end-start > s.limits.Field:
		s.fault = s.tooLong(s.line + newlines)
	case end-s.pos > s.limits.Record:
		s.fault = &problem{code: "csv_record_too_long", line: s.line, column: -1, reason: fmt.Sprintf(
			"a record is longer than %d bytes; check the line ends", s.limits.Record)}
	default:
		return errNeedMore
	}
	return s.abandon()
}

// finish ends the record at the line end or end of data at next.
func (s *scanner) finish(next int, newlines int64) error {
	b := s.buf
	record := b[s.pos:next]
	if next < len(b) {
		if b[next] == '\r' {
			if next+1 == len(b) && !s.eof {
				return errNeedMore
			}
			if next+1 < len(b) && b[next+1] == '\n' {
				next++
			}
		}
		next++
		newlines++
	}
	if s.fault == nil {
		s.fault = s.inspect(record)
	}
	if s.fault == nil {
		for _, k := range s.escaped {
			s.unescape(k)
		}
	}
	s.pos = next
	s.line += newlines
	return nil
}

// inspect looks for bytes that no text has.
func (s *scanner) inspect(record []byte) *problem {
	zero := bytes.IndexByte(record, 0)
	if zero < 0 && utf8.Valid(record) {
		return nil
	}
	p := &problem{
		code: "csv_nul_byte", line: s.line, column: -1,
		reason: "there is a NUL byte (0x00), which text does not have; remove it, or save the file as UTF-8",
	}
	at := zero
	if zero < 0 {
		for at = 0; at < len(record); {
			r, n := utf8.DecodeRune(record[at:])
			if r == utf8.RuneError && n <= 1 {
				break
			}
			at += n
		}
		p.code, p.reason = undecodableReason(encodingOf(s.src), record[at], "csv")
	}
	p.line += countLines(record[:at])
	for k, f := range s.spans {
		if int(f.start)-s.pos <= at && at <= int(f.end)-s.pos {
			p.column = k
		}
	}
	return p
}

// unescape makes one quote of every doubled one in field k.
func (s *scanner) unescape(k int) {
	f := &s.spans[k]
	out := f.start
	for i := f.start; i < f.end; i++ {
		s.buf[out] = s.buf[i]
		out++
		if s.buf[i] == s.quote {
			i++
		}
	}
	f.end = out
}

// abandon leaves a record whose end cannot be known: reading goes on with the
// line after the one it began in.
func (s *scanner) abandon() error {
	s.skipping = true
	return nil
}

// skipLine moves behind the end of the line at pos. It reports false when it
// must throw data away for that while the chunk still needs it.
func (s *scanner) skipLine(needed bool) (bool, error) {
	for {
		if k := bytes.IndexAny(s.buf[s.pos:], "\r\n"); k >= 0 {
			at := s.pos + k
			if s.buf[at] == '\r' && at+1 == len(s.buf) && !s.eof {
				if err := s.fill(); err != nil {
					return false, err
				}
				continue
			}
			if s.buf[at] == '\r' && at+1 < len(s.buf) && s.buf[at+1] == '\n' {
				at++
			}
			s.pos = at + 1
			s.line++
			s.skipping = false
			return true, nil
		}
		if s.eof {
			s.pos = len(s.buf)
			s.skipping = false
			return true, nil
		}
		if needed {
			return false, nil
		}
		s.buf, s.pos = s.buf[:0], 0
		if err := s.fill(); err != nil {
			return false, err
		}
	}
}

// fill reads more of the file behind the buffer.
func (s *scanner) fill() error {
	want := max(readSize, len(s.buf)-s.pos)
	if cap(s.buf)-len(s.buf) < want {
		grown := make([]byte, len(s.buf), max(len(s.buf)+want, 2*cap(s.buf)))
		copy(grown, s.buf)
		s.buf = grown
	}
	for range 100 {
		n, err := s.src.Read(s.buf[len(s.buf) : len(s.buf)+want])
		s.buf = s.buf[:len(s.buf)+n]
		s.read += int64(n)
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

// countLines returns how many lines end in b.
func countLines(b []byte) int64 {
	n := bytes.Count(b, []byte{'\n'})
	for i := bytes.IndexByte(b, '\r'); i >= 0; {
		if i+1 < len(b) && b[i+1] != '\n' {
			n++
		}
		k := bytes.IndexByte(b[i+1:], '\r')
		if k < 0 {
			break
		}
		i += 1 + k
	}
	return int64(n)
}
