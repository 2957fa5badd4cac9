package metric

import (
	"cmp"
	"slices"

	"github.com/narrativeml/narrative/ml"
)

// step is a group of rows with one score: the weights of its negatives and of
// its positives.
type step struct {
	negative, positive float64
}

// steps returns the groups by descending probability of the positive class, and
// the total weights.
func steps(name string, t ml.Target, outputs []float64) (groups []step, total step, err error) {
	order := make([]int32, len(t.Values))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		if c := cmp.Compare(outputs[2*b+1], outputs[2*a+1]); c != 0 {
			return c
		}
		return cmp.Compare(a, b) // sums in one order, whatever the sort does
	})
	for n, i := range order {
		if n == 0 || outputs[2*i+1] != outputs[2*order[n-1]+1] {
			groups = append(groups, step{})
		}
		g, w := &groups[len(groups)-1], t.Weight(int(i))
		if t.Values[i] == 1 {
			g.positive += w
			total.positive += w
		} else {
			g.negative += w
			total.negative += w
		}
	}
	if total.positive == 0 || total.negative == 0 {
		return nil, step{}, inputError("one_class", name+" is undefined when all rows are of one class; rows of both are needed")
	}
	return groups, total, nil
}

// rocAUC is the chance that a positive has a larger probability than a negative,
// half of ties included.
func rocAUC(t ml.Target, outputs []float64) (float64, error) {
	groups, total, err := steps(ROCAUC, t, outputs)
	if err != nil {
		return 0, err
	}
	area, above := 0.0, 0.0
	for _, g := range groups {
		area += g.negative * (above + g.positive/2)
		above += g.positive
	}
	return area / total.negative / total.positive, nil
}

// averagePrecision is the mean of the precision at each group of scores, by the
// recall that the group adds.
func averagePrecision(t ml.Target, outputs []float64) (float64, error) {
	groups, total, err := steps(AveragePrecision, t, outputs)
	if err != nil {
		return 0, err
	}
	sum, hits, all := 0.0, 0.0, 0.0
	for _, g := range groups {
		hits += g.positive
		all += g.positive + g.negative
		sum += g.positive * (hits / all)
	}
	return sum / total.positive, nil
}
