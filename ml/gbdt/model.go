package gbdt

import (
	"slices"
	"sync"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/internal/binned"
)

// Model is a fitted model. It is immutable and safe for concurrent use.
type Model struct {
	task     ml.Task
	log      bool // the outputs are the exponentials of the scores
	outputs  int
	features []binned.Feature
	gains    []float64 // by feature
	splits   []int     // by feature
	start    []float64 // scores before the first tree
	trees    []tree    // tree i is of class i % len(start)
	batch    func() *batch
	walk     func() *walk
}

var _ ml.Predictor = (*Model)(nil)

// Importance is how much splits by a column have improved the loss.
type Importance struct {
	Column string
	Gain   float64 // sum of the gains, in units of the loss's second-order approximation
	Splits int     // number of splits
}

// newModel makes a model of grown trees, keeping only the bounds and the
// categories that they use.
func newModel(o *objective, features []binned.Feature, grown []*tree) *Model {
	m := &Model{
		task:    o.y.Task,
		log:     o.log,
		outputs: o.classes,
		gains:   make([]float64, len(features)),
		splits:  make([]int, len(features)),
		start:   o.start,
	}
	if m.task == ml.Binary {
		m.outputs = 2
	}
	used := make([][]uint8, len(features))
	for _, t := range grown {
		for i, n := range t.nodes {
			m.gains[n.feature] += t.gains[i]
			m.splits[n.feature]++
			used[n.feature] = append(used[n.feature], n.bin)
		}
	}
	for i := range features {
		slices.Sort(used[i])
		used[i] = slices.Compact(used[i])
		m.features = append(m.features, trim(&features[i], used[i]))
	}
	for _, t := range grown {
		nodes := slices.Clone(t.nodes)
		for i := range nodes {
			n := &nodes[i]
			if f := &m.features[n.feature]; !f.Categorical {
				at, _ := slices.BinarySearch(used[n.feature], n.bin)
				n.bin = uint8(at)
				n.set = thresholdSet(at, f.Missing(), n.missingLeft)
			}
		}
		m.trees = append(m.trees, tree{nodes: nodes, value: t.value})
	}
	m.prepare()
	return m
}

// trim returns the feature with only the bounds of the bins used. A split by
// the last bin has no bound: every value goes left.
func trim(f *binned.Feature, used []uint8) binned.Feature {
	out := binned.Feature{Name: f.Name, Categorical: f.Categorical}
	switch {
	case len(used) == 0:
	case f.Categorical:
		out.Categories = f.Categories
	default:
		for _, bin := range used {
			if int(bin) < len(f.Bounds) {
				out.Bounds = append(out.Bounds, f.Bounds[bin])
			}
		}
	}
	return out
}

func (m *Model) prepare() {
	for i := range m.features {
		if m.splits[i] > 0 {
			m.features[i].Prepare()
		}
	}
	m.batch = sync.OnceValue(func() *batch { return newBatch(m) })
	m.walk = sync.OnceValue(func() *walk { return newWalk(m) })
}

// Outputs is the number of values a row: 2 for Binary, the number of classes
// for Multiclass, 1 for Regression.
func (m *Model) Outputs() int { return m.outputs }

// Rounds is the number of rounds kept, after early stopping.
func (m *Model) Rounds() int { return len(m.trees) / len(m.start) }

// Importance returns the importance of each column, in the order of the
// training table.
func (m *Model) Importance() []Importance {
	out := make([]Importance, len(m.features))
	for i := range out {
		out[i] = Importance{Column: m.features[i].Name, Gain: m.gains[i], Splits: m.splits[i]}
	}
	return out
}
