package metric

import (
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
)

// The names of the metrics.
const (
	ROCAUC           = "roc_auc"           // area under the ROC curve; Binary
	AveragePrecision = "average_precision" // step-wise area under the precision-recall curve; Binary
	LogLoss          = "log_loss"          // mean negative log-likelihood in nats
	Accuracy         = "accuracy"          // share of rows whose likeliest class is the true one
	BalancedAccuracy = "balanced_accuracy" // mean recall of the classes that have rows
	F1               = "f1"                // of the positive class; Binary
	F1Macro          = "f1_macro"          // mean F1 of the classes that are true or predicted somewhere
	Brier            = "brier"             // mean squared error of the positive class's probability; Binary
	RMSE             = "rmse"              // root of the mean squared error, in the target's unit
	MAE              = "mae"               // mean absolute error, in the target's unit
	R2               = "r2"                // share of the variance explained
	MAPE             = "mape"              // mean absolute error relative to the true value, 1 is 100 %
)

// Names returns the metrics of a task, the one to choose by first; nil for an
// unknown task.
func Names(task ml.Task) []string {
	switch task {
	case ml.Binary:
		return []string{ROCAUC, AveragePrecision, LogLoss, Accuracy, BalancedAccuracy, F1, F1Macro, Brier}
	case ml.Multiclass:
		return []string{LogLoss, Accuracy, BalancedAccuracy, F1Macro}
	case ml.Regression:
		return []string{RMSE, MAE, R2, MAPE}
	default:
		return nil
	}
}

// HigherIsBetter reports whether a larger value of the metric is a better one.
func HigherIsBetter(name string) bool {
	switch name {
	case LogLoss, Brier, RMSE, MAE, MAPE:
		return false
	default:
		return true
	}
}

// Score returns the metric of outputs, which are as a Predictor writes them:
// rows*t.Outputs() values, row by row, class probabilities (for Binary two
// columns) or values. Rows count by their weights. The predicted class is the
// likeliest one, the first of equals. A metric beyond the range of float64 is
// the end of that range: the error of absurd outputs is still a number.
//
// It returns an *ml.InputError when the name is not a metric of the task, when
// the target or the outputs are malformed, and when the metric is undefined for
// them: roc_auc and average_precision without rows of both classes, r2 with
// fewer than two rows.
func Score(name string, t ml.Target, outputs []float64) (float64, error) {
	if err := t.Validate(len(t.Values)); err != nil {
		return 0, fmt.Errorf("score %s: %w", name, err)
	}
	if names := Names(t.Task); !slices.Contains(names, name) {
		return 0, inputError("unknown_metric", fmt.Sprintf(
			"%q is not a metric of a %s task; those are %v", name, t.Task, names))
	}
	width := t.Outputs()
	if len(outputs) != len(t.Values)*width {
		return 0, inputError("outputs_length", fmt.Sprintf(
			"there are %d outputs; %d rows of %d need %d", len(outputs), len(t.Values), width, len(t.Values)*width))
	}
	for i, v := range outputs {
		if math.IsNaN(v) || math.IsInf(v, 0) || t.Task != ml.Regression && (v < 0 || v > 1) {
			e := inputError("bad_output", fmt.Sprintf("an output is %v; %s", v, wanted(t.Task)))
			e.Row = i / width
			return 0, e
		}
	}
	v, err := score(name, normalize(t), outputs)
	return max(-math.MaxFloat64, min(v, math.MaxFloat64)), err
}

func wanted(task ml.Task) string {
	if task == ml.Regression {
		return "it must be a finite number"
	}
	return "it must be a probability from 0 to 1"
}

func inputError(code, message string) *ml.InputError {
	return &ml.InputError{Code: code, Row: -1, Message: message}
}

// normalize scales weights to at most 1, so that sums of them do not overflow.
func normalize(t ml.Target) ml.Target {
	if t.Weights == nil {
		return t
	}
	largest := slices.Max(t.Weights)
	scaled := make([]float64, len(t.Weights))
	for i, w := range t.Weights {
		scaled[i] = w / largest
	}
	t.Weights = scaled
	return t
}

func score(name string, t ml.Target, outputs []float64) (float64, error) {
	switch name {
	case ROCAUC:
		return rocAUC(t, outputs)
	case AveragePrecision:
		return averagePrecision(t, outputs)
	case LogLoss:
		return logLoss(t, outputs), nil
	case Brier:
		return weightedMean(t, func(i int) float64 {
			d := outputs[2*i+1] - t.Values[i]
			return d * d
		}), nil
	case Accuracy:
		return accuracy(t, outputs), nil
	case BalancedAccuracy:
		return count(t, outputs).balancedAccuracy(), nil
	case F1:
		return count(t, outputs).f1(1), nil
	case F1Macro:
		return count(t, outputs).f1Macro(), nil
	case R2:
		return r2(t, outputs)
	default:
		return deviation(name, t, outputs), nil
	}
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
