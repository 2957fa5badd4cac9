package gbdt

import (
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
)

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

// PredictRow writes the outputs of one row, the same as Predict does. The values
// are those of Columns: numbers, categories by their Category, NaN where missing.
// It takes no memory and returns an error only when a length is wrong.
func (m *Model) PredictRow(values, out []float64) error {
	if len(values) != len(m.features) || len(out) != m.outputs {
		return fmt.Errorf("gbdt: predict a row: %d values and %d outputs, want %d and %d",
			len(values), len(out), len(m.features), m.outputs)
	}
	var room [16]float64
	scores := room[:min(len(m.start), len(room))]
	if len(m.start) > len(room) {
		scores = out // of a Multiclass model, one for each class
	}
	clear(scores)
	m.walk().add(values, scores)
	for k, s := range m.start {
		scores[k] += s
	}
	switch m.task {
	case ml.Binary:
		out[0], out[1] = sigmoid(-scores[0]), sigmoid(scores[0])
	case ml.Multiclass:
		copy(out, scores)
		softmax(out)
	default:
		out[0] = m.value(scores[0])
	}
	return nil
}

// walk is all trees as one list of steps for walking down with single rows. The
// left child of a step is the next one. A leaf is its own right child, and no
// value is below its threshold.
type walk struct {
	steps []step
	value []float64 // of the leaves among the steps
	roots []int32
	sets  []set // of categorical steps
}

type step struct {
	threshold float64 // NaN for leaves and categorical steps
	right     int32
	feature   uint32 // and the flags
	set       int32  // of categories
}

const (
	missingLeft = 1 << 31
	isSet       = 1 << 30
	featureMask = isSet - 1
)

func newWalk(m *Model) *walk {
	w := &walk{}
	for i := range m.trees {
		w.roots = append(w.roots, int32(len(w.steps)))
		w.place(m, &m.trees[i])
	}
	return w
}

// place appends the steps of a tree in the order of their visit.
func (w *walk) place(m *Model, t *tree) {
	type open struct {
		child int32 // a node, or ^leaf
		up    int32 // the step whose right child it is, or -1
	}
	first := int32(0)
	if len(t.nodes) == 0 {
		first = ^0
	}
	for stack := []open{{first, -1}}; len(stack) > 0; {
		o := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		at := int32(len(w.steps))
		if o.up >= 0 {
			w.steps[o.up].right = at
		}
		if o.child < 0 {
			w.steps = append(w.steps, step{threshold: math.NaN(), right: at})
			w.value = append(w.value, t.value[^o.child])
			continue
		}
		n := &t.nodes[o.child]
		w.steps = append(w.steps, w.step(m, n))
		w.value = append(w.value, 0)
		stack = append(stack, open{n.right, at}, open{n.left, -1})
	}
}

func (w *walk) step(m *Model, n *node) step {
	f := &m.features[n.feature]
	s := step{feature: uint32(n.feature), threshold: math.Inf(1)}
	if n.missingLeft {
		s.feature |= missingLeft
	}
	switch {
	case f.Categorical:
		s.feature |= isSet
		s.threshold, s.set = math.NaN(), int32(len(w.sets))
		w.sets = append(w.sets, n.set)
	case int(n.bin) < len(f.Bounds):
		s.threshold = f.Bounds[n.bin]
	}
	return s
}

// add adds the trees to the scores, in their order. Four at a time go down
// together, so that the steps of one fill the waiting time of another.
func (w *walk) add(values, scores []float64) {
	plain := len(w.sets) == 0 && !slices.ContainsFunc(values, math.IsNaN)
	k := 0
	for i := 0; i < len(w.roots); i += 4 {
		var leaves [4]int32
		n := copy(leaves[:], w.roots[i:])
		if plain {
			w.plainLeaves(values, &leaves)
		} else {
			w.leaves(values, &leaves)
		}
		for _, leaf := range leaves[:n] {
			scores[k] += w.value[leaf]
			if k++; k == len(scores) {
				k = 0
			}
		}
	}
}

// plainLeaves goes from four roots to their leaves, where all values are numbers
// and no step is one of categories.
func (w *walk) plainLeaves(values []float64, at *[4]int32) {
	a, b, c, d := at[0], at[1], at[2], at[3]
	for {
		na, nb, nc, nd := w.plain(a, values), w.plain(b, values), w.plain(c, values), w.plain(d, values)
		if (a^na)|(b^nb)|(c^nc)|(d^nd) == 0 {
			break
		}
		a, b, c, d = na, nb, nc, nd
	}
	at[0], at[1], at[2], at[3] = a, b, c, d
}

// plain returns the child of a step. It has no branch.
func (w *walk) plain(at int32, values []float64) int32 {
	s := &w.steps[at]
	to := s.right
	if values[s.feature&featureMask] <= s.threshold {
		to = at + 1
	}
	return to
}

// leaves is plainLeaves for any values and steps.
func (w *walk) leaves(values []float64, at *[4]int32) {
	for i := range at {
		for next := w.next(at[i], values); next != at[i]; next = w.next(at[i], values) {
			at[i] = next
		}
	}
}

// next returns the child of a step, which is the step itself for a leaf.
func (w *walk) next(at int32, values []float64) int32 {
	s := &w.steps[at]
	v := values[s.feature&featureMask]
	left := v <= s.threshold
	switch {
	case s.feature&isSet != 0 && v >= 0 && v < 256:
		left = w.sets[s.set].has(uint8(v))
	case math.IsNaN(v) || s.feature&isSet != 0:
		left = s.feature&missingLeft != 0
	}
	if left {
		return at + 1
	}
	return s.right
}
