package gbdt

import (
	"encoding/binary"
	"sync/atomic"
)

// An element is a row in a leaf: its number in the low 32 bits, its quantized
// hessian in the next 16 and its quantized gradient in the high 16, signed.
// A bin of a histogram holds the sum of hessians in the low 32 bits and the sum
// of gradients in the high 32, signed. The quantization keeps both from
// overflowing, even where all rows fall into one bin.

// word returns what an element adds to a bin.
func word(element uint64) uint64 {
	return uint64(int64(element)>>48)<<32 + element>>32&0xFFFF
}

// sums returns the sums of a bin.
func sums(bin uint64) (g, h int64) { return int64(bin) >> 32, int64(uint32(bin)) }

// layout tells where the bins of each feature are in a histogram.
type layout struct {
	offsets []int32 // of each feature, padded to a multiple of 8 with a bin nobody reads
	size    int
}

func newLayout(features []feature) layout {
	var l layout
	for i := range features {
		l.offsets = append(l.offsets, int32(l.size))
		l.size += features[i].missing() + 1
	}
	for len(l.offsets)%8 != 0 {
		l.offsets = append(l.offsets, int32(l.size))
	}
	l.size++
	return l
}

// of returns the bins of a feature.
func (l *layout) of(histogram []uint64, f int, missing int) []uint64 {
	at := int(l.offsets[f])
	return histogram[at : at+missing+1]
}

// chunkRows is the number of rows whose cache misses overlap.
const chunkRows = 64

// accumulate adds the elements to a histogram, for the groups of eight features
// given. It returns a number that depends on the bins, to keep the reads that
// bring them into the cache. It ends early once stop is true.
func accumulate(b *table, l *layout, groups []int32, elements, histogram []uint64, stop *atomic.Bool) uint64 {
	var seen uint64
	for len(elements) > 0 && !stop.Load() {
		chunk := elements[:min(chunkRows, len(elements))]
		elements = elements[len(chunk):]
		for _, e := range chunk {
			seen ^= uint64(b.byRow[int(uint32(e))*b.stride])
		}
		for _, group := range groups {
			o := (*[8]int32)(l.offsets[8*group:])
			h0, h1, h2, h3 := histogram[o[0]:], histogram[o[1]:], histogram[o[2]:], histogram[o[3]:]
			h4, h5, h6, h7 := histogram[o[4]:], histogram[o[5]:], histogram[o[6]:], histogram[o[7]:]
			for _, e := range chunk {
				at := int(uint32(e))*b.stride + 8*int(group)
				bins := binary.LittleEndian.Uint64(b.byRow[at : at+8])
				v := word(e)
				h0[uint8(bins)] += v
				h1[uint8(bins>>8)] += v
				h2[uint8(bins>>16)] += v
				h3[uint8(bins>>24)] += v
				h4[uint8(bins>>32)] += v
				h5[uint8(bins>>40)] += v
				h6[uint8(bins>>48)] += v
				h7[uint8(bins>>56)] += v
			}
		}
	}
	return seen
}

// partition moves the elements to out, those whose bin is in the set to its
// front and the others to its back in reverse, and returns how many went left.
func partition(column []uint8, lut *[256]uint8, elements, out []uint64) int {
	left, right := 0, len(elements)-1
	out = out[:len(elements)]
	for _, e := range elements {
		goes := int(lut[column[uint32(e)]])
		out[left] = e
		out[right] = e
		left += goes
		right += goes - 1
	}
	return left
}
