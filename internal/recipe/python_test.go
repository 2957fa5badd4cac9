package recipe_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// pandas returns a Python that has pandas. Where there is none the test is
// skipped, but not in continuous integration.
func pandas(t *testing.T) string {
	t.Helper()
	for _, python := range []string{os.Getenv("NARRATIVE_BENCH_PYTHON"), "/usr/bin/python3", "python3"} { //nolint:forbidigo // the tester names it
		if python != "" && exec.CommandContext(t.Context(), python, "-c", "import pandas").Run() == nil {
			return python
		}
	}
	if os.Getenv("CI") != "" { //nolint:forbidigo // tells where the test runs
		t.Fatal("there is no Python with pandas; apt-get install python3-pandas")
	}
	t.Skip("SKIPPED: there is no Python with pandas, and exported recipes were not run; apt-get install python3-pandas")
	return ""
}

// columnJSON is a column on its way to pandas and back.
type columnJSON struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Values []any  `json:"values"`
}

// exported is a recipe that is run in both worlds.
type exported struct {
	Name    string                  `json:"name"`
	Code    string                  `json:"code"`
	Columns []columnJSON            `json:"columns"`
	Tables  map[string][]columnJSON `json:"tables"`
	want    *frame.Frame
}

// runner runs programs that were exported, each on its table.
const pythonRunner = `
import json, sys
import numpy as np
import pandas as pd

def column(c):
    v = c["values"]
    if c["type"] == "string":
        return pd.Series(v, dtype=object)
    if c["type"] == "datetime":
        return pd.to_datetime(pd.Series(v), utc=True)
    if c["type"] == "boolean":
        return pd.Series(v, dtype="boolean" if None in v else bool)
    if c["type"] == "integer" and None in v and any(x is not None and abs(x) > 2**53 for x in v):
        return pd.Series([pd.NA if x is None else x for x in v], dtype="Int64")
    return pd.Series([np.nan if x is None else x for x in v], dtype="float64" if c["type"] == "float" or None in v else "int64")

def plain(x):
    if x is None or x is pd.NA or x is pd.NaT or (isinstance(x, float) and np.isnan(x)):
        return None
    if isinstance(x, float) and np.isinf(x):
        return str(x)
    if isinstance(x, pd.Timestamp):
        return x.isoformat()
    if isinstance(x, (bool, np.bool_)):
        return int(x)
    if isinstance(x, np.generic):
        return x.item()
    return x

out = []
for job in json.load(sys.stdin):
    df = pd.DataFrame({c["name"]: column(c) for c in job["columns"]})
    try:
        scope = {}
        exec(compile(job["code"], job["name"], "exec"), scope)
        before = df.copy()
        tables = {name: pd.DataFrame({c["name"]: column(c) for c in columns}) for name, columns in (job["tables"] or {}).items()}
        got = scope["transform"](df, tables) if "tables: dict" in job["code"] else scope["transform"](df)
        assert df.equals(before), "the table that was given was changed"
        out.append({"columns": [{"name": str(n), "values": [plain(x) for x in got[n].tolist()]} for n in got.columns]})
    except Exception as e:
        out.append({"error": repr(e)})
json.dump(out, sys.stdout)
`

// messyTable draws a table with a column of each type, gaps, repeated rows and
// extremes; the columns are those of an example.
func messyTable(t *testing.T, of []preprocess.Column, rows int, seed uint64) (*frame.Frame, []columnJSON) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 2))
	pick := make([]int, rows)
	for i := range pick {
		if pick[i] = r.IntN(len(of[0].Values)); i > 0 && r.IntN(5) == 0 {
			pick[i] = pick[i-1]
		}
		if rows == len(of[0].Values) {
			pick[i] = i // the example itself
		}
	}
	var columns []frame.Column
	var sent []columnJSON
	for _, c := range of {
		out := columnJSON{Name: c.Name, Type: c.Type, Values: make([]any, rows)}
		texts, floats, ints := make([]string, rows), make([]float64, rows), make([]int64, rows)
		var nulls frame.Bitmap
		for i, at := range pick {
			floats[i] = math.NaN()
			v := c.Values[at]
			if rows != len(c.Values) && r.IntN(9) == 0 {
				v = nil
			}
			switch v := v.(type) {
			case nil:
				nulls.Set(i)
				continue
			case int:
				if rows != len(c.Values) {
					v += r.IntN(7)
				}
				ints[i], floats[i], out.Values[i] = int64(v), float64(v), v
			case float64:
				floats[i], out.Values[i] = v, v
			case string:
				texts[i], out.Values[i] = v, v
				if c.Type == "datetime" {
					if len(v) == len(time.DateOnly) {
						v += "T00:00:00Z"
					}
					when, err := time.Parse(time.RFC3339, v)
					if err != nil {
						t.Fatal(err)
					}
					ints[i], out.Values[i] = when.UnixMicro(), v
				}
			}
		}
		switch c.Type {
		case "string":
			columns = append(columns, frame.StringsOf(c.Name, texts, nulls.Get))
		case "float":
			columns = append(columns, frame.NewFloat(c.Name, floats))
		case "integer":
			columns = append(columns, frame.NewInt(c.Name, frame.Int, ints, nulls))
		default:
			columns = append(columns, frame.NewInt(c.Name, frame.Time, ints, nulls))
		}
		sent = append(sent, out)
	}
	x, err := frame.New(columns...)
	if err != nil {
		t.Fatal(err)
	}
	return x, sent
}

