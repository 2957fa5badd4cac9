package linear_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/narrativeml/narrative/ml/linear"
)

// TestLeast compares with the best of many places, among them all kinks.
func TestLeast(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	for n := range 2000 {
		count := 1 + r.IntN(12)
		kinks, l1, l2 := make([]float64, count), make([]float64, count), make([]float64, count)
		for i := range kinks {
			kinks[i], l1[i] = float64(r.IntN(9)-4), 1
			if n%3 > 0 {
				l1[i] = r.Float64()
			}
			if n%2 > 0 {
				l2[i] = r.Float64()
			}
		}
		value := func(x float64) float64 {
			sum := 0.0
			for i, k := range kinks {
				sum += l1[i]*math.Abs(x-k) + l2[i]/2*(x-k)*(x-k)
			}
			return sum
		}
		got := linear.Least(kinks, l1, l2)
		for i := range 1001 {
			if x := float64(i-500) / 100; value(x) < value(got)-1e-9 {
				t.Fatalf("at %v the sum is %v, at %v only %v", got, value(got), x, value(x))
			}
		}
		if got != 0 && value(0) <= value(got) {
			t.Fatalf("the least is said to be at %v, 0 is as good", got)
		}
	}
}
