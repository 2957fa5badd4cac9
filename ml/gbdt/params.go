package gbdt

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/internal/binned"
)

// Params are the parameters.
type Params struct {
	// Objective is what the trees minimise; empty means Logistic, Softmax or
	// Squared, as the target is.
	Objective Objective
	// QuantileLevel is the level of Quantile, above 0 and below 1, default 0.5.
	QuantileLevel float64
	// HuberDelta is the error from which on Huber is linear, in the unit of the
	// target, 0 to 1e100. The default, 0, takes the 0.9 quantile of the distances
	// from the median.
	HuberDelta float64
	// TweediePower is the power of the variance of Tweedie, above 1 and below 2,
	// default 1.5.
	TweediePower float64
	// Monotone holds, by the name of a column of numbers, 1 where the prediction
	// may not fall and -1 where it may not rise while the column's value rises
	// and all others stay. It binds the score, of Softmax that of each class.
	// Missing values are free.
	Monotone map[string]int
	// Trees is the number of rounds, 1 to 100,000, default 100. A round grows one
	// tree, for Multiclass one for each class.
	Trees int
	// LearningRate scales each tree, above 0 to 1, default 0.1.
	LearningRate float64
	// MaxLeaves is the most leaves of a tree, 2 to 65,536, default 31.
	MaxLeaves int
	// MaxDepth is the most splits on the way to a leaf, 0 to 1,000, default 0,
	// which means no limit.
	MaxDepth int
	// MinChildSamples is the fewest rows of a leaf, 1 to 1,000,000,000, default
	// 20. The rows on a side of a split are estimated from its share of the
	// leaf's sum of hessians, which is exact for Regression without weights.
	MinChildSamples int
	// MinChildHessian is the least sum of hessians of a leaf, 0 to 1e12, default
	// 0.001.
	MinChildHessian float64
	// L1 is taken from the amount of the sum of gradients of a leaf, 0 to 1e12,
	// default 0.
	L1 float64
	// L2 is added to the sum of hessians of a leaf, 0 to 1e12, default 0.
	L2 float64
	// MinGain is the least gain of a split, 0 to 1e12, default 0.
	MinGain float64
	// MaxBins is the most bins of a feature besides that of missing values, 2
	// to 255, default 255.
	MaxBins int
	// RowFraction is the share of rows drawn for each round without
	// replacement, above 0 to 1, default 1.
	RowFraction float64
	// FeatureFraction is the share of features drawn for each tree, above 0 to
	// 1, default 1.
	FeatureFraction float64
	// CategorySmoothing is added to the sum of hessians of a category before
	// the categories are sorted, 0 to 1e12, default 10.
	CategorySmoothing float64
	// CategoryL2 is added to L2 where a feature of more than 4 categories is
	// split, 0 to 1e12, default 10.
	CategoryL2 float64
	// CategorySamples is the fewest rows of a category in a leaf that can go left,
	// where there are more than 4 categories, 1 to 1,000,000,000, default 10.
	CategorySamples int
	// CategoryGroupSamples is the fewest rows by which two sets of categories that
	// are tried for a split differ, where there are more than 4, 1 to
	// 1,000,000,000, default 100.
	CategoryGroupSamples int
	// MaxCategories is the most categories that go left where there are more than
	// 4, 1 to 255, default 32.
	MaxCategories int
	// EarlyStopping is the number of rounds without a lower validation loss
	// after which training stops and keeps the best round, 0 to 100,000, default
	// 10; 0 means never. Without Options.Validation it has no effect.
	EarlyStopping int
	// Seed draws rows and features and rounds the gradients, default 0.
	Seed uint64
}

// DefaultParams returns the parameters to start from.
func DefaultParams() Params {
	return Params{
		QuantileLevel:        0.5,
		TweediePower:         1.5,
		Trees:                100,
		LearningRate:         0.1,
		MaxLeaves:            31,
		MinChildSamples:      20,
		MinChildHessian:      0.001,
		MaxBins:              255,
		RowFraction:          1,
		FeatureFraction:      1,
		CategorySmoothing:    10,
		CategoryL2:           10,
		CategorySamples:      10,
		CategoryGroupSamples: 100,
		MaxCategories:        32,
		EarlyStopping:        10,
	}
}

