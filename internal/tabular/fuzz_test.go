package tabular_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
)

func seeds(f *testing.F) {
	f.Helper()
	for _, s := range []string{
		"", "\n", "a,b\n1,2\n", "\ufeffa;b\r\n1;2\r\n", "a\tb\n'x\ty'\t2\n", "a|b\n\"x|\"\"y\"|2", "a,b\n1,\"2\n3,4\n",
		"a,b\n1\n", "x\r1\r2", "a,b\n\"x\" y,2\n", "a,b\n1,\x00\n", "a,b\n\xff,1\n", "PAR1", "PK\x03\x04", "a,a\n1,1\n", ",\n1,2\n",
		"n\n1\n2.5\ninf\n", "t\n2024-01-02T03:04:05Z\n", "b\ntrue\nfalse\n", "a,b\n \"1\" , 2\n",
	} {
		f.Add([]byte(s))
	}
}

// FuzzCSV checks that every input is a table or a clear error, that the pace of
// the source does not matter, and that tolerant reading accounts for every row.
func FuzzCSV(f *testing.F) {
	seeds(f)
	limits := tabular.Limits{Field: 64, Record: 256, Columns: 20, ChunkRows: 3}
	f.Fuzz(func(t *testing.T, in []byte) {
		o := tabular.CSVOptions{Limits: limits}
		table, err := tabular.InferCSV(t.Context(), bytes.NewReader(in), o, nil)
		again, err2 := tabular.InferCSV(t.Context(), iotest.OneByteReader(bytes.NewReader(in)), o, nil)
		if (err == nil) != (err2 == nil) || fault.CodeOf(err) != fault.CodeOf(err2) {
			t.Fatalf("%v, but by single bytes %v", err, err2)
		}
		if err != nil {
			if fault.ClassOf(err) != fault.ClassInvalid {
				t.Fatalf("not a clear error: %v", err)
			}
			checkTolerant(t, in, tabular.CSVOptions{Limits: limits, Tolerant: true})
			return
		}
		if table.Rows != again.Rows || !slices.Equal(table.Schema, again.Schema) {
			t.Fatalf("%+v, but by single bytes %+v", table, again)
		}
		o.Schema = table.Schema
		r, err := tabular.NewCSVReader(bytes.NewReader(in), o)
		if err != nil {
			t.Fatal(err)
		}
		frame, err := tabular.ReadFrame(t.Context(), r)
		if err != nil || int64(frame.Rows()) != table.Rows {
			t.Fatalf("%d rows, want %d, error %v", frame.Rows(), table.Rows, err)
		}
		o.Tolerant = true
		if good, bad := checkTolerant(t, in, o); good != table.Rows || bad != 0 {
			t.Fatalf("%d good and %d bad rows, want %d", good, bad, table.Rows)
		}
	})
}

func checkTolerant(t *testing.T, in []byte, o tabular.CSVOptions) (good, bad int64) {
	t.Helper()
	r, err := tabular.NewCSVReader(bytes.NewReader(in), o)
	if err != nil {
		return 0, 0
	}
	var seen []int64
	for {
		c, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("tolerant reading: %v", err)
		}
		seen = append(seen, c.Rows...)
		good += int64(len(c.Rows))
		bad += int64(len(c.Bad))
		for _, b := range c.Bad {
			if b.Reason == "" || b.Code == "" || b.Line == 0 {
				t.Fatalf("bad row %+v", b)
			}
			seen = append(seen, b.Row)
		}
	}
	slices.Sort(seen)
	for i, row := range seen {
		if row != int64(i)+1 {
			t.Fatalf("rows %v", seen)
		}
	}
	return good, bad
}

// FuzzSniffCSV checks that what is sniffed is one of the formats that exist and
// can be told to the reader.
func FuzzSniffCSV(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		format, err := tabular.SniffCSV(in, true, tabular.FormatOptions{})
		if err != nil {
			if fault.ClassOf(err) != fault.ClassInvalid {
				t.Fatal(err)
			}
			return
		}
		told := tabular.FormatOptions{Delimiter: format.Delimiter, Quote: format.Quote, Header: &format.Header}
		if err := told.Validate(); err != nil || told.Delimiter == "" || told.Quote == "" {
			t.Fatalf("sniffed %+v: %v", format, err)
		}
		if again, err := tabular.SniffCSV(in, true, told); err != nil || !reflect.DeepEqual(again, format) {
			t.Fatalf("sniffed %+v, told %+v, error %v", format, again, err)
		}
	})
}