// cell is a value as Python gives it.
func cell(c frame.Column, i int) any {
	switch {
	case c.Null(i):
		return nil
	case c.Type() == frame.String:
		return c.Text(i)
	case c.Type() == frame.Time:
		layout := "2006-01-02T15:04:05+00:00"
		if c.Int(i)%1e6 != 0 {
			layout = "2006-01-02T15:04:05.000000+00:00"
		}
		return time.UnixMicro(c.Int(i)).UTC().Format(layout)
	default:
		return c.Float(i)
	}
}

func sameCell(got, want any) bool {
	a, ok1 := got.(float64)
	b, ok2 := want.(float64)
	if ok1 && ok2 {
		return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b))
	}
	return got == want
}

// variants are parameters beside those of the examples.
func variants() map[string][]map[string]any {
	type p = map[string]any
	return map[string][]p{
		"remove_duplicates": {{}}, "remove_characters": {{"remove": "punctuation", "replacement": "-"}, {"remove": "digits"}, {"remove": "letters", "keep": "a"}, {"remove": "whitespace"}}, "drop_missing_rows": {{}, {"columns": []any{"age", "city"}, "missing": "all"}},
		"sort_rows":      {{"columns": []any{"income"}, "descending": true}, {"columns": []any{"city", "income"}}},
		"trim_text":      {{}, {"columns": []any{"name"}, "side": "left"}, {"columns": []any{"email"}, "side": "right"}},
		"change_case":    {{"case": "lower"}, {"case": "upper"}, {"case": "sentence"}},
		"fill_missing":   {{"columns": []any{"city"}, "value": "none"}, {"value": "x"}, {"columns": []any{"income"}, "value": 1.5}},
		"impute_missing": {{"strategy": "mean"}, {"strategy": "mode"}, {"strategy": "median"}, {"columns": []any{"city"}, "strategy": "mode"}},
		"forward_fill":   {{}, {"limit": 1.0}}, "backward_fill": {{}, {"limit": 1.0}},
		"cap_outliers": {{}, {"method": "zscore"}, {"method": "quantile", "low": 0.1, "high": 0.8}}, "remove_outliers": {{}, {"method": "zscore", "factor": 1.0}, {"method": "quantile", "low": 0.1, "high": 0.8}},
		"scale_numbers":    {{}, {"method": "standard"}, {"method": "robust"}, {"method": "maxabs"}},
		"replace_values":   {{"columns": []any{"member"}, "values": p{"yes": "paid"}}},
		"encode_frequency": {{}}, "encode_one_hot": {{}, {"columns": []any{"city"}, "max_categories": 1.0}, {"columns": []any{"city"}, "min_rows": 3.0}},
		"encode_labels": {{}}, "group_rare": {{}, {"columns": []any{"city"}, "min_rows": 3.0}},
		"round_numbers": {{}, {"columns": []any{"age"}, "digits": -1.0}}, "bin_numbers": {{}, {"method": "width", "bins": 3.0}, {"method": "edges", "columns": []any{"income"}, "edges": []any{40_000.0}, "suffix": " bin"}},
		"add_interactions":   {{"columns": []any{"income", "age"}}, {"columns": []any{"income", "age"}, "operation": "sum"}, {"columns": []any{"income", "age"}, "operation": "difference"}},
		"add_polynomials":    {{"columns": []any{"age", "income"}}},
		"compute_age":        {{"column": "joined", "name": "days", "at": "2024-12-31", "unit": "days"}, {"column": "joined", "name": "months", "at": "2024-03-31", "unit": "months"}},
		"extract_date_parts": {{}, {"keep": true}}, "encode_cycles": {{}},
		"drop_constant_columns": {{}},
		"filter_rows":           {{"condition": "missing(age) || income / 0.0 > 1.0"}, {"condition": "note == \"new\" && true"}},
		"derive_column": {
			{"name": "income", "expression": "age * 2"},
			{"name": "z", "expression": "default(city, \"?\") + string(age / 7)"},
			{"name": "n", "expression": "5"},
			{"name": "b", "expression": "age > 40 && income > 1.0"},
		},
		"choose_value": {
			{"name": "income", "condition": "age > 40", "then": "age"}, {"name": "city", "condition": "missing(city)", "then": "name"}, {"name": "age", "condition": "income > 0.0", "then": "age + 1"},
		},
		"sample_rows":        {{"fraction": 0.0}, {"fraction": 1.0}, {"fraction": 0.3, "seed": 99.0}},
		"split_rows":         {{}, {"keep": "train"}, {"keep": "test", "seed": 5.0}, {"group": "age"}, {"group": "income", "name": "part"}, {"group": "name", "keep": "test", "test_fraction": 0.5}},
		"group_rows":         {{"by": []any{"city", "age"}, "values": p{"a": "sum(income)", "b": "std(income)", "c": "count(note)", "d": "min(age)", "e": "max(income)"}}, {"by": []any{"income"}, "values": p{"a": "count()"}}},
		"aggregate_by_group": {{"by": []any{"note"}, "values": p{"a": "sum(age)", "income 2": "std(income)", "c": "count(city)"}}},
		"join_table": {
			{"dataset": "cities", "on": []any{"city"}, "other_on": []any{"name"}, "how": "inner"},
			{"dataset": "cities", "on": []any{"age"}, "other_on": []any{"zip"}, "columns": []any{"founded", "people", "name"}, "prefix": "x", "repeated": "first"},
		},
		"impute_neighbours":  {{"columns": []any{"income", "age"}}, {"columns": []any{"age"}, "features": []any{"income"}, "neighbours": 1.0, "max_rows": 20.0}},
		"standardise_format": {{"columns": []any{"email"}, "format": "email", "unknown": "missing"}, {"columns": []any{"price"}, "format": "number"}, {"columns": []any{"member"}, "format": "boolean", "unknown": "missing"}, {"format": "url"}, {"format": "date"}},
		"convert_type":       {{"columns": []any{"price"}, "type": "integer"}, {"columns": []any{"member"}, "type": "boolean"}, {"columns": []any{"price", "name"}, "type": "string", "unknown": "fail"}},
	}
}

