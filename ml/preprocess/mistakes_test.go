package preprocess_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// places lists the mistakes of an error: step, parameter, code, column.
func places(t *testing.T, err error) []string {
	t.Helper()
	all := []error{err}
	if m, ok := errors.AsType[*preprocess.MistakesError](err); ok {
		all = m.Unwrap()
		if len(all) < 2 || !strings.Contains(err.Error(), fmt.Sprintf("; and %d more", len(all)-1)) {
			t.Errorf("%d mistakes: %v", len(all), err)
		}
	}
	var found []string
	for _, one := range all {
		var at *preprocess.StepError
		var e *ml.InputError
		if !errors.As(one, &at) || !errors.As(one, &e) {
			t.Fatalf("%v", one)
		}
		found = append(found, fmt.Sprintf("%d %s %s %s", at.Step, e.Parameter, e.Code, e.Column))
	}
	return found
}

// TestAllMistakes tells everything that is wrong at once, and nothing that only
// follows from something else that is.
func TestAllMistakes(t *testing.T) {
	t.Parallel()
	x := shop(t)
	type p = map[string]any
	for name, c := range map[string]struct {
		specs []preprocess.Spec
		want  []string
	}{
		"in every step": {[]preprocess.Spec{
			step("trimm_text", nil), step("impute_missing", p{"columns": []any{"gone"}, "strategy": "medain"}), step("drop_columns", p{"columns": []any{"nowhere"}}),
		}, []string{"0 name unknown_operation ", "1 strategy invalid_parameter ", "2 columns missing_column nowhere"}},
		"in every parameter": {[]preprocess.Spec{
			step("cap_outliers", p{"factr": 1.0, "method": "zcore", "low": 2.0, "columns": "price"}), step("rename_columns", nil),
		}, []string{"0 columns parameter_type ", "0 factr unknown_parameter ", "0 low invalid_parameter ", "0 method invalid_parameter ", "1 names missing_parameter "}},
		"in every column": {[]preprocess.Spec{
			step("scale_numbers", p{"columns": []any{"prise", "price", "city", "other"}}),
		}, []string{"0 columns missing_column prise", "0 columns column_type city", "0 columns missing_column other"}},
		"in the other table": {[]preprocess.Spec{
			step("join_table", p{"dataset": "cities", "on": []any{"city"}, "other_on": []any{"nam"}, "columns": []any{"peeple", "county"}}),
		}, []string{"0 other_on missing_column nam", "0 columns missing_column peeple", "0 columns missing_column county"}},
		"none that follows": {[]preprocess.Spec{
			step("derive_column", p{"name": "total", "expression": "price * amuont"}), step("scale_numbers", p{"columns": []any{"total"}}),
			step("encode_one_hot", p{"columns": []any{"city"}, "min_row": 1.0}), step("drop_columns", p{"columns": []any{"city=Oslo", "absent"}}),
		}, []string{"0 expression missing_column amuont", "2 min_row unknown_parameter ", "3 columns missing_column absent"}},
		"none of types that may be others": {[]preprocess.Spec{
			step("convert_type", p{"columns": []any{"city"}, "type": "flaot"}), step("scale_numbers", p{"columns": []any{"city"}}),
			step("filter_rows", p{"condition": "city > 1.0"}),
		}, []string{"0 type invalid_parameter "}},
	} {
		_, err := preprocess.Bind(c.specs, preprocess.SchemaOf(x), environment(t))
		if got := places(t, err); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	err := preprocess.Check([]preprocess.Spec{step("trimm_text", nil), step("change_case", p{"case": "uper"})})
	if got, want := places(t, err), []string{"0 name unknown_operation ", "1 case invalid_parameter "}; !slices.Equal(got, want) {
		t.Errorf("without a table: %q, want %q", got, want)
	}
	many := slices.Repeat([]preprocess.Spec{step("drop_columns", p{"columns": []any{"a", "b"}})}, 150)
	if got := places(t, preprocess.Check(slices.Repeat([]preprocess.Spec{step("nothing", nil)}, 150))); len(got) != 100 {
		t.Errorf("%d mistakes are told", len(got))
	}
	if _, err := preprocess.Bind(many, preprocess.SchemaOf(x), environment(t)); len(places(t, err)) != 2 {
		t.Errorf("%q", places(t, err)) // the same columns in later steps
	}
	other := errors.New("the store is away")
	_, err = preprocess.Bind([]preprocess.Spec{step("nothing", nil), step("join_table", p{"dataset": "x", "on": []any{"city"}})}, preprocess.SchemaOf(x), preprocess.Environment{Tables: broken{other}})
	if !errors.Is(err, other) || strings.Contains(err.Error(), "nothing") {
		t.Errorf("%v, want what is no mistake of the recipe", err)
	}
}

// broken are tables that cannot be reached.
type broken struct{ err error }

func (b broken) Describe(string) (preprocess.Schema, int64, error) { return nil, 0, b.err }

func (b broken) Each(string, []string, func(*frame.Frame) error) error { return b.err }

// TestTooManyColumns refuses what would make more columns than a table may have,
// before any is made.
func TestTooManyColumns(t *testing.T) {
	t.Parallel()
	const rows = 10_001
	codes, dict := make([]int32, rows), make([]string, rows)
	for i := range dict {
		codes[i], dict[i] = int32(i), fmt.Sprint("k", i)
	}
	x := newFrame(t, frame.NewString("key", codes, dict), frame.NewFloat("n", make([]float64, rows)))
	fitting := func(most float64) error {
		r, err := preprocess.Bind([]preprocess.Spec{step("encode_one_hot", map[string]any{"max_categories": most})}, preprocess.SchemaOf(x), environment(t))
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Fit(t.Context(), cut(x, 3000), nil, nil)
		return err
	}
	wantCode(t, fitting(rows), "too_many_columns")
	wantCode(t, fitting(9999), "too_many_columns") // the rest is one, and there is n
	if err := fitting(9998); err != nil {
		t.Error(err)
	}
	var wide preprocess.Schema
	var names []any
	for i := range 2000 {
		wide = append(wide, preprocess.Field{Name: fmt.Sprint("c", i), Type: frame.Float})
		names = append(names, fmt.Sprint("c", i))
	}
	_, err := preprocess.Bind([]preprocess.Spec{step("add_polynomials", map[string]any{"columns": names, "degree": 8.0})}, wide, environment(t))
	wantCode(t, err, "too_many_columns")
}
