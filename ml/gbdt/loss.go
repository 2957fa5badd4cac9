package gbdt

import (
	"cmp"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
)

const (
	maxLogOdds = 1e3 // far beyond certainty
	maxLogMean = 20  // a leaf may change a mean by e to that power
)

var (
	_ loss = (*logistic)(nil)
	_ loss = squared{}
	_ loss = quantile{}
	_ loss = huber{}
	_ loss = poisson{}
	_ loss = gamma{}
	_ loss = tweedie{}
)

// squared is half the squared error.
type squared struct{}

func (squared) derivatives(y, scores, g, h []float64) {
	for i, s := range scores {
		g[i], h[i] = s-y[i], 1
	}
}

func (squared) value(y, score float64) float64 { return (score - y) * (score - y) / 2 }

func (squared) start(y ml.Target) float64 { return mean(y) }

func (squared) traits() traits {
	return traits{maxG: math.Inf(1), maxH: 1, slope: 1, step: math.Inf(1)}
}

// logistic is the negative log-likelihood of two classes, by the log-odds of the
// second.
type logistic struct{ table []float64 }

// Sigmoids are interpolated between cells of a table, with an error below 1e-6.
const (
	sigmoidCells = 4096
	sigmoidReach = 16
	sigmoidScale = sigmoidCells / (2 * sigmoidReach)
)

func newLogistic() *logistic {
	l := &logistic{make([]float64, sigmoidCells+2)}
	for i := range l.table {
		l.table[i] = sigmoid(float64(i)/sigmoidScale - sigmoidReach)
	}
	return l
}

func (l *logistic) derivatives(y, scores, g, h []float64) {
	table := (*[sigmoidCells + 2]float64)(l.table)
	y, g, h = y[:len(scores)], g[:len(scores)], h[:len(scores)]
	for i, s := range scores {
		at := (s + sigmoidReach) * sigmoidScale
		cell := int(at)
		if uint(cell) >= sigmoidCells {
			cell, at = 0, 0
			if s > 0 {
				cell, at = sigmoidCells, sigmoidCells
			}
		}
		low := table[cell]
		p := low + (at-float64(cell))*(table[cell+1]-low)
		g[i], h[i] = p-y[i], p*(1-p)
	}
}

func (*logistic) value(y, score float64) float64 { return softplus(score * (1 - 2*y)) }

func (*logistic) start(y ml.Target) float64 {
	p := mean(y)
	return math.Log(p / (1 - p))
}

func (*logistic) traits() traits {
	return traits{maxG: 1, maxH: 0.25, slope: 0.25, step: maxLogOdds}
}

// sigmoid returns 1/(1+exp(-s)).
func sigmoid(s float64) float64 { return 1 / (1 + math.Exp(-s)) }

// softplus returns log(1+exp(s)).
func softplus(s float64) float64 { return max(s, 0) + math.Log1p(math.Exp(-math.Abs(s))) }

// quantile is the pinball loss at a level above 0 and below 1. At 0.5 it is half
// the absolute error.
type quantile struct{ level float64 }

func (q quantile) derivatives(y, scores, g, h []float64) {
	for i, s := range scores {
		g[i], h[i] = 1-q.level, 1
		switch {
		case s < y[i]:
			g[i] = -q.level
		case s == y[i]:
			g[i] = 0
		}
	}
}

func (q quantile) value(y, score float64) float64 {
	if score < y {
		return q.level * (y - score)
	}
	return (1 - q.level) * (score - y)
}

func (q quantile) start(y ml.Target) float64 {
	return weightedQuantile(slices.Clone(y.Values), slices.Clone(y.Weights), q.level)
}

func (q quantile) traits() traits {
	return traits{
		maxG: max(q.level, 1-q.level), maxH: 1, slope: math.Inf(1),
		step: math.Inf(1), renew: q.level,
	}
}

// huber is half the squared error up to delta, and delta times the absolute one
// beyond (Huber, "Robust Estimation of a Location Parameter", 1964).
type huber struct{ delta float64 }

