package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/drill/generator"
	"github.com/narrativeml/narrative/internal/drill/peer"
	"github.com/narrativeml/narrative/internal/terminal"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// contest has several sides do the same with the same tables. In every round
// each side has its turn, ours first, and every round has tables of its own.
type contest struct {
	label  string
	table  generator.Table // its seed is that of the first round
	held   int             // rows to measure a model on; 0: none
	trial  peer.Trial
	turns  [][]peer.Step // of a side in a round, each in a new process
	brief  []peer.Step   // of the quantized side, and of the others in the rounds only for the AUC
	rounds int
	seeds  int
	sides  []peer.Side
}

// standing is what a side reached in a contest, a value for each round.
type standing struct {
	side    peer.Side
	version string
	absent  string // why it has nothing, or no more

	bin, train, cpu, memory, predict, many, row []float64 // seconds and bytes
	auc                                         []float64 // one for each seed
}

func (s *standing) name() string {
	if s.version == "" || s.side.Quantized {
		return s.side.Name
	}
	return s.version
}

// run carries the contest out. A peer that is absent or fails is left out from
// then on; its standing says why.
func (c contest) run(ctx context.Context, dir string, out io.Writer) ([]*standing, error) {
	all := make([]*standing, len(c.sides))
	for i, side := range c.sides {
		all[i] = &standing{side: side}
	}
	for round := range c.seeds {
		if err := c.round(ctx, dir, round, all, out); err != nil {
			return nil, fmt.Errorf("%s: %w", c.label, err)
		}
	}
	return all, nil
}

func (c contest) round(ctx context.Context, dir string, round int, all []*standing, out io.Writer) (err error) {
	dir, err = os.MkdirTemp(dir, "round-*")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	trial, table := c.trial, c.table
	table.Seed += uint64(round)
	if trial.Train, err = generator.Write(ctx, table, dir, "train"); err != nil {
		return err
	}
	if c.held > 0 {
		table.Rows, table.Held = c.held, true
		if trial.Test, err = generator.Write(ctx, table, dir, "held"); err != nil {
			return err
		}
	}
	trial.Out = filepath.Join(dir, "predictions.f64")
	for _, s := range all {
		turns := c.turns
		if round >= c.rounds || s.side.Quantized {
			turns = [][]peer.Step{c.brief}
		}
		for _, steps := range turns {
			if s.absent != "" {
				break
			}
			trial.Steps = steps
			o, err := s.side.Run(ctx, trial)
			switch {
			case err != nil && (s.side.Ours || ctx.Err() != nil):
				return err
			case err != nil:
				s.absent = fmt.Sprintf("%s: %v", s.side.Name, err)
			case o.Absent != "":
				s.absent = o.Absent
			default:
				if err := s.take(o, trial, round < c.rounds); err != nil {
					return err
				}
			}
			if err := c.tell(out, round, s, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// take adds what was measured; times count only in the rounds for them.
func (s *standing) take(o peer.Outcome, t peer.Trial, times bool) error {
	s.version = o.Version
	if times {
		for _, v := range []struct {
			to   *[]float64
			step peer.Step
			got  float64
		}{
			{&s.bin, peer.Bin, o.Bin},
			{&s.train, peer.Train, o.Train},
			{&s.cpu, peer.Train, o.TrainCPU},
			{&s.memory, peer.Train, float64(o.Memory)},
			{&s.predict, peer.Predict, o.Predict},
			{&s.many, peer.PredictMany, o.PredictMany},
			{&s.row, peer.Row, o.Row},
		} {
			if slices.Contains(t.Steps, v.step) {
				*v.to = append(*v.to, v.got)
			}
		}
	}
	if !slices.Contains(t.Steps, peer.Score) {
		return nil
	}
	auc, err := auc(t)
	if err != nil {
		return fmt.Errorf("score %s: %w", s.side.Name, err)
	}
	s.auc = append(s.auc, auc)
	return nil
}

// auc scores what a side predicted for the held-out rows of two classes.
func auc(t peer.Trial) (float64, error) {
	second, err := readScores(t.Out, t.Test.Rows)
	if err != nil {
		return 0, err
	}
	if err := os.Remove(t.Out); err != nil { // nobody is taken for another
		return 0, err
	}
	y, err := target(t.Test, 2)
	if err != nil {
		return 0, err
	}
	both := make([]float64, 0, 2*len(second))
	for _, p := range second {
		both = append(both, 1-p, p)
	}
	return metric.Score(metric.ROCAUC, ml.Target{Task: ml.Binary, Values: y.Values, Classes: y.Classes}, both)
}

func (c contest) tell(out io.Writer, round int, s *standing, o peer.Outcome) error {
	var line strings.Builder
	fmt.Fprintf(&line, "%s, round %d of %d, %s:", c.label, round+1, c.seeds, s.name())
	if s.absent != "" {
		line.WriteString(" " + s.absent)
	}
	for _, v := range []struct {
		what  string
		value float64
	}{
		{"binned in", o.Bin}, {"trained in", o.Train}, {"predicted in", o.Predict}, {"with more trees in", o.PredictMany}, {"a row in", o.Row},
	} {
		if v.value > 0 {
			fmt.Fprintf(&line, " %s %s s", v.what, terminal.Number(v.value))
		}
	}
	if _, err := fmt.Fprintln(out, line.String()); err != nil {
		return fmt.Errorf("print progress: %w", err)
	}
	return nil
}