// FuzzParquet checks that every input is a table or a clear error.
func FuzzParquet(f *testing.F) {
	f.Add([]byte("PAR1"))
	f.Add([]byte(write(f, tabular.KindParquet, mixed(f))))
	f.Add([]byte(foreignFile(f, []foreign{{}})))
	f.Add([]byte(write(f, tabular.KindParquet, agedFrame(f))))
	f.Add([]byte(handmade{dictionary: []string{"a", "a"}, pages: []handmadePage{{rows: 3, nulls: 1, numbers: []int32{0, 1}}, {rows: 1, texts: []string{"b"}}}}.file(f)))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := tabular.NewParquetReader(bytes.NewReader(in), int64(len(in)), tabular.ParquetOptions{Tolerant: true})
		if err == nil {
			if r.Rows() > 1<<20 {
				return // a claim that would take long to refute
			}
			_, err = tabular.ReadFrame(t.Context(), r)
			err = errors.Join(err, r.Close())
		}
		if err != nil && fault.ClassOf(err) != fault.ClassInvalid {
			t.Fatalf("not a clear error: %v", err)
		}
	})
}

// FuzzFile checks that every file, of whatever kind it takes itself for, is a
// table or a clear error, and that a table can be read as it was inspected, and in
// one pass.
func FuzzFile(f *testing.F) {
	seeds(f)
	csv := peopleCSV(",", `"`)
	array := "[" + peopleJSON(",", "") + "]"
	for _, s := range []string{
		utf16Text("\ufeff"+csv, false), utf16Text(csv, true), "a,b\n\xe9,1\n", gzipped(f, csv), zstded(f, csv), array, `{"rows":` + array + `}`,
		peopleJSON("\n", ""), peopleXLSX(f), `[{"a":{"b":[1,{"c":null}]}},{"a.b":"\u00e9\n"}]`,
	} {
		f.Add([]byte(s))
	}
	limits := tabular.Limits{Field: 200, Record: 1000, Columns: 20, ChunkRows: 3, Expanded: 1 << 20}
	f.Fuzz(func(t *testing.T, in []byte) {
		checkFile(t, in, tabular.Options{Limits: limits})
		one := limits
		one.Beginning = 1
		checkTrial(t, memory(in), tabular.Options{Limits: one})
	})
}

func checkFile(t *testing.T, in []byte, o tabular.Options) {
	t.Helper()
	file := memory(in)
	table, err := tabular.Inspect(t.Context(), file, o, nil)
	if err != nil && fault.ClassOf(err) != fault.ClassInvalid {
		t.Fatalf("not a clear error: %v", err)
	}
	whole := err == nil && table.Rows < 1<<20 // of a claim that takes long to refute
	if err == nil {
		o.Format, o.Schema, o.Names = table.Format.Told(), table.Schema, table.Schema.Names()
	}
	o.Tolerant = true
	r, c, err := tabular.Open(t.Context(), file, o)
	if err != nil {
		if whole || fault.ClassOf(err) != fault.ClassInvalid {
			t.Fatalf("inspected, but then: %v", err)
		}
		return
	}
	defer c.Close()
	if p, ok := r.(*tabular.ParquetReader); ok && p.Rows() >= 1<<20 {
		return
	}
	rows, bad := int64(0), 0
	for {
		chunk, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if fault.ClassOf(err) != fault.ClassInvalid || whole && table.Format.Kind != tabular.KindParquet {
				t.Fatalf("tolerant reading: %v", err)
			}
			return
		}
		rows += int64(len(chunk.Rows))
		bad += len(chunk.Bad)
		for _, b := range chunk.Bad {
			if b.Reason == "" || b.Code == "" {
				t.Fatalf("bad row %+v", b)
			}
		}
	}
	if whole && table.Format.Kind != tabular.KindParquet && (rows != table.Rows || bad != 0) {
		t.Fatalf("%d good and %d bad rows, want %d", rows, bad, table.Rows)
	}
}

