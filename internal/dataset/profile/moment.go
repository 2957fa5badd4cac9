package profile

import "math"

// moment holds count, mean, spread, shape and range of numbers.
type moment struct {
	n          int64
	mean       float64
	m2, m3, m4 float64 // sums of powers of the distance from the mean
	min, max   float64
}

// add takes numbers into account, of which there is at least one. It computes the
// moments of the batch in two passes, which is quicker than one number at a time and
// as exact.
func (m *moment) add(values []float64) {
	lo, hi, sum := extent(values)
	b := moment{n: int64(len(values)), min: lo + 0, max: hi + 0} // -0 is 0
	b.mean = values[0] + sum/float64(b.n)
	if math.IsInf(sum, 0) || math.IsNaN(sum) {
		b.mean = 0
		for i, v := range values {
			b.mean += (v/2 - b.mean/2) / float64(i+1) * 2
		}
	}
	var even, odd [3]float64 // sums that do not wait for each other
	for len(values) >= 2 {
		d, e := values[0]-b.mean, values[1]-b.mean
		dd, ee := d*d, e*e
		even[0] += dd
		odd[0] += ee
		even[1] += dd * d
		odd[1] += ee * e
		even[2] += dd * dd
		odd[2] += ee * ee
		values = values[2:]
	}
	for _, v := range values {
		d := v - b.mean
		dd := d * d
		even[0] += dd
		even[1] += dd * d
		even[2] += dd * dd
	}
	b.m2, b.m3, b.m4 = even[0]+odd[0], even[1]+odd[1], even[2]+odd[2]
	m.merge(b)
}

// extent returns the smallest and the largest number, and the sum of how far they are
// from the first, which keeps it small when they are large and close.
func extent(values []float64) (lo, hi, sum float64) {
	base := values[0]
	lo, hi = base, base
	rest := 0.0
	for i, v := range values {
		if i&1 == 0 { // sums that do not wait for each other
			sum += v - base
		} else {
			rest += v - base
		}
		if v < lo { // quicker than min, which looks for what is not there
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	return lo, hi, sum + rest
}

// merge joins two parts (Chan, Golub and LeVeque 1983; Pébay 2008 for the
// higher powers).
func (m *moment) merge(o moment) {
	if o.n == 0 {
		return
	}
	if m.n == 0 {
		*m = o
		return
	}
	n := m.n + o.n
	a, b, all := float64(m.n), float64(o.n), float64(n)
	share := b / all
	d := o.mean - m.mean
	// The higher powers need the lower ones of before.
	m.m4 += o.m4 + d*d*d*d*a*share*(a*a-a*b+b*b)/(all*all) + 6*d*d*(a*a*o.m2+b*b*m.m2)/(all*all) + 4*d*(a*o.m3-b*m.m3)/all
	m.m3 += o.m3 + d*d*d*a*share*(a-b)/all + 3*d*(a*o.m2-b*m.m2)/all
	m.m2 += o.m2 + d*d*a*share
	if math.IsInf(d, 0) { // the spread is beyond all numbers, and the mean is not
		m.mean = m.mean*(1-share) + o.mean*share
	} else {
		m.mean += d * share
	}
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
	return held(math.Sqrt(max(m.m2, 0) / float64(m.n-1)))
}

// skew returns the adjusted Fisher-Pearson skewness: 0 for what is symmetric,
// positive when the right tail is the longer.
func (m *moment) skew() (float64, bool) {
	if m.n < 3 || m.m2 <= 0 {
		return 0, false
	}
	n := float64(m.n)
	return held(n * math.Sqrt(n-1) / (n - 2) * m.m3 / math.Pow(m.m2, 1.5))
}

// kurtosis returns the excess kurtosis, corrected for the size of the sample: 0
// for the normal distribution, positive when tails are heavier.
func (m *moment) kurtosis() (float64, bool) {
	if m.n < 4 || m.m2 <= 0 {
		return 0, false
	}
	n := float64(m.n)
	g := n*(n+1)*(n-1)*m.m4/(m.m2*m.m2) - 3*(n-1)*(n-1)
	return held(g / ((n - 2) * (n - 3)))
}

// held reports whether the number is one that JSON can hold.
func held(v float64) (float64, bool) { return v, !math.IsInf(v, 0) && !math.IsNaN(v) }
