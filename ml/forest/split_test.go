package forest_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
)

// left is which values of a column go left at a split.
type left func(v float64) bool

// stumps returns every way to divide the values of a column in two: thresholds
// with missing values on either side, or sets of categories, missing values being
// one.
func stumps(data problem, column int) []left {
	c := data.x.Columns()[column]
	var values []float64
	seen := map[float64]bool{}
	for i := range c.Len() {
		if v := value(data, column, i); !math.IsNaN(v) && !seen[v] {
			seen[v] = true
			values = append(values, v)
		}
	}
	var list []left
	if c.Type().Numeric() {
		for _, t := range values {
			list = append(list,
				func(v float64) bool { return v <= t },
				func(v float64) bool { return v <= t || math.IsNaN(v) })
		}
		return list
	}
	for set := range 1 << (len(values) + 1) {
		list = append(list, func(v float64) bool {
			if math.IsNaN(v) {
				return set>>len(values)&1 == 1
			}
			for k, w := range values {
				if v == w {
					return set>>k&1 == 1
				}
			}
			return false
		})
	}
	return list
}

// value returns a value, of strings the code.
func value(data problem, column, row int) float64 {
	c := data.x.Columns()[column]
	switch {
	case c.Null(row):
		return math.NaN()
	case c.Type().Numeric():
		return c.Float(row)
	}
	return float64(c.Code(row))
}

// spread is the weight times the impurity of some rows, of regression the sum of
// squares about the mean.
func spread(c forest.Criterion, y ml.Target, in func(row int) bool) (sum float64, rows int) {
	byClass := make([]float64, max(1, len(y.Classes)))
	var weight, mean, squares float64
	for i, v := range y.Values {
		if !in(i) {
			continue
		}
		rows++
		w := y.Weight(i)
		weight += w
		if y.Task == ml.Regression {
			d := v - mean
			mean += d * w / weight
			squares += w * d * (v - mean)
		} else {
			byClass[int(v)] += w
		}
	}
	if y.Task == ml.Regression || rows == 0 {
		return squares, rows
	}
	if c == forest.Entropy {
		for _, w := range byClass {
			if w > 0 {
				sum -= w * math.Log(w/weight)
			}
		}
		return sum, rows
	}
	kept := 0.0
	for _, w := range byClass {
		kept += w * w
	}
	return weight - kept/weight, rows
}

// least returns the least impurity that one split leaves.
func least(c forest.Criterion, data problem, minRows int) float64 {
	best := math.Inf(1)
	for j := range data.x.Columns() {
		for _, goes := range stumps(data, j) {
			a, m := spread(c, data.y, func(i int) bool { return goes(value(data, j, i)) })
			b, n := spread(c, data.y, func(i int) bool { return !goes(value(data, j, i)) })
			if min(m, n) >= minRows {
				best = min(best, a+b)
			}
		}
	}
	return best
}

// leaves returns the impurity that the leaves of a model of one tree leave, and
// the rows in the smallest.
func leaves(tb testing.TB, c forest.Criterion, m *forest.Model, data problem) (sum float64, rows int) {
	tb.Helper()
	outputs := predict(tb, m, data.x)
	width := m.Outputs()
	groups := map[string][]bool{}
	for i := range data.y.Values {
		key := fmt.Sprint(outputs[i*width : (i+1)*width])
		if groups[key] == nil {
			groups[key] = make([]bool, len(data.y.Values))
		}
		groups[key][i] = true
	}
	rows = math.MaxInt
	for _, in := range groups {
		s, n := spread(c, data.y, func(i int) bool { return in[i] })
		sum += s
		rows = min(rows, n)
	}
	return sum, rows
}

// TestBestSplit compares trees of one split with the best of all splits, found by
// trying them all.
func TestBestSplit(t *testing.T) {
	t.Parallel()
	for _, task := range []ml.Task{ml.Binary, ml.Multiclass, ml.Regression} {
		for _, rows := range []int{2, 3, 5, 9, 40, 200, 1500} {
			for _, minRows := range []int{1, 20} {
				for _, weighted := range []bool{false, true} {
					data := coarse(rows, task, uint64(rows+minRows))
					if weighted {
						g := generator{3}
						for range rows {
							data.y.Weights = append(data.y.Weights, 1+math.Floor(g.uniform()*3))
						}
					}
					name := fmt.Sprintf("%s of %d rows, at least %d, weights %v", task, rows, minRows, weighted)
					checkBest(t, name, "", data, minRows)
					if task != ml.Regression {
						checkBest(t, name+", entropy", forest.Entropy, data, minRows)
					}
				}
			}
		}
	}
}

