package forest

import (
	"math"
	"math/bits"

	"github.com/narrativeml/narrative/ml/internal/random"
)

// buckets are the elements of a Multiclass node by bin: few rows sorted, of many
// the weights of the classes.
type buckets struct {
	classes int
	sorted  bool
	inOrder bool     // the cells are
	bins    []uint8  // of the sorted rows
	content []uint32 // their classes in the high 16 bits, their weights in the low
	end     [256]int32
	seen    set
	weights []uint32 // by bin, then by class; 0 between calls

	entries []entry
	u, v    []float64 // by class
}

// sortedRows is the number of rows for each class up to which sorting is faster.
const sortedRows = 96

func newBuckets(rows, classes int) buckets {
	n := min(rows, sortedRows*classes)
	b := buckets{classes: classes, bins: make([]uint8, n+1), content: make([]uint32, n)}
	if rows > n {
		b.weights = make([]uint32, 256*classes)
	}
	return b
}

// fill takes elements and returns the cells of the bins that have some, with the
// number of rows where they are sorted.
func (b *buckets) fill(bins []uint8, e []uint64, cells []cell) []cell {
	bins = bins[:len(e)]
	b.sorted, b.inOrder = len(e) <= len(b.content), true
	if b.sorted {
		for _, bin := range bins {
			b.seen[bin>>6] |= 1 << (bin & 63)
			b.end[bin]++
		}
	} else {
		for i, k := range e {
			bin := bins[i]
			b.seen[bin>>6] |= 1 << (bin & 63)
			b.weights[int(bin)*b.classes+int(classOf(k))] += weightOf(k)
		}
	}
	n, at := 0, int32(0)
	cells = cells[:256]
	for k, m := range b.seen {
		for ; m != 0; m &= m - 1 {
			bin := uint8(k<<6 + bits.TrailingZeros64(m))
			rows := b.end[bin]
			cells[n] = cell{bin: bin, rows: rows}
			b.end[bin] = at
			at += rows
			n++
		}
		b.seen[k] = 0
	}
	if b.sorted {
		for i, bin := range bins {
			to := b.end[bin]
			b.end[bin]++
			b.bins[to], b.content[to] = bin, uint32(e[i]>>32)
		}
	}
	return cells[:n]
}

// clear empties the buckets of some cells.
func (b *buckets) clear(cells []cell) {
	for _, c := range cells {
		b.end[c.bin] = 0
		if !b.sorted {
			clear(b.of(c.bin))
		}
	}
}

// start returns where the sorted rows of a cell begin.
func (b *buckets) start(c *cell) int32 { return b.end[c.bin] - c.rows }

// of returns the weights of the classes in a bin.
func (b *buckets) of(bin uint8) []uint32 {
	return b.weights[int(bin)*b.classes : (int(bin)+1)*b.classes]
}

// move moves a cell to the left.
func (b *buckets) move(t *tally, c *cell) {
	if b.sorted {
		for _, k := range b.content[b.start(c):b.end[c.bin]] {
			t.move(k)
		}
		return
	}
	for k, w := range b.of(c.bin) {
		if w != 0 {
			t.add(uint32(k), uint64(w))
		}
	}
}

// entry is the weight of a class in a cell.
type entry struct {
	cell, class uint16
	weight      uint32
}

// list lists the weights of classes in cells.
func (b *buckets) list(cells []cell) {
	b.entries = b.entries[:0]
	for i := range cells {
		c := &cells[i]
		if b.sorted {
			for _, k := range b.content[b.start(c):b.end[c.bin]] {
				b.entries = append(b.entries, entry{uint16(i), uint16(k >> 16), k & 0xFFFF})
			}
			continue
		}
		for k, w := range b.of(c.bin) {
			if w != 0 {
				b.entries = append(b.entries, entry{uint16(i), uint16(k), w})
			}
		}
	}
}

// orderSteps is the number of steps towards the first principal component.
const orderSteps = 10

// order sets the key of each cell's bin to where its shares of the classes lie
// along their first principal component, found by power iteration (Coppersmith et
// al., "Partitioning Nominal Attributes in Decision Trees", 1999).
func (b *buckets) order(t *tally, cells []cell, keys *[256]float64) {
	if b.u == nil {
		b.u, b.v = make([]float64, b.classes), make([]float64, b.classes)
	}
	b.inOrder = false
	b.list(cells)
	var weights, at [256]float64
	for _, k := range b.entries {
		weights[k.cell] += float64(k.weight)
	}
	for i, class := range t.seen {
		b.u[class] = random.Unit(random.At(0, i)) - 0.5
	}
	for range orderSteps {
		b.project(t, &weights, at[:len(cells)])
		length := 0.0
		for _, class := range t.seen {
			length += b.v[class] * b.v[class]
		}
		if length == 0 {
			break
		}
		for _, class := range t.seen {
			b.u[class] = b.v[class] / math.Sqrt(length)
		}
	}
	for c := range cells {
		keys[cells[c].bin] = at[c]
	}
}

// project sets where the cells lie along u, and v to what the scatter of their
// shares makes of it.
func (b *buckets) project(t *tally, weights *[256]float64, at []float64) {
	mean := 0.0
	for _, class := range t.seen {
		mean += b.u[class] * float64(t.all[class])
		b.v[class] = 0
	}
	mean /= float64(t.weight)
	clear(at)
	for _, k := range b.entries {
		at[k.cell] += float64(k.weight) * b.u[k.class]
	}
	for c := range at {
		at[c] = at[c]/weights[c] - mean
	}
	for _, k := range b.entries {
		b.v[k.class] += float64(k.weight) * at[k.cell]
	}
}
