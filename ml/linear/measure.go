package linear

import "math"

// far is from how many deviations on a mean is so far from 0 that the values are
// written down anew without it: sums of them as they are would lose digits.
const far = 8

// measure computes what centres and scales the variables, and shifts columns
// whose mean is far from 0.
func (d *design) measure(weights []float64) {
	d.first = make([]int, len(d.columns)+1)
	for c, col := range d.columns {
		d.first[c+1] = d.first[c] + col.width()
	}
	d.shift = make([]float64, len(d.columns))
	d.mean, d.scale = make([]float64, d.variables()), make([]float64, d.variables())
	d.team.Each(len(d.columns), func(_, c int) {
		low, high := d.first[c], d.first[c+1]
		switch col := d.columns[c].(type) {
		case *numbers:
			d.shift[c], d.mean[low], d.scale[low] = col.measure(weights, d.total)
		case *levels:
			d.shares(col, d.mean[low:high], weights)
			for j := low; j < high; j++ {
				if p := d.mean[j]; p < 1-1e-12 && high-low > 1 {
					d.scale[j] = inverse(math.Sqrt(p * (1 - p)))
				}
			}
		}
	})
}

// measure returns what it subtracts from the values, their mean after that and
// their scale.
func (c *numbers) measure(weights []float64, total float64) (shift, middle, scale float64) {
	middle = mean(c.values, weights, total)
	spread := deviation(c.values, weights, middle, total)
	if spread <= 1e-12*math.Abs(middle) {
		return 0, middle, 0
	}
	if math.Abs(middle) > far*spread {
		c.values = scaled(c.values, middle, 1)
		shift, middle = middle, 0
	}
	c.mean = middle
	return shift, middle, inverse(spread)
}

// shares writes the share of each level in the weights.
func (d *design) shares(col *levels, out, weights []float64) {
	for i, k := range col.codes {
		if weights == nil {
			out[k]++
		} else {
			out[k] += weights[i]
		}
	}
	for j := range out {
		out[j] /= d.total
	}
}

// inverse returns 1/deviation, 0 for one that is too small to tell from none.
func inverse(deviation float64) float64 {
	if deviation < 1/maxMagnitude {
		return 0
	}
	return 1 / deviation
}

// mean returns the weighted mean. A second look takes back what the first one
// lost by rounding: the mean of equal values is that value.
func mean(values, weights []float64, total float64) float64 {
	middle := 0.0
	for range 2 {
		sum := 0.0
		for i, v := range values {
			v -= middle
			if weights != nil {
				v *= weights[i]
			}
			sum += v
		}
		middle += sum / total
	}
	return middle
}

// deviation returns the weighted standard deviation.
func deviation(values, weights []float64, mean, total float64) float64 {
	sum := 0.0
	for i, v := range values {
		square := (v - mean) * (v - mean)
		if weights != nil {
			square *= weights[i]
		}
		sum += square
	}
	return math.Sqrt(sum / total)
}
