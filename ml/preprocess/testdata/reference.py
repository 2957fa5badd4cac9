"""Writes reference.json: a small table with gaps, and what scikit-learn, pandas
and numpy make of it. Missing values are null.

Made with Python 3.11, numpy 1.24.2, pandas 1.5.3 and scikit-learn 1.2.1:

    python3 reference.py > reference.json
"""

import json
import math

import numpy as np
import pandas as pd
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler

rng = np.random.default_rng(11)
ROWS = 60


def gaps(values, share):
    values = np.asarray(values, dtype=float).copy()
    values[rng.random(len(values)) < share] = np.nan
    return values


base = rng.normal(size=ROWS)
numbers = pd.DataFrame(
    {
        "normal": base.round(4),
        "skewed": rng.lognormal(2, 1.5, ROWS).round(3),
        "far": (1e6 + rng.normal(size=ROWS)).round(5),
        "counts": rng.poisson(3, ROWS).astype(float),
        "mostly": np.where(np.arange(ROWS) % 10 == 0, 5.0, 2.0),  # its quartiles are equal
        "flag": (rng.random(ROWS) < 0.15).astype(float),
        "gaps": gaps(rng.normal(3, 2, ROWS).round(4), 0.3),
        "near": gaps((2 * base + 0.3 * rng.normal(size=ROWS)).round(4), 0.2),  # to normal
        "against": gaps((-base + 0.4 * rng.normal(size=ROWS)).round(4), 0.25),  # normal
        "nearer": (2 * base + 0.35 * rng.normal(size=ROWS)).round(4),
        "small": (rng.normal(size=ROWS) * 1e-3).round(7),
        "constant": np.full(ROWS, 7.0),
    }
)
fresh = numbers.drop(columns="constant").iloc[:8] * 1.7 - 0.4
weights = rng.integers(1, 6, ROWS).astype(float)
words = rng.choice(["oak", "elm", "ash", "yew", "fir", "box"], p=[0.35, 0.25, 0.2, 0.1, 0.06, 0.04], size=ROWS).astype(object)
words[::9] = None
fresh_words = np.array(["oak", "fir", "box", "baobab", None, "ash"], dtype=object)
instants = pd.date_range("2023-11-28T05:13:00Z", periods=ROWS, freq="8D7H11min")


def plain(values):
    """Turns numbers into JSON, NaN into null."""
    if isinstance(values, dict):
        return {k: plain(v) for k, v in values.items()}
    if isinstance(values, (list, tuple, np.ndarray, pd.Series)):
        return [plain(v) for v in values]
    if values is None or isinstance(values, str) or isinstance(values, bool):
        return values
    return None if math.isnan(values) else float(values)


def table(values, names):
    return {name: plain(values[:, k]) for k, name in enumerate(names)}


def scalings():
    cases = [
        ("standard", 0.25, 0.75, StandardScaler(), False),
        ("standard", 0.25, 0.75, StandardScaler(), True),
        ("minmax", 0.25, 0.75, MinMaxScaler(), False),
        ("robust", 0.25, 0.75, RobustScaler(), False),
        ("robust", 0.1, 0.95, RobustScaler(quantile_range=(10, 95)), False),
        ("maxabs", 0.25, 0.75, MaxAbsScaler(), False),
    ]
    out = []
    for method, low, high, scaler, weighted in cases:
        case = {"method": method, "low": low, "high": high, "weighted": weighted}
        kwargs = {"sample_weight": weights} if weighted else {}
        # What others make of unseen values in a constant column is their own.
        case["train"] = table(scaler.fit(numbers.values, **kwargs).transform(numbers.values), numbers.columns)
        varied = numbers[fresh.columns].values
        case["fresh"] = table(scaler.fit(varied, **kwargs).transform(fresh.values), fresh.columns)
        out.append(case)
    return out


