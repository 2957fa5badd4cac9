package automl

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/baseline"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
	"github.com/narrativeml/narrative/ml/linear"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
	"github.com/narrativeml/narrative/ml/split"
)

const (
	// hotCategories is how many categories of a column a linear model tells apart.
	hotCategories = 50
	// hotRows is how few rows a category of its own may have in a linear model.
	hotRows = 3
	// treeCategories is the same for trees, which have 255 bins a column.
	treeCategories = 250
	// stopFraction is the part of the rows that tell a gbdt when to stop.
	stopFraction = 0.15
	// forestTrees is the most trees of a forest: more hardly help and take room.
	forestTrees = 100
	// forestLeaf is the fewest rows of a leaf of a forest.
	forestLeaf = 3
	// patience is the number of rounds without a gain after which it stops.
	patience = 30
)

// fitting is one fit: its rows and what it may use.
type fitting struct {
	params    Params
	algorithm string
	x         *frame.Frame
	y         ml.Target
	seed      uint64
	rounds    int // of a gbdt; 0: it finds out by itself
	threads   int
	recorder  ml.Recorder
}

// fit fits the steps and the algorithm. rounds is how many a gbdt took.
func (f fitting) fit(ctx context.Context) (m *pipeline.Model, rounds int, err error) {
	steps, x, err := f.prepare(ctx)
	if err != nil {
		return nil, 0, err
	}
	o := ml.Options{Recorder: f.recorder, Threads: f.threads}
	var estimator pipeline.Estimator
	switch f.algorithm {
	case artifact.Baseline:
		estimator, err = baseline.Train(ctx, baseline.DefaultParams(), x, f.y, o)
	case artifact.Linear:
		estimator, err = linear.Train(ctx, linear.DefaultParams(), x, f.y, o)
	case artifact.Forest:
		estimator, err = forest.Train(ctx, f.woods(), x, f.y, o)
	case artifact.GBDT:
		estimator, rounds, err = f.boost(ctx, x, o)
	default:
		err = fmt.Errorf("automl: no algorithm %q", f.algorithm)
	}
	if err != nil {
		return nil, 0, err
	}
	inputs := make([]pipeline.Input, len(f.x.Columns()))
	for i, c := range f.x.Columns() {
		inputs[i] = pipeline.InputOf(c)
	}
	m, err = pipeline.New(pipeline.Parts{
		Algorithm: f.algorithm, Task: f.y.Task, Target: f.params.Target, Classes: f.y.Classes,
		Inputs: inputs, Steps: steps, Estimator: estimator,
	})
	return m, rounds, err
}

// fitter fits a step on a table.
type fitter func(ctx context.Context, x *frame.Frame) (preprocess.Step, error)

// prepare fits the steps that the algorithm needs and applies them.
func (f fitting) prepare(ctx context.Context) ([]preprocess.Step, *frame.Frame, error) {
	x := f.x
	var steps []preprocess.Step
	for _, fit := range f.fitters() {
		s, err := fit(ctx, x)
		if err != nil {
			return nil, nil, err
		}
		if x, err = preprocess.Apply(ctx, []preprocess.Step{s}, x); err != nil {
			return nil, nil, err
		}
		steps = append(steps, s)
	}
	return steps, x, ctx.Err()
}

func (f fitting) fitters() []fitter {
	switch f.algorithm {
	case artifact.Linear:
		return []fitter{dates, f.encode, impute, scale}
	case artifact.Forest, artifact.GBDT:
		return []fitter{dates, group}
	default:
		return nil
	}
}

func dates(ctx context.Context, x *frame.Frame) (preprocess.Step, error) {
	return preprocess.FitDates(ctx, x)
}

func (f fitting) encode(ctx context.Context, x *frame.Frame) (preprocess.Step, error) {
	p := preprocess.CategoryParams{MaxCategories: hotCategories, MinRows: hotRows}
	if f.params.Encoding == Ordinal {
		return preprocess.FitOrdinal(ctx, x, p)
	}
	return preprocess.FitOneHot(ctx, x, p)
}

func group(ctx context.Context, x *frame.Frame) (preprocess.Step, error) {
	return preprocess.FitGroup(ctx, x, preprocess.CategoryParams{MaxCategories: treeCategories, MinRows: 1})
}

func impute(ctx context.Context, x *frame.Frame) (preprocess.Step, error) {
	return preprocess.FitImpute(ctx, x, preprocess.DefaultImputeParams())
}

func scale(ctx context.Context, x *frame.Frame) (preprocess.Step, error) {
	return preprocess.FitScale(ctx, x)
}

// boost trains a gbdt. Without a number of rounds it keeps a part of its rows
// to find out when to stop, unless there are too few to tell.
func (f fitting) boost(ctx context.Context, x *frame.Frame, o ml.Options) (pipeline.Estimator, int, error) {
	p := gbdt.DefaultParams()
	p.Seed = f.seed
	p.Trees = f.params.Trees
	p.EarlyStopping = patience
	y := f.y
	if f.rounds > 0 {
		p.Trees = f.rounds
	} else {
		keep, stop, err := f.stopRows()
		if err != nil {
			return nil, 0, err
		}
		v := ml.Validation{Y: takeTarget(y, stop)}
		if v.X, err = take(ctx, x, stop); err != nil {
			return nil, 0, err
		}
		if x, err = take(ctx, x, keep); err != nil {
			return nil, 0, err
		}
		y = takeTarget(y, keep)
		o.Validation = &v
	}
	m, err := gbdt.Train(ctx, p, x, y, o)
	if err != nil {
		return nil, 0, err
	}
	return m, m.Rounds(), nil
}

// woods returns the parameters of a forest. Its leaves grow with the square root
// of the rows: they tell probabilities better than single rows do, and the model
// stays small.
func (f fitting) woods() forest.Params {
	p := forest.DefaultParams()
	p.Seed = f.seed
	p.Trees = min(f.params.Trees, forestTrees)
	per := 15.0
	if f.y.Task == ml.Regression {
		per = 50
	}
	p.MinChildSamples = max(forestLeaf, int(math.Sqrt(float64(f.y.Len()))/per))
	return p
}

// stopRows divides the rows into those to learn from and those to stop by.
func (f fitting) stopRows() (keep, stop []int, err error) {
	if f.y.Task == ml.Regression {
		return split.Holdout(f.y.Len(), stopFraction, f.seed)
	}
	return split.StratifiedHoldout(classIndexes(f.y), f.y.Classes, stopFraction, 1, f.seed)
}

// roundsFor is how many rounds a fit on all rows takes, of those its folds
// took: their mean.
func roundsFor(folds []int) int {
	if len(folds) == 0 || slices.Max(folds) == 0 {
		return 0
	}
	sum := 0
	for _, n := range folds {
		sum += n
	}
	return max(1, int(math.Round(float64(sum)/float64(len(folds)))))
}
