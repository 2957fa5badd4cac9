package search_test

import (
	"testing"

	"github.com/narrativeml/narrative/ml/search"
)

func TestAtAgreesWithTheCurve(t *testing.T) {
	t.Parallel()
	labels := []float64{1, 0, 1, 1, 0, 0, 1, 0}
	scores := []float64{0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.3, 0.1}
	curve, err := search.Thresholds(search.F1, 0, labels, scores)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range curve.Points {
		got, err := search.At(search.F1, 0, labels, scores, want.Threshold)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("at %v: %+v, the curve has %+v", want.Threshold, got, want)
		}
	}
}

func TestAtBetweenAndAboveTheScores(t *testing.T) {
	t.Parallel()
	labels := []float64{1, 0, 1, 0}
	scores := []float64{0.9, 0.6, 0.4, 0.1}
	p, err := search.At(search.BalancedAccuracy, 0, labels, scores, 0.5)
	if err != nil || p.TP != 1 || p.FP != 1 || p.FN != 1 || p.TN != 1 || p.Score != 0.5 {
		t.Errorf("at 0.5: %+v, %v", p, err)
	}
	p, err = search.At(search.F1, 0, labels, scores, 1)
	if err != nil || p.Precision != 0 || p.Recall != 0 || p.Specificity != 1 || p.Score != 0 {
		t.Errorf("at 1: %+v, %v", p, err)
	}
	if search.Validate("x", 0) == nil || search.Validate(search.FBeta, 0) == nil || search.Validate(search.FBeta, 2) != nil {
		t.Error("Validate takes an unknown objective or a beta of 0, or refuses one of 2")
	}
	if _, err := search.At("x", 0, labels, scores, 1); err == nil {
		t.Error("an unknown objective was accepted")
	}
	if _, err := search.At(search.F1, 0, labels[:1], scores, 1); err == nil {
		t.Error("labels of another length were accepted")
	}
}