def imputations():
    out = []
    for ours, theirs in [("mean", "mean"), ("median", "median"), ("mode", "most_frequent"), ("constant", "constant")]:
        m = SimpleImputer(strategy=theirs, fill_value=-1.5 if theirs == "constant" else None, add_indicator=True)
        filled = m.fit_transform(numbers.values)
        names = list(numbers.columns) + [numbers.columns[k] + " is missing" for k in m.indicator_.features_]
        case = {"strategy": ours, "number": -1.5, "train": table(filled, names)}
        # The same of every row as often as its weight.
        repeated = numbers.loc[np.repeat(np.arange(ROWS), weights.astype(int))]
        again = SimpleImputer(strategy=theirs, fill_value=-1.5 if theirs == "constant" else None).fit(repeated.values)
        case["weighted"] = dict(zip(numbers.columns, plain(again.statistics_)))
        out.append(case)
    return out


def encodings():
    column, other = words.reshape(-1, 1), fresh_words.reshape(-1, 1)
    known = column[[v is not None for v in words]]
    hot = []
    for rows in [1, 6, 9]:
        # Missing values are 0 everywhere here, a column of their own there.
        m = OneHotEncoder(min_frequency=rows, handle_unknown="infrequent_if_exist", sparse_output=False).fit(known)
        names = [n[3:].replace("infrequent_sklearn", "other") for n in m.get_feature_names_out()]
        keep = [v is not None for v in fresh_words]
        hot.append({"min_rows": rows, "names": names, "fresh": plain(m.transform(other[keep]))})
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    ordinal.fit(np.where(column == None, np.nan, column))  # noqa: E711
    share = pd.Series(words).value_counts(normalize=True)
    return {
        "onehot": hot,
        "ordinal": plain(ordinal.transform(np.where(other == None, np.nan, other))[:, 0]),  # noqa: E711
        "frequency": plain(pd.Series(fresh_words).map(lambda w: w if w is None else share.get(w, 0.0)).astype(float)),
    }


def variances():
    out = []
    for threshold in [0, 1e-5, 0.2, 5]:
        m = VarianceThreshold(threshold).fit(numbers.values)
        out.append({"threshold": threshold, "kept": list(numbers.columns[m.get_support()])})
    return out


def correlations():
    r = numbers.corr().abs()  # of the rows that have both values
    out = []
    for limit in [0.99, 0.97, 0.9, 0.5, 0.1]:
        kept = []
        for name in numbers.columns:
            if not (r.loc[name, kept] > limit).any():
                kept.append(name)
        out.append({"limit": limit, "kept": kept})
    both = numbers.loc[np.repeat(np.arange(ROWS), weights.astype(int))]
    near = both.corr()
    return {
        "selected": out,
        "pairs": [[a, b, float(near.loc[a, b])] for a, b in [("normal", "near"), ("near", "against"), ("normal", "nearer"), ("gaps", "near")]],
    }


def cycles():
    at = pd.Series(instants)
    days = np.where(at.dt.is_leap_year, 366, 365)
    out = {}
    for name, k, period in [
        ("month", at.dt.month - 1, 12),
        ("weekday", (at.dt.weekday + 1) % 7, 7),
        ("hour", at.dt.hour, 24),
        ("day of year", at.dt.dayofyear - 1, days),
    ]:
        out[name + " sin"] = plain(np.sin(2 * np.pi * k / period))
        out[name + " cos"] = plain(np.cos(2 * np.pi * k / period))
    return {"micros": [int(v) for v in (instants.view("int64") // 1000)], "parts": out, "day of year": plain(at.dt.dayofyear)}


print(
    json.dumps(
        {
            "names": list(numbers.columns),
            "numbers": {k: plain(v) for k, v in numbers.items()},
            "fresh": {k: plain(v) for k, v in fresh.items()},
            "weights": plain(weights),
            "words": list(words),
            "fresh_words": list(fresh_words),
            "scalings": scalings(),
            "imputations": imputations(),
            "encodings": encodings(),
            "variances": variances(),
            "correlations": correlations(),
            "cycles": cycles(),
        }
    )
)
