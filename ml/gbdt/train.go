package gbdt

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

const (
	maxRows   = 1 << 25 // what 32 bits of sums allow with 6 bits of gradient
	maxTarget = 1e100   // so that squares do not overflow
	maxWeight = 1e50
)

// Train learns trees from the columns of x, of any type: String columns as
// categories, all others as numbers. Values may be missing. Of a column with
// more than MaxBins categories the most frequent ones are told apart; the others
// count as missing, as do categories that training never saw.
//
// It returns the error of ctx, soon after it is done, or an *ml.InputError: for
// parameters out of their limits, no rows or more than 33,554,432, no columns,
// infinite values, a classification target with rows of one class only, values
// of a target beyond ±1e100 or weights outside 1e-50 to 1e50, and a validation
// table that does not fit.
//
// The model depends on x, y, p and Options.Validation alone. Memory is about
// 2 bytes for every value, 50 for every row and 16 more for each class of a
// Multiclass target, and at most 512 MiB of histograms, which only tables of
// very many columns reach.
func Train(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options) (*Model, error) {
	return trainWithin(ctx, p, x, y, o, histogramBudget)
}

// trainWithin is Train with a limit on the bytes of histograms.
func trainWithin(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options, budget int) (*Model, error) {
	if err := check(p, x, y); err != nil {
		return nil, err
	}
	var stop atomic.Bool
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	t := newTrainer(p, y, team{o.Workers(), &stop})
	t.budget = budget
	err := t.prepare(x, o.Validation)
	if done := ctx.Err(); done != nil {
		return nil, done
	}
	if err != nil {
		return nil, err
	}
	for round := 0; round < p.Trees && !t.finished && !stop.Load() && ctx.Err() == nil; round++ {
		t.round(round)
		progress := ml.Progress{Stage: "gbdt", Fraction: float64(round+1) / float64(p.Trees)}
		if t.finished {
			progress.Message = fmt.Sprintf("stopped after %d of %d rounds, %d are kept", round+1, p.Trees, len(t.trees)/t.objective.classes)
			progress.Fraction = 1
		}
		o.Record(progress)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.keepBest()
	return newModel(y.Task, t.features, t.objective.start, t.trees), nil
}

func check(p Params, x *frame.Frame, y ml.Target) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if err := y.ValidateTraining(x.Rows()); err != nil {
		return err
	}
	switch {
	case len(x.Columns()) == 0:
		return &ml.InputError{Code: "no_columns", Row: -1, Message: "the table has no columns; at least one is needed"}
	case x.Rows() > maxRows:
		return &ml.InputError{Code: "too_many_rows", Row: -1, Message: fmt.Sprintf(
			"the table has %d rows; at most %d can be trained on", x.Rows(), maxRows)}
	}
	return checkMagnitude(y)
}

func checkMagnitude(y ml.Target) error {
	for i, v := range y.Values {
		if math.Abs(v) > maxTarget {
			return &ml.InputError{Code: "target_magnitude", Row: i, Message: fmt.Sprintf(
				"the target is %g in row %d; it must be between -1e100 and 1e100", v, i+1)}
		}
	}
	for i, w := range y.Weights {
		if w > maxWeight || w < 1/maxWeight {
			return &ml.InputError{Code: "bad_weight", Row: i, Message: fmt.Sprintf(
				"the weight is %g in row %d; it must be between 1e-50 and 1e50", w, i+1)}
		}
	}
	return nil
}

// trainer holds the state between the rounds.
type trainer struct {
	params    Params
	objective *objective
	team      team
	features  []feature
	table     *table
	segments  []part
	budget    int // bytes of histograms
	grower    *grower
	scores    []float64 // by class, then by row
	shares    []float64 // Multiclass: the probabilities at the start of a round
	g, h      []float64 // of the class at hand
	trees     []*tree
	finished  bool
	firstG    float64 // the largest gradient of the first round

	validation *table
	judge      *objective
	judged     []float64 // scores of the validation rows
	best       float64   // lowest loss
	bestTrees  int
}

func newTrainer(p Params, y ml.Target, t team) *trainer {
	return &trainer{params: p, objective: newObjective(y), team: t, best: math.Inf(1)}
}

