package forest

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/narrativeml/narrative/ml"
)

// Params are the parameters.
type Params struct {
	// Criterion is the impurity that splits lower; empty means Gini, or
	// SquaredError for Regression. Entropy takes longer.
	Criterion Criterion
	// Trees is the number of trees, 1 to 100,000, default 100.
	Trees int
	// MaxDepth is the most splits on the way to a leaf, 0 to 1,000, default 0,
	// which means no limit.
	MaxDepth int
	// MaxLeaves is the most leaves of a tree, 2 to 1,000,000, default 0, which
	// means no limit. With a limit the leaf whose split gains most is split first.
	MaxLeaves int
	// MinChildSamples is the fewest rows of a leaf, 1 to 1,000,000,000, default 1.
	// A row counts once, however often it was drawn.
	MinChildSamples int
	// MinSplitSamples is the fewest rows of a node that is split, 2 to
	// 1,000,000,000, default 2.
	MinSplitSamples int
	// MaxFeatures is the share of the features that are tried at a node, above 0
	// to 1, rounded down, at least one. The default, 0, tries the square root of
	// their number for classification and a third of it for regression (Breiman,
	// 2001), or all of it for regression with ExtraTrees (Geurts et al., 2006).
	// Features are tried beyond that until one of them differs within the node.
	MaxFeatures float64
	// Bootstrap draws the rows of a tree with replacement, default true.
	Bootstrap bool
	// RowFraction is how many rows are drawn for each tree, as a share of all,
	// above 0 to 1, default 1.
	RowFraction float64
	// ExtraTrees draws a threshold for each feature instead of searching for the
	// best one, default false. Geurts et al. use it without Bootstrap.
	ExtraTrees bool
	// MaxBins is the most bins of a feature besides that of missing values, 2
	// to 255, default 255.
	MaxBins int
	// OutOfBag scores every row by the trees that did not draw it, default false.
	// It needs rows that are not drawn: Bootstrap, or a RowFraction below 1.
	OutOfBag bool
	// Seed draws rows, features and thresholds, default 0.
	Seed uint64
}

// DefaultParams returns the parameters of a random forest to start from.
func DefaultParams() Params {
	return Params{
		Trees:           100,
		MinChildSamples: 1,
		MinSplitSamples: 2,
		Bootstrap:       true,
		RowFraction:     1,
		MaxBins:         255,
	}
}

// ExtraParams returns the parameters of extremely randomised trees to start
// from.
func ExtraParams() Params {
	p := DefaultParams()
	p.Bootstrap = false
	p.ExtraTrees = true
	return p
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
		{"max_depth", p.MaxDepth, 0, 1_000},
		{"min_child_samples", p.MinChildSamples, 1, 1_000_000_000},
		{"min_split_samples", p.MinSplitSamples, 2, 1_000_000_000},
		{"max_bins", p.MaxBins, 2, 255},
	}
	for _, w := range whole {
		if w.value < w.low || w.value > w.high {
			return paramError(w.name, strconv.Itoa(w.value), fmt.Sprintf("a whole number from %d to %d", w.low, w.high))
		}
	}
	switch {
	case p.MaxLeaves != 0 && (p.MaxLeaves < 2 || p.MaxLeaves > 1_000_000):
		return paramError("max_leaves", strconv.Itoa(p.MaxLeaves), "0 or a whole number from 2 to 1000000")
	case math.IsNaN(p.MaxFeatures) || p.MaxFeatures < 0 || p.MaxFeatures > 1:
		return paramError("max_features", number(p.MaxFeatures), "a number from 0 to 1")
	case math.IsNaN(p.RowFraction) || p.RowFraction <= 0 || p.RowFraction > 1:
		return paramError("row_fraction", number(p.RowFraction), "a number above 0 and at most 1")
	case !slices.Contains([]Criterion{"", Gini, Entropy, SquaredError}, p.Criterion):
		return paramError("criterion", strconv.Quote(string(p.Criterion)), "gini, entropy, squared_error or empty")
	case p.OutOfBag && !p.Bootstrap && p.RowFraction == 1:
		return paramError("out_of_bag", "true", "false where every tree takes all rows: set bootstrap, or a row_fraction below 1")
	}
	return nil
}

// suits returns an error when the criterion is none for the task.
func (p Params) suits(task ml.Task) error {
	if p.Criterion == "" || (p.Criterion == SquaredError) == (task == ml.Regression) {
		return nil
	}
	want := "gini, entropy or empty for a " + string(task) + " target"
	if task == ml.Regression {
		want = "squared_error or empty for a regression target"
	}
	return paramError("criterion", strconv.Quote(string(p.Criterion)), want)
}

// tries returns how many of the features are tried at a node.
func (p Params) tries(task ml.Task, features int) int {
	n := p.MaxFeatures * float64(features)
	if p.MaxFeatures == 0 {
		switch {
		case task != ml.Regression:
			n = math.Sqrt(float64(features))
		case p.ExtraTrees:
			n = float64(features)
		default:
			n = float64(features) / 3
		}
	}
	return min(max(1, int(n+1e-9)), features)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func paramError(name, value, want string) *ml.InputError {
	return &ml.InputError{
		Code: "bad_parameter", Parameter: name, Row: -1,
		Message: fmt.Sprintf("the parameter %s is %s; it must be %s", name, value, want),
	}
}
