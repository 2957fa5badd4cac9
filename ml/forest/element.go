package forest

// An element is a row in a node: its number in the low 32 bits, its weight,
// which grows with the times it was drawn, in the next 16, and in the high 16 its
// class or, where nodes have sums, its weighted target, signed. Sums are the sum
// of weights in the low 32 bits and that of targets in the high 32, signed;
// weights and targets are chosen to keep both from overflowing.

func element(target, weight int64, row int) uint64 {
	return uint64(target)<<48 | uint64(weight)<<32 | uint64(uint32(row))
}

// renumber returns the element with another number for its row.
func renumber(e uint64, row int) uint64 { return e>>32<<32 | uint64(uint32(row)) }

func rowOf(e uint64) int       { return int(uint32(e)) }
func weightOf(e uint64) uint32 { return uint32(e>>32) & 0xFFFF }
func classOf(e uint64) uint16  { return uint16(e >> 48) }

// sumsOf returns what an element adds to the sums of its node.
func sumsOf(e uint64) uint64 { return uint64(int64(e)>>48)<<32 + e>>32&0xFFFF }

// unpack returns the parts of sums.
func unpack(sums uint64) (target, weight int64) { return int64(sums) >> 32, int64(uint32(sums)) }

// gather writes the bin of each element to out.
func gather(column []uint8, elements []uint64, out []uint8) {
	out = out[:len(elements)]
	for i, e := range elements {
		out[i] = column[uint32(e)]
	}
}

// translate replaces the bins of a bundle by those of one of its features.
func translate(table *[256]uint8, bins []uint8) {
	for i, b := range bins {
		bins[i] = table[b]
	}
}

// divide moves the elements whose bin is at most last, or is the other one, to
// the front of out, and all others to its back in reverse. It returns how many
// are in front. It has no branch but the loop.
func divide(bins []uint8, last, other uint8, elements, out []uint64) int {
	left, right := 0, len(elements)-1
	out, bins = out[:len(elements)], bins[:len(elements)]
	for i, e := range elements {
		goes := 0
		if bins[i] <= last {
			goes = 1
		}
		if bins[i] == other {
			goes = 1
		}
		out[left] = e
		out[right] = e
		left += goes
		right += goes - 1
	}
	return left
}

// divideBySet is divide for the bins of a set.
func divideBySet(bins []uint8, s *set, elements, out []uint64) int {
	left, right := 0, len(elements)-1
	out, bins = out[:len(elements)], bins[:len(elements)]
	for i, e := range elements {
		goes := int(s[bins[i]>>6] >> (bins[i] & 63) & 1)
		out[left] = e
		out[right] = e
		left += goes
		right += goes - 1
	}
	return left
}
