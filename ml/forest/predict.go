package forest

import (
	"fmt"
	"math"
	"runtime"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

// Predict writes the outputs of every row of x to out, row by row: the mean over
// the trees of the shares of the classes, or of the mean target, in the leaf that
// the row comes to. Columns are found by name; others are ignored. Categories are
// found by their text; one that training did not tell apart counts as missing,
// and an infinite value is a number like others. It returns an *ml.InputError when
// x lacks a column, or has numbers for strings or the reverse.
//
// Long tables are predicted on all processors; the results are the same.
func (m *Model) Predict(x *frame.Frame, out []float64) error {
	if len(out) != x.Rows()*m.outputs {
		return fmt.Errorf("forest: predict %d rows: %d outputs, want %d", x.Rows(), len(out), x.Rows()*m.outputs)
	}
	sources := make([]*binned.Source, len(m.features))
	for i := range m.features {
		s, err := binned.NewSource(&m.features[i], x)
		if err != nil {
			return err
		}
		if m.splits[i] > 0 {
			sources[i] = s
		}
	}
	workers := runtime.GOMAXPROCS(0)
	size := min(blockSize(len(m.features)), max(leastRows, x.Rows()/(2*workers)+1))
	blocks := (x.Rows() + size - 1) / size
	team := parallel.Of(min(workers, blocks))
	rooms := make([]*block, team.Size())
	team.Each(blocks, func(worker, i int) {
		if rooms[worker] == nil {
			rooms[worker] = newBlock(m, min(size, x.Rows()))
		}
		b := rooms[worker]
		start := i * size
		b.n = min(size, x.Rows()-start)
		b.load(m, sources, start)
		b.add(m)
		m.finish(b, out[start*m.outputs:(start+b.n)*m.outputs])
	})
	return nil
}

// leastRows is the fewest rows that are worth a goroutine.
const leastRows = 512

// blockSize is the number of rows that go down a tree one after the other. So
// many stay in a cache, and the nodes of the tree are fetched once for all.
func blockSize(features int) int { return min(max(1<<19/features, 64), 1<<14) }

// block is the rows predicted at a time.
type block struct {
	n      int
	bins   []uint8 // by row, then by feature
	column []uint8
	buffer []float64
	leaves []uint32
	sums   []float64 // Binary: of each row; Multiclass: by row, then by class
	values []uint64  // Regression: of each row
}

func newBlock(m *Model, size int) *block {
	b := &block{
		bins: make([]uint8, size*len(m.features)), column: make([]uint8, size),
		buffer: make([]float64, size), leaves: make([]uint32, size),
	}
	switch m.task {
	case ml.Binary:
		b.sums = make([]float64, size)
	case ml.Multiclass:
		b.sums = make([]float64, size*m.outputs)
	default:
		b.values = make([]uint64, size)
	}
	return b
}

// load bins the rows from start on.
func (b *block) load(m *Model, sources []*binned.Source, start int) {
	stride := len(sources)
	for f, s := range sources {
		if s == nil {
			continue
		}
		s.Bins(start, b.column[:b.n], b.buffer)
		missing := uint8(m.features[f].Missing())
		at := f
		for _, bin := range b.column[:b.n] {
			if bin == missing {
				bin = missingBin
			}
			b.bins[at] = bin
			at += stride
		}
	}
	clear(b.sums)
	clear(b.values)
}

// add adds the leaves of all trees.
func (b *block) add(m *Model) {
	leaves := b.leaves[:b.n]
	for i := range m.trees {
		t := &m.trees[i]
		t.leaves(b.bins, len(m.features), leaves)
		switch m.task {
		case ml.Binary:
			yes := t.mixed.yesShares
			for r, leaf := range leaves {
				b.sums[r] += yes[leaf]
			}
		case ml.Multiclass:
			for r, leaf := range leaves {
				t.addShares(leaf, b.sums[r*m.outputs:(r+1)*m.outputs])
			}
		default:
			for r, leaf := range leaves {
				b.values[r] += uint64(leaf)
			}
		}
	}
}

// addShares adds the shares of the classes in a leaf.
func (t *tree) addShares(leaf uint32, sums []float64) {
	if int(leaf) < len(sums) {
		sums[leaf]++
		return
	}
	at := leaf - uint32(len(sums))
	for i := t.mixed.starts[at]; i < t.mixed.starts[at+1]; i++ {
		sums[t.mixed.classes[i]] += t.mixed.shares[i]
	}
}

// finish turns sums into outputs.
func (m *Model) finish(b *block, out []float64) {
	switch m.task {
	case ml.Binary:
		for r, s := range b.sums[:b.n] {
			p := s / float64(len(m.trees))
			out[2*r], out[2*r+1] = 1-p, p
		}
	case ml.Multiclass:
		for i, s := range b.sums[:b.n*m.outputs] {
			out[i] = s / float64(len(m.trees))
		}
	default:
		for r, v := range b.values[:b.n] {
			out[r] = m.low + m.span*(float64(v)/float64(len(m.trees))/math.MaxUint32)
		}
	}
}

// lanes is how many walks go on at a time, so that the steps of one fill the
// waiting time of another.
const lanes = 8

// leaves writes the value of the leaf that each row comes to. The bins are by row,
// then by feature.
func (t *tree) leaves(bins []uint8, stride int, out []uint32) {
	for len(out) >= lanes {
		if t.plain {
			t.four(bins, stride, out)
			t.four(bins[4*stride:], stride, out[4:])
		} else {
			t.eight(bins, stride, out)
		}
		out, bins = out[lanes:], bins[lanes*stride:]
	}
	for i := range out {
		out[i] = t.leaf(bins[i*stride : (i+1)*stride])
	}
}

// four goes with four rows to their leaves where no split is of categories.
func (t *tree) four(bins []uint8, stride int, out []uint32) {
	a, b, c, d := uint32(0), uint32(0), uint32(0), uint32(0)
	rowA, rowB, rowC, rowD := bins[:stride], bins[stride:2*stride], bins[2*stride:3*stride], bins[3*stride:4*stride]
	for {
		na, nb, nc, nd := t.next(a, rowA), t.next(b, rowB), t.next(c, rowC), t.next(d, rowD)
		if (a^na)|(b^nb)|(c^nc)|(d^nd) == 0 {
			break
		}
		a, b, c, d = na, nb, nc, nd
	}
	out[0], out[1], out[2], out[3] = valueOf(t.nodes[a]), valueOf(t.nodes[b]), valueOf(t.nodes[c]), valueOf(t.nodes[d])
}

// next returns the place of the child of a node that a row goes to, of a leaf
// itself. It has no branch.
func (t *tree) next(at uint32, row []uint8) uint32 {
	w := t.nodes[at]
	f := w >> 41
	leaf := f == leafMark
	if leaf {
		f = 0
	}
	to := uint32(w)&pairMask + right(w, row[f])
	if leaf {
		to = at
	}
	return to
}

// eight goes with eight rows to their leaves.
func (t *tree) eight(bins []uint8, stride int, out []uint32) {
	var words [lanes]uint64
	for i := range words {
		words[i] = t.nodes[0]
	}
	for going := true; going; {
		going = false
		for i, w := range words {
			if !isLeaf(w) {
				words[i] = t.nodes[pairOf(w)+t.right(w, bins[i*stride+featureOf(w)])]
				going = true
			}
		}
	}
	for i, w := range words {
		out[i] = valueOf(w)
	}
}

// leaf returns the value of the leaf that a row comes to.
func (t *tree) leaf(row []uint8) uint32 {
	w := t.nodes[0]
	for !isLeaf(w) {
		w = t.nodes[pairOf(w)+t.right(w, row[featureOf(w)])]
	}
	return valueOf(w)
}

// PredictRow writes the outputs of one row, the same as Predict does. The values
// are those of Columns: numbers, categories by their Category, NaN where missing.
// It returns an error only when a length is wrong.
func (m *Model) PredictRow(values, out []float64) error {
	if len(values) != len(m.features) || len(out) != m.outputs {
		return fmt.Errorf("forest: predict a row: %d values and %d outputs, want %d and %d",
			len(values), len(out), len(m.features), m.outputs)
	}
	var room [512]uint8
	row := room[:min(len(values), len(room))]
	if len(values) > len(room) {
		row = make([]uint8, len(values))
	}
	for f := range m.features {
		if m.splits[f] == 0 {
			continue
		}
		at := &m.features[f]
		if row[f] = at.Bin(values[f]); int(row[f]) == at.Missing() {
			row[f] = missingBin
		}
	}
	m.predictBins(row, out)
	return nil
}

// predictBins writes the outputs of a row of bins. Several trees are walked down
// at a time.
func (m *Model) predictBins(row []uint8, out []float64) {
	var values uint64
	sum := 0.0
	clear(out)
	for first := 0; first < len(m.trees); first += lanes {
		trees := m.trees[first:min(first+lanes, len(m.trees))]
		var words [lanes]uint64
		for i := range trees {
			words[i] = trees[i].nodes[0]
		}
		for going := true; going; {
			going = false
			for i := range trees {
				w := words[i]
				if isLeaf(w) {
					continue
				}
				words[i] = trees[i].nodes[pairOf(w)+trees[i].right(w, row[featureOf(w)])]
				going = true
			}
		}
		for i := range trees {
			switch leaf := valueOf(words[i]); m.task {
			case ml.Binary:
				sum += trees[i].mixed.yesShares[leaf]
			case ml.Multiclass:
				trees[i].addShares(leaf, out)
			default:
				values += uint64(leaf)
			}
		}
	}
	n := float64(len(m.trees))
	switch m.task {
	case ml.Binary:
		out[0], out[1] = 1-sum/n, sum/n
	case ml.Multiclass:
		for k := range out {
			out[k] /= n
		}
	default:
		out[0] = m.low + m.span*(float64(values)/n/math.MaxUint32)
	}
}
