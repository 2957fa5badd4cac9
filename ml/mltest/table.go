package mltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// rows is how many rows the tables of the suite have.
const rows = 600

// table draws a table whose target depends on two of its columns.
func table(c Case, task ml.Task, missing bool) (*frame.Frame, ml.Target) {
	r := rand.New(rand.NewPCG(7, uint64(len(task))))
	signal, second := make([]float64, rows), make([]float64, rows)
	for i := range rows {
		signal[i], second[i] = r.NormFloat64(), r.NormFloat64()
	}
	gone := func() bool { return missing && r.IntN(10) == 0 }
	columns := []frame.Column{floats("signal", signal, gone), floats("second", second, gone)}
	if slices.Contains(c.Types, frame.Int) {
		columns = append(columns, ints("count", frame.Int, func() int64 { return r.Int64N(9) - 3 }, gone))
	}
	if slices.Contains(c.Types, frame.Bool) {
		columns = append(columns, ints("flag", frame.Bool, func() int64 { return r.Int64N(2) }, gone))
	}
	if slices.Contains(c.Types, frame.Time) {
		columns = append(columns, ints("when", frame.Time, func() int64 { return 1_700_000_000_000_000 + r.Int64N(1e14) }, gone))
	}
	if slices.Contains(c.Types, frame.String) {
		columns = append(columns, colours(r, gone))
	}
	x, err := frame.New(columns...)
	if err != nil {
		panic(err) // the suite's own mistake
	}
	return x, goal(task, signal, second, r)
}

func floats(name string, values []float64, gone func() bool) frame.Column {
	out := slices.Clone(values)
	for i := range out {
		if gone() {
			out[i] = math.NaN()
		}
	}
	return frame.NewFloat(name, out)
}

func ints(name string, t frame.Type, draw func() int64, gone func() bool) frame.Column {
	values := make([]int64, rows)
	var nulls frame.Bitmap
	for i := range values {
		if gone() {
			nulls.Set(i)
			continue
		}
		values[i] = draw()
	}
	return frame.NewInt(name, t, values, nulls)
}

func colours(r *rand.Rand, gone func() bool) frame.Column {
	codes := make([]int32, rows)
	for i := range codes {
		codes[i] = int32(r.IntN(4))
		if gone() {
			codes[i] = -1
		}
	}
	return frame.NewString("colour", codes, []string{"red", "green", "blue", "grey"})
}

func goal(task ml.Task, signal, second []float64, r *rand.Rand) ml.Target {
	y := ml.Target{Task: task, Values: make([]float64, rows), Classes: classesOf(task)}
	for i := range y.Values {
		v := 2*signal[i] + second[i] + 0.3*r.NormFloat64()
		switch task {
		case ml.Binary:
			y.Values[i] = step(v, 0.5)
		case ml.Multiclass:
			y.Values[i] = step(v, -1) + step(v, 1)
		case ml.Regression:
			y.Values[i] = v
		}
	}
	return y
}

func classesOf(task ml.Task) []string {
	switch task {
	case ml.Binary:
		return []string{"no", "yes"}
	case ml.Multiclass:
		return []string{"a", "b", "c"}
	default:
		return nil
	}
}

func step(v, at float64) float64 {
	if v > at {
		return 1
	}
	return 0
}

// copyOf returns a frame with storage of its own.
func copyOf(x *frame.Frame) *frame.Frame {
	all := make([]int, x.Rows())
	for i := range all {
		all[i] = i
	}
	return x.Take(all)
}

// difference says where two frames differ, or nothing.
func difference(a, b *frame.Frame) string {
	if !slices.Equal(a.Names(), b.Names()) || a.Rows() != b.Rows() {
		return fmt.Sprintf("%v with %d rows, %v with %d", a.Names(), a.Rows(), b.Names(), b.Rows())
	}
	for j, c := range a.Columns() {
		d := b.Columns()[j]
		for i := range c.Len() {
			same := c.Null(i) == d.Null(i)
			switch {
			case !same || c.Null(i):
			case c.Type() == frame.String:
				same = c.Text(i) == d.Text(i)
			default:
				same = c.Float(i) == d.Float(i)
			}
			if !same {
				return fmt.Sprintf("column %q differs in row %d", c.Name(), i)
			}
		}
	}
	return ""
}