// prepare bins the tables.
func (t *trainer) prepare(x *frame.Frame, v *ml.Validation) error {
	columns := x.Columns()
	t.features = make([]feature, len(columns))
	errs := make([]error, len(columns))
	t.team.each(len(columns), func(_, i int) {
		t.features[i], errs[i] = newFeature(columns[i], t.params.MaxBins, t.params.Seed)
		t.features[i].prepare()
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	var err error
	if t.table, err = newTable(t.features, x, t.team, true); err != nil {
		return err
	}
	t.segments = t.table.segments()
	t.grower = newGrower(t.params, t.features, t.table, t.team)
	t.grower.budget = t.budget
	rows := x.Rows()
	t.scores = constant(t.objective.start, rows)
	t.g, t.h = make([]float64, rows), make([]float64, rows)
	if t.objective.classes > 1 {
		t.shares = make([]float64, len(t.scores))
	}
	return t.prepareValidation(v)
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
	y := t.objective.y
	if err := v.Y.Validate(v.X.Rows()); err != nil {
		return fmt.Errorf("validation: %w", err)
	}
	if v.Y.Task != y.Task || !slices.Equal(v.Y.Classes, y.Classes) {
		return &ml.InputError{Code: "validation_target", Row: -1, Message: fmt.Sprintf(
			"the validation target is %s with the classes %v; it must be %s with the classes %v", v.Y.Task, v.Y.Classes, y.Task, y.Classes)}
	}
	if err := checkMagnitude(v.Y); err != nil {
		return fmt.Errorf("validation: %w", err)
	}
	var err error
	if t.validation, err = newTable(t.features, v.X, t.team, false); err != nil {
		return fmt.Errorf("validation: %w", err)
	}
	t.judge = &objective{y: v.Y, classes: t.objective.classes}
	t.judged = constant(t.objective.start, v.X.Rows())
	t.best = t.judge.loss(t.judged)
	return nil
}

// round grows the trees of one round.
func (t *trainer) round(number int) {
	values := t.scores
	if t.shares != nil {
		values = t.shares
		t.team.each(len(t.segments), func(_, s int) {
			low := int(t.segments[s].start)
			t.objective.probabilities(t.scores, t.shares, low, low+int(t.segments[s].n))
		})
	}
	split := false
	for k := range t.objective.classes {
		id := uint64(number*t.objective.classes + k)
		grown := t.tree(k, values, mix(t.params.Seed+1)+id, mix(t.params.Seed+2)+uint64(number))
		if t.team.stop.Load() {
			return
		}
		split = split || len(grown.nodes) > 0
		t.trees = append(t.trees, grown)
		t.update(k, grown)
	}
	if !split && t.params.RowFraction == 1 && t.params.FeatureFraction == 1 {
		t.trees = t.trees[:len(t.trees)-t.objective.classes]
		t.finished = true
		return
	}
	t.validate()
}

// tree grows the tree of class k.
func (t *trainer) tree(k int, values []float64, seed, rowSeed uint64) *tree {
	maxG, maxH := t.gradients(k, values)
	if t.firstG == 0 {
		t.firstG = maxG
	}
	if maxG <= 1e-12*t.firstG || maxH == 0 || t.team.stop.Load() {
		t.grower.leaves = t.grower.leaves[:0] // nothing is left to learn
		return &tree{value: []float64{0}}
	}
	limit := math.Min(32000, float64(math.MaxInt32/t.table.rows-1))
	scaleG, scaleH := limit/maxG, limit/maxH
	parts, root := t.quantize(scaleG, scaleH, mix(seed), rowSeed)
	t.grower.choose(mix(seed + 1))
	unit := scaleG / scaleH * scaleG // of gain
	grown := t.grower.grow(parts, root, scan{
		l2:         t.params.L2 * scaleH,
		categoryL2: t.params.CategoryL2 * scaleH,
		smoothing:  t.params.CategorySmoothing * scaleH,
		minGain:    t.params.MinGain * unit,
		minHessian: int64(math.Min(math.Ceil(t.params.MinChildHessian*scaleH), math.MaxInt64/2)),
		minSamples: t.params.MinChildSamples,
	})
	for i := range grown.gains {
		grown.gains[i] = math.Min(grown.gains[i]/unit, math.MaxFloat64)
	}
	grown.value = t.leafValues()
	return grown
}

// gradients fills g and h for class k and returns the largest of each.
func (t *trainer) gradients(k int, values []float64) (maxG, maxH float64) {
	gs, hs := make([]float64, len(t.segments)), make([]float64, len(t.segments))
	t.team.each(len(t.segments), func(_, s int) {
		low := int(t.segments[s].start)
		gs[s], hs[s] = t.objective.gradients(k, values, t.g, t.h, low, low+int(t.segments[s].n))
	})
	return slices.Max(gs), slices.Max(hs)
}

// quantize makes the elements of a tree: gradients times a scale, rounded up or
// down at random so that the expectation is exact.
func (t *trainer) quantize(scaleG, scaleH float64, seed, rowSeed uint64) ([]part, stats) {
	parts := make([]part, len(t.segments))
	roots := make([]stats, len(t.segments))
	t.team.each(len(t.segments), func(_, s int) {
		low, n := int(t.segments[s].start), int(t.segments[s].n)
		out := t.grower.elements[0][low:low]
		root := &roots[s]
		draw := newDraw(t.params.RowFraction, rowSeed)
		for i := low; i < low+n; i++ {
			if !draw.take(i, low+n) {
				continue
			}
			x := mix(seed + uint64(i)*golden)
			g := int64(t.g[i]*scaleG+float64(uint32(x))*0x1p-32+65536) - 65536
			h := int64(t.h[i]*scaleH + float64(x>>32)*0x1p-32)
			root.g += g
			root.h += h
			out = append(out, uint64(g)<<48|uint64(h)<<32|uint64(i))
		}
		root.rows = len(out)
		parts[s] = part{int32(low), int32(len(out))}
	})
	var root stats
	for _, r := range roots {
		root.rows += r.rows
		root.g += r.g
		root.h += r.h
	}
	return parts, root
}

// draw chooses rows without replacement, the same share of every 1,024.
type draw struct {
	fraction float64
	seed     uint64
	need     int
	end      int
}

func newDraw(fraction float64, seed uint64) draw { return draw{fraction: fraction, seed: seed} }

// take reports whether row i is drawn. Rows are asked for in order, up to limit.
func (d *draw) take(i, limit int) bool {
	if d.fraction == 1 {
		return true
	}
	if i >= d.end {
		d.end = min(i+1024, limit)
		d.need = int(math.Ceil(d.fraction * float64(d.end-i)))
	}
	if unit(mix(d.seed+uint64(i)*golden))*float64(d.end-i) >= float64(d.need) {
		return false
	}
	d.need--
	return true
}

// leafValues returns the step of each leaf of the grown tree, from the exact
// gradients summed by segment.
func (t *trainer) leafValues() []float64 {
	leaves := t.grower.leaves
	g := make([]float64, len(t.segments)*len(leaves))
	h := make([]float64, len(t.segments)*len(leaves))
	t.team.each(len(t.segments), func(_, s int) {
		for l := range leaves {
			p := leaves[l].parts[s]
			sumG, sumH := 0.0, 0.0
			for _, e := range t.grower.elements[leaves[l].side][p.start : p.start+p.n] {
				sumG += t.g[uint32(e)]
				sumH += t.h[uint32(e)]
			}
			g[s*len(leaves)+l], h[s*len(leaves)+l] = sumG, sumH
		}
	})
	out := make([]float64, len(leaves))
	for l := range out {
		sumG, sumH := 0.0, t.params.L2
		for s := range t.segments {
			sumG += g[s*len(leaves)+l]
			sumH += h[s*len(leaves)+l]
		}
		out[l] = t.step(sumG, sumH)
	}
	return out
}

// step returns the value of a leaf.
func (t *trainer) step(g, h float64) float64 {
	const limit = 1e3 // of log-odds, far beyond certainty
	v := -g / h
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return 0
	case t.objective.y.Task != ml.Regression:
		v = min(max(v, -limit), limit)
	}
	return v * t.params.LearningRate
}

// update adds a tree to the scores of class k.
func (t *trainer) update(k int, grown *tree) {
	rows := t.table.rows
	scores := t.scores[k*rows : (k+1)*rows]
	t.team.each(len(t.segments), func(_, s int) {
		if t.params.RowFraction < 1 {
			for i := t.segments[s].start; i < t.segments[s].start+t.segments[s].n; i++ {
				scores[i] += grown.value[grown.leaf(t.table.row(int(i)))]
			}
			return
		}
		for l := range t.grower.leaves {
			leaf := &t.grower.leaves[l]
			p, v := leaf.parts[s], grown.value[l]
			for _, e := range t.grower.elements[leaf.side][p.start : p.start+p.n] {
				scores[uint32(e)] += v
			}
		}
	})
	if t.validation == nil {
		return
	}
	judged := t.judged[k*t.validation.rows : (k+1)*t.validation.rows]
	t.team.each((len(judged)+blockRows-1)/blockRows, func(_, block int) {
		for i := block * blockRows; i < min(len(judged), (block+1)*blockRows); i++ {
			judged[i] += grown.value[grown.leaf(t.validation.row(i))]
		}
	})
}

// validate decides whether to go on.
func (t *trainer) validate() {
	if t.validation == nil {
		return
	}
	if loss := t.judge.loss(t.judged); loss < t.best {
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
