def thousands(groups):
    wide = 3 if len(groups) == 2 else len(groups[1])
    digits = all(g.isascii() and g.isdigit() for g in groups)
    return digits and len(groups[-1]) == 3 and wide in (2, 3) and len(groups[0]) <= wide and all(len(g) == wide for g in groups[1:-1])


def comma_is_decimal(s):
    comma, point = s.rfind(","), s.rfind(".")
    if comma < 0 or point >= 0:
        return comma > point
    return s.count(",") == 1 and len(s.encode()) - s.encode().rfind(b",") - 1 != 3


def plain_digits(s, decimal_sign):
    comma = decimal_sign == "comma" or decimal_sign == "auto" and comma_is_decimal(s)
    point, thousand = (",", ".") if comma else (".", ",")
    if decimal_sign == "auto" and s.count(point) > 1 and thousand not in s:
        point, thousand = thousand, point
    digits, cut, fraction = s.partition(point)
    if any(r in ".,'\u2019" + spaces() for r in fraction):
        return None
    between = thousand + "'\u2019" + spaces()
    groups = re.split("[" + re.escape(between) + "]", digits)
    if len(groups) > 1 and ("" in groups or not thousands(groups)):
        return None
    return "".join(groups) + ("." if cut else "") + fraction


def read_number(s, decimal_sign):
    def money(s):
        while s and (unicodedata.category(s[0]) == "Sc" or s[0] in spaces()):
            s = s[1:]
        while s and (unicodedata.category(s[-1]) == "Sc" or s[-1] in spaces()):
            s = s[:-1]
        return s
    s = s.strip(spaces())
    negative = s.startswith("(") and s.endswith(")") and len(s) > 1
    s = money(s[1:-1] if negative else s)
    percent = s.endswith("%")
    s = s.removesuffix("%").strip(spaces())
    sign = ""
    if s[:1] in ("-", "+", "\u2212"):
        sign, s = "+" if s[0] == "+" else "-", s[1:]
    s = money(s)
    if s[:1] not in tuple("0123456789.,"):
        return None
    s = plain_digits(s, decimal_sign)
    if s is None or not re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", s, re.ASCII | re.IGNORECASE) or math.isinf(float(s)):
        return None
    v = float(sign + s) / (100 if percent else 1)
    return -v if negative else v


def read_truth(s):
    s = lowered(s.strip(spaces()))
    return True if s in ("true", "t", "yes", "y", "1", "on") else False if s in ("false", "f", "no", "n", "0", "off") else None


def instant_of(part, months):
    zone = part.get("zone")
    if zone and (part["half"] or part["s"] is None and part["sep"] != "T"):
        return None
    if part.get("name"):
        part["m"] = [m[:3] for m in months].index(part["name"].lower()[:3]) + 1
    h, minute, half = int(part["h"] or part["h12"] or 0), int(part["min"] or part["min12"] or 0), part["half"]
    if half and h > 12 or h > 23 or minute > 59 or int(part["s"] or 0) > 59:
        return None
    if half:
        h = h % 12 + (12 if half == "PM" else 0)
    try:
        t = datetime.datetime(int(part["y"]), int(part["m"]), int(part["d"]), h, minute, int(part["s"] or 0), int(((part["f"] or "") + "0" * 9)[:9]) // 1000, datetime.timezone.utc)
        if zone and part["sign"]:
            if int(part["zh"]) > 24 or int(part["zm"]) > 60:
                return None
            shift = datetime.timedelta(hours=int(part["zh"]), minutes=int(part["zm"]))
            t = t - shift if part["sign"] == "+" else t + shift
        return t
    except (ValueError, OverflowError):
        return None


def read_instant(s, day_first):
    s = s.strip(spaces())
    if not 6 <= len(s.encode()) <= 40:
        return None
    months = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]
    name = "(?P<name>(?i:" + "|".join(m + "|" + m[:3] for m in months) + "))"
    y, m, d = r"(?P<y>\d{4})", r"(?P<m>\d\d)", r"(?P<d>\d\d)"
    m1, d1 = r"(?P<m>\d\d?)", r"(?P<d>\d\d?)"
    slash = [f"{d1}/{m1}/{y}", f"{d1}-{m1}-{y}"] if day_first else [f"{m1}/{d1}/{y}", f"{m1}-{d1}-{y}"]
    days = [f"{y}-{m}-{d}", f"{y}/{m}/{d}", rf"{y}\.{m}\.{d}", f"{y}{m}{d}", f"{d1} +{name} +{y}", f"{name} +{d1}, +{y}", f"{d1}-{name}-{y}", rf"{d1}\.{m1}\.{y}", *slash]
    clock = r"(?P<sep> +|T)((?P<h>\d\d?):(?P<min>\d\d)(:(?P<s>\d\d)([.,](?P<f>\d+))?)?|(?P<h12>\d\d?):(?P<min12>\d\d) +(?P<half>AM|PM))"
    zone = r"(?P<zone>Z|(?P<sign>[+-])(?P<zh>\d\d):(?P<zm>\d\d))"
    for pattern in [f"{p}({clock})?" for p in days] + [f"{y}-{m}-{d}{clock}{zone}"]:
        found = re.fullmatch(pattern, s, re.ASCII)
        at = instant_of(found.groupdict(), months) if found else None
        if at is not None:
            return at
    return None


