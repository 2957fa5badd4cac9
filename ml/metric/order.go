package metric

import (
	"cmp"
	"math"
	"slices"
)

// radixRows is from how many rows on counting beats comparing.
const radixRows = 512

// descending returns the positions of the values by falling value, those of
// equals rising. No value is NaN.
func descending(values []float64) []int32 {
	order := make([]int32, len(values))
	for i := range order {
		order[i] = int32(i)
	}
	if len(values) < radixRows {
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(values[b], values[a]) })
		return order
	}
	keys := make([]uint64, len(values))
	for i, v := range values {
		keys[i] = fallingKey(v)
	}
	return radix(keys, order)
}

// fallingKey is a number that falls as the value rises.
func fallingKey(v float64) uint64 {
	b := math.Float64bits(v + 0) // -0 is 0
	if b>>63 != 0 {
		return b
	}
	return ^b &^ (1 << 63)
}

// radix sorts the positions by their keys, least significant digit first, and
// leaves out the digits that all keys share.
func radix(keys []uint64, order []int32) []int32 {
	const bits, digits = 11, 6
	var counts [digits][1 << bits]int32
	for _, k := range keys {
		for d := range counts {
			counts[d][k>>(d*bits)&(1<<bits-1)]++
		}
	}
	spare := make([]int32, len(order))
	for d := range counts {
		next := &counts[d]
		if int(next[keys[0]>>(d*bits)&(1<<bits-1)]) == len(keys) {
			continue
		}
		sum := int32(0)
		for i, n := range next {
			next[i] = sum
			sum += n
		}
		for _, row := range order {
			digit := keys[row] >> (d * bits) & (1<<bits - 1)
			spare[next[digit]] = row
			next[digit]++
		}
		order, spare = spare, order
	}
	return order
}
