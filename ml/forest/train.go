package forest

import (
	"context"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

// maxClasses is how many classes fit in an element.
const maxClasses = 1 << 16

// Train grows trees from the columns of x, of any type: String columns as
// categories, all others as numbers. Values may be missing. Of a column with more
// than MaxBins categories the most frequent ones are told apart; the others count
// as missing, as do categories that training never saw. It takes no notice of
// Options.Validation.
//
// It returns the error of ctx, soon after it is done, or an *ml.InputError: for
// parameters out of their limits, no rows or more than 33,554,432, no columns or
// more than 8,388,607, infinite values, a classification target with rows of one
// class only or more than 65,536 classes, values of a target beyond ±1e100 and
// weights outside 1e-50 to 1e50. Errors of Options.Checkpoint are passed on.
//
// The model depends on x, y and p alone. Memory is about 2 bytes for every value,
// and for each thread 20 for every row, besides 16 for each leaf of the model.
func Train(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options) (*Model, error) {
	t, err := newTrainer(ctx, p, x, y, o)
	if err != nil {
		return nil, err
	}
	return t.train(ctx, o)
}

// TrainOutOfBag is Train with OutOfBag, and returns what the trees that did not
// draw a row predict for it.
func TrainOutOfBag(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options) (*Model, *OutOfBag, error) {
	p.OutOfBag = true
	t, err := newTrainer(ctx, p, x, y, o)
	if err != nil {
		return nil, nil, err
	}
	m, err := t.train(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	return m, t.outside.result(), nil
}

// trainer holds what grows from tree to tree.
type trainer struct {
	*task
	binned  []binned.Feature
	trees   []tree
	shares  []int64 // of each feature of the gains, by tree shareUnits in all
	outside *outside
}

func newTrainer(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options) (*trainer, error) {
	if err := check(p, x, y); err != nil {
		return nil, err
	}
	team, end := parallel.New(ctx, o.Workers())
	defer end()
	features, err := binned.Fit(x, p.MaxBins, p.Seed, team)
	if done := ctx.Err(); done != nil {
		return nil, done
	}
	if err != nil {
		return nil, err
	}
	table, err := binned.NewTable(features, x, team)
	if done := ctx.Err(); done != nil {
		return nil, done
	}
	if err != nil {
		return nil, err
	}
	return &trainer{
		task: newTask(p, features, table, y), binned: features,
		trees: make([]tree, p.Trees), shares: make([]int64, len(features)),
	}, nil
}

func check(p Params, x *frame.Frame, y ml.Target) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if err := y.ValidateTraining(x.Rows()); err != nil {
		return err
	}
	if err := p.suits(y.Task); err != nil {
		return err
	}
	if err := binned.CheckTable(x); err != nil {
		return err
	}
	switch {
	case len(x.Columns()) > maxFeatures:
		return &ml.InputError{Code: "too_many_columns", Row: -1, Message: fmt.Sprintf(
			"the table has %d columns; at most %d can be trained on", len(x.Columns()), maxFeatures)}
	case y.Task != ml.Regression && len(y.Classes) > maxClasses:
		return &ml.InputError{Code: "class_count", Row: -1, Message: fmt.Sprintf(
			"the target has %d classes; at most %d can be told apart", len(y.Classes), maxClasses)}
	}
	return binned.CheckTarget(y)
}

func newTask(p Params, features []binned.Feature, table *binned.Table, y ml.Target) *task {
	t := &task{params: p, y: y, table: table, tries: p.tries(y.Task, len(features)), whole: true}
	if y.Task != ml.Regression {
		t.classes = len(y.Classes)
	}
	if p.Criterion == Entropy {
		t.logs = newLogs()
	}
	if p.MinChildSamples > 1 {
		t.least = int32(min(p.MinChildSamples, binned.MaxRows+1))
	}
	for _, w := range y.Weights {
		t.whole = t.whole && w == math.Trunc(w)
	}
	t.low, t.span = math.Inf(1), math.Inf(-1)
	for _, v := range y.Values {
		t.low, t.span = min(t.low, v), max(t.span, v)
	}
	t.span -= t.low
	for i := range features {
		t.features = append(t.features, newFeature(&features[i], table.Places[i]))
		if p.ExtraTrees {
			t.features[i].middles = middles(features[i].Bounds)
		}
	}
	return t
}

func newFeature(f *binned.Feature, at binned.Place) feature {
	out := feature{column: at.Column, missing: uint8(f.Missing()), categorical: f.Categorical, bounds: f.Bounds}
	if at.Bundled {
		out.translate = new([256]uint8)
		for b := range out.translate {
			out.translate[b] = uint8(at.Common)
		}
		for b := range f.Missing() + 1 {
			out.translate[at.In(b)] = uint8(b)
		}
	}
	return out
}

// grown is a tree and what it adds to the others.
type grown struct {
	id     int
	tree   tree
	shares []int64
}

// train grows the trees that a former call did not keep.
func (t *trainer) train(ctx context.Context, o ml.Options) (*Model, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	team, end := parallel.New(ctx, o.Workers())
	defer end()
	t.team = team
	if t.params.OutOfBag {
		t.outside = newOutside(t.task)
	}
	k, err := t.resume(ctx, o)
	if err != nil {
		return nil, err
	}
	first, done := k.trees, k.trees
	arrived := make(chan grown, team.Size())
	go func() {
		defer close(arrived)
		growers := make([]*grower, team.Size())
		team.Each(t.params.Trees-first, func(worker, i int) {
			if growers[worker] == nil {
				growers[worker] = newGrower(t.task)
			}
			if g := t.one(growers[worker], first+i); !team.Stopped() {
				arrived <- g
			}
		})
	}()
	for g := range arrived {
		if err != nil || ctx.Err() != nil {
			continue // until all have stopped
		}
		t.trees[g.id] = g.tree
		for f, s := range g.shares {
			t.shares[f] += s
		}
		done++
		k.take(g)
		if err = k.save(ctx, t); err != nil {
			cancel()
			continue
		}
		o.Record(ml.Progress{Stage: "forest", Fraction: float64(done) / float64(t.params.Trees)})
	}
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return t.model(), nil
}

// shareUnits is the sum of the shares of a tree, which are whole numbers so that
// the order in which trees arrive does not matter.
const shareUnits = 1 << 40

// one grows tree number id.
func (t *trainer) one(g *grower, id int) grown {
	out := grown{id: id, tree: g.grow(id), shares: make([]int64, len(t.features))}
	total := 0.0
	for _, v := range g.gains {
		total += v
	}
	for f, v := range g.gains {
		if v > 0 {
			out.shares[f] = int64(v / total * shareUnits)
		}
	}
	if t.outside != nil && !t.team.Stopped() {
		t.outside.add(&out.tree, g.bag, &g.room)
	}
	return out
}
