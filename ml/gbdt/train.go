package gbdt

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/parallel"
	"github.com/narrativeml/narrative/ml/internal/random"
)

// Train learns trees from the columns of x, of any type: String columns as
// categories, all others as numbers. Values may be missing. Of a column with
// more than MaxBins categories the most frequent ones are told apart; the others
// count as missing, as do categories that training never saw.
//
// It returns the error of ctx, soon after it is done, or an *ml.InputError: for
// parameters out of their limits, no rows or more than 33,554,432, no columns,
// infinite values, a classification target with rows of one class only, values
// of a target beyond ±1e100 or that the objective has no loss for, weights
// outside 1e-50 to 1e50, a monotone column that is not there, and a validation
// table that does not fit. Errors of Options.Checkpoint are passed on.
//
// The model depends on x, y, p and Options.Validation alone. Memory is about 2
// bytes for every value (less where columns share one), 24 for every row and 16
// more for each class of a Multiclass target, and at most 512 MiB of histograms,
// which only tables of very many columns reach.
func Train(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options) (*Model, error) {
	if err := y.ValidateTraining(x.Rows()); err != nil {
		return nil, err
	}
	b, err := Bin(ctx, p, x, o)
	if err != nil {
		return nil, err
	}
	return TrainBinned(ctx, p, b, y, o)
}

// TrainBinned is Train on a table that is binned already; p.MaxBins is not used.
func TrainBinned(ctx context.Context, p Params, b *Binned, y ml.Target, o ml.Options) (*Model, error) {
	return trainWithin(ctx, p, b, y, o, histogramBudget)
}

