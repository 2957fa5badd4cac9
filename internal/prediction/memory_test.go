package prediction_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/store"
)

// TestMemoryIsFlat checks that what a prediction holds does not grow with the
// rows of its file, of which one in fifty is bad.
func TestMemoryIsFlat(t *testing.T) { //nolint:paralleltest // measures the heap of the process
	jobtest.Flat(t, liveBytes(t, 100_000), liveBytes(t, 1_000_000))
}

// liveBytes returns the most bytes alive during a prediction.
func liveBytes(t *testing.T, rows int) float64 {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	b := setup(t, nil)
	file := disk{filepath.Join(t.TempDir(), "raw.csv")}
	b.records.dataset.Size = jobtest.WriteLines(t, file.name, "x,word,note", rows, func(w io.Writer, i int) {
		if r.IntN(50) == 0 {
			_, _ = fmt.Fprintf(w, "many,up,row %d\n", i)
			return
		}
		_, _ = fmt.Fprintf(w, "%d,word %d,row %d\n", r.IntN(9), r.IntN(1_000_000), i)
	})
	runner := prediction.NewRunner(prediction.RunnerConfig{Files: file, Datasets: datasets{b.records}, Models: models{b.records}, Threads: 2})
	heap := jobtest.NewHeap()
	b.report.each = heap.Look
	j := &job.Job{Meta: store.Meta{ID: "job_1"}, Tenant: "acme", Epoch: 1}
	got, err := runner.Run(t.Context(), &job.Task{Job: j, Prefix: j.Prefix(), Report: b.report}, request())
	if err != nil || got.Rows+got.BadRows != int64(rows) || got.BadRows < int64(rows)/100 {
		t.Fatal(got, err)
	}
	return heap.Most()
}
