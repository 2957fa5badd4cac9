package tabular

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

func (s *scanner) ragged() *problem {
	above := ""
	if s.row == 1 && s.count > s.width {
		above = "; take away lines above the header, if there are any"
	}
	return &problem{code: "csv_ragged_row", line: s.start, column: -1, reason: fmt.Sprintf(
		"expected %d fields, found %d; give every row one field for each column, and enclose fields that contain %q in %q%s",
		s.width, s.count, string(s.delim), string(s.quote), above)}
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

// countLines returns how many lines end in b; what follows it is no line feed.
func countLines(b []byte) int64 {
	n := bytes.Count(b, []byte{'\n'})
	for i := bytes.IndexByte(b, '\r'); i >= 0; {
		if i+1 == len(b) || b[i+1] != '\n' {
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
