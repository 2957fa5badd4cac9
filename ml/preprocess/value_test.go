package preprocess_test

import (
	"math"
	"testing"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// applied fits one step on x and applies it.
func applied(t *testing.T, x *frame.Frame, name string, parameters map[string]any) *frame.Frame {
	t.Helper()
	r, err := preprocess.Bind([]preprocess.Spec{{Name: name, Parameters: parameters}}, preprocess.SchemaOf(x), environment(t))
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Fit(t.Context(), preprocess.Frames{x}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.Apply(x)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestNumbersAsPeopleWriteThem reads numbers, and nothing that only looks like
// one: a day, an address, a version or a list.
func TestNumbersAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, decimal string
		want          float64
	}{
		{"1,234.50", "auto", 1234.5},
		{"1.234,50 €", "auto", 1234.5},
		{"1.234.567", "auto", 1_234_567},
		{"1,234,567", "auto", 1_234_567},
		{"12,34,567.5", "auto", 1_234_567.5},
		{"1 234 567,5", "auto", 1_234_567.5},
		{"1'234", "auto", 1234},
		{"1,234", "comma", 1.234},
		{"(1,000)", "auto", -1000},
		{"\u2212 12", "auto", -12},
		{"+7", "auto", 7},
		{"12 %", "auto", 0.12},
		{"1.5e3", "auto", 1500},
		{".5", "auto", 0.5},
		{"9007199254740993", "auto", 9007199254740992},
		{"31.12.2024", "auto", nan},
		{"192.168.1.1", "auto", nan},
		{"1.5.2", "auto", nan},
		{"1,2,3", "auto", nan},
		{"555 1234", "auto", nan},
		{"12,3456", "point", nan},
		{"1,2345.5", "auto", nan},
		{"1.234.5678", "auto", nan},
		{"1,,234", "auto", nan},
		{"1,234,", "point", nan},
		{"1234,567", "point", nan},
		{"1.5 000", "auto", nan},
		{"1e400", "auto", nan},
		{"infinity", "auto", nan},
		{"0x1p4", "auto", nan},
		{"\u0661", "auto", nan},
		{"", "auto", nan},
	} {
		x := newFrame(t, text("n", c.text, "1"))
		got := applied(t, x, "convert_type", map[string]any{"columns": []string{"n"}, "type": "float", "decimal": c.decimal}).Columns()[0].Float(0)
		if got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%q, %s, is %v, want %v", c.text, c.decimal, got, c.want)
		}
	}
}

// TestInstantsAndNumbers converts there and back: numbers of instants are seconds.
func TestInstantsAndNumbers(t *testing.T) {
	t.Parallel()
	x := newFrame(t, instants("at", "1969-12-31T23:59:58Z", "2024-01-01T00:00:00Z", "-", "0001-01-01T00:00:00Z"))
	for _, kind := range []string{"float", "integer"} {
		numbers := applied(t, x, "convert_type", map[string]any{"columns": []string{"at"}, "type": kind})
		c := numbers.Columns()[0]
		if c.Float(0) != -2 || c.Float(1) != 1704067200 || !c.Null(2) || c.Float(3) != -62135596800 {
			t.Errorf("%s: %v %v %v %v", kind, c.Float(0), c.Float(1), c.Float(2), c.Float(3))
		}
		back := applied(t, numbers, "convert_type", map[string]any{"columns": []string{"at"}, "type": "datetime"}).Columns()[0]
		for i := range x.Rows() {
			if was := x.Columns()[0]; back.Int(i) != was.Int(i) || back.Null(i) != was.Null(i) {
				t.Errorf("%s: row %d comes back as %d, was %d", kind, i, back.Int(i), was.Int(i))
			}
		}
	}
}

// TestNumbersAsTexts writes numbers out as long as anybody would.
func TestNumbersAsTexts(t *testing.T) {
	t.Parallel()
	values := []float64{1_000_000, 1_234_567.5, -0.25, 0.00001, 0, 1e21, 1e-7, nan}
	want := []string{"1000000", "1234567.5", "-0.25", "0.00001", "0", "1e+21", "1e-07", ""}
	c := applied(t, newFrame(t, frame.NewFloat("n", values)), "convert_type", map[string]any{"columns": []string{"n"}, "type": "string"}).Columns()[0]
	for i := range values {
		if c.Null(i) != math.IsNaN(values[i]) || !c.Null(i) && c.Text(i) != want[i] {
			t.Errorf("%v is %q, want %q", values[i], c.Text(i), want[i])
		}
	}
}

// TestLargeWholeNumbersAreNotConstant has numbers that no decimal number tells
// apart.
func TestLargeWholeNumbersAreNotConstant(t *testing.T) {
	t.Parallel()
	x := newFrame(t, frame.NewInt("id", frame.Int, []int64{1<<53 + 1, 1 << 53}, nil), frame.NewInt("same", frame.Int, []int64{1 << 60, 1 << 60}, nil))
	if names := applied(t, x, "drop_constant_columns", nil).Names(); len(names) != 1 || names[0] != "id" {
		t.Errorf("there is %q, want id alone", names)
	}
}
