package forest_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
)

// generator gives the same numbers as the one of testdata/reference.py.
type generator struct{ state uint64 }

func (g *generator) next() uint64 {
	g.state += 0x9E3779B97F4A7C15
	x := g.state
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

func (g *generator) uniform() float64 { return float64(g.next()>>11) * 0x1p-53 }

// normal is nearly normal: the sum of twelve uniform numbers.
func (g *generator) normal() float64 {
	s := -6.0
	for range 12 {
		s += g.uniform()
	}
	return s
}

// problem is a table and what is to be learned from it.
type problem struct {
	x *frame.Frame
	y ml.Target
}

// makeRows makes the rows of a table by a function that fills one.
func makeRows(n, columns int, fill func(row []float64) float64) (values [][]float64, y []float64) {
	values, y = make([][]float64, columns), make([]float64, n)
	for j := range values {
		values[j] = make([]float64, n)
	}
	row := make([]float64, columns)
	for i := range n {
		y[i] = fill(row)
		for j, v := range row {
			values[j][i] = v
		}
	}
	return values, y
}

func floats(values [][]float64) []frame.Column {
	list := make([]frame.Column, len(values))
	for j, v := range values {
		list[j] = frame.NewFloat("x"+strconv.Itoa(j), v)
	}
	return list
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func binary(y []float64, columns ...frame.Column) problem {
	return problem{must(frame.New(columns...)), ml.Target{Task: ml.Binary, Values: y, Classes: []string{"no", "yes"}}}
}

func regression(y []float64, columns ...frame.Column) problem {
	return problem{must(frame.New(columns...)), ml.Target{Task: ml.Regression, Values: y}}
}

func positive(s float64) float64 {
	if s > 0 {
		return 1
	}
	return 0
}

// wide has its signal in products, thresholds and sums of 6 of 12 columns.
func wide(n int, seed uint64) problem {
	g := generator{seed}
	x, y := makeRows(n, 12, func(row []float64) float64 {
		for j := range row {
			row[j] = g.normal()
		}
		return positive(row[0]*row[1] + math.Abs(row[2]) + 0.5*row[3] - 0.7*row[4] + math.Sin(2*row[5]) + g.normal() - 0.8)
	})
	return binary(y, floats(x)...)
}

// shops has a column of 40 categories, one of 6, and numbers.
func shops(n int, seed uint64) problem {
	g := generator{seed}
	x, y := makeRows(n, 5, func(row []float64) float64 {
		u := g.uniform()
		row[0], row[1] = math.Floor(u*u*40), math.Floor(g.uniform()*6)
		row[2], row[3], row[4] = g.normal(), g.normal(), g.normal()
		s := math.Mod(row[0]*7, 11)/5 - 1 + 0.5*row[3] + g.normal()
		if math.Mod(row[1]*5, 6) > 2 {
			return positive(s + row[2])
		}
		return positive(s - row[2])
	})
	list := floats(x)
	for j := range 2 {
		list[j] = texts(list[j].Name(), x[j])
	}
	return binary(y, list...)
}

func texts(name string, values []float64) frame.Column {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = "c" + strconv.Itoa(int(v))
	}
	return frame.StringsOf(name, list, func(i int) bool { return math.IsNaN(values[i]) })
}

// rings has four classes by the distance from the middle.
func rings(n int, seed uint64) problem {
	g := generator{seed}
	x, y := makeRows(n, 4, func(row []float64) float64 {
		for j := range row {
			row[j] = g.normal()
		}
		r := math.Sqrt(row[0]*row[0]+row[1]*row[1]+row[2]*row[2]) + 0.2*g.normal()
		return positive(r-1) + positive(r-1.5) + positive(r-2)
	})
	return problem{must(frame.New(floats(x)...)), ml.Target{Task: ml.Multiclass, Values: y, Classes: []string{"a", "b", "c", "d"}}}
}

func friedman(n int, seed uint64) problem {
	g := generator{seed}
	x, y := makeRows(n, 10, func(row []float64) float64 {
		for j := range row {
			row[j] = g.uniform()
		}
		return 10*math.Sin(math.Pi*row[0]*row[1]) + 20*(row[2]-0.5)*(row[2]-0.5) + 10*row[3] + 5*row[4] + g.normal()
	})
	return regression(y, floats(x)...)
}

// coarse has few values a column, categories and missing values, and a target
// that depends on them all.
func coarse(n int, task ml.Task, seed uint64) problem {
	g := generator{seed}
	x, y := makeRows(n, 4, func(row []float64) float64 {
		row[0], row[1] = math.Floor(g.uniform()*5), math.Floor(g.uniform()*8)
		row[2], row[3] = math.Floor(g.uniform()*5), math.Floor(g.uniform()*4)
		s := math.Mod(row[0]*3, 5) + row[1]*row[3]/4 - math.Mod(row[2]*2, 5) + 2*g.normal()
		for j := range row {
			if g.uniform() < 0.1 {
				row[j] = math.NaN()
				s += float64(j) - 1
			}
		}
		switch task {
		case ml.Binary:
			return positive(s - 2)
		case ml.Multiclass:
			return positive(s-1) + positive(s-3) + 2*positive(g.normal()-1)
		case ml.Regression:
		}
		return s
	})
	list := floats(x)
	list[0], list[2] = texts("x0", x[0]), texts("x2", x[2])
	p := problem{must(frame.New(list...)), ml.Target{Task: task, Values: y}}
	switch task {
	case ml.Binary:
		p.y.Classes = []string{"no", "yes"}
	case ml.Multiclass:
		p.y.Classes = []string{"a", "b", "c", "d", "e"}
	case ml.Regression:
	}
	return p
}

// take returns some rows, which may repeat.
func (p problem) take(rows []int) problem {
	out := problem{p.x.Take(rows), p.y}
	out.y.Values = make([]float64, len(rows))
	for i, r := range rows {
		out.y.Values[i] = p.y.Values[r]
	}
	if p.y.Weights != nil {
		out.y.Weights = make([]float64, len(rows))
		for i, r := range rows {
			out.y.Weights[i] = p.y.Weights[r]
		}
	}
	return out
}

func train(tb testing.TB, p forest.Params, data problem, o ml.Options) *forest.Model {
	tb.Helper()
	m, err := forest.Train(tb.Context(), p, data.x, data.y, o)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func predict(tb testing.TB, m ml.Predictor, x *frame.Frame) []float64 {
	tb.Helper()
	out := make([]float64, x.Rows()*m.Outputs())
	if err := m.Predict(x, out); err != nil {
		tb.Fatal(err)
	}
	return out
}

func encode(tb testing.TB, m *forest.Model) []byte {
	tb.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func score(tb testing.TB, name string, y ml.Target, outputs []float64) float64 {
	tb.Helper()
	v, err := metric.Score(name, y, outputs)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// params returns the default parameters with a change.
func params(change func(p *forest.Params)) forest.Params {
	p := forest.DefaultParams()
	change(&p)
	return p
}

func extra(p *forest.Params) { p.ExtraTrees, p.Bootstrap = true, false }
