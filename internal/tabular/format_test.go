package tabular_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"

	"github.com/narrativeml/narrative/internal/tabular"
)

// memory is a file in memory.
type memory string

func (m memory) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(m))), nil
}

func (m memory) OpenAt(context.Context) (io.ReaderAt, int64, error) {
	return strings.NewReader(string(m)), int64(len(m)), nil
}

// people is the table that the conformance suite writes in every way: the names,
// then the rows, with nil for what is missing.
var people = [][]any{
	{"name", "age", "height", "member", "since", "note"},
	{"Jürgen", 41, 1.82, true, "2024-03-01T12:30:00", "likes \"quotes\", and; commas|bars"},
	{"Zoë", 29, nil, false, "2023-12-31T23:59:59", "it's\tfine"},
	{"Ann", nil, 1.6, true, "2024-01-01T00:00:01", nil},
	{"Müller", 63, -0.25, nil, "1969-07-20T20:17:40", "two\nlines"},
}

var peopleSchema = tabular.Schema{
	{Name: "name", Type: tabular.String},
	{Name: "age", Type: tabular.Integer, Nullable: true},
	{Name: "height", Type: tabular.Float, Nullable: true},
	{Name: "member", Type: tabular.Boolean, Nullable: true},
	{Name: "since", Type: tabular.Datetime},
	{Name: "note", Type: tabular.String, Nullable: true},
}

