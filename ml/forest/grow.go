package forest

import (
	"container/heap"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/parallel"
	"github.com/narrativeml/narrative/ml/internal/random"
)

// task is what all trees have in common.
type task struct {
	params   Params
	y        ml.Target
	whole    bool // the weights are whole numbers
	low      float64
	span     float64 // Regression: the target is from low to low + span
	table    *binned.Table
	features []feature
	classes  int   // 0: Regression
	tries    int   // features tried at a node
	logs     logs  // Entropy
	least    int32 // rows on a side of a split, 0 where 1 will do
	team     parallel.Team
}

// feature says where the bins of a feature are.
type feature struct {
	column      int
	translate   *[256]uint8 // from a bundle; nil where the column is its own
	missing     uint8
	categorical bool
	bounds      []float64
	middles     binned.Feature // ExtraTrees: between the halves of the bounds
}

// summed reports whether sums of nodes say all about their targets.
func (t *task) summed() bool { return t.classes <= 2 }

// node is a node to be grown.
type node struct {
	start, n int32
	at       uint32 // its word in the tree
	depth    int32
	side     uint8   // which of the two buffers has its elements
	sums     uint64  // of a Multiclass target the weight alone
	unit     float64 // Regression: of the elements' targets; 0: they have none
}

// grower grows one tree after the other.
type grower struct {
	*task
	seed     uint64 // of the tree
	bag      bag
	heaviest int64 // weight of an element
	elements [2][]uint64
	columns  [][]uint8 // by what the elements number
	values   []float64 // Regression: the targets by what the elements number
	near     near

	bins, chosen []uint8  // of a node: at the feature tried, and at the best one
	sides        []uint8  // of a node: by the categories of the feature tried
	words        []uint64 // of a small node: what each row adds to sums
	order, swaps []int32
	draw         stream
	found        split
	cells        []cell
	hist         histogram
	keys         [256]float64 // of bins that are categories
	tally        tally
	buckets      buckets

	stack []node
	queue queue
	nodes []uint64
	plain bool
	mixed mixer
	gains []float64 // of each feature
	room  rows
}

func newGrower(t *task) *grower {
	rows := t.table.Rows
	g := &grower{
		task: t, bag: make(bag, rows), bins: make([]uint8, rows), chosen: make([]uint8, rows),
		words: make([]uint64, smallRows), order: make([]int32, len(t.features)), swaps: make([]int32, len(t.features)),
		cells: make([]cell, 256), mixed: newMixer(), gains: make([]float64, len(t.features)),
	}
	for side := range g.elements {
		g.elements[side] = make([]uint64, rows)
	}
	for i := range g.order {
		g.order[i] = int32(i)
	}
	if !t.summed() {
		g.tally, g.buckets = newTally(t.classes, t.logs), newBuckets(rows, t.classes)
	}
	if t.params.ExtraTrees {
		g.sides = make([]uint8, rows)
	}
	if t.params.MaxLeaves == 0 && t.pays() {
		g.near = newNear(t)
	}
	return g
}

// grow grows a tree.
func (g *grower) grow(id int) tree {
	g.seed = treeSeed(g.params.Seed, id)
	g.heaviest = 0
	g.columns, g.values = g.table.Columns, g.y.Values
	g.nodes, g.plain = append(g.nodes[:0], 0), true
	g.mixed.reset()
	clear(g.gains)
	root := g.sample()
	if g.params.MaxLeaves > 0 {
		g.bestFirst(root)
	} else {
		g.depthFirst(root)
	}
	out := tree{nodes: slices.Clone(g.nodes), mixed: g.mixed.take(), plain: g.plain}
	out.mixed.prepare(g.classes)
	return out
}

func treeSeed(seed uint64, id int) uint64 { return random.At(random.Mix(seed), id) }

// of returns the elements of a node.
func (g *grower) of(nd *node) []uint64 { return g.elements[nd.side][nd.start : nd.start+nd.n] }

// depthFirst grows the tree with the nodes of few rows after a copy of these.
func (g *grower) depthFirst(root node) {
	g.stack = append(g.stack[:0], root)
	base := -1 // the nodes above it on the stack are below one that was copied
	for len(g.stack) > 0 && !g.team.Stopped() {
		last := len(g.stack) - 1
		nd := g.stack[last]
		g.stack = g.stack[:last]
		if last < base {
			base = -1
			g.columns, g.values = g.table.Columns, g.y.Values
		}
		if base < 0 && int(nd.n) <= g.near.rows {
			base = last
			g.approach(&nd)
		}
		if !g.splits(&nd) {
			g.leaf(&nd)
			continue
		}
		left, right := g.split(&nd, &g.found)
		g.stack = g.keep(g.stack, right)
		g.stack = g.keep(g.stack, left)
	}
}

