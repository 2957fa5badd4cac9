package gbdt

import (
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

// An element is a row in a leaf: its number in the low 32 bits, its quantized
// hessian in the next 16 and its quantized gradient in the high 16, signed.
// A bin of a histogram holds the sum of hessians in the low 32 bits and the sum
// of gradients in the high 32, signed. The quantization keeps both from
// overflowing, even where all rows fall into one bin.

// element packs a row.
func element(g, h int64, row int) uint64 { return uint64(g)<<48 | uint64(h)<<32 | uint64(row) }

// weight returns what an element adds to a bin.
func weight(element uint64) uint64 {
	return uint64(int64(element)>>48)<<32 + element>>32&0xFFFF
}

// sums returns the sums of a bin.
func sums(bin uint64) (g, h int64) { return int64(bin) >> 32, int64(uint32(bin)) }

// layout says where the bins of each column are in a histogram. Columns go by
// eight, those of a word of a row, with the same room for each.
type layout struct {
	groups  []group
	offsets []int // of each column
	size    int
}

// group is the columns of a word of a row.
type group struct {
	word   int
	at     int // in a histogram
	room   int // of each column: 16, 64 or 256 bins
	half   bool
	active bool // whether the tree may use one of the columns
}

func newLayout(b *binned.Table) layout {
	var l layout
	for word := range b.Words {
		count := min(8, len(b.Bins)-8*word)
		g := group{word: word, at: l.size, room: binned.Room(b.Bins[8*word])}
		g.half = count <= 4 && g.room == 256
		for c := range count {
			l.offsets = append(l.offsets, l.size+c*g.room)
		}
		l.size += 8 * g.room
		if g.half {
			l.size -= 4 * g.room
		}
		l.groups = append(l.groups, g)
	}
	return l
}

const (
	// chunkRows is the number of rows whose cache misses overlap.
	chunkRows = 1024
	// tileWords is the number of words of a row, a cache line, that are worked
	// on before the next: the histogram of so many columns stays in the cache.
	tileWords = 8
)

// accumulate adds the elements to a histogram, for the active groups. It returns
// a number that depends on the bins, to keep the reads that bring them into the
// cache.
func (l *layout) accumulate(b *binned.Table, elements, histogram []uint64, t parallel.Team) uint64 {
	var seen uint64
	for first := 0; first < len(l.groups); first += tileWords {
		tile := l.groups[first:min(first+tileWords, len(l.groups))]
		rest := elements
		for len(rest) > 0 && !t.Stopped() {
			chunk := rest[:min(chunkRows, len(rest))]
			rest = rest[len(chunk):]
			for _, e := range chunk {
				seen ^= b.ByRow[int(uint32(e))*b.Words+first]
			}
			for i := range tile {
				if tile[i].active {
					tile[i].add(b, chunk, histogram)
				}
			}
		}
	}
	return seen
}

// add adds elements to the columns of a group.
func (g *group) add(b *binned.Table, elements, histogram []uint64) {
	rows, h := b.ByRow[g.word:], histogram[g.at:]
	switch {
	case g.half:
		add4x256(rows, b.Words, elements, (*[4 * 256]uint64)(h))
	case g.room == 256:
		add8x256(rows, b.Words, elements, (*[8 * 256]uint64)(h))
	case g.room == 64:
		add8x64(rows, b.Words, elements, (*[8 * 64]uint64)(h))
	default:
		add8x16(rows, b.Words, elements, (*[8 * 16]uint64)(h))
	}
}
