package gbdt_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
)

func roundTrip(t *testing.T, m *gbdt.Model) *gbdt.Model {
	t.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := gbdt.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again := must(back.AppendBinary(nil)); !bytes.Equal(again, b) {
		t.Fatal("the decoded model has other bytes")
	}
	return back
}

// TestThreads checks that a model does not depend on the number of threads.
func TestThreads(t *testing.T) {
	t.Parallel()
	sampled := gbdt.DefaultParams()
	sampled.RowFraction, sampled.FeatureFraction, sampled.Trees = 0.6, 0.5, 20
	deep := gbdt.DefaultParams()
	deep.MaxLeaves, deep.MinChildSamples, deep.Trees = 300, 2, 5
	x, y := wide(9000, 9, 3)
	y.Weights = make([]float64, x.Rows())
	for i := range y.Weights {
		y.Weights[i] = 0.5 + float64(i%7)
	}
	tests := map[string]struct {
		params gbdt.Params
		data   problem
	}{
		"binary, weights":     {gbdt.DefaultParams(), problem{x, y}},
		"multiclass":          {gbdt.DefaultParams(), rings(9000, 1)},
		"regression, sampled": {sampled, friedman(9000, 1)},
		"categories, sampled": {sampled, shops(9000, 1)},
		"large trees":         {deep, holes(9000, 1)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := must(train(t, test.params, test.data, ml.Options{Threads: 1}).AppendBinary(nil))
			for _, threads := range []int{2, 5} {
				got := must(train(t, test.params, test.data, ml.Options{Threads: threads}).AppendBinary(nil))
				if !bytes.Equal(got, want) {
					t.Errorf("with %d threads the model has other bytes", threads)
				}
			}
			other := test.params
			other.Seed++
			if got := must(train(t, other, test.data, ml.Options{}).AppendBinary(nil)); bytes.Equal(got, want) {
				t.Error("another seed gives the same model")
			}
		})
	}
}

// TestHistogramBudget checks that a model does not depend on how many histograms
// are kept.
func TestHistogramBudget(t *testing.T) {
	t.Parallel()
	p := gbdt.DefaultParams()
	p.Trees, p.MaxDepth = 5, 6
	data := holes(6000, 1)
	want := must(train(t, p, data, ml.Options{}).AppendBinary(nil))
	for _, budget := range []int{0, 40_000} {
		m, err := gbdt.TrainWithin(t.Context(), p, data.x, data.y, ml.Options{}, budget)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(must(m.AppendBinary(nil)), want) {
			t.Errorf("with %d bytes of histograms the model has other bytes", budget)
		}
	}
}

// TestBatch checks that rows get the same outputs alone, by walking down the
// trees, as in a batch by tables, and from a decoded model.
func TestBatch(t *testing.T) {
	t.Parallel()
	large := gbdt.DefaultParams()
	large.MaxLeaves, large.MinChildSamples, large.Trees = 200, 1, 10
	small := gbdt.DefaultParams()
	small.MaxDepth, small.Trees = 2, 30
	stumps := gbdt.DefaultParams()
	stumps.MaxLeaves, stumps.FeatureFraction, stumps.Trees = 2, 0.1, 100
	for _, p := range []gbdt.Params{gbdt.DefaultParams(), large, small, stumps} {
		for _, data := range []problem{holes(5000, 1), shops(1500, 1), rings(1500, 1), friedman(1500, 1)} {
			m := train(t, p, data, ml.Options{})
			all := predict(t, m, data.x)
			if !slices.Equal(predict(t, roundTrip(t, m), data.x), all) {
				t.Fatal("the decoded model predicts otherwise")
			}
			for low := 0; low < 1450; low += 97 {
				part := make([]int, 1+low%19)
				for i := range part {
					part[i] = low + i
				}
				if got := predict(t, m, data.x.Take(part)); !slices.Equal(got, all[low*m.Outputs():(low+len(part))*m.Outputs()]) {
					t.Fatalf("rows from %d on are %v alone", low, got)
				}
			}
		}
	}
}

