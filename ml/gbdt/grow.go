package gbdt

import (
	"container/heap"
	"math"

	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/parallel"
	"github.com/narrativeml/narrative/ml/internal/random"
)

const (
	// serialRows is the number of rows below which a leaf is not worth a
	// goroutine.
	serialRows = 4096
	// serialBins is the same for the bins of a histogram.
	serialBins = 1 << 14
	// histogramBudget is the most bytes of histograms kept for leaves. A leaf
	// over it keeps none, and both its children are summed from their rows.
	histogramBudget = 512 << 20
)

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
	params    Params
	features  []binned.Feature
	direction []int // of each feature: how the score may go with it
	table     *binned.Table
	layout    layout
	budget    int // bytes of histograms
	team      parallel.Team
	segments  []part
	elements  [2][]uint64
	private   []private // of each worker
	free      [][]uint64
	kept      int // histograms handed out or free
	active    []bool
	members   [][]int        // of each column its features
	found     [2][]candidate // of each feature, for two leaves
	summed    [][]uint64     // private histograms that are in use
	scan      scan
	leaves    []leaf
	parts     []part // of leaves, not handed out yet
	room      []part
	queue     queue
}

func newGrower(p Params, features []binned.Feature, b *binned.Table, t parallel.Team) *grower {
	g := &grower{params: p, features: features, table: b, layout: newLayout(b), team: t, budget: histogramBudget}
	for side := range g.elements {
		g.elements[side] = make([]uint64, b.Rows)
	}
	g.segments = segments(b.Rows)
	g.private = make([]private, t.Size())
	g.active = make([]bool, len(features))
	for i := range g.found {
		g.found[i] = make([]candidate, len(features))
	}
	g.direction = make([]int, len(features))
	g.members = make([][]int, len(b.Bins))
	for f := range features {
		g.direction[f] = p.Monotone[features[f].Name]
		g.members[b.Places[f].Column] = append(g.members[b.Places[f].Column], f)
	}
	g.room = make([]part, 2*min(p.MaxLeaves, b.Rows+1)*len(g.segments))
	return g
}

// segments cuts the rows into the stretches that are worked on in parallel. They
// depend on the number of rows alone.
func segments(rows int) []part {
	size := 1 << 12
	for size < 1<<16 && size < rows/16 {
		size *= 2
	}
	var out []part
	for start := 0; start < rows; start += size {
		out = append(out, part{int32(start), int32(min(size, rows-start))})
	}
	return out
}

// choose draws the features of a tree.
func (g *grower) choose(seed uint64) {
	for i := range g.layout.groups {
		g.layout.groups[i].active = false
	}
	n := len(g.features)
	need := int(math.Ceil(g.params.FeatureFraction * float64(n)))
	for f := range g.active {
		g.active[f] = random.Unit(random.At(seed, f))*float64(n-f) < float64(need)
		if g.active[f] {
			need--
			g.layout.groups[g.table.Places[f].Column/8].active = true
		}
	}
}

// newParts returns room for the parts of a leaf.
func (g *grower) newParts() []part {
	n := len(g.segments)
	out := g.parts[:n:n]
	g.parts = g.parts[n:]
	return out
}

// clear forgets the tree before.
func (g *grower) clear() {
	for i := range g.leaves {
		g.release(&g.leaves[i])
	}
	g.leaves = g.leaves[:0]
	g.parts = g.room
}

