package forest

import (
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/internal/binned"
)

// Model is a fitted model. It is immutable and safe for concurrent use.
type Model struct {
	task     ml.Task
	outputs  int
	features []binned.Feature
	shares   []float64 // of each feature of the importance
	splits   []int     // by feature
	trees    []tree
	low      float64 // Regression: a leaf is low + span * value / MaxUint32
	span     float64
	scored   bool
	score    float64 // out of bag
}

var _ ml.Predictor = (*Model)(nil)

// Importance is how much splits by a column have lowered the impurity.
type Importance struct {
	Column string
	Share  float64 // the mean over the trees of the column's share of what all splits saved; 1 in all
	Splits int     // number of splits
}

// model makes the model of the trees.
func (t *trainer) model() *Model {
	m := &Model{task: t.y.Task, outputs: t.y.Outputs(), trees: t.trees, splits: make([]int, len(t.features))}
	if t.classes == 0 {
		m.low, m.span = t.low, t.span
	}
	m.countSplits()
	for f, n := range m.splits {
		out := t.binned[f]
		if n == 0 {
			out = binned.Feature{Name: out.Name, Categorical: out.Categorical}
		}
		m.features = append(m.features, out)
	}
	total := int64(0)
	for _, s := range t.shares {
		total += s
	}
	m.shares = make([]float64, len(t.features))
	for f, s := range t.shares {
		if s > 0 {
			m.shares[f] = float64(s) / float64(total)
		}
	}
	if t.outside != nil {
		m.score, m.scored = t.outside.result().score(t.y)
	}
	m.prepare()
	return m
}

func (m *Model) countSplits() {
	for i := range m.trees {
		m.trees[i].visit(func(w uint64) {
			if !isLeaf(w) {
				m.splits[featureOf(w)]++
			}
		})
	}
}

// prepare makes what is looked up while predicting.
func (m *Model) prepare() {
	for i := range m.features {
		m.features[i].Prepare()
	}
	classes := m.outputs
	if m.task == ml.Regression {
		classes = 0
	}
	for i := range m.trees {
		m.trees[i].mixed.prepare(classes)
	}
}

// Outputs is the number of values a row: 2 for Binary, the number of classes
// for Multiclass, 1 for Regression.
func (m *Model) Outputs() int { return m.outputs }

// Trees is the number of trees.
func (m *Model) Trees() int { return len(m.trees) }

// OutOfBagScore is the accuracy, of a Regression model the R², of what the trees
// that did not draw a row predicted for it, over the rows of training for which
// there are such trees. It reports false for a model trained without OutOfBag, and
// where fewer than two rows were out of a bag. Weights do not count.
func (m *Model) OutOfBagScore() (score float64, ok bool) { return m.score, m.scored }

// Importance returns the importance of each column, in the order of the
// training table: the mean decrease in impurity (Breiman, 2001). All are 0 where
// no tree has a split that saves any.
func (m *Model) Importance() []Importance {
	out := make([]Importance, len(m.features))
	for i := range out {
		out[i] = Importance{Column: m.features[i].Name, Share: m.shares[i], Splits: m.splits[i]}
	}
	return out
}

// Columns returns the names of the columns in the order of the training table,
// which is that of the values of PredictRow.
func (m *Model) Columns() []string {
	out := make([]string, len(m.features))
	for i := range out {
		out[i] = m.features[i].Name
	}
	return out
}

// Category returns the number that stands for a category of a column of strings
// among the values of PredictRow: NaN if training did not tell it apart, or if
// the column is one of numbers.
func (m *Model) Category(column int, text string) float64 {
	if f := &m.features[column]; f.Categorical {
		if i := slices.Index(f.Categories, text); i >= 0 {
			return float64(i)
		}
	}
	return math.NaN()
}
