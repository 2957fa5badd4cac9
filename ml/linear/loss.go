package linear

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// objective is the loss of every row. Its methods look at the rows from low to
// high, are called for different rows at the same time, and return sums over
// them.
type objective struct {
	loss    Loss
	y       []float64 // for SquaredError standardised, for Poisson of mean 1
	weights []float64 // nil means 1

	// at holds, where the loss was last expanded, the score of each row; of a
	// loss with several scores a row their softmax.
	at [][]float64
	// curve is the weighted second derivative by the score, where there is one.
	curve []float64
}

func newObjective(l Loss, y, weights []float64, scores [][]float64) *objective {
	o := &objective{loss: l, y: y, weights: weights, at: scores}
	if len(scores) == 1 {
		o.curve = make([]float64, len(y))
	}
	return o
}

func (o *objective) weight(i int) float64 {
	if o.weights == nil {
		return 1
	}
	return o.weights[i]
}

// expand keeps the scores as the place where the loss is expanded, and replaces
// them by the weighted derivatives of the loss.
func (o *objective) expand(scores [][]float64, low, high int) float64 {
	if len(scores) > 1 {
		o.expandClasses(scores, low, high)
		return 0
	}
	s := scores[0]
	copy(o.at[0][low:high], s)
	for i, v := range s {
		w, y := o.weight(low+i), o.y[low+i]
		switch o.loss {
		case LogLoss:
			p := sigmoid(v)
			s[i], o.curve[low+i] = w*(p-y), w*p*(1-p)
		case Poisson:
			rate := math.Exp(v)
			s[i], o.curve[low+i] = w*(rate-y), w*rate
		default:
			s[i], o.curve[low+i] = w*(v-y), w
		}
	}
	return 0
}

func (o *objective) expandClasses(scores [][]float64, low, high int) {
	row := make([]float64, len(scores))
	for i := range high - low {
		for k := range row {
			row[k] = scores[k][i]
		}
		softmax(row)
		w, own := o.weight(low+i), int(o.y[low+i])
		for k, p := range row {
			o.at[k][low+i] = p
			if k == own {
				p--
			}
			scores[k][i] = w * p
		}
	}
}

// bend replaces scores by the product of the second derivatives of the loss and
// them.
func (o *objective) bend(scores [][]float64, low, high int) float64 {
	if len(scores) == 1 {
		floats.Mul(scores[0], o.curve[low:high])
		return 0
	}
	for i := range high - low {
		mean := 0.0
		for k := range scores {
			mean += o.at[k][low+i] * scores[k][i]
		}
		w := o.weight(low + i)
		for k := range scores {
			scores[k][i] = w * o.at[k][low+i] * (scores[k][i] - mean)
		}
	}
	return 0
}

// curves sets scores to the second derivatives of the loss by each of them.
func (o *objective) curves(scores [][]float64, low, high int) float64 {
	if len(scores) == 1 {
		copy(scores[0], o.curve[low:high])
		return 0
	}
	for k := range scores {
		for i := range scores[k] {
			p := o.at[k][low+i]
			scores[k][i] = o.weight(low+i) * p * (1 - p)
		}
	}
	return 0
}

// change returns by how much the loss grows when the scores grow by steps. It is
// summed up of the rows' differences, and so is exact for small ones, where the
// difference of two sums would be lost.
func (o *objective) change(steps [][]float64, low, high int) float64 {
	total := 0.0
	if len(steps) > 1 {
		row := make([]float64, len(steps))
		for i := range high - low {
			for k := range row {
				row[k] = steps[k][i]
			}
			total += o.weight(low+i) * (o.changeClasses(row, low+i) - row[int(o.y[low+i])])
		}
		return total
	}
	for i, d := range steps[0] {
		total += o.weight(low+i) * o.changeOne(o.at[0][low+i], d, o.y[low+i])
	}
	return total
}

// changeOne does so for a row of one score.
func (o *objective) changeOne(score, step, y float64) float64 {
	near := -1 < step && step < 1
	switch {
	case o.loss == SquaredError:
		return step * (score - y + step/2)
	case o.loss == Poisson && near:
		return math.Exp(score)*math.Expm1(step) - y*step
	case o.loss == Poisson:
		return math.Exp(score+step) - math.Exp(score) - y*step
	case near:
		return math.Log1p(sigmoid(score)*math.Expm1(step)) - y*step
	default:
		return softplus(score+step) - softplus(score) - y*step
	}
}

// changeClasses returns by how much the logarithm of the sum of exponentials of
// the scores of a row grows.
func (o *objective) changeClasses(steps []float64, row int) float64 {
	low, high := slices.Min(steps), slices.Max(steps)
	sum := 0.0
	if -1 < low && high < 1 {
		for k, d := range steps {
			sum += o.at[k][row] * math.Expm1(d)
		}
		return math.Log1p(sum)
	}
	for k, d := range steps {
		sum += o.at[k][row] * math.Exp(d-high)
	}
	if sum == 0 {
		return math.Inf(1) // too far to tell
	}
	return high + math.Log(sum)
}

// sigmoid returns 1/(1+exp(-s)).
func sigmoid(s float64) float64 { return 1 / (1 + math.Exp(-s)) }

// softplus returns log(1+exp(s)).
func softplus(s float64) float64 { return max(s, 0) + math.Log1p(math.Exp(-math.Abs(s))) }

// softmax replaces scores by probabilities.
func softmax(row []float64) {
	top := slices.Max(row)
	sum := 0.0
	for k, s := range row {
		row[k] = math.Exp(s - top)
		sum += row[k]
	}
	for k := range row {
		row[k] /= sum
	}
}
