package tabular_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
)

func TestSniffCSV(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in         string
		delimiter, quote string
		header           bool
	}{
		{"comma", "a,b\n1,2\n", ",", `"`, true},
		{"semicolon with decimal commas", "name;price\nx;1,5\ny;2,75\n", ";", `"`, true},
		{"tab", "a\tb c, d\n1\t2\n", "\t", `"`, true},
		{"bar", "a|b\nx|y\n", "|", `"`, true},
		{"text with commas in a semicolon file", "id;text\n1;a, b, c\n2;d\n3;e, f\n", ";", `"`, true},
		{"one column", "name\nann\nbob\n", ",", `"`, true},
		{"one column with a comma somewhere", "text\nhello\nwell, yes\nno\nnever\n", "\t", `"`, true},
		{"quoted delimiters", "a,b\n\"1,2,3\",x\n\"4;5\",y\n", ",", `"`, true},
		{"single quotes", "a,b\n'1,2',x\n'3,4',y\n", ",", "'", true},
		{"single quotes around all", "'a';'b'\n'x;y';'z'\n", ";", "'", true},
		{"apostrophes are no quotes", "a,b\nit's,1\n'tis,2\n", ",", `"`, true},
		{"numbers from the start", "1,2\n3,4\n", ",", `"`, false},
		{"words from the start, one again", "red,x\nblue,y\nred,z\nx,x\n", ",", `"`, false},
		{"words only", "city,country\nrome,italy\nparis,france\n", ",", `"`, true},
		{"years as names", "name,2019,2020\nann,x,y\n", ",", `"`, true},
		{"a column for each year", "country,2019,2020,2021\nrome,5,6,1\nparis,7,8,2\n", ",", `"`, true},
		{"two years", "country,2020,2019\nrome,5.5,6\nparis,7,8\n", ",", `"`, true},
		{"a column for each month", "1;2;3;4\n5;6.5;1;0\n7;8;9;12\n", ";", `"`, true},
		{"numbers that count in every row", "1,2,3\n4,5,6\n7,8,9\n", ",", `"`, false},
		{"two numbers that count by chance", "7,8\n5,9\n1,12\n", ",", `"`, false},
		{"years in rows", "2019,2020\n2020,2021\n", ",", `"`, false},
		{"one row of numbers", "1,2,3\n", ",", `"`, false},
		{"one row of names", "a,b,c\n", ",", `"`, true},
		{"missing value first", "1.5,?\n2.5,3\n", ",", `"`, false},
		{"dates", "2024-01-01,5\n2024-01-02,6\n", ",", `"`, false},
		{"ragged rows do not matter", "a;b;c\n1;2;3\n1;2\n4;5;6\n", ";", `"`, true},
		{"unclosed quote does not matter", "a;b\n1;2\n3;\"4\n5;6\n7;8\n", ";", `"`, true},
		{"old mac", "a;b\r1;2\r", ";", `"`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, mark := range []string{"", "\ufeff"} {
				f, err := tabular.SniffCSV([]byte(mark+tt.in), true, tabular.FormatOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if want := (tabular.Format{Kind: "csv", Delimiter: tt.delimiter, Quote: tt.quote, Header: tt.header, BOM: mark != ""}); !reflect.DeepEqual(f, want) {
					t.Errorf("got %+v, want %+v", f, want)
				}
			}
		})
	}
}

// A first line that tells the delimiter is no header, and counts as a line.
func TestALineThatTellsTheDelimiter(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"sep=;\na,1;b\nx;2\n", "\ufeffSEP=;\r\na,1;b\r\nx;2\r\n", "sep=;\ra,1;b\rx;2\r"} {
		table, err := tabular.Inspect(t.Context(), memory(in), tabular.Options{}, nil)
		if err != nil || table.Format.Delimiter != ";" || !reflect.DeepEqual(table.Schema.Names(), []string{"a,1", "b"}) || table.Rows != 1 {
			t.Errorf("%q: %+v, error %v", in, table, err)
			continue
		}
		r, err := tabular.NewCSVReader(strings.NewReader(in), tabular.CSVOptions{Format: table.Format.Told(), Tolerant: true})
		if err != nil {
			t.Fatal(err)
		}
		if rows, _, lines, _ := collect(t, r); len(rows) != 1 || rows[0][1] != "2" || lines[0] != 3 {
			t.Errorf("%q: rows %q in lines %v", in, rows, lines)
		}
	}
	_, err := tabular.Inspect(t.Context(), memory("sep=;\na;b\nx;2;3\n"), tabular.Options{}, nil)
	checkFault(t, err, "csv_ragged_row", "line 3")
	table, err := tabular.Inspect(t.Context(), memory("sep=,b\n1,2\n"), tabular.Options{}, nil)
	if err != nil || table.Schema[0].Name != "sep=" {
		t.Errorf("%+v, error %v", table, err)
	}
}

