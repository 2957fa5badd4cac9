package gbdt

import "github.com/narrativeml/narrative/ml/internal/binned"

// set is a set of bins.
type set [4]uint64

func (s *set) add(bin int)        { s[bin>>6] |= 1 << (bin & 63) }
func (s *set) has(bin uint8) bool { return s[bin>>6]>>(bin&63)&1 == 1 }
func (s *set) union(t *set) {
	for i, w := range t {
		s[i] |= w
	}
}

func (s *set) addBelow(n int) {
	for bin := range n {
		s.add(bin)
	}
}

// node is a split: rows whose bin is in the set go left. A child below 0 is
// the leaf ^child.
type node struct {
	feature     int32
	left, right int32
	bin         uint8 // numeric: the last bin that goes left; missing()-1 means every value does
	missingLeft bool
	set         set // follows from bin and missingLeft when the feature is numeric
}

// tree is a tree with its nodes in the order of growth: a child comes after its
// parent. Nodes are one less than leaves.
type tree struct {
	nodes []node
	gains []float64 // of each node
	value []float64 // of each leaf
}

// leaf returns the leaf of a row of bins, of which each feature has its column.
func (t *tree) leaf(row []uint64) int {
	if len(t.nodes) == 0 {
		return 0
	}
	at := int32(0)
	for at >= 0 {
		n := &t.nodes[at]
		if n.set.has(binned.At(row, int(n.feature))) {
			at = n.left
		} else {
			at = n.right
		}
	}
	return int(^at)
}

// thresholdSet returns the set of a numeric split.
func thresholdSet(bin, missing int, missingLeft bool) set {
	var s set
	s.addBelow(bin + 1)
	if missingLeft {
		s.add(missing)
	}
	return s
}
