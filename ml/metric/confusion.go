package metric

import (
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
)

// MaxClasses is how many classes a ConfusionMatrix or a ClassReport can have.
const MaxClasses = 1000

// Likeliest returns the likeliest class of each row, the first of equals.
// outputs are rows*classes probabilities, row by row.
func Likeliest(outputs []float64, classes int) []int {
	out := make([]int, len(outputs)/classes)
	for i := range out {
		out[i] = likeliest(outputs[i*classes : (i+1)*classes])
	}
	return out
}

// AtThreshold returns the class of each row of a Binary model: 1 where the
// probability of the positive class is at least the threshold. outputs are
// rows*2 probabilities, row by row.
func AtThreshold(outputs []float64, threshold float64) []int {
	out := make([]int, len(outputs)/2)
	for i := range out {
		if outputs[2*i+1] >= threshold {
			out[i] = 1
		}
	}
	return out
}

// ConfusionMatrix tells which classes are taken for which.
type ConfusionMatrix struct {
	Classes []string `json:"classes"`
	// Counts has a line for each true class, of as many sums of weights as
	// there are classes: Counts[i][j] is of the rows of class i that are
	// predicted to be of class j.
	Counts [][]float64 `json:"counts"`
}

// NewConfusionMatrix counts the predicted classes of rows, indices into
// t.Classes, by their true ones. It returns an *ml.InputError when the target
// is malformed, a regression or of more than MaxClasses classes, or when
// predicted is of another length or holds something else.
func NewConfusionMatrix(t ml.Target, predicted []int) (*ConfusionMatrix, error) {
	scale, err := checkPredicted("confusion matrix", &t, predicted)
	if err != nil {
		return nil, err
	}
	n := len(t.Classes)
	m := &ConfusionMatrix{Classes: t.Classes, Counts: make([][]float64, n)}
	for i := range m.Counts {
		m.Counts[i] = make([]float64, n)
	}
	for i, v := range t.Values {
		m.Counts[int(v)][predicted[i]] += t.Weight(i)
	}
	for _, line := range m.Counts {
		for j := range line {
			line[j] = scale(line[j])
		}
	}
	return m, nil
}

// checkPredicted checks what is counted and scales the weights; scale takes a
// sum of them back.
func checkPredicted(what string, t *ml.Target, predicted []int) (scale func(float64) float64, err error) {
	if err := t.Validate(len(t.Values)); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	switch {
	case t.Task == ml.Regression:
		return nil, inputError("unknown_task", "a %s is of classes, the target is of a regression task", what)
	case len(t.Classes) > MaxClasses:
		return nil, inputError("too_many_classes", "a %s has at most %d classes, the target has %d", what, MaxClasses, len(t.Classes))
	case len(predicted) != len(t.Values):
		return nil, inputError("predicted_length", "there are %d predicted classes for %d rows; give one for each", len(predicted), len(t.Values))
	}
	for i, k := range predicted {
		if k < 0 || k >= len(t.Classes) {
			e := inputError("unknown_class", "the predicted class is %d; it must be a whole number from 0 to %d", k, len(t.Classes)-1)
			e.Row = i
			return nil, e
		}
	}
	var power int
	t.Weights, power = scaleDown(t.Weights)
	return func(sum float64) float64 { return bounded(math.Ldexp(sum, power)) }, nil
}

// Share is what the counts of a ConfusionMatrix are divided by.
type Share int

// The shares.
const (
	OfTrue      Share = iota // the rows of the true class: the diagonal holds recalls
	OfPredicted              // the rows predicted to be of the class: the diagonal holds precisions
	OfAll                    // all rows
)

// Shares returns the counts divided; where there is nothing to divide by they
// are 0.
func (m *ConfusionMatrix) Shares(of Share) [][]float64 {
	n := len(m.Counts)
	lines, columns, all := make([]float64, n), make([]float64, n), 0.0
	for i, line := range m.Counts {
		for j, c := range line {
			lines[i] += c
			columns[j] += c
			all += c
		}
	}
	out := make([][]float64, n)
	for i, line := range m.Counts {
		out[i] = make([]float64, n)
		for j, c := range line {
			switch of {
			case OfTrue:
				out[i][j] = ratio(c, lines[i])
			case OfPredicted:
				out[i][j] = ratio(c, columns[j])
			default:
				out[i][j] = ratio(c, all)
			}
		}
	}
	return out
}
