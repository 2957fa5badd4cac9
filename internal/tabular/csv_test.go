package tabular_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
)

// collect reads everything as text: a row is its values, missing ones as "∅".
func collect(t *testing.T, r tabular.Reader) (rows [][]string, numbers, lines []int64, bad []tabular.BadRow) {
	t.Helper()
	for {
		c, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return rows, numbers, lines, bad
		}
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		rows = append(rows, texts(c)...)
		numbers = append(numbers, c.Rows...)
		lines = append(lines, c.Lines...)
		bad = append(bad, c.Bad...)
	}
}

func texts(c *tabular.Chunk) [][]string {
	var rows [][]string
	for i := range c.Frame.Rows() {
		var row []string
		for _, column := range c.Frame.Columns() {
			if column.Null(i) {
				row = append(row, "∅")
			} else {
				row = append(row, tabular.Text(column, i))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func TestCSVRecords(t *testing.T) {
	t.Parallel()
	header := tabular.FormatOptions{Header: new(true)}
	tests := []struct {
		name, in string
		o        tabular.FormatOptions
		want     [][]string
		lines    []int64
	}{
		{"plain", "a,b\n1,2\n3,4\n", header, [][]string{{"1", "2"}, {"3", "4"}}, []int64{2, 3}},
		{"no last newline", "a,b\n1,2", header, [][]string{{"1", "2"}}, []int64{2}},
		{"crlf", "a,b\r\n1,2\r\n3,4\r\n", header, [][]string{{"1", "2"}, {"3", "4"}}, []int64{2, 3}},
		{"cr", "a,b\r1,2\r3,4\r", header, [][]string{{"1", "2"}, {"3", "4"}}, []int64{2, 3}},
		{"blank lines", "\n\na,b\n\n1,2\n  \n3,4\n\n", header, [][]string{{"1", "2"}, {"3", "4"}}, []int64{5, 7}},
		{"byte order mark", "\ufeffa,b\n1,2\n", header, [][]string{{"1", "2"}}, []int64{2}},
		{"quotes", "a,b\n\"x,1\",\"say \"\"hi\"\"\"\n", header, [][]string{{"x,1", `say "hi"`}}, []int64{2}},
		{"newline in quotes", "a,b\n\"x\ny\",2\nz,3\n", header, [][]string{{"x\ny", "2"}, {"z", "3"}}, []int64{2, 4}},
		{"crlf in quotes", "a,b\r\n\"x\r\ny\",2\r\nz,3\r\n", header, [][]string{{"x\r\ny", "2"}, {"z", "3"}}, []int64{2, 4}},
		{"cr in quotes", "a,b\r\"x\ry\",2\rz,3\r", header, [][]string{{"x\ry", "2"}, {"z", "3"}}, []int64{2, 4}},
		{"blanks", "a, b\n 1 ,\t2\n", header, [][]string{{"1", "2"}}, []int64{2}},
		{"blanks in quotes are kept", "a, b\n\" 1 \", \" 2\" \n", header, [][]string{{" 1 ", " 2"}}, []int64{2}},
		{"missing", "a,b,c\n,NA,\"\"\n?,null,NaN\n", header, [][]string{{"∅", "∅", "∅"}, {"∅", "∅", "∅"}}, []int64{2, 3}},
		{"quote inside a field", "a,b\n5\" pipe,it's\n", header, [][]string{{`5" pipe`, "it's"}}, []int64{2}},
		{"single quotes", "a;b\n'x;1';'it''s'\n'y';'z'\n", tabular.FormatOptions{}, [][]string{{"x;1", "it's"}, {"y", "z"}}, []int64{2, 3}},
		{"tabs", "a\tb\n1\t\n\t4\n", header, [][]string{{"1", "∅"}, {"∅", "4"}}, []int64{2, 3}},
		{"no header", "1,2\n3,4\n", tabular.FormatOptions{}, [][]string{{"1", "2"}, {"3", "4"}}, []int64{1, 2}},
		{"one column", "name\nann\nbob\n", header, [][]string{{"ann"}, {"bob"}}, []int64{2, 3}},
		{"empty quoted first field", "a,b\n\"\",2\n", header, [][]string{{"∅", "2"}}, []int64{2}},
		{"empty quoted line", "a\n\"\"\nx\n", header, [][]string{{"∅"}, {"x"}}, []int64{2, 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, src := range []io.Reader{
				strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in)), iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				r, err := tabular.NewCSVReader(src, tabular.CSVOptions{Format: tt.o})
				if err != nil {
					t.Fatal(err)
				}
				rows, numbers, lines, _ := collect(t, r)
				if !reflect.DeepEqual(rows, tt.want) {
					t.Errorf("rows = %q, want %q", rows, tt.want)
				}
				if !reflect.DeepEqual(lines, tt.lines) {
					t.Errorf("lines = %v, want %v", lines, tt.lines)
				}
				for i, n := range numbers {
					if n != int64(i)+1 {
						t.Errorf("row %d has the number %d", i, n)
					}
				}
			}
		})
	}
}

func TestCSVErrors(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("c,", 10_000)
	var names strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&names, "c%d,", i)
	}
	tests := []struct {
		name, in, code string
		says           []string
	}{
		{"empty", "", "csv_empty", []string{"empty"}},
		{"blank", " \n\n\n", "csv_empty", nil},
		{"only a mark", "\ufeff", "csv_empty", nil},
		{"header only", "a,b\n", "csv_header_only", []string{"2 columns"}},
		{"ragged short", "a,b,c\n1,2,3\n4,5\n", "csv_ragged_row", []string{"line 3", "row 2", "expected 3 fields, found 2"}},
		{"ragged long", "a,b\n1,2\n4,5,6\n", "csv_ragged_row", []string{"line 3", "row 2", "expected 2 fields, found 3"}},
		{"unclosed", "a,b\n1,2\n3,\"x\n4,5\n", "csv_unclosed_quote", []string{"line 3", "row 2", `column "b"`}},
		{"unclosed in header", "a,\"b\n1,2\n", "csv_unclosed_quote", []string{"line 1"}},
		{"text after quote", "a,b\n1,2\n3,\"x\"y\n", "csv_bare_quote", []string{"line 3", "row 2", `column "b"`}},
		{"endless field", "a,b\n1,2\n3," + strings.Repeat("x", 2<<20), "csv_field_too_long", []string{"line 3", "row 2", `column "b"`, "1048576"}},
		{"endless quoted field", "a,b\n1,2\n3,\"" + strings.Repeat("x,y\n", 1<<19), "csv_field_too_long", []string{"line 3", "row 2", `column "b"`}},
		{"nul", "a,b\n1,2\n3,x\x00y\n", "csv_nul_byte", []string{"line 3", "row 2", `column "b"`}},
		{"latin-1", "a,b\n1,2\n3,caf\xe9\n", "csv_invalid_utf8", []string{"line 3", "row 2", `column "b"`, "0xE9"}},
		{"duplicate", "a,b,a\n1,2,3\n", "csv_duplicate_column", []string{"columns 1 and 3", `"a"`}},
		{"empty names", "a,,\n1,2,3\n", "csv_empty_column_name", []string{"column 2"}},
		{"lines above the header", "# exported in May\na,b\n1,2\n", "csv_ragged_row", []string{"line 2", "row 1", "above the header"}},
		{"long name", strings.Repeat("n", 2000) + ",b\n1,2\n", "csv_column_name_too_long", []string{"column 1"}},
		{"10,001 columns", names.String()[:names.Len()-1] + "\n" + wide + "c\n", "csv_too_many_columns", []string{"10001", "10000"}},
		{"xlsx", "PK\x03\x04\x14\x00\x06\x00", "csv_not_text", []string{"xlsx"}},
		{"gzip", "\x1f\x8b\x08\x00abc", "csv_not_text", []string{"gzip"}},
		{"png", "\x89PNG\r\n\x1a\n", "csv_not_text", []string{"PNG"}},
		{"pdf", "%PDF-1.7\n\xe2\xe3\xcf\xd3\n", "csv_not_text", []string{"PDF"}},
		{"utf-16", "\xff\xfea\x00,\x00b\x00", "csv_not_text", []string{"UTF-16"}},
		{"random", string(noise(4096)), "csv_not_text", []string{"not text"}},
		{"overflow", "a,b\n1,2\n2,1e999\n", "infinite_value", []string{"line 3", "row 2", `column "b"`, "1e999"}},
		{"infinity", "a,b\n1,2\n2,-Inf\n", "infinite_value", []string{"row 2", `column "b"`}},
		{"bad delimiter", "a", "invalid_delimiter", nil},
		{"bad quote", "a", "invalid_quote", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var o tabular.CSVOptions
			switch tt.name {
			case "bad delimiter":
				o.Format.Delimiter = "x"
			case "bad quote":
				o.Format.Quote = "x"
			case "empty name", "unclosed in header":
				o.Format.Header = new(true)
			}
			_, err := tabular.InferCSV(t.Context(), strings.NewReader(tt.in), o, nil)
			checkFault(t, err, tt.code, tt.says...)
		})
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func checkFault(t *testing.T, err error, code string, says ...string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Code != code || f.Class != fault.ClassInvalid {
		t.Fatalf("error = %.300v, want code %s", err, code)
	}
	all := f.Message
	for _, field := range f.Fields {
		all += "\n" + field.Location + ": " + field.Message
	}
	for _, s := range says {
		if !strings.Contains(all, s) {
			t.Errorf("error = %q, want it to say %q", all, s)
		}
	}
	if len(f.Message) > 600 {
		t.Errorf("message has %d bytes", len(f.Message))
	}
}

// A field that is too long is so whether or not it ends where the buffer does, and
// rows behind it are read.
func TestFieldsTooLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 70)
	for name, in := range map[string]string{
		"plain":            "a,b\n1,2\n3," + long + "\n5,6\n",
		"the first":        "a,b\n1,2\n" + long + ",4\n5,6\n",
		"quoted":           "a,b\n1,2\n3,\"" + long + "\"\n5,6\n",
		"with a line end":  "a,b\n1,2\n3,\"" + long + "\ny\"\n5,6\n",
		"at the end":       "a,b\n1,2\n5,6\n3," + long,
		"never closed":     "a,b\n1,2\n5,6\n3,\"" + long,
		"and then no text": "a,b\n1,2\n5,6\n3,\"" + long + "\" y",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := tabular.CSVOptions{Tolerant: true, Limits: tabular.Limits{Field: 64, Record: 1000}}
			r, err := tabular.NewCSVReader(strings.NewReader(in), o)
			if err != nil {
				t.Fatal(err)
			}
			rows, _, _, bad := collect(t, r)
			if len(bad) == 0 || bad[0].Code != "csv_field_too_long" {
				t.Fatalf("rows %q, bad %+v", rows, bad)
			}
			if !slices.Equal(rows[0], []string{"1", "2"}) || !slices.Equal(rows[len(rows)-1], []string{"5", "6"}) {
				t.Errorf("rows %q", rows)
			}
			o.Tolerant = false
			_, err = tabular.InferCSV(t.Context(), strings.NewReader(in), o, nil)
			checkFault(t, err, "csv_field_too_long")
		})
	}
}

