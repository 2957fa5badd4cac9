package preprocess_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

func step(name string, parameters map[string]any) preprocess.Spec {
	return preprocess.Spec{Name: name, Parameters: parameters}
}

// shop is a table with a column of each type.
func shop(tb testing.TB) *frame.Frame {
	tb.Helper()
	return newFrame(tb, text("city", "Oslo", "Rome", "-", "Oslo"), frame.NewFloat("price", []float64{1.5, nan, 3, 4}),
		frame.NewInt("count", frame.Int, []int64{1, 2, 3, 4}, nil), frame.NewInt("paid", frame.Bool, []int64{1, 0, 1, 0}, nil),
		instants("at", "2024-02-29T00:00:00Z", "2024-02-29T05:00:00Z", "-", "2025-01-01T00:00:00Z"))
}

func TestRecipesThatCannotBe(t *testing.T) {
	t.Parallel()
	x := shop(t)
	type p = map[string]any
	for name, c := range map[string]struct {
		spec            preprocess.Spec
		code, parameter string
		column, near    string
	}{
		"unknown operation":     {step("trim_txt", nil), "unknown_operation", "name", "", "trim_text"},
		"unknown parameter":     {step("trim_text", p{"colums": []any{"city"}}), "unknown_parameter", "colums", "", "columns"},
		"missing parameter":     {step("change_case", nil), "missing_parameter", "case", "", ""},
		"text for a list":       {step("trim_text", p{"columns": "city"}), "parameter_type", "columns", "", ""},
		"numbers for texts":     {step("trim_text", p{"columns": []any{1.0}}), "parameter_type", "columns", "", ""},
		"text for a number":     {step("sample_rows", p{"fraction": "half"}), "parameter_type", "fraction", "", ""},
		"no whole number":       {step("sample_rows", p{"fraction": 0.5, "seed": 1.5}), "parameter_type", "seed", "", ""},
		"not a number":          {step("sample_rows", p{"fraction": math.NaN()}), "parameter_type", "fraction", "", ""},
		"out of range":          {step("sample_rows", p{"fraction": 1.5}), "invalid_parameter", "fraction", "", ""},
		"no choice":             {step("change_case", p{"case": "lover"}), "invalid_parameter", "case", "", "lower"},
		"named twice":           {step("trim_text", p{"columns": []any{"city", "city"}}), "repeated_value", "columns", "", ""},
		"no such column":        {step("trim_text", p{"columns": []any{"citi"}}), "missing_column", "columns", "citi", "city"},
		"column of another":     {step("trim_text", p{"columns": []any{"price"}}), "column_type", "columns", "price", ""},
		"no regular expression": {step("replace_text", p{"pattern": "(", "columns": []any{"city"}}), "invalid_parameter", "pattern", "", ""},
		"no such group":         {step("extract_text", p{"pattern": "a", "group": 1, "column": "city", "name": "x"}), "invalid_parameter", "group", "", ""},
		"name taken":            {step("extract_text", p{"pattern": "a", "column": "city", "name": "price"}), "name_taken", "name", "price", ""},
		"renamed to another":    {step("rename_columns", p{"names": p{"city": "price"}}), "name_taken", "names", "price", ""},
		"nothing renamed":       {step("rename_columns", p{"names": p{}}), "invalid_parameter", "names", "", ""},
		"renamed to a number":   {step("rename_columns", p{"names": p{"city": 1.0}}), "parameter_type", "names", "", ""},
		"everything dropped":    {step("drop_columns", p{"columns": []any{"city", "price", "count", "paid", "at"}}), "no_columns_left", "", "", ""},
		"bad expression":        {step("filter_rows", p{"condition": "price >"}), "expression_syntax", "condition", "", ""},
		"unknown in expression": {step("filter_rows", p{"condition": "prise > 1.0"}), "missing_column", "condition", "prise", "price"},
		"no condition":          {step("filter_rows", p{"condition": "price + 1.0"}), "expression_type", "condition", "", ""},
		"types do not mix":      {step("derive_column", p{"name": "x", "expression": "count * 1.5"}), "expression_type", "expression", "", ""},
		"other types":           {step("choose_value", p{"name": "x", "condition": "paid", "then": "price", "otherwise": "city"}), "expression_type", "then", "", ""},
		"no other value":        {step("choose_value", p{"name": "x", "condition": "paid", "then": "price"}), "missing_parameter", "otherwise", "", ""},
		"edges fall":            {step("bin_numbers", p{"method": "edges", "edges": []any{2.0, 1.0}}), "invalid_parameter", "edges", "", ""},
		"labels for bins":       {step("bin_numbers", p{"method": "edges", "edges": []any{2.0}, "labels": []any{"a"}}), "invalid_parameter", "labels", "", ""},
		"quantiles crossed":     {step("cap_outliers", p{"method": "quantile", "low": 0.9, "high": 0.1}), "invalid_parameter", "low", "", ""},
		"one column":            {step("add_interactions", p{"columns": []any{"price"}}), "invalid_parameter", "columns", "", ""},
		"no day":                {step("compute_age", p{"column": "at", "name": "x", "at": "2024-02-31"}), "invalid_parameter", "at", "", ""},
		"no end":                {step("compute_age", p{"column": "at", "name": "x"}), "invalid_parameter", "at", "", ""},
		"no function":           {step("group_rows", p{"by": []any{"city"}, "values": p{"x": "median(price)"}}), "invalid_parameter", "values", "", ""},
		"sum of texts":          {step("group_rows", p{"by": []any{"paid"}, "values": p{"x": "sum(city)"}}), "column_type", "values", "city", ""},
		"no other table":        {step("join_table", p{"dataset": "none", "on": []any{"city"}}), "dataset_not_found", "dataset", "", ""},
		"key of another type":   {step("join_table", p{"dataset": "cities", "on": []any{"price"}, "other_on": []any{"name"}}), "column_type", "other_on", "name", ""},
		"key of two":            {step("join_table", p{"dataset": "cities", "on": []any{"city"}, "other_on": []any{"name", "country"}}), "invalid_parameter", "other_on", "", ""},
		"filled with a text":    {step("fill_missing", p{"columns": []any{"price"}, "value": "none"}), "column_type", "columns", "price", ""},
		"country code":          {step("standardise_format", p{"format": "phone", "country_code": "+49"}), "invalid_parameter", "country_code", "", ""},
		"held too much":         {step("sort_rows", p{"columns": []any{"city"}}), "memory_needed", "", "", ""},
	} {
		env := environment(t)
		if c.code == "memory_needed" {
			env.Rows, env.Budget = 1<<30, 1<<20
		}
		specs := []preprocess.Spec{step("round_numbers", p{"columns": []any{"price"}}), c.spec}
		_, err := preprocess.Bind(specs, preprocess.SchemaOf(x), env)
		var at *preprocess.StepError
		var e *ml.InputError
		if !errors.As(err, &at) || !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if at.Step != 1 || at.Operation != c.spec.Name || e.Code != c.code || e.Parameter != c.parameter || e.Column != c.column || !strings.Contains(e.Message, c.near) {
			t.Errorf("%s: step %d, %s, %+v", name, at.Step, at.Operation, e)
		}
	}
	_, err := preprocess.Bind(nil, preprocess.SchemaOf(x), preprocess.Environment{})
	wantCode(t, err, "recipe_length")
	_, err = preprocess.Bind([]preprocess.Spec{step("filter_rows", p{"condition": "paid"})}, preprocess.SchemaOf(x), preprocess.Environment{})
	wantCode(t, err, "no_expressions")
	_, err = preprocess.Bind([]preprocess.Spec{step("join_table", p{"dataset": "x", "on": []any{"city"}})}, preprocess.SchemaOf(x), preprocess.Environment{})
	wantCode(t, err, "no_tables")
}