// trainWithin is TrainBinned with a limit on the bytes of histograms.
func trainWithin(ctx context.Context, p Params, b *Binned, y ml.Target, o ml.Options, budget int) (*Model, error) {
	if err := b.check(p, y); err != nil {
		return nil, err
	}
	team, end := parallel.New(ctx, o.Workers())
	defer end()
	t, err := newTrainer(p, b, y, o.Validation, team)
	if err != nil {
		return nil, err
	}
	t.grower.budget = budget
	k, err := t.resume(ctx, o)
	if err != nil {
		return nil, err
	}
	for t.rounds < p.Trees && !t.finished && ctx.Err() == nil {
		t.round()
		if team.Stopped() {
			break
		}
		if err := k.save(ctx, t); err != nil {
			return nil, err
		}
		o.Record(t.progress())
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.keepBest()
	return newModel(t.objective, t.features, t.trees), nil
}

// trainer holds the state between the rounds.
type trainer struct {
	params    Params
	objective *objective
	team      parallel.Team
	features  []binned.Feature
	table     *binned.Table
	grower    *grower
	spaces    []workspace // of each worker
	scores    []float64   // by class, then by row; but for the values of grown
	shares    []float64   // Softmax: the probabilities at the start of a round
	grown     *tree       // the last tree, whose leaves the grower still has
	class     int         // of grown
	trees     []*tree
	rounds    int
	finished  bool
	seen      []float64 // of each class a bound of the first derivatives in the last round, or -1
	firstG    float64   // the bound of the first tree
	step      float64   // the most that a score changed in the last round

	validation *binned.Table
	judge      *objective
	judged     []float64 // scores of the validation rows
	best       float64   // lowest loss
	bestTrees  int
}

func newTrainer(p Params, b *Binned, y ml.Target, v *ml.Validation, team parallel.Team) (*trainer, error) {
	o, err := newObjective(p, y)
	if err != nil {
		return nil, err
	}
	t := &trainer{
		params: p, objective: o, team: team, features: b.features, table: b.table,
		grower: newGrower(p, b.features, b.table, team),
		spaces: make([]workspace, team.Size()),
		scores: constant(o.start, b.Rows()),
		seen:   slices.Repeat([]float64{-1}, o.classes),
		best:   math.Inf(1),
	}
	for i := range t.spaces {
		t.spaces[i].g, t.spaces[i].h = make([]float64, blockRows), make([]float64, blockRows)
	}
	if o.name == Softmax {
		t.shares = make([]float64, len(t.scores))
	}
	return t, t.prepareValidation(v)
}

// constant returns rows scores of each class.
func constant(start []float64, rows int) []float64 {
	out := make([]float64, len(start)*rows)
	for k, s := range start {
		for i := range rows {
			out[k*rows+i] = s
		}
	}
	return out
}

func (t *trainer) prepareValidation(v *ml.Validation) error {
	if v == nil || t.params.EarlyStopping == 0 {
		return nil
	}
	if v.X == nil {
		return &ml.InputError{Code: "no_rows", Parameter: "validation", Row: -1, Message: "the validation has no table; it needs one like that of training"}
	}
	y := t.objective.y
	if err := v.Y.Validate(v.X.Rows()); err != nil {
		return fmt.Errorf("validation: %w", err)
	}
	if v.Y.Task != y.Task || !slices.Equal(v.Y.Classes, y.Classes) {
		return &ml.InputError{Code: "validation_target", Row: -1, Message: fmt.Sprintf(
			"the validation target is %s with the classes %v; it must be %s with the classes %v", v.Y.Task, v.Y.Classes, y.Task, y.Classes)}
	}
	err := binned.CheckTarget(v.Y)
	if err == nil {
		err = checkRange(t.objective.name, v.Y)
	}
	if err != nil {
		return fmt.Errorf("validation: %w", err)
	}
	if t.validation, err = binned.NewRows(t.features, v.X, t.team); err != nil {
		return fmt.Errorf("validation: %w", err)
	}
	judge := *t.objective
	judge.y = v.Y
	t.judge = &judge
	t.judged = constant(t.objective.start, v.X.Rows())
	t.best = t.judge.mean(t.judged)
	return nil
}

// progress tells of the last round.
func (t *trainer) progress() ml.Progress {
	p := ml.Progress{Stage: "gbdt", Fraction: float64(t.rounds) / float64(t.params.Trees)}
	if t.finished {
		p.Message = fmt.Sprintf("stopped after %d of %d rounds, %d are kept", t.rounds, t.params.Trees, len(t.trees)/t.objective.classes)
		p.Fraction = 1
	}
	return p
}

// round grows the trees of one round.
func (t *trainer) round() {
	split, step := false, 0.0
	for k := range t.objective.classes {
		id := t.rounds*t.objective.classes + k
		grown := t.tree(k, random.Mix(t.params.Seed+1)+uint64(id), random.Mix(t.params.Seed+2)+uint64(t.rounds))
		if t.team.Stopped() {
			return
		}
		split = split || len(grown.nodes) > 0
		for _, v := range grown.value {
			step = max(step, math.Abs(v))
		}
		t.keep(k, grown)
	}
	t.step = step
	t.rounds++
	if !split && t.params.RowFraction == 1 && t.params.FeatureFraction == 1 {
		t.trees = t.trees[:len(t.trees)-t.objective.classes]
		t.finished = true
		return
	}
	t.validate()
}

// keep adds a tree of class k, whose leaves the grower has.
func (t *trainer) keep(k int, grown *tree) {
	t.trees = append(t.trees, grown)
	t.grown, t.class = grown, k
	if t.validation == nil {
		return
	}
	judged := t.judged[k*t.validation.Rows : (k+1)*t.validation.Rows]
	t.team.Each((len(judged)+blockRows-1)/blockRows, func(_, block int) {
		for i := block * blockRows; i < min(len(judged), (block+1)*blockRows); i++ {
			judged[i] += grown.value[grown.leaf(t.validation.Row(i))]
		}
	})
}

// tree grows the tree of class k.
func (t *trainer) tree(k int, seed, rowSeed uint64) *tree {
	maxG, maxH := t.reach(k)
	if t.firstG == 0 {
		t.firstG = maxG
	}
	if maxG <= 1e-12*t.firstG || maxH == 0 {
		// Nothing is left to learn. The scores still lack the last tree.
		t.team.Each(len(t.grower.segments), func(_, s int) { t.update(s) })
		t.grower.clear()
		t.grown = nil
		return &tree{value: []float64{0}}
	}
	scale := newScales(maxG, maxH, t.table.Rows)
	t.grower.choose(random.Mix(random.Mix(seed) + 1))
	parts, root := t.elements(k, scale, random.Mix(seed), rowSeed)
	unit := scale.g / scale.h * scale.g // of gain
	s := scan{
		l1:         t.params.L1 * scale.g,
		l2:         t.params.L2 * scale.h,
		categoryL2: t.params.CategoryL2 * scale.h,
		smoothing:  t.params.CategorySmoothing * scale.h,
		minGain:    t.params.MinGain * unit,
		minHessian: int64(math.Min(math.Ceil(t.params.MinChildHessian*scale.h), math.MaxInt64/2)),
		minSamples: t.params.MinChildSamples,

		categorySamples: t.params.CategorySamples,
		groupSamples:    t.params.CategoryGroupSamples,
		maxCategories:   t.params.MaxCategories,
	}
	for _, d := range t.grower.direction {
		s.bounded = s.bounded || d != 0
	}
	grown := t.grower.grow(parts, root, s)
	for i := range grown.gains {
		grown.gains[i] = math.Min(grown.gains[i]/unit, math.MaxFloat64)
	}
	grown.value = t.leafValues(grown, scale)
	if t.params.RowFraction < 1 {
		t.grower.replay(grown)
	}
	return grown
}

// leafValues returns the step of each leaf of the grown tree.
func (t *trainer) leafValues(grown *tree, scale scales) []float64 {
	leaves := t.grower.leaves
	out := make([]float64, len(leaves))
	t.team.Each(len(out), func(_, l int) {
		if t.objective.renew > 0 {
			out[l] = t.residual(&leaves[l])
			return
		}
		s := &leaves[l].stats
		out[l] = t.grower.scan.value(float64(s.g), float64(s.h), t.grower.scan.l2, s) * scale.h / scale.g
	})
	if t.objective.renew > 0 && t.grower.scan.bounded {
		t.grower.restrain(grown, out)
	}
	for l, v := range out {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			v = 0
		}
		out[l] = min(max(v, -t.objective.step), t.objective.step) * t.params.LearningRate
	}
	return out
}

// residual returns the quantile of what the scores of a leaf's rows lack.
func (t *trainer) residual(l *leaf) float64 {
	values := make([]float64, 0, l.rows)
	var weights []float64
	for _, p := range l.parts {
		for _, e := range t.grower.elements[l.side][p.start : p.start+p.n] {
			row := uint32(e)
			values = append(values, t.objective.y.Values[row]-t.scores[row])
			if t.objective.y.Weights != nil {
				weights = append(weights, t.objective.y.Weights[row])
			}
		}
	}
	return weightedQuantile(values, weights, t.objective.renew)
}

// validate decides whether to go on.
func (t *trainer) validate() {
	if t.validation == nil {
		return
	}
	if loss := t.judge.mean(t.judged); loss < t.best {
		t.best, t.bestTrees = loss, len(t.trees)
	}
	if len(t.trees)-t.bestTrees >= t.params.EarlyStopping*t.objective.classes {
		t.finished = true
		t.keepBest()
	}
}

// keepBest drops the trees after the best round.
func (t *trainer) keepBest() {
	if t.validation != nil {
		t.trees = t.trees[:t.bestTrees]
	}
}
