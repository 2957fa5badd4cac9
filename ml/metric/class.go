package metric

import (
	"math"

	"github.com/narrativeml/narrative/ml"
)

// epsilon keeps logarithms and quotients finite.
const epsilon = 0x1p-52

// logLoss clips probabilities by one machine epsilon and makes them sum to 1.
func (s *scoring) logLoss() float64 {
	return weightedMean(s.y, func(i int) float64 {
		sum := 0.0
		for _, p := range s.row(i) {
			sum += min(max(p, epsilon), 1-epsilon)
		}
		p := s.row(i)[int(s.y.Values[i])]
		return -math.Log(min(max(p, epsilon), 1-epsilon) / sum)
	})
}

// row returns the outputs of a row.
func (s *scoring) row(i int) []float64 { return s.outputs[i*s.width : (i+1)*s.width] }

func (s *scoring) brier() float64 {
	return weightedMean(s.y, func(i int) float64 {
		d := s.outputs[2*i+1] - s.y.Values[i]
		return d * d
	})
}

// top is the share of rows whose class is among the k likeliest; of classes
// that are as likely the first come first.
func (s *scoring) top(name string, k int) (float64, error) {
	if s.width <= k {
		return 0, inputError(TooFewNames, "%s says nothing about %d classes: one of the %d likeliest is always right; more classes than %d are needed", name, s.width, k, k)
	}
	return weightedMean(s.y, func(i int) float64 {
		row, truth := s.row(i), int(s.y.Values[i])
		before := 0
		for j, p := range row {
			if p > row[truth] || p == row[truth] && j < truth {
				before++
			}
		}
		if before < k {
			return 1
		}
		return 0
	}), nil
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

// tally is sums of weights by class: of the rows that are of the class, of
// those predicted to be, and of those that are both.
type tally struct {
	actual, predicted, hit []float64
	total, right           float64 // of all rows, and of those predicted right
	apart, square          float64 // of rows times the distance of the predicted from the true class, and its square
}

// tally counts once.
func (s *scoring) tally() *tally {
	if s.tallied == nil {
		s.tallied = newTally(s.y, func(i int) int { return likeliest(s.row(i)) })
	}
	return s.tallied
}

func newTally(t ml.Target, predicted func(row int) int) *tally {
	n := len(t.Classes)
	c := &tally{actual: make([]float64, n), predicted: make([]float64, n), hit: make([]float64, n)}
	for i, v := range t.Values {
		w, k := t.Weight(i), predicted(i)
		c.actual[int(v)] += w
		c.predicted[k] += w
		c.total += w
		if k == int(v) {
			c.hit[k] += w
			c.right += w
			continue
		}
		d := v - float64(k)
		c.apart += w * math.Abs(d)
		c.square += w * d * d
	}
	return c
}

// of returns the counts of a class against all others.
func (c *tally) of(k int) Counts {
	fp, fn := c.predicted[k]-c.hit[k], c.actual[k]-c.hit[k]
	// Sums of the same weights in another order may differ in the last place.
	fp, fn = max(fp, 0), max(fn, 0)
	return Counts{TP: c.hit[k], FP: fp, FN: fn, TN: max(c.total-c.hit[k]-fp-fn, 0)}
}

func (s *scoring) accuracy() float64 { return s.tally().right / s.tally().total }

func (s *scoring) balancedAccuracy() float64 { return s.tally().balancedAccuracy() }

func (c *tally) balancedAccuracy() float64 {
	sum, classes := 0.0, 0.0
	for k, actual := range c.actual {
		if actual > 0 {
			sum += c.hit[k] / actual
			classes++
		}
	}
	return sum / classes
}

// decided makes a metric of the counts of the positive class.
func decided(f func(c Counts) float64) func(s *scoring) (float64, error) {
	return func(s *scoring) (float64, error) { return f(s.tally().of(1)), nil }
}

// needing is decided for a metric that needs rows of a class.
func needing(name string, class int, f func(c Counts) float64) func(s *scoring) (float64, error) {
	return func(s *scoring) (float64, error) {
		if s.tally().actual[class] == 0 {
			return 0, inputError(OneClass, "%s is undefined without rows of the class %q; at least one is needed", name, s.y.Classes[class])
		}
		return f(s.tally().of(1)), nil
	}
}

// average is a way to make one number of those of the classes.
type average int

const (
	macro    average = iota // every class counts the same
	weighted                // by its rows
	micro                   // the counts of all classes are added first
)

// mean makes a metric of the mean of a figure over the classes that are true or
// predicted somewhere.
func mean(f func(c Counts) float64, a average) func(s *scoring) (float64, error) {
	return func(s *scoring) (float64, error) { return s.tally().mean(f, a), nil }
}

func (c *tally) mean(f func(c Counts) float64, a average) float64 {
	if a == micro {
		// Every row that misses its class is a false positive of another.
		wrong := max(c.total-c.right, 0)
		return f(Counts{TP: c.right, FP: wrong, FN: wrong})
	}
	sum, total := 0.0, 0.0
	for k := range c.actual {
		if c.actual[k] == 0 && c.predicted[k] == 0 {
			continue
		}
		w := 1.0
		if a == weighted {
			w = c.actual[k]
		}
		sum += w * f(c.of(k))
		total += w
	}
	return sum / total
}

// mcc is the multiclass form of the Matthews correlation coefficient (J.
// Gorodkin, Comparing two K-category assignments by a K-category correlation
// coefficient, 2004), 0 where it is not defined.
func (s *scoring) mcc() float64 {
	c := s.tally()
	n := c.total
	both, predicted, actual := 0.0, 0.0, 0.0
	for k := range c.actual {
		both += c.actual[k] / n * (c.predicted[k] / n)
		// 1 - sum of squares, without its rounding where one class is all.
		predicted += c.predicted[k] / n * ((n - c.predicted[k]) / n)
		actual += c.actual[k] / n * ((n - c.actual[k]) / n)
	}
	if predicted <= 0 || actual <= 0 {
		return 0
	}
	return max(-1, min((c.right/n-both)/math.Sqrt(predicted)/math.Sqrt(actual), 1))
}

// kappa makes a metric of Cohen's kappa (J. Cohen, Weighted kappa, 1968):
// the disagreement saved compared with that of chance. The disagreement of two
// classes is 1, or by the distance of their indices.
func kappa(name string, distance func(c *tally) (seen, chance float64)) func(s *scoring) (float64, error) {
	return func(s *scoring) (float64, error) {
		seen, chance := distance(s.tally())
		if chance <= 0 {
			return 0, inputError(OneClass, "%s is undefined when one class is all that is true and predicted; rows of two are needed", name)
		}
		return 1 - seen/chance, nil
	}
}

// differ counts a disagreement as 1.
func differ(c *tally) (seen, chance float64) {
	for k := range c.actual {
		chance += c.actual[k] * ((c.total - c.predicted[k]) / c.total)
	}
	return c.total - c.right, chance
}

// linear counts the distance of the classes. That of chance is a sum over the
// gaps between classes: what of the one lies before, what of the other after.
func linear(c *tally) (seen, chance float64) {
	actual, predicted := 0.0, 0.0
	for k := range c.actual {
		actual += c.actual[k]
		predicted += c.predicted[k]
		chance += actual*((c.total-predicted)/c.total) + predicted*((c.total-actual)/c.total)
	}
	return c.apart, chance
}

// quadratic counts the square of the distance. That of chance is taken around
// the mean of the true classes, where the mixed term is 0.
func quadratic(c *tally) (seen, chance float64) {
	center := 0.0
	for k, w := range c.actual {
		center += w / c.total * float64(k)
	}
	for k := range c.actual {
		d := float64(k) - center
		chance += (c.actual[k] + c.predicted[k]) * d * d
	}
	return c.square, chance
}
