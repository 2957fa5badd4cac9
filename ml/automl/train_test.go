package automl_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
)

// quick are parameters that keep a test short.
func quick() automl.Params {
	p := params("target")
	p.Folds, p.Trees = 3, 20
	return p
}

// equalResults compares everything but the time it took.
func equalResults(t *testing.T, got, want *automl.Result) {
	t.Helper()
	if !bytes.Equal(write(t, got.Model), write(t, want.Model)) {
		t.Error("the model has other bytes")
	}
	for i, e := range got.Leaderboard {
		w := want.Leaderboard[i]
		if e.Algorithm != w.Algorithm || !maps.Equal(e.CV, w.CV) || !maps.Equal(e.CVStd, w.CVStd) || !maps.Equal(e.Holdout, w.Holdout) {
			t.Errorf("line %d of the leaderboard is %+v, want %+v", i+1, e, w)
		}
	}
	for _, p := range []struct{ got, want automl.Predictions }{{got.OutOfFold, want.OutOfFold}, {got.Holdout, want.Holdout}} {
		if !slices.Equal(p.got.Rows, p.want.Rows) || !slices.Equal(p.got.Labels, p.want.Labels) || !slices.Equal(p.got.Outputs, p.want.Outputs) {
			t.Error("predictions differ")
		}
	}
	if !slices.Equal(got.Notes, want.Notes) {
		t.Errorf("notes %q, want %q", got.Notes, want.Notes)
	}
}

func TestThreads(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"breast_cancer", "diabetes", "iris"} {
		x := readTable(t, name)
		want := train(t, quick(), x, automl.Options{Threads: 1})
		for _, threads := range []int{2, 8} {
			equalResults(t, train(t, quick(), x, automl.Options{Threads: threads}), want)
		}
	}
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	x := readTable(t, "iris")
	p := quick()
	a := train(t, p, x, automl.Options{})
	p.Seed++
	if b := train(t, p, x, automl.Options{}); slices.Equal(a.HoldoutRows, b.HoldoutRows) {
		t.Error("another seed holds out the same rows")
	}
}

// TestResume stops a call after each of its checkpoints and lets another go on,
// with another number of threads.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"wine", "diabetes"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := readTable(t, name)
			p := quick()
			whole := newMemory()
			want := train(t, p, x, automl.Options{Checkpoint: whole, Threads: 1})
			if n := len(whole.order); n != len(automl.Algorithms())*(p.Folds+1) {
				t.Fatalf("%d checkpoints: %v", n, whole.order)
			}
			for after := 1; after <= len(whole.order); after++ {
				ctx, cancel := context.WithCancel(t.Context())
				m := newMemory()
				m.stop, m.after = cancel, after
				_, err := automl.Train(ctx, p, x, automl.Options{Checkpoint: m, Threads: 2})
				if after < len(whole.order) && !errors.Is(err, context.Canceled) {
					t.Errorf("a call cancelled after checkpoint %d returns %v", after, err)
				}
				cancel()
				if len(m.order) != after {
					t.Fatalf("%d checkpoints after a stop at %d", len(m.order), after)
				}
				m.stop, m.loaded = nil, 0
				equalResults(t, train(t, p, x, automl.Options{Checkpoint: m, Threads: 8}), want)
				if m.loaded != after || len(m.order) != len(whole.order) {
					t.Errorf("%d checkpoints are used of %d, %d are there", m.loaded, after, len(m.order))
				}
			}
		})
	}
}

