"""Writes reference.json: scores, out-of-bag scores and importances of
scikit-learn's RandomForest and ExtraTrees on the problems that problem_test.go
makes with the same generator, each the mean of three seeds.

Made with Python 3.11, numpy 1.24.2 and scikit-learn 1.2.1:

    python3 reference.py > reference.json
"""

import json

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, roc_auc_score

TREES = 100
SEEDS = 3


def uniform(seed, n):
    """SplitMix64, in the order of one call after the other."""
    with np.errstate(over="ignore"):
        x = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(u):
    return u.reshape(u.shape[0], -1, 12).sum(axis=2) - 6


def wide(rows, seed):
    n = normals(uniform(seed, rows * 12 * 13).reshape(rows, -1))
    x, noise = n[:, :12], n[:, 12]
    s = x[:, 0] * x[:, 1] + np.abs(x[:, 2]) + 0.5 * x[:, 3] - 0.7 * x[:, 4] + np.sin(2 * x[:, 5]) + noise - 0.8
    return x, (s > 0).astype(int)


def shops(rows, seed):
    """A category of 40 and one of 6, each with an effect of its own, and 3 numbers.
    scikit-learn gets a column of 0 and 1 for each category."""
    u = uniform(seed, rows * (2 + 12 * 4)).reshape(rows, -1)
    a, b = np.floor(u[:, 0] ** 2 * 40), np.floor(u[:, 1] * 6)
    n = normals(u[:, 2:])
    s = np.mod(a * 7, 11) / 5 - 1 + 0.5 * n[:, 1] + n[:, 3]
    s += np.where(np.mod(b * 5, 6) > 2, n[:, 0], -n[:, 0])
    hot = [(a == k) for k in range(40)] + [(b == k) for k in range(6)]
    return np.column_stack(hot + [n[:, 0], n[:, 1], n[:, 2]]).astype(float), (s > 0).astype(int)


def rings(rows, seed):
    n = normals(uniform(seed, rows * 12 * 5).reshape(rows, -1))
    x = n[:, :4]
    r = np.sqrt((x[:, :3] ** 2).sum(axis=1)) + 0.2 * n[:, 4]
    return x, np.digitize(r, [1, 1.5, 2])


def friedman(rows, seed):
    u = uniform(seed, rows * (10 + 12)).reshape(rows, -1)
    x, noise = u[:, :10], u[:, 10:].sum(axis=1) - 6
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4] + noise
    return x, y


def classification(m, x, y):
    p = m.predict_proba(x)
    out = {"accuracy": accuracy_score(y, p.argmax(axis=1))}
    if p.shape[1] == 2:
        out["roc_auc"] = roc_auc_score(y, p[:, 1])
    else:
        out["log_loss"] = log_loss(y, np.clip(p, 1e-15, None))
    return out


def regression(m, x, y):
    return {"rmse": mean_squared_error(y, m.predict(x), squared=False)}


def scores(make, measure, train, test, **params):
    got = []
    for seed in range(SEEDS):
        m = make(TREES, random_state=seed, n_jobs=-1, bootstrap=True, oob_score=True, **params).fit(*train)
        got.append({**measure(m, *test), "out_of_bag": m.oob_score_})
    mean = {k: float(np.mean([g[k] for g in got])) for k in got[0]}
    if train[0].shape[1] < 40:
        mean["importance"] = [round(float(v), 6) for v in m.feature_importances_]
    return mean


def main():
    out = {}
    for name, (make, rows, seed) in {"wide": (wide, 6000, 1), "shops": (shops, 6000, 5), "rings": (rings, 6000, 7)}.items():
        train, test = make(rows, seed), make(rows, seed + 1)
        out[name] = scores(RandomForestClassifier, classification, train, test)
        out[name + ", leaves of 5"] = scores(RandomForestClassifier, classification, train, test, min_samples_leaf=5)
        out[name + ", entropy"] = scores(RandomForestClassifier, classification, train, test, criterion="entropy")
        out[name + ", extra"] = scores(ExtraTreesClassifier, classification, train, test)
    train, test = friedman(4000, 9), friedman(4000, 10)
    third = {"max_features": 1 / 3}
    out["friedman"] = scores(RandomForestRegressor, regression, train, test, **third)
    out["friedman, leaves of 5"] = scores(RandomForestRegressor, regression, train, test, min_samples_leaf=5, **third)
    out["friedman, 100 leaves"] = scores(RandomForestRegressor, regression, train, test, max_leaf_nodes=100, **third)
    out["friedman, extra"] = scores(ExtraTreesRegressor, regression, train, test)
    print(json.dumps(out, indent=1))


main()
