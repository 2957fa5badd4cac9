package frame_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml/frame"
)

func bitmap(set ...int) frame.Bitmap {
	var b frame.Bitmap
	for _, i := range set {
		b.Set(i)
	}
	return b
}

// mixed is a frame with a column of every type and a missing value in each.
func mixed(t *testing.T) *frame.Frame {
	t.Helper()
	f, err := frame.New(
		frame.NewFloat("f", []float64{1.5, math.NaN(), -2}),
		frame.NewInt("i", frame.Int, []int64{7, 99, 9}, bitmap(1)),
		frame.NewInt("b", frame.Bool, []int64{1, 0, 0}, bitmap(2)),
		frame.NewInt("t", frame.Time, []int64{1, 2, 3}, bitmap(0)),
		frame.NewString("s", []int32{1, -1, 0}, []string{"low", "high"}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestBitmap(t *testing.T) {
	t.Parallel()
	b := bitmap(0, 63, 64, 200)
	for _, c := range []struct{ n, want int }{{0, 0}, {1, 1}, {63, 1}, {64, 2}, {65, 3}, {200, 3}, {201, 4}, {1000, 4}} {
		if got := b.Count(c.n); got != c.want {
			t.Errorf("%d below %d, want %d", got, c.n, c.want)
		}
	}
	if !b.Get(200) || b.Get(199) || b.Get(5000) {
		t.Error("Get differs from what was set")
	}
}

func TestColumnValues(t *testing.T) {
	t.Parallel()
	f := mixed(t)
	number := map[string][]float64{"f": {1.5, math.NaN(), -2}, "i": {7, math.NaN(), 9}, "b": {1, 0, math.NaN()}, "t": {math.NaN(), 2, 3}}
	for name, want := range number {
		c, ok := f.Column(name)
		if !ok || c.Nulls() != 1 || !c.Type().Numeric() {
			t.Errorf("column %q: found %v, %d missing, type %s", name, ok, c.Nulls(), c.Type())
		}
		for i, w := range want {
			got := c.Float(i)
			if got != w && !(math.IsNaN(got) && math.IsNaN(w)) || c.Null(i) != math.IsNaN(w) {
				t.Errorf("%s[%d] is %v, want %v", name, i, got, w)
			}
		}
	}
	i, _ := f.Column("i")
	if i.Int(1) != 0 || i.Int(2) != 9 || i.Ints() == nil || i.Floats() != nil {
		t.Errorf("integers are %d and %d", i.Int(1), i.Int(2))
	}
	s, _ := f.Column("s")
	if s.Text(0) != "high" || s.Text(1) != "" || s.Code(1) != -1 || !math.IsNaN(s.Float(0)) || s.Nulls() != 1 || s.Type().Numeric() {
		t.Errorf("strings are %q, %q with code %d", s.Text(0), s.Text(1), s.Code(1))
	}
	if s.Rename("z").Name() != "z" || s.Name() != "s" || len(s.Codes()) != 3 || len(s.Dict()) != 2 {
		t.Error("a renamed column changes the original")
	}
}

func TestTypeNames(t *testing.T) {
	t.Parallel()
	want := []string{"float", "integer", "boolean", "string", "datetime", "Type(5)"}
	for i, w := range want {
		if got := frame.Type(i).String(); got != w {
			t.Errorf("type %d is %q, want %q", i, got, w)
		}
	}
}

func TestStringsOf(t *testing.T) {
	t.Parallel()
	c := frame.StringsOf("s", []string{"b", "a", "b", ""}, func(i int) bool { return i == 1 })
	if !slices.Equal(c.Codes(), []int32{0, -1, 0, 1}) || !slices.Equal(c.Dict(), []string{"b", ""}) {
		t.Errorf("codes %v, dictionary %q", c.Codes(), c.Dict())
	}
	if all := frame.StringsOf("s", []string{"x"}, nil); all.Nulls() != 0 {
		t.Error("a value is missing")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	one, two := frame.NewFloat("a", []float64{1}), frame.NewFloat("b", []float64{1, 2})
	for want, columns := range map[string][]frame.Column{
		"no name":    {frame.NewFloat("", nil)},
		"both named": {one, one},
		"has 2 rows": {one, two},
	} {
		if _, err := frame.New(columns...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){
		"float as integer":     func() { frame.NewInt("x", frame.Float, nil, nil) },
		"code beyond the dict": func() { frame.NewString("x", []int32{1}, []string{"a"}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func TestSelectWithoutTake(t *testing.T) {
	t.Parallel()
	f := mixed(t)
	s, err := f.Select("s", "f")
	if err != nil || !slices.Equal(s.Names(), []string{"s", "f"}) {
		t.Fatalf("selected %v, error %v", s.Names(), err)
	}
	if _, err := f.Select("nothing"); err == nil {
		t.Error("a column that is not there is selected")
	}
	if got := f.Without("f", "i", "b", "t", "s"); got.Rows() != 3 || len(got.Columns()) != 0 {
		t.Errorf("%d rows and %d columns are left", got.Rows(), len(got.Columns()))
	}
	taken := f.Take([]int{2, 0, 2})
	if taken.Rows() != 3 {
		t.Fatalf("%d rows", taken.Rows())
	}
	for _, c := range taken.Columns() {
		from, _ := f.Column(c.Name())
		for i, row := range []int{2, 0, 2} {
			if c.Null(i) != from.Null(row) || c.Type() == frame.String && c.Text(i) != from.Text(row) ||
				c.Type() != frame.String && !c.Null(i) && c.Float(i) != from.Float(row) {
				t.Errorf("column %q differs in row %d", c.Name(), i)
			}
		}
	}
}
