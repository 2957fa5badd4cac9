package forest_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
)

func roundTrip(tb testing.TB, m *forest.Model) *forest.Model {
	tb.Helper()
	b := encode(tb, m)
	back, err := forest.Decode(b)
	if err != nil {
		tb.Fatal(err)
	}
	if !bytes.Equal(encode(tb, back), b) {
		tb.Fatal("the decoded model has other bytes")
	}
	return back
}

// variants are problems and parameters that take different ways through the code.
func variants(rows int) map[string]struct {
	p    forest.Params
	data problem
} {
	weighted := wide(rows, 3)
	for i := range rows {
		weighted.y.Weights = append(weighted.y.Weights, 0.5+float64(i%7))
	}
	type variant = struct {
		p    forest.Params
		data problem
	}
	few := func(change func(p *forest.Params)) forest.Params {
		p := params(change)
		p.Trees = 12
		return p
	}
	return map[string]variant{
		"binary":                {few(func(p *forest.Params) { p.OutOfBag = true }), wide(rows, 1)},
		"binary, weights":       {few(func(*forest.Params) {}), weighted},
		"multiclass":            {few(func(p *forest.Params) { p.OutOfBag = true }), rings(rows, 1)},
		"multiclass, coarse":    {few(func(p *forest.Params) { p.MinChildSamples = 3 }), coarse(rows, ml.Multiclass, 1)},
		"regression":            {few(func(p *forest.Params) { p.OutOfBag = true }), friedman(rows, 1)},
		"entropy":               {few(func(p *forest.Params) { p.Criterion = forest.Entropy }), coarse(rows, ml.Binary, 2)},
		"entropy, multiclass":   {few(func(p *forest.Params) { p.Criterion = forest.Entropy }), coarse(rows, ml.Multiclass, 2)},
		"entropy, extra":        {few(func(p *forest.Params) { extra(p); p.Criterion = forest.Entropy }), coarse(rows, ml.Multiclass, 2)},
		"categories":            {few(func(p *forest.Params) { p.RowFraction = 0.6 }), shops(rows, 1)},
		"missing":               {few(func(*forest.Params) {}), coarse(rows, ml.Binary, 1)},
		"without replacement":   {few(func(p *forest.Params) { p.Bootstrap, p.RowFraction, p.OutOfBag = false, 0.5, true }), wide(rows, 1)},
		"few leaves":            {few(func(p *forest.Params) { p.MaxLeaves = 20 }), friedman(rows, 1)},
		"shallow":               {few(func(p *forest.Params) { p.MaxDepth = 3 }), shops(rows, 1)},
		"extra":                 {few(extra), coarse(rows, ml.Regression, 1)},
		"extra, multiclass":     {few(extra), coarse(rows, ml.Multiclass, 1)},
		"extra, larger leaves":  {few(func(p *forest.Params) { extra(p); p.MinChildSamples = 5 }), wide(rows, 1)},
		"extra, few categories": {few(extra), shops(rows, 1)},
	}
}

// TestThreads checks that a model does not depend on the number of threads, but
// does on the seed.
func TestThreads(t *testing.T) {
	t.Parallel()
	for name, v := range variants(5000) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := encode(t, train(t, v.p, v.data, ml.Options{Threads: 1}))
			for _, threads := range []int{2, 4, 8} {
				if got := encode(t, train(t, v.p, v.data, ml.Options{Threads: threads})); !bytes.Equal(got, want) {
					t.Errorf("with %d threads the model has other bytes", threads)
				}
			}
			v.p.Seed++
			if bytes.Equal(encode(t, train(t, v.p, v.data, ml.Options{})), want) {
				t.Error("another seed gives the same model")
			}
		})
	}
}

