package binned

import (
	"sync/atomic"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

// Table is a frame in bins. Its columns are features, or bundles of features of
// which no row has more than one away from its commonest bin. The bins are held
// by row, for histograms, and by column, for partitioning. Columns of many bins
// come before those of few.
type Table struct {
	Rows    int
	Words   int       // of a row
	ByRow   []uint64  // Rows * Words: eight columns a word, the first in the lowest byte
	Columns [][]uint8 // of each column the bins of all rows; nil in a table of NewRows
	Bins    []int     // of each column the number of its bins
	Places  []Place   // of each feature
}

// Place says where the bins of a feature are.
type Place struct {
	Column  int
	Bundled bool
	// In a bundle, bin 0 means that every feature has its commonest bin. The
	// other bins of this one, without the commonest, are from Base on.
	Base, Common int
}

// In returns the bin in the column for a bin of the feature.
func (p Place) In(bin int) int {
	switch {
	case !p.Bundled:
		return bin
	case bin == p.Common:
		return 0
	case bin > p.Common:
		return p.Base + bin - 1
	}
	return p.Base + bin
}

// blockRows is the number of rows binned and transposed at a time.
const blockRows = 1 << 10

// NewTable bins the features' columns of x. It returns an *ml.InputError for an
// infinite value, and for a frame that lacks a column or has one of another
// kind.
func NewTable(features []Feature, x *frame.Frame, t parallel.Team) (*Table, error) {
	sources, err := newSources(features, x)
	if err != nil {
		return nil, err
	}
	p := newPlan(features, sources, x.Rows(), t)
	b, err := p.fill(features, sources, x.Rows(), t)
	if b == nil && err == nil && !t.Stopped() { // a bundle did not hold
		b, err = p.fill(features, sources, x.Rows(), t)
	}
	return b, err
}

// fill makes the table. Where a row has two features of a bundle away from their
// commonest bins, the later one is taken out of it and there is no table.
func (p *plan) fill(features []Feature, sources []*Source, rows int, t parallel.Team) (*Table, error) {
	b := &Table{Rows: rows}
	p.layout(b, features)
	b.Words = (len(b.Columns) + 7) / 8
	b.ByRow = make([]uint64, b.Rows*b.Words)
	for i := range b.Columns {
		b.Columns[i] = make([]uint8, b.Rows)
	}
	blocks := (rows + blockRows - 1) / blockRows
	infinite := make([]int, blocks) // feature, or -1
	clashes := make([]atomic.Bool, len(features))
	t.Each(blocks, func(_, block int) {
		infinite[block] = b.fill(sources, block*blockRows, clashes)
	})
	for block, f := range infinite {
		if f >= 0 {
			start := block * blockRows
			return nil, infiniteError(features[f].Name, sources[f].infinite(start, min(blockRows, rows-start)))
		}
	}
	held := true
	for f := range clashes {
		if clashes[f].Load() {
			p.remove(f)
			held = false
		}
	}
	if !held {
		return nil, nil
	}
	return b, nil
}

// fill bins one block of rows. It returns the first feature that is infinite in
// one of them, or -1.
func (b *Table) fill(sources []*Source, start int, clashes []atomic.Bool) int {
	n := min(blockRows, b.Rows-start)
	var buffer [blockRows]float64
	var scratch [blockRows]uint8
	for f, s := range sources {
		if s.infinite(start, n) >= 0 {
			return f
		}
		p := b.Places[f]
		column := b.Columns[p.Column][start : start+n]
		if !p.Bundled {
			s.Bins(start, column, buffer[:])
			continue
		}
		s.Bins(start, scratch[:n], buffer[:])
		if !p.add(scratch[:n], column) {
			clashes[f].Store(true)
		}
	}
	b.transpose(start, n)
	return -1
}

// transpose copies a block of rows from the columns, eight columns at a time.
func (b *Table) transpose(start, n int) {
	for word := range b.Words {
		var c [8][]uint8
		for i := range c {
			c[i] = b.Columns[min(8*word+i, len(b.Columns)-1)][start : start+n]
		}
		pack(&c, b.ByRow[start*b.Words+word:], b.Words)
	}
	// What lies beyond the last column repeats it, and nobody looks there.
}

// pack writes eight columns to every stride-th word.
func pack(c *[8][]uint8, to []uint64, stride int) {
	c0, c1, c2, c3 := c[0], c[1], c[2], c[3]
	c4, c5, c6, c7 := c[4], c[5], c[6], c[7]
	n := len(c0)
	c1, c2, c3, c4, c5, c6, c7 = c1[:n], c2[:n], c3[:n], c4[:n], c5[:n], c6[:n], c7[:n]
	for i := range c0 {
		to[i*stride] = uint64(c0[i]) | uint64(c1[i])<<8 | uint64(c2[i])<<16 | uint64(c3[i])<<24 |
			uint64(c4[i])<<32 | uint64(c5[i])<<40 | uint64(c6[i])<<48 | uint64(c7[i])<<56
	}
}

// add puts the bins of a feature into its bundle. It reports false where another
// feature is there already.
func (p Place) add(bins, column []uint8) bool {
	alone := true
	for i, bin := range bins {
		if int(bin) == p.Common {
			continue
		}
		alone = alone && column[i] == 0
		column[i] = uint8(p.In(int(bin)))
	}
	return alone
}

// Row returns the words of a row.
func (b *Table) Row(i int) []uint64 { return b.ByRow[i*b.Words : (i+1)*b.Words] }

// At returns the bin of a column in the words of a row.
func At(row []uint64, column int) uint8 { return uint8(row[column>>3] >> (column & 7 * 8)) }

// NewRows bins the features' columns of x by row only, each feature in a column
// of its own, in their order. Infinite values are numbers like others. It
// returns the other errors of NewTable.
func NewRows(features []Feature, x *frame.Frame, t parallel.Team) (*Table, error) {
	sources, err := newSources(features, x)
	if err != nil {
		return nil, err
	}
	b := &Table{Rows: x.Rows(), Words: (len(features) + 7) / 8}
	b.ByRow = make([]uint64, b.Rows*b.Words)
	for f := range features {
		b.Bins = append(b.Bins, features[f].Missing()+1)
		b.Places = append(b.Places, Place{Column: f})
	}
	t.Each((b.Rows+blockRows-1)/blockRows, func(_, block int) {
		var buffer [blockRows]float64
		var scratch [blockRows]uint8
		start := block * blockRows
		n := min(blockRows, b.Rows-start)
		for f, s := range sources {
			s.Bins(start, scratch[:n], buffer[:])
			at, shift := start*b.Words+f>>3, f&7*8
			for _, bin := range scratch[:n] {
				b.ByRow[at] |= uint64(bin) << shift
				at += b.Words
			}
		}
	})
	return b, nil
}

func newSources(features []Feature, x *frame.Frame) ([]*Source, error) {
	sources := make([]*Source, len(features))
	for i := range features {
		s, err := NewSource(&features[i], x)
		if err != nil {
			return nil, err
		}
		sources[i] = s
	}
	return sources, nil
}
