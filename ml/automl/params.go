package automl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/metric"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Encodings of categories for linear models.
const (
	OneHot  = "onehot"
	Ordinal = "ordinal"
)

// Params say what to learn and how.
type Params struct {
	Task          ml.Task  // empty: chosen from the target
	Target        string   // the column to predict
	Features      []string // the columns to learn from; empty: all but the target
	PositiveClass string   // Binary only; empty: the rarer class, of equals the later in order
	Algorithms    []string // the candidates: baseline, linear, forest, gbdt; empty: all
	Metric        string   // what the leaderboard is ordered by; empty: by task roc_auc, log_loss or rmse
	Encoding      string   // of categories for linear models: onehot or ordinal; empty: onehot
	Folds         int      // of the cross-validation, 2 to 20, default 5
	TestFraction  float64  // of the rows, held out, 0.05 to 0.5, default 0.2
	Seed          uint64   // of every random choice, default 1
	Trees         int      // the most rounds of a gbdt candidate, 1 to 10,000, default 200, fewer when more do not help, and trees of a forest, which has 100 at most

	Split       string // how rows are held out and divided into folds: random, grouped or time; empty: random
	GroupColumn string // grouped only: rows with the same value stay together; it is no feature
	TimeColumn  string // time only: what the rows are ordered by; a feature like any other
	Gap         int    // time only: rows left out before those that are tested on, default 0
	Window      int    // time only: the most rows that a fold learns from, the last ones; default 0: all
	Repeats     int    // of the cross-validation, each divided anew, 1 to 20, default 1; not by time
	ClassWeight string // classification only: none, or balanced for classes that weigh the same in all; empty: none

	WeightColumn string // numbers that say how much a row counts in what is learned and in scores, 0 leaves it out; no feature; empty: all count 1

	// Recipe is steps that every fit learns of the rows that it learns from, before
	// all else, and that the model carries; it is bound to the features, or some of
	// them, and never sees the target. Nil: there are none.
	Recipe *preprocess.Recipe

	Imputation     string  // of missing numbers for linear models: mean, median or mode; empty: median
	Scaling        string  // of numbers for linear models: standard, minmax, robust, maxabs or none; empty: standard
	DateCycles     bool    // give linear models the sine and cosine of month, weekday, hour and day of the year, too
	MinVariance    float64 // columns of numbers whose variance is not above it are left out; at least 0, default 0: none is
	MaxCorrelation float64 // of two columns of numbers with |r| above it the later is left out; 0 to 1, default 0: none is
}

// Weights of classes.
const (
	NoClassWeight = "none"
	Balanced      = "balanced"
)

// DefaultParams returns the parameters to start from; Target must be set.
func DefaultParams() Params {
	return Params{Algorithms: Algorithms(), Encoding: OneHot, Folds: 5, TestFraction: 0.2, Seed: 1, Trees: 200, Split: Random, Repeats: 1, ClassWeight: NoClassWeight}
}

// Algorithms returns the names of the candidates, the simplest first.
func Algorithms() []string {
	return []string{artifact.Baseline, artifact.Linear, artifact.Forest, artifact.GBDT}
}