// Validate returns an *ml.InputError that names the first parameter out of its
// limits, or nil.
func (p Params) Validate() error {
	whole := []struct {
		name      string
		value     int
		low, high int
	}{
		{"trees", p.Trees, 1, 100_000},
		{"max_leaves", p.MaxLeaves, 2, 65_536},
		{"max_depth", p.MaxDepth, 0, 1_000},
		{"min_child_samples", p.MinChildSamples, 1, 1_000_000_000},
		{"max_bins", p.MaxBins, 2, 255},
		{"category_samples", p.CategorySamples, 1, 1_000_000_000},
		{"category_group_samples", p.CategoryGroupSamples, 1, 1_000_000_000},
		{"max_categories", p.MaxCategories, 1, 255},
		{"early_stopping", p.EarlyStopping, 0, 100_000},
	}
	for _, w := range whole {
		if w.value < w.low || w.value > w.high {
			return paramError(w.name, strconv.Itoa(w.value), fmt.Sprintf("a whole number from %d to %d", w.low, w.high))
		}
	}
	fractions := []struct {
		name  string
		value float64
	}{
		{"learning_rate", p.LearningRate},
		{"row_fraction", p.RowFraction},
		{"feature_fraction", p.FeatureFraction},
	}
	for _, f := range fractions {
		if math.IsNaN(f.value) || f.value <= 0 || f.value > 1 {
			return paramError(f.name, number(f.value), "a number above 0 and at most 1")
		}
	}
	amounts := []struct {
		name  string
		value float64
	}{
		{"min_child_hessian", p.MinChildHessian},
		{"l1", p.L1},
		{"l2", p.L2},
		{"min_gain", p.MinGain},
		{"category_smoothing", p.CategorySmoothing},
		{"category_l2", p.CategoryL2},
	}
	for _, a := range amounts {
		if math.IsNaN(a.value) || a.value < 0 || a.value > 1e12 {
			return paramError(a.name, number(a.value), "a number from 0 to 1e12")
		}
	}
	return p.validateObjective()
}

func (p Params) validateObjective() error {
	all := []Objective{"", Logistic, Softmax, Squared, Absolute, Huber, Quantile, Poisson, Gamma, Tweedie}
	between := func(v, low, high float64) bool { return v > low && v < high }
	switch {
	case !slices.Contains(all, p.Objective):
		return paramError("objective", strconv.Quote(string(p.Objective)),
			"logistic, softmax, squared, absolute, huber, quantile, poisson, gamma, tweedie or empty")
	case (p.Objective == Quantile || p.QuantileLevel != 0) && !between(p.QuantileLevel, 0, 1):
		return paramError("quantile_level", number(p.QuantileLevel), "a number above 0 and below 1")
	case (p.Objective == Tweedie || p.TweediePower != 0) && !between(p.TweediePower, 1, 2):
		return paramError("tweedie_power", number(p.TweediePower), "a number above 1 and below 2")
	case math.IsNaN(p.HuberDelta) || p.HuberDelta < 0 || p.HuberDelta > binned.MaxTarget:
		return paramError("huber_delta", number(p.HuberDelta), "a number from 0 to 1e100")
	}
	for _, column := range slices.Sorted(maps.Keys(p.Monotone)) {
		if d := p.Monotone[column]; d < -1 || d > 1 {
			return paramError("monotone", fmt.Sprintf("%d for the column %q", d, column), "-1, 0 or 1")
		}
	}
	return nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func paramError(name, value, want string) *ml.InputError {
	return &ml.InputError{
		Code: "bad_parameter", Parameter: name, Row: -1,
		Message: fmt.Sprintf("the parameter %s is %s; it must be %s", name, value, want),
	}
}
