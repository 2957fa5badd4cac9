package linear_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
)

// TestWeightsAreRepetition compares weights with rows that are there so many
// times, in another order. Sums round differently, but the minimum is the same.
func TestWeightsAreRepetition(t *testing.T) {
	t.Parallel()
	for _, r := range references(t) {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(5, 6))
			weighted, repeated := r.target(), r.target()
			weighted.Weights = make([]float64, r.x.Rows())
			var rows []int
			for i := range weighted.Weights {
				times := 1 + random.IntN(4)
				weighted.Weights[i] = float64(times)
				rows = append(rows, slices.Repeat([]int{i}, times)...)
			}
			random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			repeated.Values, repeated.Weights = make([]float64, len(rows)), nil
			for i, row := range rows {
				repeated.Values[i] = weighted.Values[row]
			}
			p := r.params()
			p.Tolerance = 1e-13
			a := fit(t, p, r.x, weighted, ml.Options{})
			b := fit(t, p, r.x.Take(rows), repeated, ml.Options{})
			if !a.Converged() || !b.Converged() || !slices.Equal(a.Features(), b.Features()) {
				t.Fatalf("converged: %t and %t, features %v and %v", a.Converged(), b.Converged(), a.Features(), b.Features())
			}
			for k := range a.Intercepts() {
				same(t, "intercept", a.Intercepts()[k], b.Intercepts()[k])
				for j := range a.Coefficients(k) {
					same(t, fmt.Sprint("coefficient of ", a.Features()[j]), a.Coefficients(k)[j], b.Coefficients(k)[j])
				}
			}
		})
	}
}

func same(tb testing.TB, what string, a, b float64) {
	tb.Helper()
	if !(math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))) {
		tb.Errorf("%s is %v with weights and %v with repeated rows", what, a, b)
	}
}

// TestScaledWeights checks that weights of 1 are none, and that weights of 8
// with eight times the penalty are too, to the last bit.
func TestScaledWeights(t *testing.T) {
	t.Parallel()
	for _, r := range references(t) {
		p, y := r.params(), r.target()
		y.Weights = nil
		want := encode(t, fit(t, p, r.x, y, ml.Options{}))
		for _, w := range []float64{1, 8, 0.25} {
			p.Alpha = r.Alpha * w
			y.Weights = slices.Repeat([]float64{w}, y.Len())
			if got := encode(t, fit(t, p, r.x, y, ml.Options{})); !bytes.Equal(got, want) {
				t.Errorf("%s: with weights of %v the model has other bytes", r.Name, w)
			}
		}
	}
}

// TestZeroByPenalty checks that the lasso keeps fewer coefficients the stronger
// the penalty is, and none from that on which theory gives: the largest
// derivative at the model of the intercept alone.
func TestZeroByPenalty(t *testing.T) {
	t.Parallel()
	x, list := dense(t, 400, 20)
	for _, problem := range list {
		p := problem.params()
		p.Alpha, p.L1Ratio, p.Tolerance = 1e12, 1, 1e-12
		m := fit(t, p, x, problem.y, ml.Options{})
		limit := 0.0 // the largest derivative of the loss by a coefficient
		c := newCheck(m, x, problem.y)
		for k := range m.Intercepts() {
			for j := range m.Coefficients(k) {
				sum := 0.0
				for i := range c.features {
					sum += c.residuals(i)[k] * c.features[i][j].value
				}
				limit = max(limit, math.Abs(sum))
			}
		}
		before := 0
		for _, part := range []float64{1.0001, 0.9999, 0.5, 0.1, 0.001} {
			p.Alpha = limit * part
			m = fit(t, p, x, problem.y, ml.Options{})
			kept := 0
			for k := range m.Intercepts() {
				for _, v := range m.Coefficients(k) {
					if v != 0 {
						kept++
					}
				}
			}
			if part > 1 && kept > 0 || part < 1 && kept == 0 || kept < before {
				t.Errorf("%s: %d coefficients are left at %v of the limit, %d before", problem.name, kept, part, before)
			}
			before = kept
		}
		if before < 20 {
			t.Errorf("%s: %d coefficients are left with almost no penalty", problem.name, before)
		}
	}
}
