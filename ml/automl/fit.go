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
	division  division // of the rows
	seed      uint64
	rounds    int // of a gbdt; 0: it finds out by itself
	threads   int
	recorder  ml.Recorder
	saved     ml.Checkpoint // of this fit; may be nil
}

// fit fits the steps and the algorithm. rounds is how many a gbdt took.
func (f fitting) fit(ctx context.Context) (m *pipeline.Model, rounds int, err error) {
	before := f.x
	f, carried, err := f.recipe(ctx)
	if err != nil {
		return nil, 0, err
	}
	spec := pipeline.Spec{Algorithm: f.algorithm, Target: f.params.Target, Steps: f.steps()}
	if carried != nil { // what they make was not screened
		spec.Steps = slices.Concat([]pipeline.Fitter{pipeline.Step(preprocess.FitDrop, preprocess.DefaultDropParams())}, spec.Steps)
	}
	train := func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (e pipeline.Estimator, err error) {
		if err := f.checkLeft(x); err != nil {
			return nil, err
		}
		if f.params.ClassWeight == Balanced {
			if y, err = y.WithClassWeights(ml.BalancedClassWeights(y)); err != nil {
				return nil, err
			}
			f.y = y
		}
		o.CheckpointEvery = interval(x, y)
		switch f.algorithm {
		case artifact.Baseline:
			return pipeline.Algorithm(baseline.Train, baseline.DefaultParams())(ctx, x, y, o)
		case artifact.Linear:
			return pipeline.Algorithm(linear.Train, f.params.linear())(ctx, x, y, o)
		case artifact.Forest:
			return pipeline.Algorithm(forest.Train, f.woods())(ctx, x, y, o)
		case artifact.GBDT:
			e, rounds, err = f.boost(ctx, x, o)
			return e, err
		default:
			return nil, fmt.Errorf("automl: no algorithm %q", f.algorithm)
		}
	}
	m, err = pipeline.Train(ctx, spec, train, f.x, f.y, ml.Options{Recorder: f.recorder, Threads: f.threads, Checkpoint: f.saved})
	if err != nil {
		return nil, 0, err
	}
	m, err = carry(m, before, carried)
	return m, rounds, err
}

// workPerPart is how many values a fit goes through, a few tenths of a second,
// before it keeps what it has: a part costs a request to the files of the job.
const workPerPart = 200_000_000

// interval is the number of rounds between two parts of a fit that are kept.
func interval(x *frame.Frame, y ml.Target) int {
	return 1 + workPerPart/(max(1, x.Rows())*max(1, len(x.Columns()))*y.Outputs())
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

// stopRows divides the rows into those to learn from and those to stop by: as
// the call divides rows if that leaves rows of the same classes to learn from,
// else at random.
func (f fitting) stopRows() (keep, stop []int, err error) {
	d := f.division
	switch {
	case d.groups != nil:
		keep, stop, err = split.GroupHoldout(d.groups, stopFraction, 1, f.seed)
	case d.times != nil:
		keep, stop, err = split.TimeHoldout(d.times, stopFraction, 0, 1)
	}
	// The only error is that all rows are of one group or time.
	if err == nil && keep != nil && f.sameClasses(keep) {
		return keep, stop, nil
	}
	if f.y.Task == ml.Regression {
		return split.Holdout(f.y.Len(), stopFraction, f.seed)
	}
	classes, names := presentClasses(f.y)
	return split.StratifiedHoldout(classes, names, stopFraction, 1, f.seed)
}

// sameClasses reports whether the rows are of all classes that rows are of.
func (f fitting) sameClasses(rows []int) bool {
	if f.y.Task == ml.Regression {
		return true
	}
	_, all := presentClasses(f.y)
	_, kept := presentClasses(takeTarget(f.y, rows))
	return len(all) == len(kept)
}

// presentClasses numbers the classes that have rows and returns the number of
// each row, and their names.
func presentClasses(y ml.Target) (classes []int, names []string) {
	number := make([]int, len(y.Classes))
	for _, v := range y.Values {
		number[int(v)] = 1
	}
	for k, n := range number {
		if n > 0 {
			number[k] = len(names)
			names = append(names, y.Classes[k])
		}
	}
	classes = make([]int, len(y.Values))
	for i, v := range y.Values {
		classes[i] = number[int(v)]
	}
	return classes, names
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
