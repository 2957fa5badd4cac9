package gbdt

import (
	"slices"
	"sync"

	"github.com/narrativeml/narrative/ml"
)

// Model is a fitted model. It is immutable and safe for concurrent use.
type Model struct {
	task     ml.Task
	outputs  int
	features []feature
	gains    []float64 // by feature
	splits   []int     // by feature
	start    []float64 // scores before the first tree
	trees    []tree    // tree i is of class i % len(start)
	batch    func() *batch
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
func newModel(task ml.Task, features []feature, start []float64, grown []*tree) *Model {
	m := &Model{
		task:    task,
		outputs: max(len(start), 1),
		gains:   make([]float64, len(features)),
		splits:  make([]int, len(features)),
		start:   start,
	}
	if task == ml.Binary {
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
			if f := &m.features[n.feature]; !f.categorical {
				at, _ := slices.BinarySearch(used[n.feature], n.bin)
				n.bin = uint8(at)
				n.set = thresholdSet(at, f.missing(), n.missingLeft)
			}
		}
		m.trees = append(m.trees, tree{nodes: nodes, value: t.value})
	}
	m.prepare()
	return m
}

// trim returns the feature with only the bounds of the bins used. A split by
// the last bin has no bound: every value goes left.
func trim(f *feature, used []uint8) feature {
	out := feature{name: f.name, categorical: f.categorical}
	switch {
	case len(used) == 0:
	case f.categorical:
		out.categories = f.categories
	default:
		for _, bin := range used {
			if int(bin) < len(f.bounds) {
				out.bounds = append(out.bounds, f.bounds[bin])
			}
		}
	}
	return out
}

func (m *Model) prepare() {
	for i := range m.features {
		if m.splits[i] > 0 {
			m.features[i].prepare()
		}
	}
	m.batch = sync.OnceValue(func() *batch { return newBatch(m) })
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
		out[i] = Importance{Column: m.features[i].name, Gain: m.gains[i], Splits: m.splits[i]}
	}
	return out
}
