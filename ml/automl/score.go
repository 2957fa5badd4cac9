package automl

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// scores are the metrics of a candidate's folds. A fold whose rows leave a
// metric undefined does so for every candidate and does not count for it; a
// metric that a candidate's own outputs leave undefined is not one of it.
type scores struct {
	lists   map[string][]float64      // by metric, of the folds where it is defined
	spoiled map[string]*ml.InputError // by metric, why its outputs leave it undefined
	missing map[string]*ml.InputError // by metric, why a fold leaves it undefined
	latest  *metric.Scores            // of the last fold
}

func newScores() *scores {
	return &scores{lists: map[string][]float64{}, spoiled: map[string]*ml.InputError{}, missing: map[string]*ml.InputError{}}
}

// add scores a fold.
func (s *scores) add(y ml.Target, outputs []float64) error {
	all, err := metric.All(y, outputs)
	if err != nil {
		return err
	}
	s.latest = all
	for name, v := range all.Values {
		s.lists[name] = append(s.lists[name], v)
	}
	for name, why := range all.Undefined {
		if why.Code == metric.OutputRange {
			s.spoiled[name] = why
		} else {
			s.missing[name] = why
		}
	}
	return nil
}

// summary returns the mean and the sample standard deviation over the folds.
func (s *scores) summary() (mean, deviation map[string]float64) {
	mean, deviation = map[string]float64{}, map[string]float64{}
	for name, list := range s.lists {
		if s.spoiled[name] != nil {
			continue
		}
		sum := 0.0
		for _, v := range list {
			sum += v
		}
		// Scores are finite, their sum and their squares need not be.
		middle := max(-math.MaxFloat64, min(sum/float64(len(list)), math.MaxFloat64))
		mean[name] = middle
		if len(list) > 1 {
			squares := 0.0
			for _, v := range list {
				squares += (v - middle) * (v - middle)
			}
			deviation[name] = min(math.Sqrt(squares/float64(len(list)-1)), math.MaxFloat64)
		}
	}
	return mean, deviation
}

// checkMetricDefined looks whether the metric of the leaderboard has a value for
// the target at all.
func (r *run) checkMetricDefined() error {
	outputs := slices.Repeat([]float64{1 / float64(r.width())}, r.y.Len()*r.width())
	_, err := metric.Score(r.metric, r.y, outputs)
	if why, ok := errors.AsType[*ml.InputError](err); ok {
		return r.unordered(why)
	}
	return err
}

// checkOrdered returns an error when no fold has rows that the metric of the
// leaderboard is defined for. When it is the outputs of the candidate that leave
// it undefined, a note says so.
func (r *run) checkOrdered(algorithm string, s *scores) error {
	why := s.spoiled[r.metric]
	switch {
	case why != nil:
		r.undefined = why
		r.notes = append(r.notes, fmt.Sprintf("The candidate %s comes last: %s.", algorithm, why.Message))
	case len(s.lists[r.metric]) == 0:
		return r.unordered(s.missing[r.metric])
	}
	return nil
}

// unordered says that the metric cannot order the leaderboard.
func (r *run) unordered(why *ml.InputError) error {
	return parameter("metric_undefined", "metric", "the metric %q cannot tell which candidate is best: %s; choose another metric", r.metric, why.Message)
}

// order puts the best candidate first, those without the metric last.
func (r *run) order() {
	sign := 1.0
	if metric.HigherIsBetter(r.metric) {
		sign = -1
	}
	rank := func(c *candidate) float64 {
		v, ok := c.entry.CV[r.metric]
		if !ok {
			return math.Inf(1)
		}
		return sign * v
	}
	// Stable: of equals the simplest comes first.
	slices.SortStableFunc(r.candidates, func(a, b *candidate) int { return cmp.Compare(rank(a), rank(b)) })
}
