package gbdt

import (
	"math"

	"github.com/narrativeml/narrative/ml"
)

// objective is the loss of one task, over scores held by class and then by row.
type objective struct {
	y       ml.Target
	classes int // scores a row
	start   []float64
}

// newObjective returns the objective with the best constant scores to start
// from. A class without rows starts as if it had a tiny share.
func newObjective(y ml.Target) *objective {
	o := &objective{y: y, classes: 1}
	sums, total := make([]float64, max(1, len(y.Classes))), 0.0
	for i, v := range y.Values {
		w := y.Weight(i)
		total += w
		if y.Task == ml.Regression {
			sums[0] += w * v
		} else {
			sums[int(v)] += w
		}
	}
	switch y.Task {
	case ml.Regression:
		o.start = []float64{sums[0] / total}
	case ml.Binary:
		o.start = []float64{math.Log(sums[1] / sums[0])}
	default:
		o.classes = len(y.Classes)
		o.start = make([]float64, o.classes)
		for k, s := range sums {
			o.start[k] = math.Log(max(s/total, 1e-9))
		}
	}
	return o
}

// probabilities replaces the scores of the rows from low to high by softmax.
// Scores of class k begin at k*rows.
func (o *objective) probabilities(scores, out []float64, low, high int) {
	rows := o.y.Len()
	row := make([]float64, o.classes)
	for i := low; i < high; i++ {
		for k := range row {
			row[k] = scores[k*rows+i]
		}
		softmax(row)
		for k, p := range row {
			out[k*rows+i] = p
		}
	}
}

// gradients writes the first and second derivatives of the loss by the scores
// of class k for the rows from low to high, and returns the largest absolute
// values. For Multiclass values are the probabilities, else the scores.
func (o *objective) gradients(k int, values []float64, g, h []float64, low, high int) (maxG, maxH float64) {
	rows := o.y.Len()
	values = values[k*rows : (k+1)*rows]
	for i := low; i < high; i++ {
		var gi, hi float64
		switch y := o.y.Values[i]; o.y.Task {
		case ml.Regression:
			gi, hi = values[i]-y, 1
		case ml.Binary:
			p := sigmoid(values[i])
			gi, hi = p-y, p*(1-p)
		default:
			p := values[i]
			gi, hi = p, p*(1-p)
			if int(y) == k {
				gi = p - 1
			}
		}
		if o.y.Weights != nil {
			gi *= o.y.Weights[i]
			hi *= o.y.Weights[i]
		}
		g[i], h[i] = gi, hi
		maxG, maxH = max(maxG, math.Abs(gi)), max(maxH, hi)
	}
	return maxG, maxH
}

// loss returns the weighted mean loss of scores.
func (o *objective) loss(scores []float64) float64 {
	rows := o.y.Len()
	row := make([]float64, o.classes)
	sum, total := 0.0, 0.0
	for i, y := range o.y.Values {
		var loss float64
		switch o.y.Task {
		case ml.Regression:
			loss = (scores[i] - y) * (scores[i] - y)
		case ml.Binary:
			loss = softplus(scores[i] * (1 - 2*y))
		default:
			for k := range row {
				row[k] = scores[k*rows+i]
			}
			loss = logSumExp(row) - row[int(y)]
		}
		w := o.y.Weight(i)
		sum += w * loss
		total += w
	}
	return sum / total
}

// sigmoid returns 1/(1+exp(-s)).
func sigmoid(s float64) float64 { return 1 / (1 + math.Exp(-s)) }

// softplus returns log(1+exp(s)).
func softplus(s float64) float64 { return max(s, 0) + math.Log1p(math.Exp(-math.Abs(s))) }

func logSumExp(row []float64) float64 {
	top := row[0]
	for _, s := range row {
		top = max(top, s)
	}
	sum := 0.0
	for _, s := range row {
		sum += math.Exp(s - top)
	}
	return top + math.Log(sum)
}

// softmax replaces scores by probabilities.
func softmax(row []float64) {
	top := row[0]
	for _, s := range row {
		top = max(top, s)
	}
	sum := 0.0
	for k, s := range row {
		row[k] = math.Exp(s - top)
		sum += row[k]
	}
	for k := range row {
		row[k] /= sum
	}
}
