package gbdt

import "math/bits"

// A batch predicts many rows without branches, by the idea of QuickScorer
// (Lucchese et al., "QuickScorer: a Fast Algorithm to Rank Documents with
// Additive Ensembles of Regression Trees", 2015) carried from thresholds to
// bins: for a few trees whose leaves fit the 64 bits of a word, and for each
// feature that they use, a table maps a bin to the leaves that remain possible.
// The AND over the features leaves the leaf that a row falls into as the lowest
// bit of each tree.
type batch struct {
	groups []treeGroup
}

// treeGroup is some consecutive trees.
type treeGroup struct {
	first, count int
	shift        []uint8 // of each tree's leaves in the word
	features     []int32
	tables       []*[256]uint64 // of each feature; nil where trees are walked down
	values       [][]float64    // of each tree, in the order of the bits
	walk         bool
}

// tableBudget is the most bytes of tables. Trees beyond it are walked down.
const tableBudget = 64 << 20

func newBatch(m *Model) *batch {
	b := &batch{}
	bytes := 0
	for at := 0; at < len(m.trees); {
		g := treeGroup{first: at}
		for width := 0; at < len(m.trees); at++ {
			leaves := len(m.trees[at].value)
			if width+leaves > 64 {
				break
			}
			g.shift = append(g.shift, uint8(width))
			width += leaves
		}
		g.count = at - g.first
		if g.count == 0 {
			at++
			g.count, g.walk = 1, true
		}
		if g.walk = g.walk || bytes > tableBudget; !g.walk {
			g.build(m)
			bytes += len(g.tables) * 2048
		}
		b.groups = append(b.groups, g)
	}
	return b
}

// build makes the tables of a treeGroup.
func (g *treeGroup) build(m *Model) {
	where := make(map[int32]int)
	for i := range g.count {
		t := &m.trees[g.first+i]
		order, left := t.order()
		values := make([]float64, len(order))
		for bit, leaf := range order {
			values[bit] = t.value[leaf]
		}
		g.values = append(g.values, values)
		for id := range t.nodes {
			n := &t.nodes[id]
			at, ok := where[n.feature]
			if !ok {
				at = len(g.features)
				where[n.feature] = at
				g.features = append(g.features, n.feature)
				g.tables = append(g.tables, allOnes())
			}
			keep := ^(left[id] << g.shift[i])
			for bin := range g.tables[at] {
				if !n.set.has(uint8(bin)) {
					g.tables[at][bin] &= keep
				}
			}
		}
	}
}

func allOnes() *[256]uint64 {
	var t [256]uint64
	for i := range t {
		t[i] = ^uint64(0)
	}
	return &t
}

// order returns the leaves of a tree of at most 64 from left to right, and for
// each node the positions of the leaves on its left as bits.
func (t *tree) order() (leaves []int, left []uint64) {
	left = make([]uint64, len(t.nodes))
	if len(t.nodes) == 0 {
		return []int{0}, left
	}
	// Children come after their parents: count leaves from the last node on,
	// then place them from the first on.
	count := make([]int, len(t.nodes))
	size := func(child int32) int {
		if child < 0 {
			return 1
		}
		return count[child]
	}
	for i := len(t.nodes) - 1; i >= 0; i-- {
		count[i] = size(t.nodes[i].left) + size(t.nodes[i].right)
	}
	leaves = make([]int, len(t.value))
	start := make([]int, len(t.nodes))
	place := func(child int32, at int) {
		if child < 0 {
			leaves[at] = int(^child)
		} else {
			start[child] = at
		}
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		onLeft := size(n.left)
		left[i] = (1<<onLeft - 1) << start[i]
		place(n.left, start[i])
		place(n.right, start[i]+onLeft)
	}
	return leaves, left
}

// score adds all trees to the scores of a block.
func (b *batch) score(m *Model, rows *block) {
	for i := range b.groups {
		g := &b.groups[i]
		if g.walk {
			rows.walk(m, g.first, g.first+g.count)
			continue
		}
		masks := rows.masks[:rows.n]
		g.mask(rows, masks)
		for k, values := range g.values {
			scores := rows.class(m, g.first+k)[:len(masks)]
			shift := g.shift[k] & 63
			for r, mask := range masks {
				scores[r] += values[bits.TrailingZeros64(mask>>shift)]
			}
		}
	}
}

// mask writes the leaves that remain possible for each row.
func (g *treeGroup) mask(rows *block, masks []uint64) {
	column := func(i int) []uint8 {
		at := int(g.features[i]) * rows.size
		return rows.bins[at : at+len(masks)]
	}
	for r := range masks {
		masks[r] = ^uint64(0)
	}
	i := 0
	for ; i+4 <= len(g.features); i += 4 {
		a, b, c, d := column(i), column(i+1), column(i+2), column(i+3)
		ta, tb, tc, td := g.tables[i], g.tables[i+1], g.tables[i+2], g.tables[i+3]
		for r := range masks {
			masks[r] &= ta[a[r]] & tb[b[r]] & tc[c[r]] & td[d[r]]
		}
	}
	for ; i < len(g.features); i++ {
		a, ta := column(i), g.tables[i]
		for r := range masks {
			masks[r] &= ta[a[r]]
		}
	}
}
