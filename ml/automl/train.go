package automl

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/split"
)

// Train learns to predict p.Target from the other columns of data. It returns
// an *ml.InputError when the parameters or the data cannot be used, with one of
// the codes of Params.Validate or target_missing, target_type, target_all_null,
// target_constant, target_unique_per_row, task_not_for_target,
// too_many_classes, class_too_small, unknown_class,
// positive_class_not_for_task, metric_not_for_task, too_few_rows,
// unknown_feature, no_features, infinite_value, target_magnitude; and the error
// of ctx soon after that is done.
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
	return r.result(), nil
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
	fold       []int        // of each training row
	notes      []string
	progress   *progress
	keeper     keeper
	candidates []*candidate
}

// candidate is an algorithm and how it did.
type candidate struct {
	entry     Entry
	model     *pipeline.Model
	outOfFold []float64
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
	if r.data, err = chooseFeatures(p, data); err != nil {
		return nil, err
	}
	if err := checkFinite(ctx, r.data, t.rows); err != nil {
		return nil, err
	}
	r.progress = newProgress(o.Recorder, p.algorithms(), p.Folds)
	r.progress.record("preparing", 0, "")
	if err := r.divide(); err != nil {
		return nil, err
	}
	x, err := take(ctx, r.data, r.tableRows(r.train))
	if err != nil {
		return nil, err
	}
	x, notes, err := screen(ctx, x)
	if err != nil {
		return nil, err
	}
	r.x, r.notes = x, append(r.notes, notes...)
	r.y = takeTarget(t.Target, r.train)
	r.keeper.store = o.Checkpoint
	if o.Checkpoint != nil {
		r.keeper.fingerprint, err = fingerprint(ctx, p, r.data, t)
	}
	return r, err
}

// divide chooses the held-out rows and the folds.
func (r *run) divide() error {
	p, t := r.params, r.target
	var err error
	if t.Task == ml.Regression {
		if r.train, r.holdout, err = split.Holdout(t.Len(), p.TestFraction, p.Seed); err != nil {
			return err
		}
		r.fold, err = split.KFold(len(r.train), p.Folds, p.Seed)
		return err
	}
	r.train, r.holdout, err = split.StratifiedHoldout(classIndexes(t.Target), t.Classes, p.TestFraction, p.Folds, p.Seed)
	if err != nil {
		return err
	}
	r.fold, err = split.StratifiedKFold(classIndexes(takeTarget(t.Target, r.train)), t.Classes, p.Folds, p.Seed)
	return err
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
	rounds := make([]int, r.params.Folds)
	scores := map[string][]float64{}
	for k := range r.params.Folds {
		outside, inside := split.Parts(r.fold, k)
		f, err := r.fold1(ctx, algorithm, k, outside, inside)
		if err != nil {
			return fmt.Errorf("%s: %w", stageOf(algorithm, k, r.params.Folds), err)
		}
		rounds[k] = f.rounds
		c.entry.FitSeconds += f.seconds
		for i, row := range inside {
			copy(c.outOfFold[row*r.width():], f.outputs[i*r.width():(i+1)*r.width()])
		}
		if err := addScores(scores, takeTarget(r.y, inside), f.outputs); err != nil {
			return err
		}
		r.progress.finish(algorithm, stageOf(algorithm, k, r.params.Folds), r.report(algorithm, k, scores))
	}
	c.entry.CV, c.entry.CVStd = summarise(scores)
	if err := r.refit(ctx, c, roundsFor(rounds)); err != nil {
		return fmt.Errorf("%s: %w", stageOf(algorithm, r.params.Folds, r.params.Folds), err)
	}
	r.candidates = append(r.candidates, c)
	return nil
}

func (r *run) width() int { return r.target.Outputs() }

func (r *run) report(algorithm string, k int, scores map[string][]float64) string {
	return fmt.Sprintf("%s: %s %.4f", stageOf(algorithm, k, r.params.Folds), r.metric, scores[r.metric][k])
}

