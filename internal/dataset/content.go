package dataset

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// Content is what is found out about a table while it is written: a hash of
// what it holds, and a sample of its rows. Neither depends on how the table is
// cut into chunks, nor on how it is stored.
type Content struct {
	schema  tabular.Schema
	columns []columnHash
	rows    int64
	buffer  []byte
	sample  sampler
}

// columnHash is 128 bits of a column, in two halves.
type columnHash struct{ a, b *xxhash.Digest }

// seedOfHalf makes the second half another hash.
const seedOfHalf = 0x9e3779b97f4a7c15

// NewContent returns the Content of a table of the columns, before any row.
func NewContent(schema tabular.Schema) *Content {
	c := &Content{schema: schema, sample: sampler{size: SampleRows(len(schema))}}
	for range schema {
		c.columns = append(c.columns, columnHash{xxhash.New(), xxhash.NewWithSeed(seedOfHalf)})
	}
	return c
}

// Add takes the next rows of the table. It keeps some of them, and the frame
// must not be changed afterwards.
func (c *Content) Add(x *frame.Frame) {
	for k, f := range c.schema {
		column, ok := x.Column(f.Name)
		if !ok {
			continue // the writer refuses it
		}
		c.buffer = appendCells(c.buffer[:0], column)
		_, _ = c.columns[k].a.Write(c.buffer) // it never fails
		_, _ = c.columns[k].b.Write(c.buffer)
	}
	c.sample.add(x, c.rows)
	c.rows += int64(x.Rows())
}

// appendCells appends the values of a column, each so that no two lists of
// values have the same bytes.
func appendCells(b []byte, c frame.Column) []byte {
	const missing, there = 0, 1
	const size = 1 + 8 // of a number
	switch c.Type() {
	case frame.Float:
		b = slices.Grow(b, size*c.Len())
		for _, v := range c.Floats() {
			if v != v { // NaN
				b = append(b, missing)
				continue
			}
			n := len(b)
			b = b[:n+size]
			b[n] = there
			binary.LittleEndian.PutUint64(b[n+1:], math.Float64bits(v))
		}
	case frame.String:
		for _, k := range c.Codes() {
			if k < 0 {
				b = append(b, missing)
				continue
			}
			s := c.Dict()[k]
			b = append(binary.AppendUvarint(append(b, there), uint64(len(s))), s...)
		}
	default:
		b = slices.Grow(b, size*c.Len())
		nulls := c.Nulls() > 0
		for i, v := range c.Ints() {
			if nulls && c.Null(i) {
				b = append(b, missing)
				continue
			}
			n := len(b)
			b = b[:n+size]
			b[n] = there
			binary.LittleEndian.PutUint64(b[n+1:], uint64(v))
		}
	}
	return b
}

// Hash returns the hash of what was added: SHA-256 of the names and types of the
// columns, the number of rows, and 128 bits of each column, hexadecimal.
func (c *Content) Hash() string {
	h := sha256.New()
	var b []byte
	b = binary.AppendUvarint(b, uint64(c.rows))
	for k, f := range c.schema {
		for _, s := range []string{f.Name, string(f.Type)} {
			b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
		}
		b = binary.LittleEndian.AppendUint64(b, c.columns[k].a.Sum64())
		b = binary.LittleEndian.AppendUint64(b, c.columns[k].b.Sum64())
	}
	_, _ = h.Write(b) // it never fails
	return hex.EncodeToString(h.Sum(nil))
}

// Bounds of a sample.
const (
	sampleCells   = 500_000
	fewSampleRows = 100
	sampleMost    = 5000
)

// SampleRows returns how many rows of a table of that many columns are kept as
// its sample.
func SampleRows(columns int) int {
	return max(fewSampleRows, min(sampleMost, sampleCells/max(columns, 1)))
}

// sampler keeps the rows whose numbers, mixed, are the smallest: drawn evenly,
// and the same each time.
type sampler struct {
	size  int
	limit uint64 // rows above it are not among the smallest
	kept  []keptRow
}

type keptRow struct {
	rank, number uint64
	from         *frame.Frame
	at           int
}

// rank mixes the number of a row (the finisher of splitmix64).
func rank(v uint64) uint64 {
	v += seedOfHalf
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

func (s *sampler) add(x *frame.Frame, first int64) {
	if s.limit == 0 {
		s.limit = math.MaxUint64
	}
	var rows []int
	for i := range x.Rows() {
		if r := rank(uint64(first) + uint64(i)); r <= s.limit {
			s.kept = append(s.kept, keptRow{rank: r, number: uint64(first) + uint64(i), at: len(rows)})
			rows = append(rows, i)
		}
	}
	if len(rows) == 0 {
		return
	}
	part := compact(x.Take(rows))
	for i := len(s.kept) - len(rows); i < len(s.kept); i++ {
		s.kept[i].from = part
	}
	if len(s.kept) >= 2*s.size {
		s.cut()
	}
}

// compact gives the columns of texts dictionaries of copies of what they hold,
// so that a few rows do not keep the texts of a chunk.
func compact(x *frame.Frame) *frame.Frame {
	columns := slices.Clone(x.Columns())
	for k, c := range columns {
		if c.Type() != frame.String {
			continue
		}
		texts := make([]string, c.Len())
		for i := range texts {
			texts[i] = strings.Clone(c.Text(i))
		}
		columns[k] = frame.StringsOf(c.Name(), texts, c.Null)
	}
	out, err := frame.New(columns...)
	if err != nil {
		return x // it cannot be: the columns were those of a frame
	}
	return out
}

func (s *sampler) cut() {
	slices.SortFunc(s.kept, func(a, b keptRow) int { return cmp.Compare(a.rank, b.rank) })
	if len(s.kept) > s.size {
		clear(s.kept[s.size:])
		s.kept = s.kept[:s.size]
		s.limit = s.kept[s.size-1].rank
	}
}

// Sample writes the sample, in the order of the table, as a table of its own.
func (c *Content) Sample(ctx context.Context, files IngestFiles, key string) error {
	c.sample.cut()
	rows := slices.Clone(c.sample.kept)
	slices.SortFunc(rows, func(a, b keptRow) int { return cmp.Compare(a.number, b.number) })
	schema := slices.Clone(c.schema)
	for k := range schema {
		schema[k].Nullable = true
	}
	err := writeTable(ctx, files, key, schema, func(w tabular.Writer) error {
		for lo := 0; lo < len(rows); {
			hi := lo
			var at []int
			for hi < len(rows) && rows[hi].from == rows[lo].from {
				at = append(at, rows[hi].at)
				hi++
			}
			if err := w.Write(rows[lo].from.Take(at)); err != nil {
				return err
			}
			lo = hi
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store sample: %w", err)
	}
	return nil
}