func peopleCSV(delimiter, quote string) string {
	var b strings.Builder
	for _, row := range people {
		for j, v := range row {
			if j > 0 {
				b.WriteString(delimiter)
			}
			text := ""
			if v != nil {
				text = fmt.Sprint(v)
			}
			if strings.ContainsAny(text, "\n\t,;|\"'") {
				text = quote + strings.ReplaceAll(text, quote, quote+quote) + quote
			}
			b.WriteString(text)
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// peopleJSON writes objects, one behind the other with the text between them.
func peopleJSON(between, indent string) string {
	var all []string
	for _, row := range people[1:] {
		var members []string
		for j, v := range row {
			if v == nil && j%2 == 0 {
				continue // null and nothing are the same
			}
			name, err1 := json.Marshal(people[0][j])
			value, err2 := json.Marshal(v)
			if err1 != nil || err2 != nil {
				panic(fmt.Sprint(err1, err2))
			}
			members = append(members, indent+string(name)+":"+indent+string(value))
		}
		all = append(all, "{"+strings.Join(members, ",")+indent+"}")
	}
	return strings.Join(all, between)
}

// utf16Text writes text in UTF-16.
func utf16Text(text string, big bool) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

func charset(tb testing.TB, set *charmap.Charmap, text string) string {
	tb.Helper()
	out, err := set.NewEncoder().String(text)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func gzipped(tb testing.TB, text string) string {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func zstded(tb testing.TB, text string) string {
	tb.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// zipped writes an archive of parts, pairs of a name and a content.
func zipped(tb testing.TB, parts ...string) string {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		f, err := w.Create(parts[i])
		if err == nil {
			_, err = io.WriteString(f, parts[i+1])
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// inspect looks at the whole file and reads it with its types.
func inspect(tb testing.TB, file string, o tabular.FormatOptions) (*tabular.Table, [][]string) {
	tb.Helper()
	table, err := tabular.Inspect(tb.Context(), memory(file), tabular.Options{Format: o}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	r, c, err := tabular.Open(tb.Context(), memory(file), tabular.Options{
		Format: table.Format.Told(), Schema: table.Schema, Names: table.Schema.Names(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	var rows [][]string
	err = tabular.Stream(tb.Context(), r, func(c *tabular.Chunk) error {
		rows = append(rows, texts(c)...)
		return nil
	})
	if err != nil || int64(len(rows)) != table.Rows {
		tb.Fatalf("%d rows, want %d, error %v", len(rows), table.Rows, err)
	}
	if f := tabular.FormatOf(r); f.Kind != table.Format.Kind || f.Encoding != table.Format.Encoding || f.Compression != table.Format.Compression {
		tb.Errorf("it was inspected as %+v and read as %+v", table.Format, f)
	}
	return table, rows
}

// TestConformance checks that a table is the same in whatever way it is written.
func TestConformance(t *testing.T) {
	t.Parallel()
	plain := peopleCSV(",", `"`)
	array := "[" + peopleJSON(",", "") + "]"
	lines := peopleJSON("\n", "") + "\n"
	utf8 := tabular.Format{Kind: "csv", Encoding: "utf-8", Delimiter: ",", Quote: `"`, Header: true}
	in := func(f tabular.Format, change func(*tabular.Format)) tabular.Format { change(&f); return f }
	jsonFormat := tabular.Format{Kind: "json", Encoding: "utf-8", Header: true}
	tests := map[string]struct {
		file string
		want tabular.Format
	}{
		"csv":                      {plain, utf8},
		"csv with a mark":          {"\ufeff" + plain, in(utf8, func(f *tabular.Format) { f.BOM = true })},
		"tabs":                     {peopleCSV("\t", `"`), in(utf8, func(f *tabular.Format) { f.Delimiter = "\t" })},
		"semicolons":               {peopleCSV(";", `"`), in(utf8, func(f *tabular.Format) { f.Delimiter = ";" })},
		"bars, other quotes":       {peopleCSV("|", "'"), in(utf8, func(f *tabular.Format) { f.Delimiter, f.Quote = "|", "'" })},
		"utf-16le with a mark":     {utf16Text("\ufeff"+plain, false), in(utf8, func(f *tabular.Format) { f.Encoding, f.BOM = "utf-16le", true })},
		"utf-16be with a mark":     {utf16Text("\ufeff"+plain, true), in(utf8, func(f *tabular.Format) { f.Encoding, f.BOM = "utf-16be", true })},
		"utf-16le":                 {utf16Text(plain, false), in(utf8, func(f *tabular.Format) { f.Encoding = "utf-16le" })},
		"utf-16be":                 {utf16Text(plain, true), in(utf8, func(f *tabular.Format) { f.Encoding = "utf-16be" })},
		"windows-1252":             {charset(t, charmap.Windows1252, plain), in(utf8, func(f *tabular.Format) { f.Encoding = "windows-1252" })},
		"latin-1":                  {charset(t, charmap.ISO8859_1, plain), in(utf8, func(f *tabular.Format) { f.Encoding = "windows-1252" })},
		"gzip":                     {gzipped(t, plain), in(utf8, func(f *tabular.Format) { f.Compression = "gzip" })},
		"gzip twice in a row":      {gzipped(t, plain[:30]) + gzipped(t, plain[30:]), in(utf8, func(f *tabular.Format) { f.Compression = "gzip" })},
		"zstd":                     {zstded(t, plain), in(utf8, func(f *tabular.Format) { f.Compression = "zstd" })},
		"gzip, utf-16, semicolons": {gzipped(t, utf16Text(peopleCSV(";", `"`), false)), tabular.Format{Kind: "csv", Compression: "gzip", Encoding: "utf-16le", Delimiter: ";", Quote: `"`, Header: true}},
		"json":                     {array, jsonFormat},
		"json with a mark":         {"\ufeff" + array, in(jsonFormat, func(f *tabular.Format) { f.BOM = true })},
		"json over many lines":     {"[\n" + peopleJSON(",\n", "\n  ") + "\n]\n", jsonFormat},
		"json in an object":        {`{"count": 4, "tags": ["a", {"b": []}], "rows": ` + array + `, "next": null}`, jsonFormat},
		"json in latin-1":          {charset(t, charmap.ISO8859_1, array), in(jsonFormat, func(f *tabular.Format) { f.Encoding = "windows-1252" })},
		"json in utf-16, zstd":     {zstded(t, utf16Text("\ufeff"+array, true)), tabular.Format{Kind: "json", Compression: "zstd", Encoding: "utf-16be", Header: true, BOM: true}},
		"json lines":               {lines, in(jsonFormat, func(f *tabular.Format) { f.Kind = "jsonl" })},
		"json lines, no last end":  {strings.TrimSpace(lines), in(jsonFormat, func(f *tabular.Format) { f.Kind = "jsonl" })},
		"json lines, crlf, gzip":   {gzipped(t, strings.ReplaceAll(lines, "\n", "\r\n\r\n")), tabular.Format{Kind: "jsonl", Compression: "gzip", Encoding: "utf-8", Header: true}},
		"xlsx":                     {peopleXLSX(t), tabular.Format{Kind: "xlsx", Header: true, Sheet: "People", Sheets: []string{"Empty", "People", "Other"}}},
		"parquet":                  {peopleParquet(t, plain), tabular.Format{Kind: "parquet", Header: true}},
	}
	_, want := inspect(t, plain, tabular.FormatOptions{})
	if got := want[0][0] + want[1][2] + want[3][4] + want[3][5]; got != "Jürgen∅1969-07-20T20:17:40Ztwo\nlines" {
		t.Fatalf("the table is %q", want)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, rows := inspect(t, tt.file, tabular.FormatOptions{})
			if !reflect.DeepEqual(table.Format, tt.want) {
				t.Errorf("format %+v, want %+v", table.Format, tt.want)
			}
			if !reflect.DeepEqual(table.Schema, peopleSchema) || !reflect.DeepEqual(rows, want) {
				t.Errorf("schema %+v\nrows %q\nwant %q", table.Schema, rows, want)
			}
			// What was found out can be told, and nothing is found out then.
			again, rows := inspect(t, tt.file, table.Format.Told())
			if !reflect.DeepEqual(again.Schema, peopleSchema) || !reflect.DeepEqual(rows, want) || again.Format.Kind != tt.want.Kind {
				t.Errorf("told: %+v, rows %q", again, rows)
			}
		})
	}
}

func peopleParquet(tb testing.TB, csv string) string {
	tb.Helper()
	table, err := tabular.InferCSV(tb.Context(), strings.NewReader(csv), tabular.CSVOptions{}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := tabular.NewCSVReader(strings.NewReader(csv), tabular.CSVOptions{Schema: table.Schema})
	if err != nil {
		tb.Fatal(err)
	}
	frame, err := tabular.ReadFrame(tb.Context(), r)
	if err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	w, err := tabular.NewParquetWriter(&out, table.Schema)
	if err == nil {
		err = w.Write(frame)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// TestToldEncodings reads the letters of every encoding that can be told.
func TestToldEncodings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set  *charmap.Charmap
		text string
	}{
		"iso-8859-1":   {charmap.ISO8859_1, "äß£ÿ"},
		"latin1":       {charmap.ISO8859_1, "äß£ÿ"},
		"iso-8859-2":   {charmap.ISO8859_2, "łőřž"},
		"ISO_8859-15":  {charmap.ISO8859_15, "€Šœ"},
		"windows-1250": {charmap.Windows1250, "łőř€"},
		"windows-1251": {charmap.Windows1251, "Жук"},
		"CP1252":       {charmap.Windows1252, "€“š”"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, rows := inspect(t, "a,b\n1,"+charset(t, tt.set, tt.text)+"\n", tabular.FormatOptions{Encoding: name})
			if rows[0][1] != tt.text {
				t.Errorf("got %q, want %q", rows[0][1], tt.text)
			}
		})
	}
	for _, name := range []string{"utf-16", "utf-16le", "UTF_16_LE"} {
		if _, rows := inspect(t, utf16Text("a\n\U0001f600\n", false), tabular.FormatOptions{Encoding: name}); rows[0][0] != "\U0001f600" {
			t.Errorf("%s: %q", name, rows)
		}
	}
	for _, name := range tabular.Encodings() {
		if err := (tabular.FormatOptions{Encoding: name}).Validate(); err != nil {
			t.Error(err)
		}
	}
}

// TestLateLetters checks that the encoding is decided by the letters wherever
// they are, and that a reader of the same file decides the same.
func TestLateLetters(t *testing.T) {
	t.Parallel()
	const rows = 200_000
	long := "name,n\n" + strings.Repeat("abcdef,1\n", rows)
	for want, last := range map[string]string{"windows-1252": "caf\xe9,2\n", "utf-8": "café,2\n"} {
		for _, packed := range []bool{false, true} {
			file := long + last
			if packed {
				file = zstded(t, file)
			}
			table, got := inspect(t, file, tabular.FormatOptions{})
			if table.Format.Encoding != want || got[rows][0] != "café" {
				t.Errorf("%s: %+v, %q", want, table.Format, got[rows])
			}
			if divisible := want == "utf-8" && !packed; table.Format.Divisible() != divisible {
				t.Errorf("%+v is divisible: %v", table.Format, !divisible)
			}
		}
	}
}
