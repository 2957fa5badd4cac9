package gbdt

import (
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
)

// Objective is what the trees minimise.
type Objective string

// The objectives. Logistic is of Binary targets and Softmax of Multiclass ones;
// all others are of Regression. The models of Poisson, Gamma and Tweedie predict
// the mean by the exponential of the score, so that it is positive.
const (
	Logistic Objective = "logistic" // negative log-likelihood of two classes
	Softmax  Objective = "softmax"  // negative log-likelihood of the classes
	Squared  Objective = "squared"  // half the squared error: the mean
	Absolute Objective = "absolute" // absolute error: the median
	Huber    Objective = "huber"    // squared up to HuberDelta, absolute beyond
	Quantile Objective = "quantile" // pinball loss: the quantile at QuantileLevel
	Poisson  Objective = "poisson"  // deviance of counts, targets from 0 on
	Gamma    Objective = "gamma"    // deviance of amounts, targets above 0
	Tweedie  Objective = "tweedie"  // deviance between both, targets from 0 on
)

// forTask returns the objective of a task where none is named, or an error if
// the named one is not of the task.
func (o Objective) forTask(task ml.Task) (Objective, error) {
	usual := map[ml.Task]Objective{ml.Binary: Logistic, ml.Multiclass: Softmax, ml.Regression: Squared}[task]
	if o == "" {
		return usual, nil
	}
	classes := o == Logistic || o == Softmax
	if o == usual || task == ml.Regression && !classes {
		return o, nil
	}
	want := string(usual)
	if task == ml.Regression {
		want = "squared, absolute, huber, quantile, poisson, gamma or tweedie"
	}
	return "", paramError("objective", string(o), fmt.Sprintf("%s for a %s target", want, task))
}

// objective is a loss over the scores of the rows of a target, which are held by
// class and then by row.
type objective struct {
	loss
	traits
	name    Objective
	y       ml.Target
	classes int       // scores a row
	start   []float64 // the best constant scores
	heavy   float64   // the largest weight
}

// traits say how far derivatives reach, for a row of weight 1.
type traits struct {
	maxG  float64 // of the first one's amount; +Inf where there is no limit
	maxH  float64 // of the second one; +Inf where there is no limit
	slope float64 // how much the first one changes with a score; +Inf likewise
	step  float64 // the most that a leaf may change a score before the learning rate
	// renew is the quantile of a leaf's residuals that its value becomes, or 0
	// where the second derivative decides.
	renew float64
	log   bool // scores are logarithms of the mean
}

// loss is the loss of rows with one score each.
type loss interface {
	// derivatives writes the first and second derivatives by the score.
	derivatives(y, scores, g, h []float64)
	// value is the loss of a row.
	value(y, score float64) float64
	// start returns the best constant score.
	start(y ml.Target) float64
	traits() traits
}

// newObjective returns the objective of parameters that are valid for the
// target.
func newObjective(p Params, y ml.Target) (*objective, error) {
	name, err := p.Objective.forTask(y.Task)
	if err != nil {
		return nil, err
	}
	o := &objective{name: name, y: y, classes: 1, heavy: 1}
	if y.Weights != nil {
		o.heavy = 0
		for _, w := range y.Weights {
			o.heavy = max(o.heavy, w)
		}
	}
	switch name {
	case Logistic:
		o.loss = newLogistic()
	case Softmax:
		o.loss, o.traits = nil, traits{maxG: 1, maxH: 0.25, slope: 0.5, step: maxLogOdds}
		o.classes = len(y.Classes)
		o.start = classShares(y)
		return o, nil
	case Absolute:
		o.loss = quantile{0.5}
	case Huber:
		o.loss = newHuber(p.HuberDelta, y)
	case Quantile:
		o.loss = quantile{p.QuantileLevel}
	case Poisson:
		o.loss = poisson{}
	case Gamma:
		o.loss = gamma{}
	case Tweedie:
		o.loss = tweedie{p.TweediePower}
	default:
		o.loss = squared{}
	}
	if err := checkRange(name, y); err != nil {
		return nil, err
	}
	o.traits = o.loss.traits()
	o.start = []float64{o.loss.start(y)}
	return o, nil
}

// checkRange returns an error for a target that the objective has no loss for.
func checkRange(name Objective, y ml.Target) error {
	positive := name == Gamma
	if !positive && name != Poisson && name != Tweedie {
		return nil
	}
	some := false
	for i, v := range y.Values {
		if v < 0 || positive && v == 0 {
			want := "0 or more"
			if positive {
				want = "above 0"
			}
			return &ml.InputError{Code: "target_range", Row: i, Message: fmt.Sprintf(
				"the target is %g in row %d; for the objective %s it must be %s", v, i+1, name, want)}
		}
		some = some || v > 0
	}
	if !some {
		return &ml.InputError{Code: "target_range", Row: -1, Message: fmt.Sprintf(
			"the target is 0 in every row; for the objective %s at least one must be above 0", name)}
	}
	return nil
}

// classShares returns the logarithm of each class's share. A class without rows
// starts as if it had a tiny one.
func classShares(y ml.Target) []float64 {
	sums, total := make([]float64, len(y.Classes)), 0.0
	for i, v := range y.Values {
		sums[int(v)] += y.Weight(i)
		total += y.Weight(i)
	}
	for k, s := range sums {
		sums[k] = math.Log(max(s/total, 1e-9))
	}
	return sums
}

// gradients writes the derivatives by the scores of class k for the rows from
// low on. The values are the scores, for Softmax the probabilities, of these
// rows for that class.
func (o *objective) gradients(k, low int, values, g, h []float64) {
	y := o.y.Values[low : low+len(g)]
	if o.name == Softmax {
		for i, p := range values[:len(g)] {
			g[i], h[i] = p, p*(1-p)
			if int(y[i]) == k {
				g[i] = p - 1
			}
		}
	} else {
		o.derivatives(y, values[:len(g)], g, h)
	}
	if o.y.Weights == nil {
		return
	}
	for i, w := range o.y.Weights[low : low+len(g)] {
		g[i] *= w
		h[i] *= w
	}
}

// probabilities replaces the scores of the rows from low to high by softmax.
func (o *objective) probabilities(scores, out []float64, low, high int) {
	rows := o.y.Len()
	row := make([]float64, o.classes)
	for i := low; i < high; i++ {
		for k := range row {
			row[k] = scores[k*rows+i]
		}
		softmax(row)
		for k, p := range row {
			out[k*rows+i] = p
		}
	}
}

// mean returns the weighted mean loss of scores.
func (o *objective) mean(scores []float64) float64 {
	rows := o.y.Len()
	row := make([]float64, o.classes)
	sum, total := 0.0, 0.0
	for i, y := range o.y.Values {
		var loss float64
		if o.name == Softmax {
			for k := range row {
				row[k] = scores[k*rows+i]
			}
			loss = logSumExp(row) - row[int(y)]
		} else {
			loss = o.value(y, scores[i])
		}
		w := o.y.Weight(i)
		sum += w * loss
		total += w
	}
	return sum / total
}

func logSumExp(row []float64) float64 {
	top := row[0]
	for _, s := range row {
		top = max(top, s)
	}
	sum := 0.0
	for _, s := range row {
		sum += math.Exp(s - top)
	}
	return top + math.Log(sum)
}

// softmax replaces scores by probabilities.
func softmax(row []float64) {
	top := row[0]
	for _, s := range row {
		top = max(top, s)
	}
	sum := 0.0
	for k, s := range row {
		row[k] = math.Exp(s - top)
		sum += row[k]
	}
	for k := range row {
		row[k] /= sum
	}
}