func checkBest(t *testing.T, name string, c forest.Criterion, data problem, minRows int) {
	t.Helper()
	p := params(func(p *forest.Params) {
		p.Trees, p.MaxDepth, p.MaxFeatures, p.Bootstrap, p.MinChildSamples = 1, 1, 1, false, minRows
		p.Criterion = c
	})
	if data.y.Task != ml.Regression && constant(data.y.Values) {
		return
	}
	m := train(t, p, data, ml.Options{})
	got, smallest := leaves(t, c, m, data)
	want := least(c, data, minRows)
	if whole, _ := spread(c, data.y, func(int) bool { return true }); math.IsInf(want, 1) {
		want = whole
	}
	slack := 1e-9
	switch data.y.Task {
	case ml.Regression:
		slack = 2e-3 * want // targets are rounded
	case ml.Multiclass: // sets of categories are not all tried
		slack = 0.02 * want
	case ml.Binary:
	}
	if got > want+slack+1e-9 {
		t.Errorf("%s: the split leaves %v, the best one %v", name, got, want)
	}
	if smallest < minRows && forest.ShapeOf(m, 0).Leaves > 1 {
		t.Errorf("%s: a leaf has %d rows", name, smallest)
	}
}

func constant(list []float64) bool {
	for _, v := range list {
		if v != list[0] {
			return false
		}
	}
	return true
}

// TestFullTrees checks that trees without limits tell all rows apart that differ.
func TestFullTrees(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*forest.Params){func(p *forest.Params) { p.Bootstrap = false }, extra} {
		for _, rows := range []int{2, 3, 300, 5000, 9000} {
			for name, data := range map[string]problem{"wide": wide(rows, 3), "rings": rings(rows, 3), "friedman": friedman(rows, 3), "shops": shops(rows, 3)} {
				if data.y.Task != ml.Regression && constant(data.y.Values) {
					continue
				}
				p := params(change)
				p.Trees = 2
				checkFull(t, fmt.Sprintf("%s of %d rows", name, rows), p, data)
			}
		}
	}
}

func checkFull(t *testing.T, name string, p forest.Params, data problem) {
	t.Helper()
	width := data.y.Outputs()
	for i, v := range predict(t, train(t, p, data, ml.Options{}), data.x) {
		switch w := data.y.Values[i/width]; {
		case data.y.Task == ml.Regression && math.Abs(v-w) > 1e-8,
			data.y.Task != ml.Regression && v != positive(1-math.Abs(w-float64(i%width))):
			t.Fatalf("%s: output %d is %v, the target %v", name, i, v, w)
		}
	}
}

// TestLargeTables is TestFullTrees where the rows of small nodes are copied.
func TestLargeTables(t *testing.T) {
	t.Parallel()
	data := broad(160_000, 1)
	g := generator{5}
	classes := ml.Target{Task: ml.Multiclass, Classes: []string{"a", "b", "c"}}
	values := ml.Target{Task: ml.Regression}
	for _, v := range data.y.Values {
		u := g.uniform()
		classes.Values = append(classes.Values, v+positive(u-0.5))
		values.Values = append(values.Values, v+u)
	}
	for name, y := range map[string]ml.Target{"binary": data.y, "multiclass": classes, "regression": values} {
		for variant, change := range map[string]func(*forest.Params){"best": func(p *forest.Params) { p.Bootstrap = false }, "extra": extra} {
			p := params(change)
			p.Trees = 1
			checkFull(t, name+", "+variant, p, problem{data.x, y})
		}
	}
}

// TestExtraDraws checks that thresholds are drawn evenly between the least and the
// greatest value.
func TestExtraDraws(t *testing.T) {
	t.Parallel()
	values := make([]float64, 400)
	for i := range values {
		values[i] = math.Pow(float64(i)/399, 3) // most are small
	}
	p := params(extra)
	p.Trees, p.MaxDepth = 2000, 1
	m := train(t, p, regression(values, floats([][]float64{values})...), ml.Options{})
	one := must(frame.New(floats([][]float64{values})...))
	below := [4]int{}
	for i := range p.Trees {
		out := predict(t, forest.Single(m, i), one)
		at := 0
		for at < 399 && out[at] == out[at+1] {
			at++
		}
		for k := range below {
			if values[at] < float64(k+1)/4 {
				below[k]++
			}
		}
	}
	for k, n := range below {
		if share, want := float64(n)/2000, float64(k+1)/4; math.Abs(share-want) > 0.05 {
			t.Errorf("%.3f of the thresholds are below %v", share, want)
		}
	}
}
