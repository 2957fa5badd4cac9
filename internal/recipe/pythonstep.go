package recipe

import "strings"

// helper is a function that programs have when a step calls it.
type helper struct{ name, code string }

func helpers() []helper {
	return []helper{
		{"titled", `
def titled(s):
    if pd.isna(s):
        return s
    out, inside = [], False
    for r in s:
        letter = r.isalpha() or unicodedata.category(r) == "Nd" or (r == "'" and inside)
        out.append(r.upper() if letter and not inside else r.lower())
        inside = letter
    return "".join(out)
`},
		{"without", `
def without(s, what, keep, by):
    if pd.isna(s):
        return s
    def space(r):
        return r in "\t\n\v\f\r \x85\xa0" or unicodedata.category(r)[0] == "Z"
    def goes(r):
        kind = unicodedata.category(r)
        return {
            "special": kind[0] not in "LM" and kind != "Nd" and not space(r), "punctuation": kind[0] == "P", "digits": kind == "Nd",
            "letters": kind[0] == "L", "whitespace": space(r), "control": kind == "Cc", "non_ascii": ord(r) > 127,
        }[what]
    if not any(goes(r) for r in s):
        return s
    return "".join(by if goes(r) and r not in keep else r for r in s) or None
`},
		{"found", `
def found(s, pattern, group):
    if pd.isna(s):
        return None
    match = re.search(pattern, s, re.ASCII)
    return match.group(group) if match else None
`},
		{"categories", `
def categories(s, most, fewest):
    counts = s.dropna().value_counts()
    kept = []
    for text, rows in sorted(counts.items(), key=lambda k: (-k[1], k[0])):
        if len(kept) >= most or rows < fewest:
            other = "other"
            while other in counts.index:
                other += "_"
            return sorted(kept), [other]
        kept.append(text)
    return sorted(kept), []
`},
		{"grouped", `
def grouped(s, kept, other):
    return s.map(lambda v: v if pd.isna(v) or v in kept else other[0])
`},
		{"replaced", `
def replaced(df, c, made, keep=False):
    at = df.columns.get_loc(c)
    return pd.concat([df.iloc[:, :at + (1 if keep else 0)], pd.DataFrame(made, index=df.index), df.iloc[:, at + 1:]], axis=1)
`},
		{"part", `
def part(s, name):
    s = pd.to_datetime(s, utc=True)
    return {
        "days": lambda: (s - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1), "year": lambda: s.dt.year, "month": lambda: s.dt.month, "day": lambda: s.dt.day,
        "weekday": lambda: (s.dt.dayofweek + 1) % 7, "hour": lambda: s.dt.hour, "day of year": lambda: s.dt.dayofyear,
    }[name]().astype(float)
`},
		{"turn", `
def turn(s, name):
    first = 0 if name in ("weekday", "hour") else 1
    period = {"month": 12, "weekday": 7, "hour": 24}.get(name)
    if period is None:
        period = pd.to_datetime(s, utc=True).dt.is_leap_year.map({True: 366, False: 365})
    return 2 * np.pi * (part(s, name) - first) / period
`},
		{"age", `
def age(a, b, unit):
    if pd.isna(a) or pd.isna(b):
        return np.nan
    if unit in ("days", "hours"):
        return (b - a) / pd.Timedelta(1, unit)
    a, b, sign = (b, a, -1) if b < a else (a, b, 1)
    months = (b.year - a.year) * 12 + b.month - a.month - ((b.day, b.time()) < (a.day, a.time()))
    return float(sign * (months // 12 if unit == "years" else months))
`},
		{"binned", `
def binned(s, edges, labels):
    text = "{:.6g}".format
    if any(text(a) == text(b) for a, b in zip(edges, edges[1:])):
        text = repr
    names = labels or (["below " + text(edges[0])] + [text(a) + " to " + text(b) for a, b in zip(edges, edges[1:])] + ["from " + text(edges[-1])] if edges else ["all"])
    at = np.searchsorted(edges, s.fillna(0).astype(float), side="right")
    return pd.Series([None if gone else names[k] for gone, k in zip(s.isna(), at)], index=s.index, dtype=object)
`},
		{"edges", `
def edges(s, bins, ranks):
    out, lo, hi = [], s.min(), s.max()
    for k in range(1, bins if s.notna().any() else 1):
        share = k / bins
        edge = s.quantile(share) if ranks else lo * (1 - share) + hi * share
        if edge > lo and (not out or edge > out[-1]):
            out.append(float(edge))
    return out
`},
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
			made := map[string][2]string{"ratio": {"/", "df[a] / df[b].where(df[b] != 0)"}, "sum": {"+", "df[a] + df[b]"}, "difference": {"-", "df[a] - df[b]"}, "product": {"*", "df[a] * df[b]"}}[p.text("operation", "product")]
			return "names = " + p.columns("number") + "\nfor i, a in enumerate(names):\n    for b in names[i + 1:]:\n        df[a + " + literal(made[0]) + " + b] = " + made[1]
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
