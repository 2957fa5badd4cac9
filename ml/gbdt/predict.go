package gbdt

import (
	"fmt"
	"math"
	"runtime"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

const (
	predictRows  = 1024 // predicted at a time: tables of masks come from far once for all
	batchRows    = 512  // from which on tables of masks pay
	parallelRows = 4096 // from which on more than one goroutine pays
)

// Predict writes the outputs of every row of x to out, row by row. Columns are
// found by name; others are ignored. Categories are found by their text; one
// that training did not tell apart counts as missing, and an infinite value is a
// number like others. It returns an *ml.InputError when x lacks a column, or has
// numbers for strings or the reverse.
//
// Long tables are predicted on all processors; the results are the same.
func (m *Model) Predict(x *frame.Frame, out []float64) error {
	if len(out) != x.Rows()*m.outputs {
		return fmt.Errorf("gbdt: predict %d rows: %d outputs, want %d", x.Rows(), len(out), x.Rows()*m.outputs)
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
	var masks *batch
	if x.Rows() >= batchRows {
		masks = m.batch()
	}
	workers := parallel.Of(1)
	if x.Rows() >= parallelRows {
		workers = parallel.Of(runtime.GOMAXPROCS(0))
	}
	blocks := make([]*block, workers.Size())
	workers.Each((x.Rows()+predictRows-1)/predictRows, func(worker, i int) {
		if blocks[worker] == nil {
			blocks[worker] = newBlock(m, min(predictRows, x.Rows()))
		}
		b := blocks[worker]
		start := i * predictRows
		b.n = min(predictRows, x.Rows()-start)
		b.load(sources, start)
		if masks != nil {
			masks.score(m, b)
		} else {
			b.walk(m, 0, len(m.trees))
		}
		m.finish(b, out[start*m.outputs:(start+b.n)*m.outputs])
	})
	return nil
}

// block is the rows predicted at a time.
type block struct {
	n      int
	size   int
	bins   []uint8   // by feature, then by row
	scores []float64 // by class, then by row
	buffer []float64
	masks  [predictRows]uint64
}

func newBlock(m *Model, size int) *block {
	return &block{
		size:   size,
		bins:   make([]uint8, len(m.features)*size),
		scores: make([]float64, len(m.start)*size),
		buffer: make([]float64, size),
	}
}

// load bins the rows from start on.
func (b *block) load(sources []*binned.Source, start int) {
	for f, s := range sources {
		if s != nil {
			s.Bins(start, b.bins[f*b.size:f*b.size+b.n], b.buffer)
		}
	}
	clear(b.scores)
}

// class returns the scores that tree i adds to.
func (b *block) class(m *Model, i int) []float64 {
	k := i % len(m.start)
	return b.scores[k*b.size : k*b.size+b.n]
}

// walk adds the trees from low to high by walking down each.
func (b *block) walk(m *Model, low, high int) {
	for i := low; i < high; i++ {
		t := &m.trees[i]
		scores := b.class(m, i)
		if len(t.nodes) == 0 {
			for r := range scores {
				scores[r] += t.value[0]
			}
			continue
		}
		for r := range scores {
			at := int32(0)
			for at >= 0 {
				n := &t.nodes[at]
				if n.set.has(b.bins[int(n.feature)*b.size+r]) {
					at = n.left
				} else {
					at = n.right
				}
			}
			scores[r] += t.value[^at]
		}
	}
}

// finish turns scores into outputs.
func (m *Model) finish(b *block, out []float64) {
	row := make([]float64, len(m.start))
	for i := range b.n {
		for k := range row {
			row[k] = m.start[k] + b.scores[k*b.size+i]
		}
		switch m.task {
		case ml.Binary:
			out[2*i], out[2*i+1] = sigmoid(-row[0]), sigmoid(row[0])
		case ml.Multiclass:
			softmax(row)
			copy(out[i*m.outputs:], row)
		default:
			out[i] = m.value(row[0])
		}
	}
}

// value turns the score of a Regression model into its output.
func (m *Model) value(score float64) float64 {
	if m.log {
		return min(math.Exp(score), math.MaxFloat64)
	}
	return score
}
