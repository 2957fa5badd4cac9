package preprocess_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

var update = flag.Bool("update", false, "write the golden files and docs/transformations.md again")

// tables are the other tables of examples.
type tables map[string]*frame.Frame

var _ preprocess.Tables = tables{}

func (s tables) Describe(name string) (preprocess.Schema, int64, error) {
	x, ok := s[name]
	if !ok {
		return nil, 0, &ml.InputError{Code: "dataset_not_found", Parameter: "dataset", Row: -1, Message: "there is no such data set"}
	}
	return preprocess.SchemaOf(x), int64(x.Rows()), nil
}

func (s tables) Each(name string, columns []string, fn func(*frame.Frame) error) error {
	x, err := s[name].Select(columns...)
	if err != nil {
		return err
	}
	for _, part := range cut(x, 2) {
		if err := fn(part); err != nil {
			return err
		}
	}
	return nil
}

// stars hides values so that it can be seen what was hidden.
type stars struct{ key string }

var _ preprocess.Concealer = stars{}

func (stars) Mask(kind, value string) string {
	return kind + " of " + strconv.Itoa(len(value)) + " bytes"
}

func (stars) Hash(value string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(value))) }

func (s stars) Key() (string, error) {
	if s.key == "none" {
		return "", errors.New("there is no key")
	}
	return cmp.Or(s.key, "k1"), nil
}

func environment(tb testing.TB) preprocess.Environment {
	tb.Helper()
	return preprocess.Environment{Expressions: expression.Compiler{}, Concealer: stars{}, Tables: tables{"cities": newFrame(tb,
		text("name", "Oslo", "Rome", "Kyiv"), text("country", "Norway", "Italy", "-"), frame.NewFloat("people", []float64{0.7, 2.8, 2.9}),
		frame.NewInt("capital", frame.Bool, []int64{1, 1, 1}, nil), instants("founded", "1048-01-01T00:00:00Z", "-", "-"))}}
}

// table makes a frame of the columns of an example.
func table(tb testing.TB, columns []preprocess.Column) *frame.Frame {
	tb.Helper()
	made := make([]frame.Column, len(columns))
	for k, c := range columns {
		var texts []string
		var floats []float64
		var ints []int64
		var nulls frame.Bitmap
		for i, v := range c.Values {
			s, f, n := "", math.NaN(), int64(0)
			switch v := v.(type) {
			case nil:
				nulls.Set(i)
			case string:
				s = v
				if c.Type == "datetime" {
					if len(s) == len(time.DateOnly) {
						s += "T00:00:00Z"
					}
					at, err := time.Parse(time.RFC3339, s)
					if err != nil {
						tb.Fatal(err)
					}
					n = at.UnixMicro()
				}
			case int:
				f, n = float64(v), int64(v)
			case float64:
				f = v
			default:
				tb.Fatalf("column %q has the value %v", c.Name, v)
			}
			texts, floats, ints = append(texts, s), append(floats, f), append(ints, n)
		}
		switch c.Type {
		case "string":
			made[k] = frame.StringsOf(c.Name, texts, nulls.Get)
		case "float":
			made[k] = frame.NewFloat(c.Name, floats)
		case "integer":
			made[k] = frame.NewInt(c.Name, frame.Int, ints, nulls)
		case "datetime":
			made[k] = frame.NewInt(c.Name, frame.Time, ints, nulls)
		default:
			tb.Fatalf("column %q is of type %q", c.Name, c.Type)
		}
	}
	return newFrame(tb, made...)
}

// many draws rows of a table, with other numbers and instants.
func many(tb testing.TB, x *frame.Frame, n int) *frame.Frame {
	tb.Helper()
	r := rand.New(rand.NewPCG(11, 5))
	rows := make([]int, n)
	for i := range rows {
		rows[i] = r.IntN(x.Rows())
	}
	columns := x.Take(rows).Columns()
	made := make([]frame.Column, len(columns))
	for k, c := range columns {
		made[k] = c
		switch c.Type() {
		case frame.Float:
			values := slices.Clone(c.Floats())
			for i := range values {
				values[i] = math.Round(values[i] * (0.5 + r.Float64()))
			}
			made[k] = frame.NewFloat(c.Name(), values)
		case frame.Int, frame.Time:
			values := slices.Clone(c.Ints())
			var nulls frame.Bitmap
			for i := range values {
				values[i] += int64(r.IntN(20))
				if c.Null(i) {
					nulls.Set(i)
				}
			}
			made[k] = frame.NewInt(c.Name(), c.Type(), values, nulls)
		default:
		}
	}
	return newFrame(tb, made...)
}