// counting counts how often a source is read.
type countingSource struct {
	preprocess.Frames
	reads int
}

func (c *countingSource) Each(ctx context.Context, fn func(x *frame.Frame) error) error {
	c.reads++
	return c.Frames.Each(ctx, fn)
}

// TestPasses reads a table once for all steps that learn without needing each
// other, and learns the same as one step after the other does.
func TestPasses(t *testing.T) {
	t.Parallel()
	x := many(t, shop(t), 500)
	type p = map[string]any
	impute := step("impute_missing", p{"columns": []string{"price"}, "strategy": "mean"})
	scale := step("scale_numbers", p{"columns": []string{"price"}})
	hot := step("encode_one_hot", p{"columns": []string{"city"}})
	trim := step("trim_text", p{"columns": []string{"city"}})
	sum := step("derive_column", p{"name": "sum", "expression": "price + `city=Oslo`"})
	outliers := step("remove_outliers", p{"columns": []string{"count"}, "method": "quantile", "low": 0.1, "high": 0.9})
	for name, c := range map[string]struct {
		specs []preprocess.Spec
		reads int
	}{
		"nothing to learn": {[]preprocess.Spec{trim}, 0},
		"apart":            {[]preprocess.Spec{trim, impute, hot}, 1},
		"one of the other": {[]preprocess.Spec{impute, scale, hot}, 2},
		"of data":          {[]preprocess.Spec{hot, impute, sum, step("scale_numbers", p{"columns": []string{"sum"}})}, 2},
		"rows go before":   {[]preprocess.Spec{outliers, impute, scale}, 3},
	} {
		source := &countingSource{Frames: cut(x, 77)}
		f := fit(t, c.specs, x, source)
		if source.reads != c.reads {
			t.Errorf("%s: the table is read %d times, want %d", name, source.reads, c.reads)
		}
		got, err := f.Apply(x)
		if err != nil {
			t.Fatal(err)
		}
		want := x
		for _, s := range c.specs {
			one := fit(t, []preprocess.Spec{s}, want, preprocess.Frames{want})
			if want, err = one.Apply(want); err != nil {
				t.Fatal(err)
			}
		}
		if dump(got) != dump(want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, dump(got), dump(want))
		}
	}
}

