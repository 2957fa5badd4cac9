package linear

import (
	"fmt"
	"math"
	"strconv"

	"github.com/narrativeml/narrative/ml"
)

// Loss is what a row costs, as a function of its score: the intercept and the
// sum of coefficient times value.
type Loss string

// The losses.
const (
	// LogLoss is minus the logarithm of the probability of the row's class: the
	// logistic function of the score for Binary, the softmax of a score for each
	// class for Multiclass.
	LogLoss Loss = "log_loss"
	// SquaredError is half the squared difference of target and score.
	SquaredError Loss = "squared_error"
	// Poisson is exp(score) - target*score, half the deviance of a Poisson
	// distribution but for a constant. The model predicts exp(score); targets
	// are counts or rates from 0 on, not all of them 0.
	Poisson Loss = "poisson"
)

// Params are the parameters. Training minimises
//
//	sum of weight*loss + Alpha * (L1Ratio * sum |c| + (1-L1Ratio)/2 * sum c²)
//
// over the coefficients c and the intercepts, which are not penalised. The
// parameters of scikit-learn for the same minimum, where W is the sum of the
// weights (the number of rows without):
//
//	LogisticRegression    C = 1/Alpha, l1_ratio = L1Ratio
//	Ridge                 alpha = Alpha                        (L1Ratio = 0)
//	Lasso                 alpha = Alpha/W                      (L1Ratio = 1)
//	ElasticNet            alpha = Alpha/W, l1_ratio = L1Ratio
//	PoissonRegressor      alpha = Alpha/W                      (L1Ratio = 0)
//
// The paper on glmnet writes lambda for Alpha/W and alpha for L1Ratio.
type Params struct {
	// Alpha is the strength of the penalty, 0 to 1e12, default 1.
	Alpha float64
	// L1Ratio divides the penalty: 0 is ridge regression, 1 the lasso, which
	// makes many coefficients exactly 0, and between them is the elastic net; 0
	// to 1, default 0.
	L1Ratio float64
	// Loss is one of the losses. Empty, the default, means LogLoss for Binary and
	// Multiclass, which take no other, and SquaredError for Regression, which
	// also takes Poisson.
	Loss Loss
	// Standardize lets the penalty measure each c in standard deviations: c of
	// the above is the coefficient times the weighted standard deviation of its
	// variable, default false. A category is a variable that is 1 in its rows and
	// 0 in others.
	Standardize bool
	// MaxIterations ends the search for the minimum, 1 to 1,000,000, default
	// 10,000. An iteration is one of conjugate gradients, or a proximal step: one
	// or two passes over the table. Some tens are usual.
	MaxIterations int
	// Tolerance ends it when no derivative by the coefficient of a standardised
	// variable (with a penalty by its absolute value: no element of the smallest
	// subgradient) is larger, 1e-14 to 1, default 1e-7. What is derived is the
	// function above divided by W; for SquaredError the target is counted in its
	// standard deviations, for Poisson in its means.
	Tolerance float64
}

// DefaultParams returns the parameters to start from.
func DefaultParams() Params {
	return Params{Alpha: 1, MaxIterations: 10_000, Tolerance: 1e-7}
}

// Validate returns an *ml.InputError that names the first parameter out of its
// limits, or nil.
func (p Params) Validate() error {
	switch {
	case outside(p.Alpha, 0, 1e12):
		return paramError("alpha", number(p.Alpha), "a number from 0 to 1e12")
	case outside(p.L1Ratio, 0, 1):
		return paramError("l1_ratio", number(p.L1Ratio), "a number from 0 to 1")
	case p.Loss != "" && p.Loss != LogLoss && p.Loss != SquaredError && p.Loss != Poisson:
		return paramError("loss", strconv.Quote(string(p.Loss)), "log_loss, squared_error, poisson or empty")
	case p.MaxIterations < 1 || p.MaxIterations > 1_000_000:
		return paramError("max_iterations", strconv.Itoa(p.MaxIterations), "a whole number from 1 to 1000000")
	case outside(p.Tolerance, 1e-14, 1):
		return paramError("tolerance", number(p.Tolerance), "a number from 1e-14 to 1")
	default:
		return nil
	}
}

// lossFor returns the loss to use for a task, or an *ml.InputError.
func (p Params) lossFor(task ml.Task) (Loss, error) {
	switch {
	case task != ml.Regression && (p.Loss == "" || p.Loss == LogLoss):
		return LogLoss, nil
	case task != ml.Regression:
		return "", paramError("loss", strconv.Quote(string(p.Loss)), "log_loss or empty for the task "+string(task))
	case p.Loss == "":
		return SquaredError, nil
	case p.Loss == LogLoss:
		return "", paramError("loss", strconv.Quote(string(p.Loss)), "squared_error, poisson or empty for the task regression")
	default:
		return p.Loss, nil
	}
}

func outside(v, low, high float64) bool { return math.IsNaN(v) || v < low || v > high }

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func paramError(name, value, want string) *ml.InputError {
	return &ml.InputError{
		Code: "bad_parameter", Parameter: name, Row: -1,
		Message: fmt.Sprintf("the parameter %s is %s; it must be %s", name, value, want),
	}
}