// FuzzJSON checks that every input is rows or a clear error, whatever the pace
// of the source.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`[{"a":1}]`, `{"x":1,"y":[{"a":{"b":"c"}}],"z":[]}`, "{\"a\":1}\n{\"b\":[1,2]}\n", `[{"a":"\ud83d\ude00\n"},{"a":-1.5e3}]`, `[{"a":NaN}, {} ]`, `[[1]]`, `[{"a":[[],{}]}`,
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	limits := tabular.Limits{Field: 64, Record: 256, Columns: 20, ChunkRows: 3}
	f.Fuzz(func(t *testing.T, in []byte, lines bool) {
		o := tabular.JSONOptions{Limits: limits, Lines: lines}
		table, err := tabular.InferJSON(t.Context(), bytes.NewReader(in), o, nil)
		again, err2 := tabular.InferJSON(t.Context(), iotest.OneByteReader(bytes.NewReader(in)), o, nil)
		if (err == nil) != (err2 == nil) || fault.CodeOf(err) != fault.CodeOf(err2) {
			t.Fatalf("%v, but by single bytes %v", err, err2)
		}
		if err != nil {
			if fault.ClassOf(err) != fault.ClassInvalid {
				t.Fatalf("not a clear error: %v", err)
			}
			return
		}
		if table.Rows != again.Rows || !slices.Equal(table.Schema, again.Schema) {
			t.Fatalf("%+v, but by single bytes %+v", table, again)
		}
	})
}

// FuzzSheet checks that a sheet of any content is rows or a clear error.
func FuzzSheet(f *testing.F) {
	for _, s := range []string{
		cells("a", "b") + cells("1", "x"), `<row r="7"><c r="XFD7" t="s" s="2"><v>0</v></c></row>`, `<row><c t="str"><f>1</f><v>x</v></c></row>`, `<row><c><is><t>x`, "<!DOCTYPE x>",
	} {
		f.Add(s, "<si><t>text</t></si>", `<xf numFmtId="14"/>`)
	}
	limits := tabular.Limits{Field: 200, Record: 1000, Columns: 20, ChunkRows: 3, Expanded: 1 << 20}
	f.Fuzz(func(t *testing.T, rows, texts, styles string) {
		file := book(t, map[string]string{
			"xl/worksheets/sheet1.xml": sheetXML(rows), "xl/sharedStrings.xml": "<sst>" + texts + "</sst>",
			"xl/styles.xml": "<styleSheet><cellXfs>" + styles + "</cellXfs></styleSheet>",
		})
		checkFile(t, []byte(file), tabular.Options{Limits: limits})
	})
}

// FuzzEncoding checks that text in any encoding that is said to be that of the
// file is read in the same way at any pace.
func FuzzEncoding(f *testing.F) {
	for i, s := range []string{"a\n1\n", "a\n\xe9\n", "a\nü\n", utf16Text("a\n\U0001f600\n", true), "\xff\xfea\x00\n\x001\x00"} {
		f.Add([]byte(s), uint8(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, which uint8) {
		o := tabular.Options{Format: tabular.FormatOptions{Kind: tabular.KindCSV, Compression: "none"}}
		if names := append([]string{""}, tabular.Encodings()...); true {
			o.Format.Encoding = names[int(which)%len(names)]
		}
		table, err := tabular.Inspect(t.Context(), memory(in), o, nil)
		again, err2 := tabular.Inspect(t.Context(), absent{from: iotest.OneByteReader(strings.NewReader(string(in)))}, o, nil)
		if fault.CodeOf(err) != fault.CodeOf(err2) || (err == nil) != (err2 == nil) {
			t.Fatalf("%v, but by single bytes %v", err, err2)
		}
		if err != nil {
			if fault.ClassOf(err) != fault.ClassInvalid {
				t.Fatalf("not a clear error: %v", err)
			}
			return
		}
		if !reflect.DeepEqual(table, again) {
			t.Fatalf("%+v, but by single bytes %+v", table, again)
		}
	})
}