func TestColumnsWithoutANameAreCalledByTheirPlace(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		",a\n0,1\n":                         {"column_1", "a"},
		"a,b,\n1,2,\n":                      {"a", "b", "column_3"},
		",column_1,\"\",c\n1,2,3,4\n":       {"column_1_2", "column_1", "column_3", "c"},
		",column_1_2,column_1,x\n1,2,3,4\n": {"column_1_3", "column_1_2", "column_1", "x"},
	} {
		table, err := tabular.Inspect(t.Context(), memory(in), tabular.Options{}, nil)
		if err != nil || !reflect.DeepEqual(table.Schema.Names(), want) {
			t.Errorf("%q: %+v, error %v", in, table, err)
		}
	}
}

func TestMarkupIsNoTable(t *testing.T) {
	t.Parallel()
	for in, says := range map[string]string{
		"<!DOCTYPE html>\n<html><body>sign in</body></html>": "an HTML page", "\ufeff\n <HTML>\n<p>\n": "an HTML page",
		"<table border=1>\n<tr><td>1</td></tr>\n": "an HTML table", "<?xml version=\"1.0\"?>\n<Workbook/>\n": "an XML document",
	} {
		_, err := tabular.Inspect(t.Context(), memory(in), tabular.Options{}, nil)
		checkFault(t, err, "csv_not_text", says)
	}
	if _, err := tabular.Inspect(t.Context(), memory("<p>,b\n1,2\n"), tabular.Options{}, nil); err != nil {
		t.Error(err)
	}
	// Who says that it is CSV is believed.
	if _, err := tabular.Inspect(t.Context(), memory("<?xml?>,b\n1,2\n"), tabular.Options{Format: tabular.FormatOptions{Kind: "csv"}}, nil); err != nil {
		t.Error(err)
	}
}

func TestSniffingALongFile(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	in.WriteString("id;amount;note\n")
	for i := range 20_000 {
		fmt.Fprintf(&in, "%d;%d,50;\"a;b\"\n", i, i)
	}
	r, err := tabular.NewCSVReader(strings.NewReader(in.String()), tabular.CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if f := r.Format(); f.Delimiter != ";" || !f.Header || len(r.Names()) != 3 {
		t.Errorf("format %+v, names %q", f, r.Names())
	}
}

// A field in quotes that goes on behind what the sniffer looks at does not make
// its lines records of one column.
func TestSniffingAQuoteThatStaysOpen(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x\n", 100_000)
	tests := []struct {
		name, in, code string
	}{
		{"closed later", "a;b\n1;\"" + long + "\"\n2;y\n", ""},
		{"never closed", "a;b\n1;\"" + long, "csv_unclosed_quote"},
		{"endless", "a;b\n1;\"" + strings.Repeat(long, 12), "csv_field_too_long"},
		{"after good rows", "a;b\n1;y\n2;z\n3;\"" + strings.Repeat(long, 12), "csv_field_too_long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := tabular.NewCSVReader(strings.NewReader(tt.in), tabular.CSVOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if f := r.Format(); f.Delimiter != ";" || f.Quote != `"` || len(r.Names()) != 2 {
				t.Errorf("format %+v, names %q", f, r.Names())
			}
			for err == nil {
				_, err = r.Next(t.Context())
			}
			if tt.code == "" && !errors.Is(err, io.EOF) || tt.code != "" && fault.CodeOf(err) != tt.code {
				t.Errorf("read: %v, want code %q", err, tt.code)
			}
		})
	}
}

func TestOptionsOverrideTheSniffer(t *testing.T) {
	t.Parallel()
	o := tabular.FormatOptions{Delimiter: "|", Quote: "'", Header: new(false)}
	f, err := tabular.SniffCSV([]byte("a,b\n1,2\n"), true, o)
	if want := (tabular.Format{Kind: "csv", Delimiter: "|", Quote: "'"}); err != nil || !reflect.DeepEqual(f, want) {
		t.Errorf("got %+v, %v, want %+v", f, err, want)
	}
	if kind := tabular.SniffKind([]byte("PAR1abc")); kind != tabular.KindParquet {
		t.Errorf("kind %q", kind)
	}
	if kind := tabular.SniffKind([]byte("a,b")); kind != tabular.KindCSV {
		t.Errorf("kind %q", kind)
	}
}

func TestTextThatLooksLikeMagic(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"ORC,elf\n1,2\n", "GIF87,b\n1,2\n", "BZh,b\n1,2\n", "%PDF-,b\n1,2\n"} {
		if _, err := tabular.SniffCSV([]byte(in), true, tabular.FormatOptions{}); err != nil {
			t.Errorf("%q: %v", in, err)
		}
	}
}