// TestUnusableCheckpoints damages stored fits, and takes those of another call.
func TestUnusableCheckpoints(t *testing.T) {
	t.Parallel()
	x := readTable(t, "iris")
	p := quick()
	good := newMemory()
	want := train(t, p, x, automl.Options{Checkpoint: good})
	other := newMemory()
	q := p
	q.Seed = 9
	train(t, q, x, automl.Options{Checkpoint: other})
	for name, change := range map[string]func(name string, b []byte) []byte{
		"emptied":         func(string, []byte) []byte { return nil },
		"cut":             func(_ string, b []byte) []byte { return b[:len(b)/2] },
		"changed":         func(_ string, b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"of another call": func(name string, _ []byte) []byte { return other.data[name] },
		"of another fit":  func(string, []byte) []byte { return good.data["linear-final"] },
	} {
		m := newMemory()
		for k, b := range good.data {
			m.data[k] = change(k, bytes.Clone(b))
		}
		said := false
		r := train(t, p, x, automl.Options{Checkpoint: m, Recorder: ml.RecorderFunc(func(q ml.Progress) {
			said = said || strings.Contains(q.Message, "is not used")
		})})
		equalResults(t, r, want)
		if !said {
			t.Errorf("nobody hears of checkpoints that are %s", name)
		}
	}
}

// FuzzCheckpoint changes a stored fit and lets its checksum fit again: the call
// must end well, with it or without.
func FuzzCheckpoint(f *testing.F) {
	columns := make([]frame.Column, 0, 2)
	for _, name := range []string{"x", "target"} {
		columns = append(columns, nums(name, 40, func(i int) float64 { return math.Sin(float64(i * len(name))) }))
	}
	x, err := frame.New(columns...)
	if err != nil {
		f.Fatal(err)
	}
	p := quick()
	p.Algorithms = []string{"baseline"}
	m := newMemory()
	if _, err := automl.Train(f.Context(), p, x, automl.Options{Checkpoint: m}); err != nil {
		f.Fatal(err)
	}
	for _, b := range m.data {
		f.Add(b[:len(b)-4])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
		changed := newMemory()
		changed.data["baseline-fold-1"], changed.data["baseline-final"] = b, b
		if _, err := automl.Train(t.Context(), p, x, automl.Options{Checkpoint: changed}); err != nil {
			// Outputs that are no outputs cannot be scored; nothing else may go wrong.
			wantCode(t, err, "bad_output")
		}
	})
}

func TestCheckpointErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("the store is away")
	x := readTable(t, "iris")
	for _, m := range []*memory{{data: map[string][]byte{}, loadErr: broken}, {data: map[string][]byte{}, saveErr: broken}} {
		if _, err := automl.Train(t.Context(), quick(), x, automl.Options{Checkpoint: m}); !errors.Is(err, broken) {
			t.Errorf("error %v, want %v", err, broken)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var all []ml.Progress
	train(t, quick(), readTable(t, "breast_cancer"), automl.Options{Recorder: ml.RecorderFunc(func(p ml.Progress) { all = append(all, p) })})
	last := 0.0
	stages := map[string]bool{}
	for _, p := range all {
		if p.Fraction < last || p.Fraction > 1 || p.Stage == "" {
			t.Fatalf("%+v after %v", p, last)
		}
		last = p.Fraction
		stages[p.Stage] = true
	}
	if last != 1 || !stages["gbdt fold 2 of 3"] || !stages["linear on all training rows"] || len(all) < 30 {
		t.Errorf("%d reports end at %v, stages %v", len(all), last, slices.Sorted(maps.Keys(stages)))
	}
}

// TestCancelAnywhere cancels at each report of progress in turn.
func TestCancelAnywhere(t *testing.T) {
	t.Parallel()
	x := readTable(t, "iris")
	p := quick()
	reports := 0
	train(t, p, x, automl.Options{Recorder: ml.RecorderFunc(func(ml.Progress) { reports++ })})
	for at := 1; at < reports; at += 5 {
		ctx, cancel := context.WithCancel(t.Context())
		n, after := 0, 0
		_, err := automl.Train(ctx, p, x, automl.Options{Recorder: ml.RecorderFunc(func(ml.Progress) {
			if n++; n == at {
				cancel()
			} else if n > at {
				after++
			}
		})})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at report %d of %d it returns %v", at, reports, err)
		}
		if after > 20 {
			t.Errorf("%d reports come after the cancellation", after)
		}
	}
}

// TestScoresCanBeRecomputed scores the predictions of the best again.
func TestScoresCanBeRecomputed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"breast_cancer", "wine", "diabetes"} {
		x := readTable(t, name)
		r := train(t, quick(), x, automl.Options{})
		column, _ := x.Column("target")
		labels := func(rows []int) []float64 {
			out := make([]float64, len(rows))
			for i, row := range rows {
				out[i] = column.Float(row)
				if r.Task != ml.Regression {
					out[i] = float64(slices.Index(r.Model.Classes(), strconv.FormatInt(column.Int(row), 10)))
				}
			}
			return out
		}
		for _, p := range []automl.Predictions{r.Holdout, r.OutOfFold} {
			if !slices.Equal(labels(p.Rows), p.Labels) || len(p.Outputs) != len(p.Rows)*p.Width || !slices.IsSorted(p.Rows) {
				t.Errorf("%s: the labels are not those of the rows", name)
			}
		}
		y := ml.Target{Task: r.Task, Classes: r.Model.Classes(), Values: r.Holdout.Labels}
		for m, want := range r.Leaderboard[0].Holdout {
			if got, err := metric.Score(m, y, r.Holdout.Outputs); err != nil || got != want {
				t.Errorf("%s: %s is %v, error %v, on the leaderboard %v", name, m, got, err, want)
			}
		}
		out := make([]float64, len(r.Holdout.Outputs))
		if err := r.Model.Predict(x.Take(r.HoldoutRows), out); err != nil || !slices.Equal(out, r.Holdout.Outputs) {
			t.Errorf("%s: the model predicts otherwise, error %v", name, err)
		}
		if !slices.Equal(r.Holdout.Rows, r.HoldoutRows) || !slices.Equal(r.OutOfFold.Rows, r.TrainRows) {
			t.Errorf("%s: predictions are for other rows", name)
		}
		if len(r.HoldoutRows)+len(r.TrainRows) != x.Rows() {
			t.Errorf("%s: %d and %d rows of %d", name, len(r.TrainRows), len(r.HoldoutRows), x.Rows())
		}
	}
}

