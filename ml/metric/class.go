package metric

import (
	"math"

	"github.com/narrativeml/narrative/ml"
)

// logLoss clips probabilities by one machine epsilon and makes them sum to 1.
func logLoss(t ml.Target, outputs []float64) float64 {
	const epsilon = 0x1p-52
	width := t.Outputs()
	return weightedMean(t, func(i int) float64 {
		sum := 0.0
		for _, p := range outputs[i*width : (i+1)*width] {
			sum += min(max(p, epsilon), 1-epsilon)
		}
		p := outputs[i*width+int(t.Values[i])]
		return -math.Log(min(max(p, epsilon), 1-epsilon) / sum)
	})
}

func accuracy(t ml.Target, outputs []float64) float64 {
	width := t.Outputs()
	return weightedMean(t, func(i int) float64 {
		if likeliest(outputs[i*width:(i+1)*width]) == int(t.Values[i]) {
			return 1
		}
		return 0
	})
}

// likeliest returns the index of the largest value, the first of equals.
func likeliest(row []float64) int {
	best := 0
	for k, p := range row {
		if p > row[best] {
			best = k
		}
	}
	return best
}

// counts are sums of weights by class: of the rows that are of the class, of
// those predicted to be, and of those that are both.
type counts struct {
	actual, predicted, hit []float64
}

func count(t ml.Target, outputs []float64) counts {
	width := t.Outputs()
	c := counts{make([]float64, width), make([]float64, width), make([]float64, width)}
	for i, v := range t.Values {
		w, k := t.Weight(i), likeliest(outputs[i*width:(i+1)*width])
		c.actual[int(v)] += w
		c.predicted[k] += w
		if k == int(v) {
			c.hit[k] += w
		}
	}
	return c
}

func (c counts) balancedAccuracy() float64 {
	sum, classes := 0.0, 0.0
	for k, actual := range c.actual {
		if actual > 0 {
			sum += c.hit[k] / actual
			classes++
		}
	}
	return sum / classes
}

// f1 is 0 for a class that is neither true nor predicted anywhere.
func (c counts) f1(k int) float64 {
	if c.hit[k] == 0 {
		return 0
	}
	return 2 * c.hit[k] / (c.actual[k] + c.predicted[k])
}

func (c counts) f1Macro() float64 {
	sum, classes := 0.0, 0.0
	for k := range c.actual {
		if c.actual[k] > 0 || c.predicted[k] > 0 {
			sum += c.f1(k)
			classes++
		}
	}
	return sum / classes
}
