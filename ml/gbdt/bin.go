package gbdt

import (
	"math"
	"slices"
)

// bounds returns the upper bounds of at most limit bins for the values, which
// it sorts: value x is in the first bin b with x <= bounds[b], or in bin
// len(bounds). Values in no more than limit different amounts get a bin each;
// else the bins hold about as many values each, and a frequent value one alone.
func bounds(values []float64, limit int) []float64 {
	slices.Sort(values)
	distinct, counts := runs(values)
	if len(distinct) < 2 {
		return nil
	}
	if len(distinct) <= limit {
		out := make([]float64, len(distinct)-1)
		for i := range out {
			out[i] = between(distinct[i], distinct[i+1])
		}
		return out
	}
	out := make([]float64, 0, limit-1)
	left, inBin := len(values), 0
	for i := 0; i+1 < len(distinct) && len(out) < limit-1; i++ {
		inBin += counts[i]
		target := float64(left) / float64(limit-len(out))
		under, over := target-float64(inBin), float64(inBin+counts[i+1])-target
		if under <= 0 || over > under {
			out = append(out, between(distinct[i], distinct[i+1]))
			left -= inBin
			inBin = 0
		}
	}
	return out
}

// runs returns the different values of a sorted list and how often each occurs.
func runs(sorted []float64) (distinct []float64, counts []int) {
	n := 0
	for i, v := range sorted {
		if i == 0 || v != sorted[i-1] {
			n++
		}
	}
	distinct, counts = make([]float64, 0, n), make([]int, 0, n)
	for i, v := range sorted {
		if i == 0 || v != sorted[i-1] {
			distinct = append(distinct, v)
			counts = append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	return distinct, counts
}

// between returns a number m with a <= m < b that is about halfway.
func between(a, b float64) float64 {
	if m := a/2 + b/2; m >= a && m < b {
		return m
	}
	return a
}

// binner looks bins up. Its array is padded with +Inf.
type binner struct {
	upper   [256]float64
	missing uint8
}

// newBinner returns a binner for at most 254 bounds.
func newBinner(upper []float64) *binner {
	b := &binner{missing: uint8(len(upper) + 1)}
	n := copy(b.upper[:], upper)
	for i := n; i < len(b.upper); i++ {
		b.upper[i] = math.Inf(1)
	}
	return b
}

// bins writes the bin of each value to out.
func (b *binner) bins(values []float64, out []uint8) {
	out = out[:len(values)]
	for i, x := range values {
		// Eight halvings without a branch: below is the number of bounds < x.
		var below uint8
		below += less(b.upper[127], x) << 7
		below += less(b.upper[below+63], x) << 6
		below += less(b.upper[below+31], x) << 5
		below += less(b.upper[below+15], x) << 4
		below += less(b.upper[below+7], x) << 3
		below += less(b.upper[below+3], x) << 2
		below += less(b.upper[below+1], x) << 1
		below += less(b.upper[below], x)
		if math.IsNaN(x) {
			below = b.missing
		}
		out[i] = below
	}
}

// less returns 1 if a < b, else 0.
func less(a, b float64) uint8 {
	var v uint8
	if a < b {
		v = 1
	}
	return v
}
