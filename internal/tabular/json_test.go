package tabular_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/narrativeml/narrative/internal/tabular"
)

func TestObjects(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in    string
		names []string
		rows  [][]string
	}{
		"flattened once":         {`[{"a":{"b":1,"c":{"d":[1, 2]}},"e":"x"}]`, []string{"a.b", "a.c", "e"}, [][]string{{"1", `{"d":[1,2]}`, "x"}}},
		"lists are text":         {`[{"a":[ {"b" : "x\"y"}, null, true, 1.50, [] , {}, NaN ]}]`, []string{"a"}, [][]string{{`[{"b":"x\"y"},null,true,1.50,[],{},null]`}}},
		"names as they appear":   {`[{"b":1},{"a":2,"b":3},{"c":4}]`, []string{"b", "a", "c"}, [][]string{{"1", "∅", "∅"}, {"3", "2", "∅"}, {"∅", "∅", "4"}}},
		"missing":                {`[{"a":null,"b":"","c":"NA","d":NaN},{"a":"x","b":"y","c":"z","d":"w"}]`, []string{"a", "b", "c", "d"}, [][]string{{"∅", "∅", "∅", "∅"}, {"x", "y", "z", "w"}}},
		"escapes":                {`[{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}]`, []string{"a"}, [][]string{{"\"\\/\b\f\n\r\té\U0001f600"}}},
		"names with line ends":   {`[{" a \n b ":1},{"a b":2},{"a\r\nb":3}]`, []string{"a b"}, [][]string{{"1"}, {"2"}, {"3"}}},
		"numbers":                {`[{"a":0},{"a":-1.5e+3},{"a":1e308}]`, []string{"a"}, [][]string{{"0"}, {"-1500"}, {"1e+308"}}},
		"words":                  {`[{"a":true,"b":"false"},{"a":false,"b":"true"}]`, []string{"a", "b"}, [][]string{{"true", "false"}, {"false", "true"}}},
		"empty objects":          {`[{},{"a":1},{"b":{}}]`, []string{"a"}, [][]string{{"∅"}, {"1"}, {"∅"}}},
		"the second array":       {`{"empty":[],"names":["a"],"deep":{"x":[{"y":1}]},"rows":[{"a":1}],"end":[[{"z":1}]]}`, []string{"a"}, [][]string{{"1"}}},
		"codes":                  {`[{"a":"007"},{"a":"12"}]`, []string{"a"}, [][]string{{"007"}, {"12"}}},
		"large numbers are text": {`[{"a":12345678901234567890},{"a":1}]`, []string{"a"}, [][]string{{"12345678901234567890"}, {"1"}}},
		"lines":                  {"{\"a\":1}\n\n  {\"a\":2}  \r\n{\"b\":[{}]}", []string{"a", "b"}, [][]string{{"1", "∅"}, {"2", "∅"}, {"∅", "[{}]"}}},
		"one line":               {`{"a":1,"b":[1]}`, []string{"a", "b"}, [][]string{{"1", "[1]"}}},
		"a line with a table":    {"{\"a\":[{\"b\":1}]}\n{\"a\":[{\"b\":2}]}\n", []string{"a"}, [][]string{{`[{"b":1}]`}, {`[{"b":2}]`}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, rows := inspect(t, tt.in, tabular.FormatOptions{})
			if !reflect.DeepEqual(table.Schema.Names(), tt.names) || !reflect.DeepEqual(rows, tt.rows) {
				t.Errorf("%q: %q, want %q: %q", table.Schema.Names(), rows, tt.names, tt.rows)
			}
			// Who does not know the names finds them, at any pace of the source.
			r, c, err := tabular.Open(t.Context(), memory(tt.in), tabular.Options{})
			if err != nil || !reflect.DeepEqual(r.Names(), tt.names) {
				t.Fatal(err)
			}
			c.Close()
			slow, err := tabular.NewJSONReader(iotest.OneByteReader(strings.NewReader(tt.in)), tabular.JSONOptions{
				Lines: table.Format.Kind == "jsonl", Schema: table.Schema, Names: tt.names,
			})
			if err != nil {
				t.Fatal(err)
			}
			if rows, _, _, _ := collect(t, slow); !reflect.DeepEqual(rows, tt.rows) {
				t.Errorf("byte by byte: %q", rows)
			}
		})
	}
}

func TestJSONErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, code string
		says           []string
	}{
		{"ends early", "[{\"a\":1},\n{\"a\":", "json_syntax", []string{"line 2", "end of the file"}},
		{"ends before an object", "[{\"a\":1},\n", "json_syntax", []string{"line 2", "an object"}},
		{"ends behind an object", "[{\"a\":1}\n", "json_syntax", []string{"line 2", "a comma or ]"}},
		{"no comma", `[{"a":1} {"a":2}]`, "json_syntax", []string{`"{"`}},
		{"a comma too many", `[{"a":1},]`, "json_syntax", []string{`"]"`}},
		{"a comma in the object", "[{\"a\":1},\n{\n\"a\":1,}]", "json_syntax", []string{"line 3", "row 2", "a name in double quotes"}},
		{"something behind", `[{"a":1}] x`, "json_syntax", []string{"the end of the file"}},
		{"two documents", "{\n\"a\":1}\n{\n\"a\":2}", "json_syntax", nil},
		{"text behind an object", "{\"a\":1} x\n{\"a\":2}\n", "json_syntax", []string{"line 1", "the end of the line"}},
		{"a number as a row", "[{\"a\":1},\n5]", "json_not_object", []string{"line 2", "row 2"}},
		{"a list as a row", `[[1,2],[3,4]]`, "json_not_object", []string{"row 1"}},
		{"a list as a line", "{\"a\":1}\n[1]\n", "json_not_object", []string{"line 2", "row 2"}},
		{"a bare name", `[{a:1}]`, "json_syntax", []string{`"a"`}},
		{"no colon", `[{"a" 1}]`, "json_syntax", []string{"a colon"}},
		{"no value", `[{"a":}]`, "json_syntax", []string{"a value"}},
		{"a leading zero", `[{"a":01}]`, "json_syntax", []string{"a value"}},
		{"a plus", `[{"a":+1}]`, "json_syntax", nil},
		{"a point without digits", `[{"a":1.}]`, "json_syntax", nil},
		{"a word", `[{"a":yes}]`, "json_syntax", []string{`"y"`}},
		{"a control character", "[{\"a\":\"x\ty\"}]", "json_syntax", []string{"0x09", `\u0009`, `column "a"`}},
		{"an unknown escape", `[{"a":"\x"}]`, "json_syntax", nil},
		{"half a character", `[{"a":"\ud83d"}]`, "json_bad_escape", []string{`column "a"`}},
		{"no digits", `[{"a":"\u00g0"}]`, "json_bad_escape", nil},
		{"a nul", `[{"a":"\u0000"}]`, "json_nul_character", nil},
		{"a name twice", "[{\"a\":1},\n{\"b\":1,\"a\":2,\"a\":3}]", "json_duplicate_key", []string{"row 2", `column "a"`}},
		{"a name twice, flattened", `[{"a.b":1,"a":{"b":2}}]`, "json_duplicate_key", []string{`column "a.b"`}},
		{"no name", `[{" ":1}]`, "json_empty_column_name", nil},
		{"a long name", `[{"` + strings.Repeat("n", 2000) + `":1}]`, "json_column_name_too_long", []string{"2000"}},
		{"infinite", `[{"a":1},{"a":1e999}]`, "infinite_value", []string{"row 2", `column "a"`}},
		{"infinite by name", `[{"a":1},{"a":-Infinity}]`, "infinite_value", []string{"row 2"}},
		{"infinite in a list", `[{"a":[Infinity]}]`, "json_syntax", []string{"finite"}},
		{"a long value", `[{"a":"` + strings.Repeat("x", 2<<20) + `"}]`, "json_value_too_long", []string{`column "a"`, "1048576"}},
		{"a long object", `[{"a":1},{"a":"` + strings.Repeat("x", 20<<20) + `"}]`, "json_record_too_long", []string{"row 2", "16777216"}},
		{"a long line", "{\"a\":1}\n{\"a\":\"" + strings.Repeat("x", 20<<20) + "\"}\n", "json_record_too_long", []string{"line 2", "row 2"}},
		{"deep", `[{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}]`, "json_too_deep", []string{"100"}},
		{"many columns", `[{` + manyMembers(10_001) + `}]`, "json_too_many_columns", []string{"10001", "10000"}},
		{"no rows", `[]`, "json_no_rows", nil},
		{"values without rows", `[1,2,"x"]` + "\n", "json_not_object", []string{`"1"`}},
		{"values on lines", "[1,\"a\"]\n[2,\"b\"]\n", "json_not_object", nil},
		{"columns of rows", `{"a":{"0":1,"1":2},"b.c":{"0":3,"1":4}}`, "json_by_columns", []string{"records"}},
		{"a table in parts", `{"columns":["a"],"index":[0],"data":[[1]]}`, "json_by_columns", nil},
		{"no rows in the object", `{"rows":[]}` + "\n", "json_no_rows", nil},
		{"empty rows", `[{},{}]`, "json_no_columns", nil},
		{"two tables", `{"a":[{"x":1}],"b":[{"y":1}]}`, "json_several_tables", []string{`"a" and "b"`}},
		{"a member without a name", `{"a":[{"x":1}],5}`, "json_syntax", nil},
		{"a member without a value", `{"a":[{"x":1}],"b"}`, "json_syntax", nil},
		{"a text that never ends", `{"a":[{"x":1}],"b":"` + strings.Repeat("x", 20<<20), "json_syntax", []string{"end of the file"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := tabular.FormatOptions{}
			if strings.HasPrefix(tt.in, `{"rows"`) {
				o.Kind = "json"
			}
			_, err := tabular.Inspect(t.Context(), memory(tt.in), tabular.Options{Format: o}, nil)
			checkFault(t, err, tt.code, tt.says...)
		})
	}
}

