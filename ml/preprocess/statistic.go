package preprocess

import (
	"cmp"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
)

// sample is the values of a column of numbers that are not missing.
type sample struct {
	values  []float64
	weights []float64 // of the values, at most 1; nil: all are 1
}

// newSample returns a sample of its own. It refuses infinite values.
func newSample(c frame.Column, weights []float64) (sample, error) {
	if err := checkFinite(c); err != nil {
		return sample{}, err
	}
	s := sample{values: make([]float64, 0, c.Len()-c.Nulls())}
	// Shares of the largest one, so that no sum of them overflows.
	largest := 0.0
	for _, w := range weights {
		largest = max(largest, w)
	}
	for i := range c.Len() {
		v := c.Float(i)
		if math.IsNaN(v) {
			continue
		}
		s.values = append(s.values, v)
		if weights != nil {
			s.weights = append(s.weights, weights[i]/largest)
		}
	}
	return s, nil
}

func (s sample) weight(i int) float64 {
	if s.weights == nil {
		return 1
	}
	return s.weights[i]
}

func (s sample) isConstant() bool {
	for _, v := range s.values {
		if v != s.values[0] {
			return false
		}
	}
	return true
}

// moments returns the mean and the standard deviation (by the sum of weights)
// without overflowing for finite values; 0 and 0 of nothing.
func (s sample) moments() (mean, deviation float64) {
	unit := 0.0
	for _, v := range s.values {
		unit = max(unit, math.Abs(v))
	}
	if unit == 0 {
		return 0, 0
	}
	// A power of two keeps the division exact.
	_, exp := math.Frexp(unit)
	n, sum := 0.0, 0.0
	for i, v := range s.values {
		w := s.weight(i)
		n += w
		sum += w * math.Ldexp(v, -exp)
	}
	scaled := sum / n
	sum = 0
	for i, v := range s.values {
		d := math.Ldexp(v, -exp) - scaled
		sum += s.weight(i) * d * d
	}
	return math.Ldexp(scaled, exp), min(math.Ldexp(math.Sqrt(sum/n), exp), math.MaxFloat64)
}

// median returns the value that half of the weight lies below, or the middle of
// two; it reorders a sample without weights. There is at least one value.
func (s sample) median() float64 {
	if s.weights != nil {
		return s.weightedMedian()
	}
	mid := len(s.values) / 2
	selectNth(s.values, mid)
	if len(s.values)%2 == 1 {
		return s.values[mid]
	}
	below := slices.Max(s.values[:mid])
	return below/2 + s.values[mid]/2
}

func (s sample) weightedMedian() float64 {
	order := s.order()
	total := 0.0
	for _, i := range order {
		total += s.weights[i]
	}
	sum := 0.0
	for k, i := range order {
		sum += s.weights[i]
		switch {
		case sum > total/2:
			return s.values[i]
		case sum == total/2:
			return s.values[i]/2 + s.values[order[min(k+1, len(order)-1)]]/2
		}
	}
	return s.values[order[len(order)-1]]
}

// order returns the positions of the values in ascending order, equal ones as
// they come.
func (s sample) order() []int {
	order := make([]int, len(s.values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.values[a], s.values[b]) })
	return order
}

// mode returns the value of the most weight, the smallest among equals. There
// is at least one value.
func (s sample) mode() float64 {
	order := s.order()
	best, most := s.values[order[0]], 0.0
	for k := 0; k < len(order); {
		v, sum := s.values[order[k]], 0.0
		for ; k < len(order) && s.values[order[k]] == v; k++ {
			sum += s.weight(order[k])
		}
		if sum > most {
			best, most = v, sum
		}
	}
	return best
}

// quantile returns a quantile of sorted values, of which there is at least
// one: linear between the two values around q·(n−1), type 7 of Hyndman and Fan
// (Sample quantiles in statistical packages, 1996).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	k := int(at)
	if k >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	part := at - float64(k)
	if d := sorted[k+1] - sorted[k]; !math.IsInf(d, 0) {
		return sorted[k] + part*d
	}
	return sorted[k]*(1-part) + sorted[k+1]*part
}

// selectNth reorders values so that the nth is where sorting would put it, the
// smaller ones before it. It takes linear time on average (Hoare's selection
// with the median of three as the pivot) and sorts what is left when its
// pivots are bad.
func selectNth(values []float64, nth int) {
	lo, hi := 0, len(values)-1
	for range 64 {
		if hi-lo < 16 {
			break
		}
		a, b, c := values[lo], values[lo+(hi-lo)/2], values[hi]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i++
				j--
			}
		}
		switch {
		case nth <= j:
			hi = j
		case nth >= i:
			lo = i
		default:
			return
		}
	}
	slices.Sort(values[lo : hi+1])
}

// modeText returns the string of the most weight in c, the smallest among
// equals, "" without any.
func modeText(c frame.Column, weights []float64) string {
	sums := weightOf(c, weights)
	best, most := "", 0.0
	for k, n := range sums {
		if s := c.Dict()[k]; n > most || (n == most && n > 0 && s < best) {
			best, most = s, n
		}
	}
	return best
}

// weightOf returns the sum of the weights of each entry of the dictionary of c.
func weightOf(c frame.Column, weights []float64) []float64 {
	sums := make([]float64, len(c.Dict()))
	largest := 0.0
	for _, w := range weights {
		largest = max(largest, w)
	}
	for i, k := range c.Codes() {
		switch {
		case k < 0:
		case weights == nil:
			sums[k]++
		default:
			sums[k] += weights[i] / largest
		}
	}
	return sums
}
