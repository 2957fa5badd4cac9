package metric

import (
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
)

// Binning is how probabilities are divided.
type Binning int

// The ways to divide.
const (
	EqualWidth  Binning = iota // the range from 0 to 1 in bins as wide as each other
	EqualWeight                // the rows in bins of the same weight, as far as equal probabilities allow
)

// CalibrationParams are the parameters of a CalibrationCurve.
type CalibrationParams struct {
	Bins    int // 2 to 100, default 10
	Binning Binning
}

// DefaultCalibrationParams returns the parameters to start from.
func DefaultCalibrationParams() CalibrationParams { return CalibrationParams{Bins: 10} }

// Validate returns an *ml.InputError that names the first parameter out of its
// limits, or nil.
func (p CalibrationParams) Validate() error {
	switch {
	case p.Bins < 2 || p.Bins > 100:
		return badParameter("bins", float64(p.Bins), "a whole number from 2 to 100")
	case p.Binning != EqualWidth && p.Binning != EqualWeight:
		return badParameter("binning", float64(p.Binning), "EqualWidth or EqualWeight")
	default:
		return nil
	}
}

// CalibrationBin is the rows whose probability lies in a range.
type CalibrationBin struct {
	Low       float64 `json:"low"`       // rows are above it, in the first bin also at it
	High      float64 `json:"high"`      // rows are at it or below
	Predicted float64 `json:"predicted"` // mean probability, by weight
	Observed  float64 `json:"observed"`  // share of the rows that are of the class, by weight
	Weight    float64 `json:"weight"`    // sum of the weights
}

// CalibrationCurve shows whether probabilities come true.
type CalibrationCurve struct {
	Bins          []CalibrationBin `json:"bins"`           // those with rows, by rising probability
	ExpectedError float64          `json:"expected_error"` // mean distance of Predicted and Observed, by weight
	LargestError  float64          `json:"largest_error"`  // the largest such distance
}

// NewCalibrationCurve compares the probability of a class with how often it
// comes true: 1 is the positive class of a Binary target. outputs are as in
// Score. Its errors are those of Score for malformed input, unknown_class and
// bad_parameter; it is defined for rows of one class too.
//
// An edge between bins of EqualWeight is the least probability that the share of
// the weights reaches, so that a row of weight 2 counts as two rows; scikit-learn
// interpolates, which may put a row next to an edge into the other bin.
func NewCalibrationCurve(t ml.Target, outputs []float64, class int, p CalibrationParams) (*CalibrationCurve, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	s, scale, err := curveScoring("the calibration curve", t, outputs, class)
	if err != nil {
		return nil, err
	}
	edges := s.edges(class, p)
	bins := make([]CalibrationBin, p.Bins)
	for i, v := range s.y.Values {
		probability, w := s.row(i)[class], s.y.Weight(i)
		// The first edge that is not below.
		k, _ := slices.BinarySearch(edges, probability)
		b := &bins[k]
		b.Weight += w
		b.Predicted += w * probability
		if int(v) == class {
			b.Observed += w
		}
	}
	c := &CalibrationCurve{}
	total := 0.0
	for k, b := range bins {
		if b.Weight == 0 {
			continue
		}
		b.Low, b.High = 0, 1
		if k > 0 {
			b.Low = edges[k-1]
		}
		if k < len(edges) {
			b.High = edges[k]
		}
		b.Predicted /= b.Weight
		b.Observed /= b.Weight
		apart := math.Abs(b.Predicted - b.Observed)
		c.ExpectedError += b.Weight * apart
		total += b.Weight
		c.LargestError = max(c.LargestError, apart)
		b.Weight = scale(b.Weight)
		c.Bins = append(c.Bins, b)
	}
	c.ExpectedError /= total
	return c, nil
}

// edges returns the p.Bins-1 edges between the bins.
func (s *scoring) edges(class int, p CalibrationParams) []float64 {
	edges := make([]float64, p.Bins-1)
	if p.Binning == EqualWidth {
		for k := range edges {
			edges[k] = float64(k+1) / float64(p.Bins)
		}
		return edges
	}
	r := s.rank(class)
	slices.Reverse(r.steps) // by rising probability
	total := r.total.positive + r.total.negative
	sum, k := 0.0, 0
	for n, g := range r.steps {
		sum += g.positive + g.negative
		for k < len(edges) && (sum >= float64(k+1)/float64(p.Bins)*total || n == len(r.steps)-1) {
			edges[k] = g.score
			k++
		}
	}
	return edges
}
