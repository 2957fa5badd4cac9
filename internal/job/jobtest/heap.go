package jobtest

import (
	"bufio"
	"io"
	"os"
	"runtime"
	"testing"
)

// Heap measures how many bytes are alive while a job runs, to tell whether what
// it holds grows with its input. The test must not run beside others, whose
// memory it would measure.
type Heap struct {
	before, most uint64
	next         float64
}

// heapStep is the share of a job between two looks at the heap.
const heapStep = 0.05

// NewHeap takes what is alive now as what was there before.
func NewHeap() *Heap { return &Heap{before: live(), next: heapStep} }

// Look looks at the heap when the job has come a step further.
func (h *Heap) Look(fraction float64) {
	if fraction < h.next {
		return
	}
	h.next = fraction + heapStep
	if now := live(); now > h.before {
		h.most = max(h.most, now-h.before)
	}
}

// Most returns the most bytes that were alive at a look.
func (h *Heap) Most() float64 { return float64(h.most) }

// live returns how many bytes are reachable.
func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Flat fails the test when the job with many rows holds more than the one with
// few, but for a quarter and 2 MB.
func Flat(tb testing.TB, few, many float64) {
	tb.Helper()
	tb.Logf("the job with few rows holds %.1f MB, the one with many %.1f MB", few/1e6, many/1e6)
	if many > 1.25*few+2e6 {
		tb.Errorf("the job with few rows holds %.1f MB, the one with many %.1f MB: it grows", few/1e6, many/1e6)
	}
}

// WriteLines writes a file of a header and so many lines, and returns its size.
func WriteLines(tb testing.TB, name, header string, rows int, line func(w io.Writer, i int)) int64 {
	tb.Helper()
	f, err := os.Create(name) //nolint:gosec // a name of the test
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(f)
	_, _ = w.WriteString(header + "\n")
	for i := range rows {
		line(w, i)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	at, err := f.Stat()
	if err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return at.Size()
}
