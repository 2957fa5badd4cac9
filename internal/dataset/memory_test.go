package dataset_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job/jobtest"
)

// TestMemoryIsFlat checks that what an ingest holds does not grow with the rows
// of its file: neither what it reads and writes nor the profile of identifiers,
// texts and measurements that are all different.
func TestMemoryIsFlat(t *testing.T) { //nolint:paralleltest // measures the heap of the process
	jobtest.Flat(t, liveBytes(t, 100_000)+groupBytes, liveBytes(t, 600_000))
}

// groupBytes is by how much a look at the heap differs from another: it finds a
// group of rows just begun, or nearly full, or on its way out. The file that the
// many rows are in is three times as large.
const groupBytes = 10e6

// liveBytes returns the most bytes alive during an ingest.
func liveBytes(t *testing.T, rows int) float64 {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	file := &sink{name: filepath.Join(t.TempDir(), "raw.csv")}
	file.size = jobtest.WriteLines(t, file.name, "id,name,income,city,since", rows, func(w io.Writer, i int) {
		_, _ = fmt.Fprintf(w, "%d,person %x,%.4f,city %d,2024-%02d-%02d\n", i, r.Uint64(), 1000*r.ExpFloat64(), r.IntN(300), 1+r.IntN(12), 1+r.IntN(28))
	})
	b := setup(t, nil)
	_, j := b.create(t, "a,b\n1,2\n")
	b.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: file})
	heap := jobtest.NewHeap()
	b.report.each = heap.Look
	if made, err := b.ingest(t.Context(), j); err != nil || made.Rows != int64(rows) {
		t.Fatal(made, err)
	}
	return heap.Most()
}
