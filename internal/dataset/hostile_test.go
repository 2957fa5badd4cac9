package dataset_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/tabular"
)

// hostile is a file that was made to harm, or is broken, and what becomes of it.
type hostile struct {
	name string
	file string
	code string // of the mistake; empty: it is read
	says string // part of the message or of a place

	// Of what is read: the columns as "name type", and the first row.
	columns string
	first   string

	sheet string // of a workbook
}

// TestHostileFiles takes files through upload and ingest that are hostile or
// broken. Each is read as it is meant or refused with a code and a place;
// whatever is stored besides stays as it is.
func TestHostileFiles(t *testing.T) { //nolint:paralleltest // what is stored is compared in the end
	b := setup(t, nil)
	// Bombs may be small ones then; what they expand to is bounded by 256 MiB
	// otherwise.
	limits := tabular.Limits{ExpandedFree: 8 << 20}
	b.runner = dataset.NewRunner(dataset.RunnerConfig{Driver: b.driver, Files: b.files, Limits: limits})
	good, j := b.create(t, people)
	b.finish(t, j)
	before := map[string][]byte{}
	maps.Copy(before, b.files.objects)
	record, err := b.Get(t.Context(), "acme", good.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range append(append(hostileTexts(t), hostileBooks(t)...), hostileParquet(t)...) {
		t.Run(tt.name, func(t *testing.T) {
			u := upload(tt.file)
			u.Options.Sheet = tt.sheet
			d, j, err := b.Create(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			made, err := b.ingest(t.Context(), j)
			if tt.code != "" {
				f, ok := fault.As(err)
				if !ok {
					t.Fatalf("error %v, want %s; result %+v", err, tt.code, made)
				}
				if f.Code != tt.code || f.Class != fault.ClassInvalid || !strings.Contains(f.Message+fmt.Sprint(f.Fields), tt.says) {
					t.Errorf("error %v, want %s and %q", err, tt.code, tt.says)
				}
				if len(f.Message) > 500 {
					t.Errorf("a message of %d bytes", len(f.Message))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			b.publish(t, j, made)
			p, err := b.Preview(t.Context(), "acme", d.ID, 1)
			if err != nil {
				t.Fatal(err)
			}
			var columns []string
			for i, f := range made.Version.Schema {
				columns = append(columns, f.Name+" "+string(made.Version.Types[i]))
			}
			if got := strings.Join(columns, "|"); got != tt.columns {
				t.Errorf("columns %q, want %q", got, tt.columns)
			}
			if got := fmt.Sprint(p.Rows[0]); got != tt.first {
				t.Errorf("first row %q, want %q", got, tt.first)
			}
		})
	}
	for key, want := range before {
		if got, err := b.files.get(key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s was changed: %v", key, err)
		}
	}
	if again, err := b.Get(t.Context(), "acme", good.ID); err != nil || again.Revision != record.Revision || again.State != dataset.Ready {
		t.Errorf("the good data set is %+v: %v", again, err)
	}
}

// hostileTexts are CSV and JSON.
func hostileTexts(t *testing.T) []hostile {
	t.Helper()
	wide := strings.Repeat("c,", 16_383) + "c"
	return []hostile{
		{name: "1e308", file: "a\n1e308\n-1e308\n5e-324\n", columns: "a float", first: "[1e+308]"},
		{name: "1e309", file: "a,b\n1,1\n1,1e309\n", code: "infinite_value", says: "line 3"},
		{name: "a number of a thousand digits", file: "a,b\n" + strings.Repeat("9", 1000) + ",1\n", columns: "a identifier|b integer", first: "[" + strings.Repeat("9", 1000) + " 1]"},
		{name: "the 31st of February", file: "day\n31.01.2024\n31.02.2024\n28.02.2024\n", columns: "day string", first: "[31.01.2024]"},
		{name: "a day of another calendar", file: "day\n2024-02-30\n2024-13-01\n0000-00-00\n", columns: "day string", first: "[2024-02-30]"},
		{name: "thousands in German", file: "n;m\n1.234.567,5;1\n2.000,25;2\n", columns: "n float|m integer", first: "[1.2345675e+06 1]"},
		{name: "thousands of two countries", file: "n;m\n1.234,50;1\n1,234.50;2\n", columns: "n string|m integer", first: "[1.234,50 1]"},
		{name: "thousands by apostrophes", file: "n\n1'234'567.5\n2'000.25\n", columns: "n float", first: "[1.2345675e+06]"},
		{name: "lakhs", file: "n,m\n\"12,34,567\",1\n\"1,00,000\",2\n", columns: "n string|m integer", first: "[12,34,567 1]"},
		{name: "a header with line ends", file: "\"a\nb\",\"c\r\nd\"\n1,2\n", columns: "a b integer|c d integer", first: "[1 2]"},
		{name: "a header of formulas", file: "\"=cmd|' /C calc'!A0\",b\n1,2\n", columns: "=cmd|' /C calc'!A0 integer|b integer", first: "[1 2]"},
		{name: "formulas", file: "a,b\n=1+1,x\n\"@SUM(A1)\",y\n+A1,z\n", columns: "a identifier|b string", first: "[=1+1 x]"},
		{name: "two encodings", file: "a,b\nü,1\nö,2\n\xe4,3\n", code: "csv_invalid_utf8", says: "line 4"},
		{name: "16,384 columns", file: wide + "\n", code: "csv_too_many_columns", says: "10000"},
		{name: "a long name", file: strings.Repeat("n", 2_000_000) + ",b\n1,2\n", code: "csv_field_too_long", says: ""},
		{name: "nothing but quotes", file: strings.Repeat(`"`, 99_999), code: "csv_unclosed_quote", says: "line 1"},
		{name: "nothing but delimiters", file: strings.Repeat(",", 9000) + "\n", code: "csv_empty_column_name", says: "column 1"},
		{name: "line ends alone", file: strings.Repeat("\n", 100_000), code: "csv_empty", says: ""},
		{name: "a deep list", file: `[{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}]`, code: "json_too_deep", says: "row 1"},
		{name: "a deep object", file: strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), code: "json_too_deep", says: ""},
		{name: "many names", file: "[" + manyNames(10_001) + "]", code: "json_too_many_columns", says: "10000"},
		{name: "half a pair", file: `[{"a":"\ud800"},{"a":"x"}]`, code: "json_bad_escape", says: "row 1"},
		{name: "1e309 in JSON", file: `[{"a":1},{"a":1e309}]`, code: "infinite_value", says: "row 2"},
		{name: "gzip bomb", file: bomb(t, true), code: "expands_too_far", says: "250"},
		{name: "zstd bomb", file: bomb(t, false), code: "expands_too_far", says: "250"},
	}
}

// manyNames is an object of n members.
func manyNames(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"a%d":1`, i)
	}
	return "{" + strings.Join(all, ",") + "}"
}

// bomb packs 16 MiB of blank lines.
func bomb(t *testing.T, gz bool) string {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if !gz {
		z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	blank := bytes.Repeat([]byte("\n"), 1<<20)
	_, err := io.WriteString(w, "a,b\n1,2\n")
	for range 16 {
		if err == nil {
			_, err = w.Write(blank)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// hostileBooks are workbooks.
func hostileBooks(t *testing.T) []hostile {
	t.Helper()
	cells := func(n int) string { return "<row>" + strings.Repeat("<c><v>1</v></c>", n) + "</row>" }
	names := `<row><c t="str"><v>a</v></c><c t="str"><v>b</v></c></row>`
	return []hostile{
		{name: "16,384 cells", file: sheetOnly(t, cells(16_384)+cells(16_384)), code: "xlsx_too_many_columns", says: "10000", sheet: "2"},
		{name: "a cell in the last column", file: sheetOnly(t, `<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>2</v></c></row>`), code: "xlsx_too_many_columns", says: "10000", sheet: "2"},
		{name: "entities", file: sheetOnly(t, `<row><c t="str"><v>&lol;</v></c></row>`), code: "xlsx_damaged", says: "", sheet: "2"},
		{name: "formulas in cells", file: sheetOnly(t, names+`<row><c t="str"><f>1+1</f></c><c><f>HYPERLINK("http://x")</f><v>7</v></c></row>`), columns: "a string|b integer", first: "[=1+1 7]", sheet: "2"},
		{name: "sheet bomb", file: sheetOnly(t, names+strings.Repeat(strings.Repeat(cells(2), 1000)+strings.Repeat(" ", 1<<20), 16)), code: "expands_too_far", says: "250", sheet: "2"},
	}
}

// sheetOnly writes a workbook of one sheet.
func sheetOnly(t *testing.T, rows string) string {
	t.Helper()
	return workbook(t, rows)
}

// hostileParquet are real files with other bytes.
func hostileParquet(t *testing.T) []hostile {
	t.Helper()
	b := setup(t, nil)
	_, j := b.create(t, people)
	table, err := b.files.get(b.finish(t, j).Version.TableKey)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int, with ...byte) string {
		out := bytes.Clone(table)
		if at < 0 {
			at += len(out)
		}
		copy(out[at:], with)
		return string(out)
	}
	return []hostile{
		{name: "a footer longer than the file", file: changed(-8, 0xff, 0xff, 0xff, 0x7f), code: "parquet_damaged", says: ""},
		{name: "a footer of no length", file: changed(-8, 0, 0, 0, 0), code: "parquet_damaged", says: ""},
		{name: "pages that are none", file: changed(4, bytes.Repeat([]byte{0xff}, 64)...), code: "parquet_damaged", says: ""},
		{name: "cut in the middle", file: string(table[:len(table)/2]), code: "parquet_damaged", says: ""},
		{name: "a footer alone", file: "PAR1" + string(table[len(table)-600:]), code: "parquet_damaged", says: ""},
	}
}

// TestParquetWithOtherBytes changes each byte of a file: it is a table or a clear
// error, whatever its footer says.
func TestParquetWithOtherBytes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	_, j := b.create(t, people)
	table, err := b.files.get(b.finish(t, j).Version.TableKey)
	if err != nil {
		t.Fatal(err)
	}
	d, j := b.create(t, string(table))
	for i := range table {
		for _, with := range []byte{0x00, 0xff} {
			damaged := bytes.Clone(table)
			damaged[i] = with
			b.files.objects[d.RawKey] = damaged
			if _, err := b.ingest(t.Context(), j); err != nil && fault.ClassOf(err) != fault.ClassInvalid {
				t.Fatalf("byte %d is %#x: %v", i, with, err)
			}
		}
	}
}

// endlessLine is a file of 2 GiB in one line, made as it is read.
type endlessLine struct {
	head, rest string
	left       int64
}

func (e *endlessLine) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, e.head)
	e.head = e.head[n:]
	for n < len(p) {
		n += copy(p[n:], e.rest)
	}
	e.left -= int64(n)
	return n, nil
}

func (*endlessLine) Close() error { return nil }

// TestALineOfTwoGigabytes checks that what is held of a line does not grow with
// it.
func TestALineOfTwoGigabytes(t *testing.T) { //nolint:paralleltest // measures the heap of the process
	for name, tt := range map[string]struct{ head, rest, code string }{
		"a field":          {"a,b\n1,", "xxxxxxxxxxxxxxxx", "csv_field_too_long"},
		"in quotes":        {"a,b\n1,\"", "xxxxxxx,\n\n,xxxxxx", "csv_field_too_long"},
		"many fields":      {"a,b\n", "1,2,3,4,5,6,7,8,", "csv_record_too_long"},
		"a header":         {"", "aaaaaaaaaaaaaaaa", "csv_field_too_long"},
		"a text in JSON":   {`[{"a":"`, "xxxxxxxxxxxxxxxx", "json_syntax"},
		"a list in JSON":   {`[{"a":[`, "1,2,3,4,5,6,7,8,", "json_syntax"},
		"blanks in JSON":   {`[{"a":1},`, "                ", "json_syntax"},
		"an endless array": {`[`, `{"a":1},{"a":2},`, "json_syntax"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, nil)
			_, j := b.create(t, "a,b\n1,2\n")
			size := int64(2 << 30)
			if tt.code == "json_syntax" {
				size = 64 << 20 // it is read to its end
			}
			b.files.open = func(string, []byte) io.ReadCloser {
				return &endlessLine{head: tt.head, rest: tt.rest, left: size}
			}
			heap := jobtest.NewHeap()
			b.report.each = heap.Look
			_, err := b.ingest(t.Context(), j)
			checkCode(t, err, fault.ClassInvalid, tt.code)
			if most := heap.Most(); most > 200e6 {
				t.Errorf("%.0f MB are held", most/1e6)
			}
		})
	}
}