// fold1 fits an algorithm outside of a fold and predicts the rows inside.
func (r *run) fold1(ctx context.Context, algorithm string, k int, outside, inside []int) (*fitted, error) {
	return r.restore(ctx, fitName(algorithm, k, r.params.Folds), len(inside), func() (*fitted, error) {
		x, err := take(ctx, r.x, outside)
		if err != nil {
			return nil, err
		}
		m, rounds, err := r.fitting(algorithm, k, x, takeTarget(r.y, outside), 0).fit(ctx)
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
	folds := r.params.Folds
	f, err := r.restore(ctx, fitName(algorithm, folds, folds), len(r.holdout), func() (*fitted, error) {
		m, _, err := r.fitting(algorithm, folds, r.x, r.y, rounds).fit(ctx)
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
	scores := map[string][]float64{}
	if err := addScores(scores, takeTarget(r.target.Target, r.holdout), f.outputs); err != nil {
		return err
	}
	c.entry.Holdout, _ = summarise(scores)
	r.progress.finish(algorithm, stageOf(algorithm, folds, folds), "")
	return nil
}

// fitName is the name of a fit among what is kept.
func fitName(algorithm string, fold, folds int) string {
	if fold == folds {
		return algorithm + "-final"
	}
	return fmt.Sprintf("%s-fold-%d", algorithm, fold+1)
}

func (r *run) fitting(algorithm string, k int, x *frame.Frame, y ml.Target, rounds int) fitting {
	return fitting{
		params: r.params, algorithm: algorithm, x: x, y: y, rounds: rounds,
		// Each fit has a seed of its own; the factor is odd, so none coincide.
		seed:     r.params.Seed + uint64(k+1)*0x9e3779b97f4a7c15,
		threads:  r.options.Threads,
		recorder: r.progress.within(algorithm, stageOf(algorithm, k, r.params.Folds)),
		saved:    r.keeper.within(fitName(algorithm, k, r.params.Folds)),
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

// addScores appends every metric of the task.
func addScores(scores map[string][]float64, y ml.Target, outputs []float64) error {
	for _, name := range metric.Names(y.Task) {
		s, err := metric.Score(name, y, outputs)
		if err != nil {
			return fmt.Errorf("score %s: %w", name, err)
		}
		scores[name] = append(scores[name], s)
	}
	return nil
}

// summarise returns the mean and the sample standard deviation of each list.
func summarise(scores map[string][]float64) (mean, deviation map[string]float64) {
	mean, deviation = map[string]float64{}, map[string]float64{}
	for name, list := range scores {
		sum := 0.0
		for _, s := range list {
			sum += s
		}
		// Scores are finite, their sum and their squares need not be.
		middle := max(-math.MaxFloat64, min(sum/float64(len(list)), math.MaxFloat64))
		mean[name] = middle
		if len(list) > 1 {
			squares := 0.0
			for _, s := range list {
				squares += (s - middle) * (s - middle)
			}
			deviation[name] = min(math.Sqrt(squares/float64(len(list)-1)), math.MaxFloat64)
		}
	}
	return mean, deviation
}

// result orders the candidates and tells of the best.
func (r *run) result() *Result {
	sign := 1.0
	if metric.HigherIsBetter(r.metric) {
		sign = -1
	}
	// Stable: of equals the simplest comes first.
	slices.SortStableFunc(r.candidates, func(a, b *candidate) int {
		return cmp.Compare(sign*a.entry.CV[r.metric], sign*b.entry.CV[r.metric])
	})
	best := r.candidates[0]
	if best.entry.Algorithm == artifact.Baseline && len(r.candidates) > 1 {
		r.notes = append(r.notes, "No algorithm did better than the baseline: these columns tell little about the target.")
	}
	out := &Result{
		Task: r.target.Task, Metric: r.metric, Model: best.model, Notes: r.notes,
		TrainRows: r.tableRows(r.train), HoldoutRows: r.tableRows(r.holdout),
	}
	for _, c := range r.candidates {
		out.Leaderboard = append(out.Leaderboard, c.entry)
	}
	out.OutOfFold = Predictions{Rows: out.TrainRows, Labels: r.y.Values, Outputs: best.outOfFold, Width: r.width()}
	out.Holdout = Predictions{Rows: out.HoldoutRows, Labels: takeTarget(r.target.Target, r.holdout).Values, Outputs: best.holdout, Width: r.width()}
	return out
}
