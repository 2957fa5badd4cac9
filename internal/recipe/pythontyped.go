package recipe

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// typedTranslators write a step each, for which the types of columns have to be
// known: what pandas has in the place of a column does not always tell.
func typedTranslators() map[string]func(p parameters, schema preprocess.Schema) (string, error) {
	return map[string]func(p parameters, schema preprocess.Schema) (string, error){
		"filter_rows": func(p parameters, schema preprocess.Schema) (string, error) {
			rows, _, err := p.formula("condition", schema)
			return "df = df[np.array([v is True for v in " + rows + "], dtype=bool)].reset_index(drop=True)", err
		},
		"derive_column": func(p parameters, schema preprocess.Schema) (string, error) {
			rows, kind, err := p.formula("expression", schema)
			return "df[" + p.py("name", nil) + "] = column(" + rows + ", " + literal(kind) + ", df.index)", err
		},
		"choose_value": chooseInPython,
		"convert_type": func(p parameters, schema preprocess.Schema) (string, error) {
			types, err := p.types("columns", schema)
			return "for c, given in " + types + ".items():\n    df[c] = converted(df[c], given, " + p.py("type", nil) + ", " + literal(p.text("unknown", "missing") == "fail") +
				", " + p.py("day_first", true) + ", " + p.py("decimal", "auto") + ")", err
		},
		"split_rows": splitInPython,
	}
}

// errTypes says that nobody has told of what types the columns are.
var errTypes = errors.New("it needs the types of the columns; name a data set, or save the recipe with one")

// types returns the types of the columns that a parameter names.
func (p parameters) types(name string, schema preprocess.Schema) (string, error) {
	if schema == nil {
		return "", errTypes
	}
	var names []string
	switch v := p[name].(type) {
	case string:
		names = []string{v}
	case []string:
		names = v
	case []any:
		for _, item := range v {
			names = append(names, fmt.Sprint(item))
		}
	default:
	}
	return typesOf(names, schema), nil
}

// typesOf writes columns and their types, in the order of the names.
func typesOf(names []string, schema preprocess.Schema) string {
	pairs := make([]string, len(names))
	for i, name := range names {
		f, _ := schema.Lookup(name)
		pairs[i] = literal(name) + ": " + literal(f.Type.String())
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

// formula writes a list of what an expression gives for each row, and says of what
// type it is.
func (p parameters) formula(name string, schema preprocess.Schema) (rows, kind string, err error) {
	if schema == nil {
		return "", "", errTypes
	}
	compiled, err := expression.Compiler{}.Compile(p.text(name, ""), schema)
	if err != nil {
		return "", "", err
	}
	e, ok := compiled.(*expression.Expression)
	if !ok {
		return "", "", fmt.Errorf("%T cannot be written", compiled)
	}
	code, variables, err := e.Python()
	if err != nil {
		return "", "", err
	}
	return "each_row(df, " + typesOf(e.Columns(), schema) + ", lambda " + strings.Join(variables, ", ") + ": " + code + ")", e.Type().String(), nil
}

func chooseInPython(p parameters, schema preprocess.Schema) (string, error) {
	when, _, err := p.formula("condition", schema)
	if err != nil {
		return "", err
	}
	then, kind, err := p.formula("then", schema)
	if err != nil {
		return "", err
	}
	var otherwise, other string
	if p.text("otherwise", "") != "" {
		if otherwise, other, err = p.formula("otherwise", schema); err != nil {
			return "", err
		}
	} else {
		f, _ := schema.Lookup(p.text("name", ""))
		other = f.Type.String()
		otherwise = "values(df[" + p.py("name", nil) + "], " + literal(other) + ")"
	}
	if kind != other {
		kind = "float"
	}
	return "rows = zip(" + when + ", " + then + ", " + otherwise + ")\n" +
		"df[" + p.py("name", nil) + "] = column([a if chosen is True else b for chosen, a, b in rows], " + literal(kind) + ", df.index)", nil
}

func splitInPython(p parameters, schema preprocess.Schema) (string, error) {
	group := ""
	if p["group"] != nil {
		if schema == nil {
			return "", errTypes
		}
		f, _ := schema.Lookup(p.text("group", ""))
		group = ", " + p.py("group", nil) + ", " + literal(f.Type.String())
	}
	test := "test = drawn(df, " + p.py("seed", 1) + group + ") < " + p.py("test_fraction", 0.2) + "\n"
	switch p.text("keep", "both") {
	case "test":
		return test + "df = df[test].reset_index(drop=True)", nil
	case "train":
		return test + "df = df[~test].reset_index(drop=True)", nil
	default:
		return test + "df[" + p.py("name", "split") + `] = np.where(test, "test", "train").astype(object)`, nil
	}
}

// tableTranslators write steps of whole tables, and of texts in standard formats.
func tableTranslators() map[string]func(p parameters) string {
	groups := func(function string) func(p parameters) string {
		return func(p parameters) string {
			return "df = " + function + "(df, " + p.py("by", nil) + ", " + p.aggregates() + ")"
		}
	}
	return map[string]func(p parameters) string{
		"sample_rows": func(p parameters) string {
			return "df = df[drawn(df, " + p.py("seed", 1) + ") < " + p.py("fraction", nil) + "].reset_index(drop=True)"
		},
		"group_rows":         groups("grouped_rows"),
		"aggregate_by_group": groups("with_groups"),
		"join_table": func(p parameters) string {
			return "df = joined(df, tables[" + p.py("dataset", nil) + "], " + p.py("on", nil) + ", " + p.py("other_on", p["on"]) + ", " + p.py("columns", nil) + ", " +
				p.py("prefix", "") + ", " + literal(p.text("how", "left") == "inner") + ", " + literal(p.text("repeated", "fail") == "first") + ")"
		},
		"impute_neighbours": func(p parameters) string {
			return "df = filled_by_neighbours(df, " + p.py("columns", nil) + ", " + p.py("features", []any{}) + ", " + p.py("neighbours", 5) + ", " + p.py("max_rows", 5000) + ")"
		},
		"standardise_format": func(p parameters) string {
			one := map[string]string{
				"email": "standard_email", "boolean": "standard_truth", "url": "standard_url",
				"phone":  "lambda s: standard_phone(s, " + p.py("country_code", "") + ")",
				"date":   "lambda s: standard_date(s, " + p.py("day_first", true) + ")",
				"number": "lambda s: standard_number(s, " + p.py("decimal", "auto") + ")",
			}[p.text("format", "")]
			return "for c in " + p.columns("text") + ":\n    df[c] = standardised(df[c], " + one + ", " + literal(p.text("unknown", "keep") == "keep") + ")"
		},
	}
}

// aggregates writes what is computed of groups: the columns to make, each with a
// function and the column it is of.
func (p parameters) aggregates() string {
	values := map[string]string{}
	switch v := p["values"].(type) {
	case map[string]string:
		values = v
	case map[string]any:
		for k, item := range v {
			values[k] = fmt.Sprint(item)
		}
	default:
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		function, rest, _ := strings.Cut(values[name], "(")
		of := "None"
		if column := strings.TrimSuffix(rest, ")"); column != "" {
			of = literal(column)
		}
		pairs = append(pairs, literal(name)+": ("+strconv.Quote(strings.TrimSpace(function))+", "+of+")")
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}