// cut divides a frame into chunks of some rows.
func cut(x *frame.Frame, size int) preprocess.Frames {
	var parts preprocess.Frames
	for lo := 0; lo < x.Rows(); lo += size {
		var rows []int
		for i := lo; i < min(lo+size, x.Rows()); i++ {
			rows = append(rows, i)
		}
		parts = append(parts, x.Take(rows))
	}
	return parts
}

// cellText writes a value, types told apart.
func cellText(c frame.Column, i int) string {
	switch {
	case c.Null(i):
		return "-"
	case c.Type() == frame.String:
		return fmt.Sprintf("%q", c.Text(i))
	case c.Type() == frame.Time:
		return time.UnixMicro(c.Int(i)).UTC().Format("2006-01-02T15:04:05Z")
	case c.Type() == frame.Float:
		return fmt.Sprintf("%.10g", c.Float(i))
	default:
		return fmt.Sprint(c.Int(i))
	}
}

// dump writes a table in lines that can be compared.
func dump(x *frame.Frame) string {
	var b strings.Builder
	for _, c := range x.Columns() {
		fmt.Fprintf(&b, "%s %s:", c.Type(), c.Name())
		for i := range c.Len() {
			b.WriteString(" " + cellText(c, i))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func specOf(o preprocess.Operation) []preprocess.Spec {
	return []preprocess.Spec{{Name: o.Name, Parameters: o.Example.Parameters}}
}

func fit(tb testing.TB, specs []preprocess.Spec, x *frame.Frame, source preprocess.Source) *preprocess.FittedRecipe {
	tb.Helper()
	r, err := preprocess.Bind(specs, preprocess.SchemaOf(x), environment(tb))
	if err != nil {
		tb.Fatal(err)
	}
	f, err := r.Fit(tb.Context(), source, nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// through applies a recipe chunk by chunk.
func through(tb testing.TB, f *preprocess.FittedRecipe, parts preprocess.Frames) string {
	tb.Helper()
	p := f.Start()
	var out []*frame.Frame
	take := func(x *frame.Frame) error {
		out = append(out, x)
		return nil
	}
	for _, x := range parts {
		if err := p.Next(x, take); err != nil {
			tb.Fatal(err)
		}
	}
	if err := p.End(take); err != nil {
		tb.Fatal(err)
	}
	return join(out)
}

// join writes frames as dump would write them joined.
func join(parts []*frame.Frame) string {
	if len(parts) == 0 {
		return ""
	}
	var b strings.Builder
	for _, c := range parts[0].Columns() {
		fmt.Fprintf(&b, "%s %s:", c.Type(), c.Name())
		for _, p := range parts {
			c, ok := p.Column(c.Name())
			if !ok {
				b.WriteString(" gone")
				continue
			}
			for i := range c.Len() {
				b.WriteString(" " + cellText(c, i))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestVocabulary holds for every operation: what is documented is there, the
// example does what the golden file says, and training and prediction agree.
func TestVocabulary(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, o := range preprocess.Vocabulary() {
		if names[o.Name] {
			t.Errorf("%s is there twice", o.Name)
		}
		names[o.Name] = true
		t.Run(o.Name, func(t *testing.T) {
			t.Parallel()
			if o.Group == "" || o.Summary == "" || o.Runs == "" || o.Rows == "" || o.Prediction == "" || len(o.Example.Parameters) == 0 || len(o.Example.Before) == 0 {
				t.Fatalf("not described: %+v", o)
			}
			for _, p := range o.Parameters {
				if p.Doc == "" || p.Type == "" || p.Required && p.Default != nil {
					t.Errorf("parameter %+v", p)
				}
			}
			if o.Rows != preprocess.Keeps && o.Prediction != preprocess.Skipped && o.Name != "join_table" {
				t.Errorf("it %s rows in prediction", o.Rows)
			}
			x := table(t, o.Example.Before)
			golden(t, o, x)
			for _, rows := range []*frame.Frame{x, many(t, x, 300)} {
				agrees(t, o, rows)
			}
		})
	}
}

func golden(t *testing.T, o preprocess.Operation, x *frame.Frame) {
	t.Helper()
	f := fit(t, specOf(o), x, preprocess.Frames{x})
	after, err := f.Apply(x)
	if err != nil {
		t.Fatal(err)
	}
	explanation := f.Recipe().Explain(0)
	if strings.ContainsAny(explanation, "{}") || !strings.HasSuffix(explanation, ".") {
		t.Errorf("explained as %q", explanation)
	}
	parameters := plainJSON(t, o.Example.Parameters)
	got := fmt.Sprintf("%s\n%s\n%s\n\n%s\n%s", o.Name, parameters, explanation, dump(x), dump(after))
	path := filepath.Join("testdata", "operation", o.Name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no golden file: %v", err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	schema := f.Recipe().Schemas()[1]
	for _, c := range after.Columns() {
		if field, ok := schema.Lookup(c.Name()); !ok || field.Type != c.Type() || !field.Nullable && c.Nulls() > 0 {
			t.Errorf("column %q of type %s with %d missing values, announced as %+v", c.Name(), c.Type(), c.Nulls(), field)
		}
	}
}

// agrees checks that what is learned and made does not depend on chunks, that a
// written step does the same, and that single rows get what the table got.
func agrees(t *testing.T, o preprocess.Operation, x *frame.Frame) {
	t.Helper()
	whole := fit(t, specOf(o), x, preprocess.Frames{x})
	after, err := whole.Apply(x)
	if err != nil {
		t.Fatal(err)
	}
	want := dump(after)
	written := preprocess.Append(nil, whole.Steps())
	for _, size := range []int{1, 3, 64} {
		parts := cut(x, size)
		if got := through(t, whole, parts); got != want {
			t.Fatalf("in chunks of %d rows:\n%s\nwant\n%s", size, got, want)
		}
		chunked := fit(t, specOf(o), x, parts)
		if got := through(t, chunked, parts); got != want {
			t.Fatalf("learned in chunks of %d rows:\n%s\nwant\n%s", size, got, want)
		}
	}
	back, err := preprocess.DecodeWith(written, environment(t))
	if err != nil {
		t.Fatalf("%s does not come back: %v", o.Name, err)
	}
	if again := preprocess.Append(nil, back); !bytes.Equal(again, written) {
		t.Errorf("other bytes come back")
	}
	predicted, err := back[0].Transform(x)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case o.Prediction == preprocess.Skipped:
		want = dump(x)
	case o.Rows != preprocess.Keeps:
		return // rows that training lost are answered all the same
	}
	if got := dump(predicted); got != want {
		t.Errorf("predicted\n%s\nwant\n%s", got, want)
	}
	var rows []*frame.Frame
	for _, row := range cut(x, 1) {
		one, err := back[0].Transform(row)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, one)
	}
	if got := join(rows); got != want {
		t.Errorf("single rows\n%s\nwant\n%s", got, want)
	}
}

// TestDocumentUpToDate compares the table of docs/transformations.md.
func TestDocumentUpToDate(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- begin: generated by make docs -->\n", "<!-- end -->\n"
	path := filepath.Join("..", "..", "docs", "transformations.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, okEnd := strings.Cut(rest, end)
	if !ok || !okEnd {
		t.Fatalf("%s has no place for the table", path)
	}
	want := head + begin + document(t) + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(old) != want {
		t.Errorf("%s is out of date: run make docs", path)
	}
}

// TestFormatDocument looks for the kind of every step in docs/format/model.md.
func TestFormatDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "format", "model.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range preprocess.Vocabulary() {
		x := table(t, o.Example.Before)
		written := preprocess.Append(nil, fit(t, specOf(o), x, preprocess.Frames{x}).Steps())
		if line := fmt.Sprintf("| %d | `%s` |", written[4], o.Name); !strings.Contains(string(text), line) {
			t.Errorf("there is no line %s", line)
		}
	}
}

func document(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	group := ""
	for _, o := range preprocess.Vocabulary() {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "\n### %s\n\n| transformation | what it does | parameters | runs | rows | in prediction | example |\n|---|---|---|---|---|---|---|\n", strings.ToUpper(group[:1])+group[1:])
		}
		var parameters []string
		for _, p := range o.Parameters {
			parameters = append(parameters, parameterText(t, p))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | `%s` |\n", o.Name, o.Summary, strings.Join(parameters, "<br>"), o.Runs, o.Rows, o.Prediction, strings.ReplaceAll(plainJSON(t, o.Example.Parameters), "|", `\|`))
	}
	return b.String()
}

// plainJSON writes JSON as people do.
func plainJSON(tb testing.TB, v any) string {
	tb.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func parameterText(t *testing.T, p preprocess.Parameter) string {
	t.Helper()
	note := string(p.Type)
	if p.Required {
		note += ", required"
	}
	if len(p.Choices) > 0 {
		note += ": " + strings.Join(p.Choices, ", ")
	}
	if p.Min != nil {
		note += fmt.Sprintf(", at least %v", *p.Min)
	}
	if p.Max != nil {
		note += fmt.Sprintf(", at most %v", *p.Max)
	}
	if p.Default != nil {
		b, err := json.Marshal(p.Default)
		if err != nil {
			t.Fatal(err)
		}
		note += "; default " + string(b)
	}
	return fmt.Sprintf("`%s` (%s): %s", p.Name, note, p.Doc)
}
