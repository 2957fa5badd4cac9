"""Writes reference.json: scores of scikit-learn's HistGradientBoosting on the
problems that reference_test.go makes with the same generator.

Made with Python 3.11, numpy 1.24.2 and scikit-learn 1.2.1:

    python3 reference.py > reference.json
"""

import json

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score

MASK = np.uint64(0xFFFFFFFFFFFFFFFF)


class Generator:
    """SplitMix64, in the order of one call after the other."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self, n):
        with np.errstate(over="ignore"):
            steps = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            x = np.uint64(self.state) + steps
            self.state = int(x[-1])
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            x = x ^ (x >> np.uint64(31))
        return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(u):
    return u.reshape(u.shape[0], -1, 12).sum(axis=2) - 6


def wide(rows, columns, seed):
    u = Generator(seed).uniform(rows * 12 * (columns + 1)).reshape(rows, -1)
    n = normals(u)
    x, noise = n[:, :columns], n[:, columns]
    s = x[:, 0] * x[:, 1] + np.abs(x[:, 2]) + 0.5 * x[:, 3] - 0.7 * x[:, 4] + np.sin(2 * x[:, 5]) + noise - 0.8
    return x, (s > 0).astype(float)


def holes(rows, seed):
    """As wide with 8 columns, but a value is missing more often when it is large."""
    u = Generator(seed).uniform(rows * (12 * 9 + 8)).reshape(rows, -1)
    n = normals(u[:, : 12 * 9])
    x, noise = n[:, :8].copy(), n[:, 8]
    s = x[:, 0] * x[:, 1] + np.abs(x[:, 2]) + 0.5 * x[:, 3] - 0.7 * x[:, 4] + np.sin(2 * x[:, 5]) + noise - 0.8
    x[u[:, 12 * 9 :] < np.where(x > 0.5, 0.5, 0.1)] = np.nan
    return x, (s > 0).astype(float)


def shops(rows, seed):
    """A category of 40 and one of 6, each with an effect of its own, and 3 numbers."""
    u = Generator(seed).uniform(rows * (2 + 12 * 4)).reshape(rows, -1)
    shop, day = np.floor(u[:, 0] ** 2 * 40), np.floor(u[:, 1] * 6)
    n = normals(u[:, 2:])
    effect = (shop * 7 % 11) / 5 - 1
    s = effect + np.where(day * 5 % 6 > 2, n[:, 0], -n[:, 0]) + 0.5 * n[:, 1] + n[:, 3]
    return np.column_stack([shop, day, n[:, :3]]), (s > 0).astype(float)


def friedman(rows, seed):
    u = Generator(seed).uniform(rows * (10 + 12)).reshape(rows, -1)
    x, noise = u[:, :10], normals(u[:, 10:])[:, 0]
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4] + noise
    return x, y


def rings(rows, seed):
    """Four classes by the distance from the middle, two more columns of noise."""
    u = Generator(seed).uniform(rows * 12 * 5).reshape(rows, -1)
    n = normals(u)
    r = np.sqrt((n[:, :3] ** 2).sum(axis=1)) + 0.2 * n[:, 4]
    return n[:, :4], np.digitize(r, [1.0, 1.5, 2.0]).astype(float)


def classify(train, test, **more):
    m = HistGradientBoostingClassifier(early_stopping=False, random_state=0, **more).fit(*train)
    p = m.predict_proba(test[0])
    if p.shape[1] == 2:
        return {"roc_auc": roc_auc_score(test[1], p[:, 1]), "log_loss": log_loss(test[1], p)}
    return {"log_loss": log_loss(test[1], p), "accuracy": float((p.argmax(axis=1) == test[1]).mean())}


def value(train, test):
    m = HistGradientBoostingRegressor(early_stopping=False, random_state=0).fit(*train)
    return {"rmse": mean_squared_error(test[1], m.predict(test[0]), squared=False)}


def every(x, y, rest):
    """Row i is a test row when i % 3 == rest."""
    test = np.arange(len(y)) % 3 == rest
    return (x[~test], y[~test]), (x[test], y[test])


def average(scores):
    return {k: float(np.mean([s[k] for s in scores])) for k in scores[0]}


out = {
    "wide": classify(wide(8000, 12, 1), wide(8000, 12, 2)),
    "holes": classify(holes(8000, 3), holes(8000, 4)),
    "shops": classify(shops(8000, 5), shops(8000, 6), categorical_features=[0, 1]),
    "rings": classify(rings(6000, 7), rings(6000, 8)),
    "friedman": value(friedman(4000, 9), friedman(4000, 10)),
    "breast_cancer": average([classify(*every(*load_breast_cancer(return_X_y=True), r)) for r in range(3)]),
}
print(json.dumps(out, indent=2))
