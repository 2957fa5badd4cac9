package gbdt

import (
	"github.com/narrativeml/narrative/ml/frame"
)

// table is a binned table, held twice: by row for histograms and for walking
// down trees, by column for partitioning.
type table struct {
	rows    int
	stride  int       // bytes a row, a multiple of 8
	byRow   []uint8   // rows * stride
	columns [][]uint8 // nil where only rows are needed
}

// blockRows is the number of rows binned and transposed at a time.
const blockRows = 1 << 10

// newTable bins the features' columns of x.
func newTable(features []feature, x *frame.Frame, t team, byColumn bool) (*table, error) {
	sources := make([]*source, len(features))
	for i := range features {
		s, err := newSource(&features[i], x)
		if err != nil {
			return nil, err
		}
		sources[i] = s
	}
	b := &table{rows: x.Rows(), stride: (len(features) + 7) / 8 * 8}
	b.byRow = make([]uint8, b.rows*b.stride)
	if byColumn {
		b.columns = make([][]uint8, len(features))
		for i := range b.columns {
			b.columns[i] = make([]uint8, b.rows)
		}
	}
	t.each((b.rows+blockRows-1)/blockRows, func(_, block int) {
		b.fill(sources, block*blockRows)
	})
	return b, nil
}

// fill bins one block of rows.
func (b *table) fill(sources []*source, start int) {
	n := min(blockRows, b.rows-start)
	var buffer [blockRows]float64
	var scratch [blockRows]uint8
	for f, s := range sources {
		bins := scratch[:n]
		if b.columns != nil {
			bins = b.columns[f][start : start+n]
		}
		s.bins(start, bins, buffer[:])
		at := start*b.stride + f
		for _, bin := range bins {
			b.byRow[at] = bin
			at += b.stride
		}
	}
}

// row returns the bins of a row.
func (b *table) row(i int) []uint8 { return b.byRow[i*b.stride : (i+1)*b.stride] }

// segments cuts the rows into the stretches that are worked on in parallel. They
// depend on the number of rows alone, so that sums by segment do, too.
func (b *table) segments() []part {
	size := 1 << 12
	for size < 1<<16 && size < b.rows/16 {
		size *= 2
	}
	var out []part
	for start := 0; start < b.rows; start += size {
		out = append(out, part{int32(start), int32(min(size, b.rows-start))})
	}
	return out
}
