package ml

import (
	"fmt"
	"math"
)

// BalancedClassWeights returns a weight for each class, so that every class that
// has rows weighs the same in all and the rows together weigh what they did: the
// weight of all rows divided by that of the class and the number of classes (G.
// King and L. Zeng, Logistic regression in rare events data, 2001). Rows count
// by t.Weights. A class without rows gets 1. t must be a valid classification
// target; for a regression the result is nil.
func BalancedClassWeights(t Target) []float64 {
	if t.Task == Regression {
		return nil
	}
	// Dividing by the largest weight keeps the sums finite.
	largest := 1.0
	for _, w := range t.Weights {
		largest = max(largest, w)
	}
	sums := make([]float64, len(t.Classes))
	total, present := 0.0, 0.0
	for i, v := range t.Values {
		w := t.Weight(i) / largest
		if sums[int(v)] == 0 {
			present++
		}
		sums[int(v)] += w
		total += w
	}
	weights := make([]float64, len(sums))
	for k, sum := range sums {
		weights[k] = 1
		if sum > 0 {
			weights[k] = total / (present * sum)
		}
	}
	return weights
}

// WithClassWeights returns the target with the weight of each row multiplied by
// that of its class; t itself does not change. It returns an *InputError for a
// regression, when there is not one weight for each class, when a weight is no
// finite number above 0, and when a product is beyond the range of float64.
func (t Target) WithClassWeights(weights []float64) (Target, error) {
	switch {
	case t.Task == Regression:
		return Target{}, targetError("class_weights_not_for_task", -1, "class weights were given for a regression; only classes have them")
	case len(weights) != len(t.Classes):
		return Target{}, targetError("class_weights_length", -1, fmt.Sprintf(
			"there are %d class weights for %d classes; give one for each", len(weights), len(t.Classes)))
	}
	for k, w := range weights {
		if !(w > 0) || math.IsInf(w, 1) {
			return Target{}, targetError("bad_class_weight", -1, fmt.Sprintf(
				"the weight of the class %q is %v; it must be a finite number above 0", t.Classes[k], w))
		}
	}
	product := make([]float64, len(t.Values))
	for i, v := range t.Values {
		product[i] = t.Weight(i) * weights[int(v)]
		if product[i] <= 0 || math.IsInf(product[i], 1) {
			return Target{}, targetError("bad_weight", i, fmt.Sprintf(
				"the weight %v times that of the class %q, %v, is beyond the range of numbers", t.Weight(i), t.Classes[int(v)], weights[int(v)]))
		}
	}
	t.Weights = product
	return t, nil
}
