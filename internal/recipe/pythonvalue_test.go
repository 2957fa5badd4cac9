package recipe_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// nasty is a table of what computes badly.
func nasty(t *testing.T) (*frame.Frame, []columnJSON) {
	t.Helper()
	return messyTable(t, []preprocess.Column{
		{Name: "f", Type: "float", Values: []any{0.0, -0.5, 2.5, nil, 1e308, -1e-7, 0.49999999999999994, 1234567.5, 1e21, -3.0}},
		{Name: "g", Type: "float", Values: []any{0.0, 2.0, -2.5, 1.0, 10.0, 0.0, nil, 3.0, -1.0, 0.5}},
		{Name: "i", Type: "integer", Values: []any{0, -7, 7, nil, 1 << 53, -1 << 53, 1, 2, 3, -1}},
		{Name: "big", Type: "integer", Values: []any{math.MaxInt64, math.MinInt64, 1<<53 + 1, 1, 0, -1, 2, 3, 4, 5}},
		{Name: "k", Type: "integer", Values: []any{0, 2, -3, 1, -1, 5, nil, 9223372036854775807, 4, 0}},
		{Name: "s", Type: "string", Values: []any{"Straße", "İstanbul ΟΔΟΣ", "\u00a0e\u0301a\u2003", "", nil, "12", "-7.5e3", "日本語", "ǆ \x1c", "2024-02-30"}},
		{Name: "annual income", Type: "string", Values: []any{"2024-02-29", "a", "a", "b", "Z", nil, "0x1p4", "nan", "1e400", "9223372036854775808"}},
		{Name: "t", Type: "datetime", Values: []any{"1969-12-31T23:59:59Z", "1700-02-28", "2024-02-29T12:30:00Z", nil, "1970-01-01", "2000-12-31", "1999-01-03", "2024-06-01", "2100-03-01", "1900-01-01"}},
		{Name: "u", Type: "datetime", Values: []any{"1970-01-01", "1970-01-01T00:00:01Z", nil, "2024-02-29", "2200-01-01", "1999-12-31T23:00:00Z", "2024-02-29T12:30:00Z", "2000-01-01", "2000-01-02", "2000-01-03"}},
	}, 10, 1)
}

// TestPythonOfExpressions computes what there is in expressions in both worlds.
func TestPythonOfExpressions(t *testing.T) {
	t.Parallel()
	x, sent := nasty(t)
	var jobs []exported
	for _, source := range []string{
		"f + g", "f - g", "f * g", "f / g", "-f", "f / g > 1.0", "f / f == 1.0", "f == g || g > 0.0", "f != g && f < 1.0", "!(f >= g)", "f <= 0.0 ? s : \"else\"",
		"i + big", "i - big", "i * big", "i / k", "big / k", "big / -1", "i % k", "big % k", "-big", "-i", "i < big", "big > i", "i == k", "double(i) == f", "f == double(big)", "i < f", "f >= big",
		"missing(f)", "missing(f / g)", "missing(i / k)", "default(f / g, -1.0)", "default(i / k, 0)", "default(s, \"none\")", "missing(int(s)) || missing(t)", "default(int(s), i)",
		"lower(s)", "upper(s)", "trim(s)", "trim(s) + \"|\" + lower(s)", "replace(s, \"a\", \"bb\")", "replace(s, \"\", \"-\")", "substring(s, 1, 3)", "substring(s, -5, 2)", "substring(s, 4, 2)", "substring(s, i, k)", "size(s)",
		"s.contains(\"a\")", "s.startsWith(\"S\")", "s.endsWith(`annual income`)", "s.matches(\"^[A-Z]\")", "s.matches(\"\\\\d$\")", "s < \"b\"", "s in [\"12\", `annual income`]", "i in [1, 2, k]", "f in [0.0, 2.5]", "i in [0, 7]", "`annual income` == \"a\"",
		"abs(f)", "abs(i)", "round(f)", "round(i)", "floor(f)", "ceil(f)", "sqrt(f)", "exp(f)", "log(g)", "log(i)", "pow(f, g)", "pow(i, k)", "pow(g, -1)", "least(f, g)", "greatest(i, g)", "exp(g) > 100.0", "log(g) < -1.0",
		"date(s)", "date(`annual income`)", "date(\"2024-01-31\")", "year(t)", "month(t) * 100 + day(t)", "weekday(t)", "hour(u)", "days_between(t, u)", "t < u", "t == u", "t + duration(\"36h\")", "u - duration(\"1.5s\")", "t > timestamp(\"1999-06-01T00:00:00+02:00\")",
		"u - t > duration(\"24h\")", "string(u - t)", "t + duration(\"100000h\")",
		"double(s)", "double(`annual income`)", "double(big)", "int(s)", "int(`annual income`)", "int(f)", "int(f * 10.0)", "int(t)", "string(f)", "string(g * 1000000.0)", "string(i)", "string(big)", "string(t)", "string(f < g)", "string(s)",
		"true", "1.5e300 * 1.5e300 > f", "true || missing(s)", "false && f > 1.0", "f > 1.0 && i > 0 || k > 0", "missing(default(f, g))", "(f > 1.0 ? 1 : 0) + i",
	} {
		jobs = append(jobs, exportedSteps(t, x, sent, source, recipe.Step{Name: "derive_column", Parameters: map[string]any{"name": "made", "expression": source}}))
	}
	compare(t, jobs)
}

