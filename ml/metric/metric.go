package metric

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/ml"
)

// Codes of the *ml.InputError of a metric that is undefined. All but
// OutputRange come from the target alone: the metric is undefined for any
// outputs.
const (
	OneClass    = "one_class"     // rows of both classes, or of every class, are needed
	TooFewRows  = "too_few_rows"  // one row says nothing
	TooFewNames = "class_count"   // as many classes as that are always hit
	TargetRange = "target_range"  // a true value is outside of the metric's range
	OutputRange = "outputs_range" // an output is
)

// Score returns the metric of outputs, which are as a Predictor writes them:
// rows*t.Outputs() values, row by row, class probabilities (for Binary two
// columns) or values. Rows count by their weights. A metric beyond the range
// of float64 is the end of that range: the error of absurd outputs is still a
// number.
//
// It returns an *ml.InputError when the name is not one of Names(t.Task), when
// the target or the outputs are malformed, and when the metric is undefined for
// them, with one of the codes above and the row, where it is one:
//
//   - roc_auc, average_precision, gini and ks without rows of both classes, recall
//     without positive and specificity without negative rows, the roc_auc of
//     several classes without rows of each, the kappas where one class is all
//     that is true and predicted: one_class
//   - top_k_accuracy with at most k classes: class_count
//   - r2, explained_variance and the d2 metrics with one row: too_few_rows
//   - msle and rmsle with a value below 0, poisson and tweedie deviance with a
//     true value below 0, gamma deviance with one of 0 or below: target_range
//   - msle and rmsle with an output below 0, the deviances with one of 0 or below:
//     outputs_range
func Score(name string, t ml.Target, outputs []float64) (float64, error) {
	s, err := newScoring(t, outputs)
	if err != nil {
		return 0, fmt.Errorf("score %s: %w", name, err)
	}
	for _, m := range metricsOf(t.Task) {
		if m.name == name {
			v, err := m.score(s)
			return bounded(v), err
		}
	}
	return 0, inputError("unknown_metric", "%q is not a metric of a %s task; those are %s", name, t.Task, strings.Join(Names(t.Task), ", "))
}

// Scores are all metrics of some outputs.
type Scores struct {
	Values    map[string]float64        // by name
	Undefined map[string]*ml.InputError // by name: why there is no value
}

// All returns every metric of Names(t.Task) at less than the cost of one Score
// each: every metric is in one of the two maps. Its errors are those of Score
// for malformed input.
func All(t ml.Target, outputs []float64) (*Scores, error) {
	s, err := newScoring(t, outputs)
	if err != nil {
		return nil, fmt.Errorf("score a %s task: %w", t.Task, err)
	}
	all := &Scores{Values: map[string]float64{}, Undefined: map[string]*ml.InputError{}}
	for _, m := range metricsOf(t.Task) {
		v, err := m.score(s)
		why, undefined := errors.AsType[*ml.InputError](err)
		switch {
		case undefined:
			all.Undefined[m.name] = why
		case err != nil:
			return nil, err
		default:
			all.Values[m.name] = bounded(v)
		}
	}
	return all, nil
}

// bounded returns v, or the end of the range of float64 beyond which it is.
func bounded(v float64) float64 { return max(-math.MaxFloat64, min(v, math.MaxFloat64)) }

// scoring is what the metrics of one set of outputs share, each part worked out
// when it is first asked for.
type scoring struct {
	y       ml.Target // with weights of at most 1
	outputs []float64
	width   int
	tallied *tally
	ranked  *ranking
	classes *classAUC
}

// newScoring checks the target and the outputs.
func newScoring(t ml.Target, outputs []float64) (*scoring, error) {
	if err := t.Validate(len(t.Values)); err != nil {
		return nil, err
	}
	width := t.Outputs()
	if len(outputs) != len(t.Values)*width {
		return nil, inputError("outputs_length",
			"there are %d outputs; %d rows of %d need %d", len(outputs), len(t.Values), width, len(t.Values)*width)
	}
	for i, v := range outputs {
		if math.IsNaN(v) || math.IsInf(v, 0) || t.Task != ml.Regression && (v < 0 || v > 1) {
			e := inputError("bad_output", "an output is %v; %s", v, wanted(t.Task))
			e.Row = i / width
			return nil, e
		}
	}
	t.Weights, _ = scaleDown(t.Weights)
	return &scoring{y: t, outputs: outputs, width: width}, nil
}

func wanted(task ml.Task) string {
	if task == ml.Regression {
		return "it must be a finite number"
	}
	return "it must be a probability from 0 to 1"
}

func inputError(code, format string, args ...any) *ml.InputError {
	return &ml.InputError{Code: code, Row: -1, Message: fmt.Sprintf(format, args...)}
}

// scaleDown divides weights by a power of two so that the largest is at most 1
// and sums of them do not overflow; it returns the power too. Nothing else of
// them changes: sums of whole weights stay exact.
func scaleDown(weights []float64) (scaled []float64, power int) {
	if weights == nil {
		return nil, 0
	}
	_, power = math.Frexp(slices.Max(weights))
	scaled = make([]float64, len(weights))
	for i, w := range weights {
		scaled[i] = math.Ldexp(w, -power)
	}
	return scaled, power
}

// weightedMean returns the mean of f over the rows, by weight.
func weightedMean(t ml.Target, f func(row int) float64) float64 {
	sum, total := 0.0, 0.0
	for i := range t.Values {
		w := t.Weight(i)
		sum += w * f(i)
		total += w
	}
	return sum / total
}

// always makes a metric of one that is never undefined.
func always(f func(s *scoring) float64) func(s *scoring) (float64, error) {
	return func(s *scoring) (float64, error) { return f(s), nil }
}
