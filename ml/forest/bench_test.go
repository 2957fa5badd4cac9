package forest_test

import (
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
)

// broad is wide with 28 columns.
func broad(rows int, seed uint64) problem {
	p := wide(rows, seed)
	g := generator{seed + 1}
	x, _ := makeRows(rows, 16, func(row []float64) float64 {
		for j := range row {
			row[j] = g.normal()
		}
		return 0
	})
	columns := p.x.Columns()
	for j, v := range x {
		columns = append(columns, frame.NewFloat("noise"+strconv.Itoa(j), v))
	}
	return problem{must(frame.New(columns...)), p.y}
}

func BenchmarkTrain(b *testing.B) {
	data := broad(50_000, 1)
	for name, change := range map[string]func(*forest.Params){"forest": func(*forest.Params) {}, "extra": extra} {
		p := params(change)
		p.Trees = 20
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				train(b, p, data, ml.Options{})
			}
			b.ReportMetric(float64(p.Trees)*float64(b.N)/b.Elapsed().Seconds(), "trees/s")
		})
	}
}

func BenchmarkPredict(b *testing.B) {
	m := train(b, forest.DefaultParams(), broad(20_000, 1), ml.Options{})
	for _, rows := range []int{1, 100, 100_000} {
		x := broad(rows, 2).x
		out := make([]float64, 2*rows)
		b.Run("rows="+strconv.Itoa(rows), func(b *testing.B) {
			for b.Loop() {
				if err := m.Predict(x, out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkPredictRow(b *testing.B) {
	data := broad(20_000, 1)
	m := train(b, forest.DefaultParams(), data, ml.Options{})
	rows := make([][]float64, 1000)
	for i := range rows {
		for _, c := range data.x.Columns() {
			rows[i] = append(rows[i], c.Float(i))
		}
	}
	out := make([]float64, 2)
	i := 0
	for b.Loop() {
		if err := m.PredictRow(rows[i%len(rows)], out); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
