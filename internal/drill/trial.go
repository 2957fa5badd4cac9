package drill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/narrativeml/narrative/internal/drill/generator"
	"github.com/narrativeml/narrative/internal/drill/peer"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
)

// PlayTrial plays our side of a comparison: it reads a trial, does its steps in
// this process, and writes the outcome, as the peers' scripts do.
func PlayTrial(ctx context.Context, in io.Reader, out io.Writer) error {
	p := &player{}
	if err := json.NewDecoder(in).Decode(&p.trial); err != nil {
		return fmt.Errorf("read a trial: %w", err)
	}
	var err error
	if p.x, p.y, err = load(p.trial.Train, p.trial); err != nil {
		return err
	}
	p.outcome.Version = "narrative"
	for _, step := range p.trial.Steps {
		if err := p.play(ctx, step); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	if err := json.NewEncoder(out).Encode(p.outcome); err != nil {
		return fmt.Errorf("write the outcome: %w", err)
	}
	return nil
}

// player is a trial under way.
type player struct {
	trial   peer.Trial
	x       *frame.Frame
	y       ml.Target
	held    *frame.Frame // loaded when it is first asked for
	model   learner
	outcome peer.Outcome
}

// learner is what either algorithm gives.
type learner interface {
	ml.Predictor
	PredictRow(values, out []float64) error
	Category(column int, text string) float64
}

var (
	_ learner = (*gbdt.Model)(nil)
	_ learner = (*forest.Model)(nil)
)

func (p *player) play(ctx context.Context, step peer.Step) (err error) {
	if step != peer.Bin && step != peer.Train && p.held == nil {
		if p.held, _, err = load(p.trial.Test, p.trial); err != nil {
			return err
		}
	}
	o := &p.outcome
	switch step {
	case peer.Bin:
		o.Bin, err = timed(func() error { return p.bin(ctx) })
	case peer.Train:
		err = p.train(ctx)
	case peer.Score:
		err = p.score()
	case peer.Predict:
		o.Predict, err = p.predict(p.model)
	case peer.Row:
		err = p.rows()
	case peer.PredictMany:
		var many *gbdt.Model
		if many, err = p.many(ctx); err == nil {
			o.PredictMany, err = p.predict(many)
		}
	default:
		err = errors.New("there is no such step")
	}
	return err
}

func (p *player) train(ctx context.Context) error {
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		return err
	}
	rise, err := above(func() (err error) {
		p.outcome.Train, err = timed(func() (err error) {
			p.model, err = p.learn(ctx)
			return err
		})
		return err
	})
	if err != nil {
		return err
	}
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		return err
	}
	p.outcome.Memory = rise
	p.outcome.TrainCPU = cpu(after) - cpu(before)
	return nil
}

func (p *player) learn(ctx context.Context) (learner, error) {
	if p.trial.Forest {
		params := forest.DefaultParams()
		params.Trees, params.Seed = p.trial.Trees, p.trial.Seed
		return forest.Train(ctx, params, p.x, p.y, p.options())
	}
	return gbdt.Train(ctx, p.params(p.trial.Trees), p.x, p.y, p.options())
}