// grow grows a tree from its root, whose elements on side 0 are summed in the
// private histograms. It leaves the tree's leaves, with their rows, in g.leaves.
func (g *grower) grow(parts []part, root stats, s scan) *tree {
	g.clear()
	g.scan = s
	root.low, root.high = math.Inf(-1), math.Inf(1)
	g.leaves = append(g.leaves, leaf{stats: root, parts: parts, parent: -1})
	t := &tree{}
	first := &g.leaves[0]
	if g.splittable(first) {
		first.histogram = g.take()
		g.find(first, nil, true)
	} else {
		g.forget()
	}
	g.queue = g.queue[:0]
	g.wait(0)
	for len(g.leaves) < g.params.MaxLeaves && len(g.queue) > 0 && !g.team.Stopped() {
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
	if c := &parent.best; !g.features[c.feature].Categorical {
		c.set = thresholdSet(int(c.bin), g.features[c.feature].Missing(), c.missingLeft)
	}
	id := int32(len(t.nodes))
	g.addNode(t, &parent, at)
	left := leaf{side: 1 - parent.side, depth: parent.depth + 1, parent: id, isLeft: true}
	right := left
	right.isLeft = false
	g.bound(&parent, &left, &right)
	g.leaves[at] = left
	g.leaves = append(g.leaves, right)
	l, r := &g.leaves[at], &g.leaves[len(g.leaves)-1]
	small, large := l, r
	if small.h > large.h {
		small, large = large, small
	}
	l.parts, r.parts = g.newParts(), g.newParts()
	last := len(g.leaves) == g.params.MaxLeaves || g.params.MaxDepth > 0 && l.depth == g.params.MaxDepth
	g.partition(&parent, l, r, small, !last && parent.histogram != nil)
	if last {
		g.release(&parent)
		return
	}
	g.children(&parent, small, large)
	g.wait(at)
	g.wait(len(g.leaves) - 1)
}

// addNode makes the node of a leaf's best split.
func (g *grower) addNode(t *tree, parent *leaf, at int) {
	c, id := &parent.best, int32(len(t.nodes))
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
}

// bound divides the sums of a leaf and the limits of its value between its
// children: values on the two sides of a monotone split stay on their sides of
// the middle between them.
func (g *grower) bound(parent, left, right *leaf) {
	c := &parent.best
	left.g, left.h, left.low, left.high = c.gLeft, c.hLeft, parent.low, parent.high
	right.g, right.h, right.low, right.high = parent.g-c.gLeft, parent.h-c.hLeft, parent.low, parent.high
	direction := g.direction[c.feature]
	if direction == 0 {
		return
	}
	v := g.scan.value(float64(left.g), float64(left.h), g.scan.l2, &parent.stats)
	w := g.scan.value(float64(right.g), float64(right.h), g.scan.l2, &parent.stats)
	middle := v + (w-v)/2
	if direction > 0 {
		left.high, right.low = middle, middle
	} else {
		left.low, right.high = middle, middle
	}
}

// restrain moves values of leaves that were found without regard to monotone
// features to their sides of the middle between the means of the two sides.
func (g *grower) restrain(t *tree, values []float64) {
	type sum struct{ rows, values float64 }
	sums := make([]sum, len(t.nodes))
	of := func(child int32) sum {
		if child >= 0 {
			return sums[child]
		}
		rows := float64(g.leaves[^child].rows)
		return sum{rows, rows * values[^child]}
	}
	for i := len(t.nodes) - 1; i >= 0; i-- {
		l, r := of(t.nodes[i].left), of(t.nodes[i].right)
		sums[i] = sum{l.rows + r.rows, l.values + r.values}
	}
	type limits struct{ low, high float64 }
	inside := make([]limits, len(t.nodes))
	put := func(child int32, to limits) {
		if child >= 0 {
			inside[child] = to
		} else {
			values[^child] = min(max(values[^child], to.low), to.high)
		}
	}
	if len(t.nodes) > 0 {
		inside[0] = limits{math.Inf(-1), math.Inf(1)}
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		left, right := inside[i], inside[i]
		if direction := g.direction[n.feature]; direction != 0 {
			l, r := of(n.left), of(n.right)
			middle := min(max((l.values/l.rows+r.values/r.rows)/2, left.low), left.high)
			if direction > 0 {
				left.high, right.low = middle, middle
			} else {
				left.low, right.high = middle, middle
			}
		}
		put(n.left, left)
		put(n.right, right)
	}
}

// wait puts a leaf into the queue if it has a split.
func (g *grower) wait(at int) {
	if gain := g.leaves[at].best.gain; gain > 0 {
		heap.Push(&g.queue, waiting{at, gain})
	}
}

// partition divides the rows of a leaf between two and, if asked to, sums the
// smaller of these in the private histograms.
func (g *grower) partition(from, left, right, small *leaf, sum bool) {
	lut := g.lut(&from.best)
	column := g.table.Columns[g.table.Places[from.best.feature].Column]
	in, out := g.elements[from.side], g.elements[1-from.side]
	g.over(from.rows).Each(len(from.parts), func(worker, i int) {
		p := from.parts[i]
		n := int32(partition(column, lut, in[p.start:p.start+p.n], out[p.start:p.start+p.n]))
		left.parts[i] = part{p.start, n}
		right.parts[i] = part{p.start + n, p.n - n}
		if q := small.parts[i]; sum && q.n > 0 {
			g.add(worker, out[q.start:q.start+q.n])
		}
	})
	for i := range left.parts {
		left.rows += int(left.parts[i].n)
		right.rows += int(right.parts[i].n)
	}
}

// lut returns which bins of a column go left.
func (g *grower) lut(c *candidate) *[256]uint8 {
	var lut [256]uint8
	place := g.table.Places[c.feature]
	if place.Bundled && c.set.has(uint8(place.Common)) {
		for b := range lut {
			lut[b] = 1
		}
	}
	for b := range g.features[c.feature].Missing() + 1 {
		goes := uint8(0)
		if c.set.has(uint8(b)) {
			goes = 1
		}
		lut[place.In(b)] = goes
	}
	return &lut
}

// over returns the team for a number of rows: one worker when they are few.
func (g *grower) over(rows int) parallel.Team {
	if rows < serialRows {
		return g.team.AtMost(1)
	}
	return g.team
}

// children finds the best splits of two leaves. The smaller is summed already if
// their parent has a histogram, which becomes the one of the larger.
func (g *grower) children(parent, small, large *leaf) {
	needSmall, needLarge := g.splittable(small), g.splittable(large)
	if parent.histogram == nil {
		for _, l := range []*leaf{small, large} {
			if g.splittable(l) {
				l.histogram = g.take()
				g.sum(l)
				g.find(l, nil, true)
				g.trim(l)
			}
		}
		return
	}
	switch {
	case needLarge:
		large.histogram, parent.histogram = parent.histogram, nil
		small.histogram = g.take()
		g.find(small, large, needSmall)
	case needSmall:
		small.histogram, parent.histogram = parent.histogram, nil
		g.find(small, nil, true)
	default:
		g.forget()
		g.release(parent)
	}
	g.trim(small)
	g.trim(large)
}

// replay leaves the leaves of a grown tree, with all rows of the table, in
// g.leaves.
func (g *grower) replay(t *tree) {
	g.clear()
	g.leaves = append(g.leaves, leaf{parts: g.newParts()})
	luts := make([]*[256]uint8, len(t.nodes))
	at := make([]int, len(t.nodes)) // the leaf that a node splits
	for i := range t.nodes {
		n := &t.nodes[i]
		luts[i] = g.lut(&candidate{feature: n.feature, set: n.set})
		side := 1 - g.leaves[at[i]].side
		g.leaves[at[i]].side = side
		g.leaves = append(g.leaves, leaf{side: side, parts: g.newParts()})
		if n.left >= 0 {
			at[n.left] = at[i]
		}
		if n.right >= 0 {
			at[n.right] = len(g.leaves) - 1
		}
	}
	g.team.Each(len(g.segments), func(_, s int) {
		p := g.segments[s]
		for row := p.start; row < p.start+p.n; row++ {
			g.elements[0][row] = element(0, 0, int(row))
		}
		sides := make([]int, len(g.leaves))
		g.leaves[0].parts[s] = p
		for i := range t.nodes {
			l, r := at[i], i+1
			p := g.leaves[l].parts[s]
			in, out := g.elements[sides[l]][p.start:p.start+p.n], g.elements[1-sides[l]][p.start:p.start+p.n]
			column := g.table.Columns[g.table.Places[t.nodes[i].feature].Column]
			n := int32(partition(column, luts[i], in, out))
			g.leaves[l].parts[s] = part{p.start, n}
			g.leaves[r].parts[s] = part{p.start + n, p.n - n}
			sides[l] = 1 - sides[l]
			sides[r] = sides[l]
		}
	})
}
