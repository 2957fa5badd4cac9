package tabular_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
)

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	none := tabular.FormatOptions{}
	table := "a,b\n1,2\n3,4\n"
	long := table + strings.Repeat("5,6\n", 50_000)
	tests := []struct {
		name, file string
		o          tabular.FormatOptions
		code       string
		says       []string
	}{
		{"unknown kind", table, tabular.FormatOptions{Kind: "xml"}, "invalid_kind", []string{"csv, json, jsonl, xlsx or parquet", "body.kind"}},
		{"unknown compression", table, tabular.FormatOptions{Compression: "lzma"}, "invalid_compression", []string{"none, gzip or zstd"}},
		{"unknown encoding", table, tabular.FormatOptions{Encoding: "ebcdic"}, "invalid_encoding", []string{"utf-8", "windows-1252"}},
		{"strange sheet", table, tabular.FormatOptions{Sheet: "a\nb"}, "invalid_sheet", nil},
		{"delimiter of json", `[{"a":1}]`, tabular.FormatOptions{Delimiter: ","}, "option_not_for_kind", []string{"body.delimiter", "json"}},
		{"delimiter of told json", table, tabular.FormatOptions{Kind: "json", Delimiter: ","}, "option_not_for_kind", nil},
		{"sheet of csv", table, tabular.FormatOptions{Sheet: "1"}, "option_not_for_kind", []string{"body.sheet"}},
		{"encoding of xlsx", peopleXLSX(t), tabular.FormatOptions{Encoding: "utf-8"}, "option_not_for_kind", []string{"body.encoding"}},
		{"no header of json", `[{"a":1}]`, tabular.FormatOptions{Header: new(false)}, "option_not_for_kind", []string{"body.header"}},
		{"gzip cut off", gzipped(t, long)[:200], none, "compression_damaged", []string{"ends early"}},
		{"gzip cut off in its head", gzipped(t, long)[:5], none, "compression_damaged", []string{"ends early"}},
		{"gzip with a broken sum", broken(gzipped(t, table), -6), none, "compression_damaged", []string{"damaged"}},
		{"gzip and something behind", gzipped(t, table) + "and more", none, "compression_damaged", nil},
		{"zstd cut off", zstded(t, long)[:30], none, "compression_damaged", []string{"ends early"}},
		{"zstd with a broken sum", broken(zstded(t, table), -1), none, "compression_damaged", []string{"damaged"}},
		{"told gzip", table, tabular.FormatOptions{Compression: "gzip"}, "compression_damaged", nil},
		{"gzip in gzip", gzipped(t, gzipped(t, table)), none, "csv_not_text", []string{"gzip", "once more"}},
		{"gzip told none", gzipped(t, table), tabular.FormatOptions{Compression: "none"}, "csv_not_text", []string{"gzip"}},
		{"parquet in gzip", gzipped(t, "PAR1PAR1"), none, "compressed_container", []string{"parquet", "gzip"}},
		{"workbook in zstd", zstded(t, peopleXLSX(t)), none, "compressed_container", []string{"xlsx"}},
		{"nothing in gzip", gzipped(t, ""), none, "csv_empty", nil},
		{"utf-32", "\xff\xfe\x00\x00a\x00\x00\x00", none, "unsupported_encoding", []string{"UTF-32"}},
		{"the mark of another encoding", "\xff\xfea\x00", tabular.FormatOptions{Encoding: "utf-8"}, "encoding_mismatch", []string{"utf-16le", "utf-8"}},
		{"half a character of utf-16", utf16Text("a,b\n1,2\n3,\U0001f600", false)[:22], none, "csv_undecodable", []string{"line 3", "row 2", `column "b"`, "utf-16le"}},
		{"an odd byte of utf-16", utf16Text(table, false) + "x", none, "csv_undecodable", []string{"line 4"}},
		{"a letter that windows-1252 has not", "a,b\n1,\xe9\n2,\x81\n", none, "csv_undecodable", []string{"line 3", "row 2", `column "b"`, "windows-1252"}},
		{"windows-1252 told latin-1", "a,b\n1,\x80\n", tabular.FormatOptions{Encoding: "latin-1"}, "csv_undecodable", []string{"line 2", "iso-8859-1"}},
		{"two encodings", "a,b\nü,1\nö,2\nä\xe4,3\n", none, "csv_invalid_utf8", []string{"line 4", "row 3", `column "a"`, "0xE4", "windows-1252"}},
		{"told utf-8", "a,b\n1,\xe9\n", tabular.FormatOptions{Encoding: "utf-8"}, "csv_invalid_utf8", []string{"line 2"}},
		{"two encodings in json", "[{\"a\":\"üö\"},\n{\"a\":\"\xe4\"}]", none, "json_invalid_utf8", []string{"line 2", "row 2"}},
		{"half a character in json", utf16Text("[{\"a\":\"\xff\"},{\"a\":2}]", false)[:14] + "\x00\xd8\"\x00}\x00]\x00", none, "json_undecodable", []string{"row 1"}},
		{"noise", string(noise(4096)), none, "csv_not_text", []string{"control characters"}},
		{"a nul in a short file", "a,b\n1,x\x00y\n", none, "csv_nul_byte", []string{"line 2", `column "b"`}},
		{"a nul", "a,b\n1,2\n3,x\x00y\n", none, "csv_nul_byte", []string{"line 3", "row 2"}},
		{"a picture", "\x89PNG\r\n\x1a\n", none, "csv_not_text", []string{"PNG"}},
		{"an old workbook", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", none, "csv_not_text", []string{".xls", "password"}},
		{"parquet", "PAR1 and no more", none, "parquet_damaged", nil},
		{"told parquet", table, tabular.FormatOptions{Kind: "parquet"}, "parquet_damaged", nil},
		{"told xlsx", table, tabular.FormatOptions{Kind: "xlsx"}, "xlsx_damaged", nil},
		{"told json", table, tabular.FormatOptions{Kind: "json"}, "json_syntax", []string{"line 1"}},
		{"told csv", `[{"a":1},{"a":2}]` + "\n", tabular.FormatOptions{Kind: "csv", Header: new(true)}, "csv_header_only", nil},
		{"empty", "", none, "csv_empty", nil},
		{"empty json", " ", tabular.FormatOptions{Kind: "json"}, "json_empty", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tabular.Inspect(t.Context(), memory(tt.file), tabular.Options{Format: tt.o}, nil)
			checkFault(t, err, tt.code, tt.says...)
			// Who reads for a prediction is told the same of the file as a whole.
			r, c, err := tabular.Open(t.Context(), memory(tt.file), tabular.Options{Format: tt.o, Tolerant: true})
			if err == nil {
				defer c.Close()
				_, err = tabular.ReadFrame(t.Context(), r)
			}
			if err != nil && fault.ClassOf(err) != fault.ClassInvalid {
				t.Errorf("tolerant: %v", err)
			}
		})
	}
}

