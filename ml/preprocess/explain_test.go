package preprocess_test

import (
	"testing"

	"github.com/narrativeml/narrative/ml/preprocess"
)

// TestExplanations says what matters of the parameters, and not what goes without
// saying.
func TestExplanations(t *testing.T) {
	t.Parallel()
	type p = map[string]any
	x := shop(t)
	for want, s := range map[string]preprocess.Spec{
		`Sorts the rows by "price", the largest first.`:                                                           step("sort_rows", p{"columns": []any{"price"}, "descending": true}),
		`Sorts the rows by "price".`:                                                                              step("sort_rows", p{"columns": []any{"price"}}),
		`Fills missing values of "price" with the last one before, 2 in a row at most.`:                           step("forward_fill", p{"columns": []any{"price"}, "limit": 2.0}),
		`Removes white space around "city", on the left side.`:                                                    step("trim_text", p{"columns": []any{"city"}, "side": "left"}),
		`Converts "city" to integer, and fails at a value that is none.`:                                          step("convert_type", p{"columns": []any{"city"}, "type": "integer", "unknown": "fail"}),
		`Removes what is digits from "city".`:                                                                     step("remove_characters", p{"columns": []any{"city"}, "remove": "digits"}),
		`Makes one category of those of "city" beyond the 50 most frequent, and of those with fewer than 3 rows.`: step("group_rare", p{"columns": []any{"city"}, "min_rows": 3.0}),
		"Sets \"city\" to \"none\" where missing(city) is true.":                                                  step("choose_value", p{"name": "city", "condition": "missing(city)", "then": `"none"`}),
	} {
		r, err := preprocess.Bind([]preprocess.Spec{s}, preprocess.SchemaOf(x), environment(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Explain(0); got != want {
			t.Errorf("explained as %q, want %q", got, want)
		}
	}
}
