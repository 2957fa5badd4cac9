package automl

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

const (
	// hotCategories is how many categories of a column a linear model tells apart.
	hotCategories = 1000
	// hotRows and usualRows are how few rows a category of its own may have in a
	// linear model: in the smallest tables and in those of rowsPerRow times
	// usualRows and more, in proportion between.
	hotRows    = 3
	usualRows  = 10
	rowsPerRow = 200
	// treeCategories is the same for trees, which have 255 bins a column.
	treeCategories = 250
)

// NoScaling is the Scaling that leaves numbers as they are.
const NoScaling = "none"

// Imputations returns what a missing number may become for linear models.
func Imputations() []string {
	return []string{string(preprocess.Mean), string(preprocess.Median), string(preprocess.Mode)}
}

// Scalings returns how numbers may be scaled for linear models.
func Scalings() []string {
	return []string{
		string(preprocess.Standard), string(preprocess.MinMax), string(preprocess.Robust), string(preprocess.MaxAbs), NoScaling,
	}
}

func (p Params) validatePreparation() error {
	switch {
	case p.Imputation != "" && !slices.Contains(Imputations(), p.Imputation):
		return parameter("unknown_imputation", "imputation", "the imputation %q is unknown, it should be one of %s", p.Imputation, list(Imputations()))
	case p.Scaling != "" && !slices.Contains(Scalings(), p.Scaling):
		return parameter("unknown_scaling", "scaling", "the scaling %q is unknown, it should be one of %s", p.Scaling, list(Scalings()))
	case !(p.MinVariance >= 0) || math.IsInf(p.MinVariance, 1):
		return parameter("invalid_parameter", "min_variance", "min_variance is %v, it should be a finite number of at least 0", p.MinVariance)
	case !(p.MaxCorrelation >= 0 && p.MaxCorrelation <= 1):
		return parameter("invalid_parameter", "max_correlation", "max_correlation is %v, it should be between 0 and 1", p.MaxCorrelation)
	}
	return nil
}

// steps returns what the algorithm needs done to its rows.
func (f fitting) steps() []pipeline.Fitter {
	p := f.params
	switch f.algorithm {
	case artifact.Linear:
		return slices.Concat(p.selection(), p.dates(), p.encoding(f.x.Rows()), p.imputation(), p.scaling())
	case artifact.Forest, artifact.GBDT:
		group := preprocess.CategoryParams{MaxCategories: treeCategories, MinRows: 1}
		return slices.Concat(p.selection(), []pipeline.Fitter{
			pipeline.Step(preprocess.FitDates, preprocess.DefaultDateParams()),
			pipeline.Step(preprocess.FitGroup, group),
		})
	default:
		return nil
	}
}

// selection leaves columns of numbers out, as they are in the table.
func (p Params) selection() (steps []pipeline.Fitter) {
	if p.MinVariance > 0 {
		steps = append(steps, pipeline.Step(preprocess.FitVariance, preprocess.VarianceParams{Threshold: p.MinVariance}))
	}
	if p.MaxCorrelation > 0 {
		c := preprocess.DefaultCorrelationParams()
		c.Limit = p.MaxCorrelation
		steps = append(steps, pipeline.Step(preprocess.FitCorrelation, c))
	}
	return steps
}

func (p Params) dates() []pipeline.Fitter {
	d := preprocess.DefaultDateParams()
	if p.DateCycles {
		d.Cycles = []preprocess.Part{preprocess.Month, preprocess.Weekday, preprocess.Hour, preprocess.YearDay}
	}
	return []pipeline.Fitter{pipeline.Step(preprocess.FitDates, d)}
}

// encoding is what a linear model needs for columns of strings: it takes
// categories as they are.
func (p Params) encoding(rows int) []pipeline.Fitter {
	c := preprocess.CategoryParams{MaxCategories: hotCategories, MinRows: max(hotRows, min(rows/rowsPerRow, usualRows))}
	if p.Encoding == Ordinal {
		return []pipeline.Fitter{pipeline.Step(preprocess.FitOrdinal, c)}
	}
	return []pipeline.Fitter{pipeline.Step(preprocess.FitGroup, c)}
}

func (p Params) imputation() []pipeline.Fitter {
	i := preprocess.DefaultImputeParams()
	if p.Imputation != "" {
		i.Strategy = preprocess.Strategy(p.Imputation)
	}
	return []pipeline.Fitter{pipeline.Step(imputeNumbers, i)}
}

// imputeNumbers leaves columns of strings alone, in which a missing value is a
// category of its own.
func imputeNumbers(ctx context.Context, x *frame.Frame, p preprocess.ImputeParams, weights ...float64) (preprocess.Step, error) {
	for _, c := range x.Columns() {
		if c.Type().Numeric() {
			p.Columns = append(p.Columns, c.Name())
		}
	}
	if len(p.Columns) == 0 {
		p.Strategy = preprocess.Median // no names mean all columns, which are of strings
	}
	return preprocess.FitImpute(ctx, x, p, weights...)
}

// linear lets the penalty measure categories in standard deviations too, where
// numbers are scaled so: common categories are drawn to 0 no more than numbers.
func (p Params) linear() linear.Params {
	l := linear.DefaultParams()
	l.Standardize = p.Scaling == "" || p.Scaling == string(preprocess.Standard)
	return l
}

func (p Params) scaling() []pipeline.Fitter {
	s := preprocess.DefaultScaleParams()
	switch p.Scaling {
	case NoScaling:
		return nil
	case "":
	default:
		s.Method = preprocess.Method(p.Scaling)
	}
	return []pipeline.Fitter{pipeline.Step(preprocess.FitScale, s)}
}

// checkLeft returns an error when the selection left nothing to learn from.
func (f fitting) checkLeft(x *frame.Frame) error {
	if len(x.Columns()) > 0 {
		return nil
	}
	if f.params.Recipe != nil && len(f.params.selection()) == 0 && f.algorithm != artifact.Baseline {
		return parameter("no_features", "steps", "the steps leave no column that differs among the %d rows of a fit", f.x.Rows())
	}
	if len(f.params.selection()) == 0 {
		return nil
	}
	return parameter("no_features", "min_variance", "min_variance %v and max_correlation %v leave no column to learn from, allow more", f.params.MinVariance, f.params.MaxCorrelation)
}

// leftOut tells which columns the selection left out of a model, or "".
func (r *run) leftOut(m *pipeline.Model) string {
	if m.Algorithm() == artifact.Baseline || r.params.Recipe != nil || len(r.params.selection()) == 0 {
		return ""
	}
	inputs := map[string]bool{}
	for _, in := range m.Inputs() {
		inputs[in.Name] = true
	}
	const shown = 20
	var names []string
	for _, name := range r.x.Names() {
		if !inputs[name] {
			names = append(names, strconv.Quote(name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	more := ""
	if n := len(names) - shown; n > 0 {
		names, more = names[:shown], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("Columns of little variance or much correlation were left out of the model: %s%s.", strings.Join(names, ", "), more)
}

// preparation writes what prepares the rows to the fingerprint.
func (d *digest) preparation(p Params) {
	d.text(p.Imputation, p.Scaling)
	d.numbers(p.MinVariance, p.MaxCorrelation)
	if p.DateCycles {
		d.text("date_cycles")
	}
}
