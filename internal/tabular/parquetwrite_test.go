package tabular_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// valueOf is what the tests compare: nil for a missing value, floats by their bits.
func valueOf(c frame.Column, i int) any {
	switch {
	case c.Null(i):
		return nil
	case c.Type() == frame.Float:
		return math.Float64bits(c.Float(i))
	case c.Type() == frame.String:
		return c.Text(i)
	default:
		return c.Int(i)
	}
}

// writeChunks writes the frame in parts of so many rows.
func writeChunks(tb testing.TB, f *frame.Frame, schema tabular.Schema, rows int) string {
	tb.Helper()
	var out bytes.Buffer
	w, err := tabular.NewParquetWriter(&out, schema)
	if err != nil {
		tb.Fatal(err)
	}
	for from := 0; from < f.Rows(); from += rows {
		at := make([]int, min(rows, f.Rows()-from))
		for i := range at {
			at[i] = from + i
		}
		part := f
		if len(at) < f.Rows() {
			part = f.Take(at)
		}
		if err := w.Write(part); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// byLibrary reads a file with the reader of the library alone, value by value.
func byLibrary(tb testing.TB, file string) map[string][]any {
	tb.Helper()
	p, err := parquet.OpenFile(strings.NewReader(file), int64(len(file)))
	if err != nil {
		tb.Fatal(err)
	}
	got := make(map[string][]any)
	for _, g := range p.RowGroups() {
		for k, c := range g.ColumnChunks() {
			name := p.Schema().Columns()[k][0]
			got[name] = append(got[name], chunkValues(tb, c)...)
		}
	}
	return got
}

func chunkValues(tb testing.TB, c parquet.ColumnChunk) []any {
	tb.Helper()
	pages := c.Pages()
	defer func() { _ = pages.Close() }()
	var got []any
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			tb.Fatal(err)
		}
		values := make([]parquet.Value, page.NumValues())
		if n, err := page.Values().ReadValues(values); n != len(values) || err != nil && !errors.Is(err, io.EOF) {
			tb.Fatalf("%d of %d values, error %v", n, len(values), err)
		}
		for _, v := range values {
			switch {
			case v.IsNull():
				got = append(got, nil)
			case v.Kind() == parquet.Double:
				got = append(got, math.Float64bits(v.Double()))
			case v.Kind() == parquet.ByteArray:
				got = append(got, string(v.ByteArray()))
			case v.Kind() == parquet.Boolean:
				n := int64(0)
				if v.Boolean() {
					n = 1
				}
				got = append(got, n)
			default:
				got = append(got, v.Int64())
			}
		}
		parquet.Release(page)
	}
}

// shape is a column that a writer may be given.
type shape struct {
	name   string
	rows   int
	column func(rows int) frame.Column
}

