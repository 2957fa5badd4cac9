package recipe

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
)

// Python returns a version of a recipe, 0 for the newest, as a program for
// pandas that does the same. Steps that have no counterpart there are refused.
func (s *Service) Python(ctx context.Context, caller account.Caller, id string, version int) (string, error) {
	r, err := s.Get(ctx, caller, id)
	if err != nil {
		return "", err
	}
	v, ok := r.version(version)
	if !ok {
		return "", fault.NotFound("recipe_version_not_found", "recipe %s has no version %d; the newest is %d", r.ID, version, r.Latest().Number)
	}
	return PythonOf(r.Name, v.Steps)
}

// PythonOf writes steps as a program for pandas. Its function transform takes a
// frame and returns another.
func PythonOf(name string, steps []Step) (string, error) {
	var b, body strings.Builder
	for i, s := range steps {
		write, ok := translator(s)
		if !ok {
			return "", fault.Invalid("no_python", "step %d, %s, cannot be written for pandas; export the recipe as JSON", i+1, s.Name).
				With(fault.Field{Location: fmt.Sprintf("steps[%d]", i), Message: "no counterpart in pandas", Value: s.Name})
		}
		fmt.Fprintf(&body, "    # %d. %s\n", i+1, s.Name)
		for line := range strings.SplitSeq(strings.TrimSpace(write(parameters(s.Parameters))), "\n") {
			body.WriteString("    " + line + "\n")
		}
	}
	fmt.Fprintf(&b, "# %s\nimport re\nimport unicodedata\n\nimport numpy as np\nimport pandas as pd\n\n\n", strings.Join(strings.Fields(name), " "))
	called, before := body.String(), ""
	for _, h := range slices.Backward(helpers()) { // those that others call are before them
		if regexp.MustCompile(`\b` + h.name + `\b[(,)]`).MatchString(called) {
			called += h.code
			before = strings.TrimSpace(h.code) + "\n\n\n" + before
		}
	}
	b.WriteString(before)
	b.WriteString("def transform(df: pd.DataFrame) -> pd.DataFrame:\n    df = df.copy()\n" + body.String() + "    return df\n")
	return b.String(), nil
}

// translator returns what writes a step, false when it cannot be written so that
// it does the same.
func translator(s Step) (write func(p parameters) string, ok bool) {
	for _, some := range []map[string]func(p parameters) string{translators(), numberTranslators(), moreTranslators()} {
		if write, ok = some[s.Name]; ok {
			break
		}
	}
	p := parameters(s.Parameters)
	// What regular expressions have here and Python has not, or has otherwise.
	for _, only := range []string{`[[:`, `\p`, `\P`, `\z`, `\Q`, `\C`, `(?U`, `(?i-`, `(?m`} {
		if strings.Contains(p.text("pattern", ""), only) {
			return nil, false
		}
	}
	iso := regexp.MustCompile(`^\d{4}-\d\d-\d\d(T|$)`)
	switch {
	case regexp.MustCompile(`\$(\$|\{|\d*[A-Za-z_]|[04-9]|\d\d)`).MatchString(p.text("replacement", "")) && s.Name == "replace_text":
		return nil, false
	case s.Name == "compute_age" && p["at"] != nil && !iso.MatchString(p.text("at", "")):
		return nil, false
	case s.Name == "fill_missing" && p["columns"] == nil && iso.MatchString(p.text("value", "")):
		return nil, false // whether there are instants to be filled only data tell
	}
	return write, ok
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

// pattern returns a regular expression as Python has it, where the end of a text
// is nothing else.
func (p parameters) pattern() string {
	var b strings.Builder
	class, escaped := false, false
	for _, r := range p.text("pattern", "") {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '[':
			class = true
		case r == ']':
			class = false
		case r == '$' && !class:
			b.WriteString(`\Z`)
			continue
		}
		b.WriteRune(r)
	}
	return literal(b.String())
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
			body := "df[c].str." + strip + "()"
			if p.py("collapse", false) == "True" {
				body += `.str.replace(r"\s+", " ", regex=True)`
			}
			return each(p.columns("text"), body+`.where(lambda s: s.str.strip() != "", None)`)
		},
		"change_case": func(p parameters) string {
			if p.text("case", "") == "title" {
				return each(p.columns("text"), "df[c].map(titled)")
			}
			method := map[string]string{"sentence": "capitalize"}[p.text("case", "lower")]
			if method == "" {
				method = p.text("case", "lower")
			}
			return each(p.columns("text"), "df[c].str."+method+"()")
		},
		"replace_text": func(p parameters) string {
			by := strings.NewReplacer("$1", `\1`, "$2", `\2`, "$3", `\3`, `\`, `\\`).Replace(p.text("replacement", ""))
			return each(p.columns("text"), "df[c].str.replace("+p.pattern()+", "+literal(by)+", regex=True, flags=re.ASCII)")
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
