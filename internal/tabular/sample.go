package tabular

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// Beginning is what the beginning of a file looks like.
type Beginning struct {
	Format Format
	Schema Schema   // by the rows at the beginning; the whole file may say otherwise
	Rows   [][]any  // the first of them: texts, or nil where a value is missing
	Bad    []BadRow // what cannot be read
}

// sampledRows is how many rows a sample looks at.
const sampledRows = 1000

// Sniff says how the beginning of a file would be read; whole says that it is
// all of it. Of a workbook and of Parquet, which are read from their end, it says
// the kind alone. limit is how many rows it shows.
func Sniff(ctx context.Context, head []byte, whole bool, o Options, limit int) (*Beginning, error) {
	o.Tolerant, o.part = true, !whole
	f := memoryFile(head)
	in, err := begin(ctx, f, o)
	if err != nil {
		return nil, err
	}
	kind := in.format.Kind
	if err := in.Close(); err != nil {
		return nil, err
	}
	if kind == KindParquet || kind == KindXLSX {
		return &Beginning{Format: Format{Kind: kind}}, nil
	}
	r, c, err := Open(ctx, f, o)
	if err != nil {
		return nil, err
	}
	defer c.Close() //nolint:errcheck // only memory is read
	rows, bad, err := sampleOf(ctx, r, o.part)
	if err != nil {
		return nil, err
	}
	s := &Beginning{Format: FormatOf(r), Bad: bad}
	guesses := make([]guess, len(r.Names()))
	for i, row := range rows {
		for j, value := range row {
			text, _ := value.(string)
			guesses[j].observe([]byte(text))
		}
		if i < limit {
			s.Rows = append(s.Rows, row)
		}
	}
	for j, name := range r.Names() {
		s.Schema = append(s.Schema, guesses[j].field(name))
	}
	return s, nil
}

// sampleOf reads the first rows. Of a part of a file the last one may be cut off
// and is left out.
func sampleOf(ctx context.Context, r Reader, part bool) (rows [][]any, bad []BadRow, err error) {
	var last int64
	for len(rows)+len(bad) < sampledRows {
		c, err := r.Next(ctx)
		switch {
		case errors.Is(err, io.EOF), err != nil && part && last > 0 && ctx.Err() == nil:
			if !part {
				return rows, bad, nil
			}
			if n := len(bad); n > 0 && bad[n-1].Row == last {
				return rows, bad[:n-1], nil
			}
			return rows[:max(len(rows)-1, 0)], bad, nil
		case err != nil:
			return nil, nil, err
		}
		for i, number := range c.Rows {
			row := make([]any, len(c.Frame.Columns()))
			for k, column := range c.Frame.Columns() {
				row[k] = Value(column, i)
			}
			rows, last = append(rows, row), max(last, number)
		}
		bad = append(bad, c.Bad...)
		if n := len(bad); n > 0 {
			last = max(last, bad[n-1].Row)
		}
	}
	return rows, bad, nil
}

// memoryFile is a file in memory.
type memoryFile []byte

var _ File = memoryFile(nil)

// Open implements File.
func (f memoryFile) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f)), nil
}

// OpenAt implements File.
func (f memoryFile) OpenAt(context.Context) (io.ReaderAt, int64, error) {
	return bytes.NewReader(f), int64(len(f)), nil
}
