def lost(v):
    return v is None or isinstance(v, float) and not math.isfinite(v)


def instant(v):
    v = pd.Timestamp(v)
    return (v.tz_localize("UTC") if v.tzinfo is None else v.tz_convert("UTC")).to_pydatetime(warn=False)


def values(s, kind):
    read = {"float": float, "integer": int, "boolean": bool, "string": str, "datetime": instant}[kind]
    return [None if pd.isna(v) else read(v) for v in s]


def each_row(df, columns, f):
    return [f(*row) for row in (zip(*[values(df[c], kind) for c, kind in columns.items()]) if columns else [()] * len(df))]


def column(made, kind, index):
    if kind == "float":
        return pd.Series([np.nan if lost(v) else float(v) for v in made], index=index, dtype="float64")
    if kind == "string":
        return pd.Series([None if v is None or len(v.encode()) > 65536 else v for v in made], index=index, dtype=object)
    if kind == "datetime":
        return pd.Series(pd.to_datetime([pd.NaT if v is None else v for v in made], utc=True), index=index)
    gaps = any(v is None for v in made)
    if kind == "boolean":
        return pd.Series([pd.NA if v is None else v for v in made], index=index, dtype="boolean" if gaps else "bool")
    if gaps and all(v is None or abs(v) <= 2**53 for v in made):
        return pd.Series([np.nan if v is None else float(v) for v in made], index=index, dtype="float64")
    return pd.Series([pd.NA if v is None else v for v in made], index=index, dtype="Int64" if gaps else "int64")


def result(f, *operands):
    if any(v is None for v in operands):
        return None
    try:
        v = f(*operands)
    except (OverflowError, ValueError):
        return None
    if isinstance(v, int) and not -2**63 <= v < 2**63 or isinstance(v, float) and math.isnan(v):
        return None
    return v


def alike(a, b):
    return (float(a), float(b)) if isinstance(a, float) != isinstance(b, float) else (a, b)


def equal(a, b):
    return result(lambda a, b: operator.eq(*alike(a, b)), a, b)


def less(a, b):
    return result(lambda a, b: operator.lt(*alike(a, b)), a, b)


def at_most(a, b):
    return result(lambda a, b: operator.le(*alike(a, b)), a, b)


def more(a, b):
    return result(lambda a, b: operator.gt(*alike(a, b)), a, b)


def at_least(a, b):
    return result(lambda a, b: operator.ge(*alike(a, b)), a, b)


def among(v, several):
    return None if v is None or None in several else any(type(v) is type(w) and v == w or equal(v, w) for w in several)


def both(a, b):
    return False if a is False or b is False else None if a is None or b is None else True


def either(a, b):
    return True if a is True or b is True else None if a is None or b is None else False


def opposite(a):
    return None if a is None else not a


def choice(condition, a, b):
    return None if condition is None else a if condition else b


def missing(v):
    return lost(v)


def default(v, other):
    return other if lost(v) else v


def plus(a, b):
    return result(operator.add, a, b)


def minus(a, b):
    return result(operator.sub, a, b)


def times(a, b):
    return result(operator.mul, a, b)


def negative(a):
    return result(operator.neg, a)


def quotient(a, b):
    if isinstance(a, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) if b else None
    return a / b if b else math.nan if a == 0 else math.copysign(math.inf, a) * math.copysign(1, b)


def divided(a, b):
    return result(quotient, a, b)


def remainder(a, b):
    return result(lambda a, b: abs(a) % abs(b) * (-1 if a < 0 else 1) if b and (a, b) != (-2**63, -1) else None, a, b)


def size(v):
    return result(len, v)


def trimmed(s):
    return result(lambda s: s.strip(spaces()), s)


def replaced_text(s, old, by):
    return result(lambda s, old, by: None if len(s.encode()) + s.count(old) * len(by.encode()) > 65536 else s.replace(old, by), s, old, by)


def part_of_text(s, start, end):
    return result(lambda s, start, end: s[max(start, 0):max(end, 0)], s, start, end)


def contains(s, part):
    return result(lambda s, part: part in s, s, part)


def starts_with(s, part):
    return result(str.startswith, s, part)


def ends_with(s, part):
    return result(str.endswith, s, part)