// exportedSteps is a recipe that is run in both worlds.
func exportedSteps(t *testing.T, x *frame.Frame, sent []columnJSON, name string, steps ...recipe.Step) exported {
	t.Helper()
	code, err := recipe.PythonOf(name, steps, schemasOfSteps(t, x, steps...))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return exported{Name: name, Code: code, Columns: sent, want: here(t, x, steps...)}
}

// TestPythonOfValues converts every type to every other, and writes texts in
// standard formats, in both worlds.
func TestPythonOfValues(t *testing.T) {
	t.Parallel()
	x, sent := nasty(t)
	type p = map[string]any
	var jobs []exported
	for _, to := range []string{"float", "integer", "boolean", "string", "datetime"} {
		s := recipe.Step{Name: "convert_type", Parameters: p{"columns": []any{"f", "g", "i", "s", "annual income", "t", "u"}, "type": to}}
		jobs = append(jobs, exportedSteps(t, x, sent, "to "+to, s), exportedSteps(t, x, sent, "twice to "+to, s, recipe.Step{Name: "convert_type", Parameters: p{"columns": []any{"f", "i", "t"}, "type": "string"}}))
	}
	column := func(texts []string) (*frame.Frame, []columnJSON) {
		values := []any{nil}
		for _, s := range texts {
			values = append(values, s)
		}
		return messyTable(t, []preprocess.Column{{Name: "x", Type: "string", Values: values}}, len(values), 1)
	}
	numbers, sentNumbers := column([]string{
		"1,234.50", "1.234,50 €", "1.234.567", "12,34,567.5", "1 234 567,5", "1'234", "1,234", "(1,000)", "(5 %)", "\u2212 12", "+7", "12 %", "1.5e3", ".5", "5.", ",5", "9007199254740993", "31.12.2024",
		"192.168.1.1", "1,2,3", "555 1234", "1,,234", "1234,567", "1.5 000", "1e400", "-1e-400", "inf", "0x1p4", "\u0661", "$", "()", "1_000", "\u00a01\u202f234 $", "--1", "1e", "1.2.3,4", "true", "Y", " off ", "0", "1",
	})
	instants, sentInstants := column([]string{
		"2024-02-29", "2023-02-29", "2024/2/1", "2024/02/01", "2024.12.31", "20240131", "1 feb 2024", "01 February 2024", "Feb 1, 2024", "february  1, 2024", "1-Mar-2024", "31.12.2024", "1.2.2024", "01/02/2024", "13/01/2024", "1-2-2024", "1/13/2024",
		"2024-01-31 9:05", "2024-01-31T23:59:59.9999999", "2024-01-31 12:00:00,5", "2024-01-31 12:30 AM", "1 Jan 2024 1:05 PM", "2024-01-31 13:05 PM", "2024-01-31T12:00:00Z", "2024-01-31T12:00:00+02:30", "2024-01-31 12:00:00-11:00", "2024-01-31T12:00Z", "2024-01-31 12:00Z",
		"2024-01-31t12:00:00z", "2024-01-31T24:00", "2024-01-31T12:60", "2024-13-01", "  2024-01-31  ", "1800-01-01", "1 Sept 2024", "2024-01-31T12", "12:00", "1700000000", "2024-1-31", "31.12.99", "2024-01-31   08:00:01",
	})
	texts, sentTexts := column([]string{
		" Ann@Example.ORG", "mailto:bob@example.com", "a..b@x.org", ".a@x.org", "a@b", "ünï@dömain.de", "a b@x.org", "a@-x.org", "o'neil+tag@mail.example.com", "İ@x.org",
		"030 / 123456", "+49 (0)30 123457", "0047 22 12 34 56", "call me", "+1-800-555-0199", "12", "+", "(0)30 1234567", "123\u00a0456\u00a0789", "++49 1234567",
		"Example.com", "HTTP://Example.com:80/A?b#c", "https://example.com:443/", "https://ünï.de/path/", "ftp://x.org", "example", "x.org:99999/?", "x.org/a b", "a-.org", "1.2.3.4:8080",
	})
	for _, first := range []bool{true, false} {
		for _, decimal := range []string{"auto", "point", "comma"} {
			for _, to := range []string{"float", "integer"} {
				jobs = append(jobs, exportedSteps(t, numbers, sentNumbers, fmt.Sprint(to, decimal), recipe.Step{Name: "convert_type", Parameters: p{"columns": []any{"x"}, "type": to, "decimal": decimal}}))
			}
			jobs = append(jobs, exportedSteps(t, numbers, sentNumbers, "number "+decimal, recipe.Step{Name: "standardise_format", Parameters: p{"format": "number", "decimal": decimal, "unknown": "missing"}}))
		}
		jobs = append(jobs,
			exportedSteps(t, instants, sentInstants, fmt.Sprint("instant ", first), recipe.Step{Name: "convert_type", Parameters: p{"columns": []any{"x"}, "type": "datetime", "day_first": first}}),
			exportedSteps(t, instants, sentInstants, fmt.Sprint("date ", first), recipe.Step{Name: "standardise_format", Parameters: p{"format": "date", "day_first": first}}))
	}
	for _, format := range []string{"email", "phone", "url", "boolean"} {
		jobs = append(jobs, exportedSteps(t, texts, sentTexts, format, recipe.Step{Name: "standardise_format", Parameters: p{"format": format, "country_code": "49", "unknown": "missing"}}))
	}
	for _, kind := range []string{"lower", "upper", "title", "sentence"} {
		jobs = append(jobs, exportedSteps(t, x, sent, kind, recipe.Step{Name: "change_case", Parameters: p{"case": kind}}))
	}
	jobs = append(jobs, exportedSteps(t, x, sent, "trim", recipe.Step{Name: "trim_text", Parameters: p{"collapse": true}}))
	for _, group := range []string{"f", "i", "s", "t"} {
		jobs = append(jobs, exportedSteps(t, x, sent, "split by "+group, recipe.Step{Name: "split_rows", Parameters: p{"group": group, "test_fraction": 0.5}}))
	}
	compare(t, jobs)
}

