def keys_of(df, names):
    return list(zip(*[[None if pd.isna(v) else v for v in df[c]] for c in names]))


def groups_of(df, by):
    places = {}
    return np.array([places.setdefault(k, len(places)) for k in keys_of(df, by)], dtype=int), len(places)


def computed(df, at, groups, function, c):
    if function == "count":
        return np.bincount(at if c is None else at[df[c].notna().to_numpy()], minlength=groups)
    by = pd.Series(df[c].to_numpy(dtype=float, na_value=np.nan)).groupby(at)
    made = by.sum(min_count=1) if function == "sum" else by.std(ddof=0) if function == "std" else by.agg(function)
    return made.reindex(range(groups)).to_numpy(dtype=float)


def grouped_rows(df, by, made):
    at, groups = groups_of(df, by)
    out = df[by].iloc[np.unique(at, return_index=True)[1]].reset_index(drop=True)
    for name, (function, c) in made.items():
        out[name] = computed(df, at, groups, function, c)
    return out


def with_groups(df, by, made):
    at, groups = groups_of(df, by)
    out = df.copy()
    for name, (function, c) in made.items():
        out[name] = computed(df, at, groups, function, c)[at]
    return out


def joined(df, other, on, other_on, columns, prefix, inner, first):
    places = {}
    for i, key in enumerate(keys_of(other, other_on)):
        if key in places and not first:
            raise ValueError(f"the other table has the key {key!r} in several rows")
        places.setdefault(key, i)
    at = np.array([places.get(key, -1) for key in keys_of(df, on)], dtype=int)
    rows = other.reset_index(drop=True).reindex(at)
    df = df.copy()
    for c in columns or [c for c in other.columns if c not in other_on]:
        df[prefix + c] = rows[c].array
    return df[at >= 0].reset_index(drop=True) if inner else df


def mixed(h, v):
    product = (h ^ 0xA0761D6478BD642F) * (v ^ 0xE7037ED1A0B428DB)
    return product >> 64 ^ product & 2**64 - 1 ^ (h << 23 | h >> 41) & 2**64 - 1


def share(seed, v):
    return (mixed(mixed(seed, 0x51ED2701), v) >> 11) / 2**53


def bits_of(v, kind):
    if v is None:
        return 0x632BE59BD9B4E019
    if kind == "string":
        text = v.encode()
        h = len(text) * 0x9E3779B97F4A7C15 & 2**64 - 1
        for i in range(0, len(text), 8):
            h = mixed(h, int.from_bytes(text[i:i + 8], "big"))
        return h
    if kind == "float":
        return struct.unpack("<Q", struct.pack("<d", v + 0.0))[0]
    return (micros(v) if kind == "datetime" else int(v)) & 2**64 - 1


def drawn(df, seed, group=None, kind=None):
    if group is None:
        return np.array([share(seed, i) for i in range(len(df))], dtype=float)
    return np.array([share(seed, mixed(0x9E3779B97F4A7C15, bits_of(v, kind))) for v in values(df[group], kind)], dtype=float)


def moments(numbers):
    known, mean, m2 = [v for v in numbers if not math.isnan(v)], 0.0, 0.0
    for n, v in enumerate(known):
        d = v / 8 - mean
        mean += d / (n + 1)
        m2 += d * (v / 8 - mean)
    if not known or min(known) == max(known):
        return (known[0] if known else 0.0), 1.0
    lo, hi = min(known), max(known)
    return max(lo, min(mean * 8, hi)), min(math.sqrt(m2 / len(known)) * 8, hi / 2 - lo / 2) or 1.0


def filled_by_neighbours(df, columns, features, neighbours, most):
    table = np.array([df[c].to_numpy(dtype=float, na_value=np.nan) for c in columns + features])
    mean, unit = zip(*[moments(numbers.tolist()) for numbers in table])
    rank = [mixed(0x2545F4914F6CDD1D, i) for i in range(len(df))]
    rows = table[:, sorted(range(len(df)), key=rank.__getitem__)[:most]]
    made = table[:len(columns)].copy()
    for i in np.flatnonzero(np.isnan(made).any(axis=0)):
        total, shared = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
        for k in range(len(table)):
            d = table[k, i] / unit[k] - rows[k] / unit[k]
            known = ~np.isnan(d)
            total[known] += d[known] * d[known]
            shared[known] += 1
        for k in np.flatnonzero(np.isnan(table[:len(columns), i])):
            near = np.flatnonzero((shared > 0) & ~np.isnan(rows[k]))
            near, value = near[np.argsort(total[near] / shared[near], kind="stable")][:neighbours], 0.0
            for n, at in enumerate(near):
                value += (rows[k, at] - value) / (n + 1)
            made[k, i] = value if len(near) else mean[k]
    df = df.copy()
    for c, numbers in zip(columns, made):
        df[c] = numbers
    return df
