package dataset_test

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
)

// sink is a file store that keeps one file and forgets what is put.
type sink struct{ raw []byte }

func (s *sink) Put(_ context.Context, _, _ string, r io.Reader) (int64, error) {
	return io.Copy(io.Discard, r)
}

func (s *sink) Open(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(s.raw)), nil
}

func (s *sink) OpenAt(context.Context, string) (io.ReaderAt, int64, error) {
	return bytes.NewReader(s.raw), int64(len(s.raw)), nil
}

// BenchmarkIngest checks, types, profiles and writes a CSV file of 28 columns.
// peak-MB is the largest heap seen above the file itself, which a real store
// would not hold.
func BenchmarkIngest(b *testing.B) {
	for _, size := range []struct {
		name string
		rows int
	}{{"100k", 100_000}, {"1M", 1_000_000}} {
		b.Run(size.name, func(b *testing.B) {
			bundle := setup(b, nil)
			raw := randomTable(size.rows, 28)
			_, j := bundle.create(b, "a,b\n1,2\n")
			bundle.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: bundle.driver, Files: &sink{raw}})
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			stop, peak := watchHeap()
			for b.Loop() {
				if _, err := bundle.ingest(b.Context(), j); err != nil {
					b.Fatal(err)
				}
			}
			close(stop)
			seconds := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(float64(size.rows)/seconds, "rows/s")
			b.ReportMetric(float64(len(raw))/1e6/seconds, "MB/s")
			b.ReportMetric(float64(max(int64(peak.Load())-int64(before.HeapAlloc), 0))/1e6, "peak-MB")
		})
	}
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