// TestMissingHasADirection learns from nothing but what is missing.
func TestMissingHasADirection(t *testing.T) {
	t.Parallel()
	g := generator{1}
	x, y := rows(2000, 2, func(row []float64) float64 {
		row[0], row[1] = g.normal(), g.normal()
		s := positive(row[0])
		if g.uniform() < 0.3 {
			row[0] = math.NaN()
		}
		if g.uniform() < 0.3 {
			row[1] = math.NaN()
			s = 1
		}
		return s
	})
	data := binary(y, floats(x)...)
	m := train(t, gbdt.DefaultParams(), data, ml.Options{})
	nan := math.NaN()
	probe := must(frame.New(frame.NewFloat("x0", []float64{-1, 1, -1, nan}), frame.NewFloat("x1", []float64{0, 0, nan, nan})))
	out := predict(t, m, probe)
	for i, want := range []float64{0, 1, 1, 1} {
		if p := out[2*i+1]; math.Abs(p-want) > 0.1 {
			t.Errorf("row %d has the probability %v, want about %v", i, p, want)
		}
	}
}

func TestDictionaryOrder(t *testing.T) {
	t.Parallel()
	data := shops(3000, 1)
	m := train(t, gbdt.DefaultParams(), data, ml.Options{})
	want := predict(t, m, data.x)
	columns := slices.Clone(data.x.Columns())
	for j, c := range columns[:2] {
		// The same text by other codes, in a dictionary with more of it.
		dict := append([]string{"unused"}, c.Dict()...)
		slices.Reverse(dict)
		codes := make([]int32, c.Len())
		for i := range codes {
			codes[i] = int32(slices.Index(dict, c.Text(i)))
		}
		columns[j] = frame.NewString(c.Name(), codes, dict)
	}
	slices.Reverse(columns)
	other := must(frame.New(columns...))
	if !slices.Equal(predict(t, m, other), want) {
		t.Error("predictions depend on the order of dictionaries or columns")
	}
	blank := slices.Clone(data.x.Columns())
	unseen := slices.Clone(blank)
	blank[0] = frame.NewString("x0", slices.Repeat([]int32{-1}, 3000), nil)
	unseen[0] = frame.NewString("x0", make([]int32, 3000), []string{"never seen"})
	if !slices.Equal(predict(t, m, must(frame.New(blank...))), predict(t, m, must(frame.New(unseen...)))) {
		t.Error("an unseen category does not predict as a missing one")
	}
}

