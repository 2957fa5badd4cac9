def spaces():
    return "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


def lowered(s):
    return s if pd.isna(s) else "".join("i" if r == "\u0130" else r.lower() for r in s)


def raised(s):
    return s if pd.isna(s) else "".join(next((t for t in (r.upper(), r.title()) if len(t) == 1), r) for r in s)


def initial(r):
    return r.title() if len(r.title()) == 1 else r


def titled(s):
    if pd.isna(s):
        return s
    out, inside = [], False
    for r in s:
        letter = r.isalpha() or unicodedata.category(r) == "Nd" or (r == "'" and inside)
        out.append(initial(r) if letter and not inside else lowered(r))
        inside = letter
    return "".join(out)


def sentenced(s):
    return s if pd.isna(s) or s == "" else initial(lowered(s)[0]) + lowered(s)[1:]


def without(s, what, keep, by):
    if pd.isna(s):
        return s
    def space(r):
        return r in spaces()
    def goes(r):
        kind = unicodedata.category(r)
        return {
            "special": kind[0] not in "LM" and kind != "Nd" and not space(r), "punctuation": kind[0] == "P", "digits": kind == "Nd",
            "letters": kind[0] == "L", "whitespace": space(r), "control": kind == "Cc", "non_ascii": ord(r) > 127,
        }[what]
    if not any(goes(r) for r in s):
        return s
    return "".join(by if goes(r) and r not in keep else r for r in s) or None


def substituted(s, pattern, by):
    if pd.isna(s):
        return s
    out, at, last = [], 0, -1
    for match in re.finditer(pattern, s, re.ASCII):
        if match.start() == match.end() == last:
            continue
        out += [s[at:match.start()], match.expand(by)]
        at = last = match.end()
    return "".join(out) + s[at:]


def numbers(s):
    return pd.Series(s.to_numpy(dtype=float, na_value=np.nan), index=s.index)


def finite(s):
    return s.clip(-1.7976931348623157e308, 1.7976931348623157e308)


def found(s, pattern, group):
    if pd.isna(s):
        return None
    match = re.search(pattern, s, re.ASCII)
    return match.group(group) if match else None


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


def grouped(s, kept, other):
    return s.map(lambda v: v if pd.isna(v) or v in kept else other[0])


def replaced(df, c, made, keep=False):
    at = df.columns.get_loc(c)
    return pd.concat([df.iloc[:, :at + (1 if keep else 0)], pd.DataFrame(made, index=df.index), df.iloc[:, at + 1:]], axis=1)


def part(s, name):
    s = pd.to_datetime(s, utc=True)
    return {
        "days": lambda: (s - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1), "year": lambda: s.dt.year, "month": lambda: s.dt.month, "day": lambda: s.dt.day,
        "weekday": lambda: (s.dt.dayofweek + 1) % 7, "hour": lambda: s.dt.hour, "day of year": lambda: s.dt.dayofyear,
    }[name]().astype(float)


def turn(s, name):
    first = 0 if name in ("weekday", "hour") else 1
    period = {"month": 12, "weekday": 7, "hour": 24}.get(name)
    if period is None:
        period = pd.to_datetime(s, utc=True).dt.is_leap_year.map({True: 366, False: 365})
    return 2 * np.pi * (part(s, name) - first) / period


def age(a, b, unit):
    if pd.isna(a) or pd.isna(b):
        return np.nan
    if unit in ("days", "hours"):
        return (b - a) / pd.Timedelta(1, unit)
    a, b, sign = (b, a, -1) if b < a else (a, b, 1)
    months = (b.year - a.year) * 12 + b.month - a.month - ((b.day, b.time()) < (a.day, a.time()))
    return float(sign * (months // 12 if unit == "years" else months))


def binned(s, edges, labels):
    text = "{:.6g}".format
    if any(text(a) == text(b) for a, b in zip(edges, edges[1:])):
        text = repr
    names = labels or (["below " + text(edges[0])] + [text(a) + " to " + text(b) for a, b in zip(edges, edges[1:])] + ["from " + text(edges[-1])] if edges else ["all"])
    at = np.searchsorted(edges, s.fillna(0).astype(float), side="right")
    return pd.Series([None if gone else names[k] for gone, k in zip(s.isna(), at)], index=s.index, dtype=object)


def edges(s, bins, ranks):
    out, lo, hi = [], s.min(), s.max()
    for k in range(1, bins if s.notna().any() else 1):
        share = k / bins
        edge = s.quantile(share) if ranks else lo * (1 - share) + hi * share
        if edge > lo and (not out or edge > out[-1]):
            out.append(float(edge))
    return out
