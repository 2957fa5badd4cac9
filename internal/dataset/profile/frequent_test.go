package profile_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// TestFrequentValuesAreFound has columns of more values than are counted, whose
// counts must not be further off than they say.
func TestFrequentValuesAreFound(t *testing.T) {
	t.Parallel()
	const rows = 7*16_384 + 2 // the last two are counted alone
	var rng *rand.Rand
	var zipf *rand.Zipf
	for name, draw := range map[string]func(i int) float64{
		"as words are":       func(int) float64 { return float64(zipf.Uint64()) },
		"one nearly always":  func(i int) float64 { return pick(i%10 > 0, 7, rng.NormFloat64()) },
		"some among others":  func(i int) float64 { return pick(i%100 < 3, float64(i%100), rng.NormFloat64()) },
		"a few too many":     func(int) float64 { return float64(rng.IntN(6000)) },
		"first all the same": func(i int) float64 { return pick(i < rows/2, 3, float64(i)) },
		"last all the same":  func(i int) float64 { return pick(i > rows/2, 3, float64(i)) },
		"never twice":        func(i int) float64 { return float64(i) * 1.5 },
	} {
		rng = rand.New(rand.NewPCG(5, 6))
		zipf = rand.NewZipf(rng, 1.1, 1, 1e7)
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

// TestValuesAfterFrequentOnes has more values than are counted, most of which are
// frequent when the others come.
func TestValuesAfterFrequentOnes(t *testing.T) {
	t.Parallel()
	const values, times, others = 3000, 70, 5000
	ints := make([]int64, values*times+others)
	for i := range ints {
		ints[i] = int64(i % values)
		if i >= values*times {
			ints[i] = int64(i)
		}
	}
	c := describe(t, table(t, frame.NewInt("n", frame.Int, ints, nil)), 1).Columns[0]
	if off := math.Abs(float64(c.Distinct)/(values+others) - 1); c.DistinctExact || off > 5*c.DistinctError {
		t.Errorf("%d distinct", c.Distinct)
	}
	for _, top := range c.Top {
		if n, ok := top.Value.(int64); !ok || n >= values || top.Count > times || top.Count < times-c.TopError {
			t.Errorf("%v is there %d times, too low by at most %d", top.Value, top.Count, c.TopError)
		}
	}
}

// TestQuantilesOfExtremes has columns of more values than are counted exactly.
func TestQuantilesOfExtremes(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	var rng *rand.Rand
	for name, draw := range map[string]func() float64{
		"huge":               func() float64 { return (rng.Float64() - 0.5) * 2 * math.MaxFloat64 },
		"all powers":         func() float64 { return math.Ldexp(1+rng.Float64(), rng.IntN(60)-30) },
		"next to zero":       func() float64 { return 1e-310 * rng.Float64() },
		"zeros, and the end": func() float64 { return pick(rng.IntN(2) > 0, 0, math.Nextafter(math.MaxFloat64, 0)*rng.Float64()) },
		"far and close":      func() float64 { return 1e12 + rng.Float64() },
		"negative":           func() float64 { return -math.Exp(3 * rng.NormFloat64()) },
	} {
		values := make([]float64, rows)
		rng = rand.New(rand.NewPCG(7, 8))
		for i := range values {
			values[i] = draw()
		}
		f := table(t, frame.NewFloat("x", values))
		sorted := slices.Sorted(slices.Values(values))
		for _, parts := range []int{1, 2, 5} {
			c := describe(t, f, parts).Columns[0]
			q := c.Quantiles
			for share, got := range map[float64]any{0.01: q.P1, 0.05: q.P5, 0.25: q.P25, 0.5: q.P50, 0.75: q.P75, 0.95: q.P95, 0.99: q.P99} {
				at := int(share * (rows - 1))
				low, high := sorted[max(at-2, 0)], sorted[min(at+2, rows-1)]
				slack := 0.0
				if name == "next to zero" { // which is taken for zero
					slack = 1e-310
				}
				if v := number(got); v < low-c.QuantilesError*math.Abs(low)-slack || v > high+c.QuantilesError*math.Abs(high)+slack {
					t.Errorf("%s in %d parts: quantile %v is %v, want %v to %v", name, parts, share, got, low, high)
				}
			}
		}
	}
}

// TestPartsOfDifferentKinds merges parts that have nothing, more values than are
// counted, and few, in every order.
func TestPartsOfDifferentKinds(t *testing.T) {
	t.Parallel()
	const rows = 9000
	parts := map[string]func(i int) float64{
		"nothing": func(int) float64 { return math.NaN() },
		"many":    func(i int) float64 { return float64(i) + 0.5 },
		"few":     func(i int) float64 { return float64(i % 5) },
	}
	for _, order := range [][]string{
		{"nothing", "many", "few"},
		{"few", "many", "nothing"},
		{"many", "nothing", "few"},
		{"nothing", "few", "many"},
		{"many", "few", "nothing"},
		{"few", "nothing", "many"},
		{"nothing", "many", "many"},
	} {
		var values []float64
		different := make(map[float64]bool)
		for _, name := range order {
			for i := range rows {
				v := parts[name](i)
				values = append(values, v)
				if v == v {
					different[v] = true
				}
			}
		}
		texts := frame.StringsOf("t", slices.Collect(func(yield func(string) bool) {
			for _, v := range values {
				if !yield(strconv.FormatFloat(v, 'g', -1, 64)) {
					return
				}
			}
		}), func(i int) bool { return math.IsNaN(values[i]) })
		for _, c := range describe(t, table(t, frame.NewFloat("x", values), texts), len(order)).Columns {
			off := math.Abs(float64(c.Distinct)/float64(len(different)) - 1)
			if c.DistinctExact || off > 5*c.DistinctError || c.Missing+c.Count != int64(len(values)) {
				t.Errorf("%v: %d values of %s, %d distinct, want %d", order, c.Count, c.Name, c.Distinct, len(different))
			}
		}
	}
}