// Validate returns an *ml.InputError for the first parameter that cannot be
// used with any table.
func (p Params) Validate() error {
	checks := []func() error{
		p.validateTask, p.validateFeatures, p.validateAlgorithms, p.validateMetric, p.validateNumbers,
		p.validatePreparation, p.validateRecipe, p.validateSplit, p.validateClassWeight, p.validateWeight,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p Params) validateTask() error {
	switch p.Task {
	case "", ml.Binary, ml.Multiclass, ml.Regression:
	default:
		return parameter("unknown_task", "task", "the task %q is unknown, it should be binary, multiclass or regression", p.Task)
	}
	if p.PositiveClass != "" && p.Task != "" && p.Task != ml.Binary {
		return parameter("positive_class_not_for_task", "positive_class", "a positive class was given for the task %s, only binary has one", p.Task)
	}
	return nil
}

func (p Params) validateFeatures() error {
	if p.Target == "" {
		return parameter("target_missing", "target", "no target was given, it should be the name of the column to predict")
	}
	seen := map[string]bool{}
	for _, f := range p.Features {
		switch {
		case f == p.Target:
			return input("target_is_feature", f, "column %q is both the target and a feature, it should be one of them", f)
		case seen[f]:
			return input("duplicate_feature", f, "feature %q was given twice", f)
		}
		seen[f] = true
	}
	return nil
}

func (p Params) validateAlgorithms() error {
	for i, a := range p.Algorithms {
		switch {
		case !slices.Contains(Algorithms(), a):
			return parameter("unknown_algorithm", "algorithms", "the algorithm %q is unknown, it should be one of %s", a, list(Algorithms()))
		case slices.Contains(p.Algorithms[:i], a):
			return parameter("duplicate_algorithm", "algorithms", "the algorithm %q was given twice", a)
		}
	}
	if p.Encoding != "" && p.Encoding != OneHot && p.Encoding != Ordinal {
		return parameter("unknown_encoding", "encoding", "the encoding %q is unknown, it should be onehot or ordinal", p.Encoding)
	}
	return nil
}

func (p Params) validateMetric() error {
	if p.Metric == "" {
		return nil
	}
	var known []string
	for _, task := range []ml.Task{ml.Binary, ml.Multiclass, ml.Regression} {
		for _, m := range metric.Names(task) {
			if !slices.Contains(known, m) {
				known = append(known, m)
			}
		}
	}
	if !slices.Contains(known, p.Metric) {
		return parameter("unknown_metric", "metric", "the metric %q is unknown, it should be one of %s", p.Metric, list(known))
	}
	if p.Task != "" {
		return checkMetric(p.Metric, p.Task)
	}
	return nil
}

func checkMetric(name string, task ml.Task) error {
	if names := metric.Names(task); !slices.Contains(names, name) {
		return parameter("metric_not_for_task", "metric", "the metric %q does not suit the task %s, it should be one of %s", name, task, list(names))
	}
	return nil
}

func (p Params) validateNumbers() error {
	switch {
	case p.Folds < 2 || p.Folds > 20:
		return parameter("invalid_parameter", "folds", "folds is %d, it should be between 2 and 20", p.Folds)
	case !(p.TestFraction >= 0.05 && p.TestFraction <= 0.5):
		return parameter("invalid_parameter", "test_fraction", "test_fraction is %v, it should be between 0.05 and 0.5", p.TestFraction)
	case p.Trees < 1 || p.Trees > 10_000:
		return parameter("invalid_parameter", "trees", "trees is %d, it should be between 1 and 10000", p.Trees)
	}
	return nil
}

func (p Params) validateSplit() error {
	switch p.Split {
	case "", Random, Grouped, Time:
	default:
		return parameter("unknown_split", "split", "the split %q is unknown, it should be random, grouped or time", p.Split)
	}
	for _, only := range []struct {
		name, split string
		given       bool
	}{
		{"group_column", Grouped, p.GroupColumn != ""},
		{"time_column", Time, p.TimeColumn != ""},
		{"gap", Time, p.Gap != 0},
		{"window", Time, p.Window != 0},
	} {
		if only.given && p.Split != only.split {
			return parameter("parameter_not_for_split", only.name, "%s was given, it goes with the split %s only", only.name, only.split)
		}
	}
	switch {
	case p.Split == Grouped && p.GroupColumn == "":
		return parameter("split_column_missing", "group_column", "no group column was given, it should be the name of the column whose equal values stay together")
	case p.Split == Time && p.TimeColumn == "":
		return parameter("split_column_missing", "time_column", "no time column was given, it should be the name of the column to order the rows by")
	case p.Split == Grouped && p.GroupColumn == p.Target:
		return parameter("split_column_is_target", "group_column", "column %q is both the target and the group column, it should be one of them", p.Target)
	case p.Split == Time && p.TimeColumn == p.Target:
		return parameter("split_column_is_target", "time_column", "column %q is both the target and the time column, it should be one of them", p.Target)
	case p.Split == Grouped && slices.Contains(p.Features, p.GroupColumn):
		return parameter("group_is_feature", "group_column", "column %q is both the group column and a feature: a model that knows the groups says nothing about new ones", p.GroupColumn)
	case p.Gap < 0:
		return parameter("invalid_parameter", "gap", "gap is %d, it should be at least 0", p.Gap)
	case p.Window < 0:
		return parameter("invalid_parameter", "window", "window is %d, it should be at least 0", p.Window)
	case p.Repeats < 1 || p.Repeats > 20:
		return parameter("invalid_parameter", "repeats", "repeats is %d, it should be between 1 and 20", p.Repeats)
	case p.Split == Time && p.Repeats > 1:
		return parameter("parameter_not_for_split", "repeats", "%d repeats were asked for, rows are divided by time in one way only", p.Repeats)
	}
	return nil
}

func (p Params) validateClassWeight() error {
	switch {
	case p.ClassWeight != "" && p.ClassWeight != NoClassWeight && p.ClassWeight != Balanced:
		return parameter("unknown_class_weight", "class_weight", "the class weight %q is unknown, it should be none or balanced", p.ClassWeight)
	case p.Task != "":
		return p.checkClassWeight(p.Task)
	default:
		return nil
	}
}

func (p Params) checkClassWeight(task ml.Task) error {
	if p.ClassWeight == Balanced && task == ml.Regression {
		return parameter("class_weight_not_for_task", "class_weight", "balanced class weights were asked for, a regression has no classes")
	}
	return nil
}

// algorithms returns the candidates, the simplest first.
func (p Params) algorithms() []string {
	if len(p.Algorithms) == 0 {
		return Algorithms()
	}
	return slices.DeleteFunc(Algorithms(), func(a string) bool { return !slices.Contains(p.Algorithms, a) })
}

func list(names []string) string { return strings.Join(names, ", ") }

// input returns an error about a column, or about the whole table.
func input(code, name, format string, args ...any) *ml.InputError {
	return &ml.InputError{Code: code, Column: name, Row: -1, Message: fmt.Sprintf(format, args...)}
}

// parameter returns an error about a parameter.
func parameter(code, name, format string, args ...any) *ml.InputError {
	return &ml.InputError{Code: code, Parameter: name, Row: -1, Message: fmt.Sprintf(format, args...)}
}