// broken changes one byte, counted from the end.
func broken(file string, at int) string {
	b := []byte(file)
	b[len(b)+at] ^= 0xff
	return string(b)
}

func TestBombs(t *testing.T) {
	t.Parallel()
	zeros := "a\n" + strings.Repeat("0\n", 4<<20)
	limits := tabular.Limits{ExpandedFree: 1 << 20}
	for name, file := range map[string]string{
		"gzip": gzipped(t, zeros), "zstd": zstded(t, zeros),
		"sheet":  book(t, map[string]string{"xl/worksheets/sheet1.xml": sheetXML(strings.Repeat("<row><c><v>1</v></c></row>", 200_000))}),
		"texts":  book(t, map[string]string{"xl/sharedStrings.xml": "<sst>" + strings.Repeat("<si><t>a</t></si>", 300_000) + "</sst>"}),
		"styles": book(t, map[string]string{"xl/styles.xml": "<styleSheet>" + strings.Repeat("<cellXfs></cellXfs>", 300_000) + "</styleSheet>"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tabular.Inspect(t.Context(), memory(file), tabular.Options{Limits: limits}, nil)
			checkFault(t, err, "expands_too_far", "250 times")
			_, err = tabular.Inspect(t.Context(), memory(file), tabular.Options{Limits: tabular.Limits{Expanded: 1 << 20}}, nil)
			checkFault(t, err, "expands_too_far", "1048576 bytes")
			if name == "gzip" {
				if _, err := tabular.Inspect(t.Context(), memory(file), tabular.Options{}, nil); err != nil {
					t.Errorf("8 MiB of zeros are no bomb: %v", err)
				}
			}
		})
	}
}

// absent is a file that cannot be read, at once or after a while.
type absent struct {
	open, at error
	from     io.Reader
}

func (a absent) Open(context.Context) (io.ReadCloser, error) {
	if a.open != nil {
		return nil, a.open
	}
	return io.NopCloser(a.from), nil
}

func (a absent) OpenAt(context.Context) (io.ReaderAt, int64, error) {
	return readerAt{a.at}, 1 << 20, a.open
}

type readerAt struct{ err error }

func (r readerAt) ReadAt([]byte, int64) (int, error) { return 0, r.err }

// TestFilesThatCannotBeRead checks that what is not the file's fault is not told
// as if it were.
func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	away := errors.New("connection reset")
	after := func(head string) io.Reader { return io.MultiReader(strings.NewReader(head), iotest.ErrReader(away)) }
	long := strings.Repeat("1,2\n", 100_000)
	for name, file := range map[string]absent{
		"gone":             {open: away},
		"at once":          {from: iotest.ErrReader(away)},
		"csv":              {from: after("a,b\n" + long)},
		"latin-1":          {from: after("a,b\n\xe9" + long)},
		"utf-16":           {from: after(utf16Text("a,b\n"+long, false))},
		"gzip":             {from: after(gzipped(t, long+fmt.Sprintf("%x", noise(90_000)))[:70_000])},
		"gzip in its head": {from: after("\x1f\x8b\x08")},
		"zstd":             {from: after(zstded(t, long+fmt.Sprintf("%x", noise(90_000)))[:70_000])},
		"json":             {from: after("[" + strings.Repeat(`{"a":1},`, 100_000))},
		"json lines":       {from: after(strings.Repeat("{\"a\":1}\n", 100_000))},
		"parquet":          {from: strings.NewReader("PAR1"), at: away},
		"xlsx":             {from: strings.NewReader("PK\x03\x04"), at: away},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := tabular.Inspect(t.Context(), file, tabular.Options{}, nil); !errors.Is(err, away) || fault.ClassOf(err) != fault.ClassInternal {
				t.Errorf("error %v", err)
			}
		})
	}
}
