package prediction_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// disk is a file store that has one file, on disk, and forgets what is put.
type disk struct{ name string }

func (d disk) Put(_ context.Context, _, _ string, r io.Reader) (int64, error) {
	return io.Copy(io.Discard, r)
}

func (d disk) Join(context.Context, string, string, []string) (int64, error) { return 0, nil }

func (d disk) Open(context.Context, string) (io.ReadCloser, error) { return os.Open(d.name) }

func (d disk) OpenAt(context.Context, string) (io.ReaderAt, int64, error) {
	f, err := os.Open(d.name)
	return f, 0, err
}

// BenchmarkPrediction reads a CSV file of 28 numbers, words and missing values,
// applies a model that costs next to nothing, and writes CSV. peak-MB is the
// largest heap seen.
func BenchmarkPrediction(b *testing.B) {
	for _, size := range []struct {
		name string
		rows int
	}{{"100k", 100_000}, {"1M", 1_000_000}} {
		b.Run(size.name, func(b *testing.B) {
			bundle := setup(b, nil)
			raw := wideFile(size.rows)
			bundle.records.dataset.Size = int64(len(raw))
			for j := range 26 {
				typ := tabular.Float
				if j%4 == 3 {
					typ = tabular.String
				}
				bundle.records.model.Inputs = append(bundle.records.model.Inputs, tabular.Field{Name: fmt.Sprintf("c%d", j), Type: typ})
			}
			file := disk{filepath.Join(b.TempDir(), "raw.csv")}
			if err := os.WriteFile(file.name, raw, 0o600); err != nil {
				b.Fatal(err)
			}
			runner := prediction.NewRunner(prediction.RunnerConfig{Files: file, Datasets: datasets{bundle.records}, Models: models{bundle.records}})
			j := &job.Job{Meta: store.Meta{ID: "job_1"}, Tenant: "acme", Epoch: 1}
			task := &job.Task{Job: j, Prefix: j.Prefix(), Report: bundle.report}
			runtime.GC()
			stop, peak := watchHeap()
			for b.Loop() {
				got, err := runner.Run(b.Context(), task, request())
				if err != nil || got.Rows != int64(size.rows) {
					b.Fatal(got, err)
				}
			}
			close(stop)
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(float64(size.rows)/seconds, "rows/s")
			b.ReportMetric(float64(bundle.records.dataset.Size)/1e6/seconds, "MB/s")
			b.ReportMetric(float64(peak.Load())/1e6, "peak-MB")
		})
	}
}

func wideFile(rows int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("x,word")
	for j := range 26 {
		fmt.Fprintf(&b, ",c%d", j)
	}
	for range rows {
		fmt.Fprintf(&b, "\n%d,up", rng.IntN(5))
		for j := range 26 {
			if j%4 == 3 {
				fmt.Fprintf(&b, ",word %d", rng.IntN(20))
			} else {
				fmt.Fprintf(&b, ",%.3f", rng.NormFloat64())
			}
		}
	}
	return b.Bytes()
}

// watchHeap samples the heap until stop is closed.
func watchHeap() (stop chan struct{}, peak *atomic.Uint64) {
	stop, peak = make(chan struct{}), new(atomic.Uint64)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), m.HeapAlloc))
			}
		}
	}()
	return stop, peak
}