// keep appends a node to those that wait, or makes it a leaf right away.
func (g *grower) keep(list []node, nd node) []node {
	if g.done(&nd) {
		g.leaf(&nd)
		return list
	}
	return append(list, nd)
}

// near is a copy of the bins of few rows, close together; without rows there is
// none.
type near struct {
	columns [][]uint8
	values  []float64
	rows    int // the most
}

const (
	nearRows  = 4096
	nearBytes = 1 << 18
	// farBytes is from how many bytes of bins on a copy pays: fewer are near as
	// they are.
	farBytes = 4 << 20
	// nearTries is how many columns may be copied for each that is tried at a
	// node.
	nearTries = 16
)

// pays reports whether it pays to copy the rows of nodes of few.
func (t *task) pays() bool {
	columns := len(t.table.Columns)
	return columns*t.table.Rows >= farBytes && columns <= nearTries*t.tries
}

func newNear(t *task) near {
	n := near{rows: max(64, min(nearRows, nearBytes/len(t.table.Columns), t.table.Rows))}
	n.columns = make([][]uint8, len(t.table.Columns))
	for c := range n.columns {
		n.columns[c] = make([]uint8, n.rows)
	}
	if t.classes == 0 {
		n.values = make([]float64, n.rows)
	}
	return n
}

// approach copies the rows of a node and lets the elements number the copy.
func (g *grower) approach(nd *node) {
	e := g.of(nd)
	for c, column := range g.table.Columns {
		gather(column, e, g.near.columns[c])
	}
	for i, k := range e {
		if g.classes == 0 {
			g.near.values[i] = g.y.Values[rowOf(k)]
		}
		e[i] = renumber(k, i)
	}
	g.columns, g.values = g.near.columns, g.near.values
}

// done reports whether a node is a leaf for what can be told without a look at
// its rows.
func (g *grower) done(nd *node) bool {
	if int(nd.n) < max(g.params.MinSplitSamples, 2*g.params.MinChildSamples) {
		return true
	}
	t, w := unpack(nd.sums)
	return g.params.MaxDepth > 0 && int(nd.depth) == g.params.MaxDepth || g.classes == 2 && (t == 0 || t == w)
}

// splits reports whether a node has a split, and leaves the best one in found
// and its bins in chosen.
func (g *grower) splits(nd *node) bool {
	if g.done(nd) {
		return false
	}
	e := g.of(nd)
	switch {
	case g.classes == 0 && g.regauge(nd, e):
		return false
	case g.classes > 2:
		if g.tally.fill(e); len(g.tally.seen) == 1 {
			return false
		}
	}
	return g.search(nd, e)
}

// split splits a node whose bins at the feature are in chosen.
func (g *grower) split(nd *node, s *split) (left, right node) {
	e, out := g.of(nd), g.elements[1-nd.side][nd.start:nd.start+nd.n]
	f := &g.features[s.feature]
	var n int
	if s.categorical {
		n = divideBySet(g.chosen, &s.left, e, out)
	} else {
		other := s.last
		if s.missingLeft {
			other = f.missing
		}
		n = divide(g.chosen, s.last, other, e, out)
	}
	sums := g.leftSums(nd, out, n)
	pair := g.place(nd, s, sums)
	g.gains[s.feature] += g.gain(nd, s)
	left, right = *nd, *nd
	left.n, left.at, left.sums = int32(n), pair, sums
	right.n, right.at, right.sums = nd.n-int32(n), pair+1, nd.sums-sums
	right.start += int32(n)
	for _, child := range []*node{&left, &right} {
		child.depth++
		child.side = 1 - nd.side
	}
	return left, right
}

// leftSums returns the sums of the first n elements of a node that is divided.
func (g *grower) leftSums(nd *node, e []uint64, n int) uint64 {
	part := e[:n]
	if 2*n > len(e) {
		part = e[n:]
	}
	sums := uint64(0)
	if g.summed() {
		for _, k := range part {
			sums += sumsOf(k)
		}
	} else {
		for _, k := range part {
			sums += uint64(weightOf(k))
		}
	}
	if 2*n > len(e) {
		return nd.sums - sums
	}
	return sums
}

