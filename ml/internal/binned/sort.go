package binned

import (
	"math"
)

// sorter sorts numbers by radix, keeping its room between calls.
type sorter struct {
	keys, room []uint64
}

// sort sorts values, none of which is NaN, ascending.
func (s *sorter) sort(values []float64) {
	n := len(values)
	if cap(s.keys) < n {
		s.keys, s.room = make([]uint64, n), make([]uint64, n)
	}
	from, to := s.keys[:n], s.room[:n]
	var counts [8][256]int32
	for i, v := range values {
		k := key(v)
		from[i] = k
		for b := range counts {
			counts[b][uint8(k>>(8*b))]++
		}
	}
	for b := range counts {
		count := &counts[b]
		if n == 0 || count[uint8(from[0]>>(8*b))] == int32(n) {
			continue // all alike in this byte
		}
		at := int32(0)
		for i, c := range count {
			count[i] = at
			at += c
		}
		for _, k := range from {
			digit := uint8(k >> (8 * b))
			to[count[digit]] = k
			count[digit]++
		}
		from, to = to, from
	}
	for i, k := range from {
		values[i] = number(k)
	}
}

// key maps a number to one that sorts likewise as an unsigned integer. Both
// zeros have the key of 0.
func key(v float64) uint64 {
	b := math.Float64bits(v + 0)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

// number is the inverse of key.
func number(k uint64) float64 {
	return math.Float64frombits(k ^ (uint64(int64(^k)>>63) | 1<<63))
}
