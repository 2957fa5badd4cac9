package binned_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/narrativeml/narrative/ml/internal/binned"
)

func TestBounds(t *testing.T) {
	t.Parallel()
	g := rand.New(rand.NewPCG(1, 1))
	many := make([]float64, 10_000)
	frequent := make([]float64, 10_000)
	for i := range many {
		many[i] = g.NormFloat64()
		if frequent[i] = g.NormFloat64(); g.Float64() < 0.6 {
			frequent[i] = 0
		}
	}
	tests := map[string]struct {
		values []float64
		limit  int
		want   []float64 // nil: only the properties are checked
	}{
		"none":            {nil, 255, []float64{}},
		"constant":        {[]float64{3, 3, 3}, 255, []float64{}},
		"two":             {[]float64{1, 0, 1}, 255, []float64{0.5}},
		"neighbours":      {[]float64{1, math.Nextafter(1, 2)}, 255, []float64{1}},
		"extremes":        {[]float64{math.MaxFloat64, -math.MaxFloat64, 0}, 255, []float64{-math.MaxFloat64 / 2, math.MaxFloat64 / 2}},
		"as many as bins": {[]float64{1, 2, 3, 4}, 4, []float64{1.5, 2.5, 3.5}},
		"two bins":        {[]float64{1, 2, 3, 4}, 2, []float64{2.5}},
		"many":            {many, 255, nil},
		"a frequent one":  {frequent, 16, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := slices.Clone(test.values)
			got := binned.Bounds(values, test.limit)
			if test.want != nil && !slices.Equal(got, test.want) {
				t.Errorf("bounds are %v, want %v", got, test.want)
			}
			if len(got) >= test.limit {
				t.Errorf("%d bounds for %d bins", len(got), test.limit)
			}
			counts := make([]int, len(got)+1)
			for i, b := range binned.Bins(got, values) {
				counts[b]++
				if want := sort.SearchFloat64s(got, values[i]); int(b) != want {
					t.Fatalf("%v is in bin %d, want %d", values[i], b, want)
				}
			}
			if len(values) > 0 && slices.Min(counts) == 0 {
				t.Errorf("a bin is empty: %v", counts)
			}
		})
	}
}

func TestBoundsAreBalanced(t *testing.T) {
	t.Parallel()
	g := rand.New(rand.NewPCG(2, 2))
	values := make([]float64, 25_500)
	for i := range values {
		values[i] = g.Float64()
	}
	bounds := binned.Bounds(values, 255)
	if len(bounds) != 254 {
		t.Fatalf("%d bounds, want 254", len(bounds))
	}
	counts := make([]int, 255)
	for _, b := range binned.Bins(bounds, values) {
		counts[b]++
	}
	if low, high := slices.Min(counts), slices.Max(counts); low < 99 || high > 101 {
		t.Errorf("bins hold from %d to %d values, want about 100", low, high)
	}
}

func TestBinsOfSpecialValues(t *testing.T) {
	t.Parallel()
	got := binned.Bins([]float64{-1, 0, 1}, []float64{
		math.Inf(-1), -1, math.Copysign(0, -1), 0, 0.5, 1, 2, math.Inf(1), math.NaN(),
	})
	if want := []uint8{0, 0, 1, 1, 2, 2, 3, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("bins are %v, want %v", got, want)
	}
	full := make([]float64, 254)
	for i := range full {
		full[i] = float64(i)
	}
	if got, want := binned.Bins(full, []float64{253, 254, math.NaN()}), []uint8{253, 254, 255}; !slices.Equal(got, want) {
		t.Errorf("bins are %v, want %v", got, want)
	}
}
