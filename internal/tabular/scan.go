package tabular

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
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

// room returns the data and what memory is there behind it, so that the last fields
// can be read in whole words too.
func (c *rawChunk) room() []byte { return c.data[:cap(c.data)] }

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
		c.fields = slices.Grow(c.fields, s.width)
		s.spans = c.fields[len(c.fields):] // has room, so that fields are put where they stay
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
		s.unescape()
		c.fields = c.fields[:len(c.fields)+s.width]
		c.rows = append(c.rows, s.row)
		c.lines = append(c.lines, s.start)
	}
	return nil
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
	e := ends{delim: eachByte * uint64(s.delim)}
	e.from(b, i)
	for {
		i = s.plain(&e, i)
		start := s.skipBlanks(i)
		var end, next int
		if start < len(b) && b[start] == s.quote {
			s.opened = s.line + newlines
			closing, after, lines, err := s.quoted(&e, start)
			if err != nil {
				return err
			}
			if s.fault != nil {
				return s.abandon()
			}
			newlines += lines
			start, end, next = start+1, closing, after
			if next < len(b) {
				e.skip(b, next+1)
			}
		} else {
			end = e.next(b)
			for end < len(b) && !s.ends[b[end]] {
				end = e.next(b)
			}
			if end == len(b) && !s.eof {
				return s.short(i, end, newlines)
			}
			next = end
			for end > start && (b[end-1] == ' ' || b[end-1] == '\t') {
				end--
			}
			if end == start && s.count == 0 && (next == len(b) || b[next] != s.delim) {
				return s.finish(next, newlines) // a blank line
			}
		}
		if end-start > s.limits.Field {
			s.fault = s.tooLong(s.line + newlines)
			return s.abandon()
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

// plain cuts fields from i on as long as they have neither quotes nor blanks around
// them and are not the last of the record, and returns where the first one begins
// that is not so.
func (s *scanner) plain(e *ends, i int) int {
	b, spans, at, left := s.buf, s.spans, e.at, e.left
	for len(spans) < s.limitAt {
		for left == 0 {
			at += together
			left = e.block(b[at:])
		}
		end := at + bits.TrailingZeros64(left)
		if end == len(b) || b[end] != s.delim {
			break
		}
		if field := b[i:end]; len(field) > 0 {
			first, last := field[0], field[len(field)-1]
			if first <= ' ' || last <= ' ' || first == s.quote || len(field) > s.limits.Field {
				break
			}
		}
		left &= left - 1
		spans = append(spans, span{uint32(i), uint32(end)})
		i = end + 1
	}
	s.count += len(spans) - len(s.spans)
	s.spans, e.at, e.left = spans, at, left
	return i
}

// skipBlanks returns where the field that begins at i begins without the blanks in
// front of it.
func (s *scanner) skipBlanks(i int) int {
	b := s.buf
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') && b[i] != s.delim {
		i++
	}
	return i
}

// quoted finds the end of the field whose opening quote is at open: the
// closing quote, and the delimiter or line end after it.
func (s *scanner) quoted(e *ends, open int) (closing, after int, lines int64, err error) {
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
	if !e.none(closing) { // most fields in quotes are as short and plain as others
		lines = countLines(b[open:closing])
	}
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
	s.pos = next
	s.line += newlines
	return nil
}

// unescape makes one quote of every doubled one in the fields of the record. It can
// not be cut again after that.
func (s *scanner) unescape() {
	for _, k := range s.escaped {
		f := &s.spans[k]
		rest := s.buf[f.start:f.end]
		out := rest[:0]
		for {
			i := bytes.IndexByte(rest, s.quote)
			if i < 0 {
				break
			}
			out = append(out, rest[:i+1]...)
			rest = rest[i+2:]
		}
		out = append(out, rest...)
		f.end = f.start + uint32(len(out))
	}
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
