package search_test

import (
	"fmt"

	"github.com/narrativeml/narrative/ml/search"
)

// A positive that is missed costs more than a false alarm: recall counts twice.
func ExampleThresholds() {
	labels := []float64{1, 0, 1, 1, 0, 0}
	scores := []float64{0.9, 0.8, 0.7, 0.35, 0.3, 0.1}
	curve, err := search.Thresholds(search.FBeta, 2, labels, scores)
	if err != nil {
		fmt.Println(err)
		return
	}
	usual, err := search.At(search.FBeta, 2, labels, scores, 0.5)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range []search.Point{usual, curve.Best} {
		fmt.Printf("from %.2f: %d found, %d missed, %d false alarms, score %.3f\n", p.Threshold, p.TP, p.FN, p.FP, p.Score)
	}
	// Output:
	// from 0.50: 2 found, 1 missed, 1 false alarms, score 0.667
	// from 0.35: 3 found, 0 missed, 1 false alarms, score 0.938
}
