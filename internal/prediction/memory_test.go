package prediction_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/store"
)

// TestMemoryIsFlat checks that what a prediction holds does not grow with the
// rows of its file, of which one in fifty is bad. It does not run beside other
// tests, whose memory it would measure.
func TestMemoryIsFlat(t *testing.T) { //nolint:paralleltest // measures the heap of the process
	few, many := liveBytes(t, 100_000), liveBytes(t, 1_000_000)
	t.Logf("a prediction of 100,000 rows holds %.1f MB, one of 1,000,000 %.1f MB", few/1e6, many/1e6)
	if many > 1.25*few+2e6 {
		t.Errorf("a prediction of 100,000 rows holds %.1f MB, one of 1,000,000 %.1f MB: it grows", few/1e6, many/1e6)
	}
}

// liveBytes returns the most bytes alive at twenty moments of a prediction.
func liveBytes(t *testing.T, rows int) float64 {
	t.Helper()
	b := setup(t, nil)
	file := disk{filepath.Join(t.TempDir(), "raw.csv")}
	b.records.dataset.Size = writeRows(t, file.name, rows)
	runner := prediction.NewRunner(prediction.RunnerConfig{Files: file, Datasets: datasets{b.records}, Models: models{b.records}, Threads: 2})
	next, most := 0.05, uint64(0)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	b.report.each = func(fraction float64) {
		if fraction < next {
			return
		}
		next = fraction + 0.05
		runtime.GC()
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc-min(before, m.HeapAlloc))
	}
	j := &job.Job{Meta: store.Meta{ID: "job_1"}, Tenant: "acme", Epoch: 1}
	got, err := runner.Run(t.Context(), &job.Task{Job: j, Prefix: j.Prefix(), Report: b.report}, request())
	if err != nil || got.Rows+got.BadRows != int64(rows) || got.BadRows < int64(rows)/100 {
		t.Fatal(got, err)
	}
	return float64(most)
}

// writeRows writes a CSV file and returns its size.
func writeRows(t *testing.T, name string, rows int) int64 {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	r := rand.New(rand.NewPCG(1, 2))
	_, _ = fmt.Fprintln(w, "x,word,note")
	for i := range rows {
		if r.IntN(50) == 0 {
			_, _ = fmt.Fprintf(w, "many,up,row %d\n", i)
			continue
		}
		_, _ = fmt.Fprintf(w, "%d,word %d,row %d\n", r.IntN(9), r.IntN(1_000_000), i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	at, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return at.Size()
}
