package automl

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
	"github.com/narrativeml/narrative/ml/pipeline"
)

// Train learns to predict p.Target from the other columns of data.
//
// Result.OutOfFold holds, for each row that a fold was tested on, the outputs of
// the fit that had not seen it, their mean when there are repeats. Divided at
// random or by groups that is every row of TrainRows; divided by time it is
// those of the last p.Folds stretches, since nothing comes before the first that
// could be learned from.
//
// Weights of rows count in what every candidate learns, when a gbdt stops, and in
// every score. Rows of weight 0 are left out like rows without a target.
//
// Class weights change what every candidate learns, the baseline too, and when
// a gbdt stops: each fit weighs the classes of the rows it sees. Scores and
// predictions are not weighted by them; probabilities of balanced classes are those of
// classes as frequent as each other.
//
// It returns an *ml.InputError when the parameters or the data cannot be used,
// with one of the codes of Params.Validate or target_missing, target_type,
// target_all_null, target_constant, target_unique_per_row, task_not_for_target,
// too_many_classes, class_too_small, unknown_class,
// positive_class_not_for_task, class_weight_not_for_task, metric_not_for_task,
// unknown_column, missing_value, column_type, too_few_groups, too_few_times,
// gap_too_large, fold_of_one_class, too_few_rows, zero_weights, bad_weight,
// unknown_feature, no_features, infinite_value, target_magnitude,
// metric_undefined; and the error of ctx soon after that is done.
func Train(ctx context.Context, p Params, data *frame.Frame, o Options) (*Result, error) {
	r, err := newRun(ctx, p, data, o)
	if err != nil {
		return nil, err
	}
	for _, algorithm := range p.algorithms() {
		if err := r.candidate(ctx, algorithm); err != nil {
			return nil, err
		}
	}
	return r.result()
}

// run is one call of Train. Positions count the rows that have a target.
type run struct {
	params     Params
	options    Options
	data       *frame.Frame // features, all rows
	target     target
	metric     string
	train      []int        // positions
	holdout    []int        // positions
	x          *frame.Frame // training rows of the features that say something
	y          ml.Target    // training rows
	division   division     // of the rows that have a target
	folds      folds        // of the training rows
	notes      []string
	undefined  *ml.InputError // why the metric has no value for a candidate
	progress   *progress
	keeper     keeper
	candidates []*candidate
}

// candidate is an algorithm and how it did.
type candidate struct {
	entry     Entry
	model     *pipeline.Model
	outOfFold []float64 // of each training row; those that no fold covers are 0
	holdout   []float64
}

func newRun(ctx context.Context, p Params, data *frame.Frame, o Options) (*run, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	t, err := readTarget(p, data)
	if err != nil {
		return nil, err
	}
	r := &run{params: p, options: o, target: t, notes: t.notes, metric: p.Metric}
	if r.metric == "" {
		r.metric = metric.Names(t.Task)[0]
	}
	if err := checkMetric(r.metric, t.Task); err != nil {
		return nil, err
	}
	if err := p.checkClassWeight(t.Task); err != nil {
		return nil, err
	}
	if r.data, err = chooseFeatures(p, data); err != nil {
		return nil, err
	}
	if err := checkFinite(ctx, r.data, t.rows); err != nil {
		return nil, err
	}
	r.progress = newProgress(o.Recorder, p.algorithms(), p.Folds*p.Repeats+1)
	r.progress.record("preparing", 0, "")
	if err := r.divide(data); err != nil {
		return nil, err
	}
	x, err := take(ctx, r.data, r.tableRows(r.train))
	if err != nil {
		return nil, err
	}
	if err := r.look(ctx, x); err != nil {
		return nil, err
	}
	r.y = takeTarget(t.Target, r.train)
	if err := r.checkMetricDefined(); err != nil {
		return nil, err
	}
	r.keeper.store, r.keeper.env = o.Checkpoint, p.environment()
	if o.Checkpoint != nil {
		r.keeper.fingerprint, err = fingerprint(ctx, r.division, r.data, t)
	}
	return r, err
}

// look decides which columns of the training rows are learned from. What a recipe
// makes of them is looked at anew in every fit.
func (r *run) look(ctx context.Context, x *frame.Frame) error {
	if r.params.Recipe == nil {
		x, notes, err := screen(ctx, x)
		r.x, r.notes = x, append(r.notes, notes...)
		return err
	}
	notes, err := r.tryRecipe(ctx, x)
	r.x, r.notes = x, append(r.notes, notes...)
	return err
}

