package recipe

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
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
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\nimport re\n\nimport numpy as np\nimport pandas as pd\n\n\ndef transform(df: pd.DataFrame) -> pd.DataFrame:\n    df = df.copy()\n", strings.Join(strings.Fields(name), " "))
	for i, s := range steps {
		write, ok := translators()[s.Name]
		if !ok {
			return "", fault.Invalid("no_python", "step %d, %s, cannot be written for pandas; export the recipe as JSON", i+1, s.Name).
				With(fault.Field{Location: fmt.Sprintf("steps[%d]", i), Message: "no counterpart in pandas", Value: s.Name})
		}
		fmt.Fprintf(&b, "    # %d. %s\n", i+1, s.Name)
		for line := range strings.SplitSeq(strings.TrimSpace(write(parameters(s.Parameters))), "\n") {
			b.WriteString("    " + line + "\n")
		}
	}
	b.WriteString("    return df\n")
	return b.String(), nil
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
			method := map[string]string{"sentence": "capitalize"}[p.text("case", "lower")]
			if method == "" {
				method = p.text("case", "lower")
			}
			return each(p.columns("text"), "df[c].str."+method+"()")
		},
		"replace_text": func(p parameters) string {
			by := strings.NewReplacer("$1", `\1`, "$2", `\2`, "$3", `\3`, `\`, `\\`).Replace(p.text("replacement", ""))
			return each(p.columns("text"), "df[c].str.replace("+p.py("pattern", "")+", "+literal(by)+", regex=True)")
		},
		"replace_values": func(p parameters) string {
			if p.text("others", "keep") == "missing" {
				return each(p.columns("text"), "df[c].map("+p.py("values", nil)+")")
			}
			return each(p.columns("text"), "df[c].replace("+p.py("values", nil)+")")
		},
		"fill_missing": func(p parameters) string { return each(p.columns(""), "df[c].fillna("+p.py("value", nil)+")") },
		"impute_missing": func(p parameters) string {
			value := map[string]string{"mean": "df[c].mean()", "median": "df[c].median()", "mode": "df[c].mode().iloc[0]"}[p.text("strategy", "median")]
			return each(p.columns("number"), "df[c].fillna("+value+")")
		},
		"forward_fill":  func(p parameters) string { return each(p.columns(""), "df[c].ffill("+limit(p)+")") },
		"backward_fill": func(p parameters) string { return each(p.columns(""), "df[c].bfill("+limit(p)+")") },
		"cap_outliers": func(p parameters) string {
			return "for c in " + p.columns("number") + ":\n" + indent(bounds(p)) + "\n    df[c] = df[c].clip(lo, hi)"
		},
		"remove_outliers": func(p parameters) string {
			return "keep = pd.Series(True, index=df.index)\nfor c in " + p.columns("number") + ":\n" + indent(bounds(p)) +
				"\n    keep &= df[c].isna() | df[c].between(lo, hi)\ndf = df[keep].reset_index(drop=True)"
		},
		"scale_numbers": func(p parameters) string {
			return each(p.columns("number"), map[string]string{
				"standard": "(df[c] - df[c].mean()) / (df[c].std(ddof=0) or 1)",
				"minmax":   "(df[c] - df[c].min()) / ((df[c].max() - df[c].min()) or 1)",
				"robust":   "(df[c] - df[c].median()) / ((df[c].quantile(0.75) - df[c].quantile(0.25)) or 1)",
				"maxabs":   "df[c] / (df[c].abs().max() or 1)",
			}[p.text("method", "standard")])
		},
		"add_polynomials": func(p parameters) string {
			return "for c in " + p.columns("number") + ":\n    for d in range(2, " + p.py("degree", 2) + " + 1):\n        df[f\"{c}^{d}\"] = df[c] ** d"
		},
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
