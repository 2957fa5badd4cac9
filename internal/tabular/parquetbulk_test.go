package tabular_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/narrativeml/narrative/internal/tabular"
)

// handmade is a file of one optional column of texts, whose pages no writer makes.
type handmade struct {
	dictionary []string
	pages      []handmadePage
	more       int // rows that the file has no pages for
}

// handmadePage has numbers of the dictionary, or texts when there are no numbers.
type handmadePage struct {
	rows    int
	nulls   int // the rows begin with them
	lost    int // values that its header calls missing, too
	numbers []int32
	texts   []string
}

func plainTexts(texts []string) []byte {
	var b []byte
	for _, s := range texts {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return b
}

func (h handmade) file(tb testing.TB) string {
	tb.Helper()
	out := []byte("PAR1")
	add := func(header format.PageHeader, body []byte) int64 {
		header.UncompressedPageSize, header.CompressedPageSize = int32(len(body)), int32(len(body))
		head, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
		if err != nil {
			tb.Fatal(err)
		}
		at := len(out)
		out = append(append(out, head...), body...)
		return int64(at)
	}
	chunk := format.ColumnMetaData{
		Type: format.ByteArray, Encoding: []format.Encoding{format.RLE, format.Plain, format.RLEDictionary}, PathInSchema: []string{"c"},
		DictionaryPageOffset: add(format.PageHeader{
			Type:                 format.DictionaryPage,
			DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(len(h.dictionary)), Encoding: format.Plain}),
		}, plainTexts(h.dictionary)),
	}
	for k, p := range h.pages {
		var levels []byte
		if p.nulls > 0 {
			levels = append(binary.AppendUvarint(levels, uint64(p.nulls)<<1), 0)
		}
		levels = append(binary.AppendUvarint(levels, uint64(p.rows-p.nulls)<<1), 1)
		encoding, body := format.Plain, plainTexts(p.texts)
		if p.numbers != nil {
			const bits = 32
			encoding, body = format.RLEDictionary, nil
			if len(p.numbers) > 0 {
				body = []byte{bits}
			}
			for _, n := range p.numbers {
				body = binary.LittleEndian.AppendUint32(append(body, 2), uint32(n)) // a run of one
			}
		}
		at := add(format.PageHeader{Type: format.DataPageV2, DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
			NumValues: int32(p.rows), NumRows: int32(p.rows), NumNulls: int32(p.nulls + p.lost), Encoding: encoding,
			DefinitionLevelsByteLength: int32(len(levels)), IsCompressed: thrift.New(false),
		})}, append(levels, body...))
		if k == 0 {
			chunk.DataPageOffset = at
		}
		chunk.NumValues += int64(p.rows)
	}
	chunk.NumValues += int64(h.more)
	chunk.TotalCompressedSize = int64(len(out)) - chunk.DictionaryPageOffset
	chunk.TotalUncompressedSize = chunk.TotalCompressedSize
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &format.FileMetaData{
		Version: 2, NumRows: chunk.NumValues,
		Schema: []format.SchemaElement{
			{Name: "table", NumChildren: thrift.New(int32(1))},
			{Name: "c", Type: thrift.New(format.ByteArray), RepetitionType: thrift.New(format.Optional), ConvertedType: thrift.New(deprecated.UTF8)},
		},
		RowGroups: []format.RowGroup{{
			Columns: []format.ColumnChunk{{MetaData: chunk}}, NumRows: chunk.NumValues,
			TotalByteSize: chunk.TotalUncompressedSize, TotalCompressedSize: chunk.TotalCompressedSize,
		}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return string(append(binary.LittleEndian.AppendUint32(append(out, footer...), uint32(len(footer))), "PAR1"...))
}

// Dictionaries of other writers may repeat a text, hold what is none, and be
// followed by texts as they are; a frame has each text once.
func TestForeignDictionaries(t *testing.T) {
	t.Parallel()
	file := handmade{
		dictionary: []string{"a", "b", "a", "\xff", "c", "d", "e"},
		pages: []handmadePage{
			{rows: 6, nulls: 1, numbers: []int32{2, 0, 1, 2, 4}},
			{rows: 2, texts: []string{"b", "d"}},
			{rows: 4, numbers: []int32{4, 3, 0, 1}},
			{rows: 2, numbers: []int32{5, 6}},
			{rows: 1, nulls: 1, numbers: []int32{}},
			{rows: 3, nulls: 1, texts: []string{"e", "f"}},
		},
	}.file(t)
	for _, chunk := range []int{1, 5, 100} {
		r := openParquet(t, file, tabular.ParquetOptions{Tolerant: true, Limits: tabular.Limits{ChunkRows: chunk}})
		rows, numbers, _, bad := collect(t, r)
		want := []string{"∅", "a", "a", "b", "a", "c", "b", "d", "c", "a", "b", "d", "e", "∅", "∅", "e", "f"}
		if got := slices.Concat(rows...); !slices.Equal(got, want) || numbers[len(numbers)-1] != 18 {
			t.Errorf("chunks of %d rows: %q of rows %d, want %q", chunk, got, numbers, want)
		}
		if len(bad) != 1 || bad[0].Row != 10 || !strings.Contains(bad[0].Reason, "UTF-8") {
			t.Errorf("bad rows %v", bad)
		}
	}
	r := openParquet(t, file, tabular.ParquetOptions{Tolerant: true})
	c, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if dict := c.Frame.Columns()[0].Dict(); !slices.Equal(dict, []string{"a", "b", "c", "d", "e", "f"}) {
		t.Errorf("the dictionary is %q", dict)
	}
}

// Texts of large dictionaries are not kept beside those of the library, and read
// all the same.
func TestLargeDictionaries(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 17<<20)
	file := handmade{dictionary: []string{"y", long}, pages: []handmadePage{{rows: 3, numbers: []int32{1, 0, 1}}}}.file(t)
	c, err := openParquet(t, file, tabular.ParquetOptions{}).Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Frame.Columns()[0]; got.Text(0) != long || got.Text(1) != "y" || got.Text(2) != long || len(got.Dict()) != 2 {
		t.Errorf("%d texts are read", len(got.Dict()))
	}
}

