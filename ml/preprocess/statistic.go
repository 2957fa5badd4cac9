package preprocess

import (
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
)

// present returns a copy of the values of a column of numbers that are not
// missing.
func present(c frame.Column) []float64 {
	values := make([]float64, 0, c.Len())
	for i := range c.Len() {
		if v := c.Float(i); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return values
}

// moments returns the mean and the standard deviation (by the number of values)
// without overflowing for finite values.
func moments(values []float64) (mean, deviation float64) {
	unit := 0.0
	for _, v := range values {
		unit = max(unit, math.Abs(v))
	}
	if unit == 0 {
		return 0, 0
	}
	// A power of two keeps the division exact.
	_, exp := math.Frexp(unit)
	n := float64(len(values))
	sum := 0.0
	for _, v := range values {
		sum += math.Ldexp(v, -exp)
	}
	scaled := sum / n
	sum = 0
	for _, v := range values {
		d := math.Ldexp(v, -exp) - scaled
		sum += d * d
	}
	return math.Ldexp(scaled, exp), min(math.Ldexp(math.Sqrt(sum/n), exp), math.MaxFloat64)
}

// median returns the middle of the values, which it reorders; there is at
// least one.
func median(values []float64) float64 {
	mid := len(values) / 2
	selectNth(values, mid)
	if len(values)%2 == 1 {
		return values[mid]
	}
	below := slices.Max(values[:mid])
	return below/2 + values[mid]/2
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

// mode returns the most frequent value, the smallest among equals; it reorders
// the values, of which there is at least one.
func mode(values []float64) float64 {
	slices.Sort(values)
	best, most := values[0], 0
	for i := 0; i < len(values); {
		j := i
		for j < len(values) && values[j] == values[i] {
			j++
		}
		if j-i > most {
			best, most = values[i], j-i
		}
		i = j
	}
	return best
}

// modeText returns the most frequent string of c, the smallest among equals, ""
// without any.
func modeText(c frame.Column) string {
	counts := make([]int, len(c.Dict()))
	for _, k := range c.Codes() {
		if k >= 0 {
			counts[k]++
		}
	}
	best, most := "", 0
	for k, n := range counts {
		if s := c.Dict()[k]; n > most || (n == most && n > 0 && s < best) {
			best, most = s, n
		}
	}
	return best
}
