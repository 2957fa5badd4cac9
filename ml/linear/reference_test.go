package linear_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/narrativeml/narrative/ml"
)

func TestReference(t *testing.T) {
	t.Parallel()
	for _, r := range references(t) {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			p := r.params()
			p.Tolerance = 1e-10
			m := fit(t, p, r.x, r.target(), ml.Options{})
			t.Logf("%d iterations", m.Iterations())
			if !m.Converged() {
				t.Error("the fit did not converge")
			}
			features := m.Features()
			for k := range r.Intercepts {
				got := m.Coefficients(k)
				if len(got) != len(r.Coefficients[k]) || len(got) != len(features) {
					t.Fatalf("%d coefficients for %d features, want %d", len(got), len(features), len(r.Coefficients[k]))
				}
				for j, want := range r.Coefficients[k] {
					near(t, fmt.Sprintf("coefficient %+v of score %d", features[j], k), got[j], want)
				}
				near(t, fmt.Sprint("intercept of score ", k), m.Intercepts()[k], r.Intercepts[k])
			}
		})
	}
}

// near compares; what is exactly 0 must be so.
func near(tb testing.TB, what string, got, want float64) {
	tb.Helper()
	if math.Abs(got-want) > 1e-6*math.Abs(want)+1e-7 || want == 0 && got != 0 {
		tb.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestOptimal checks the conditions of the minimum, computed from the features
// one by one as the documentation defines them, for every loss and penalty, on
// tables of numbers, of strings, and of strings with so many categories that
// they are summed another way.
func TestOptimal(t *testing.T) {
	t.Parallel()
	penalties := []struct {
		alpha, ratio float64
		standardize  bool
	}{{0.5, 0, false}, {2, 1, false}, {2, 0.5, false}, {30, 0.9, false}, {3, 0, true}, {30, 1, true}, {10, 0.3, true}}
	for _, shape := range []struct{ rows, numbers, columns, categories int }{
		{500, 6, 0, 0}, {5000, 0, 3, 40}, {4500, 0, 2, 3000},
	} {
		x, list := dense(t, shape.rows, shape.numbers)
		if shape.numbers == 0 {
			x, list = sparse(t, shape.rows, shape.columns, shape.categories)
		}
		for _, problem := range list {
			for _, penalty := range penalties {
				t.Run(fmt.Sprint(shape, problem.name, penalty), func(t *testing.T) {
					t.Parallel()
					p := problem.params()
					p.Alpha, p.L1Ratio, p.Standardize, p.Tolerance = penalty.alpha, penalty.ratio, penalty.standardize, 1e-9
					y := problem.y
					y.Weights = make([]float64, y.Len())
					for i := range y.Weights {
						y.Weights[i] = 0.5 + float64(i%5)
					}
					m := fit(t, p, x, y, ml.Options{})
					if !m.Converged() {
						t.Error("the fit did not converge")
					}
					if v := newCheck(m, x, y).violation(p); !(v < 3e-9) {
						t.Errorf("after %d iterations the derivative is %v, want 0", m.Iterations(), v)
					}
				})
			}
		}
	}
}