// TestWeights gives rows with wrong labels hardly any weight.
func TestWeights(t *testing.T) {
	t.Parallel()
	x, y := wide(4000, 6, 1)
	test, truth := wide(4000, 6, 2)
	clean := score(t, "roc_auc", train(t, gbdt.DefaultParams(), problem{x, y}, ml.Options{}), problem{test, truth})
	rows := append(indices(4000), indices(4000)...)
	mixed := problem{x.Take(rows), y}
	mixed.y.Values, mixed.y.Weights = slices.Clone(y.Values), slices.Repeat([]float64{1}, 4000)
	for _, v := range y.Values {
		mixed.y.Values = append(mixed.y.Values, 1-v)
		mixed.y.Weights = append(mixed.y.Weights, 1e-6)
	}
	got := score(t, "roc_auc", train(t, gbdt.DefaultParams(), mixed, ml.Options{}), problem{test, truth})
	if got < clean-0.01 {
		t.Errorf("roc_auc is %v, without the rows of no weight %v", got, clean)
	}
	mixed.y.Weights = nil
	if got := score(t, "roc_auc", train(t, gbdt.DefaultParams(), mixed, ml.Options{}), problem{test, truth}); got > 0.7 {
		t.Errorf("roc_auc is %v where weights are not given", got)
	}
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestEarlyStopping(t *testing.T) {
	t.Parallel()
	for _, draw := range []func(n int, seed uint64) problem{holes, rings, friedman} {
		data, held := draw(600, 1), draw(600, 2)
		p := gbdt.DefaultParams()
		p.Trees, p.EarlyStopping, p.MinChildSamples, p.LearningRate = 2000, 5, 2, 0.2
		var last ml.Progress
		m := train(t, p, data, ml.Options{
			Validation: &ml.Validation{X: held.x, Y: held.y},
			Recorder:   ml.RecorderFunc(func(p ml.Progress) { last = p }),
		})
		if r := m.Rounds(); r == 0 || r > 1000 {
			t.Errorf("%d rounds are kept", r)
		}
		if last.Fraction != 1 || !strings.Contains(last.Message, fmt.Sprintf("%d are kept", m.Rounds())) {
			t.Errorf("the last progress is %+v for %d rounds", last, m.Rounds())
		}
		name := map[ml.Task]string{ml.Binary: "log_loss", ml.Multiclass: "log_loss", ml.Regression: "rmse"}[data.y.Task]
		best := score(t, name, m, held)
		for _, trees := range []int{m.Rounds() - 1, m.Rounds() + 1, m.Rounds() + 4} {
			if trees == 0 {
				continue
			}
			p.Trees = trees
			if got := score(t, name, train(t, p, data, ml.Options{}), held); got < best {
				t.Errorf("%s is %v with %d trees, %v with the %d kept", name, got, trees, best, m.Rounds())
			}
		}
	}
}

func TestLimitsOfTrees(t *testing.T) {
	t.Parallel()
	data := friedman(2000, 1)
	splits := func(change func(p *gbdt.Params)) int {
		p := gbdt.DefaultParams()
		p.Trees = 1
		change(&p)
		n := 0
		for _, i := range train(t, p, data, ml.Options{}).Importance() {
			n += i.Splits
		}
		return n
	}
	tests := map[string]struct {
		change func(p *gbdt.Params)
		want   int
	}{
		"leaves":       {func(*gbdt.Params) {}, 30},
		"depth":        {func(p *gbdt.Params) { p.MaxDepth = 3 }, 7},
		"samples":      {func(p *gbdt.Params) { p.MinChildSamples = 1000 }, 1},
		"more samples": {func(p *gbdt.Params) { p.MinChildSamples = 1001 }, 0},
		"hessian":      {func(p *gbdt.Params) { p.MinChildHessian = 1001 }, 0},
		"gain":         {func(p *gbdt.Params) { p.MinGain = 1e9 }, 0},
	}
	for name, test := range tests {
		if got := splits(test.change); got != test.want {
			t.Errorf("%s: %d splits, want %d", name, got, test.want)
		}
	}
	if one, strong := splits(func(p *gbdt.Params) { p.MinGain = 3000 }), splits(func(p *gbdt.Params) { p.MinGain, p.L2 = 3000, 500 }); strong >= one || strong == 0 {
		t.Errorf("%d splits with a penalty, %d without", strong, one)
	}
}

func TestImportance(t *testing.T) {
	t.Parallel()
	m := train(t, gbdt.DefaultParams(), friedman(3000, 1), ml.Options{})
	list := m.Importance()
	for j, i := range list {
		if i.Column != fmt.Sprintf("x%d", j) {
			t.Errorf("column %d is %q", j, i.Column)
		}
		if signal := list[4].Gain; j > 4 && i.Gain > signal/5 {
			t.Errorf("the noise of %s gains %v, the signal of x4 %v", i.Column, i.Gain, signal)
		}
	}
	// The gains of a full fit explain the variance: n times it, less what is left.
	total := 0.0
	for _, i := range list {
		total += i.Gain
	}
	if total < 3000*20 || total > 3000*500 {
		t.Errorf("the gains sum to %v", total)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	p := gbdt.DefaultParams()
	p.Trees = 3
	b := must(train(t, p, shops(400, 1), ml.Options{}).AppendBinary(nil))
	for n := range b {
		if _, err := gbdt.Decode(b[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes decode", n, len(b))
		}
	}
	if _, err := gbdt.Decode(append(slices.Clone(b), 0)); err == nil {
		t.Error("a byte too many decodes")
	}
	if _, err := gbdt.Decode(append([]byte("X"), b[1:]...)); err == nil {
		t.Error("other letters decode")
	}
	if _, err := gbdt.Decode(slices.Concat(b[:4], []byte{9}, b[5:])); err == nil {
		t.Error("another version decodes")
	}
}

// FuzzDecode checks that what decodes predicts without a panic and has the same
// bytes again.
func FuzzDecode(f *testing.F) {
	p := gbdt.DefaultParams()
	p.Trees, p.MaxLeaves = 2, 4
	for _, data := range []problem{shops(300, 1), rings(300, 1), friedman(300, 1), holes(300, 1)} {
		m, err := gbdt.Train(f.Context(), p, data.x, data.y, ml.Options{})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(must(m.AppendBinary(nil)))
	}
	few, many := shops(3, 1).x, shops(600, 1).x
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := gbdt.Decode(b)
		if err != nil {
			return
		}
		if again := must(m.AppendBinary(nil)); !bytes.Equal(again, b) {
			t.Fatal("the decoded model has other bytes")
		}
		for _, x := range []*frame.Frame{few, many} {
			if m.Outputs() < 1000 {
				_ = m.Predict(x, make([]float64, x.Rows()*m.Outputs())) // may lack columns
			}
		}
	})
}
