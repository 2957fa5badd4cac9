package forest

import "math/bits"

// A tree is a list of words. Word 0 is the root; the others are pairs of
// children, the left one first. From the lowest bit on a word has
//
//	a split: the place of its pair of children 31, missing left 1, threshold 8,
//	         categorical 1, feature 23 bits
//	a leaf:  its value 32, nothing 9, 23 bits of 1
//
// At a number a row goes left if its bin + missing left <= threshold, as bytes;
// the bin of a missing value is 255. Before the pair of children of a categorical
// split are four words with the set of bins that go left.
type tree struct {
	nodes []uint64
	mixed mixture // of a classification
	plain bool    // no split is of categories
}

const (
	leafMark    = 1<<23 - 1
	maxFeatures = leafMark // so that none of them is the mark
	pairMask    = 1<<31 - 1
	missingBin  = 255
)

func leafWord(value uint32) uint64 { return uint64(value) | leafMark<<41 }

// thresholdWord returns a split of a number: bins up to the last one go left.
func thresholdWord(feature, pair uint32, last uint8, missingLeft bool) uint64 {
	w := uint64(feature)<<41 | uint64(last)<<32 | uint64(pair)
	if missingLeft {
		w += 1<<32 + 1<<31
	}
	return w
}

func categoryWord(feature, pair uint32) uint64 {
	return uint64(feature)<<41 | 1<<40 | uint64(pair)
}

func isLeaf(w uint64) bool        { return w>>41 == leafMark }
func isCategorical(w uint64) bool { return w>>40&1 == 1 }
func featureOf(w uint64) int      { return int(w >> 41) }
func pairOf(w uint64) uint32      { return uint32(w) & pairMask }
func missingLeft(w uint64) bool   { return w>>31&1 == 1 }
func valueOf(w uint64) uint32     { return uint32(w) }

// lastOf returns the last bin that goes left at a number.
func lastOf(w uint64) uint8 { return uint8(w>>32) - uint8(w>>31&1) }

// right returns 1 if a row goes right at the split of a number, else 0.
func right(w uint64, bin uint8) uint32 {
	var goes uint32
	if bin+uint8(w>>31&1) > uint8(w>>32) {
		goes = 1
	}
	return goes
}

// notIn returns 1 if a bin is not in the set of a split of categories, else 0.
func notIn(nodes []uint64, w uint64, bin uint8) uint32 {
	return 1 - uint32(nodes[pairOf(w)-4+uint32(bin>>6)]>>(bin&63))&1
}

// right returns 1 if a row goes right at a split, else 0.
func (t *tree) right(w uint64, bin uint8) uint32 {
	if isCategorical(w) {
		return notIn(t.nodes, w, bin)
	}
	return right(w, bin)
}

// visit calls fn for every node, a parent before its children and the left child
// before the right one.
func (t *tree) visit(fn func(word uint64)) {
	for stack := []uint32{0}; len(stack) > 0; {
		w := t.nodes[stack[len(stack)-1]]
		stack = stack[:len(stack)-1]
		fn(w)
		if !isLeaf(w) {
			stack = append(stack, pairOf(w)+1, pairOf(w))
		}
	}
}

// set is a set of bins.
type set [4]uint64

func (s *set) add(bin uint8)      { s[bin>>6] |= 1 << (bin & 63) }
func (s *set) has(bin uint8) bool { return s[bin>>6]>>(bin&63)&1 == 1 }
func (s *set) flip(bin uint8)     { s[bin>>6] ^= 1 << (bin & 63) }

// put adds a bin or takes it out.
func (s *set) put(bin uint8, in bool) {
	if s.has(bin) != in {
		s.flip(bin)
	}
}

// upTo returns the bins below a number.
func (s *set) upTo(n uint8) set {
	out := *s
	for i := range out {
		switch from := 64 * i; {
		case int(n) <= from:
			out[i] = 0
		case int(n) < from+64:
			out[i] &= 1<<(n&63) - 1
		}
	}
	return out
}

// item returns bin number i of the set, in their order.
func (s *set) item(i int) uint8 {
	for k, w := range s {
		if n := bits.OnesCount64(w); i >= n {
			i -= n
			continue
		}
		for ; i > 0; i-- {
			w &= w - 1
		}
		return uint8(64*k + bits.TrailingZeros64(w))
	}
	panic("forest: a set has fewer bins") // a mistake of the caller
}
