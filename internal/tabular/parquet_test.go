package tabular_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

func openParquet(tb testing.TB, file string, o tabular.ParquetOptions) *tabular.ParquetReader {
	tb.Helper()
	r, err := tabular.NewParquetReader(strings.NewReader(file), int64(len(file)), o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestParquetRoundTrip(t *testing.T) {
	t.Parallel()
	f := mixed(t)
	file := write(t, tabular.KindParquet, f)
	r := openParquet(t, file, tabular.ParquetOptions{})
	if !reflect.DeepEqual(r.Schema(), tabular.SchemaOf(f)) && r.Rows() != 4 {
		t.Errorf("schema %v", r.Schema())
	}
	if !slices.Equal(r.Names(), f.Names()) {
		t.Errorf("names %q, want them in their order %q", r.Names(), f.Names())
	}
	got, err := tabular.ReadFrame(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if a, b := write(t, tabular.KindCSV, got), write(t, tabular.KindCSV, f); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
	if again := write(t, tabular.KindParquet, got); again != file {
		t.Error("the same table gave other bytes")
	}
	table, err := tabular.InspectParquet(strings.NewReader(file), int64(len(file)), tabular.Limits{})
	if err != nil || table.Rows != 4 || table.Format.Kind != tabular.KindParquet {
		t.Errorf("table %+v, error %v", table, err)
	}
}

func TestParquetOfManyRowGroups(t *testing.T) {
	t.Parallel()
	const rows, chunk = 300_000, 70_001
	schema := tabular.Schema{{Name: "b", Type: tabular.Integer}, {Name: "a", Type: tabular.String, Nullable: true}}
	var out bytes.Buffer
	w, err := tabular.NewParquetWriter(&out, schema)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < rows; at += chunk {
		n := min(chunk, rows-at)
		ints, codes := make([]int64, n), make([]int32, n)
		for i := range ints {
			ints[i], codes[i] = int64(at+i), int32((at+i)%4-1)
		}
		f, err := frame.New(frame.NewInt("b", frame.Int, ints, nil), frame.NewString("a", codes, []string{"x", "y", "z"}))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	src := &countingAt{src: bytes.NewReader(out.Bytes())}
	size := int64(out.Len())
	r, err := tabular.NewParquetReader(tabular.Buffered(src, size), size, tabular.ParquetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	next := int64(0)
	err = tabular.Stream(t.Context(), r, func(c *tabular.Chunk) error {
		if c.Frame.Rows() > 8192 || c.Lines != nil {
			return fmt.Errorf("chunk of %d rows", c.Frame.Rows())
		}
		for i := range c.Frame.Rows() {
			b, a := c.Frame.Columns()[0], c.Frame.Columns()[1]
			if c.Rows[i] != next+1 || b.Int(i) != next || a.Null(i) != (next%4 == 0) || !a.Null(i) && a.Text(i) != string("xyz"[next%4-1]) {
				return fmt.Errorf("row %d is %d, %q", next, b.Int(i), a.Text(i))
			}
			next++
		}
		return nil
	})
	if err != nil || next != rows {
		t.Errorf("%d rows, error %v", next, err)
	}
	if src.calls > int(size>>20)+2 {
		t.Errorf("%d requests for %d bytes", src.calls, size)
	}
}

func TestLongTextsDoNotFillTheMetadata(t *testing.T) {
	t.Parallel()
	texts := make([]string, 40)
	for i := range texts {
		texts[i] = strings.Repeat(string(rune('a'+i)), 500_000)
	}
	f, err := frame.New(frame.StringsOf("s", texts, nil))
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, tabular.KindParquet, f)
	if footer := int(binary.LittleEndian.Uint32([]byte(file[len(file)-8:]))); footer > 10_000 {
		t.Errorf("the metadata has %d bytes", footer)
	}
	got, err := tabular.ReadFrame(t.Context(), openParquet(t, file, tabular.ParquetOptions{}))
	if err != nil || got.Columns()[0].Text(39) != texts[39] {
		t.Errorf("not read back: %v", err)
	}
}

type countingAt struct {
	mu    sync.Mutex
	src   io.ReaderAt
	calls int
}

func (c *countingAt) ReadAt(p []byte, at int64) (int, error) {
	c.mu.Lock()
	c.calls++
	c.mu.Unlock()
	return c.src.ReadAt(p, at)
}

type foreign struct {
	Bool   bool     `parquet:"bool"`
	I32    int32    `parquet:"i32"`
	U32    uint32   `parquet:"u32"`
	U64    uint64   `parquet:"u64"`
	F32    float32  `parquet:"f32"`
	Date   int32    `parquet:"date,date"`
	Milli  int64    `parquet:"milli,timestamp(millisecond)"`
	Nano   int64    `parquet:"nano,timestamp(nanosecond)"`
	Money  int64    `parquet:"money,decimal(2:18)"`
	UUID   [16]byte `parquet:"uuid,uuid"`
	Enum   string   `parquet:"enum,enum"`
	Maybe  *string  `parquet:"maybe,optional"`
	Packed string   `parquet:"packed,zstd"`
}

func foreignFile[T any](tb testing.TB, rows []T, options ...parquet.WriterOption) string {
	tb.Helper()
	var out bytes.Buffer
	w := parquet.NewGenericWriter[T](&out, options...)
	_, err := w.Write(rows)
	if err := errors.Join(err, w.Close()); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

func TestForeignParquet(t *testing.T) {
	t.Parallel()
	text := "x"
	file := foreignFile(t, []foreign{
		{
			Bool: true, I32: -5, U32: math.MaxUint32, U64: 7, F32: 0.5, Date: 1, Milli: 1500, Nano: -1, Money: -12345,
			UUID: [16]byte{0x12, 15: 0xff}, Enum: "e", Maybe: &text, Packed: "p",
		},
		{F32: float32(math.NaN())},
	})
	r := openParquet(t, file, tabular.ParquetOptions{})
	rows, _, _, _ := collect(t, r)
	want := [][]string{
		{"true", "-5", "4294967295", "7", "0.5", "1970-01-02T00:00:00Z", "1970-01-01T00:00:01.5Z", "1969-12-31T23:59:59.999999Z", "-123.45", "12000000-0000-0000-0000-0000000000ff", "e", "x", "p"},
		{"false", "0", "0", "0", "∅", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "0", "00000000-0000-0000-0000-000000000000", "", "∅", ""},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("rows\n%q\nwant\n%q", rows, want)
	}
}

func TestParquetBadValues(t *testing.T) {
	t.Parallel()
	type row struct {
		U64  uint64  `parquet:"u64"`
		F    float64 `parquet:"f"`
		S    []byte  `parquet:"s"`
		Time int64   `parquet:"t,timestamp(microsecond)"`
	}
	file := foreignFile(t, []row{
		{F: 1, S: []byte("ok")},
		{U64: math.MaxUint64},
		{F: math.Inf(-1)},
		{S: []byte("\xff")},
		{Time: math.MaxInt64},
		{F: 6, S: []byte("ok")},
	})
	r := openParquet(t, file, tabular.ParquetOptions{Tolerant: true, IDColumn: "f"})
	rows, numbers, _, bad := collect(t, r)
	if len(rows) != 2 || !slices.Equal(numbers, []int64{1, 6}) {
		t.Errorf("rows %q, numbers %v", rows, numbers)
	}
	var got []string
	for _, b := range bad {
		got = append(got, fmt.Sprint(b.Row, b.Column, b.Code))
	}
	if want := []string{"2u64invalid_value", "3finfinite_value", "4sinvalid_value", "5tinvalid_value"}; !slices.Equal(got, want) {
		t.Errorf("bad rows %q, want %q", got, want)
	}
	r = openParquet(t, file, tabular.ParquetOptions{Schema: tabular.Schema{{Name: "f", Type: tabular.Float}}})
	_, err := r.Next(t.Context())
	checkFault(t, err, "infinite_value", "row 3", `column "f"`)
}

func TestParquetConforms(t *testing.T) {
	t.Parallel()
	f, err := frame.New(
		frame.StringsOf("s", []string{"1", "2.5", "true", "2024-01-02", "NA"}, nil),
		frame.NewInt("i", frame.Int, []int64{0, 1, 2, 3, 4}, nil),
		frame.NewFloat("f", []float64{0, 1.5, math.NaN(), 1e18, 4}),
	)
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, tabular.KindParquet, f)
	tests := []struct {
		column string
		typ    tabular.Type
		want   []string
	}{
		{"s", tabular.Integer, []string{"1", "∅"}},
		{"s", tabular.Float, []string{"1", "2.5", "∅"}},
		{"s", tabular.Boolean, []string{"true", "true", "∅"}},
		{"s", tabular.Datetime, []string{"2024-01-02T00:00:00Z", "∅"}},
		{"i", tabular.Float, []string{"0", "1", "2", "3", "4"}},
		{"i", tabular.String, []string{"0", "1", "2", "3", "4"}},
		{"i", tabular.Boolean, []string{"false", "true"}},
		{"i", tabular.Datetime, nil},
		{"f", tabular.Integer, []string{"0", "∅", "4"}},
		{"f", tabular.String, []string{"0", "1.5", "∅", "1000000000000000000", "4"}},
		{"f", tabular.Boolean, []string{"∅"}},
	}
	for _, tt := range tests {
		t.Run(tt.column+" as "+string(tt.typ), func(t *testing.T) {
			t.Parallel()
			r := openParquet(t, file, tabular.ParquetOptions{Tolerant: true, Schema: tabular.Schema{{Name: tt.column, Type: tt.typ}}})
			rows, _, _, bad := collect(t, r)
			var got []string
			for _, row := range rows {
				got = append(got, row[0])
			}
			if !slices.Equal(got, tt.want) || len(got)+len(bad) != 5 {
				t.Errorf("got %q and %d bad, want %q", got, len(bad), tt.want)
			}
		})
	}
}

func TestParquetRefuses(t *testing.T) {
	t.Parallel()
	type nested struct {
		A int64   `parquet:"a"`
		L []int64 `parquet:"l,list"`
	}
	type record struct {
		Inner struct{ X int64 } `parquet:"inner"`
	}
	type half struct {
		H [2]byte `parquet:"h"`
	}
	type plain struct {
		A int64 `parquet:"a"`
	}
	good := foreignFile(t, []plain{{1}, {2}})
	tests := []struct {
		name, file, code string
		says             []string
	}{
		{"list", foreignFile(t, []nested{{A: 1}}), "parquet_nested_column", []string{`column "l"`}},
		{"record", foreignFile(t, []record{{}}), "parquet_nested_column", []string{`column "inner"`}},
		{"bytes of a length", foreignFile(t, []half{{}}), "parquet_unsupported_type", []string{`column "h"`}},
		{"lz4", foreignFile(t, []plain{{1}}, parquet.Compression(&parquet.Lz4Raw)), "parquet_unsupported_codec", []string{"LZ4_RAW", `column "a"`}},
		{"no rows", foreignFile(t, []plain{}), "parquet_no_rows", []string{"no rows"}},
		{"cut off", good[:len(good)-5], "parquet_damaged", nil},
		{"only magic", "PAR1", "parquet_damaged", nil},
		{"empty", "", "parquet_damaged", nil},
		{"garbage", "PAR1" + strings.Repeat("x", 100) + "PAR1", "parquet_damaged", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tabular.InspectParquet(strings.NewReader(tt.file), int64(len(tt.file)), tabular.Limits{})
			checkFault(t, err, tt.code, tt.says...)
		})
	}
	_, err := tabular.NewParquetReader(strings.NewReader(good), int64(len(good)), tabular.ParquetOptions{Limits: tabular.Limits{Columns: -1}, Schema: tabular.Schema{{Name: "z"}}})
	checkFault(t, err, "missing_columns", `"z"`)
	_, err = tabular.NewParquetReader(strings.NewReader(good), int64(len(good)), tabular.ParquetOptions{IDColumn: "z"})
	checkFault(t, err, "unknown_id_column", `"z"`)
	wide := write(t, tabular.KindParquet, mixed(t))
	_, err = tabular.InspectParquet(strings.NewReader(wide), int64(len(wide)), tabular.Limits{Columns: 4})
	checkFault(t, err, "parquet_too_many_columns", "5 columns", "at most 4")
}

func TestDamagedPagesAreErrors(t *testing.T) {
	t.Parallel()
	good := write(t, tabular.KindParquet, mixed(t))
	for at := 4; at < len(good)-8; at++ {
		bad := []byte(good)
		bad[at] ^= 0x55
		r, err := tabular.NewParquetReader(bytes.NewReader(bad), int64(len(bad)), tabular.ParquetOptions{})
		if err == nil {
			_, err = tabular.ReadFrame(t.Context(), r)
			err = errors.Join(err, r.Close())
		}
		if err != nil && fault.ClassOf(err) != fault.ClassInvalid {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

type brokenAt struct{ io.ReaderAt }

func (b brokenAt) ReadAt(p []byte, at int64) (int, error) {
	if at < 10 {
		return 0, errBroken
	}
	return b.ReaderAt.ReadAt(p, at)
}

func TestAStoreThatFailsIsNotADamagedFile(t *testing.T) {
	t.Parallel()
	good := write(t, tabular.KindParquet, mixed(t))
	_, err := tabular.NewParquetReader(brokenAt{strings.NewReader(good)}, int64(len(good)), tabular.ParquetOptions{})
	if !errors.Is(err, errBroken) || fault.ClassOf(err) == fault.ClassInvalid {
		t.Errorf("error %v", err)
	}
	small := tabular.Buffered(strings.NewReader("abc"), 10)
	if _, err := small.ReadAt(make([]byte, 5), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	if _, err := small.ReadAt(make([]byte, 5), -1); err == nil {
		t.Error("a negative offset was read")
	}
	if n, err := tabular.Buffered(strings.NewReader("abc"), 3).ReadAt(make([]byte, 5), 1); n != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d, error %v", n, err)
	}
}

func TestBufferedForgets(t *testing.T) {
	t.Parallel()
	const blocks = 60
	data := make([]byte, blocks<<20)
	for i := range data {
		data[i] = byte(i >> 20)
	}
	src := &countingAt{src: bytes.NewReader(data)}
	b := tabular.Buffered(src, int64(len(data)))
	p := make([]byte, 2<<20)
	for range 2 {
		for at := range blocks - 1 {
			if _, err := b.ReadAt(p, int64(at)<<20); err != nil || p[0] != byte(at) || p[1<<20] != byte(at+1) {
				t.Fatalf("block %d: %d %d, error %v", at, p[0], p[1<<20], err)
			}
		}
	}
	if src.calls != 2*blocks {
		t.Errorf("%d requests, want %d", src.calls, 2*blocks)
	}
}

func TestOutlet(t *testing.T) {
	t.Parallel()
	put := func(fail error) (*tabular.Outlet, *bytes.Buffer, *error) {
		var got bytes.Buffer
		var seen error
		return tabular.NewOutlet(t.Context(), func(ctx context.Context, r io.Reader) error {
			if fail != nil {
				return fail
			}
			_, seen = got.ReadFrom(r)
			if seen != nil && ctx.Err() == nil {
				<-ctx.Done()
			}
			return seen
		}), &got, &seen
	}
	o, got, _ := put(nil)
	for range 3 {
		if _, err := o.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Close(nil); err != nil || got.Len() != 3<<20 {
		t.Errorf("%d bytes, error %v", got.Len(), err)
	}
	stop := errors.New("stop")
	o, _, seen := put(nil)
	if err := o.Close(stop); !errors.Is(err, stop) || !errors.Is(*seen, stop) {
		t.Errorf("error %v, the other side saw %v", err, *seen)
	}
	full := errors.New("disk full")
	o, _, _ = put(full)
	var err error
	for err == nil {
		_, err = o.Write(make([]byte, 1<<20))
	}
	if err := o.Close(err); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	o, _, _ = put(full)
	if err := o.Close(nil); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}
