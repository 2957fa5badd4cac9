package profile

import "math"

// sieve tells which values of a batch may be frequent in it, for little: values are
// counted together that share a cell, so that none is there more often than its cell
// says.
type sieve struct {
	cells []uint8 // a power of two of them; the largest number stands for larger ones, too
}

// reset makes the sieve one for a batch of n values.
func (s *sieve) reset(n int) {
	cells := 1
	for cells < n {
		cells *= 2
	}
	if cap(s.cells) < cells {
		s.cells = make([]uint8, cells)
	}
	s.cells = s.cells[:cells]
	clear(s.cells)
}

// add counts a value, given by a hash of it.
func (s *sieve) add(hash uint64) {
	if at := &s.cells[hash&uint64(len(s.cells)-1)]; *at < math.MaxUint8 {
		*at++
	}
}

// count returns how often the value is there at most.
func (s *sieve) count(hash uint64) uint8 { return s.cells[hash&uint64(len(s.cells)-1)] }

// limit returns the smallest count that at most so many cells are above, beside those
// that are full.
func (s *sieve) limit(most int) uint8 {
	var having [math.MaxUint8 + 1]int
	for _, n := range s.cells {
		having[n]++
	}
	above, n := 0, math.MaxUint8-1
	for ; n > 0 && above+having[n] <= most; n-- {
		above += having[n]
	}
	return uint8(n)
}
