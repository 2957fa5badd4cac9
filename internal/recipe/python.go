package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Python returns a version of a recipe, 0 for the newest, as a program for
// pandas that does the same. Steps that have no counterpart there are refused.
// Some need to know the types of the columns: they are those of the data set, or
// without one those that the recipe was made for.
func (s *Service) Python(ctx context.Context, caller account.Caller, id string, version int, datasetID string) (string, error) {
	r, err := s.Get(ctx, caller, id)
	if err != nil {
		return "", err
	}
	v, ok := r.version(version)
	if !ok {
		return "", fault.NotFound("recipe_version_not_found", "recipe %s has no version %d; the newest is %d", r.ID, version, r.Latest().Number)
	}
	schemas, err := s.schemas(ctx, caller, v, datasetID)
	if err != nil {
		return "", err
	}
	return PythonOf(r.Name, v.Steps, schemas)
}

// schemas returns the columns before each step of a version, nil when they are
// not known.
func (s *Service) schemas(ctx context.Context, caller account.Caller, v *Version, datasetID string) ([]preprocess.Schema, error) {
	if datasetID != "" {
		d, _, err := s.datasets.At(ctx, caller.Tenant, datasetID, 0)
		if err != nil {
			return nil, err
		}
		b, err := bind(ctx, s.datasets, d, v.Steps, s.budget, nil)
		if err != nil {
			return nil, err
		}
		return b.Schemas(), nil
	}
	if len(v.Schema) == 0 {
		return nil, nil
	}
	r, err := preprocess.Bind(v.Steps, Schema(v.Schema), preprocess.Environment{
		Expressions: expression.Compiler{}, Tables: newOthers(ctx, s.datasets, caller.Tenant, nil),
		Concealer: s.datasets.Concealer(caller.Tenant),
	})
	if _, mistaken := errors.AsType[*ml.InputError](err); mistaken {
		return nil, nil // it joins a data set that has changed, is gone, or is another tenant's
	}
	if err != nil {
		return nil, err
	}
	return r.Schemas(), nil
}

// PythonOf writes steps as a program for pandas. Its function transform takes a
// frame, and when there are joins the other tables by the identifiers of their
// data sets, and returns another frame. schemas are the columns before each step;
// without them steps that need the types of columns are refused.
func PythonOf(name string, steps []Step, schemas []preprocess.Schema) (string, error) {
	var b, body strings.Builder
	given := "df: pd.DataFrame"
	for i, s := range steps {
		var schema preprocess.Schema
		if len(schemas) > 0 {
			schema = schemas[i]
		}
		code, err := translate(s, schema)
		if err != nil {
			return "", fault.Invalid("no_python", "step %d, %s, cannot be written for pandas: %v", i+1, s.Name, err).
				With(fault.Field{Location: fmt.Sprintf("steps[%d]", i), Message: err.Error(), Value: s.Name})
		}
		if s.Name == "join_table" {
			given = "df: pd.DataFrame, tables: dict[str, pd.DataFrame]"
		}
		fmt.Fprintf(&body, "    # %d. %s\n", i+1, s.Name)
		for line := range strings.SplitSeq(strings.TrimSpace(code), "\n") {
			body.WriteString("    " + line + "\n")
		}
	}
	called, before := body.String(), ""
	for _, h := range slices.Backward(helpers()) { // those that others call are before them
		if regexp.MustCompile(`(^|[^.\w])` + h.name + `\b[]}(,)]`).MatchString(called) {
			called += h.code
			before = strings.TrimSpace(h.code) + "\n\n\n" + before
		}
	}
	fmt.Fprintf(&b, "# %s\n", strings.Join(strings.Fields(name), " "))
	for _, module := range []string{"datetime", "decimal", "math", "operator", "re", "struct", "unicodedata"} {
		if regexp.MustCompile(`\b` + module + `\.`).MatchString(called) {
			b.WriteString("import " + module + "\n")
		}
	}
	b.WriteString("\nimport numpy as np\nimport pandas as pd\n\n\n" + before)
	b.WriteString("def transform(" + given + ") -> pd.DataFrame:\n    df = df.copy()\n" + body.String() + "    return df\n")
	return b.String(), nil
}

