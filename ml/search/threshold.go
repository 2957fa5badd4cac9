package search

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// Objectives of Thresholds.
const (
	F1               = "f1"                // harmonic mean of precision and recall
	FBeta            = "fbeta"             // the same with recall weighted beta times
	Youden           = "youden"            // recall + specificity - 1
	BalancedAccuracy = "balanced_accuracy" // mean of recall and specificity
)

// Point is what a threshold gives: a row is positive when its score is at
// least Threshold.
type Point struct {
	Threshold   float64 `json:"threshold"`
	Precision   float64 `json:"precision"`
	Recall      float64 `json:"recall"`
	Specificity float64 `json:"specificity"`
	Accuracy    float64 `json:"accuracy"`
	Score       float64 `json:"score"` // of the objective
	TP          int     `json:"tp"`
	FP          int     `json:"fp"`
	TN          int     `json:"tn"`
	FN          int     `json:"fn"`
}

// F1 is the harmonic mean of precision and recall at the threshold, whatever
// the objective is.
func (p *Point) F1() float64 { return p.counts().F(1) }

func (p *Point) counts() metric.Counts {
	return metric.Counts{TP: float64(p.TP), FP: float64(p.FP), TN: float64(p.TN), FN: float64(p.FN)}
}

// Curve is a point for every distinct score, by descending threshold, and the
// best of them.
type Curve struct {
	Points []Point
	Best   Point
}

// Thresholds tries every distinct score as a threshold and returns the best by
// the objective: among equals the one closest to one half, then the higher.
// labels are 0 or 1 and aligned with scores; beta is read for FBeta only. It
// takes O(n log n).
func Thresholds(objective string, beta float64, labels, scores []float64) (*Curve, error) {
	score, err := scorer(objective, beta)
	if err != nil {
		return nil, err
	}
	positives, err := check(labels, scores)
	if err != nil {
		return nil, err
	}
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })

	negatives := len(labels) - positives
	var points []Point
	best, tp, fp := 0, 0, 0
	for i := 0; i < len(order); {
		threshold := scores[order[i]]
		for ; i < len(order) && scores[order[i]] == threshold; i++ {
			if labels[order[i]] == 1 {
				tp++
			} else {
				fp++
			}
		}
		p := Point{Threshold: threshold, TP: tp, FP: fp, TN: negatives - fp, FN: positives - tp}
		p.measure(score)
		points = append(points, p)
		if better(p, points[best]) {
			best = len(points) - 1
		}
	}
	return &Curve{Points: points, Best: points[best]}, nil
}

// measure fills in the rates and the score of the counts.
func (p *Point) measure(score func(c metric.Counts) float64) {
	c := p.counts()
	p.Precision, p.Recall, p.Specificity, p.Accuracy = c.Precision(), c.Recall(), c.Specificity(), c.Accuracy()
	p.Score = score(c)
}

func better(p, than Point) bool {
	if p.Score != than.Score {
		return p.Score > than.Score
	}
	return math.Abs(p.Threshold-0.5) < math.Abs(than.Threshold-0.5)
}

// Validate returns an *ml.InputError for an objective that is none, or a beta
// that FBeta cannot use.
func Validate(objective string, beta float64) error {
	_, err := scorer(objective, beta)
	return err
}

func scorer(objective string, beta float64) (func(c metric.Counts) float64, error) {
	switch objective {
	case F1:
		return func(c metric.Counts) float64 { return c.F(1) }, nil
	case FBeta:
		if !(beta > 0) || math.IsInf(beta, 0) {
			return nil, input("invalid_beta", "beta", -1, "beta is %v, it should be a positive number", beta)
		}
		return func(c metric.Counts) float64 { return c.F(beta) }, nil
	case Youden:
		return metric.Counts.Youden, nil
	case BalancedAccuracy:
		return metric.Counts.BalancedAccuracy, nil
	default:
		return nil, input("unknown_objective", "objective", -1, "objective is %q, it should be %s, %s, %s or %s", objective, F1, FBeta, Youden, BalancedAccuracy)
	}
}

func check(labels, scores []float64) (positives int, err error) {
	if len(labels) != len(scores) {
		return 0, fmt.Errorf("search: %d labels for %d scores", len(labels), len(scores))
	}
	for i, y := range labels {
		if y != 0 && y != 1 {
			return 0, input("invalid_label", "", i, "label %v in row %d is neither 0 nor 1", y, i+1)
		}
		if math.IsNaN(scores[i]) {
			return 0, input("invalid_score", "", i, "the score in row %d is not a number", i+1)
		}
		positives += int(y)
	}
	if positives == 0 || positives == len(labels) {
		return 0, input("single_class", "", -1, "a threshold needs rows of both classes, %d of %d are positive", positives, len(labels))
	}
	return positives, nil
}

func input(code, name string, row int, format string, args ...any) error {
	return &ml.InputError{Code: code, Parameter: name, Row: row, Message: fmt.Sprintf(format, args...)}
}

// Thin returns at most so many points of the curve, and not less than three, to
// draw it by: its ends, the best, and others at even distances in rank. A curve
// that has no more is returned as it is.
func (c *Curve) Thin(most int) []Point {
	most = max(most, 3)
	n := len(c.Points)
	if n <= most {
		return c.Points
	}
	best, _ := slices.BinarySearchFunc(c.Points, c.Best.Threshold, func(p Point, t float64) int { return cmp.Compare(t, p.Threshold) })
	kept := make([]Point, 0, most)
	even := most - 1 // one place is left for the best, which may lie between
	last := -1
	for k := range even {
		i := k * (n - 1) / (even - 1)
		if best > last && best < i {
			kept = append(kept, c.Points[best])
		}
		kept = append(kept, c.Points[i])
		last = i
	}
	return kept
}
