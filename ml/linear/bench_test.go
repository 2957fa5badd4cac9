package linear_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
)

// train measures training of each loss, with squares and with absolute values in
// the penalty.
func train(b *testing.B, x *frame.Frame, list []problem) {
	b.Helper()
	for _, problem := range list {
		for _, ratio := range []float64{0, 0.5, 1} {
			b.Run(fmt.Sprintf("%s/l1=%v", problem.name, ratio), func(b *testing.B) {
				p := problem.params()
				p.L1Ratio = ratio
				iterations := 0
				b.ReportAllocs()
				for b.Loop() {
					iterations = fit(b, p, x, problem.y, ml.Options{}).Iterations()
				}
				b.ReportMetric(float64(iterations), "iterations")
			})
		}
	}
}

func BenchmarkTrainDense(b *testing.B) {
	x, list := dense(b, 100_000, 30)
	train(b, x, list)
}

// BenchmarkTrainSparse trains on columns of strings: ten of 1,000 categories,
// and one of nearly as many as there are rows.
func BenchmarkTrainSparse(b *testing.B) {
	for _, shape := range []struct{ columns, categories int }{{10, 1000}, {1, 1_000_000}} {
		x, list := sparse(b, 1_000_000, shape.columns, shape.categories)
		b.Run(fmt.Sprintf("%dx%d", shape.columns, shape.categories), func(b *testing.B) { train(b, x, list) })
	}
}

// BenchmarkCancel reports the longest time from the end of a context, in the
// middle of a pass over a million rows, until Train returns.
func BenchmarkCancel(b *testing.B) {
	x, list := sparse(b, 1_000_000, 10, 1000)
	longest := time.Duration(0)
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		started := make(chan struct{}, 1)
		at := make(chan time.Time, 1)
		go func() {
			<-started
			at <- time.Now()
			cancel()
		}()
		_, err := linear.Train(ctx, linear.DefaultParams(), x, list[0].y, ml.Options{Recorder: ml.RecorderFunc(func(ml.Progress) {
			select {
			case started <- struct{}{}:
			default:
			}
		})})
		if !errors.Is(err, context.Canceled) {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(<-at))
	}
	b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest")
}

func BenchmarkPredict(b *testing.B) {
	numbers, list := dense(b, 100_000, 30)
	texts, of := sparse(b, 100_000, 10, 1000)
	for _, c := range []struct {
		name string
		x    *frame.Frame
		y    ml.Target
	}{{"dense", numbers, list[0].y}, {"sparse", texts, of[0].y}} {
		m := fit(b, linear.DefaultParams(), c.x, c.y, ml.Options{})
		out := make([]float64, 2*c.x.Rows())
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := m.Predict(c.x, out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(c.x.Rows())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