// translate writes a step, or says why it cannot be written so that it does the
// same.
func translate(s Step, schema preprocess.Schema) (string, error) {
	p := parameters(s.Parameters)
	if write, ok := typedTranslators()[s.Name]; ok {
		return write(p, schema)
	}
	if err := inexpressible(s, p); err != nil {
		return "", err
	}
	for _, some := range []map[string]func(p parameters) string{translators(), numberTranslators(), moreTranslators(), tableTranslators()} {
		if write, ok := some[s.Name]; ok {
			return write(p), nil
		}
	}
	switch s.Name {
	case "hash_values":
		return "", errors.New("the key is the platform's, and in no program")
	case "mask_values":
		return "", errors.New("what is masked of a value, the platform's search for personal data says")
	default:
		return "", errors.New("it has no counterpart there")
	}
}

// inexpressible says what of the parameters of a step Python has not, or has
// otherwise.
func inexpressible(s Step, p parameters) error {
	if _, ok := expression.PythonPattern(p.text("pattern", "")); !ok {
		return fmt.Errorf("the regular expression %.60q has what Python has not, or has otherwise", p.text("pattern", ""))
	}
	iso := regexp.MustCompile(`^\d{4}-\d\d-\d\d(T|$)`)
	switch {
	case regexp.MustCompile(`\$(\$|\{|\d*[A-Za-z_]|[04-9]|\d\d)`).MatchString(p.text("replacement", "")) && s.Name == "replace_text":
		return fmt.Errorf("the replacement %.60q has what Python has not", p.text("replacement", ""))
	case s.Name == "compute_age" && p["at"] != nil && !iso.MatchString(p.text("at", "")):
		return fmt.Errorf("write the day %.60q as 2024-12-31", p.text("at", ""))
	case s.Name == "fill_missing" && p["columns"] == nil && iso.MatchString(p.text("value", "")):
		return errors.New("whether there are instants to be filled only data tell; name the columns")
	}
	return nil
}

// parameters are those of a step, as Python writes them.
type parameters map[string]any

// py returns a parameter, or other when it is not given, as Python writes it.
func (p parameters) py(name string, other any) string {
	v, ok := p[name]
	if !ok || v == nil {
		v = other
	}
	return literal(v)
}

// pattern returns the regular expression as Python has it.
func (p parameters) pattern() string {
	pattern, _ := expression.PythonPattern(p.text("pattern", ""))
	return literal(pattern)
}

