package automl_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/linear"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// TestCategoriesStayStrings learns from a column of several hundred categories,
// each with an effect of its own: a linear model takes them as they are, without
// a column of 0 and 1 for each.
func TestCategoriesStayStrings(t *testing.T) {
	t.Parallel()
	const n, categories = 8000, 400
	r := rand.New(rand.NewPCG(1, 2))
	effect := make([]float64, categories)
	for k := range effect {
		effect[k] = r.NormFloat64()
	}
	of := make([]int, n)
	for i := range of {
		of[i] = r.IntN(categories)
	}
	x := newFrame(t,
		strs("town", n, func(i int) string {
			if i%50 == 0 {
				return "-"
			}
			return fmt.Sprint("town ", of[i])
		}),
		nums("noise", n, func(int) float64 { return r.NormFloat64() }),
		nums("target", n, func(i int) float64 { return effect[of[i]] + 0.2*r.NormFloat64() }))
	for encoding, least := range map[string]float64{automl.OneHot: 0.9, automl.Ordinal: -0.1} {
		p := quick()
		p.Algorithms, p.Encoding = []string{"linear"}, encoding
		got := train(t, p, x, automl.Options{})
		if r2 := got.Leaderboard[0].Holdout["r2"]; r2 < least {
			t.Errorf("encoding %s: r2 is %.3f, want at least %v", encoding, r2, least)
		}
		m, ok := got.Model.Parts().Estimator.(*linear.Model)
		if !ok {
			t.Fatalf("the estimator is a %T", got.Model.Parts().Estimator)
		}
		missing := 0
		for _, f := range m.Features() {
			if f.Missing {
				missing++
			}
		}
		if columns, features := len(m.Columns()), len(m.Features()); encoding == automl.OneHot && (columns != 2 || features < 350 || missing != 1) {
			t.Errorf("%d columns are %d features, %d of them for missing values", columns, features, missing)
		}
		for _, s := range got.Model.Parts().Steps {
			if _, hot := s.(*preprocess.OneHot); hot {
				t.Error("columns of 0 and 1 are made")
			}
		}
	}
}
