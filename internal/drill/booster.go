package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/narrativeml/narrative/internal/drill/generator"
	"github.com/narrativeml/narrative/internal/drill/peer"
	"github.com/narrativeml/narrative/internal/terminal"
)

// mlDrill is one run of the learners against their peers.
type mlDrill struct {
	size     mlSize
	dir      string
	out      io.Writer
	boosters []peer.Side // ours first
	forest   peer.Side
}

// boost measures boosting against its peers on the hard, the easy and the mixed
// table.
func (d *mlDrill) boost(ctx context.Context) ([]Figure, error) {
	var figures []Figure
	for _, measure := range []func(context.Context) ([]Figure, error){d.hard, d.easy, d.mixed} {
		more, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		figures = append(figures, more...)
	}
	return figures, nil
}

func (d *mlDrill) hard(ctx context.Context) ([]Figure, error) {
	s := d.size
	c := d.contest(generator.Hard, s.rows,
		peer.Train, peer.Score, peer.Predict, peer.Row, peer.PredictMany)
	all, err := c.run(ctx, d.dir, d.out)
	if err != nil {
		return nil, err
	}
	quantities := []quantity{binTime(), trainTime(), trainCPU(), memoryRise(), predictTime(s.trees), manyTime(s.manyTrees), rowTime()}
	if err := compare(d.out, c.label, all, quantities); err != nil {
		return nil, err
	}
	figures := d.training(c, all, short(s.rows))
	name := func(what string) string { return "gbdt-" + what + s.suffix() }
	best := func(q quantity, what, note string) Figure {
		return q.figure(name(what), note, all, q.best(all[1:]))
	}
	rise := memoryRise()
	against := named(all[1:], "LightGBM")
	if against == nil {
		against = rise.best(all[1:])
	}
	return append(figures,
		best(predictTime(s.trees), fmt.Sprintf("predict-%d", s.trees), c.heldOut()),
		best(manyTime(s.manyTrees), fmt.Sprintf("predict-%d", s.manyTrees), c.heldOut()+fmt.Sprintf("; a model of %d rows", c.trial.ManyRows)),
		best(rowTime(), "predict-row", fmt.Sprintf("one row after another, %d trees, one thread, median of %d", s.trees, c.rounds)),
		rise.figure(name("memory-"+short(s.rows)), c.about()+"; the most above the loaded table while training; the peer is LightGBM where it is found", all, against),
	), nil
}

func (d *mlDrill) easy(ctx context.Context) ([]Figure, error) {
	c := d.contest(generator.Easy, d.size.rows, peer.Train, peer.Score)
	all, err := c.run(ctx, d.dir, d.out)
	if err != nil {
		return nil, err
	}
	if err := compare(d.out, c.label, all, []quantity{binTime(), trainTime(), trainCPU(), memoryRise()}); err != nil {
		return nil, err
	}
	return d.training(c, all, short(d.size.rows)+"-easy"), nil
}

func (d *mlDrill) mixed(ctx context.Context) ([]Figure, error) {
	c := d.contest(generator.Mixed, d.size.mixedRows, peer.Train, peer.Score, peer.Predict)
	all, err := c.run(ctx, d.dir, d.out)
	if err != nil {
		return nil, err
	}
	predict := predictTime(d.size.trees)
	if err := compare(d.out, c.label, all, []quantity{binTime(), trainTime(), trainCPU(), memoryRise(), predict}); err != nil {
		return nil, err
	}
	return append(d.training(c, all, "mixed"),
		predict.figure("gbdt-predict-mixed"+d.size.suffix(), c.heldOut(), all, predict.best(all[1:]))), nil
}

// contest is one of all boosters on tables of a kind: binning alone, then the
// steps.
func (d *mlDrill) contest(kind generator.Kind, rows int, steps ...peer.Step) contest {
	table := generator.Table{Kind: kind, Rows: rows, Seed: 1}
	return contest{
		label: string(kind), table: table, held: rows, trial: d.size.trial(table),
		turns: [][]peer.Step{{peer.Bin}, steps}, brief: []peer.Step{peer.Train, peer.Score},
		rounds: d.size.rounds, seeds: d.size.seeds, sides: d.boosters,
	}
}