// replacement returns the replacement as Python has it, where a group that is not
// there is a mistake, and not nothing.
func (p parameters) replacement() string {
	groups := 0
	if pattern, err := regexp.Compile(p.text("pattern", "")); err == nil {
		groups = pattern.NumSubexp()
	}
	pairs := []string{`\`, `\\`}
	for i := 1; i <= 3; i++ {
		group := ""
		if i <= groups {
			group = `\` + strconv.Itoa(i)
		}
		pairs = append(pairs, "$"+strconv.Itoa(i), group)
	}
	return strings.NewReplacer(pairs...).Replace(p.text("replacement", ""))
}

func (p parameters) text(name, other string) string {
	if s, ok := p[name].(string); ok {
		return s
	}
	return other
}

// columns returns an expression for the columns that a step is for.
func (p parameters) columns(kind string) string {
	if v, ok := p["columns"]; ok && v != nil {
		return literal(v)
	}
	switch kind {
	case "text":
		return `list(df.select_dtypes(include=["object", "string"]).columns)`
	case "number":
		return `list(df.select_dtypes(include=["number", "bool"]).columns)`
	case "quantity":
		return `list(df.select_dtypes(include=["number"]).columns)`
	case "boolean":
		return `list(df.select_dtypes(include=["bool", "boolean"]).columns)`
	case "instant":
		return `list(df.select_dtypes(include=["datetime", "datetimetz"]).columns)`
	default:
		return "list(df.columns)"
	}
}

// literal writes a value of JSON in Python.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		b, err := json.Marshal(v)
		if err != nil {
			return strconv.Quote(v)
		}
		return string(b)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case int:
		return strconv.Itoa(v)
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = literal(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case []string:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = item
		}
		return literal(items)
	case map[string]any:
		var items []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			items = append(items, literal(k)+": "+literal(v[k]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case map[string]string:
		m := make(map[string]any, len(v))
		for k, item := range v {
			m[k] = item
		}
		return literal(m)
	default:
		return fmt.Sprint(v)
	}
}

// translators write a step each.
func translators() map[string]func(p parameters) string {
	each := func(columns, body string) string { return "for c in " + columns + ":\n    df[c] = " + body }
	return map[string]func(p parameters) string{
		"remove_duplicates": func(p parameters) string {
			return "df = df.drop_duplicates(subset=" + p.columns("") + ").reset_index(drop=True)"
		},
		"drop_missing_rows": func(p parameters) string {
			return "df = df.dropna(subset=" + p.columns("") + ", how=" + p.py("missing", "any") + ").reset_index(drop=True)"
		},
		"sort_rows": func(p parameters) string {
			return "df = df.sort_values(" + p.columns("") + ", ascending=not " + p.py("descending", false) + `, kind="stable", na_position="last").reset_index(drop=True)`
		},
		"select_columns": func(p parameters) string { return "df = df[" + p.columns("") + "]" },
		"drop_columns":   func(p parameters) string { return "df = df.drop(columns=" + p.columns("") + ")" },
		"rename_columns": func(p parameters) string { return "df = df.rename(columns=" + p.py("names", nil) + ")" },
		"trim_text": func(p parameters) string {
			strip := map[string]string{"left": "lstrip", "right": "rstrip"}[p.text("side", "both")]
			if strip == "" {
				strip = "strip"
			}
			body := "df[c].str." + strip + "(spaces())"
			if p.py("collapse", false) == "True" {
				body += `.str.replace("[" + spaces() + "]+", " ", regex=True)`
			}
			return each(p.columns("text"), body+`.where(lambda s: s.str.strip(spaces()) != "", None)`)
		},
		"change_case": func(p parameters) string {
			change := map[string]string{"upper": "raised", "title": "titled", "sentence": "sentenced"}[p.text("case", "lower")]
			if change == "" {
				change = "lowered"
			}
			return each(p.columns("text"), "df[c].map("+change+")")
		},
		"replace_text": func(p parameters) string {
			return each(p.columns("text"), "df[c].map(lambda s: substituted(s, "+p.pattern()+", "+literal(p.replacement())+"))")
		},
		"replace_values": func(p parameters) string {
			if p.text("others", "keep") == "missing" {
				return each(p.columns("text"), "df[c].map("+p.py("values", nil)+")")
			}
			return each(p.columns("text"), "df[c].replace("+p.py("values", nil)+")")
		},
		"fill_missing": func(p parameters) string {
			kind := "quantity"
			switch p["value"].(type) {
			case string:
				return each(p.columns("text"), "df[c].fillna(pd.to_datetime("+p.py("value", nil)+`, utc=True) if pd.api.types.is_datetime64_any_dtype(df[c]) else `+p.py("value", nil)+")")
			case bool:
				kind = "boolean"
			}
			return each(p.columns(kind), "df[c].fillna("+p.py("value", nil)+")")
		},
		"impute_missing": func(p parameters) string {
			strategy := p.text("strategy", "median")
			value := map[string]string{"mean": "df[c].mean()", "median": "df[c].median()", "mode": "df[c].mode().iloc[0]"}[strategy]
			columns := p.columns("number")
			if strategy == "mode" && p["columns"] == nil {
				columns = `list(df.select_dtypes(include=["number", "bool", "object", "string"]).columns)`
			}
			return each(columns, "df[c].fillna("+value+` if df[c].notna().any() else ("" if df[c].dtype == object else 0))`)
		},
		"forward_fill":  func(p parameters) string { return each(p.columns(""), "df[c].ffill("+limit(p)+")") },
		"backward_fill": func(p parameters) string { return each(p.columns(""), "df[c].bfill("+limit(p)+")") },
		"encode_ordinal": func(p parameters) string {
			return each(p.columns("text"), "df[c].map({v: float(i) for i, v in enumerate("+p.py("order", nil)+")})")
		},
		"encode_frequency": func(p parameters) string {
			return each(p.columns("text"), "df[c].map(df[c].value_counts(normalize=True))")
		},
	}
}

func limit(p parameters) string {
	if n := p.py("limit", 0); n != "0" {
		return "limit=" + n
	}
	return ""
}

func indent(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }

// bounds are lines that compute lo and hi of a column.
func bounds(p parameters) string {
	switch p.text("method", "iqr") {
	case "zscore":
		return "d = " + p.py("factor", 3.0) + " * df[c].std(ddof=0)\nlo, hi = df[c].mean() - d, df[c].mean() + d"
	case "quantile":
		return "lo, hi = df[c].quantile(" + p.py("low", 0.01) + "), df[c].quantile(" + p.py("high", 0.99) + ")"
	default:
		return "q1, q3 = df[c].quantile(0.25), df[c].quantile(0.75)\nd = " + p.py("factor", 1.5) + " * (q3 - q1)\nlo, hi = q1 - d, q3 + d"
	}
}