// place writes the word of a split and returns the place of its children. What
// the node has none of, missing values or categories, goes to the heavier side; a
// category goes with the missing values if it has these.
func (g *grower) place(nd *node, s *split, left uint64) (pair uint32) {
	_, x := unpack(left)
	_, w := unpack(nd.sums)
	missingLeft := s.missingLeft || !s.missing && 2*x >= w
	pair = uint32(len(g.nodes))
	if s.categorical {
		g.plain = false
		stored := s.left
		if missingLeft {
			for i, w := range s.right {
				stored[i] = ^w
			}
		}
		stored = stored.upTo(g.features[s.feature].missing)
		stored.put(missingBin, missingLeft)
		g.nodes = append(g.nodes, stored[:]...)
		pair += uint32(len(stored))
		g.nodes[nd.at] = categoryWord(uint32(s.feature), pair)
	} else {
		g.nodes[nd.at] = thresholdWord(uint32(s.feature), pair, s.last, missingLeft)
	}
	g.nodes = append(g.nodes, 0, 0)
	return pair
}

// gain is what a split saves of the impurity times the weight, in a unit that is
// the same for the whole tree.
func (g *grower) gain(nd *node, s *split) float64 {
	_, w := unpack(nd.sums)
	switch {
	case g.classes == 0:
		return s.score / float64(w) * nd.unit * nd.unit
	case g.classes == 2 && g.logs == nil:
		return s.score / float64(w)
	}
	return s.score
}

// leaf makes a node a leaf.
func (g *grower) leaf(nd *node) {
	e := g.of(nd)
	var value uint32
	switch t, w := unpack(nd.sums); g.classes {
	case 0:
		value = g.mean(e)
	case 2:
		if value = uint32(min(1, t)); t > 0 && t < w {
			value = 2 + g.mixed.item([]uint16{0, 1}, func(class uint16) uint32 {
				if class == 0 {
					return uint32(w - t)
				}
				return uint32(t)
			})
		}
	default:
		g.tally.fill(e)
		if value = uint32(g.tally.seen[0]); len(g.tally.seen) > 1 {
			slices.Sort(g.tally.seen)
			value = uint32(g.classes) + g.mixed.item(g.tally.seen, func(class uint16) uint32 { return g.tally.all[class] })
		}
	}
	g.nodes[nd.at] = leafWord(value)
}

// mean is the mean target of elements, as a share of the span in 32 bits.
func (g *grower) mean(e []uint64) uint32 {
	if g.span == 0 {
		return 0
	}
	var sum, weight float64
	for _, k := range e {
		w := float64(weightOf(k))
		sum += w * ((g.values[rowOf(k)] - g.low) / g.span)
		weight += w
	}
	return uint32(math.Round(min(sum/weight, 1) * math.MaxUint32))
}

// waiting is a node with the split to be made of it.
type waiting struct {
	node
	split
	gain float64
}

// queue is a heap of nodes, the one that gains most first, of equals the oldest.
type queue []waiting

// Len is the number of nodes.
func (q *queue) Len() int { return len(*q) }

// Swap swaps two nodes.
func (q *queue) Swap(i, j int) { (*q)[i], (*q)[j] = (*q)[j], (*q)[i] }

// Less reports whether node i goes first.
func (q *queue) Less(i, j int) bool {
	a, b := &(*q)[i], &(*q)[j]
	return a.gain > b.gain || a.gain == b.gain && a.at < b.at
}

// Push appends a node.
func (q *queue) Push(x any) { *q = append(*q, x.(waiting)) }

// Pop removes the last one.
func (q *queue) Pop() any {
	n := len(*q) - 1
	x := (*q)[n]
	*q = (*q)[:n]
	return x
}

// bestFirst grows a tree of limited leaves.
func (g *grower) bestFirst(root node) {
	g.queue = g.queue[:0]
	g.wait(root)
	for leaves := 1; leaves < g.params.MaxLeaves && len(g.queue) > 0 && !g.team.Stopped(); leaves++ {
		w := heap.Pop(&g.queue).(waiting)
		f := &g.features[w.feature]
		f.bins(g.columns, g.of(&w.node), g.chosen)
		left, right := g.split(&w.node, &w.split)
		g.wait(left)
		g.wait(right)
	}
	for i := range g.queue {
		g.leaf(&g.queue[i].node)
	}
}

// wait puts a node into the queue, or makes it a leaf if it has no split.
func (g *grower) wait(nd node) {
	if !g.splits(&nd) {
		g.leaf(&nd)
		return
	}
	heap.Push(&g.queue, waiting{node: nd, split: g.found, gain: g.gain(&nd, &g.found)})
}

// bins writes the bin of each element to out.
func (f *feature) bins(columns [][]uint8, e []uint64, out []uint8) {
	gather(columns[f.column], e, out)
	if f.translate != nil {
		translate(f.translate, out[:len(e)])
	}
}
