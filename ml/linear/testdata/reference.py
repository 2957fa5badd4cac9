"""Writes reference.json: small problems and the coefficients that scikit-learn
finds for them.

alpha and l1_ratio are those of this package; how they become scikit-learn's is
written in fit below, and in the comment of linear.Params. Columns of strings
are made to columns of 0 and 1 here: the categories in order, then missing
values. What scikit-learn has no estimator for (Poisson with a penalty by the
absolute value) is minimised by scipy, with every coefficient as the difference
of two that are not negative.

Made with Python 3.11, numpy 1.24.2, scipy 1.10.1 and scikit-learn 1.2.1:

    python3 reference.py > reference.json
"""

import json
import warnings

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, PoissonRegressor, Ridge

warnings.simplefilter("ignore")  # the tolerances below are meant to be out of reach
rng = np.random.default_rng(7)


def table(rows, columns, scale=None):
    x = rng.normal(size=(rows, columns))
    x[:, 1] += 0.8 * x[:, 0]
    if scale is not None:
        x = x * scale + 3 * np.asarray(scale)
    return x.round(6)


def indicators(texts):
    """Columns of 0 and 1 for each category, ascending, and for missing values."""
    made = []
    for column in texts:
        for category in sorted({s for s in column if s is not None}):
            made.append([float(s == category) for s in column])
        if None in column:
            made.append([float(s is None) for s in column])
    return np.array(made).T


def poisson_net(x, y, alpha, ratio, w):
    """Minimises by Newton's method on the coefficients that are not 0."""
    n, p = x.shape

    def value(v):
        c = v[:p] - v[p : 2 * p]
        eta = x @ c + v[-1]
        rate = np.exp(eta)
        r = w * (rate - y)
        g = x.T @ r + alpha * (1 - ratio) * c
        f = np.sum(w * (rate - y * eta)) + alpha * (1 - ratio) / 2 * c @ c + alpha * ratio * np.sum(v[: 2 * p])
        return f, np.concatenate([g + alpha * ratio, -g + alpha * ratio, [r.sum()]])

    start = np.zeros(2 * p + 1)
    start[-1] = np.log(np.average(y, weights=w))
    bounds = [(0, None)] * (2 * p) + [(None, None)]
    v = minimize(value, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 0, "gtol": 1e-10, "maxiter": 100000, "maxfun": 1000000}).x
    c, b = v[:p] - v[p : 2 * p], v[-1]
    on = np.abs(c) > 1e-6
    c[~on] = 0
    sign = np.sign(c[on])
    one = np.column_stack([x[:, on], np.ones(n)])
    for _ in range(20):
        rate = np.exp(x @ c + b)
        g = one.T @ (w * (rate - y))
        g[:-1] += alpha * (1 - ratio) * c[on] + alpha * ratio * sign
        h = one.T @ (one * (w * rate)[:, None])
        h[:-1, :-1] += alpha * (1 - ratio) * np.eye(on.sum())
        step = np.linalg.solve(h, g)
        c[on] -= step[:-1]
        b -= step[-1]
    rate = np.exp(x @ c + b)
    rest = np.abs(x.T @ (w * (rate - y)))[~on]
    assert (np.sign(c[on]) == sign).all() and (rest < alpha * ratio).all()
    return c, b


