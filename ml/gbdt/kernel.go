package gbdt

// The kernels add each element to one bin of each of some columns. A bin is a
// byte of a word of the row, and every column of the kernel has the same room, so
// that the compiler proves all indexes to be in range and one register addresses
// the histogram.

// add8x256 adds elements to 8 columns of 256 bins.
func add8x256(rows []uint64, words int, elements []uint64, h *[8 * 256]uint64) {
	for _, e := range elements {
		w := rows[int(uint32(e))*words]
		v := weight(e)
		h[uint8(w)] += v
		h[1*256+int(uint8(w>>8))] += v
		h[2*256+int(uint8(w>>16))] += v
		h[3*256+int(uint8(w>>24))] += v
		h[4*256+int(uint8(w>>32))] += v
		h[5*256+int(uint8(w>>40))] += v
		h[6*256+int(uint8(w>>48))] += v
		h[7*256+int(uint8(w>>56))] += v
	}
}

// add4x256 adds elements to 4 columns of 256 bins.
func add4x256(rows []uint64, words int, elements []uint64, h *[4 * 256]uint64) {
	for _, e := range elements {
		w := rows[int(uint32(e))*words]
		v := weight(e)
		h[uint8(w)] += v
		h[1*256+int(uint8(w>>8))] += v
		h[2*256+int(uint8(w>>16))] += v
		h[3*256+int(uint8(w>>24))] += v
	}
}

// add8x64 adds elements to 8 columns of 64 bins.
func add8x64(rows []uint64, words int, elements []uint64, h *[8 * 64]uint64) {
	for _, e := range elements {
		w := rows[int(uint32(e))*words]
		v := weight(e)
		h[w&63] += v
		h[1*64+(w>>8&63)] += v
		h[2*64+(w>>16&63)] += v
		h[3*64+(w>>24&63)] += v
		h[4*64+(w>>32&63)] += v
		h[5*64+(w>>40&63)] += v
		h[6*64+(w>>48&63)] += v
		h[7*64+(w>>56&63)] += v
	}
}

// add8x16 adds elements to 8 columns of 16 bins.
func add8x16(rows []uint64, words int, elements []uint64, h *[8 * 16]uint64) {
	for _, e := range elements {
		w := rows[int(uint32(e))*words]
		v := weight(e)
		h[w&15] += v
		h[1*16+(w>>8&15)] += v
		h[2*16+(w>>16&15)] += v
		h[3*16+(w>>24&15)] += v
		h[4*16+(w>>32&15)] += v
		h[5*16+(w>>40&15)] += v
		h[6*16+(w>>48&15)] += v
		h[7*16+(w>>56&15)] += v
	}
}

// partition moves the elements to out, those whose bin is in the set to its
// front and the others to its back in reverse, and returns how many went left.
// It has no branch but the loop.
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
