package dataset_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
)

// sink is a file store that has one file, on disk, and forgets what is put.
type sink struct {
	name string
	size int64
}

func (s *sink) Put(_ context.Context, _, _ string, r io.Reader) (int64, error) {
	return io.Copy(io.Discard, r)
}

func (s *sink) Open(context.Context, string) (io.ReadCloser, error) { return os.Open(s.name) }

func (s *sink) OpenAt(context.Context, string) (io.ReaderAt, int64, error) {
	f, err := os.Open(s.name)
	return f, s.size, err
}

// BenchmarkIngest checks, types, profiles and writes a CSV file of 28 columns.
// peak-MB is the largest heap seen.
func BenchmarkIngest(b *testing.B) {
	for _, size := range []struct {
		name string
		rows int
	}{{"100k", 100_000}, {"1M", 1_000_000}} {
		b.Run(size.name, func(b *testing.B) {
			bundle := setup(b, nil)
			raw := randomTable(size.rows, 28)
			_, j := bundle.create(b, "a,b\n1,2\n")
			file := &sink{name: filepath.Join(b.TempDir(), "raw.csv"), size: int64(len(raw))}
			if err := os.WriteFile(file.name, raw, 0o600); err != nil {
				b.Fatal(err)
			}
			bundle.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: bundle.driver, Files: file})
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
			b.ReportMetric(float64(file.size)/1e6/seconds, "MB/s")
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