// TestRows checks that rows get the same outputs alone, together, one by one and
// from a decoded model.
func TestRows(t *testing.T) {
	t.Parallel()
	for name, v := range variants(1500) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := train(t, v.p, v.data, ml.Options{})
			all := predict(t, m, v.data.x)
			if !slices.Equal(predict(t, roundTrip(t, m), v.data.x), all) {
				t.Error("the decoded model predicts otherwise")
			}
			width := m.Outputs()
			row, out := make([]float64, len(m.Columns())), make([]float64, width)
			for i := range 200 {
				for j, c := range v.data.x.Columns() {
					if row[j] = c.Float(i); !c.Type().Numeric() {
						row[j] = m.Category(j, c.Text(i))
					}
				}
				if err := m.PredictRow(row, out); err != nil {
					t.Fatal(err)
				}
				if want := all[i*width : (i+1)*width]; !slices.Equal(out, want) {
					t.Fatalf("row %d is %v alone, %v among others", i, out, want)
				}
			}
			for low := 0; low < 1450; low += 97 {
				part := make([]int, 1+low%19)
				for i := range part {
					part[i] = low + i
				}
				if got := predict(t, m, v.data.x.Take(part)); !slices.Equal(got, all[low*width:(low+len(part))*width]) {
					t.Fatalf("rows from %d on are %v alone", low, got)
				}
			}
		})
	}
}

func TestProbabilities(t *testing.T) {
	t.Parallel()
	for name, v := range variants(800) {
		m := train(t, v.p, v.data, ml.Options{})
		out := predict(t, m, v.data.x)
		if m.Trees() != v.p.Trees {
			t.Errorf("%s: %d trees", name, m.Trees())
		}
		for i := 0; i < len(out) && m.Outputs() > 1; i += m.Outputs() {
			sum := 0.0
			for _, p := range out[i : i+m.Outputs()] {
				sum += p
				if p < 0 || p > 1 {
					t.Fatalf("%s: a probability is %v", name, p)
				}
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Fatalf("%s: probabilities sum to %v", name, sum)
			}
		}
	}
}

// TestWeightsRepeat checks that whole weights do what repeated rows do: the same,
// where no rows are drawn.
func TestWeightsRepeat(t *testing.T) {
	t.Parallel()
	for _, task := range []ml.Task{ml.Binary, ml.Multiclass, ml.Regression} {
		for name, change := range map[string]func(*forest.Params){"best": func(*forest.Params) {}, "extra": extra} {
			p := params(change)
			p.Bootstrap, p.Trees = false, 5
			plain := coarse(1500, task, 1)
			var rows []int
			weighted := plain
			for i := range 1500 {
				w := 1 + i%3
				weighted.y.Weights = append(weighted.y.Weights, float64(w))
				for range w {
					rows = append(rows, i)
				}
			}
			repeated := plain.take(rows)
			a := predict(t, train(t, p, weighted, ml.Options{}), plain.x)
			b := predict(t, train(t, p, repeated, ml.Options{}), plain.x)
			apart := 0.0
			for i := range a {
				apart += math.Abs(a[i]-b[i]) / float64(len(a))
			}
			// Targets of a regression are rounded at random: some splits differ.
			limit := map[ml.Task]float64{ml.Binary: 0, ml.Multiclass: 0, ml.Regression: 0.3}[task]
			if apart > limit {
				t.Errorf("%s, %s: weights and repeated rows are %v apart, at most %v is fine", task, name, apart, limit)
			}
		}
	}
}

// TestWeights gives rows with wrong labels hardly any weight.
func TestWeights(t *testing.T) {
	t.Parallel()
	data, test := wide(3000, 1), wide(3000, 2)
	clean := score(t, "roc_auc", test.y, predict(t, train(t, forest.DefaultParams(), data, ml.Options{}), test.x))
	rows := make([]int, 6000)
	for i := range rows {
		rows[i] = i % 3000
	}
	mixed := data.take(rows)
	for i := range rows {
		w := 1.0
		if i >= 3000 {
			w = 1e-6
			mixed.y.Values[i] = 1 - mixed.y.Values[i]
		}
		mixed.y.Weights = append(mixed.y.Weights, w)
	}
	if got := score(t, "roc_auc", test.y, predict(t, train(t, forest.DefaultParams(), mixed, ml.Options{}), test.x)); got < clean-0.02 {
		t.Errorf("roc_auc is %v, without the rows of no weight %v", got, clean)
	}
	mixed.y.Weights = nil
	if got := score(t, "roc_auc", test.y, predict(t, train(t, forest.DefaultParams(), mixed, ml.Options{}), test.x)); got > 0.7 {
		t.Errorf("roc_auc is %v where weights are not given", got)
	}
}

