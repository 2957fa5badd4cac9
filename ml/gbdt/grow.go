package gbdt

import (
	"container/heap"
	"math"
)

// serialRows is the number of rows below which a leaf is not worth a goroutine.
const serialRows = 4096

// histogramBudget is the most bytes of histograms kept for leaves. A leaf over
// it keeps none, and both its children are summed from their rows.
const histogramBudget = 512 << 20

// part is the rows of a leaf within a segment.
type part struct {
	start, n int32
}

// leaf is a leaf of a growing tree.
type leaf struct {
	stats
	side      int // which of the two buffers has the elements
	parts     []part
	depth     int
	histogram []uint64 // nil when none is kept
	best      candidate
	parent    int32 // node, or -1
	isLeft    bool
}

// grower grows trees from the elements of a table.
type grower struct {
	params   Params
	features []feature
	table    *table
	layout   layout
	budget   int // bytes of histograms
	team     team
	elements [2][]uint64
	private  [][]uint64 // one histogram for each worker
	free     [][]uint64
	kept     int // histograms handed out or free
	touched  []uint64
	active   []bool  // the features that the tree may use
	groups   []int32 // of eight features, those with an active one
	found    []candidate
	scan     scan
	leaves   []leaf
	queue    queue
}

func newGrower(p Params, features []feature, b *table, t team) *grower {
	g := &grower{params: p, features: features, table: b, layout: newLayout(features), team: t}
	for side := range g.elements {
		g.elements[side] = make([]uint64, b.rows)
	}
	g.touched = make([]uint64, t.size)
	g.active = make([]bool, len(features))
	g.found = make([]candidate, len(features))
	return g
}

// choose draws the features of a tree.
func (g *grower) choose(seed uint64) {
	n := len(g.features)
	need := int(math.Ceil(g.params.FeatureFraction * float64(n)))
	g.groups = g.groups[:0]
	for f := range g.active {
		x := mix(seed + uint64(f)*golden)
		g.active[f] = unit(x)*float64(n-f) < float64(need)
		if g.active[f] {
			need--
			if n := len(g.groups); n == 0 || g.groups[n-1] != int32(f/8) {
				g.groups = append(g.groups, int32(f/8))
			}
		}
	}
}

// grow grows a tree from the parts of the elements on side 0. It leaves the
// tree's leaves, with their rows, in g.leaves.
func (g *grower) grow(parts []part, root stats, s scan) *tree {
	g.scan = s
	for i := range g.leaves {
		g.release(&g.leaves[i])
	}
	g.leaves = append(g.leaves[:0], leaf{stats: root, parts: parts, parent: -1})
	t := &tree{}
	if first := &g.leaves[0]; g.splittable(first) {
		first.histogram = g.take()
		g.sum(first, first.histogram)
		g.find(first)
	}
	g.queue = g.queue[:0]
	g.wait(0)
	for len(g.leaves) < g.params.MaxLeaves && !g.team.stop.Load() {
		if g.queue.Len() == 0 {
			break
		}
		g.split(t, heap.Pop(&g.queue).(waiting).leaf)
	}
	return t
}

// waiting is a leaf with a split to be made.
type waiting struct {
	leaf int
	gain float64
}

// queue is a heap of leaves, the one that gains most first, of equals the oldest.
type queue []waiting

// Len is the number of leaves.
func (q *queue) Len() int { return len(*q) }

// Swap swaps two leaves.
func (q *queue) Swap(i, j int) { (*q)[i], (*q)[j] = (*q)[j], (*q)[i] }

// Less reports whether leaf i goes first.
func (q *queue) Less(i, j int) bool {
	a, b := (*q)[i], (*q)[j]
	return a.gain > b.gain || a.gain == b.gain && a.leaf < b.leaf
}

// Push appends a waiting leaf.
func (q *queue) Push(x any) { *q = append(*q, x.(waiting)) }

// Pop removes the last one.
func (q *queue) Pop() any {
	n := len(*q) - 1
	x := (*q)[n]
	*q = (*q)[:n]
	return x
}

func (g *grower) splittable(l *leaf) bool {
	return l.rows >= 2*g.params.MinChildSamples && (g.params.MaxDepth == 0 || l.depth < g.params.MaxDepth)
}

// split splits a leaf by its best candidate. The left child takes its place,
// the right one is appended.
func (g *grower) split(t *tree, at int) {
	parent := g.leaves[at]
	c := parent.best
	id := int32(len(t.nodes))
	t.nodes = append(t.nodes, node{
		feature: c.feature, left: ^int32(at), right: ^int32(len(g.leaves)),
		bin: c.bin, missingLeft: c.missingLeft, set: c.set,
	})
	t.gains = append(t.gains, c.gain)
	if parent.parent >= 0 {
		if up := &t.nodes[parent.parent]; parent.isLeft {
			up.left = id
		} else {
			up.right = id
		}
	}
	left := leaf{side: 1 - parent.side, depth: parent.depth + 1, parent: id, isLeft: true}
	right := left
	right.isLeft = false
	g.partition(&parent, &left, &right)
	left.g, left.h = c.gLeft, c.hLeft
	right.g, right.h = parent.g-c.gLeft, parent.h-c.hLeft
	g.leaves[at] = left
	g.leaves = append(g.leaves, right)
	if len(g.leaves) == g.params.MaxLeaves {
		g.release(&parent)
		return
	}
	g.children(&parent, &g.leaves[at], &g.leaves[len(g.leaves)-1])
	g.wait(at)
	g.wait(len(g.leaves) - 1)
}

