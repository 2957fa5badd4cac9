package recipe

import (
	"embed"
	"strings"
)

//go:embed pandas/*.py
var functions embed.FS

// helper is a function that programs have when a step calls it.
type helper struct{ name, code string }

// helpers returns the functions, those that others call first.
func helpers() []helper {
	var all []helper
	for _, name := range []string{"step", "expression", "value", "table"} {
		file, err := functions.ReadFile("pandas/" + name + ".py")
		if err != nil {
			panic("recipe: a part of the program is missing: " + err.Error())
		}
		for code := range strings.SplitSeq(string(file), "\n\n\n") {
			name, _, _ := strings.Cut(strings.TrimPrefix(code, "def "), "(")
			all = append(all, helper{name, code + "\n"})
		}
	}
	return all
}

// numberTranslators write steps of numbers.
func numberTranslators() map[string]func(p parameters) string {
	each := func(columns, body string) string { return "for c in " + columns + ":\n    df[c] = " + body }
	return map[string]func(p parameters) string{
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
			return "for c in " + p.columns("number") + ":\n    for d in range(2, " + p.py("degree", 2) + " + 1):\n        df[f\"{c}^{d}\"] = finite(numbers(df[c]) ** d)"
		},
	}
}

// moreTranslators write a step each, with the help of functions.
func moreTranslators() map[string]func(p parameters) string {
	each := func(columns string, lines ...string) string {
		return "for c in " + columns + ":\n    " + strings.Join(lines, "\n    ")
	}
	categories := func(p parameters) string {
		return "kept, other = categories(df[c], " + p.py("max_categories", 50) + ", " + p.py("min_rows", 1) + ")"
	}
	return map[string]func(p parameters) string{
		"remove_characters": func(p parameters) string {
			return each(p.columns("text"), "df[c] = df[c].map(lambda s: without(s, "+p.py("remove", "special")+", "+p.py("keep", "")+", "+p.py("replacement", "")+"))")
		},
		"extract_text": func(p parameters) string {
			return "df[" + p.py("name", nil) + "] = df[" + p.py("column", nil) + "].map(lambda s: found(s, " + p.pattern() + ", " + p.py("group", 0) + "))"
		},
		"drop_constant_columns": func(p parameters) string {
			return "names = " + p.columns("") + "\ngone = [c for c in names if df[c].nunique() < 2 or df[c].isna().mean() > " + p.py("max_missing", 1.0) + "]\n" +
				"df = df.drop(columns=gone[:-1] if len(gone) == len(names) else gone)"
		},
		"round_numbers": func(p parameters) string {
			return each(p.columns("quantity"), "unit = 10.0 ** "+p.py("digits", 0), "df[c] = np.sign(df[c]) * np.floor(df[c].abs() * unit + 0.5) / unit")
		},
		"add_interactions": func(p parameters) string {
			made := map[string][2]string{"ratio": {"/", "x / y.where(y != 0)"}, "sum": {"+", "x + y"}, "difference": {"-", "x - y"}, "product": {"*", "x * y"}}[p.text("operation", "product")]
			return "names = " + p.columns("number") + "\nfor i, a in enumerate(names):\n    for b in names[i + 1:]:\n        x, y = numbers(df[a]), numbers(df[b])\n        df[a + " + literal(made[0]) + " + b] = finite(" + made[1] + ")"
		},
		"bin_numbers": func(p parameters) string {
			found := "edges(df[c], " + p.py("bins", 5) + ", " + literal(p.text("method", "quantile") == "quantile") + ")"
			if p.text("method", "quantile") == "edges" {
				found = p.py("edges", nil)
			}
			return each(p.columns("number"), "df[c + "+p.py("suffix", "")+"] = binned(df[c], "+found+", "+p.py("labels", []any{})+")")
		},
		"group_rare": func(p parameters) string {
			return each(p.columns("text"), categories(p), "df[c] = grouped(df[c], kept, other)")
		},
		"encode_labels": func(p parameters) string {
			return each(p.columns("text"), categories(p), "df[c] = grouped(df[c], kept, other).map({v: float(i) for i, v in enumerate(kept + other)})")
		},
		"encode_one_hot": func(p parameters) string {
			return "taken = set(df.columns)\n" + each(p.columns("text"), categories(p), "grouped_values, made = grouped(df[c], kept, other), {}",
				"for v in kept + other + ([None] if df[c].isna().any() else []):", `    name = c + " is missing" if v is None else c + "=" + v`,
				"    while name in taken:", `        name += "_"`, "    taken.add(name)", "    made[name] = (df[c].isna() if v is None else grouped_values == v).astype(float)",
				"df = replaced(df, c, made)")
		},
		"extract_date_parts": func(p parameters) string {
			return each(p.columns("instant"), "df = replaced(df, c, {c + \" \" + n: part(df[c], n) for n in "+p.py("parts", []any{"year", "month", "day", "weekday", "hour"})+"}, "+p.py("keep", false)+")")
		},
		"encode_cycles": func(p parameters) string {
			return each(p.columns("instant"), "made = {}", "for n in "+p.py("parts", []any{"month", "weekday", "hour"})+":",
				"    made[c + \" \" + n + \" sin\"], made[c + \" \" + n + \" cos\"] = np.sin(turn(df[c], n)), np.cos(turn(df[c], n))",
				"df = replaced(df, c, made, "+p.py("keep", false)+")")
		},
		"compute_age": func(p parameters) string {
			from := "pd.to_datetime(df[" + p.py("column", nil) + "], utc=True)"
			to := "[pd.to_datetime(" + p.py("at", nil) + ", utc=True)] * len(df)"
			if p["at_column"] != nil {
				to = "pd.to_datetime(df[" + p.py("at_column", nil) + "], utc=True)"
			}
			return "df[" + p.py("name", nil) + "] = [age(a, b, " + p.py("unit", "years") + ") for a, b in zip(" + from + ", " + to + ")]"
		},
	}
}