// TestPython exports every transformation that has a counterpart in pandas, runs
// it there and compares every value with what the step makes here.
func TestPython(t *testing.T) {
	t.Parallel()
	var jobs []exported
	var refused []string
	for _, o := range recipe.Vocabulary() {
		if _, err := recipe.PythonOf("x", []recipe.Step{{Name: o.Name, Parameters: o.Example.Parameters}}, schemasOf(t, o.Example.Before, o.Name, o.Example.Parameters)); err != nil {
			if f, ok := fault.As(err); !ok || f.Code != "no_python" || !strings.Contains(f.Message, "step 1, "+o.Name) || !strings.Contains(f.Message, "the platform's") {
				t.Errorf("%s: %v", o.Name, err)
			}
			refused = append(refused, o.Name)
			continue
		}
		for k, given := range append([]map[string]any{o.Example.Parameters}, variants()[o.Name]...) {
			for seed, rows := range []int{len(o.Example.Before[0].Values), 60, 150, 1, 3} {
				of := o.Example.Before
				if rows == 3 {
					of = emptied(of)
				}
				x, sent := messyTable(t, of, rows, uint64(seed)+1)
				s := recipe.Step{Name: o.Name, Parameters: stored(t, given)}
				code, err := recipe.PythonOf(o.Name, []recipe.Step{s}, schemasOf(t, o.Example.Before, o.Name, s.Parameters))
				if err != nil {
					t.Fatal(err)
				}
				_, cities := cities(t)
				jobs = append(jobs, exported{
					Name: fmt.Sprintf("%s %d %d", o.Name, k, rows), Code: code, Columns: sent, Tables: map[string][]columnJSON{"cities": cities}, want: here(t, x, s),
				})
			}
		}
	}
	if want := []string{"mask_values", "hash_values"}; !slices.Equal(refused, want) { // whose key is in no program
		t.Errorf("not written for pandas: %q, want %q", refused, want)
	}
	compare(t, jobs)
}

