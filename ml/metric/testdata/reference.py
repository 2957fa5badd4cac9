"""Writes reference.json: small predictions and what scikit-learn scores them.

Made with Python 3.11, numpy 1.24.2 and scikit-learn 1.2.1:

    python3 reference.py > reference.json
"""

import json

import numpy as np
from sklearn import metrics as m

rng = np.random.default_rng(3)


def binary(y, p, w):
    label = (p > 0.5).astype(int)
    return {
        "roc_auc": m.roc_auc_score(y, p, sample_weight=w),
        "average_precision": m.average_precision_score(y, p, sample_weight=w),
        "log_loss": m.log_loss(y, np.column_stack([1 - p, p]), sample_weight=w),
        "accuracy": m.accuracy_score(y, label, sample_weight=w),
        "balanced_accuracy": m.balanced_accuracy_score(y, label, sample_weight=w),
        "f1": m.f1_score(y, label, sample_weight=w, zero_division=0),
        "f1_macro": m.f1_score(y, label, average="macro", sample_weight=w, zero_division=0),
        "brier": m.brier_score_loss(y, p, sample_weight=w),
    }


def multiclass(y, p, w):
    label = p.argmax(axis=1)
    return {
        "log_loss": m.log_loss(y, p, sample_weight=w, labels=range(p.shape[1])),
        "accuracy": m.accuracy_score(y, label, sample_weight=w),
        "balanced_accuracy": m.balanced_accuracy_score(y, label, sample_weight=w),
        "f1_macro": m.f1_score(y, label, average="macro", sample_weight=w, zero_division=0),
    }


def regression(y, p, w):
    return {
        "rmse": m.mean_squared_error(y, p, sample_weight=w, squared=False),
        "mae": m.mean_absolute_error(y, p, sample_weight=w),
        "r2": m.r2_score(y, p, sample_weight=w),
        "mape": m.mean_absolute_percentage_error(y, p, sample_weight=w),
    }


def case(name, task, classes, y, outputs, w, scores):
    return {
        "name": name,
        "task": task,
        "classes": classes,
        "y": [float(v) for v in y],
        "outputs": [float(v) for v in np.ravel(outputs)],
        "weights": None if w is None else [float(v) for v in w],
        "scores": {k: float(v) for k, v in scores.items()},
    }


out = []
for name, y, p, w in [
    ("good", (np.arange(80) % 3 == 0).astype(int), None, None),
    ("weights", rng.integers(0, 2, 60), rng.uniform(size=60), rng.uniform(0.1, 4, 60)),
    ("ties", rng.integers(0, 2, 90), rng.integers(0, 5, 90) / 4, None),
    ("ties and weights", rng.integers(0, 2, 90), rng.integers(0, 5, 90) / 4, rng.integers(1, 4, 90)),
    ("all the same", rng.integers(0, 2, 30), np.full(30, 0.25), None),
    ("certain and wrong", np.array([0, 1, 1]), np.array([1.0, 0.0, 1.0]), None),
    ("perfect", np.array([0, 1, 1, 0]), np.array([0.0, 1.0, 1.0, 0.0]), None),
]:
    if p is None:
        p = np.clip(0.3 * y + rng.uniform(size=80) * 0.7, 0, 1)
    out.append(case(name, "binary", ["no", "yes"], y, np.column_stack([1 - p, p]), w, binary(y, p, w)))

for name, classes, y, w in [
    ("four classes", 4, rng.integers(0, 4, 100), None),
    ("weights", 3, rng.integers(0, 3, 50), rng.uniform(0.1, 4, 50)),
    ("a class without rows", 4, rng.integers(0, 3, 50), None),
]:
    p = rng.dirichlet(np.ones(classes), size=len(y)) + 0.4 * np.eye(classes)[y]
    if name == "a class without rows":
        p[:, 3] = 0
    p /= p.sum(axis=1, keepdims=True)
    out.append(case(name, "multiclass", [str(k) for k in range(classes)], y, p, w, multiclass(y, p, w)))

for name, y, p, w in [
    ("plain", rng.normal(size=70) * 5 + 20, None, None),
    ("weights", rng.normal(size=70) * 5 + 20, None, rng.uniform(0.1, 4, 70)),
    ("zeros", rng.integers(-1, 2, 40).astype(float), None, None),
    ("constant", np.full(10, 3.0), None, None),
    ("constant and met", np.full(10, 3.0), np.full(10, 3.0), None),
    ("large", rng.normal(size=20) * 1e100, None, None),
]:
    if p is None:
        p = y + rng.normal(size=len(y)) * max(1, np.std(y) / 3)
    out.append(case(name, "regression", None, y, p, w, regression(y, p, w)))

print(json.dumps(out))