def text_of(v):
    if isinstance(v, float) and (abs(v) >= 1e21 or 0 < abs(v) < 1e-6):
        return scientific(v)
    if isinstance(v, float):
        return decimals(v)
    if isinstance(v, datetime.datetime) and micros(v) % (24 * 60 * 60 * 10**6) == 0:
        return f"{v.year:04d}-{v.month:02d}-{v.day:02d}"
    return write_text(v)


def read_whole(s, decimal_sign):
    s = s.strip(spaces())
    if re.fullmatch(r"[+-]?[0-9]+", s, re.ASCII) and -2**63 <= int(s) < 2**63:
        return int(s)
    v = read_number(s, decimal_sign)
    return int(v) if v is not None and v == math.trunc(v) and abs(v) <= 2**53 else None


def convert(v, to, day_first, decimal_sign):
    if to == "string":
        return text_of(v)
    if isinstance(v, str):
        return {"float": lambda: read_number(v, decimal_sign), "integer": lambda: read_whole(v, decimal_sign), "boolean": lambda: read_truth(v), "datetime": lambda: read_instant(v, day_first)}[to]()
    if isinstance(v, datetime.datetime):
        return {"float": lambda: float(micros(v)) / 1e6, "integer": lambda: micros(v) // 10**6, "boolean": lambda: micros(v) == 1 if micros(v) in (0, 1) else None}[to]()
    if to == "float":
        return float(v)
    if to == "boolean":
        return v == 1 if v in (0, 1) else None
    if to == "integer":
        return int(v) if not isinstance(v, float) or v == math.trunc(v) and abs(v) <= 2**53 else None
    if not -62135596800 <= v < 253402300800:
        return None
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=int(whole(v * 1e6, away)))


def converted(s, given, to, strict, day_first, decimal_sign):
    if given == to:
        return s
    before = values(s, given)
    after = [None if v is None else convert(v, to, day_first, decimal_sign) for v in before]
    for a, b in zip(before, after):
        if strict and a is not None and b is None:
            raise ValueError(f"column {s.name!r} has the value {a!r}, which is no {to}")
    return column(after, to, s.index)


def standard_email(s):
    s = lowered(s.strip(spaces())).removeprefix("mailto:")
    name, label = s.partition("@")[0], r"[^\W_](?:(?:[^\W_]|-)*[^\W_])?"
    good = re.fullmatch(r"[\w.!#$%&'*+/=?^{|}~-]+@" + label + r"(?:\." + label + ")+", s)
    return s if good and not name.startswith(".") and not name.endswith(".") and ".." not in name else None


def standard_phone(s, code):
    s = s.strip(spaces())
    if not all(r in "0123456789 -./()\xa0" or r == "+" and i == 0 for i, r in enumerate(s)):
        return None
    d = "".join(r for r in (s.replace("(0)", "", 1) if s.startswith("+") else s) if r in "0123456789")
    if not s.startswith("+"):
        if d.startswith("00"):
            d = d[2:]
        elif code == "":
            return None
        else:
            d = code + d.removeprefix("0")
    return "+" + d if 7 <= len(d) <= 15 else None


def standard_url(s):
    label = r"[^\W_](?:(?:[^\W_]|-)*[^\W_])?"
    found = re.fullmatch(r"(?:((?i:https?))://)?(" + label + r"(?:\." + label + r")+)(?::([0-9]{1,5}))?([/?#][^\t\n\f\r ]*)?", s.strip(spaces()))
    if not found:
        return None
    scheme, port, rest = (found[1] or "https").lower(), found[3] or "", found[4] or ""
    port = "" if (scheme, port) in (("https", "443"), ("http", "80")) or not port else ":" + port
    return scheme + "://" + lowered(found[2]) + port + (rest if "?" in rest or "#" in rest else rest.removesuffix("/"))


def standard_date(s, day_first):
    t = read_instant(s, day_first)
    if t is None:
        return None
    return moment_text(t) if t.time() != datetime.time(0) else f"{t.year:04d}-{t.month:02d}-{t.day:02d}"


def standard_number(s, decimal_sign):
    v = read_number(s, decimal_sign)
    return None if v is None else decimals(v)


def standard_truth(s):
    v = read_truth(s)
    return None if v is None else "true" if v else "false"


def standardised(s, f, keep):
    def one(v):
        made = None if pd.isna(v) else f(v)
        return v if made is None and keep and not pd.isna(v) else made
    return s.map(one)