// divide chooses the held-out rows and the folds.
func (r *run) divide(data *frame.Frame) error {
	t := r.target
	var err error
	if r.division, err = newDivision(r.params, data, t.rows); err != nil {
		return err
	}
	if r.train, r.holdout, err = r.division.holdout(t.Target); err != nil {
		return err
	}
	if note := r.division.note(r.train, r.holdout); note != "" {
		r.notes = append(r.notes, note)
	}
	y := takeTarget(t.Target, r.train)
	if r.folds, err = r.division.take(r.train).folds(y); err != nil {
		return err
	}
	return r.folds.checkClasses(y, r.params)
}

// tableRows maps positions to rows of the table.
func (r *run) tableRows(positions []int) []int {
	rows := make([]int, len(positions))
	for i, k := range positions {
		rows[i] = r.target.rows[k]
	}
	return rows
}

// candidate fits an algorithm on every fold and on all training rows.
func (r *run) candidate(ctx context.Context, algorithm string) error {
	c := &candidate{entry: Entry{Algorithm: algorithm}, outOfFold: make([]float64, len(r.train)*r.width())}
	rounds := make([]int, r.folds.count())
	scores := newScores()
	for k := range rounds {
		stage := algorithm + " " + r.folds.name(k)
		outside, inside := r.folds.part(k)
		f, err := r.fold1(ctx, algorithm, k, outside, inside)
		if err != nil {
			return fmt.Errorf("%s: %w", stage, err)
		}
		rounds[k] = f.rounds
		c.entry.FitSeconds += f.seconds
		r.collect(c.outOfFold, r.folds.repeat(k), inside, f.outputs)
		if err := scores.add(takeTarget(r.y, inside), f.outputs); err != nil {
			return err
		}
		r.progress.finish(algorithm, stage, r.report(stage, scores))
	}
	c.entry.CV, c.entry.CVStd = scores.summary()
	if err := r.checkOrdered(algorithm, scores); err != nil {
		return err
	}
	if err := r.refit(ctx, c, roundsFor(rounds)); err != nil {
		return fmt.Errorf("%s %s: %w", algorithm, r.folds.name(len(rounds)), err)
	}
	r.candidates = append(r.candidates, c)
	return nil
}

// collect adds the outputs of a fold to the means over the repeats before.
func (r *run) collect(mean []float64, repeat int, rows []int, outputs []float64) {
	width := r.width()
	n := float64(repeat + 1)
	for i, row := range rows {
		for j, v := range outputs[i*width : (i+1)*width] {
			at := &mean[row*width+j]
			if repeat == 0 {
				*at = v
			} else {
				*at = *at*(float64(repeat)/n) + v/n
			}
		}
	}
}

func (r *run) width() int { return r.target.Outputs() }

func (r *run) report(stage string, scores *scores) string {
	v, ok := scores.latest.Values[r.metric]
	if !ok {
		return fmt.Sprintf("%s: no %s: %s", stage, r.metric, scores.latest.Undefined[r.metric].Message)
	}
	return fmt.Sprintf("%s: %s %.4f", stage, r.metric, v)
}

// fold1 fits an algorithm outside of a fold and predicts the rows inside.
func (r *run) fold1(ctx context.Context, algorithm string, k int, outside, inside []int) (*fitted, error) {
	name := algorithm + "-" + r.folds.key(k)
	return r.restore(ctx, name, len(inside), func() (*fitted, error) {
		x, err := take(ctx, r.x, outside)
		if err != nil {
			return nil, err
		}
		fit := r.fitting(algorithm, k, 0)
		fit.x, fit.y = x, takeTarget(r.y, outside)
		fit.division = fit.division.take(outside)
		m, rounds, err := fit.fit(ctx)
		if err != nil {
			return nil, err
		}
		out, err := predict(ctx, m, r.x, inside)
		return &fitted{rounds: rounds, outputs: out}, err
	})
}

