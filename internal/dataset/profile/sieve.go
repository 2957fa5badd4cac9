package profile

import (
	"math"
	"math/bits"
)

// sieve tells which values of a batch may be frequent in it, for little: values are
// counted together that share a cell, so that none is there more often than its cell
// says.
type sieve struct {
	cells []uint8 // a power of two of them; the largest number stands for larger ones, too
	shift uint8
}

// reset makes the sieve one for a batch of n values.
func (s *sieve) reset(n int) {
	width := max(1, bits.Len(uint(n)/2))
	if cap(s.cells) < 1<<width {
		s.cells = make([]uint8, 1<<width)
	}
	s.cells, s.shift = s.cells[:1<<width], uint8(64-width)
	clear(s.cells)
}

// cell returns where a value is counted: by the first bits of a product that all of
// its key has a part in (Fibonacci hashing).
func (s *sieve) cell(key uint64) *uint8 { return &s.cells[key*seed>>(s.shift&63)] }

// add counts a value.
func (s *sieve) add(key uint64) {
	if at := s.cell(key); *at < math.MaxUint8 {
		*at++
	}
}

// limit returns the smallest count that at most so many cells are above, beside those
// that are full.
func (s *sieve) limit(most int) uint8 {
	var having [4][math.MaxUint8 + 1]int // in four, since one count after the other would wait for itself
	cells := s.cells
	for ; len(cells) >= 4; cells = cells[4:] {
		having[0][cells[0]]++
		having[1][cells[1]]++
		having[2][cells[2]]++
		having[3][cells[3]]++
	}
	for _, n := range cells {
		having[0][n]++
	}
	for above, n := 0, math.MaxUint8-1; n > 0; n-- {
		above += having[0][n] + having[1][n] + having[2][n] + having[3][n]
		if above > most {
			return uint8(n)
		}
	}
	return 0
}
