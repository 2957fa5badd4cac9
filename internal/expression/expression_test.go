package expression_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// people is a table with a column of each type and missing values in each.
func people(tb testing.TB) *frame.Frame {
	tb.Helper()
	nan := math.NaN()
	at := func(s string) int64 {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			tb.Fatal(err)
		}
		return t.UnixMicro()
	}
	x, err := frame.New(
		frame.NewFloat("price", []float64{1.5, nan, 0, -4}),
		frame.NewInt("age", frame.Int, []int64{34, 17, 0, 51}, frame.Bitmap{4}),
		frame.NewInt("paid", frame.Bool, []int64{1, 0, 0, 1}, frame.Bitmap{4}),
		frame.StringsOf("city", []string{"Oslo", "Rome", "", "São Paulo"}, func(i int) bool { return i == 2 }),
		frame.NewInt("joined", frame.Time, []int64{at("2020-02-29T12:00:00Z"), at("2024-01-01T00:00:00Z"), 0, at("1999-12-31T23:00:00Z")}, frame.Bitmap{4}),
		frame.NewFloat("annual income", []float64{12, 24, nan, 48}),
		frame.NewFloat("in", []float64{1, 2, 3, 4}),
	)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

func show(c frame.Column) string {
	var all []string
	for i := range c.Len() {
		switch {
		case c.Null(i):
			all = append(all, "-")
		case c.Type() == frame.String:
			all = append(all, c.Text(i))
		case c.Type() == frame.Float:
			all = append(all, fmt.Sprint(c.Float(i)))
		case c.Type() == frame.Time:
			all = append(all, time.UnixMicro(c.Int(i)).UTC().Format(time.RFC3339))
		default:
			all = append(all, fmt.Sprint(c.Int(i)))
		}
	}
	return strings.Join(all, " ")
}