// TestPythonOfStrictSteps has the program fail where the step fails.
func TestPythonOfStrictSteps(t *testing.T) {
	t.Parallel()
	x, _ := nasty(t)
	s := recipe.Step{Name: "convert_type", Parameters: map[string]any{"columns": []any{"s"}, "type": "integer", "unknown": "fail"}}
	code, err := recipe.PythonOf("x", []recipe.Step{s}, schemasOfSteps(t, x, s))
	if err != nil || !strings.Contains(code, "converted(df[c], given, \"integer\", True, ") {
		t.Errorf("%v\n%s", err, code)
	}
}

// TestExpressionsWithoutPython are refused by what has no counterpart.
func TestExpressionsWithoutPython(t *testing.T) {
	t.Parallel()
	x, _ := nasty(t)
	for source, want := range map[string]string{
		`t.getFullYear() > 2000`:                        "getFullYear",
		`s.matches("\\pL")`:                             `the regular expression "\\pL"`,
		"s.matches(`annual income`)":                    "a regular expression that is no text",
		`timestamp(s) > t`:                              "timestamp of what is no text",
		`duration(s) > duration("1h")`:                  "duration of what is no text",
		`t + duration("1ns") > t`:                       `the span of time "1ns"`,
		`t > timestamp("2024-01-01T00:00:00.1234567Z")`: "the instant",
		`[f, g][0] > 1.0`:                               "[",
		`{"a": 1}["a"] == i`:                            "[",
		`bytes(s) == b"a"`:                              "bytes",
	} {
		e, err := expression.Compiler{}.Compile(source, preprocess.SchemaOf(x))
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		_, _, err = e.(*expression.Expression).Python()
		var none *expression.NoPythonError
		if !errors.As(err, &none) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}