// TestNothingLeaks changes every feature of the held-out rows: no fit may
// notice.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	x := mixedTable(t)
	p := quick()
	for _, algorithm := range automl.Algorithms() {
		p.Algorithms = []string{algorithm}
		want := train(t, p, x, automl.Options{})
		held := map[int]bool{}
		for _, row := range want.HoldoutRows {
			held[row] = true
		}
		got := train(t, p, spoil(t, x, held), automl.Options{})
		if !slices.Equal(got.HoldoutRows, want.HoldoutRows) {
			t.Fatal("other rows are held out")
		}
		if !bytes.Equal(write(t, got.Model), write(t, want.Model)) || !slices.Equal(got.OutOfFold.Outputs, want.OutOfFold.Outputs) {
			t.Errorf("%s has learned from rows that it was to be tested on", algorithm)
		}
		if algorithm != "baseline" && slices.Equal(got.Holdout.Outputs, want.Holdout.Outputs) {
			t.Errorf("%s: the held-out rows were not changed", algorithm)
		}
	}
}

// mixedTable has a column of each type, with gaps, made of a real table.
func mixedTable(t *testing.T) *frame.Frame {
	t.Helper()
	x := readTable(t, "breast_cancer")
	radius, _ := x.Column("mean radius")
	texture, _ := x.Column("mean texture")
	target, _ := x.Column("target")
	var nulls frame.Bitmap
	floats, ints, times := make([]float64, x.Rows()), make([]int64, x.Rows()), make([]int64, x.Rows())
	words := make([]string, x.Rows())
	for i := range floats {
		floats[i], ints[i], times[i] = radius.Float(i), int64(texture.Float(i)), int64(1e15+1e12*texture.Float(i))
		words[i] = fmt.Sprint("w", int64(radius.Float(i))%7)
		if i%11 == 0 {
			floats[i] = math.NaN()
			nulls.Set(i)
		}
	}
	return newFrame(t, frame.NewFloat("f", floats), frame.NewInt("i", frame.Int, ints, nulls),
		frame.NewInt("at", frame.Time, times, nulls), frame.StringsOf("s", words, nulls.Get), target)
}

// spoil changes every feature in the given rows.
func spoil(t *testing.T, x *frame.Frame, rows map[int]bool) *frame.Frame {
	t.Helper()
	f, _ := x.Column("f")
	n, _ := x.Column("i")
	at, _ := x.Column("at")
	s, _ := x.Column("s")
	floats, ints, times, words := slices.Clone(f.Floats()), slices.Clone(n.Ints()), slices.Clone(at.Ints()), make([]string, x.Rows())
	var nulls frame.Bitmap
	for i := range words {
		words[i] = s.Text(i)
		if rows[i] {
			floats[i], ints[i], times[i], words[i] = 1e9*float64(i), -int64(i), int64(i), fmt.Sprint("new", i)
		} else if s.Null(i) {
			nulls.Set(i)
		}
	}
	target, _ := x.Column("target")
	return newFrame(t, frame.NewFloat("f", floats), frame.NewInt("i", frame.Int, ints, nulls),
		frame.NewInt("at", frame.Time, times, nulls), frame.StringsOf("s", words, nulls.Get), target)
}

// TestTime takes the time from the clock given.
func TestTime(t *testing.T) {
	t.Parallel()
	at := time.Unix(0, 0)
	p := quick()
	p.Algorithms = []string{"baseline"}
	o := automl.Options{Checkpoint: newMemory(), Now: func() time.Time { at = at.Add(time.Second); return at }}
	x := readTable(t, "iris")
	for range 2 { // the second call takes the times from its checkpoints
		if got := train(t, p, x, o).Leaderboard[0].FitSeconds; got != 4 {
			t.Errorf("four fits of a second take %v", got)
		}
	}
}
