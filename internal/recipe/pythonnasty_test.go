package recipe_test

import (
	"fmt"
	"testing"

	"github.com/narrativeml/narrative/internal/recipe"
)

// TestPythonOfNastyTables applies steps to what computes badly, in both worlds.
func TestPythonOfNastyTables(t *testing.T) {
	t.Parallel()
	x, sent := nasty(t)
	type p = map[string]any
	one := func(name string, parameters p) recipe.Step {
		return recipe.Step{Name: name, Parameters: stored(t, parameters)}
	}
	all := []recipe.Step{
		one("remove_duplicates", p{}), one("remove_duplicates", p{"columns": []any{"annual income"}}), one("drop_constant_columns", p{}), one("drop_missing_rows", p{}),
		one("sort_rows", p{"columns": []any{"annual income", "t"}, "descending": true}),
		one("impute_missing", p{"strategy": "mode"}), one("forward_fill", p{}), one("backward_fill", p{"limit": 1}), one("fill_missing", p{"value": "?", "columns": []any{"s"}}),
		one("fill_missing", p{"value": -1, "columns": []any{"f", "i"}}), one("fill_missing", p{"value": 0.5, "columns": []any{"i"}}), one("fill_missing", p{"value": "2024-02-29", "columns": []any{"t", "u"}}),
		one("trim_text", p{}), one("extract_date_parts", p{"parts": []any{"days", "year", "month", "day", "weekday", "hour", "day of year"}}), one("encode_cycles", p{"parts": []any{"day of year", "month", "weekday", "hour"}}),
		one("compute_age", p{"column": "t", "name": "x", "at_column": "u"}), one("compute_age", p{"column": "t", "name": "x", "at": "1970-03-01", "unit": "months"}), one("compute_age", p{"column": "u", "name": "x", "at_column": "t", "unit": "hours"}),
		one("encode_one_hot", p{}), one("encode_labels", p{"max_categories": 2}), one("encode_frequency", p{}), one("encode_ordinal", p{"columns": []any{"s"}, "order": []any{"12", "Straße"}}), one("group_rare", p{"min_rows": 2}),
		one("replace_text", p{"pattern": `\d+`, "replacement": "#$1"}), one("replace_text", p{"pattern": "^", "replacement": "x"}), one("replace_text", p{"pattern": `\d*`, "replacement": "<$1>"}), one("replace_text", p{"pattern": "(a)|(s)", "replacement": `$2\$1`}), one("extract_text", p{"column": "s", "name": "x", "pattern": `(\w)(\w)?`, "group": 2}),
		one("replace_values", p{"values": p{"": "empty", "12": "Straße", "Straße": "12"}}), one("rename_columns", p{"names": p{"f": "größe", "annual income": "f"}}), one("select_columns", p{"columns": []any{"annual income", "k"}}),
		one("group_rows", p{"by": []any{"annual income", "i"}, "values": p{"n": "count()", "k": "max(k)"}}), one("group_rows", p{"by": []any{"t"}, "values": p{"n": "count(s)", "g": "sum(g)"}}), one("aggregate_by_group", p{"by": []any{"f"}, "values": p{"x": "std(g)", "y": "min(i)"}}),
		one("convert_type", p{"columns": []any{"big", "k"}, "type": "string"}),
	}
	for _, c := range []string{"f", "g", "i", "big", "s", "t"} {
		all = append(all, one("sort_rows", p{"columns": []any{c}}), one("sort_rows", p{"columns": []any{c}, "descending": true}))
	}
	for _, what := range []string{"special", "punctuation", "digits", "letters", "whitespace", "control", "non_ascii"} {
		all = append(all, one("remove_characters", p{"remove": what}), one("remove_characters", p{"remove": what, "replacement": "·", "keep": "-é"}))
	}
	small := []any{"g", "i"}
	for _, method := range []string{"standard", "minmax", "robust", "maxabs"} {
		all = append(all, one("scale_numbers", p{"columns": small, "method": method}))
	}
	for _, method := range []string{"iqr", "zscore", "quantile"} {
		all = append(all, one("cap_outliers", p{"columns": small, "method": method}), one("remove_outliers", p{"columns": small, "method": method, "factor": 0.5}))
	}
	for _, operation := range []string{"product", "ratio", "sum", "difference"} {
		all = append(all, one("add_interactions", p{"columns": []any{"g", "f", "i"}, "operation": operation}))
	}
	all = append(all,
		one("bin_numbers", p{"columns": small}), one("bin_numbers", p{"columns": small, "method": "width"}), one("bin_numbers", p{"columns": small, "method": "edges", "edges": []any{-2.5, 0, 3}}),
		one("add_polynomials", p{"columns": []any{"g", "f", "big"}, "degree": 5}), one("add_interactions", p{"columns": []any{"big", "k", "f"}, "operation": "sum"}), one("round_numbers", p{"columns": small}), one("round_numbers", p{"columns": []any{"g"}, "digits": 1}),
		one("impute_missing", p{"columns": small, "strategy": "mean"}), one("impute_missing", p{"columns": small, "strategy": "median"}), one("impute_neighbours", p{"columns": small, "neighbours": 2}))
	var jobs []exported
	for i, s := range all {
		jobs = append(jobs, exportedSteps(t, x, sent, fmt.Sprintf("%d %s %v", i, s.Name, s.Parameters), s))
	}
	compare(t, jobs)
}