// TestGoingOn fits a recipe from what was learned before.
func TestGoingOn(t *testing.T) {
	t.Parallel()
	x := many(t, shop(t), 100)
	r, err := preprocess.Bind([]preprocess.Spec{
		step("impute_missing", map[string]any{"columns": []string{"price"}, "strategy": "median"}), step("scale_numbers", map[string]any{"columns": []string{"price"}}),
	}, preprocess.SchemaOf(x), environment(t))
	if err != nil {
		t.Fatal(err)
	}
	var kept preprocess.Learning
	stop := errors.New("stop")
	if _, err := r.Fit(t.Context(), preprocess.Frames{x}, nil, func(l preprocess.Learning) error {
		kept = slices.Clone(l)
		return stop
	}); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	source := &countingSource{Frames: preprocess.Frames{x}}
	f, err := r.Fit(t.Context(), source, kept, nil)
	if err != nil || source.reads != 1 {
		t.Fatalf("read %d times: %v", source.reads, err)
	}
	whole, err := r.Fit(t.Context(), preprocess.Frames{x}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := preprocess.Append(nil, f.Steps()), preprocess.Append(nil, whole.Steps()); !slices.Equal(a, b) {
		t.Error("another recipe is learned")
	}
	if _, err := r.Fit(t.Context(), preprocess.Frames{x}, preprocess.Learning{[]byte("nonsense")}, nil); err == nil {
		t.Error("nonsense was taken for what was learned")
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Fit(done, preprocess.Frames{x}, nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestMemory refuses what would be held beyond the budget while it is held.
func TestMemory(t *testing.T) {
	t.Parallel()
	n := 4000
	values := make([]float64, n)
	names := make([]string, n)
	for i := range values {
		values[i], names[i] = float64(i), "name "+strconv.Itoa(i)
	}
	x := newFrame(t, frame.NewFloat("price", values), text("name", names...))
	type p = map[string]any
	for _, s := range []preprocess.Spec{
		step("sort_rows", p{"columns": []string{"price"}}), step("backward_fill", nil), step("remove_duplicates", nil),
		step("group_rows", p{"by": []string{"name"}, "values": p{"n": "count()"}}),
		step("aggregate_by_group", p{"by": []string{"name"}, "values": p{"n": "count()"}}),
	} {
		env := environment(t)
		env.Budget = 10_000
		r, err := preprocess.Bind([]preprocess.Spec{s}, preprocess.SchemaOf(x), env)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		f, err := r.Fit(t.Context(), cut(x, 100), nil, nil)
		if err == nil {
			_, err = f.Apply(x)
		}
		wantCode(t, err, "memory_needed")
	}
}

// TestManyNumbers looks at quantiles of more numbers than are kept.
func TestManyNumbers(t *testing.T) {
	t.Parallel()
	n := 300_000
	values := make([]float64, n)
	for i := range values {
		values[i] = math.Exp(float64(i)/float64(n)*8) - 100
	}
	x := newFrame(t, frame.NewFloat("x", slices.Concat(values, []float64{nan})))
	f := fit(t, []preprocess.Spec{step("impute_missing", map[string]any{"strategy": "median"})}, x, cut(x, 50_000))
	out, err := f.Apply(x.Take([]int{n}))
	if err != nil {
		t.Fatal(err)
	}
	c, _ := out.Column("x")
	if want := math.Exp(4) - 100; math.Abs(c.Float(0)-want) > math.Abs(want)/4000 {
		t.Errorf("median %v, want %v", c.Float(0), want)
	}
}
