package dataset_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
)

// TestMemoryIsFlat checks that what an ingest holds does not grow with the rows
// of its file: neither what it reads and writes nor the profile of identifiers,
// texts and measurements that are all different. It does not run beside other
// tests, whose memory it would measure.
func TestMemoryIsFlat(t *testing.T) { //nolint:paralleltest // measures the heap of the process
	few, many := liveBytes(t, 60_000), liveBytes(t, 600_000)
	t.Logf("an ingest of 60,000 rows holds %.1f MB, one of 600,000 %.1f MB", few/1e6, many/1e6)
	if many > 1.25*few+2e6 {
		t.Errorf("an ingest of 60,000 rows holds %.1f MB, one of 600,000 %.1f MB: it grows", few/1e6, many/1e6)
	}
}

// liveBytes returns the most bytes alive at twenty moments of an ingest.
func liveBytes(t *testing.T, rows int) float64 {
	t.Helper()
	file := &sink{name: filepath.Join(t.TempDir(), "raw.csv")}
	file.size = writePeople(t, file.name, rows)
	b := setup(t, nil)
	_, j := b.create(t, "a,b\n1,2\n")
	b.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: file})
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
	if made, err := b.ingest(t.Context(), j); err != nil || made.Rows != int64(rows) {
		t.Fatal(made, err)
	}
	return float64(most)
}

// writePeople writes a CSV file and returns its size.
func writePeople(t *testing.T, name string, rows int) int64 {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	r := rand.New(rand.NewPCG(1, 2))
	_, _ = fmt.Fprintln(w, "id,name,income,city,since")
	for i := range rows {
		_, _ = fmt.Fprintf(w, "%d,person %x,%.4f,city %d,2024-%02d-%02d\n", i, r.Uint64(), 1000*r.ExpFloat64(), r.IntN(300), 1+r.IntN(12), 1+r.IntN(28))
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