// emptied is a table of the same columns with three rows, where all but the first
// value of every second column is missing, and every value of the others.
func emptied(of []preprocess.Column) []preprocess.Column {
	out := make([]preprocess.Column, len(of))
	for i, c := range of {
		out[i] = preprocess.Column{Name: c.Name, Type: c.Type, Values: []any{nil, nil, nil}}
		if i%2 == 0 {
			out[i].Values[0] = c.Values[0]
		}
	}
	return out
}

// stored returns parameters as they are when they were sent and kept.
func stored(t *testing.T, given map[string]any) map[string]any {
	t.Helper()
	b, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func env(t *testing.T) preprocess.Environment {
	t.Helper()
	x, _ := cities(t)
	return preprocess.Environment{Expressions: expression.Compiler{}, Concealer: pii.NewKeys(strings.Repeat("secret", 8)).Of("acme"), Tables: otherTables{"cities": x}}
}

// otherTables are tables to join.
type otherTables map[string]*frame.Frame

func (o otherTables) Describe(name string) (preprocess.Schema, int64, error) {
	return preprocess.SchemaOf(o[name]), int64(o[name].Rows()), nil
}

func (o otherTables) Each(name string, columns []string, fn func(*frame.Frame) error) error {
	x, err := o[name].Select(columns...)
	if err != nil {
		return err
	}
	return fn(x)
}

// cities is a table to join, with a key that is missing in one row and one that
// is there twice.
func cities(t *testing.T) (*frame.Frame, []columnJSON) {
	t.Helper()
	return messyTable(t, []preprocess.Column{
		{Name: "name", Type: "string", Values: []any{"Oslo", "Rome", nil, "Bonn", "Lima"}},
		{Name: "zip", Type: "integer", Values: []any{34, nil, 51, 17, 34}},
		{Name: "country", Type: "string", Values: []any{"Norway", "Italy", "nowhere", nil, "Peru"}},
		{Name: "people", Type: "integer", Values: []any{700_000, 2_800_000, nil, 330_000, 1}},
		{Name: "founded", Type: "datetime", Values: []any{"1700-01-01", nil, "1999-01-01T12:30:00Z", nil, "1970-01-01"}},
		{Name: "share", Type: "float", Values: []any{0.5, nil, -1.5, 2, 0}},
	}, 5, 1)
}

// schemasOf returns the columns before and after one step.
func schemasOf(t *testing.T, of []preprocess.Column, name string, parameters map[string]any) []preprocess.Schema {
	t.Helper()
	x, _ := messyTable(t, of, len(of[0].Values), 1)
	return schemasOfSteps(t, x, recipe.Step{Name: name, Parameters: parameters})
}

func schemasOfSteps(t *testing.T, x *frame.Frame, steps ...recipe.Step) []preprocess.Schema {
	t.Helper()
	r, err := preprocess.Bind(steps, preprocess.SchemaOf(x), env(t))
	if err != nil {
		t.Fatal(err)
	}
	return r.Schemas()
}

// TestPythonOfSeveralSteps exports a recipe as a whole, and refuses what cannot be
// written, wherever it stands.
func TestPythonOfSeveralSteps(t *testing.T) {
	t.Parallel()
	type p = map[string]any
	var of []preprocess.Column
	for _, o := range recipe.Vocabulary() {
		if o.Name == "impute_missing" {
			of = o.Example.Before
		}
	}
	all := []recipe.Step{
		{Name: "drop_columns", Parameters: p{"columns": []any{"note"}}},
		{Name: "trim_text", Parameters: p{"collapse": true}},
		{Name: "replace_text", Parameters: p{"columns": []any{"city"}, "pattern": `(?i)^(o)s[$l]o$`, "replacement": "$1-town"}},
		{Name: "remove_outliers", Parameters: p{"columns": []any{"income"}}},
		{Name: "impute_missing", Parameters: p{"strategy": "median"}},
		{Name: "change_case", Parameters: p{"case": "title"}},
		{Name: "bin_numbers", Parameters: p{"columns": []any{"income"}, "suffix": " bin", "bins": 3.0}},
		{Name: "group_rare", Parameters: p{"columns": []any{"city"}, "max_categories": 2.0}},
		{Name: "encode_one_hot", Parameters: p{"columns": []any{"city"}}},
		{Name: "scale_numbers", Parameters: p{"columns": []any{"age", "income"}}},
		{Name: "rename_columns", Parameters: p{"names": p{"age": "years"}}},
		{Name: "sort_rows", Parameters: p{"columns": []any{"years", "income"}}},
		{Name: "remove_duplicates"},
		{Name: "derive_column", Parameters: p{"name": "odd", "expression": "years > 0.5 ? size(name) : -1"}},
		{Name: "aggregate_by_group", Parameters: p{"by": []any{"odd"}, "values": p{"typical": "mean(years)"}}},
		{Name: "filter_rows", Parameters: p{"condition": "typical > -2.0"}},
	}
	first, _ := messyTable(t, of, 200, 1)
	code, err := recipe.PythonOf("all of it", all, schemasOfSteps(t, first, all...))
	if err != nil {
		t.Fatal(err)
	}
	var jobs []exported
	for seed := range uint64(4) {
		x, sent := messyTable(t, of, 200, seed)
		jobs = append(jobs, exported{Name: fmt.Sprint("seed ", seed), Code: code, Columns: sent, want: here(t, x, all...)})
	}
	for name, s := range map[string]recipe.Step{
		"no types":         {Name: "filter_rows", Parameters: p{"condition": "age > 1"}},
		"no type to read":  {Name: "convert_type", Parameters: p{"columns": []any{"age"}, "type": "string"}},
		"no type to group": {Name: "split_rows", Parameters: p{"group": "city"}},
		"two flags":        {Name: "replace_text", Parameters: p{"pattern": `a(?i)b`}},
		"letters and case": {Name: "replace_text", Parameters: p{"pattern": `(?i)é`}},
		"a class of RE2":   {Name: "replace_text", Parameters: p{"pattern": `\pL+`}},
		"a POSIX class":    {Name: "extract_text", Parameters: p{"pattern": `[[:alpha:]]`, "column": "city", "name": "x"}},
		"a named group":    {Name: "replace_text", Parameters: p{"pattern": `(?P<a>x)`, "replacement": "${a}"}},
		"a day of its own": {Name: "compute_age", Parameters: p{"column": "joined", "name": "x", "at": "31.12.2024"}},
		"perhaps instants": {Name: "fill_missing", Parameters: p{"value": "2024-01-31"}},
	} {
		code, err := recipe.PythonOf("x", append(slices.Clone(all[:2]), s), nil)
		f, ok := fault.As(err)
		if !ok || f.Code != "no_python" || code != "" || f.Fields[0].Location != "steps[2]" || !strings.Contains(f.Message, "step 3, "+s.Name) {
			t.Errorf("%s: %v, %q", name, err, code)
		}
	}
	compare(t, jobs)
}

// here applies a step without Python.
func here(t *testing.T, x *frame.Frame, steps ...recipe.Step) *frame.Frame {
	t.Helper()
	r, err := preprocess.Bind(steps, preprocess.SchemaOf(x), env(t))
	if err != nil {
		t.Fatalf("%+v: %v", steps, err)
	}
	fitted, err := r.Fit(t.Context(), preprocess.Frames{x}, nil, nil)
	if err != nil {
		t.Fatalf("%+v: %v", steps, err)
	}
	out, err := fitted.Apply(x)
	if err != nil {
		t.Fatalf("%+v: %v", steps, err)
	}
	return out
}

// compare runs programs in Python and compares what they make.
func compare(t *testing.T, jobs []exported) {
	t.Helper()
	in, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), pandas(t), "-W", "ignore", "-c", pythonRunner)
	var answer, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &answer, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("python: %v\n%s", err, errs.String())
	}
	var made []struct {
		Error   string       `json:"error"`
		Columns []columnJSON `json:"columns"`
	}
	if err := json.Unmarshal(answer.Bytes(), &made); err != nil || len(made) != len(jobs) {
		t.Fatalf("%d answers for %d programs: %v", len(made), len(jobs), err)
	}
	for i, j := range jobs {
		if made[i].Error != "" {
			t.Errorf("%s: %s\n%s", j.Name, made[i].Error, j.Code)
			continue
		}
		var names []string
		for _, c := range made[i].Columns {
			names = append(names, c.Name)
		}
		if !slices.Equal(names, j.want.Names()) {
			t.Errorf("%s: columns %q, want %q\n%s", j.Name, names, j.want.Names(), j.Code)
			continue
		}
		difference(t, j, made[i].Columns)
	}
}

func difference(t *testing.T, j exported, got []columnJSON) {
	t.Helper()
	for k, c := range j.want.Columns() {
		if len(got[k].Values) != c.Len() {
			t.Errorf("%s: %d rows, want %d\n%s", j.Name, len(got[k].Values), c.Len(), j.Code)
			return
		}
		for row := range c.Len() {
			if want := cell(c, row); !sameCell(got[k].Values[row], want) {
				t.Errorf("%s: %s in row %d is %v, want %v\n%s", j.Name, c.Name(), row+1, got[k].Values[row], want, j.Code)
				return
			}
		}
	}
}
