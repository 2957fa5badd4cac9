package forest

// tally is the weight of each class in a Multiclass node and on the left side of
// a split of it.
type tally struct {
	all, left []uint32 // by class
	seen      []uint16 // the classes of the node
	logs      logs     // Entropy
	weight    uint64   // of all
	squares   uint64   // sum of those of all

	leftWeight  uint64
	leftSquares uint64
	cross       uint64 // sum of all * left
}

func newTally(classes int, l logs) tally {
	return tally{logs: l, all: make([]uint32, classes), left: make([]uint32, classes)}
}

// fill takes the elements of a node.
func (t *tally) fill(e []uint64) {
	for _, k := range t.seen {
		t.all[k], t.left[k] = 0, 0
	}
	t.seen = t.seen[:0]
	for _, k := range e {
		class, w := classOf(k), weightOf(k)
		if t.all[class] == 0 {
			t.seen = append(t.seen, class)
		}
		t.all[class] += w
	}
	t.weight, t.squares = 0, 0
	for _, k := range t.seen {
		w := uint64(t.all[k])
		t.weight += w
		t.squares += w * w
	}
}

// reset empties the left side.
func (t *tally) reset() {
	for _, k := range t.seen {
		t.left[k] = 0
	}
	t.leftWeight, t.leftSquares, t.cross = 0, 0, 0
}

// move moves a weight of a class to the left, both in a content.
func (t *tally) move(content uint32) {
	class, w := content>>16, uint64(content&0xFFFF)
	t.add(class, w)
}

func (t *tally) add(class uint32, w uint64) {
	t.leftSquares += w * (2*uint64(t.left[class]) + w)
	t.cross += w * uint64(t.all[class])
	t.leftWeight += w
	t.left[class] += uint32(w)
}

// score is the weight times the impurity that the split saves.
func (t *tally) score() float64 {
	if t.logs != nil {
		return t.entropy()
	}
	x, y := float64(t.leftWeight), float64(t.weight-t.leftWeight)
	right := t.squares - 2*t.cross + t.leftSquares
	kept := (float64(t.leftSquares)*y + float64(right)*x) / (x * y)
	return max(0, kept-float64(t.squares)/float64(t.weight))
}

// top is the score of sides of one class each.
func (t *tally) top() float64 {
	if t.logs != nil {
		top := t.logs.of(int64(t.weight))
		for _, k := range t.seen {
			top -= t.logs.of(int64(t.all[k]))
		}
		return top
	}
	return float64(t.weight) - float64(t.squares)/float64(t.weight)
}

// scanClasses is scanSums for a Multiclass target.
func (g *grower) scanClasses(cells []cell, nd *node, there *cell) uint64 {
	t, b := &g.tally, &g.buckets
	t.reset()
	rows := int32(0)
	if there != nil {
		b.move(t, there)
		rows = there.rows
	}
	if b.sorted && b.inOrder && t.logs == nil {
		return g.scanSorted(cells, nd, rows)
	}
	best := uint64(0)
	for i := range len(cells) - 1 {
		b.move(t, &cells[i])
		if rows += cells[i].rows; min(rows, nd.n-rows) >= g.least {
			best = max(best, rank(t.score(), i))
		}
	}
	return best
}

// scanSorted goes through the sorted rows of cells of numbers, by Gini, without a
// branch but the loop.
func (g *grower) scanSorted(cells []cell, nd *node, rows int32) uint64 {
	t, b := &g.tally, &g.buckets
	first, end := b.start(&cells[0]), b.start(&cells[len(cells)-1])
	bins := b.bins[first : end+1]
	node, squares := float64(t.weight), float64(t.squares)
	leftSquares, cross, leftWeight := t.leftSquares, t.cross, t.leftWeight
	best, at := uint64(0), 0
	for i, k := range b.content[first:end] {
		class, w := k>>16, uint64(k&0xFFFF)
		leftSquares += w * (2*uint64(t.left[class]) + w)
		cross += w * uint64(t.all[class])
		leftWeight += w
		t.left[class] += uint32(w)
		rows++

		x := float64(leftWeight)
		y := node - x
		right := t.squares - 2*cross + leftSquares
		score := (float64(leftSquares)*y+float64(right)*x)/(x*y) - squares/node
		r := rank(max(0, score), at)
		if min(rows, nd.n-rows) < g.least {
			r = 0
		}
		next := 1
		if bins[i] == bins[i+1] { // not the last row of its cell
			r, next = 0, 0
		}
		best = max(best, r)
		at += next
	}
	return best
}