def matches(s, pattern):
    return result(lambda s: re.search(pattern, s, re.ASCII) is not None, s)


def absolute(v):
    return result(lambda v: abs(float(v)), v)


def whole(v, f):
    return v if not math.isfinite(v) or abs(v) >= 2**52 else math.copysign(float(f(v)), v)


def away(v):
    return math.trunc(v) + (math.copysign(1, v) if abs(v - math.trunc(v)) >= 0.5 else 0)


def rounded(v):
    return result(lambda v: whole(float(v), away), v)


def floor(v):
    return result(lambda v: whole(float(v), math.floor), v)


def ceiling(v):
    return result(lambda v: whole(float(v), math.ceil), v)


def root(v):
    return result(lambda v: math.sqrt(v), v)


def exponential(v):
    return result(lambda v: math.inf if v > 709.782712893384 else math.exp(v), v)


def logarithm(v):
    return result(lambda v: -math.inf if v == 0 else math.log(v), v)


def raised_to(a, b):
    odd = math.isfinite(b) and abs(b) < 2**53 and b % 2 == 1
    if a == 0 and b < 0:
        return math.copysign(math.inf, a) if odd else math.inf
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and odd else math.inf


def power(a, b):
    return result(lambda a, b: raised_to(float(a), float(b)), a, b)


def least(a, b):
    return result(lambda a, b: min(float(a), float(b)), a, b)


def greatest(a, b):
    return result(lambda a, b: max(float(a), float(b)), a, b)


def micros(t):
    return (t - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)


def day_of_text(s):
    return result(lambda s: datetime.datetime(int(s[:4]), int(s[5:7]), int(s[8:]), tzinfo=datetime.timezone.utc) if re.fullmatch(r"\d{4}-\d\d-\d\d", s, re.ASCII) else None, s)


def year(t):
    return result(lambda t: t.year, t)


def month(t):
    return result(lambda t: t.month, t)


def day(t):
    return result(lambda t: t.day, t)


def hour(t):
    return result(lambda t: t.hour, t)


def weekday(t):
    return result(lambda t: t.isoweekday() % 7, t)


def days_between(a, b):
    return result(lambda a, b: (float(micros(b)) - float(micros(a))) / 86_400e6, a, b)


def read_float(v):
    if not isinstance(v, str):
        return float(v)
    if re.fullmatch(r"[+-]?(inf|infinity|nan)", v, re.ASCII | re.IGNORECASE):
        return float(v)
    if re.fullmatch(r"[+-]?0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[+-]?[0-9]+", v, re.ASCII | re.IGNORECASE):
        return float.fromhex(v)
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", v, re.ASCII | re.IGNORECASE) or math.isinf(float(v)):
        return None
    return float(v)


def as_float(v):
    return result(read_float, v)


def read_integer(v):
    if isinstance(v, str):
        return int(v) if re.fullmatch(r"[+-]?[0-9]+", v, re.ASCII) else None
    if isinstance(v, datetime.datetime):
        return micros(v) // 10**6
    return None if isinstance(v, float) and not -2**63 < v < 2**63 else int(v)


def as_integer(v):
    return result(read_integer, v)


def decimals(v):
    text = format(decimal.Decimal(repr(v)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def scientific(v):
    if math.isinf(v):
        return "+Inf" if v > 0 else "-Inf"
    sign, digits, exponent = decimal.Decimal(repr(v)).normalize().as_tuple()
    at = len(digits) + exponent - 1
    if v == 0 or -4 <= at < 6:
        return decimals(v)
    text = "".join(map(str, digits))
    return f"{'-' if sign else ''}{text[0]}{'.' + text[1:] if len(text) > 1 else ''}e{'-' if at < 0 else '+'}{abs(at):02d}"


def moment_text(t):
    text = t.strftime("%H:%M:%S") + (f".{t.microsecond:06d}".rstrip("0") if t.microsecond else "")
    return f"{t.year:04d}-{t.month:02d}-{t.day:02d}T{text}Z"


def write_text(v):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, float):
        return scientific(v)
    if isinstance(v, datetime.datetime):
        return moment_text(v)
    if isinstance(v, datetime.timedelta):
        return decimals(v / datetime.timedelta(seconds=1)) + "s"
    return str(v)


def as_text(v):
    return result(write_text, v)
