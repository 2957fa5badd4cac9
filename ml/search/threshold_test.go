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

func TestThresholdsByHand(t *testing.T) {
	t.Parallel()
	labels := []float64{1, 0, 1, 1, 0, 0}
	scores := []float64{0.9, 0.8, 0.8, 0.6, 0.3, 0.1}
	for _, c := range []struct {
		objective       string
		beta            float64
		threshold, best float64
	}{
		{search.F1, 0, 0.6, 6.0 / 7},                     // 3 hits, 1 false alarm
		{search.Youden, 0, 0.6, 2.0 / 3},                 // 1 + 2/3 - 1
		{search.BalancedAccuracy, 0, 0.6, 5.0 / 6},       //
		{search.FBeta, 0.1, 0.9, 1.01 / (1.01 + 2*0.01)}, // precision counts: 1 hit, 2 missed
		{search.FBeta, 1e200, 0.6, 1},                    // only recall counts, 0.6 is closest to one half
	} {
		curve, err := search.Thresholds(c.objective, c.beta, labels, scores)
		if err != nil {
			t.Errorf("%s: %v", c.objective, err)
			continue
		}
		if b := curve.Best; b.Threshold != c.threshold || math.Abs(b.Score-c.best) > 1e-12 {
			t.Errorf("%s: %v at %v, want %v at %v", c.objective, b.Score, b.Threshold, c.best, c.threshold)
		}
		if len(curve.Points) != 5 {
			t.Errorf("%s: %d points, want one for each distinct score", c.objective, len(curve.Points))
		}
	}
	curve, _ := search.Thresholds(search.F1, 0, labels, scores)
	want := search.Point{Threshold: 0.8, Precision: 2.0 / 3, Recall: 2.0 / 3, Specificity: 2.0 / 3, Accuracy: 4.0 / 6, Score: 2.0 / 3, TP: 2, FP: 1, TN: 2, FN: 1}
	if got := curve.Points[1]; got != want {
		t.Errorf("the second point is %+v, want %+v", got, want)
	}
}

func TestTies(t *testing.T) {
	t.Parallel()
	// Both 0.7 and 0.4 give the same Youden; 0.4 is closer to one half.
	curve, err := search.Thresholds(search.Youden, 0, []float64{1, 0, 1, 0}, []float64{0.7, 0.6, 0.4, 0.2})
	if err != nil || curve.Best.Threshold != 0.4 {
		t.Errorf("best %+v, error %v", curve.Best, err)
	}
}

// TestAgainstCounting compares every point with counting anew.
func TestAgainstCounting(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	labels, scores := make([]float64, 300), make([]float64, 300)
	for i := range labels {
		labels[i] = float64(r.IntN(2))
		scores[i] = float64(r.IntN(40)) / 40
	}
	curve, err := search.Thresholds(search.BalancedAccuracy, 0, labels, scores)
	if err != nil {
		t.Fatal(err)
	}
	best := 0.0
	for _, p := range curve.Points {
		var n [2][2]int
		for i, s := range scores {
			positive := 0
			if s >= p.Threshold {
				positive = 1
			}
			n[int(labels[i])][positive]++
		}
		if n[1][1] != p.TP || n[0][1] != p.FP || n[0][0] != p.TN || n[1][0] != p.FN {
			t.Fatalf("at %v %v, want %+v", p.Threshold, n, p)
		}
		best = max(best, p.Score)
		if want := 2 * float64(p.TP) / float64(2*p.TP+p.FP+p.FN); math.Abs(p.F1()-want) > 1e-15 {
			t.Errorf("at %v F1 is %v, want %v", p.Threshold, p.F1(), want)
		}
	}
	if curve.Best.Score != best {
		t.Errorf("the best is %v, there is %v", curve.Best.Score, best)
	}
}

func TestThinning(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 3, 4, 1000, 1001, 25_000} {
		r := rand.New(rand.NewPCG(5, uint64(n)))
		labels, scores := make([]float64, n), make([]float64, n)
		for i := range labels {
			scores[i] = float64(i) / float64(n)
			if r.Float64() < scores[i] {
				labels[i] = 1
			}
		}
		labels[0], labels[n-1] = 0, 1
		curve, err := search.Thresholds(search.F1, 0, labels, scores)
		if err != nil {
			t.Fatal(err)
		}
		if len(curve.Points) != n {
			t.Errorf("%d distinct scores make %d points", n, len(curve.Points))
		}
		for _, most := range []int{-1, 3, 4, 10, 1000} {
			points, limit := curve.Thin(most), max(most, 3)
			if got := len(points); got > limit || got < min(limit-1, n) {
				t.Errorf("%d points thinned to %d are %d", n, most, got)
			}
			if points[0] != curve.Points[0] || points[len(points)-1] != curve.Points[n-1] {
				t.Errorf("%d points thinned to %d end in %+v and %+v", n, most, points[0], points[len(points)-1])
			}
			if !slices.Contains(points, curve.Best) {
				t.Errorf("%d points thinned to %d lack the best", n, most)
			}
			for i, p := range points[1:] {
				if p.Threshold >= points[i].Threshold {
					t.Fatalf("%d points thinned to %d: point %d does not descend", n, most, i+1)
				}
			}
		}
	}
}

func TestThresholdsRefuses(t *testing.T) {
	t.Parallel()
	good, scores := []float64{0, 1}, []float64{0.2, 0.7}
	for code, run := range map[string]func() error{
		"unknown_objective": func() error { _, err := search.Thresholds("auc", 0, good, scores); return err },
		"invalid_beta":      func() error { _, err := search.Thresholds(search.FBeta, 0, good, scores); return err },
		"invalid_label":     func() error { _, err := search.Thresholds(search.F1, 0, []float64{0, 2}, scores); return err },
		"invalid_score":     func() error { _, err := search.Thresholds(search.F1, 0, good, []float64{0, math.NaN()}); return err },
		"single_class":      func() error { _, err := search.Thresholds(search.F1, 0, []float64{1, 1}, scores); return err },
	} {
		var e *ml.InputError
		if err := run(); !errors.As(err, &e) || e.Code != code || e.Message == "" {
			t.Errorf("error %v, want %s", err, code)
		}
	}
	if _, err := search.Thresholds(search.F1, 0, good, nil); err == nil {
		t.Error("labels without scores are taken")
	}
	if _, err := search.Thresholds(search.F1, 0, nil, nil); err == nil {
		t.Error("nothing is taken")
	}
}