func TestValues(t *testing.T) {
	t.Parallel()
	x := people(t)
	for _, c := range [][2]string{
		{`price * 2.0`, "3 - 0 -8"},
		{`price / 0.0`, "- - - -"},
		{`-price + 1.0`, "-0.5 - 1 5"},
		{`age / 0`, "- - - -"},
		{`age + 1`, "35 18 - 52"},
		{`9223372036854775807 + age`, "- - - -"},
		{`double(age) / 2.0`, "17 8.5 - 25.5"},
		{`price > 1.0 && paid`, "1 0 0 0"},
		{`price > 1.0 || paid`, "1 - - 1"},
		{`!paid`, "0 1 - 0"},
		{`age >= 18`, "1 0 - 1"},
		{`18 <= age`, "1 0 - 1"},
		{`age < price`, "0 - - 0"},
		{`city == "Oslo"`, "1 0 - 0"},
		{`"Oslo" != city`, "0 1 - 1"},
		{`city in ["Oslo", "Rome"]`, "1 1 - 0"},
		{`age < 18 ? "child" : "adult"`, "adult child - adult"},
		{`paid ? price : 0.0`, "1.5 0 - -4"},
		{`missing(price)`, "0 1 0 0"},
		{`missing(price + 1.0) || missing(city)`, "0 1 1 0"},
		{`missing(int(city))`, "1 1 1 1"},
		{`log(price) < 1.0`, "1 - 1 -"},
		{`missing(age / 0)`, "1 1 1 1"},
		{`missing(10.0 / price)`, "0 1 1 0"},
		{`default(price, 9.5)`, "1.5 9.5 0 -4"},
		{`default(12.0 / price, 9.5)`, "8 9.5 9.5 -3"},
		{`default(12.0 / price, 9.5) + sqrt(4.0)`, "10 11.5 11.5 -1"},
		{`default(price / price, 9.5)`, "1 9.5 9.5 1"},
		{`default(sqrt(price - price) / 0.0, 9.5)`, "9.5 9.5 9.5 9.5"},
		{`default(city, "none")`, "Oslo Rome none São Paulo"},
		{`upper(city) + "!"`, "OSLO! ROME! - SÃO PAULO!"},
		{`substring(city, 1, 3)`, "sl om - ão"},
		{`replace(city, "o", "0")`, "Osl0 R0me - Sã0 Paul0"},
		{`size(city)`, "4 4 - 9"},
		{`city.contains("o") && city.matches("^R")`, "0 1 - 0"},
		{`round(price) + sqrt(4.0)`, "4 - 2 -2"},
		{`greatest(price, age)`, "34 - - 51"},
		{`pow(age, 2)`, "1156 289 - 2601"},
		{`year(joined)`, "2020 2024 - 1999"},
		{`month(joined) * 100 + day(joined)`, "229 101 - 1231"},
		{`joined > date("2020-01-01")`, "1 1 - 0"},
		{`joined + duration("1h")`, "2020-02-29T13:00:00Z 2024-01-01T01:00:00Z - 2000-01-01T00:00:00Z"},
		{`days_between(date("2020-02-28"), joined)`, "1.5 1403 - -7363.041666666667"},
		{"`annual income` / 12.0", "1 2 - 4"},
		{"`in` + 1.0", "2 3 4 5"},
		{`"a` + "`" + `b" + string(age)`, "a`b34 a`b17 - a`b51"},
		{`int(city)`, "- - - -"},
		{`1.0`, "1 1 1 1"},
		{`"y"`, strings.TrimSpace(strings.Repeat("y ", 4))},
	} {
		source, want := c[0], c[1]
		e, err := expression.Compiler{}.Compile(source, preprocess.SchemaOf(x))
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		all, err := e.Evaluate(x)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := show(all); got != want || all.Type() != e.Type() {
			t.Errorf("%s gives %s, want %s", source, got, want)
		}
		// Row by row, where what is quick with many rows has nothing to win.
		for i := range x.Rows() {
			one, err := e.Evaluate(x.Take([]int{i}))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := show(one), show(all.Take([]int{i})); got != want {
				t.Errorf("%s of row %d alone gives %s, want %s", source, i, got, want)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	x := people(t)
	for source, want := range map[string]string{
		``:                        "expression_syntax",
		`price >`:                 "expression_syntax",
		`prise + 1.0`:             "missing_column price",
		"`annual incom` + 1.0":    "missing_column `annual income`",
		"`annual":                 "expression_syntax",
		`uper(city)`:              "expression_syntax upper",
		`age * 2.0`:               "expression_type double(column)",
		`city + 1`:                "expression_type '+' applied to '(string, int)'",
		`age > 1 ? city : 5`:      "expression_type both values have to be of the same type",
		`joined - joined`:         "expression_type days_between",
		`größe + 1`:               "expression_syntax backquotes",
		`city + "ö`:               "expression_syntax",
		`[price]`:                 "expression_type",
		`null`:                    "expression_type",
		`price.name`:              "expression",
		`[1, 2].all(v, v > 0)`:    "expression",
		"\xff":                    "expression_syntax",
		strings.Repeat("(", 5000): "expression_too_long",
		strings.Repeat("(", 300) + "1.0" + strings.Repeat(")", 300): "expression_syntax nested more than 50 deep",
		strings.Repeat("1.0 + ", 900) + "1.0":                       "expression_too_long",
	} {
		_, err := expression.Compiler{}.Compile(source, preprocess.SchemaOf(x))
		var e *ml.InputError
		code, near, _ := strings.Cut(want, " ")
		if !errors.As(err, &e) || !strings.HasPrefix(e.Code, code) || !strings.Contains(e.Message, near) {
			t.Errorf("%.60s: %v, want %s", source, err, want)
		}
	}
}

// TestNoBombs looks that a short expression cannot make a long text.
func TestNoBombs(t *testing.T) {
	t.Parallel()
	x := people(t)
	source := `city`
	for range 12 {
		source = `replace(` + source + `, "o", "oooooooo")`
	}
	e, err := expression.Compiler{}.Compile(source, preprocess.SchemaOf(x))
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Evaluate(x)
	if err != nil || !c.Null(0) {
		t.Errorf("%d bytes, %v", len(c.Text(0)), err)
	}
}

// TestOtherTables applies an expression to a table that lacks what it needs, or
// has it in another type.
func TestOtherTables(t *testing.T) {
	t.Parallel()
	x := people(t)
	e, err := expression.Compiler{}.Compile(`price > 1.0 && city == "Oslo"`, preprocess.SchemaOf(x))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Columns(); !slices.Equal(got, []string{"price", "city"}) {
		t.Errorf("columns %q", got)
	}
	var wrong *ml.InputError
	if _, err := e.Evaluate(x.Without("city")); !errors.As(err, &wrong) || wrong.Code != "missing_column" {
		t.Error(err)
	}
	c, _ := x.Column("age")
	other, err := frame.New(append(x.Without("city").Columns(), c.Rename("city"))...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Evaluate(other); !errors.As(err, &wrong) || wrong.Code != "column_type" {
		t.Error(err)
	}
}

// FuzzCompile compiles anything: what compiles can be evaluated, and the quick
// way gives what single rows give.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`price * 2.0`, `city in ["Oslo"]`, `default(price, 1.0) > 0.5 ? "a" : city`, "`annual income` / 12.0", `days_between(joined, date("2024-01-01"))`,
		`[price, 1.0][0]`, `city.matches("\\d$") || city < "ö"`, `timestamp(city) == joined`, `missing(log(price)) ? -age : age % 7`, `city.matches("(a+)+$")`, `substring(city, -1, 99)`, `"\u00e9" + r"\d" + '''x'''`, `-9223372036854775808 - age`, `timestamp("9999-12-31T23:59:59Z") + duration("1h")`,
	} {
		f.Add(s)
	}
	x := people(f)
	f.Fuzz(func(t *testing.T, source string) {
		e, err := expression.Compiler{}.Compile(source, preprocess.SchemaOf(x))
		var wrong *ml.InputError
		if err != nil {
			if !errors.As(err, &wrong) {
				t.Fatalf("%q: %v", source, err)
			}
			return
		}
		c, err := e.Evaluate(x)
		if err != nil {
			if !errors.As(err, &wrong) {
				t.Fatalf("%q: %v", source, err)
			}
			return
		}
		if c.Len() != x.Rows() || c.Type() != e.Type() {
			t.Fatalf("%q gives %d values of type %s", source, c.Len(), c.Type())
		}
		code, variables, err := e.(*expression.Expression).Python()
		if none := new(expression.NoPythonError); errors.As(err, &none) {
			return
		}
		if err != nil || code == "" || len(variables) != len(e.Columns()) || strings.Count(code, "(") < strings.Count(code, ")") && !strings.ContainsAny(code, `"`) {
			t.Fatalf("%q in Python is %q of %q: %v", source, code, variables, err)
		}
	})
}