// refit fits an algorithm on all training rows and predicts the held-out ones.
func (r *run) refit(ctx context.Context, c *candidate, rounds int) error {
	algorithm := c.entry.Algorithm
	last := r.folds.count()
	f, err := r.restore(ctx, algorithm+"-"+r.folds.key(last), len(r.holdout), func() (*fitted, error) {
		m, _, err := r.fitting(algorithm, last, rounds).fit(ctx)
		if err != nil {
			return nil, err
		}
		out, err := predict(ctx, m, r.data, r.tableRows(r.holdout))
		return &fitted{rounds: rounds, outputs: out, model: m}, err
	})
	if err != nil {
		return err
	}
	c.entry.FitSeconds += f.seconds
	c.model, c.holdout = f.model, f.outputs
	scores, err := metric.All(takeTarget(r.target.Target, r.holdout), f.outputs)
	if err != nil {
		return err
	}
	c.entry.Holdout = scores.Values
	r.progress.finish(algorithm, algorithm+" "+r.folds.name(last), "")
	return nil
}

// fitting returns fit k of an algorithm, on all training rows.
func (r *run) fitting(algorithm string, k, rounds int) fitting {
	return fitting{
		params: r.params, algorithm: algorithm, x: r.x, y: r.y, division: r.division.take(r.train), rounds: rounds,
		// Each fit has a seed of its own; the factor is odd, so none coincide.
		seed:     r.params.Seed + uint64(k+1)*0x9e3779b97f4a7c15,
		threads:  r.options.Threads,
		recorder: r.progress.within(algorithm, algorithm+" "+r.folds.name(k)),
		saved:    r.keeper.within(algorithm + "-" + r.folds.key(k)),
	}
}

// restore returns the stored fit of that name, or makes and stores it. rows is
// how many rows it has outputs for.
func (r *run) restore(ctx context.Context, name string, rows int, fit func() (*fitted, error)) (*fitted, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, why, err := r.keeper.load(ctx, name, rows*r.width())
	if err != nil {
		return nil, err
	}
	if why != "" {
		r.progress.record(name, 0, why)
	}
	if f != nil && (f.model != nil || !strings.HasSuffix(name, "-final")) {
		return f, nil
	}
	start := r.options.Now()
	if f, err = fit(); err != nil {
		return nil, err
	}
	f.seconds = r.options.Now().Sub(start).Seconds()
	return f, r.keeper.save(ctx, name, f)
}

// predictRows is how many rows are predicted between two looks at ctx.
const predictRows = 8192

// predict returns the outputs of m for rows of x.
func predict(ctx context.Context, m *pipeline.Model, x *frame.Frame, rows []int) ([]float64, error) {
	width := m.Outputs()
	out := make([]float64, len(rows)*width)
	for lo := 0; lo < len(rows); lo += predictRows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hi := min(lo+predictRows, len(rows))
		part := x.Take(rows[lo:hi])
		if err := m.Predict(part, out[lo*width:hi*width]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// result orders the candidates and tells of the best.
func (r *run) result() (*Result, error) {
	r.order()
	best := r.candidates[0]
	if _, ok := best.entry.CV[r.metric]; !ok {
		return nil, r.unordered(r.undefined)
	}
	if best.entry.Algorithm == artifact.Baseline && len(r.candidates) > 1 {
		r.notes = append(r.notes, "No algorithm did better than the baseline: these columns tell little about the target.")
	}
	if note := r.leftOut(best.model); note != "" {
		r.notes = append(r.notes, note)
	}
	out := &Result{
		Task: r.target.Task, Metric: r.metric, Model: best.model, Notes: r.notes,
		TrainRows: r.tableRows(r.train), HoldoutRows: r.tableRows(r.holdout),
	}
	for _, c := range r.candidates {
		out.Leaderboard = append(out.Leaderboard, c.entry)
	}
	covered := r.folds.covered(len(r.train))
	seen, unseen := takeTarget(r.y, covered), takeTarget(r.target.Target, r.holdout)
	out.OutOfFold = Predictions{Labels: seen.Values, Width: r.width(), Weights: seen.Weights}
	for _, k := range covered {
		out.OutOfFold.Rows = append(out.OutOfFold.Rows, out.TrainRows[k])
		out.OutOfFold.Outputs = append(out.OutOfFold.Outputs, best.outOfFold[k*r.width():(k+1)*r.width()]...)
	}
	out.Holdout = Predictions{Rows: out.HoldoutRows, Labels: unseen.Values, Outputs: best.holdout, Width: r.width(), Weights: unseen.Weights}
	return out, nil
}
