package forest

import (
	"math"
	"sync/atomic"

	"github.com/narrativeml/narrative/ml"
)

// OutOfBag is what the trees that did not draw a row predict for it.
type OutOfBag struct {
	// Outputs are those of each row of the training table, row by row, as of
	// Predict; NaN where all trees drew the row.
	Outputs []float64
	// Trees is for each row how many trees did not draw it.
	Trees []int
}

// outside sums what trees predict for the rows that they did not draw. Whole
// numbers are summed, in any order.
type outside struct {
	*task
	width int
	sums  []atomic.Uint64 // by row, then by output but for the first of Binary
	trees []atomic.Int32  // of each row
}

// chanceUnits is a probability of 1 in the sums.
const chanceUnits = 1 << 40

func newOutside(t *task) *outside {
	o := &outside{task: t, width: 1}
	if t.classes > 2 {
		o.width = t.classes
	}
	o.sums = make([]atomic.Uint64, o.width*t.table.Rows)
	o.trees = make([]atomic.Int32, t.table.Rows)
	return o
}

// rows is room for some rows as the trees see them.
type rows struct {
	numbers []int32
	bins    []uint8 // by row, then by feature
	leaves  []uint32
}

// add adds a tree that the rows of the bag were drawn for.
func (o *outside) add(t *tree, b bag, room *rows) {
	size := blockSize(len(o.features))
	for start := 0; start < len(b) && !o.team.Stopped(); {
		room.numbers = room.numbers[:0]
		for ; start < len(b) && len(room.numbers) < size; start++ {
			if b[start] == 0 {
				room.numbers = append(room.numbers, int32(start))
			}
		}
		o.load(room)
		room.leaves = resize(room.leaves, len(room.numbers))
		t.leaves(room.bins, len(o.features), room.leaves)
		for i, leaf := range room.leaves {
			o.count(int(room.numbers[i]), leaf, t)
		}
	}
}

// count adds the leaf that a row came to.
func (o *outside) count(row int, leaf uint32, t *tree) {
	o.trees[row].Add(1)
	switch {
	case o.classes == 0:
		o.sums[row].Add(uint64(leaf))
	case o.classes == 2:
		o.sums[row].Add(uint64(t.mixed.yesShares[leaf] * chanceUnits))
	case int(leaf) < o.classes:
		o.sums[row*o.width+int(leaf)].Add(chanceUnits)
	default:
		at := leaf - uint32(o.classes)
		for i := t.mixed.starts[at]; i < t.mixed.starts[at+1]; i++ {
			o.sums[row*o.width+int(t.mixed.classes[i])].Add(uint64(t.mixed.shares[i] * chanceUnits))
		}
	}
}

// load fetches the bins of the numbered rows.
func (o *outside) load(room *rows) {
	n, stride := len(room.numbers), len(o.features)
	room.bins = resize(room.bins, n*stride)
	for f := range o.features {
		at := &o.features[f]
		column := o.table.Columns[at.column]
		for i, row := range room.numbers {
			bin := column[row]
			if at.translate != nil {
				bin = at.translate[bin]
			}
			if bin == at.missing {
				bin = missingBin
			}
			room.bins[i*stride+f] = bin
		}
	}
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// result returns the means of the sums.
func (o *outside) result() *OutOfBag {
	outputs := o.y.Outputs()
	out := &OutOfBag{Outputs: make([]float64, o.table.Rows*outputs), Trees: make([]int, o.table.Rows)}
	for i := range out.Trees {
		n := int(o.trees[i].Load())
		out.Trees[i] = n
		row := out.Outputs[i*outputs : (i+1)*outputs]
		switch {
		case n == 0:
			for k := range row {
				row[k] = math.NaN()
			}
		case o.classes == 0:
			row[0] = o.low + o.span*(float64(o.sums[i].Load())/float64(n)/math.MaxUint32)
		case o.classes == 2:
			row[1] = float64(o.sums[i].Load()) / float64(n) / chanceUnits
			row[0] = 1 - row[1]
		default:
			sum := 0.0
			for k := range row {
				row[k] = float64(o.sums[i*o.width+k].Load())
				sum += row[k]
			}
			for k := range row {
				row[k] /= sum
			}
		}
	}
	return out
}

// score is the accuracy or the R² of the rows that some tree did not draw. It
// reports false where there is nothing to tell: fewer than two such rows.
func (b *OutOfBag) score(y ml.Target) (float64, bool) {
	outputs := y.Outputs()
	var n, right, mean, within, about float64
	for i, trees := range b.Trees {
		if trees == 0 {
			continue
		}
		n++
		mean += (y.Values[i] - mean) / n
		if row := b.Outputs[i*outputs : (i+1)*outputs]; outputs > 1 && largest(row) == int(y.Values[i]) {
			right++
		}
	}
	if n < 2 {
		return 0, false
	}
	if outputs > 1 {
		return right / n, true
	}
	for i, trees := range b.Trees {
		if trees > 0 {
			d, e := y.Values[i]-b.Outputs[i], y.Values[i]-mean
			within += d * d
			about += e * e
		}
	}
	switch {
	case about > 0:
		return 1 - within/about, true
	case within > 0:
		return 0, true
	}
	return 1, true
}

// largest returns where the largest number is, of equals the first.
func largest(list []float64) int {
	at := 0
	for i, v := range list {
		if v > list[at] {
			at = i
		}
	}
	return at
}
