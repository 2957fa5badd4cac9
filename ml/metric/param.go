package metric

import (
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
)

// FBeta returns the harmonic mean of precision and recall of the positive
// class, with recall counting beta times as much; t is Binary and beta above 0.
// Its errors are those of Score, and bad_parameter.
func FBeta(t ml.Target, outputs []float64, beta float64) (float64, error) {
	if !(beta > 0) || math.IsInf(beta, 1) {
		return 0, badParameter("beta", beta, "a finite number above 0")
	}
	s, err := scoringFor("fbeta", ml.Binary, t, outputs)
	if err != nil {
		return 0, err
	}
	return s.tally().of(1).F(beta), nil
}

// TopK returns the share of rows whose class is among the k likeliest, the
// first of equals; t is Multiclass and k from 1 to less than the number of
// classes. Its errors are those of Score, and bad_parameter.
func TopK(t ml.Target, outputs []float64, k int) (float64, error) {
	if k < 1 {
		return 0, badParameter("k", float64(k), "a whole number from 1")
	}
	s, err := scoringFor("top_k_accuracy", ml.Multiclass, t, outputs)
	if err != nil {
		return 0, err
	}
	return s.top(fmt.Sprintf("top_%d_accuracy", k), k)
}

// Pinball returns the mean loss of outputs that are to be the quantile alpha,
// between 0 and 1, of each row's distribution (R. Koenker and G. Bassett,
// Regression quantiles, 1978); t is Regression. Its errors are those of Score,
// and bad_parameter.
func Pinball(t ml.Target, outputs []float64, alpha float64) (float64, error) {
	s, err := quantileScoring(t, outputs, alpha)
	if err != nil {
		return 0, err
	}
	return bounded(s.pinball(alpha)), nil
}

// PinballD2 returns the share of the pinball loss of the true values' own
// quantile that is saved: 1 when every row is met, 0 when the outputs are no
// better than that constant. Its errors are those of Pinball.
func PinballD2(t ml.Target, outputs []float64, alpha float64) (float64, error) {
	s, err := quantileScoring(t, outputs, alpha)
	if err != nil {
		return 0, err
	}
	v, err := s.d2Pinball("d2_pinball", alpha)
	return bounded(v), err
}

// Tweedie returns the mean deviance of a Tweedie distribution of that power: 0
// is the mean squared error, 1 Poisson, above 1 and below 2 sums of a random
// number of Gamma variables, 2 Gamma, 3 inverse Gaussian; below 0 for true
// values of any sign. t is Regression. Its errors are those of Score for values
// that the distribution cannot have, and bad_parameter for a power above 0 and
// below 1, which no distribution has, or one beyond ±100.
func Tweedie(t ml.Target, outputs []float64, power float64) (float64, error) {
	s, err := powerScoring(t, outputs, power)
	if err != nil {
		return 0, err
	}
	v, err := s.deviance(TweedieDeviance, power)
	return bounded(v), err
}

// TweedieD2 returns the share of the deviance of the mean that is saved. Its
// errors are those of Tweedie.
func TweedieD2(t ml.Target, outputs []float64, power float64) (float64, error) {
	s, err := powerScoring(t, outputs, power)
	if err != nil {
		return 0, err
	}
	v, err := s.d2Tweedie(D2Tweedie, power)
	return bounded(v), err
}

func quantileScoring(t ml.Target, outputs []float64, alpha float64) (*scoring, error) {
	if !(alpha > 0 && alpha < 1) {
		return nil, badParameter("alpha", alpha, "a number between 0 and 1")
	}
	return scoringFor(PinballLoss, ml.Regression, t, outputs)
}

func powerScoring(t ml.Target, outputs []float64, power float64) (*scoring, error) {
	if !(power <= 0 || power >= 1) || math.Abs(power) > 100 {
		return nil, badParameter("power", power, "a number from -100 to 0 or from 1 to 100")
	}
	return scoringFor(TweedieDeviance, ml.Regression, t, outputs)
}

// scoringFor is newScoring for one task.
func scoringFor(name string, task ml.Task, t ml.Target, outputs []float64) (*scoring, error) {
	if t.Task != task {
		return nil, inputError("unknown_metric", "%s is a metric of a %s task, the target is of a %s one", name, task, t.Task)
	}
	s, err := newScoring(t, outputs)
	if err != nil {
		return nil, fmt.Errorf("score %s: %w", name, err)
	}
	return s, nil
}

func badParameter(name string, value float64, want string) error {
	e := inputError("bad_parameter", "the parameter %s is %v; it must be %s", name, value, want)
	e.Parameter = name
	return e
}