func TestLimitsOfTrees(t *testing.T) {
	t.Parallel()
	data := friedman(2000, 1)
	rows := make([][]float64, 2000)
	for i := range rows {
		for _, c := range data.x.Columns() {
			rows[i] = append(rows[i], c.Float(i))
		}
	}
	for name, change := range map[string]func(p *forest.Params){
		"depth":         func(p *forest.Params) { p.MaxDepth = 5 },
		"leaves":        func(p *forest.Params) { p.MaxLeaves = 37 },
		"samples":       func(p *forest.Params) { p.MinChildSamples = 17 },
		"split samples": func(p *forest.Params) { p.MinSplitSamples = 40 },
		"all":           func(p *forest.Params) { p.MaxDepth, p.MaxLeaves, p.MinChildSamples = 6, 50, 11 },
		"extra":         func(p *forest.Params) { extra(p); p.MinChildSamples = 9 },
		"huge":          func(p *forest.Params) { p.MinChildSamples = 1001 },
	} {
		p := params(change)
		p.Trees, p.Bootstrap = 3, false
		m := train(t, p, data, ml.Options{})
		for i := range p.Trees {
			s, sizes := forest.ShapeOf(m, i), forest.LeafSizes(m, i, rows)
			if p.MaxDepth > 0 && s.Depth > p.MaxDepth || p.MaxLeaves > 0 && s.Leaves > p.MaxLeaves || s.Leaves != len(sizes) {
				t.Errorf("%s: a tree has %+v and %d leaves with rows", name, s, len(sizes))
			}
			for _, n := range sizes {
				if n < p.MinChildSamples {
					t.Errorf("%s: a leaf has %d rows", name, n)
				}
			}
			if want := map[string]int{"leaves": 37, "huge": 1}[name]; want != 0 && s.Leaves != want {
				t.Errorf("%s: a tree has %d leaves, want %d", name, s.Leaves, want)
			}
			if p.MinSplitSamples > 2 && s.Leaves < 2000/40 || name == "depth" && s.Depth != 5 {
				t.Errorf("%s: a tree has %+v", name, s)
			}
		}
	}
}

func TestImportance(t *testing.T) {
	t.Parallel()
	m := train(t, forest.DefaultParams(), friedman(2000, 1), ml.Options{})
	sum := 0.0
	for j, i := range m.Importance() {
		if i.Column != fmt.Sprintf("x%d", j) || i.Splits == 0 {
			t.Errorf("column %d is %+v", j, i)
		}
		if sum += i.Share; j > 4 && i.Share > 0.03 {
			t.Errorf("the noise of %s has a share of %v", i.Column, i.Share)
		}
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("the shares sum to %v", sum)
	}
	same := regression(make([]float64, 50), frame.NewFloat("a", friedman(50, 1).y.Values))
	for _, i := range train(t, forest.DefaultParams(), same, ml.Options{}).Importance() {
		if i.Share != 0 || i.Splits != 0 {
			t.Errorf("with nothing to learn the importance is %+v", i)
		}
	}
}

func TestDictionaryOrder(t *testing.T) {
	t.Parallel()
	data := shops(2000, 1)
	m := train(t, forest.DefaultParams(), data, ml.Options{})
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
	if !slices.Equal(predict(t, m, must(frame.New(columns...))), want) {
		t.Error("predictions depend on the order of dictionaries or columns")
	}
	blank := slices.Clone(data.x.Columns())
	unseen := slices.Clone(blank)
	blank[0] = frame.NewString("x0", slices.Repeat([]int32{-1}, 2000), nil)
	unseen[0] = frame.NewString("x0", make([]int32, 2000), []string{"never seen"})
	if !slices.Equal(predict(t, m, must(frame.New(blank...))), predict(t, m, must(frame.New(unseen...)))) {
		t.Error("an unseen category does not predict as a missing one")
	}
	if v := m.Category(0, "never seen"); !math.IsNaN(v) {
		t.Errorf("an unseen category is number %v", v)
	}
}

