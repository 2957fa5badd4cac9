package metric_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml/metric"
)

// TestDescending compares the two ways to sort with each other.
func TestDescending(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 9))
	odd := []float64{0, math.Copysign(0, -1), 1, -1, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 0.5}
	for _, n := range []int{0, 1, 2, metric.RadixRows - 1, metric.RadixRows, 3000} {
		for _, draw := range []func() float64{
			r.Float64, r.NormFloat64,
			func() float64 { return float64(r.IntN(3)) },
			func() float64 { return odd[r.IntN(len(odd))] },
			func() float64 { return 0.25 },
		} {
			values := make([]float64, n)
			want := make([]int32, n)
			for i := range values {
				values[i], want[i] = draw(), int32(i)
			}
			slices.SortStableFunc(want, func(a, b int32) int { return cmp.Compare(values[b], values[a]) })
			if got := metric.Descending(values); !slices.Equal(got, want) {
				t.Fatalf("%d values are in another order", n)
			}
		}
	}
}
