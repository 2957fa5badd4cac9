package metric

import (
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
)

// MaxPoints is how many points a curve has at most. A longer one is thinned
// out evenly along its length, keeping its ends; what is said about the whole
// of it is of all points.
const MaxPoints = 1000

// ROCPoint is what a threshold gives: a row is positive when its probability
// is at least Threshold.
type ROCPoint struct {
	Threshold         float64 `json:"threshold"`
	FalsePositiveRate float64 `json:"fpr"`
	TruePositiveRate  float64 `json:"tpr"` // the recall
}

// ROCCurve shows how many of the positives are found at which price in false
// alarms.
type ROCCurve struct {
	// Points are 2 to MaxPoints, by falling threshold, from 0, 0 to 1, 1. The
	// first has a threshold that no row reaches: the largest probability plus 1.
	Points    []ROCPoint `json:"points"`
	AUC       float64    `json:"auc"`
	Positives float64    `json:"positives"` // sum of the weights
	Negatives float64    `json:"negatives"`
}

// NewROCCurve returns the curve of a class against all others: 1 is the
// positive class of a Binary target. outputs are as in Score. Its errors are
// those of Score, also for a class that has no rows or all of them, and
// unknown_class.
func NewROCCurve(t ml.Target, outputs []float64, class int) (*ROCCurve, error) {
	r, scale, err := rankClass("the ROC curve", t, outputs, class)
	if err != nil {
		return nil, err
	}
	points := make([]ROCPoint, 1, len(r.steps)+1)
	points[0].Threshold = r.steps[0].score + 1
	positive, negative := 0.0, 0.0
	for _, g := range r.steps {
		positive += g.positive
		negative += g.negative
		points = append(points, ROCPoint{g.score, negative / r.total.negative, positive / r.total.positive})
	}
	points = thin(points, func(a, b ROCPoint) float64 {
		return b.FalsePositiveRate - a.FalsePositiveRate + b.TruePositiveRate - a.TruePositiveRate
	})
	return &ROCCurve{Points: points, AUC: r.auc(), Positives: scale(r.total.positive), Negatives: scale(r.total.negative)}, nil
}

// PrecisionRecallPoint is what a threshold gives: a row is positive when its
// probability is at least Threshold.
type PrecisionRecallPoint struct {
	Threshold float64 `json:"threshold"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
}

// PrecisionRecallCurve shows how many of the positives are found at which
// price in precision.
type PrecisionRecallCurve struct {
	// Points are 1 to MaxPoints, by falling threshold and rising recall; the last
	// has a recall of 1. The end where nothing is positive is not among them.
	Points           []PrecisionRecallPoint `json:"points"`
	AveragePrecision float64                `json:"average_precision"`
	Positives        float64                `json:"positives"` // sum of the weights
	Negatives        float64                `json:"negatives"`
}

// NewPrecisionRecallCurve returns the curve of a class against all others. Its
// arguments and errors are those of NewROCCurve.
func NewPrecisionRecallCurve(t ml.Target, outputs []float64, class int) (*PrecisionRecallCurve, error) {
	r, scale, err := rankClass("the precision-recall curve", t, outputs, class)
	if err != nil {
		return nil, err
	}
	points := make([]PrecisionRecallPoint, 0, len(r.steps))
	positive, negative := 0.0, 0.0
	for _, g := range r.steps {
		positive += g.positive
		negative += g.negative
		points = append(points, PrecisionRecallPoint{g.score, positive / (positive + negative), positive / r.total.positive})
	}
	points = thin(points, func(a, b PrecisionRecallPoint) float64 {
		return b.Recall - a.Recall + math.Abs(b.Precision-a.Precision)
	})
	return &PrecisionRecallCurve{
		Points: points, AveragePrecision: r.averagePrecision(),
		Positives: scale(r.total.positive), Negatives: scale(r.total.negative),
	}, nil
}

// rankClass checks the input of a curve and sorts the rows; scale takes a sum
// of the ranking's weights back to those of the target.
func rankClass(what string, t ml.Target, outputs []float64, class int) (r *ranking, scale func(float64) float64, err error) {
	s, scale, err := curveScoring(what, t, outputs, class)
	if err != nil {
		return nil, nil, err
	}
	r = s.rank(class)
	return r, scale, r.check(what)
}

func curveScoring(what string, t ml.Target, outputs []float64, class int) (s *scoring, scale func(float64) float64, err error) {
	if s, err = newScoring(t, outputs); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", what, err)
	}
	switch {
	case t.Task == ml.Regression:
		return nil, nil, inputError("unknown_task", "%s is of a class, the target is of a regression task", what)
	case class < 0 || class >= len(t.Classes):
		return nil, nil, inputError("unknown_class", "%s of class %d was asked for; it must be a whole number from 0 to %d", what, class, len(t.Classes)-1)
	}
	_, power := scaleDown(t.Weights)
	return s, func(sum float64) float64 { return bounded(math.Ldexp(sum, power)) }, nil
}

// thin keeps at most MaxPoints of the points, both ends among them, so that the
// distances along the curve between those that are kept are about the same.
func thin[P any](points []P, distance func(a, b P) float64) []P {
	if len(points) <= MaxPoints {
		return points
	}
	total := 0.0
	for i := 1; i < len(points); i++ {
		total += distance(points[i-1], points[i])
	}
	const between = MaxPoints - 2
	kept := append(make([]P, 0, MaxPoints), points[0])
	sum, marks := 0.0, 0.0
	last := len(points) - 1
	for i := 1; i < last; i++ {
		sum += distance(points[i-1], points[i])
		if passed := math.Floor(sum / total * between); passed > marks && len(kept) < MaxPoints-1 {
			marks = passed
			kept = append(kept, points[i])
		}
	}
	return append(kept, points[last])
}
