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
// It takes no memory up to 128 columns, and returns an error only when a length is
// wrong.
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
	var binRoom [257]int32 // of up to 128 features
	bins := binRoom[:]
	if n := 2*len(values) + 1; n > len(bins) {
		bins = make([]int32, n)
	}
	w := m.walk()
	m.bins(values, w.sets != nil, bins)
	w.score(bins, scores)
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
// left child of a step is the next one; a leaf is its own right child and nothing
// goes left at it. Neither way of walking has a branch that depends on the row.
type walk struct {
	steps []step
	value []float64 // of the leaves among the steps
	roots []int32
	sets  []set // of each step the bins that go left, where a feature is categorical; else nil
}

// step is, from the lowest bit on, the last bin that goes left (8 bits), the
// place of what is compared with it (24 bits) and the right child (32 bits).
type step uint64

// A row's bins have two places for each feature, which differ where the value is
// missing: above every bin for steps at which it goes right, below every bin for
// those at which it goes left. The first place of all is for leaves.
const (
	above = 256
	below = -1
)

func newWalk(m *Model) *walk {
	w := &walk{}
	for f := range m.features {
		if m.features[f].Categorical && m.splits[f] > 0 {
			w.sets = []set{}
		}
	}
	for i := range m.trees {
		w.roots = append(w.roots, int32(len(w.steps)))
		w.place(&m.trees[i])
	}
	return w
}

// place appends the steps of a tree in the order of their visit.
func (w *walk) place(t *tree) {
	type open struct {
		child int32 // a node, or ^leaf
		up    int   // the step whose right child it is, or -1
	}
	first := int32(0)
	if len(t.nodes) == 0 {
		first = ^0
	}
	for stack := []open{{first, -1}}; len(stack) > 0; {
		o := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		at := len(w.steps)
		if o.up >= 0 {
			w.steps[o.up] |= step(at) << 32
		}
		if o.child < 0 {
			w.add(step(at)<<32, t.value[^o.child], set{})
			continue
		}
		n := &t.nodes[o.child]
		at2 := 2*n.feature + 1
		if n.missingLeft {
			at2++
		}
		w.add(step(at2)<<8|step(n.bin), 0, n.set)
		stack = append(stack, open{n.right, at}, open{n.left, -1})
	}
}

func (w *walk) add(s step, value float64, left set) {
	w.steps = append(w.steps, s)
	w.value = append(w.value, value)
	if w.sets != nil {
		w.sets = append(w.sets, left)
	}
}

// bins writes the places of a row's bins; for sets both places of a feature are
// its bin.
func (m *Model) bins(values []float64, sets bool, out []int32) {
	out[0] = above
	for f, v := range values {
		if m.splits[f] == 0 {
			continue
		}
		bin := int32(m.features[f].Bin(v))
		out[2*f+1], out[2*f+2] = bin, bin
		if !sets && int(bin) == m.features[f].Missing() {
			out[2*f+1], out[2*f+2] = above, below
		}
	}
}

// score adds the trees to the scores, in their order. Four at a time go down
// together, so that the steps of one fill the waiting time of another.
func (w *walk) score(bins []int32, scores []float64) {
	k := 0
	for i := 0; i < len(w.roots); i += 4 {
		var at [4]int32
		n := copy(at[:], w.roots[i:])
		if w.sets == nil {
			w.compare(bins, &at)
		} else {
			w.look(bins, &at)
		}
		for _, leaf := range at[:n] {
			scores[k] += w.value[leaf]
			if k++; k == len(scores) {
				k = 0
			}
		}
	}
}

// compare goes from four roots to their leaves by comparing bins.
func (w *walk) compare(bins []int32, at *[4]int32) {
	a, b, c, d := at[0], at[1], at[2], at[3]
	steps := w.steps
	for {
		na, nb := next(steps[a], bins, a), next(steps[b], bins, b)
		nc, nd := next(steps[c], bins, c), next(steps[d], bins, d)
		if (a^na)|(b^nb)|(c^nc)|(d^nd) == 0 {
			break
		}
		a, b, c, d = na, nb, nc, nd
	}
	at[0], at[1], at[2], at[3] = a, b, c, d
}

// next returns the child of a step: the following one where the bin is not above
// the step's.
func next(s step, bins []int32, at int32) int32 {
	right := (int32(s&0xFF) - bins[s>>8&0xFFFFFF]) >> 31 // all bits, or none
	return at + 1 + (int32(s>>32)-at-1)&right
}

// look goes from four roots to their leaves by looking bins up in sets.
func (w *walk) look(bins []int32, at *[4]int32) {
	for moved := true; moved; {
		moved = false
		for i, from := range at {
			s := w.steps[from]
			bin := uint8(bins[s>>8&0xFFFFFF])
			right := int32(w.sets[from][bin>>6]>>(bin&63)&1) - 1
			to := from + 1 + (int32(s>>32)-from-1)&right
			moved = moved || to != from
			at[i] = to
		}
	}
}