// wait puts a leaf into the queue if it has a split.
func (g *grower) wait(at int) {
	if gain := g.leaves[at].best.gain; gain > 0 {
		heap.Push(&g.queue, waiting{at, gain})
	}
}

// partition divides the rows of a leaf between two.
func (g *grower) partition(from, left, right *leaf) {
	var lut [256]uint8
	for b := range lut {
		if from.best.set.has(uint8(b)) {
			lut[b] = 1
		}
	}
	column := g.table.columns[from.best.feature]
	in, out := g.elements[from.side], g.elements[1-from.side]
	left.parts = make([]part, len(from.parts))
	right.parts = make([]part, len(from.parts))
	g.over(from.rows).each(len(from.parts), func(_, i int) {
		p := from.parts[i]
		n := int32(partition(column, &lut, in[p.start:p.start+p.n], out[p.start:p.start+p.n]))
		left.parts[i] = part{p.start, n}
		right.parts[i] = part{p.start + n, p.n - n}
	})
	for i := range left.parts {
		left.rows += int(left.parts[i].n)
		right.rows += int(right.parts[i].n)
	}
}

// over returns the team for a number of rows: one worker when they are few.
func (g *grower) over(rows int) team {
	if rows < serialRows {
		return team{1, g.team.stop}
	}
	return g.team
}

// children finds the best splits of two leaves from the histogram of their
// parent, which becomes the one of the larger.
func (g *grower) children(parent, left, right *leaf) {
	small, large := left, right
	if small.rows > large.rows {
		small, large = large, small
	}
	needSmall, needLarge := g.splittable(small), g.splittable(large)
	if !needSmall && !needLarge {
		g.release(parent)
		return
	}
	switch {
	case parent.histogram == nil:
		for _, l := range []*leaf{left, right} {
			if g.splittable(l) {
				l.histogram = g.take()
				g.sum(l, l.histogram)
				g.find(l)
			}
		}
		return
	case !needLarge:
		small.histogram, parent.histogram = parent.histogram, nil
		g.sum(small, small.histogram)
	default:
		large.histogram, parent.histogram = parent.histogram, nil
		small.histogram = g.take()
		g.sum(small, small.histogram)
		for i, v := range small.histogram {
			large.histogram[i] -= v
		}
	}
	if needSmall {
		g.find(small)
	}
	if needLarge {
		g.find(large)
	}
	g.trim(small)
	g.trim(large)
}

// take returns a histogram with unknown contents.
func (g *grower) take() []uint64 {
	if n := len(g.free); n > 0 {
		h := g.free[n-1]
		g.free = g.free[:n-1]
		return h
	}
	g.kept++
	return make([]uint64, g.layout.size)
}

// release gives the histogram of a leaf back.
func (g *grower) release(l *leaf) {
	if l.histogram != nil {
		g.free = append(g.free, l.histogram)
		l.histogram = nil
	}
}

// trim gives the histogram of a leaf back if it will not be used or there is no
// room to keep it.
func (g *grower) trim(l *leaf) {
	if l.best.gain == 0 || (g.kept-len(g.free))*g.layout.size*8 > g.budget {
		g.release(l)
	}
}

// sum makes the histogram of the rows of a leaf.
func (g *grower) sum(l *leaf, into []uint64) {
	clear(into)
	elements := g.elements[l.side]
	t := g.over(l.rows)
	if t.size == 1 || len(l.parts) == 1 {
		for _, p := range l.parts {
			g.touched[0] ^= accumulate(g.table, &g.layout, g.groups, elements[p.start:p.start+p.n], into, t.stop)
		}
		return
	}
	if g.private == nil {
		g.private = make([][]uint64, g.team.size)
	}
	used := make([]bool, g.team.size)
	t.each(len(l.parts), func(worker, i int) {
		if !used[worker] {
			used[worker] = true
			if g.private[worker] == nil {
				g.private[worker] = make([]uint64, len(into))
			}
			clear(g.private[worker])
		}
		p := l.parts[i]
		g.touched[worker] ^= accumulate(g.table, &g.layout, g.groups, elements[p.start:p.start+p.n], g.private[worker], t.stop)
	})
	for worker, h := range g.private {
		if used[worker] {
			for i, v := range h {
				into[i] += v
			}
		}
	}
}

// find sets the best split of a leaf: of equals the one of the first feature.
func (g *grower) find(l *leaf) {
	t := g.team
	if len(g.features) < 8 {
		t.size = 1
	}
	t.each(len(g.features), func(_, f int) {
		g.found[f] = candidate{}
		if !g.active[f] {
			return
		}
		bins := g.layout.of(l.histogram, f, g.features[f].missing())
		if g.features[f].categorical {
			g.found[f] = g.scan.categorical(bins, l.stats)
		} else {
			g.found[f] = g.scan.numeric(bins, l.stats)
		}
		g.found[f].feature = int32(f)
	})
	for _, c := range g.found {
		if c.gain > l.best.gain {
			l.best = c
		}
	}
}