// newHuber returns the loss with the delta given or, for 0, the 0.9 quantile of
// the distances from the median (Friedman, "Greedy Function Approximation: A
// Gradient Boosting Machine", 2001).
func newHuber(delta float64, y ml.Target) huber {
	if delta > 0 {
		return huber{delta}
	}
	middle := quantile{0.5}.start(y)
	away := make([]float64, y.Len())
	for i, v := range y.Values {
		away[i] = math.Abs(v - middle)
	}
	if d := weightedQuantile(away, slices.Clone(y.Weights), 0.9); d > 0 {
		return huber{d}
	}
	return huber{1} // nine rows of ten are alike: there is no scale to find
}

func (l huber) derivatives(y, scores, g, h []float64) {
	for i, s := range scores {
		g[i], h[i] = min(max(s-y[i], -l.delta), l.delta), 1
	}
}

func (l huber) value(y, score float64) float64 {
	r := math.Abs(score - y)
	if r <= l.delta {
		return r * r / 2
	}
	return l.delta * (r - l.delta/2)
}

func (huber) start(y ml.Target) float64 { return quantile{0.5}.start(y) }

func (l huber) traits() traits {
	return traits{maxG: l.delta, maxH: 1, slope: 1, step: math.Inf(1)}
}

// poisson is half the Poisson deviance but for a constant, by the logarithm of
// the mean.
type poisson struct{}

func (poisson) derivatives(y, scores, g, h []float64) {
	for i, s := range scores {
		m := math.Exp(s)
		g[i], h[i] = m-y[i], m
	}
}

func (poisson) value(y, score float64) float64 { return math.Exp(score) - y*score }

func (poisson) start(y ml.Target) float64 { return math.Log(mean(y)) }

func (poisson) traits() traits { return logTraits() }

// gamma is half the Gamma deviance but for a constant, by the logarithm of the
// mean.
type gamma struct{}

func (gamma) derivatives(y, scores, g, h []float64) {
	for i, s := range scores {
		r := y[i] * math.Exp(-s)
		g[i], h[i] = 1-r, r
	}
}

func (gamma) value(y, score float64) float64 { return y*math.Exp(-score) + score }

func (gamma) start(y ml.Target) float64 { return math.Log(mean(y)) }

func (gamma) traits() traits { return logTraits() }

// tweedie is half the Tweedie deviance of a power between 1 and 2 but for a
// constant, by the logarithm of the mean (Jørgensen, "Exponential Dispersion
// Models", 1987).
type tweedie struct{ power float64 }

func (l tweedie) derivatives(y, scores, g, h []float64) {
	for i, s := range scores {
		a, b := y[i]*math.Exp((1-l.power)*s), math.Exp((2-l.power)*s)
		g[i], h[i] = b-a, (2-l.power)*b-(1-l.power)*a
	}
}

func (l tweedie) value(y, score float64) float64 {
	return math.Exp((2-l.power)*score)/(2-l.power) - y*math.Exp((1-l.power)*score)/(1-l.power)
}

func (tweedie) start(y ml.Target) float64 { return math.Log(mean(y)) }

func (tweedie) traits() traits { return logTraits() }

func logTraits() traits {
	none := math.Inf(1)
	return traits{maxG: none, maxH: none, slope: none, step: maxLogMean, log: true}
}

// mean returns the weighted mean of a target's values.
func mean(y ml.Target) float64 {
	sum, total := 0.0, 0.0
	for i, v := range y.Values {
		w := y.Weight(i)
		sum += w * v
		total += w
	}
	return sum / total
}

// weightedQuantile returns the least value that has at least the share of the
// weight up to it; where the share is met exactly, the middle between it and the
// next. It reorders both slices; no weights count as equal ones.
func weightedQuantile(values, weights []float64, level float64) float64 {
	if weights == nil {
		slices.Sort(values)
		at := level * float64(len(values))
		i := int(math.Ceil(at)) - 1
		if at == math.Trunc(at) && i >= 0 && i+1 < len(values) {
			return values[i]/2 + values[i+1]/2
		}
		return values[max(i, 0)]
	}
	order := make([]int, len(values))
	total := 0.0
	for i := range order {
		order[i] = i
		total += weights[i]
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(values[a], values[b]), cmp.Compare(a, b)) })
	sum := 0.0
	for n, i := range order {
		sum += weights[i]
		if sum < level*total {
			continue
		}
		if sum == level*total && n+1 < len(order) {
			return values[i]/2 + values[order[n+1]]/2
		}
		return values[i]
	}
	return values[order[len(order)-1]]
}