// cpu is the time of all threads in seconds.
func cpu(u syscall.Rusage) float64 {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func (p *player) params(trees int) gbdt.Params {
	params := gbdt.DefaultParams()
	params.Trees, params.LearningRate, params.MaxLeaves = trees, p.trial.Rate, p.trial.Leaves
	params.MinChildSamples, params.MaxBins, params.Seed = p.trial.MinChild, p.trial.Bins, p.trial.Seed
	return params
}

func (p *player) options() ml.Options { return ml.Options{Threads: p.trial.Threads} }

func (p *player) bin(ctx context.Context) error {
	_, err := gbdt.Bin(ctx, p.params(p.trial.Trees), p.x, p.options())
	return err
}

func (p *player) many(ctx context.Context) (*gbdt.Model, error) {
	rows := make([]int, min(p.trial.ManyRows, p.x.Rows()))
	for i := range rows {
		rows[i] = i
	}
	y := p.y
	y.Values = y.Values[:len(rows)]
	return gbdt.Train(ctx, p.params(p.trial.ManyTrees), p.x.Take(rows), y, p.options())
}

func (p *player) predict(m learner) (float64, error) {
	out := make([]float64, p.held.Rows()*m.Outputs())
	return timed(func() error { return m.Predict(p.held, out) })
}

func (p *player) score() error {
	width := p.model.Outputs()
	out := make([]float64, p.held.Rows()*width)
	if err := p.model.Predict(p.held, out); err != nil {
		return err
	}
	if width == 2 {
		for i := range p.held.Rows() {
			out[i] = out[2*i+1]
		}
		out = out[:p.held.Rows()]
	}
	b, err := binary.Append(nil, binary.LittleEndian, out)
	if err != nil {
		return err
	}
	return os.WriteFile(p.trial.Out, b, 0o600)
}

// rows predicts one row after another.
func (p *player) rows() error {
	each := make([][]float64, min(p.trial.RowCalls, p.held.Rows()))
	for i := range each {
		each[i] = make([]float64, 0, len(p.trial.Categories))
		for j, c := range p.held.Columns() {
			v := c.Float(i)
			if c.Type() == frame.String && !c.Null(i) {
				v = p.model.Category(j, c.Text(i))
			}
			each[i] = append(each[i], v)
		}
	}
	out := make([]float64, p.model.Outputs())
	play := func() error {
		for _, values := range each {
			if err := p.model.PredictRow(values, out); err != nil {
				return err
			}
		}
		return nil
	}
	if err := play(); err != nil { // warm
		return err
	}
	seconds, err := timed(play)
	p.outcome.Row = seconds / float64(len(each))
	return err
}

// timed returns how many seconds do took, on a heap without garbage.
func timed(do func() error) (float64, error) {
	runtime.GC()
	start := time.Now()
	err := do()
	return time.Since(start).Seconds(), err
}

// above returns by how many bytes the memory of this process rose at most while
// do ran.
func above(do func() error) (int64, error) {
	debug.FreeOSMemory()
	before, err := memory(os.Getpid(), "VmRSS")
	if err != nil {
		return 0, err
	}
	if err := resetPeak(os.Getpid()); err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	peak, err := peakMemory(os.Getpid())
	return peak - before, err
}

// load reads a table: columns of float64, and of strings where there are
// categories.
func load(files generator.Files, t peer.Trial) (*frame.Frame, ml.Target, error) {
	numbers := make([][]float64, len(t.Categories))
	codes := make([][]int32, len(t.Categories))
	for j, n := range t.Categories {
		if n > 0 {
			codes[j] = make([]int32, files.Rows)
		} else {
			numbers[j] = make([]float64, files.Rows)
		}
	}
	err := eachRow(files.X, files.Rows, len(t.Categories), func(i int, row []float32) {
		for j, v := range row {
			switch {
			case codes[j] == nil:
				numbers[j][i] = float64(v)
			case v != v:
				codes[j][i] = -1
			default:
				codes[j][i] = int32(v)
			}
		}
	})
	if err != nil {
		return nil, ml.Target{}, err
	}
	columns := make([]frame.Column, len(t.Categories))
	for j, n := range t.Categories {
		name := "x" + strconv.Itoa(j)
		if n > 0 {
			columns[j] = frame.NewString(name, codes[j], names(n))
		} else {
			columns[j] = frame.NewFloat(name, numbers[j])
		}
	}
	x, err := frame.New(columns...)
	if err != nil {
		return nil, ml.Target{}, err
	}
	y, err := target(files, t.Classes)
	return x, y, err
}

func target(files generator.Files, classes int) (ml.Target, error) {
	y := ml.Target{Task: ml.Binary, Values: make([]float64, files.Rows), Classes: names(classes)}
	if classes > 2 {
		y.Task = ml.Multiclass
	}
	err := eachRow(files.Y, files.Rows, 1, func(i int, row []float32) { y.Values[i] = float64(row[0]) })
	return y, err
}

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	return all
}

// eachRow reads a file of float32 row by row.
func eachRow(path string, rows, width int, do func(i int, row []float32)) (err error) {
	const buffer = 1 << 20
	file, err := os.Open(path) //nolint:gosec // the caller wrote it
	if err != nil {
		return fmt.Errorf("read a table: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := bufio.NewReaderSize(file, buffer)
	raw, row := make([]byte, 4*width), make([]float32, width)
	for i := range rows {
		if _, err := io.ReadFull(r, raw); err != nil {
			return fmt.Errorf("read row %d of %s: %w", i, path, err)
		}
		for j := range row {
			row[j] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:]))
		}
		do(i, row)
	}
	return nil
}

// readScores reads what a side predicted.
func readScores(path string, rows int) ([]float64, error) {
	b, err := os.ReadFile(path) //nolint:gosec // in our own folder
	if err != nil {
		return nil, fmt.Errorf("read predictions: %w", err)
	}
	scores := make([]float64, rows)
	if len(b) != 8*rows {
		return nil, fmt.Errorf("read predictions: %s has %d bytes, not %d", path, len(b), 8*rows)
	}
	if err := binary.Read(bytes.NewReader(b), binary.LittleEndian, scores); err != nil {
		return nil, fmt.Errorf("read predictions: %w", err)
	}
	return scores, nil
}
