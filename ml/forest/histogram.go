package forest

import "math/bits"

// cell is a bin that has rows of the node.
type cell struct {
	sums uint64
	rows int32 // where they are counted
	bin  uint8
}

// smallRows is the number of rows up to which the bins that have some are noted,
// not looked for.
const smallRows = 256

// histogram sums elements by bin. It is empty between calls.
type histogram struct {
	sums [256]uint64
	rows [256]int32
	seen set
}

// small returns the cells of the bins that have rows. words are what each row
// adds to its sums.
func (h *histogram) small(bins []uint8, words []uint64, cells []cell) []cell {
	words = words[:len(bins)]
	for i, b := range bins {
		h.seen[b>>6] |= 1 << (b & 63)
		h.sums[b] += words[i]
	}
	n := 0
	for _, m := range h.seen {
		n += bits.OnesCount64(m)
	}
	cells = cells[:n]
	k, m := 0, h.seen[0]
	for i := range cells {
		for m == 0 {
			k++
			m = h.seen[k&3]
		}
		b := uint8(k<<6 + bits.TrailingZeros64(m))
		m &= m - 1
		cells[i] = cell{sums: h.sums[b], bin: b}
		h.sums[b] = 0
	}
	h.seen = set{}
	return cells
}

// large is small for many rows.
func (h *histogram) large(bins []uint8, elements []uint64, cells []cell) []cell {
	bins = bins[:len(elements)]
	for i, e := range elements {
		h.sums[bins[i]] += sumsOf(e)
	}
	cells = cells[:0]
	for b, v := range h.sums {
		if v != 0 {
			cells = append(cells, cell{sums: v, bin: uint8(b)})
			h.sums[b] = 0
		}
	}
	return cells
}

// count counts the rows of the cells.
func (h *histogram) count(bins []uint8, cells []cell) {
	for _, b := range bins {
		h.rows[b]++
	}
	for i := range cells {
		c := &cells[i]
		c.rows = h.rows[c.bin]
		h.rows[c.bin] = 0
	}
}
