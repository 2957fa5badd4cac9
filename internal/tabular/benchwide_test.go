package tabular_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// wideChunks are chunks of the table that the drills ingest: 16 floats of six
// decimals, four of them with one in twenty missing, 5 integers, 3 categories, 2
// instants, a truth value and a text. Every column of them may miss values.
func wideChunks(tb testing.TB, chunks, rows int) ([]*frame.Frame, tabular.Schema) {
	tb.Helper()
	rng := rand.New(rand.NewPCG(7, 8))
	frames := make([]*frame.Frame, chunks)
	for n := range frames {
		frames[n] = frameOf(tb, wideFrame(rng, n*rows, rows)...)
	}
	schema := tabular.SchemaOf(frames[0])
	for k := range schema {
		schema[k].Nullable = true
	}
	return frames, schema
}

func wideFrame(rng *rand.Rand, first, rows int) []frame.Column {
	numbers := func(f func(i int) int64) []int64 {
		v := make([]int64, rows)
		for i := range v {
			v[i] = f(i)
		}
		return v
	}
	columns := []frame.Column{frame.NewInt("id", frame.Int, numbers(func(i int) int64 { return int64(first + i) }), nil)}
	for k := range 16 {
		v := make([]float64, rows)
		for i := range v {
			if v[i] = math.Round(rng.NormFloat64()*1e6) / 1e6; k%4 == 2 && rng.IntN(20) == 0 {
				v[i] = math.NaN()
			}
		}
		columns = append(columns, frame.NewFloat(fmt.Sprintf("f%d", k+1), v))
	}
	for k := range 4 {
		columns = append(columns, frame.NewInt(fmt.Sprintf("n%d", k+1), frame.Int, numbers(func(int) int64 { return int64(rng.IntN(50 << (4 * k))) }), nil))
	}
	for k, name := range []string{"plan", "city", "product", "a note, number"} {
		values := []int{4, 200, 20, 5000}[k]
		texts := make([]string, rows)
		for i := range texts {
			texts[i] = name + " " + strconv.Itoa(rng.IntN(values))
		}
		columns = append(columns, frame.StringsOf(name, texts, nil))
	}
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	at := numbers(func(int) int64 { return start + int64(rng.IntN(1500*24*3600)) })
	return append(columns,
		frame.NewInt("opened_at", frame.Time, numbers(func(i int) int64 { return at[i] / 86400 * 86400 * 1e6 }), nil),
		frame.NewInt("seen_at", frame.Time, numbers(func(i int) int64 { return at[i] * 1e6 }), nil),
		frame.NewInt("active", frame.Bool, numbers(func(int) int64 { return int64(rng.IntN(2)) }), nil))
}

// processorTime returns what the process has used.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWideParquet writes and reads a table of 1,000,000 rows and 28 columns
// as an ingest does, chunk by chunk, and tells the processor time of one million.
func BenchmarkWideParquet(b *testing.B) {
	const chunks, rows, total = 64, 2048, 1_000_000
	frames, schema := wideChunks(b, chunks, rows)
	put := func(w io.Writer) int {
		counted := &countedWriter{Writer: w}
		t, err := tabular.NewParquetWriter(counted, schema)
		if err != nil {
			b.Fatal(err)
		}
		for n := range total / rows {
			if err := t.Write(frames[n%chunks]); err != nil {
				b.Fatal(err)
			}
		}
		if err := t.Close(); err != nil {
			b.Fatal(err)
		}
		return counted.n
	}
	measure := func(b *testing.B, f func()) {
		b.ReportAllocs()
		before := processorTime(b)
		for b.Loop() {
			f()
		}
		b.ReportMetric((processorTime(b)-before).Seconds()/float64(b.N), "cpu-s/op")
	}
	b.Run("write", func(b *testing.B) {
		size := 0
		measure(b, func() { size = put(io.Discard) })
		b.ReportMetric(float64(size), "bytes")
	})
	var file bytes.Buffer
	put(&file)
	b.Run("read", func(b *testing.B) {
		measure(b, func() {
			r, err := tabular.NewParquetReader(bytes.NewReader(file.Bytes()), int64(file.Len()), tabular.ParquetOptions{})
			if err != nil {
				b.Fatal(err)
			}
			if err := tabular.Stream(b.Context(), r, func(*tabular.Chunk) error { return nil }); err != nil {
				b.Fatal(err)
			}
		})
	})
}

type countedWriter struct {
	io.Writer
	n int
}

func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += n
	return n, err
}
