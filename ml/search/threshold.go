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

// maxWeight is the most a row may count: sums of so many rows as there can be
// stay finite.
const maxWeight = 1e100

// Point is what a threshold gives: a row is positive when its score is at
// least Threshold. Weights count in the rates and the score; TP and the like are
// numbers of rows.
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
func (p *Point) F1() float64 {
	if p.Precision+p.Recall == 0 {
		return 0
	}
	return 2 * p.Precision * p.Recall / (p.Precision + p.Recall)
}

// Curve is a point for every distinct score, by descending threshold, and the
// best of them.
type Curve struct {
	Points []Point
	Best   Point
}

// Thresholds tries every distinct score as a threshold and returns the best by
// the objective: among equals the one closest to one half, then the higher.
// labels are 0 or 1 and aligned with scores; beta is read for FBeta only; weights
// has one above 0 for each row, or none. It takes O(n log n).
func Thresholds(objective string, beta float64, labels, scores []float64, weights ...float64) (*Curve, error) {
	score, err := scorer(objective, beta)
	if err != nil {
		return nil, err
	}
	all, err := check(labels, scores, weights)
	if err != nil {
		return nil, err
	}
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })

	var points []Point
	var above tally
	best := 0
	for i := 0; i < len(order); {
		threshold := scores[order[i]]
		for ; i < len(order) && scores[order[i]] == threshold; i++ {
			above.add(labels, weights, order[i])
		}
		p := point(threshold, above, all, score)
		points = append(points, p)
		if better(p, points[best]) {
			best = len(points) - 1
		}
	}
	return &Curve{Points: points, Best: points[best]}, nil
}

// tally counts rows, and their weights, by label.
type tally struct {
	positives, negatives int
	positive, negative   float64
}

func (t *tally) add(labels, weights []float64, row int) {
	w := 1.0
	if len(weights) > 0 {
		w = weights[row]
	}
	if labels[row] == 1 {
		t.positives++
		t.positive += w
	} else {
		t.negatives++
		t.negative += w
	}
}

// point measures a threshold by the rows above it, of all.
func point(threshold float64, above, all tally, score func(c metric.Counts) float64) Point {
	c := metric.Counts{TP: above.positive, FP: above.negative}
	// Sums of weights in another order may differ in their last digits.
	if above.positives < all.positives {
		c.FN = max(0, all.positive-above.positive)
	}
	if above.negatives < all.negatives {
		c.TN = max(0, all.negative-above.negative)
	}
	return Point{
		Threshold: threshold, Precision: c.Precision(), Recall: c.Recall(), Specificity: c.Specificity(), Accuracy: c.Accuracy(), Score: score(c),
		TP: above.positives, FP: above.negatives, TN: all.negatives - above.negatives, FN: all.positives - above.positives,
	}
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

func check(labels, scores, weights []float64) (all tally, err error) {
	if len(labels) != len(scores) {
		return tally{}, fmt.Errorf("search: %d labels for %d scores", len(labels), len(scores))
	}
	if len(weights) > 0 && len(weights) != len(scores) {
		return tally{}, fmt.Errorf("search: %d weights for %d scores", len(weights), len(scores))
	}
	for i, w := range weights {
		if !(w > 0) || w > maxWeight {
			return tally{}, input("bad_weight", "", i, "the weight in row %d is %v, it should be above 0 and at most %g", i+1, w, maxWeight)
		}
	}
	for i, y := range labels {
		if y != 0 && y != 1 {
			return tally{}, input("invalid_label", "", i, "label %v in row %d is neither 0 nor 1", y, i+1)
		}
		if math.IsNaN(scores[i]) {
			return tally{}, input("invalid_score", "", i, "the score in row %d is not a number", i+1)
		}
		all.add(labels, weights, i)
	}
	if all.positives == 0 || all.negatives == 0 {
		return tally{}, input("single_class", "", -1, "a threshold needs rows of both classes, %d of %d are positive", all.positives, len(labels))
	}
	return all, nil
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