func shapes() []shape {
	rng := rand.New(rand.NewPCG(3, 4))
	missing := func(i int) bool { return i%7 < 2 }
	floats := func(f func(i int) float64) func(int) frame.Column {
		return func(rows int) frame.Column {
			v := make([]float64, rows)
			for i := range v {
				v[i] = f(i)
			}
			return frame.NewFloat("c", v)
		}
	}
	ints := func(typ frame.Type, f func(i int) int64, missing func(i int) bool) func(int) frame.Column {
		return func(rows int) frame.Column {
			v, nulls := make([]int64, rows), frame.Bitmap(nil)
			for i := range v {
				if v[i] = f(i); missing != nil && missing(i) {
					nulls.Set(i)
				}
			}
			return frame.NewInt("c", typ, v, nulls)
		}
	}
	texts := func(f func(i int) string, missing func(i int) bool) func(int) frame.Column {
		return func(rows int) frame.Column {
			v := make([]string, rows)
			for i := range v {
				v[i] = f(i)
			}
			return frame.StringsOf("c", v, missing)
		}
	}
	zeros := []float64{0, math.Copysign(0, -1), math.SmallestNonzeroFloat64, math.MaxFloat64, -math.MaxFloat64, math.NaN()}
	ends := []int64{math.MinInt64, math.MaxInt64, 0, -1}
	always := func(int) bool { return true }
	const groups = 140_000 // rows of three row groups
	return []shape{
		{"floats", groups, floats(func(int) float64 { return rng.NormFloat64() })},
		{"zeros and the ends of floats", 50, floats(func(i int) float64 { return zeros[i%len(zeros)] })},
		{"floats, none there", 20_000, floats(func(int) float64 { return math.NaN() })},
		{"floats, a page of none", 40_000, floats(func(i int) float64 { return []float64{float64(i), math.NaN()}[i/16384%2] })},
		{"whole numbers", groups, ints(frame.Int, func(i int) int64 { return int64(i) - 70_000 }, nil)},
		{"the ends of whole numbers", 1000, ints(frame.Int, func(i int) int64 { return ends[i%len(ends)] }, missing)},
		{"whole numbers, none there", 300, ints(frame.Int, func(int) int64 { return 5 }, always)},
		{"random whole numbers", groups, ints(frame.Int, func(int) int64 { return int64(rng.Uint64()) }, missing)},
		{"truth values", groups, ints(frame.Bool, func(int) int64 { return int64(rng.IntN(2)) }, missing)},
		{"truth values, all of them true", 70_000, ints(frame.Bool, func(int) int64 { return 1 }, nil)},
		{"instants", groups, ints(frame.Time, func(i int) int64 { return int64(i) * 86_400_000_000 }, missing)},
		{"a category", groups, texts(func(int) string { return "cat" + strconv.Itoa(rng.IntN(5)) }, missing)},
		{"one text", groups, texts(func(int) string { return "always" }, nil)},
		{"texts, none there", 20_000, texts(func(int) string { return "x" }, always)},
		{"empty texts", 3, texts(func(int) string { return "" }, nil)},
		{"many different texts", groups, texts(strconv.Itoa, missing)},
		{"different texts after equal ones", 70_000, texts(func(i int) string { return strings.Repeat(strconv.Itoa(max(i, 20_000)), 12) }, missing)},
		{"texts that fill a dictionary", 12_000, texts(func(i int) string { return strings.Repeat(strconv.Itoa(i/3), 500) }, missing)},
		{"texts longer than a dictionary", 7, texts(func(i int) string { return strings.Repeat(string(rune('a'+i/2)), 5<<20) }, missing)},
	}
}

// TestWhatIsWrittenIsRead compares every type, with and without missing values and
// in tables of every length, by our own reader and by that of the library.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	for _, s := range shapes() {
		for _, rows := range []int{0, 1, s.rows} {
			c := s.column(rows)
			f := frameOf(t, c)
			for _, nullable := range []bool{true, false} {
				if c.Nulls() > 0 && !nullable {
					continue
				}
				t.Run(fmt.Sprintf("%s, %d rows, nullable %t", s.name, rows, nullable), func(t *testing.T) {
					t.Parallel()
					schema := tabular.SchemaOf(f)
					schema[0].Nullable = nullable
					checkWritten(t, writeChunks(t, f, schema, max(rows, 1)), schema, c)
				})
			}
		}
	}
}

func checkWritten(t *testing.T, file string, schema tabular.Schema, want frame.Column) {
	t.Helper()
	r := openParquet(t, file, tabular.ParquetOptions{})
	schema[0].Nullable = schema[0].Nullable || schema[0].Type == tabular.Float // NaN is read as a missing value
	if !reflect.DeepEqual(r.Schema(), schema) || r.Rows() != int64(want.Len()) {
		t.Fatalf("%d rows of %v, want %d of %v", r.Rows(), r.Schema(), want.Len(), schema)
	}
	n := 0
	err := tabular.Stream(t.Context(), r, func(c *tabular.Chunk) error {
		for i := range c.Frame.Rows() {
			if got := valueOf(c.Frame.Columns()[0], i); got != valueOf(want, n) {
				return fmt.Errorf("row %d is %.50v, want %.50v", n, got, valueOf(want, n))
			}
			n++
		}
		return nil
	})
	if err != nil || n != want.Len() {
		t.Fatalf("%d of %d rows, error %v", n, want.Len(), err)
	}
	values := byLibrary(t, file)["c"]
	if len(values) != want.Len() {
		t.Fatalf("the library reads %d of %d rows", len(values), want.Len())
	}
	for i, v := range values {
		if v != valueOf(want, i) {
			t.Fatalf("the library reads %.50v in row %d, want %.50v", v, i, valueOf(want, i))
		}
	}
}