def fit(task, loss, x, y, alpha, ratio, weights):
    w = np.ones(len(y)) if weights is None else weights
    total = w.sum()
    if task == "regression" and loss == "poisson":
        if ratio > 0:
            return poisson_net(x, y, alpha, ratio, w)
        m = PoissonRegressor(alpha=alpha / total, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    elif task == "regression":
        if ratio == 0:
            m = Ridge(alpha=alpha, solver="cholesky")
        elif ratio == 1:
            m = Lasso(alpha=alpha / total, tol=1e-15, max_iter=1000000)
        else:
            m = ElasticNet(alpha=alpha / total, l1_ratio=ratio, tol=1e-15, max_iter=1000000)
    elif ratio > 0:
        m = LogisticRegression(penalty="elasticnet", l1_ratio=ratio, C=1 / alpha, solver="saga", tol=1e-14, max_iter=200000)
    elif task == "binary":
        m = LogisticRegression(C=1 / alpha, solver="newton-cholesky", tol=1e-12, max_iter=10000)
    else:
        m = LogisticRegression(C=1 / alpha, solver="newton-cg", multi_class="multinomial", tol=1e-9, max_iter=10000)
    m.fit(x, y, sample_weight=weights)
    return m.coef_, m.intercept_


tables = []


def named(x, texts):
    """The place of the table in the list of tables."""
    made = {"x": x.T.tolist(), "texts": [list(t) for t in texts]}
    if made not in tables:
        tables.append(made)
    return tables.index(made)


def problem(name, task, x, y, alpha, weights=None, ratio=0.0, loss="", texts=(), standardize=False):
    made = x if len(texts) == 0 else np.column_stack([x, indicators(texts)])
    mean, scale = np.zeros(made.shape[1]), np.ones(made.shape[1])
    if standardize:
        mean = np.average(made, axis=0, weights=weights)
        scale = np.sqrt(np.average((made - mean) ** 2, axis=0, weights=weights))
    coefficients, intercepts = fit(task, loss, (made - mean) / scale, y, alpha, ratio, weights)
    coefficients = np.atleast_2d(coefficients) / scale
    intercepts = np.atleast_1d(intercepts) - coefficients @ mean
    if task == "multiclass":
        intercepts = intercepts - intercepts.mean()
    return {
        "name": name,
        "task": task,
        "loss": loss,
        "alpha": alpha,
        "l1_ratio": ratio,
        "standardize": standardize,
        "table": named(x, texts),
        "y": [float(v) for v in y],
        "weights": None if weights is None else weights.tolist(),
        "coefficients": coefficients.tolist(),
        "intercepts": intercepts.tolist(),
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
of_x = np.digitize(x[:, 0], [-0.5, 0.5])

many = table(120, 12)
strong = (many[:, :3] @ [2, -1, 1] + 10 + rng.normal(size=120)).round(6)
many_yes = logit(many[:, :3], [2, -1, 1])
many_classes = np.digitize(many[:, 0] + 0.5 * rng.normal(size=120), [-0.5, 0.5])
counts = rng.poisson(np.exp(0.8 + many[:, :3] @ [0.4, -0.2, 0.2])).astype(float)
rates = (counts / 7).round(6)

towns = [f"town {int(v)}" for v in rng.zipf(1.7, size=120) % 9]
colours = [[None, "red", "green", "blue"][v] for v in rng.integers(0, 4, size=120)]
effect = np.array([{None: -1, "red": 1, "green": 0, "blue": 0.5}[c] for c in colours])
texts = (towns, colours)
text_value = (value + 2 * effect).round(6)
text_yes = (effect + x[:, 0] + rng.logistic(size=120) > 0).astype(int)
text_classes = np.digitize(effect + x[:, 0] + rng.normal(size=120), [-0.5, 1])
text_counts = rng.poisson(np.exp(0.5 + 0.7 * effect + 0.2 * x[:, 0])).astype(float)

problems = [
    problem("binary", "binary", x, y, 1.0),
    problem("binary, weak penalty", "binary", x, y, 0.001),
    problem("binary, strong penalty", "binary", x, y, 100.0),
    problem("binary, weights", "binary", x, y, 1.0, weights),
    problem("binary, columns of different scales", "binary", skewed, logit(skewed / [1e4, 1e-3, 1] - 3, [1, 1, 1]), 1.0),
    problem("binary, separable", "binary", separable, (separable[:, 0] > 0).astype(int), 0.1),
    problem("multiclass", "multiclass", three, classes, 1.0),
    problem("multiclass, weights", "multiclass", x, of_x, 0.5, weights),
    problem("regression", "regression", target, value, 1.0),
    problem("regression, no penalty", "regression", target, value, 0.0),
    problem("regression, weights", "regression", target, value, 5.0, weights),
    problem("regression, large values", "regression", target, (value * 1e6).round(), 1.0),
    problem("lasso", "regression", many, strong, 12.0, ratio=1.0),
    problem("lasso, weak", "regression", many, strong, 0.3, ratio=1.0),
    problem("lasso, so strong that nothing is left", "regression", many, strong, 1000.0, ratio=1.0),
    problem("lasso, weights", "regression", many, strong, 15.0, weights, ratio=1.0),
    problem("elastic net", "regression", many, strong, 20.0, ratio=0.5),
    problem("elastic net, weights", "regression", many, strong, 10.0, weights, ratio=0.3),
    problem("elastic net, standardised", "regression", skewed, (skewed[:, 0] / 1e3).round(3), 8.0, ratio=0.5, standardize=True),
    problem("binary, lasso", "binary", many, many_yes, 3.0, ratio=1.0),
    problem("binary, elastic net, weights", "binary", many, many_yes, 5.0, weights, ratio=0.4),
    problem("multiclass, lasso", "multiclass", many, many_classes, 2.0, ratio=1.0),
    problem("multiclass, elastic net, weights", "multiclass", many, many_classes, 4.0, weights, ratio=0.5),
    problem("poisson", "regression", many, counts, 2.0, loss="poisson"),
    problem("poisson, no penalty", "regression", x, counts, 0.0, loss="poisson"),
    problem("poisson, rates with weights", "regression", many, rates, 0.7, weights, loss="poisson"),
    problem("poisson, large values", "regression", many, counts * 1e6, 2.0, loss="poisson"),
    problem("poisson, lasso", "regression", many, counts, 12.0, loss="poisson", ratio=1.0),
    problem("poisson, elastic net, weights", "regression", many, counts, 9.0, weights, loss="poisson", ratio=0.5),
    problem("strings, binary", "binary", x, text_yes, 1.0, texts=texts),
    problem("strings, binary, standardised, weights", "binary", x, text_yes, 2.0, weights, texts=texts, standardize=True),
    problem("strings, binary, lasso", "binary", x, text_yes, 1.5, texts=texts, ratio=1.0),
    problem("strings, multiclass", "multiclass", x, text_classes, 1.0, weights, texts=texts),
    problem("strings, ridge", "regression", x, text_value, 2.0, weights, texts=texts),
    problem("strings, elastic net", "regression", x, text_value, 6.0, weights, texts=texts, ratio=0.5),
    problem("strings, poisson", "regression", x, text_counts, 1.0, weights, texts=texts, loss="poisson"),
    problem("strings, poisson, elastic net", "regression", x, text_counts, 4.0, texts=texts, loss="poisson", ratio=0.5),
]
print(json.dumps({"tables": tables, "problems": problems}))