// TestMissingHasADirection learns from nothing but what is missing.
func TestMissingHasADirection(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*forest.Params){"best": func(*forest.Params) {}, "extra": extra} {
		g := generator{1}
		x, y := makeRows(2000, 2, func(row []float64) float64 {
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
		m := train(t, params(change), binary(y, floats(x)...), ml.Options{})
		nan := math.NaN()
		probe := must(frame.New(frame.NewFloat("x0", []float64{-1, 1, -1, nan}), frame.NewFloat("x1", []float64{0, 0, nan, nan})))
		out := predict(t, m, probe)
		for i, want := range []float64{0, 1, 1, 1} {
			if p := out[2*i+1]; math.Abs(p-want) > 0.15 {
				t.Errorf("%s: row %d has the probability %v, want about %v", name, i, p, want)
			}
		}
	}
}

// TestBundles checks that columns that share one are learned from as if they did
// not.
func TestBundles(t *testing.T) {
	t.Parallel()
	const rows, categories = 3000, 30
	g := generator{1}
	hot := make([][]float64, categories)
	for k := range hot {
		hot[k] = make([]float64, rows)
	}
	numbers, y := make([]float64, rows), make([]float64, rows)
	for i := range rows {
		k := int(g.uniform() * categories)
		hot[k][i] = 1
		numbers[i] = float64(k)
		y[i] = math.Mod(float64(k)*7, 11) + g.normal()
	}
	test := func(columns [][]float64, change func(*forest.Params)) float64 {
		data := regression(y, floats(columns)...)
		p := params(change)
		p.MaxFeatures = 1
		return score(t, "rmse", data.y, predict(t, train(t, p, data, ml.Options{}), data.x))
	}
	for name, change := range map[string]func(*forest.Params){"best": func(*forest.Params) {}, "extra": extra} {
		if a, b := test(hot, change), test([][]float64{numbers}, change); math.Abs(a-b) > 0.02 {
			t.Errorf("%s: rmse is %v of columns of 0 and 1, %v of the numbers they stand for", name, a, b)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, data := range []problem{shops(300, 1), coarse(300, ml.Multiclass, 1), friedman(100, 1)} {
		p := forest.DefaultParams()
		p.Trees = 2
		b := encode(t, train(t, p, data, ml.Options{}))
		for n := range b {
			if _, err := forest.Decode(b[:n]); err == nil {
				t.Fatalf("the first %d of %d bytes decode", n, len(b))
			}
		}
		if _, err := forest.Decode(append(slices.Clone(b), 0)); err == nil {
			t.Error("a byte too many decodes")
		}
		if _, err := forest.Decode(append([]byte("X"), b[1:]...)); err == nil {
			t.Error("other letters decode")
		}
		if _, err := forest.Decode(slices.Concat(b[:4], []byte{9}, b[5:])); err == nil {
			t.Error("another version decodes")
		}
	}
}

// FuzzDecode checks that what decodes predicts without a panic and has the same
// bytes again.
func FuzzDecode(f *testing.F) {
	p := forest.DefaultParams()
	p.Trees, p.MaxDepth = 2, 4
	for _, data := range []problem{shops(300, 1), rings(300, 1), friedman(300, 1), coarse(300, ml.Multiclass, 1)} {
		m, err := forest.Train(f.Context(), p, data.x, data.y, ml.Options{})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encode(f, m))
	}
	few, many := shops(3, 1).x, shops(600, 1).x
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := forest.Decode(b)
		if err != nil {
			return
		}
		if again := encode(t, m); !bytes.Equal(again, b) {
			t.Fatal("the decoded model has other bytes")
		}
		for _, x := range []*frame.Frame{few, many} {
			if m.Outputs() < 1000 {
				_ = m.Predict(x, make([]float64, x.Rows()*m.Outputs())) // may lack columns
			}
		}
		_ = m.PredictRow(make([]float64, len(m.Columns())), make([]float64, m.Outputs()))
	})
}