func (c contest) about() string {
	return fmt.Sprintf("%s, %d trees, %d leaves, learning rate %g, %d bins, %d threads, median of %d",
		about(c.table), c.trial.Trees, c.trial.Leaves, c.trial.Rate, c.trial.Bins, c.trial.Threads, c.rounds)
}

func (c contest) heldOut() string {
	return fmt.Sprintf("%s held-out rows of the %s table, %d threads, median of %d", terminal.Count(int64(c.held)), c.label, c.trial.Threads, c.rounds)
}

// training are the figures of binning, training and AUC of a contest, whose
// names end in the label.
func (d *mlDrill) training(c contest, all []*standing, label string) []Figure {
	name := func(what string) string { return "gbdt-" + what + "-" + label + d.size.suffix() }
	train, processor, binning := trainTime(), trainCPU(), binTime()
	figures := []Figure{
		binning.figure(name("bin"), c.about(), all, binning.best(all[1:])),
		train.figure(name("train"), c.about()+", binning included; "+aucs(all), all, train.best(all[1:])),
		processor.figure(name("train")+"-cpu", c.about()+", binning included, of all threads together", all, processor.best(all[1:])),
		aucFigure(name("auc"), c.about(), all),
	}
	i := slices.IndexFunc(all, func(s *standing) bool { return s.side.Quantized && len(s.train) > 0 })
	if i < 0 {
		return figures
	}
	return append(figures, train.figure(name("train")+"-quantized", c.about()+", against LightGBM's quantized gradients", all, all[i]))
}

// woods measures random forests.
func (d *mlDrill) woods(ctx context.Context) ([]Figure, error) {
	table := generator.Table{Kind: generator.Hard, Rows: d.size.forestRows, Seed: 1}
	trial := d.size.trial(table)
	trial.Trees, trial.Forest = d.size.forestTrees, true
	c := contest{
		label: "forest", table: table, held: table.Rows, trial: trial,
		turns: [][]peer.Step{{peer.Train, peer.Score}}, rounds: d.size.rounds, seeds: d.size.rounds, sides: []peer.Side{d.boosters[0], d.forest},
	}
	all, err := c.run(ctx, d.dir, d.out)
	if err != nil {
		return nil, err
	}
	train, processor, rise := trainTime(), trainCPU(), memoryRise()
	if err := compare(d.out, c.label, all, []quantity{train, processor, rise}); err != nil {
		return nil, err
	}
	note := fmt.Sprintf("%s, a random forest of %d trees, %d threads, median of %d; %s", about(table), trial.Trees, trial.Threads, c.rounds, aucs(all))
	figure := func(q quantity, what string) Figure {
		return q.figure("forest-"+what+d.size.suffix(), note, all, q.best(all[1:]))
	}
	return []Figure{figure(train, "train"), figure(processor, "train-cpu"), figure(rise, "memory")}, nil
}

// learn measures all learners.
func (p MLPlan) learn(ctx context.Context, d *mlDrill) (figures []Figure, err error) {
	if d.size, err = p.size(); err != nil {
		return nil, err
	}
	if d.dir, err = os.MkdirTemp("", "narrative-bench-*"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	scripts, err := peer.Install(d.dir, p.Python)
	if err != nil {
		return nil, err
	}
	d.boosters = append([]peer.Side{peer.Program(p.Program...)}, scripts.Boosters()...)
	d.forest = scripts.Forest()
	if d.size.rounds > 0 {
		if figures, err = d.boost(ctx); err != nil {
			return nil, err
		}
		forests, err := d.woods(ctx)
		if err != nil {
			return nil, err
		}
		figures = append(figures, forests...)
	}
	more, err := d.growAll(ctx)
	return append(figures, more...), err
}
