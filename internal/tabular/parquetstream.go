package tabular

import (
	"errors"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/narrativeml/narrative/ml/frame"
)

// columnStream yields the values of one column in one row group.
type columnStream struct {
	pages  parquet.Pages
	page   parquet.Page
	bulk   func(s *columnStream) bulkReader // of the page, nil if its values are read one by one
	values bulkReader
	left   int            // rows of the page that values has not read
	texts  *textPageIndex // of the row group
	room   *int64         // bytes that texts of all columns may still take
	looked int            // texts of the chunk before that were looked up one by one
	single parquet.ValueReader
	buf    []parquet.Value
}

// bulkReader puts the values of one page, which are those of frames, into a builder.
type bulkReader interface {
	// read reads the next n rows as the values from at on.
	read(d *decoded, b *columnBuilder, at, n int) error
}

// open begins the next page when the one before has been read.
func (s *columnStream) open() error {
	for s.single == nil && s.left == 0 {
		s.release()
		page, err := s.pages.ReadPage()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return errDamaged(err)
		}
		s.page = page
		if s.bulk != nil {
			s.values = s.bulk(s)
		}
		if s.values != nil {
			s.left = int(page.NumValues())
		} else {
			s.single = page.Values()
		}
	}
	return nil
}

// read returns up to n values, which are valid until the next call; none at the end
// of a page.
func (s *columnStream) read(n int) ([]parquet.Value, error) {
	if cap(s.buf) < n {
		s.buf = make([]parquet.Value, n)
	}
	k, err := s.single.ReadValues(s.buf[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errDamaged(err)
	}
	if k == 0 && err != nil {
		s.single = nil
	}
	return s.buf[:k], nil
}

func (s *columnStream) release() {
	if s.page != nil {
		parquet.Release(s.page)
	}
	s.page, s.values, s.single = nil, nil, nil
}

func (s *columnStream) close() {
	s.release()
	if s.pages != nil {
		_ = s.pages.Close() // reading is over; nothing depends on it
	}
}

// decoded turns values into a column.
type decoded struct {
	column   parquetColumn
	index    int // in the schema
	rows     []int64
	problems map[int]*problem
	names    []string
	refused  []BadRow
}

// read reads n values as the type that the file has.
func (d *decoded) read(s *columnStream, n int) (frame.Column, error) {
	b := newColumnBuilder(d.column.typ, n)
	if d.column.empty {
		for i := range n {
			b.null(i)
		}
		return b.column(d.column.name), nil
	}
	if s.texts != nil {
		s.texts.begin(b)
	}
	if s.looked > 0 {
		b.index, b.dict = make(map[string]int32, s.looked), make([]string, 0, s.looked)
	}
	for i := 0; i < n; {
		if err := s.open(); err != nil {
			return frame.Column{}, err
		}
		k, err := d.some(s, b, i, n-i)
		if err != nil {
			return frame.Column{}, err
		}
		i += k
	}
	s.looked = len(b.index)
	return b.column(d.column.name), nil
}

// some reads up to n values of one page.
func (d *decoded) some(s *columnStream, b *columnBuilder, at, n int) (int, error) {
	if s.values != nil {
		n = min(n, s.left)
		s.left -= n
		return n, s.values.read(d, b, at, n)
	}
	values, err := s.read(n)
	for k, v := range values {
		if v.IsNull() {
			b.null(at + k)
		} else if reason := d.column.put(b, at+k, v); reason != "" {
			d.refuse(b, at+k, reason)
		}
	}
	return len(values), err
}

// refuse leaves value i out.
func (d *decoded) refuse(b *columnBuilder, i int, reason string) {
	b.null(i)
	d.bad(i, reason)
}

func (d *decoded) bad(i int, reason string) {
	if d.problems[i] == nil {
		code := "invalid_value"
		if reason == reasonInfinite {
			code = "infinite_value"
		}
		d.problems[i] = &problem{code: code, row: d.rows[i], column: d.index, reason: reason}
	}
}

const (
	reasonInfinite = "the value is infinite; leave it empty or give a finite number"
	reasonUTF8     = "the value is not UTF-8 text; store text, or leave the column out"
	reasonClock    = "the value is no time of day; it must be less than 24 hours and not below zero"
	reasonRange    = "the value is outside the range of 64-bit integers or of the years 1 to 9999"
)
