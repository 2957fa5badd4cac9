package tabular

import (
	"encoding/binary"
	"math/bits"
)

// Text is looked at in words of eight bytes. eachByte has the same value in all of
// them, highBits the same bit.
const (
	wordSize = 8
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// together is how many bytes are looked at together.
const together = 64

// ends finds, one after the other, the bytes of a buffer that may end a field: the
// delimiter, and control characters, of which line ends are the most frequent. It
// looks at a block of 64 bytes together and keeps a bit for each, so that its steps
// do not depend on where fields end, which no processor can predict.
type ends struct {
	delim uint64 // in each byte
	at    int    // where the block begins
	left  uint64 // bit k: byte at+k may end a field, and has not been found yet
}

// from makes the next byte that is found the first at i or behind it.
func (e *ends) from(b []byte, i int) {
	e.at = i
	e.left = e.block(b[i:])
}

// skip does what from does, with less work where i is in the block.
func (e *ends) skip(b []byte, i int) {
	if k := i - e.at; k < together {
		e.left &= ^uint64(0) << k
	} else {
		e.from(b, i)
	}
}

// none reports whether it is known that no byte is left to be found before i.
func (e *ends) none(i int) bool {
	k := max(i-e.at, 0)
	return k < together && e.left&(1<<k-1) == 0
}

// next returns the place of the next byte, or the length of the buffer.
func (e *ends) next(b []byte) int {
	for e.left == 0 {
		e.from(b, e.at+together)
	}
	i := e.at + bits.TrailingZeros64(e.left)
	e.left &= e.left - 1
	return i
}

// block returns a bit for each of the first 64 bytes that may end a field. The end
// of the data counts as one.
func (e *ends) block(b []byte) uint64 {
	if len(b) < together {
		var rest [together]byte // zeros are control characters
		copy(rest[:], b)
		return e.bits(&rest)
	}
	return e.bits((*[together]byte)(b))
}

func (e *ends) bits(b *[together]byte) uint64 {
	return e.eight(b[0:8]) | e.eight(b[8:16])<<8 | e.eight(b[16:24])<<16 | e.eight(b[24:32])<<24 |
		e.eight(b[32:40])<<32 | e.eight(b[40:48])<<40 | e.eight(b[48:56])<<48 | e.eight(b[56:64])<<56
}

// eight returns a bit for each of eight bytes that may end a field.
func (e *ends) eight(b []byte) uint64 {
	const low, blanks = ^uint64(highBits), ' ' * eachByte
	w := binary.LittleEndian.Uint64(b)
	// Of each byte the high bit says what it is. That of the delimiter is 0 in
	// other, that of a control character in printed, that of ASCII in w.
	other := (w^e.delim)&low + low
	printed := (w | highBits) - blanks
	found := ^(other&printed | w) & highBits
	return found * (1<<49 | 1<<42 | 1<<35 | 1<<28 | 1<<21 | 1<<14 | 1<<7 | 1) >> 56 // the high bits side by side
}
