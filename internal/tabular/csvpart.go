package tabular

import (
	"context"
	"io"
)

// Mark is a place between two records of a CSV file. A reader that goes on
// there reads what a reader of the whole file reads from there on.
type Mark struct {
	Offset int64 `json:"offset"` // in bytes
	Row    int64 `json:"row"`    // how many rows come before
	Line   int64 `json:"line"`   // that begins there, from 1
}

// mark returns where the next record, or a blank line before it, begins.
func (s *scanner) mark() Mark {
	return Mark{Offset: s.read - int64(len(s.buf)-s.pos), Row: s.row, Line: s.line}
}

// compactAt is after how many bytes that are done with a pass over records
// moves what is left to the front.
const compactAt = 1 << 20

// Split reads on to the end of the file, of that many bytes, and returns where
// to cut it into at most that many parts of about equal length: where the first
// begins, where each further one does, and the end. A part has at least one
// row. It sees records as tolerant reading does, so quotes and mistakes do not
// mislead it, and does not look at their values; the reader is of no use after
// it. report hears how many bytes were read.
func (r *CSVReader) Split(ctx context.Context, size int64, parts int, report func(read int64)) ([]Mark, error) {
	s := r.scan
	marks := []Mark{s.mark()}
	begin := marks[0].Offset
	for n := 0; ; n++ {
		if n%4096 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			report(s.read)
		}
		if s.pos > compactAt {
			s.buf = append(s.buf[:0], s.buf[s.pos:]...)
			s.pos = 0
		}
		here := s.mark()
		if k := int64(len(marks)); k < int64(parts) && here.Row > marks[k-1].Row && here.Offset >= begin+(size-begin)*k/int64(parts) {
			marks = append(marks, here)
		}
		more, err := s.record()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		s.row++
		if s.skipping {
			if _, err := s.skipLine(false); err != nil {
				return nil, err
			}
		}
	}
	end := s.mark()
	if k := len(marks); k > 1 && marks[k-1].Row == end.Row {
		marks = marks[:k-1] // only blank lines follow
	}
	return append(marks, end), nil
}

// Part makes the reader go on at the mark, in a source that begins there, and
// end before the record that begins at the offset until or behind it. The
// source goes on beyond that: how far a mistake reaches is sometimes seen later.
func (r *CSVReader) Part(src io.Reader, from Mark, until int64) {
	s := newScanner(src, r.format, r.limits)
	s.tolerant, s.names, s.width = r.tolerant, r.names, len(r.names)
	s.read, s.row, s.line, s.until = from.Offset, from.Row, from.Line, until
	r.scan, r.records = s, s
}
