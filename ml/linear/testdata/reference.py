"""Writes reference.json: small problems and the coefficients that scikit-learn
finds for them.

Made with Python 3.11, numpy 1.24.2 and scikit-learn 1.2.1:

    python3 reference.py > reference.json
"""

import json

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

rng = np.random.default_rng(7)


def table(rows, columns, scale=None):
    x = rng.normal(size=(rows, columns))
    x[:, 1] += 0.8 * x[:, 0]
    if scale is not None:
        x = x * scale + 3 * np.asarray(scale)
    return x.round(6)


def problem(name, task, x, y, alpha, weights=None):
    if task == "regression":
        m = Ridge(alpha=alpha, solver="cholesky").fit(x, y, sample_weight=weights)
    elif task == "binary":
        m = LogisticRegression(C=1 / alpha, solver="newton-cholesky", tol=1e-12, max_iter=10000)
        m.fit(x, y, sample_weight=weights)
    else:
        m = LogisticRegression(C=1 / alpha, solver="newton-cg", multi_class="multinomial", tol=1e-7, max_iter=1000)
        m.fit(x, y, sample_weight=weights)
    return {
        "name": name,
        "task": task,
        "alpha": alpha,
        "x": x.T.tolist(),
        "y": [float(v) for v in y],
        "weights": None if weights is None else weights.tolist(),
        "coefficients": np.atleast_2d(m.coef_).tolist(),
        "intercepts": np.atleast_1d(m.intercept_).tolist(),
    }


def logit(x, beta):
    return (x @ beta + rng.logistic(size=len(x)) > np.median(x @ beta)).astype(int)


x = table(120, 4)
y = logit(x, [1, -1, 0.5, 0])
skewed = table(150, 3, [1e4, 1e-3, 1])
three = table(150, 3)
classes = np.digitize(three @ [1, 0.5, -1] + rng.normal(size=150) * 0.5, [-0.7, 0.7])
weights = rng.uniform(0.2, 3, size=120).round(4)
separable = table(60, 2)
target = table(120, 4)
value = (target @ [2, -1, 0.3, 0] + 10 + rng.normal(size=120)).round(6)

out = [
    problem("binary", "binary", x, y, 1.0),
    problem("binary, weak penalty", "binary", x, y, 0.001),
    problem("binary, strong penalty", "binary", x, y, 100.0),
    problem("binary, weights", "binary", x, y, 1.0, weights),
    problem("binary, columns of different scales", "binary", skewed, logit(skewed / [1e4, 1e-3, 1] - 3, [1, 1, 1]), 1.0),
    problem("binary, separable", "binary", separable, (separable[:, 0] > 0).astype(int), 0.1),
    problem("multiclass", "multiclass", three, classes, 1.0),
    problem("multiclass, weights", "multiclass", x, np.digitize(x[:, 0], [-0.5, 0.5]), 0.5, weights),
    problem("regression", "regression", target, value, 1.0),
    problem("regression, no penalty", "regression", target, value, 0.0),
    problem("regression, weights", "regression", target, value, 5.0, weights),
    problem("regression, large values", "regression", target, (value * 1e6).round(), 1.0),
]
print(json.dumps(out))
