package frame

import "math/bits"

// Bitmap is a set of row numbers. The zero value is empty; it grows by Set.
type Bitmap []uint64

// Set adds i.
func (b *Bitmap) Set(i int) {
	for len(*b) <= i>>6 {
		*b = append(*b, 0)
	}
	(*b)[i>>6] |= 1 << (i & 63)
}

// Get reports whether i is in the set.
func (b Bitmap) Get(i int) bool {
	return i>>6 < len(b) && b[i>>6]&(1<<(i&63)) != 0
}

// Count returns how many numbers below n are in the set.
func (b Bitmap) Count(n int) int {
	total := 0
	for w, word := range b {
		switch low := w << 6; {
		case low >= n:
			return total
		case n-low < 64:
			word &= 1<<(n-low) - 1
		}
		total += bits.OnesCount64(word)
	}
	return total
}
