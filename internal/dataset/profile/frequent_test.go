package profile_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// TestFrequentValuesAreFound has columns of more values than are counted, whose
// counts must not be further off than they say.
func TestFrequentValuesAreFound(t *testing.T) {
	t.Parallel()
	const rows = 120_000
	rng := rand.New(rand.NewPCG(5, 6))
	zipf := rand.NewZipf(rng, 1.1, 1, 1e7)
	for name, draw := range map[string]func(i int) float64{
		"as words are":       func(int) float64 { return float64(zipf.Uint64()) },
		"one nearly always":  func(i int) float64 { return pick(i%10 > 0, 7, rng.NormFloat64()) },
		"some among others":  func(i int) float64 { return pick(i%100 < 3, float64(i%100), rng.NormFloat64()) },
		"a few too many":     func(int) float64 { return float64(rng.IntN(6000)) },
		"first all the same": func(i int) float64 { return pick(i < rows/2, 3, float64(i)) },
		"never twice":        func(i int) float64 { return float64(i) * 1.5 },
	} {
		floats, ints := make([]float64, rows), make([]int64, rows)
		for i := range floats {
			floats[i] = draw(i)
			ints[i] = int64(floats[i] * 1e6)
		}
		f := table(t, frame.NewFloat("x", floats), frame.NewInt("n", frame.Int, ints, nil))
		for _, parts := range []int{1, 3} {
			for k, col := range describe(t, f, parts).Columns {
				c := f.Columns()[k]
				exact := make(map[any]int64)
				for i := range rows {
					exact[tabular.Value(c, i)]++
				}
				if col.DistinctExact || col.TopError > rows/800 {
					t.Errorf("%s in %d parts: counts of %s may be off by %d", name, parts, col.Name, col.TopError)
				}
				least := int64(0)
				for _, top := range col.Top {
					if n := exact[top.Value]; top.Count > n || top.Count < n-col.TopError {
						t.Errorf("%s in %d parts: %v is %d times in %s, not %d (error %d)", name, parts, top.Value, n, col.Name, top.Count, col.TopError)
					}
					least = top.Count
					delete(exact, top.Value)
				}
				if len(col.Top) < 10 {
					least = 0
				}
				for v, n := range exact {
					if n > 2*col.TopError && n-col.TopError > least {
						t.Errorf("%s in %d parts: %v is %d times in %s and not found (error %d)", name, parts, v, n, col.Name, col.TopError)
					}
				}
			}
		}
	}
}

func pick(first bool, a, b float64) float64 {
	if first {
		return a
	}
	return b
}

// TestQuantilesOfExtremes has columns of more values than are counted exactly.
func TestQuantilesOfExtremes(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	rng := rand.New(rand.NewPCG(7, 8))
	for name, draw := range map[string]func() float64{
		"huge":               func() float64 { return (rng.Float64() - 0.5) * 2 * math.MaxFloat64 },
		"all powers":         func() float64 { return math.Ldexp(rng.NormFloat64(), rng.IntN(60)-30) },
		"next to zero":       func() float64 { return 1e-310 * rng.Float64() },
		"zeros, and the end": func() float64 { return pick(rng.IntN(2) > 0, 0, math.Nextafter(math.MaxFloat64, 0)*rng.Float64()) },
		"far and close":      func() float64 { return 1e12 + rng.Float64() },
		"negative":           func() float64 { return -math.Exp(3 * rng.NormFloat64()) },
	} {
		values := make([]float64, rows)
		for i := range values {
			values[i] = draw()
		}
		f := table(t, frame.NewFloat("x", values))
		sorted := slices.Sorted(slices.Values(values))
		for _, parts := range []int{1, 2, 5} {
			c := describe(t, f, parts).Columns[0]
			q := c.Quantiles
			for share, got := range map[float64]any{0.01: q.P1, 0.05: q.P5, 0.25: q.P25, 0.5: q.P50, 0.75: q.P75, 0.95: q.P95, 0.99: q.P99} {
				want := sorted[int(share*(rows-1))]
				near := c.QuantilesError*math.Abs(want) + 1e-3*math.Min(sorted[rows-1]-sorted[0], math.MaxFloat64)/50
				if name == "next to zero" {
					near = 1e-310
				}
				if math.Abs(number(got)-want) > near {
					t.Errorf("%s in %d parts: quantile %v is %v, want %v", name, parts, share, got, want)
				}
			}
		}
	}
}
