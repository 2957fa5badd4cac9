package search_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/search"
)

// TestWeightsAreRepetition compares weights of whole numbers with rows that are
// there as often.
func TestWeightsAreRepetition(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 1))
	var labels, scores, weights, manyLabels, manyScores []float64
	for range 200 {
		label, score, n := float64(r.IntN(2)), float64(r.IntN(30))/30, 1+r.IntN(4)
		labels, scores, weights = append(labels, label), append(scores, score), append(weights, float64(n))
		manyLabels = append(manyLabels, slices.Repeat([]float64{label}, n)...)
		manyScores = append(manyScores, slices.Repeat([]float64{score}, n)...)
	}
	rates := func(p search.Point) [6]float64 {
		return [6]float64{p.Threshold, p.Precision, p.Recall, p.Specificity, p.Accuracy, p.Score}
	}
	for _, objective := range []string{search.F1, search.Youden, search.BalancedAccuracy} {
		got, err := search.Thresholds(objective, 0, labels, scores, weights...)
		if err != nil {
			t.Fatal(err)
		}
		want, err := search.Thresholds(objective, 0, manyLabels, manyScores)
		if err != nil {
			t.Fatal(err)
		}
		if rates(got.Best) != rates(want.Best) || len(got.Points) != len(want.Points) {
			t.Errorf("%s: the best is %+v, want %+v", objective, got.Best, want.Best)
		}
		for i, p := range got.Points {
			if rates(p) != rates(want.Points[i]) || p.F1() != want.Points[i].F1() {
				t.Errorf("%s: point %d is %+v, want %+v", objective, i, p, want.Points[i])
			}
			if n := p.TP + p.FP + p.TN + p.FN; n != len(labels) {
				t.Errorf("%s: point %d counts %d rows, want %d", objective, i, n, len(labels))
			}
			at, err := search.At(objective, 0, labels, scores, p.Threshold, weights...)
			if err != nil || at != p {
				t.Errorf("%s: at %v %+v, %v, the curve has %+v", objective, p.Threshold, at, err, p)
			}
		}
	}
}

// TestWeightsOfAnySize has weights whose sums differ by their order.
func TestWeightsOfAnySize(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 2))
	for _, spread := range []float64{1, 1, 1, 1, 1, 1, 1, 1, 40} {
		labels, scores, weights := make([]float64, 500), make([]float64, 500), make([]float64, 500)
		for i := range labels {
			labels[i], scores[i], weights[i] = float64(r.IntN(2)), r.Float64(), math.Exp(spread*r.NormFloat64())
		}
		curve, err := search.Thresholds(search.F1, 0, labels, scores, weights...)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range curve.Points {
			for _, v := range []float64{p.Precision, p.Recall, p.Specificity, p.Accuracy, p.Score} {
				if !(v >= 0 && v <= 1) {
					t.Fatalf("a rate is %v: %+v", v, p)
				}
			}
		}
		if last := curve.Points[len(curve.Points)-1]; last.Recall != 1 || last.Specificity != 0 {
			t.Errorf("where every row is positive recall is %v and specificity %v", last.Recall, last.Specificity)
		}
	}
}

func TestBadWeights(t *testing.T) {
	t.Parallel()
	labels, scores := []float64{0, 1}, []float64{0.2, 0.7}
	for _, w := range []float64{0, -1, math.NaN(), math.Inf(1), 1e101} {
		_, err := search.Thresholds(search.F1, 0, labels, scores, 1, w)
		if e, ok := errors.AsType[*ml.InputError](err); !ok || e.Code != "bad_weight" || e.Row != 1 {
			t.Errorf("a weight of %v gives %v", w, err)
		}
	}
	if _, err := search.At(search.F1, 0, labels, scores, 0.5, 1); err == nil {
		t.Error("a weight for one row of two is taken")
	}
}