func TestRecordTooLong(t *testing.T) {
	t.Parallel()
	in := "a,b\n" + strings.Repeat("x,", 600_000)
	_, err := tabular.InferCSV(t.Context(), strings.NewReader(in), tabular.CSVOptions{Limits: tabular.Limits{Record: 1 << 19, Field: 100}}, nil)
	checkFault(t, err, "csv_record_too_long", "line 2", "row 1")
}

func TestTolerantReading(t *testing.T) {
	t.Parallel()
	in := "id,n,when\n" +
		"a,1,2024-01-02\n" + // row 1
		"b,2\n" + // row 2: ragged
		"c,x,2024-01-02\n" + // row 3: type
		"d,\"3\"z,2024-01-02\n" + // row 4: text after a quote
		"e,5,2024-13-02\n" + // row 5: type
		"f,6\x00,2024-01-02\n" + // row 6: NUL
		"g,1e999,2024-01-02\n" + // row 7: infinite
		"h,8,\n" + // row 8
		"i,\"9,2024-01-02\n" + // row 9: never closed
		"j,10,2024-01-03\n" // row 10
	want := tabular.Schema{
		{Name: "when", Type: tabular.Datetime, Nullable: true},
		{Name: "n", Type: tabular.Integer, Nullable: true},
		{Name: "id", Type: tabular.String, Nullable: true},
	}
	r, err := tabular.NewCSVReader(strings.NewReader(in), tabular.CSVOptions{Tolerant: true, Schema: want, Format: tabular.FormatOptions{Header: new(true)}})
	if err != nil {
		t.Fatal(err)
	}
	rows, numbers, lines, bad := collect(t, r)
	if want := [][]string{{"2024-01-02T00:00:00Z", "1", "a"}, {"∅", "8", "h"}, {"2024-01-03T00:00:00Z", "10", "j"}}; !reflect.DeepEqual(rows, want) {
		t.Errorf("rows = %q", rows)
	}
	if !reflect.DeepEqual(numbers, []int64{1, 8, 10}) || !reflect.DeepEqual(lines, []int64{2, 9, 11}) {
		t.Errorf("numbers %v, lines %v", numbers, lines)
	}
	type short struct {
		row, line    int64
		column, code string
	}
	var got []short
	for _, b := range bad {
		got = append(got, short{b.Row, b.Line, b.Column, b.Code})
		if b.Reason == "" {
			t.Errorf("row %d has no reason", b.Row)
		}
	}
	if want := []short{
		{2, 3, "", "csv_ragged_row"},
		{3, 4, "n", "type_mismatch"},
		{4, 5, "n", "csv_bare_quote"},
		{5, 6, "when", "type_mismatch"},
		{6, 7, "n", "csv_nul_byte"},
		{7, 8, "n", "infinite_value"},
		{9, 10, "n", "csv_unclosed_quote"},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("bad rows = %v, want %v", got, want)
	}
}

