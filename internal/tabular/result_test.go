package tabular_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

func mixed(tb testing.TB) *frame.Frame {
	tb.Helper()
	var nulls frame.Bitmap
	nulls.Set(1)
	f, err := frame.New(
		frame.NewString("=text", []int32{0, -1, 1, 2}, []string{"a,\"b\"\n", "=1+1", "plain"}),
		frame.NewFloat("float", []float64{0.1, math.NaN(), 1e300, -0.5}),
		frame.NewInt("int", frame.Int, []int64{1, 0, math.MinInt64, 4}, nulls),
		frame.NewInt("bool", frame.Bool, []int64{1, 0, 0, 1}, nulls),
		frame.NewInt("time", frame.Time, []int64{0, 0, 1, 1_700_000_000_000_000}, nulls),
	)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func write(tb testing.TB, kind string, f *frame.Frame) string {
	tb.Helper()
	var out bytes.Buffer
	w, err := tabular.NewWriter(&out, kind, tabular.SchemaOf(f))
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(w.Write(f), w.Close()); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

func TestWriteCSV(t *testing.T) {
	t.Parallel()
	want := "\"'=text\",float,int,bool,time\n" +
		"\"a,\"\"b\"\"\n\",0.1,1,true,1970-01-01T00:00:00Z\n" +
		",,,,\n" +
		"\"'=1+1\",1e+300,-9223372036854775808,false,1970-01-01T00:00:00.000001Z\n" +
		"plain,-0.5,4,true,2023-11-14T22:13:20Z\n"
	if got := write(t, tabular.KindCSV, mixed(t)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Whatever a spreadsheet may take for a formula gets an apostrophe, and numbers
// stay numbers.
func TestFormulasInCSV(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"=1+1": `"'=1+1"`, "+cmd": `"'+cmd"`, "-x": `"'-x"`, "@SUM(A1)": `"'@SUM(A1)"`, "\t=1": "\"'\t=1\"", "\r=1": "\"'\r=1\"", "\n=1": "\"'\n=1\"",
		"\uff1d1+1": "\"'\uff1d1+1\"", "\uff20x": "\"'\uff20x\"", "-inf": `"'-inf"`,
		"-5": "-5", "+4930123456": "+4930123456", "-1.5e3": "-1.5e3", "a=1": "a=1", "\uff21": "\uff21",
	} {
		got := write(t, tabular.KindCSV, frameOf(t, frame.StringsOf("a", []string{text}, nil)))
		if got != "a\n"+want+"\n" {
			t.Errorf("%q is written as %q", text, got)
		}
	}
}

func frameOf(tb testing.TB, columns ...frame.Column) *frame.Frame {
	tb.Helper()
	f, err := frame.New(columns...)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestWriteJSONLines(t *testing.T) {
	t.Parallel()
	got := write(t, tabular.KindJSONL, mixed(t))
	want := `{"=text":"a,\"b\"\n","float":0.1,"int":1,"bool":true,"time":"1970-01-01T00:00:00Z"}
{"=text":null,"float":null,"int":null,"bool":null,"time":null}
{"=text":"=1+1","float":1e+300,"int":-9223372036854775808,"bool":false,"time":"1970-01-01T00:00:00.000001Z"}
{"=text":"plain","float":-0.5,"int":4,"bool":true,"time":"2023-11-14T22:13:20Z"}
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func TestFormulas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"=cmd()": `"'=cmd()"`, "+x": `"'+x"`, "-x": `"'-x"`, "@x": `"'@x"`, "\tx": "\"'\tx\"", "\rx": "\"'\rx\"",
		"-5": "-5", "+1.5e3": "+1.5e3", "-inf": `"'-inf"`, "x=1": "x=1", "a;b": `"a;b"`, "\x20x": `" x"`, "'x": `"'x"`,
	} {
		f, err := frame.New(frame.StringsOf("s", []string{text}, nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := write(t, tabular.KindCSV, f); got != "s\n"+want+"\n" {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAMissingValueAloneIsStillARow(t *testing.T) {
	t.Parallel()
	f, err := frame.New(frame.NewFloat("x", []float64{math.NaN(), 1}))
	if err != nil {
		t.Fatal(err)
	}
	got := write(t, tabular.KindCSV, f)
	table, err := tabular.InferCSV(t.Context(), strings.NewReader(got), tabular.CSVOptions{Format: tabular.FormatOptions{Header: new(true)}}, nil)
	if err != nil || table.Rows != 2 {
		t.Errorf("%q reads as %+v, %v", got, table, err)
	}
}

func TestWritersRefuse(t *testing.T) {
	t.Parallel()
	if _, err := tabular.NewWriter(nil, "xml", nil); fault.CodeOf(err) != "unsupported_format" {
		t.Errorf("error %v", err)
	}
	f := mixed(t)
	for _, kind := range []string{tabular.KindCSV, tabular.KindJSONL, tabular.KindParquet} {
		schema := tabular.Schema{{Name: "nope", Type: tabular.Float}}
		w, err := tabular.NewWriter(&bytes.Buffer{}, kind, schema)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(f); err == nil {
			t.Errorf("%s: a frame without the column was written", kind)
		}
		w, err = tabular.NewWriter(iotest.TruncateWriter(brokenWriter{}, 0), kind, tabular.SchemaOf(f))
		if err == nil {
			err = errors.Join(w.Write(f), w.Close())
		}
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		w, err = tabular.NewWriter(brokenWriter{}, kind, tabular.SchemaOf(f))
		if err == nil {
			err = errors.Join(w.Write(f), w.Close())
		}
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: error %v, want the writer's", kind, err)
		}
	}
	for _, schema := range []tabular.Schema{nil, {{Name: ""}}, {{Name: "a"}, {Name: "a"}}} {
		if _, err := tabular.NewParquetWriter(&bytes.Buffer{}, schema); err == nil {
			t.Errorf("schema %v was taken", schema)
		}
	}
	w, err := tabular.NewParquetWriter(&bytes.Buffer{}, tabular.Schema{{Name: "float", Type: tabular.Float}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(f); err == nil {
		t.Error("missing values went into a column that has none")
	}
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestValues(t *testing.T) {
	t.Parallel()
	f, err := frame.New(frame.NewFloat("x", []float64{math.Inf(1), math.NaN(), 2}))
	if err != nil {
		t.Fatal(err)
	}
	c := f.Columns()[0]
	if tabular.Value(c, 0) != nil || tabular.Value(c, 1) != nil || tabular.Value(c, 2) != 2.0 || tabular.Text(c, 1) != "" {
		t.Error("values are not as JSON has them")
	}
	b := frame.NewInt("b", frame.Bool, []int64{1}, nil)
	if tabular.Value(b, 0) != true || tabular.Text(b, 0) != "true" {
		t.Error("a boolean is not true")
	}
}
