package gbdt_test

import (
	"math"
	"strconv"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
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

// wide makes a binary problem of numeric columns whose signal is in products,
// thresholds and sums.
func wide(rows, columns int, seed uint64) (*frame.Frame, ml.Target) {
	g := generator{seed}
	values := make([][]float64, columns)
	for j := range values {
		values[j] = make([]float64, rows)
	}
	y := make([]float64, rows)
	for i := range rows {
		for j := range values {
			values[j][i] = g.normal()
		}
		x := func(j int) float64 { return values[j%columns][i] }
		s := x(0)*x(1) + math.Abs(x(2)) + 0.5*x(3) - 0.7*x(4) + math.Sin(2*x(5)) + g.normal() - 0.8
		if s > 0 {
			y[i] = 1
		}
	}
	list := make([]frame.Column, columns)
	for j := range list {
		list[j] = frame.NewFloat("x"+strconv.Itoa(j), values[j])
	}
	return must(frame.New(list...)), ml.Target{Task: ml.Binary, Values: y, Classes: []string{"no", "yes"}}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