func TestTolerantReadingSkipsAnEndlessLine(t *testing.T) {
	t.Parallel()
	in := io.MultiReader(strings.NewReader("a,b\n1,2\n"), strings.NewReader(strings.Repeat("x", 5<<20)), strings.NewReader("\r\n3,4\n"))
	r, err := tabular.NewCSVReader(in, tabular.CSVOptions{Tolerant: true})
	if err != nil {
		t.Fatal(err)
	}
	rows, numbers, lines, bad := collect(t, r)
	if len(rows) != 2 || numbers[1] != 3 || lines[1] != 4 || len(bad) != 1 || bad[0].Row != 2 || bad[0].Code != "csv_field_too_long" {
		t.Errorf("rows %q, numbers %v, lines %v, bad %+v", rows, numbers, lines, bad)
	}
}

func TestMissingColumns(t *testing.T) {
	t.Parallel()
	_, err := tabular.NewCSVReader(strings.NewReader("a,b\n1,2\n"), tabular.CSVOptions{Schema: tabular.Schema{{Name: "z"}, {Name: "a"}, {Name: "y"}}})
	checkFault(t, err, "missing_columns", `"z", "y"`, "2 of the columns", `column "z"`)
}

func TestInfer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		values string
		want   tabular.Type
		null   bool
	}{
		{"1 -2 +3", tabular.Integer, false},
		{"1 NA 3", tabular.Integer, true},
		{"9223372036854775807 -9223372036854775808", tabular.Integer, false},
		{"9223372036854775808 1", tabular.String, false},
		{"9223372036854775808 1.5", tabular.Float, false},
		{"007 12", tabular.String, false},
		{"0 12", tabular.Integer, false},
		{"007 1.5", tabular.Float, false},
		{"1 2.5", tabular.Float, false},
		{"1e3 .5 5. -1E-3", tabular.Float, false},
		{"1e-400 1", tabular.Float, false},
		{"0x10 1", tabular.String, false},
		{"1_000 1", tabular.String, false},
		{"1,5 2", tabular.Float, false},
		{"inf abc", tabular.String, false},
		{"1e999 abc", tabular.String, false},
		{"1 e", tabular.String, false},
		{"1e 1", tabular.String, false},
		{"1e+ 1", tabular.String, false},
		{". 1", tabular.String, false},
		{"- 1", tabular.String, false},
		{"true FALSE True", tabular.Boolean, false},
		{"true 1", tabular.String, false},
		{"true ?", tabular.Boolean, true},
		{"yes no", tabular.String, false},
		{"2024-02-29 2023-12-31", tabular.Datetime, false},
		{"2023-02-29", tabular.String, false},
		{"2024-01-02T03:04 2024-01-02T03:04:05.123456Z 2024-01-02T03:04:05+02:00", tabular.Datetime, false},
		{"2024/01/02 2024-01-02T03:04:05-0330", tabular.Datetime, false},
		{"2024-01-02T25:00", tabular.String, false},
		{"2024-01-02 true", tabular.String, false},
		{"2024-01-02 5", tabular.String, false},
		{"NA ? null", tabular.String, true},
		{"abc ?", tabular.String, true},
		{"? abc", tabular.String, true},
	}
	for _, tt := range tests {
		t.Run(tt.values, func(t *testing.T) {
			t.Parallel()
			in := "x;y\n"
			for v := range strings.FieldsSeq(tt.values) {
				in += v + ";z\n"
			}
			table, err := tabular.InferCSV(t.Context(), strings.NewReader(in), tabular.CSVOptions{Format: tabular.FormatOptions{Delimiter: ";", Header: new(true)}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if f := table.Schema[0]; f.Type != tt.want || f.Nullable != tt.null {
				t.Errorf("%+v, want %s, nullable %v", f, tt.want, tt.null)
			}
		})
	}
}

func TestTypedValues(t *testing.T) {
	t.Parallel()
	in := "i|f|b|t|s\n" +
		"007|1|TRUE|2024-01-02T03:04:05.5+01:30|x\n" +
		"-3.0|-1.25e2|false|0001-01-01|NA\n" +
		"NA|0.1|NA|1969-12-31 23:59:59|''\n"
	schema := tabular.Schema{
		{Name: "i", Type: tabular.Integer},
		{Name: "f", Type: tabular.Float},
		{Name: "b", Type: tabular.Boolean},
		{Name: "t", Type: tabular.Datetime},
		{Name: "s", Type: tabular.String},
	}
	r, err := tabular.NewCSVReader(strings.NewReader(in), tabular.CSVOptions{Schema: schema, Format: tabular.FormatOptions{Header: new(true), Quote: "'"}})
	if err != nil {
		t.Fatal(err)
	}
	rows, _, _, _ := collect(t, r)
	if want := [][]string{
		{"7", "1", "true", "2024-01-02T01:34:05.5Z", "x"},
		{"-3", "-125", "false", "0001-01-01T00:00:00Z", "∅"},
		{"∅", "0.1", "∅", "1969-12-31T23:59:59Z", "∅"},
	}; !reflect.DeepEqual(rows, want) {
		t.Errorf("rows = %q", rows)
	}
}

func TestStrictReadingNamesTheValue(t *testing.T) {
	t.Parallel()
	schema := tabular.Schema{{Name: "n", Type: tabular.Integer}}
	r, err := tabular.NewCSVReader(strings.NewReader("n,m\n1,2\n2.5,3\n"), tabular.CSVOptions{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Next(t.Context())
	checkFault(t, err, "type_mismatch", "line 3", "row 2", `column "n"`, `"2.5" is not an integer`)
}

func TestChunksHaveTheirSize(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	in.WriteString("n,s\n")
	const rows = 1000
	for i := range rows {
		fmt.Fprintf(&in, "%d,v%d\n", i, i%7)
	}
	for _, src := range []io.Reader{strings.NewReader(in.String()), iotest.HalfReader(strings.NewReader(in.String()))} {
		r, err := tabular.NewCSVReader(src, tabular.CSVOptions{Limits: tabular.Limits{ChunkRows: 300}})
		if err != nil {
			t.Fatal(err)
		}
		var sizes []int
		next := int64(1)
		err = tabular.Stream(t.Context(), r, func(c *tabular.Chunk) error {
			sizes = append(sizes, c.Frame.Rows())
			for _, n := range c.Rows {
				if n != next {
					return fmt.Errorf("row %d after %d", n, next-1)
				}
				next++
			}
			return nil
		})
		if err != nil || !reflect.DeepEqual(sizes, []int{300, 300, 300, 100}) {
			t.Errorf("sizes %v, error %v", sizes, err)
		}
	}
}

func TestStreamEndsEarly(t *testing.T) {
	t.Parallel()
	in := "n\n" + strings.Repeat("1\n", 100_000)
	open := func() tabular.Reader {
		r, err := tabular.NewCSVReader(strings.NewReader(in), tabular.CSVOptions{Limits: tabular.Limits{ChunkRows: 100}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	stop := errors.New("stop")
	calls := 0
	if err := tabular.Stream(t.Context(), open(), func(*tabular.Chunk) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("error %v after %d calls", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := tabular.Stream(ctx, open(), func(*tabular.Chunk) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context canceled", err)
	}
	if _, err := open().Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context canceled", err)
	}
	broken := io.MultiReader(strings.NewReader(in), iotest.ErrReader(stop))
	r, err := tabular.NewCSVReader(broken, tabular.CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tabular.Stream(t.Context(), r, func(*tabular.Chunk) error { return nil }); !errors.Is(err, stop) {
		t.Errorf("error %v, want the reader's", err)
	}
	if _, err := tabular.NewCSVReader(iotest.ErrReader(stop), tabular.CSVOptions{}); !errors.Is(err, stop) {
		t.Errorf("error %v, want the reader's", err)
	}
}

func TestReadFrame(t *testing.T) {
	t.Parallel()
	in := "n,s,f\n1,a,0.5\nNA,b,\n3,a,2\n4,,3\n"
	table, err := tabular.InferCSV(t.Context(), strings.NewReader(in), tabular.CSVOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tabular.NewCSVReader(strings.NewReader(in), tabular.CSVOptions{Schema: table.Schema, Limits: tabular.Limits{ChunkRows: 1}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := tabular.ReadFrame(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := tabular.NewWriter(&out, tabular.KindCSV, tabular.SchemaOf(f))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(f), w.Close()); err != nil {
		t.Fatal(err)
	}
	if want := "n,s,f\n1,a,0.5\n,b,\n3,a,2\n4,,3\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if s, _ := f.Column("s"); len(s.Dict()) != 2 || s.Nulls() != 1 {
		t.Errorf("dictionary %q with %d missing", s.Dict(), s.Nulls())
	}
}
