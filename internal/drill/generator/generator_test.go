package generator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/internal/drill/generator"
)

// made is a table as it was written.
type made struct {
	width int
	x, y  []float32
}

func (m made) column(j int) []float64 {
	var values []float64
	for i := j; i < len(m.x); i += m.width {
		values = append(values, float64(m.x[i]))
	}
	return values
}

func encode(tb testing.TB, t generator.Table) (x, y []byte) {
	tb.Helper()
	var bx, by bytes.Buffer
	if err := generator.Encode(tb.Context(), t, &bx, &by); err != nil {
		tb.Fatal(err)
	}
	return bx.Bytes(), by.Bytes()
}

func create(tb testing.TB, t generator.Table) made {
	tb.Helper()
	x, y := encode(tb, t)
	m := made{width: len(t.Categories()), x: make([]float32, len(x)/4), y: make([]float32, len(y)/4)}
	for bytesOf, into := range map[*[]byte][]float32{&x: m.x, &y: m.y} {
		if err := binary.Read(bytes.NewReader(*bytesOf), binary.LittleEndian, into); err != nil {
			tb.Fatal(err)
		}
	}
	if len(m.y) != t.Rows || len(m.x) != t.Rows*m.width {
		tb.Fatalf("%d values and %d classes for %d rows of %d", len(m.x), len(m.y), t.Rows, m.width)
	}
	return m
}

func kinds() []generator.Kind {
	return []generator.Kind{generator.Hard, generator.Easy, generator.Mixed, generator.OneHot}
}

func TestEncodeIsDeterministic(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds() {
		table := generator.Table{Kind: kind, Rows: 2500, Seed: 7}
		x, y := encode(t, table)
		again, _ := encode(t, table)
		if !bytes.Equal(x, again) {
			t.Errorf("%s: the same table has other values", kind)
		}
		table.Rows = 1500
		lessX, lessY := encode(t, table)
		if !bytes.HasPrefix(x, lessX) || !bytes.HasPrefix(y, lessY) {
			t.Errorf("%s: a table of fewer rows is not the beginning", kind)
		}
		for what, other := range map[string]generator.Table{
			"seed":      {Kind: kind, Rows: 2500, Seed: 8},
			"held rows": {Kind: kind, Rows: 2500, Seed: 7, Held: true},
		} {
			if x2, y2 := encode(t, other); bytes.Equal(x, x2) || bytes.Equal(y, y2) {
				t.Errorf("%s: another %s gives the same table", kind, what)
			}
		}
	}
}

// TestEncodeStaysTheSame holds the tables fast: figures of two versions can be
// compared only where they are of the same rows. On other architectures the last
// digit of a value may differ.
func TestEncodeStaysTheSame(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("the sums are those of amd64")
	}
	want := map[generator.Kind]string{
		generator.Hard:   "630dc27b7ae991b8",
		generator.Easy:   "20f281157baa49fa",
		generator.Mixed:  "84c74919b4a6afec",
		generator.OneHot: "42687b792488b9f2",
	}
	for _, kind := range kinds() {
		x, y := encode(t, generator.Table{Kind: kind, Rows: 1100, Seed: 1})
		sum := sha256.Sum256(append(x, y...))
		if got := hex.EncodeToString(sum[:8]); got != want[kind] {
			t.Errorf("%s: got %s, want %s", kind, got, want[kind])
		}
	}
}

func TestHard(t *testing.T) {
	t.Parallel()
	m := create(t, generator.Table{Kind: generator.Hard, Rows: 20_000, Seed: 1})
	if m.width != 28 {
		t.Fatalf("%d columns", m.width)
	}
	skewed := 0
	for j := range m.width {
		values := m.column(j)
		for i, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("column %d, row %d: %v", j, i, v)
			}
		}
		if skewness(values) > 1 {
			skewed++
		}
	}
	if skewed < 12 { // log-normal, exponential, counts or chi-square
		t.Errorf("%d columns are skewed", skewed)
	}
	if p := share(m.y, 1); p < 0.4 || p > 0.6 {
		t.Errorf("a share of %v is positive", p)
	}
}

func TestHardClasses(t *testing.T) {
	t.Parallel()
	const classes = 5
	m := create(t, generator.Table{Kind: generator.Hard, Rows: 5000, Classes: classes, Seed: 1})
	total := 0.0
	for k := range classes {
		p := share(m.y, float32(k))
		if p < 0.05 {
			t.Errorf("a share of %v is of class %d", p, k)
		}
		total += p
	}
	if math.Abs(total-1) > 1e-9 {
		t.Errorf("a share of %v has one of the classes", total)
	}
}