// One object may be a row, whatever its names look like.
func TestOneObjectOfObjects(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`{"a":{"0":1},"b":{"0":2}}`, `{"a":{"0":1,"1":2},"b":3}`, `{"a":{"x":1,"y":2},"b":{"x":3,"y":4}}`, `{"data":1,"index":2}`} {
		table, err := tabular.Inspect(t.Context(), memory(in), tabular.Options{}, nil)
		if err != nil || table.Rows != 1 {
			t.Errorf("%s: %+v, error %v", in, table, err)
		}
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"c%d":%d`, i, i)
	}
	return b.String()[1:]
}

func TestTolerantObjects(t *testing.T) {
	t.Parallel()
	objects := []string{`{"a":1}`, `{"a":`, `5`, `{"a":"x"}`, `{"a":2,"a":3}`, `{"a":"` + strings.Repeat("y", 20<<20) + `"}`, `{"b":{"c":4},"a":5}`, "{\"a\":\"\xe4\xfc\xfc\"}"}
	schema := tabular.Schema{{Name: "b.c", Type: tabular.Integer}, {Name: "a", Type: tabular.Integer}}
	for kind, in := range map[string]string{"jsonl": strings.Join(objects, "\n"), "json": "[" + strings.ReplaceAll(strings.Join(objects, ",\n"), `"a":,`, `"a":}, `) + "]"} {
		r, c, err := tabular.Open(t.Context(), memory(in), tabular.Options{Format: tabular.FormatOptions{Encoding: "utf-8"}, Tolerant: true, Schema: schema, IDColumn: "a"})
		if err != nil {
			t.Fatal(err)
		}
		rows, numbers, lines, bad := collect(t, r)
		if want := [][]string{{"∅", "1"}, {"4", "5"}}; !reflect.DeepEqual(rows, want) || !reflect.DeepEqual(numbers, []int64{1, 7}) || !reflect.DeepEqual(lines, []int64{1, 7}) {
			t.Errorf("%s: rows %q, numbers %v, lines %v", kind, rows, numbers, lines)
		}
		got := ""
		for _, b := range bad {
			got += fmt.Sprintf("%d:%d:%s:%s ", b.Row, b.Line, b.Column, b.Code)
		}
		if want := "2:2:a:json_syntax 3:3::json_not_object 4:4:a:type_mismatch 5:5:a:json_duplicate_key 6:6::json_record_too_long 8:8::json_invalid_utf8 "; got != want {
			t.Errorf("%s: bad rows %s\nwant %s", kind, got, want)
		}
		c.Close()
	}
	_, _, err := tabular.Open(t.Context(), memory(`[{"a":1}]`), tabular.Options{Tolerant: true, Schema: schema})
	checkFault(t, err, "missing_columns", `"b.c"`)
}

// TestObjectsThatWiden checks that a chunk does not become large when an object
// has many names that those before it had not.
func TestObjectsThatWiden(t *testing.T) {
	t.Parallel()
	narrow := strings.Repeat(`{"c0":1},`, 1500)
	table, rows := inspect(t, "["+narrow+"{"+manyMembers(9000)+"},"+narrow+`{"c8999":7}]`, tabular.FormatOptions{})
	if len(table.Schema) != 9000 || len(rows) != 3002 || rows[1500][8999] != "8999" || rows[3001][8999] != "7" || rows[3000][0] != "1" || rows[0][8999] != "∅" {
		t.Errorf("%d columns, %d rows", len(table.Schema), len(rows))
	}
	for _, f := range table.Schema[1:] {
		if !f.Nullable || f.Type != tabular.Integer {
			t.Fatalf("%+v", f)
		}
	}
}

// rowsOfJSON is an array of objects in one line, made as it is read.
type rowsOfJSON struct {
	left int
	b    []byte
}

func (r *rowsOfJSON) Read(p []byte) (int, error) {
	for len(r.b) == 0 {
		switch {
		case r.left > 0:
			r.b = fmt.Appendf(nil, `{"id":%d,"name":"person %x","score":%d.5,"tags":["a","b"]},`, r.left, r.left*2654435761, r.left%1000)
		case r.left == 0:
			r.b = []byte(`{"id":0,"late":1}]`)
		default:
			return 0, io.EOF
		}
		r.left--
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}

func TestALongLineOfJSON(t *testing.T) {
	t.Parallel()
	const rows = 300_000 // about 20 MB, more than a record may have
	src := io.MultiReader(strings.NewReader("["), &rowsOfJSON{left: rows})
	most := int64(0)
	table, err := tabular.InferJSON(t.Context(), src, tabular.JSONOptions{}, func(n int64) { most = n })
	if err != nil || table.Rows != rows+1 || most != rows+1 || len(table.Schema) != 5 {
		t.Fatalf("%+v, %v", table, err)
	}
}

func TestNamesMustBeKnown(t *testing.T) {
	t.Parallel()
	if _, err := tabular.NewJSONReader(strings.NewReader("[]"), tabular.JSONOptions{}); err == nil {
		t.Error("the names are not known")
	}
	_, c, err := tabular.Open(t.Context(), memory(`[]`), tabular.Options{Tolerant: true})
	checkFault(t, err, "json_no_rows")
	if c != nil || errors.Is(err, io.EOF) {
		t.Error("there is nothing to read")
	}
}
