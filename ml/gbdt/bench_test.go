package gbdt_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/gbdt"
)

func BenchmarkTrain(b *testing.B) {
	for _, rows := range []int{10_000, 100_000} {
		x, y := wide(rows, 28, 1)
		b.Run("rows="+strconv.Itoa(rows), func(b *testing.B) {
			for b.Loop() {
				if _, err := gbdt.Train(b.Context(), gbdt.DefaultParams(), x, y, ml.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPredict(b *testing.B) {
	x, y := wide(20_000, 28, 1)
	m, err := gbdt.Train(b.Context(), gbdt.DefaultParams(), x, y, ml.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, rows := range []int{1, 100, 200_000} {
		x, _ := wide(rows, 28, 2)
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
	x, y := wide(20_000, 28, 1)
	m, err := gbdt.Train(b.Context(), gbdt.DefaultParams(), x, y, ml.Options{})
	if err != nil {
		b.Fatal(err)
	}
	rows := make([][]float64, 1000)
	for i := range rows {
		for _, c := range x.Columns() {
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

// BenchmarkCancel reports the longest time from the end of a context, at some
// moment of binning or training, until Train returns.
func BenchmarkCancel(b *testing.B) {
	x, y := wide(1_000_000, 28, 1)
	longest := time.Duration(0)
	moment := 0
	for b.Loop() {
		moment++
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error)
		go func() {
			_, err := gbdt.Train(ctx, gbdt.DefaultParams(), x, y, ml.Options{})
			done <- err
		}()
		timer := time.NewTimer(time.Duration(moment*37%1500) * time.Millisecond)
		select {
		case err := <-done:
			b.Fatalf("training was done before it was cancelled: %v", err)
		case <-timer.C:
		}
		start := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(start))
	}
	b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest")
}