// A table gives the same bytes however it is divided into frames, so that every
// attempt of a job writes the same file.
func TestBytesDoNotDependOnFrames(t *testing.T) {
	t.Parallel()
	for _, s := range shapes() {
		f := frameOf(t, s.column(s.rows))
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			schema := tabular.SchemaOf(f)
			whole := writeChunks(t, f, schema, s.rows)
			for _, rows := range []int{1000, 2048, 65_537} {
				if writeChunks(t, f, schema, rows) != whole {
					t.Errorf("frames of %d rows gave other bytes", rows)
				}
			}
			// The same texts under other numbers, with texts that no row has.
			c := f.Columns()[0]
			if c.Type() != frame.String {
				return
			}
			codes, dict := make([]int32, c.Len()), []string{"of no row"}
			for k := range c.Dict() {
				dict = append(dict, c.Dict()[len(c.Dict())-1-k])
			}
			for i, k := range c.Codes() {
				if codes[i] = -1; k >= 0 {
					codes[i] = int32(len(c.Dict())) - k
				}
			}
			if writeChunks(t, frameOf(t, frame.NewString("c", codes, dict)), schema, s.rows) != whole {
				t.Error("another order of the dictionary gave other bytes")
			}
		})
	}
}

func TestWriteManyColumns(t *testing.T) {
	t.Parallel()
	const columns, rows = 10_000, 430 // more rows than a row group has
	made := make([]frame.Column, columns)
	for k := range made {
		name := "column " + strconv.Itoa(k)
		if k%2 == 0 {
			v := make([]float64, rows)
			for i := range v {
				v[i] = float64(i * k)
			}
			made[k] = frame.NewFloat(name, v)
			continue
		}
		codes := make([]int32, rows)
		for i := range codes {
			codes[i] = int32((i+k)%4 - 1)
		}
		made[k] = frame.NewString(name, codes, []string{"a", "b", "c"})
	}
	f := frameOf(t, made...)
	file := write(t, tabular.KindParquet, f)
	r := openParquet(t, file, tabular.ParquetOptions{})
	if groups := r.Groups(); len(groups) != 2 {
		t.Errorf("row groups of %v rows", groups)
	}
	got, err := tabular.ReadFrame(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for k, c := range got.Columns() {
		for i := k % 7; i < rows; i += 7 {
			if valueOf(c, i) != valueOf(made[k], i) || c.Name() != made[k].Name() {
				t.Fatalf("column %q, row %d: %v, want %v", c.Name(), i, valueOf(c, i), valueOf(made[k], i))
			}
		}
	}
}

// Columns have their order in the file, too, for those who read it elsewhere.
func TestColumnsAreInOrder(t *testing.T) {
	t.Parallel()
	f := mixed(t)
	file := write(t, tabular.KindParquet, f)
	p, err := parquet.OpenFile(strings.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for k, c := range p.Root().Columns() {
		if c.Name() != f.Names()[k] {
			t.Errorf("column %d is %q, want %q", k, c.Name(), f.Names()[k])
		}
	}
	const created = "narrative version 1(build )"
	if got := p.Metadata().CreatedBy; got != created {
		t.Errorf("created by %q", got)
	}
}

func TestBoundsOfRowGroups(t *testing.T) {
	t.Parallel()
	const rows = 70_000
	floats, ints, zeros := make([]float64, rows), make([]int64, rows), make([]float64, rows)
	for i := range rows {
		floats[i], ints[i], zeros[i] = float64(i)/2, int64(-i), math.NaN()
	}
	zeros[0] = 0
	floats[5] = math.NaN()
	file := write(t, tabular.KindParquet, frameOf(t,
		frame.NewFloat("f", floats), frame.NewInt("i", frame.Int, ints, nil), frame.NewInt("t", frame.Time, ints, nil),
		frame.NewFloat("z", zeros), frame.StringsOf("s", make([]string, rows), nil)))
	r := openParquet(t, file, tabular.ParquetOptions{})
	for _, tt := range []struct {
		column    string
		group     int
		low, high float64
		ok        bool
	}{
		{"f", 0, 0, 65_535. / 2, true},
		{"f", 1, 65_536. / 2, 69_999. / 2, true},
		{"i", 0, -65_535, 0, true},
		{"t", 1, -69_999, -65_536, true},
		{"z", 0, 0, 0, true},
		{"z", 1, 0, 0, false},
		{"s", 0, 0, 0, false},
		{"nope", 0, 0, 0, false},
		{"f", 2, 0, 0, false},
	} {
		if low, high, ok := r.Bounds(tt.group, tt.column); low != tt.low || high != tt.high || ok != tt.ok {
			t.Errorf("%s in group %d: %v to %v, %t", tt.column, tt.group, low, high, ok)
		}
	}
	p, err := parquet.OpenFile(strings.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	// Readers that tell zeros apart look for both of them where there is one.
	zero := p.Metadata().RowGroups[0].Columns[3].MetaData.Statistics
	if zero.MinValue[7] != 0x80 || zero.MaxValue[7] != 0 || zero.NullCount != 65_535 {
		t.Errorf("a zero is from % x to % x, %d missing", zero.MinValue, zero.MaxValue, zero.NullCount)
	}
}

// Row groups of long texts have fewer rows, so that memory is enough.
func TestLongTextsEndARowGroup(t *testing.T) {
	t.Parallel()
	const texts, rows, size = 24, 512, 200_000
	rng := rand.New(rand.NewPCG(5, 6))
	dict, codes := make([]string, texts), make([]int32, rows)
	for k := range dict {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(rng.IntN(128))
		}
		dict[k] = string(b)
	}
	for i := range codes {
		codes[i] = int32(i % texts)
	}
	f := frameOf(t, frame.NewString("c", codes, dict))
	out := &countedWriter{Writer: io.Discard}
	w, err := tabular.NewParquetWriter(out, tabular.SchemaOf(f))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(f); err != nil {
		t.Fatal(err)
	}
	if out.n < rows*size*8/10 {
		t.Errorf("%d bytes have left before the end", out.n)
	}
}

// Texts that are nearly all different but for a long one that comes back stay in the
// dictionary: written out, the page would have the long one again and again.
func TestLongTextsAmongManyComeOnce(t *testing.T) {
	t.Parallel()
	const rows, different, size = 16_384, 15_000, 32 << 10
	dict, codes := make([]string, different+1), make([]int32, rows)
	dict[0] = strings.Repeat("long ", size/5)
	for i := range codes {
		if i < different {
			dict[i+1] = strconv.Itoa(i)
			codes[i] = int32(i + 1)
		}
	}
	f := frameOf(t, frame.NewString("c", codes, dict))
	file := write(t, tabular.KindParquet, f)
	p, err := parquet.OpenFile(strings.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if n := p.Metadata().RowGroups[0].TotalByteSize; n > 1<<20 {
		t.Errorf("%d bytes are in the pages", n)
	}
	got, err := tabular.ReadFrame(t.Context(), openParquet(t, file, tabular.ParquetOptions{}))
	if err != nil || got.Rows() != rows || got.Columns()[0].Text(rows-1) != dict[0] || got.Columns()[0].Text(different-1) != dict[different] {
		t.Errorf("%v rows, error %v", got, err)
	}
}

// A file that the writer of before has written, by another library and with the
// columns by name, is read as it was.
func TestFilesOfBeforeAreRead(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/before.parquet")
	if err != nil {
		t.Fatal(err)
	}
	want := agedFrame(t)
	r := openParquet(t, string(file), tabular.ParquetOptions{})
	got, err := tabular.ReadFrame(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for k, c := range want.Columns() {
		g := got.Columns()[k]
		for i := range c.Len() {
			if g.Name() != c.Name() || valueOf(g, i) != valueOf(c, i) {
				t.Fatalf("row %d of %q is %v, want %v of %q", i, g.Name(), valueOf(g, i), valueOf(c, i), c.Name())
			}
		}
	}
	if now := write(t, tabular.KindParquet, want); len(now) > len(file) {
		t.Errorf("the file has %d bytes, it had %d", len(now), len(file))
	}
}

func agedFrame(tb testing.TB) *frame.Frame {
	tb.Helper()
	const rows = 500
	floats, ints, codes, bools, times := make([]float64, rows), make([]int64, rows), make([]int32, rows), make([]int64, rows), make([]int64, rows)
	var nulls frame.Bitmap
	for i := range rows {
		floats[i], ints[i], codes[i] = float64(i)/8, int64(i*i-5), int32(i%4-1)
		bools[i], times[i] = int64(i%3%2), int64(i)*3_600_000_000
		if i%7 == 0 {
			floats[i] = math.NaN()
			nulls.Set(i)
		}
	}
	return frameOf(tb,
		frame.NewString("z", codes, []string{"", "y", "ünï, \"quoted\""}),
		frame.NewFloat("float", floats),
		frame.NewInt("whole", frame.Int, ints, nil),
		frame.NewInt("int", frame.Int, ints, nulls),
		frame.NewInt("bool", frame.Bool, bools, nulls),
		frame.NewInt("at", frame.Time, times, nulls))
}
