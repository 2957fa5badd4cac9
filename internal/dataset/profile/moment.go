package profile

import "math"

// moment holds count, mean, spread and range of numbers.
type moment struct {
	n        int64
	mean, m2 float64
	min, max float64
}

// add takes numbers into account; it computes the moments of the batch in two
// passes, which is quicker than one number at a time and as exact.
func (m *moment) add(values []float64) {
	if len(values) == 0 {
		return
	}
	b := moment{n: int64(len(values)), min: values[0], max: values[0]}
	base := values[0] // keeps the sum small when the values are large and close
	sum := 0.0
	for _, v := range values {
		sum += v - base
		b.min = min(b.min, v)
		b.max = max(b.max, v)
	}
	b.mean = base + sum/float64(b.n)
	if math.IsInf(sum, 0) || math.IsNaN(sum) {
		b.mean = 0
		for i, v := range values {
			b.mean += (v/2 - b.mean/2) / float64(i+1) * 2
		}
	}
	for _, v := range values {
		d := v - b.mean
		b.m2 += d * d
	}
	m.merge(b)
}

// merge joins two parts (Chan, Golub and LeVeque 1983).
func (m *moment) merge(o moment) {
	if o.n == 0 {
		return
	}
	if m.n == 0 {
		*m = o
		return
	}
	n := m.n + o.n
	share := float64(o.n) / float64(n)
	d := o.mean - m.mean
	m.m2 += o.m2 + d*d*float64(m.n)*share
	m.mean += d * share
	m.n = n
	m.min = min(m.min, o.min)
	m.max = max(m.max, o.max)
}

// std returns the sample standard deviation, if there is one that a float
// holds.
func (m *moment) std() (float64, bool) {
	if m.n < 2 {
		return 0, false
	}
	s := math.Sqrt(max(m.m2, 0) / float64(m.n-1))
	return s, !math.IsInf(s, 0) && !math.IsNaN(s)
}