// TestEasy checks that the strong columns tell of the target and others do not.
func TestEasy(t *testing.T) {
	t.Parallel()
	m := create(t, generator.Table{Kind: generator.Easy, Rows: 20_000, Seed: 1})
	if r := correlation(m.column(0), m.y); r < 0.4 {
		t.Errorf("the first column correlates at %v", r)
	}
	if r := correlation(m.column(27), m.y); math.Abs(r) > 0.3 {
		t.Errorf("the last column correlates at %v", r)
	}
	few := map[float64]bool{}
	for _, v := range m.column(2) {
		few[v] = true
	}
	if len(few) > 100 {
		t.Errorf("the third column has %d values", len(few))
	}
}

func TestMixed(t *testing.T) {
	t.Parallel()
	table := generator.Table{Kind: generator.Mixed, Rows: 20_000, Seed: 1}
	m := create(t, table)
	sizes := slices.DeleteFunc(table.Categories(), func(n int) bool { return n == 0 })
	if m.width != 50 || len(sizes) != 10 || slices.Max(sizes) != 1000 {
		t.Fatalf("%d columns, categories %v", m.width, sizes)
	}
	for j, n := range table.Categories() {
		missing, seen := 0, map[float64]bool{}
		for _, v := range m.column(j) {
			switch {
			case math.IsNaN(v):
				missing++
			case n > 0 && (v < 0 || v >= float64(n) || v != math.Trunc(v)):
				t.Fatalf("column %d of %d categories has the value %v", j, n, v)
			default:
				seen[v] = true
			}
		}
		if got := float64(missing) / 20_000; math.Abs(got-generator.MissingShare) > 0.02 {
			t.Errorf("column %d lacks a share of %v", j, got)
		}
		if n > 0 && len(seen) < n*9/10 {
			t.Errorf("column %d has %d of %d categories", j, len(seen), n)
		}
	}
}

func TestOneHot(t *testing.T) {
	t.Parallel()
	m := create(t, generator.Table{Kind: generator.OneHot, Rows: 500, Columns: 50, Seed: 1})
	for i := range 500 {
		ones := [3]int{}
		for j, v := range m.x[50*i : 50*i+50] {
			if v == 1 {
				ones[j/20]++
			} else if v != 0 {
				t.Fatalf("row %d, column %d: %v", i, j, v)
			}
		}
		if ones != [3]int{1, 1, 1} {
			t.Fatalf("row %d has %v ones in its groups", i, ones)
		}
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table := generator.Table{Kind: generator.Easy, Rows: 1030, Seed: 3}
	files, err := generator.Write(t.Context(), table, dir, "train")
	if err != nil {
		t.Fatal(err)
	}
	x, y := encode(t, table)
	for path, want := range map[string][]byte{files.X: x, files.Y: y} {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
	if files.Rows != 1030 {
		t.Errorf("%d rows", files.Rows)
	}
	for what, bad := range map[string]generator.Table{
		"kind":    {Kind: "odd", Rows: 1},
		"rows":    {Kind: generator.Easy},
		"columns": {Kind: generator.Easy, Rows: 1, Columns: 3},
		"classes": {Kind: generator.Easy, Rows: 1, Classes: 3},
	} {
		if _, err := generator.Write(t.Context(), bad, dir, "bad"); err == nil {
			t.Errorf("a table with a bad %s was written", what)
		}
	}
	if _, err := generator.Write(t.Context(), table, filepath.Join(dir, "none"), "train"); err == nil {
		t.Error("a table was written to no folder")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := generator.Write(gone, table, dir, "late"); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func share(values []float32, of float32) float64 {
	n := 0
	for _, v := range values {
		if v == of {
			n++
		}
	}
	return float64(n) / float64(len(values))
}

func moments(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(deviation)
}

func skewness(values []float64) float64 {
	mean, deviation := moments(values)
	sum := 0.0
	for _, v := range values {
		z := (v - mean) / deviation
		sum += z * z * z
	}
	return sum / float64(len(values))
}

func correlation(values []float64, y []float32) float64 {
	other := make([]float64, len(y))
	for i, v := range y {
		other[i] = float64(v)
	}
	mx, dx := moments(values)
	my, dy := moments(other)
	sum := 0.0
	for i := range values {
		sum += (values[i] - mx) * (other[i] - my)
	}
	return sum / dx / dy / float64(len(values))
}