func TestPagesThatLieAreDamage(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]handmade{
		"a text that is not there": {dictionary: []string{"a"}, pages: []handmadePage{{rows: 2, numbers: []int32{0, 1}}}},
		"a number below zero":      {dictionary: []string{"a"}, pages: []handmadePage{{rows: 1, numbers: []int32{-1}}}},
		"fewer texts than rows":    {pages: []handmadePage{{rows: 3, texts: []string{"x", "y"}}}},
		"fewer numbers than rows":  {dictionary: []string{"a"}, pages: []handmadePage{{rows: 3, lost: 1, numbers: []int32{0, 0}}}},
		"fewer pages than rows":    {dictionary: []string{"a"}, pages: []handmadePage{{rows: 2, numbers: []int32{0, 0}}}, more: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := openParquet(t, h.file(t), tabular.ParquetOptions{Tolerant: true})
			_, err := r.Next(t.Context())
			checkFault(t, err, "parquet_damaged")
		})
	}
}

// Values of other writers come in dictionaries too, and in pages of every kind.
func TestForeignPages(t *testing.T) {
	t.Parallel()
	type row struct {
		F *float64 `parquet:"f,optional,dict"`
		G *float64 `parquet:"g,optional"`
		I *int64   `parquet:"i,optional,dict"`
		J *int64   `parquet:"j,optional"`
		T *int64   `parquet:"t,optional,timestamp(microsecond)"`
		S *string  `parquet:"s,optional"`
		D *string  `parquet:"d,optional,dict"`
		B *bool    `parquet:"b,optional"`
		N bool     `parquet:"n,dict"`
	}
	const rows = 5000
	table := make([]row, rows)
	want := make([][]string, rows)
	texts := []string{"x", "", "longer than that"}
	for i := range table {
		if i%3 == 0 {
			table[i].N = true
			want[i] = []string{"∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅", "true"}
			continue
		}
		f, n, s, b := float64(i%7)/2, int64(i%5), texts[i%len(texts)], i%2 == 0
		table[i] = row{&f, &f, &n, &n, &n, &s, &s, &b, false}
		number := strings.TrimSuffix([]string{"0", "0.5", "1", "1.5", "2", "2.5", "3"}[i%7], ".0")
		at := "1970-01-01T00:00:00"
		if n > 0 {
			at += ".00000" + string(rune('0'+n))
		}
		truth := "false"
		if b {
			truth = "true"
		}
		whole := string(rune('0' + n))
		want[i] = []string{number, number, whole, whole, at + "Z", s, s, truth, "false"}
	}
	for _, version := range []int{1, 2} {
		file := foreignFile(t, table, parquet.DataPageVersion(version), parquet.PageBufferSize(3000))
		got, _, _, bad := collect(t, openParquet(t, file, tabular.ParquetOptions{Limits: tabular.Limits{ChunkRows: 777}}))
		if len(got) != rows || len(bad) > 0 {
			t.Fatalf("pages of version %d: %d rows, %d bad", version, len(got), len(bad))
		}
		for i := range got {
			if !slices.Equal(got[i], want[i]) {
				t.Fatalf("pages of version %d, row %d: %q, want %q", version, i, got[i], want[i])
			}
		}
	}
}
