"""Writes reference.json: small predictions and what scikit-learn says of them.

Made with Python 3.11, numpy 1.24.2 and scikit-learn 1.2.1:

    python3 reference.py > reference.json

A score that scikit-learn refuses, warns about as undefined or gives as NaN is
left out. What scikit-learn has no function for is worked out here from what it
has: gini and ks from the ROC curve, specificity as the recall of the negatives,
smape by its formula, one against one with weights from its binary roc_auc.
"""

import json
import warnings
from itertools import combinations

import numpy as np
from sklearn import metrics as m
from sklearn.calibration import calibration_curve
from sklearn.exceptions import UndefinedMetricWarning

rng = np.random.default_rng(3)


def defined(scores):
    """Calls each function and keeps what it gives, if it does."""
    out = {}
    for name, f in scores.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # A share of nothing is 0 by convention; only these say so by a warning.
            if name in ("recall", "specificity") or name.startswith("top_"):
                warnings.simplefilter("error", UndefinedMetricWarning)
            try:
                v = float(f())
            except (ValueError, UndefinedMetricWarning):
                continue
        if np.isfinite(v):
            out[name] = v
    return out


def ks(y, p, w):
    fpr, tpr, _ = m.roc_curve(y, p, sample_weight=w, drop_intermediate=False)
    return np.max(tpr - fpr)


def binary(y, p, w):
    label = (p > 0.5).astype(int)
    k = {"sample_weight": w}
    z = {"sample_weight": w, "zero_division": 0}
    return defined({
        "roc_auc": lambda: m.roc_auc_score(y, p, **k),
        "gini": lambda: 2 * m.roc_auc_score(y, p, **k) - 1,
        "ks": lambda: ks(y, p, w),
        # Without positives scikit-learn gives 0 instead of an error.
        "average_precision": lambda: m.average_precision_score(y, p, **k) if len(set(y)) > 1 else np.nan,
        "log_loss": lambda: m.log_loss(y, np.column_stack([1 - p, p]), labels=[0, 1], **k),
        "accuracy": lambda: m.accuracy_score(y, label, **k),
        "balanced_accuracy": lambda: m.balanced_accuracy_score(y, label, **k),
        "precision": lambda: m.precision_score(y, label, **z),
        "recall": lambda: m.recall_score(y, label, **k),
        "specificity": lambda: m.recall_score(y, label, pos_label=0, **k),
        "f1": lambda: m.f1_score(y, label, **z),
        "f2": lambda: m.fbeta_score(y, label, beta=2, **z),
        "f0_5": lambda: m.fbeta_score(y, label, beta=0.5, **z),
        "f1_macro": lambda: m.f1_score(y, label, average="macro", **z),
        "jaccard": lambda: m.jaccard_score(y, label, **z),
        "mcc": lambda: m.matthews_corrcoef(y, label, **k),
        "cohen_kappa": lambda: m.cohen_kappa_score(y, label, **k),
        "brier": lambda: m.brier_score_loss(y, p, pos_label=1, **k),
    })


def one_against_one(y, p, w, by_rows):
    """What roc_auc_score(multi_class="ovo") does, which takes no weights."""
    w = np.ones(len(y)) if w is None else w
    scores, rows = [], []
    for a, b in combinations(range(p.shape[1]), 2):
        either = (y == a) | (y == b)
        first = m.roc_auc_score(y[either] == a, p[either, a], sample_weight=w[either])
        second = m.roc_auc_score(y[either] == b, p[either, b], sample_weight=w[either])
        scores.append((first + second) / 2)
        rows.append(w[either].sum())
    return np.average(scores, weights=rows if by_rows else None)


def multiclass(y, p, w):
    label = p.argmax(axis=1)
    classes = range(p.shape[1])
    k = {"sample_weight": w}
    scores = {
        "log_loss": lambda: m.log_loss(y, p, labels=classes, **k),
        "accuracy": lambda: m.accuracy_score(y, label, **k),
        "balanced_accuracy": lambda: m.balanced_accuracy_score(y, label, **k),
        "mcc": lambda: m.matthews_corrcoef(y, label, **k),
        "cohen_kappa": lambda: m.cohen_kappa_score(y, label, labels=classes, **k),
        "cohen_kappa_linear": lambda: m.cohen_kappa_score(y, label, labels=classes, weights="linear", **k),
        "cohen_kappa_quadratic": lambda: m.cohen_kappa_score(y, label, labels=classes, weights="quadratic", **k),
        "roc_auc_ovr": lambda: m.roc_auc_score(y, p, labels=classes, multi_class="ovr", **k),
        "roc_auc_ovr_weighted": lambda: m.roc_auc_score(y, p, labels=classes, multi_class="ovr", average="weighted", **k),
        "roc_auc_ovo": lambda: one_against_one(y, p, w, False),
        "roc_auc_ovo_weighted": lambda: one_against_one(y, p, w, True),
    }
    if w is None and len(set(y)) == p.shape[1]:
        for name, average in (("roc_auc_ovo", "macro"), ("roc_auc_ovo_weighted", "weighted")):
            ours, theirs = scores[name](), m.roc_auc_score(y, p, multi_class="ovo", average=average)
            assert abs(ours - theirs) < 1e-14
    for name, f in (("f1", m.f1_score), ("precision", m.precision_score), ("recall", m.recall_score), ("jaccard", m.jaccard_score)):
        for average in ("macro", "weighted", "micro"):
            scores[f"{name}_{average}"] = lambda f=f, average=average: f(y, label, average=average, zero_division=0, **k)
    for top in (2, 3, 5):
        # scikit-learn warns and gives 1 when every class is among the likeliest.
        scores[f"top_{top}_accuracy"] = lambda top=top: m.top_k_accuracy_score(y, p, k=top, labels=classes, **k)
    return defined(scores)


def d2_absolute(y, p, w):
    return m.d2_absolute_error_score(y, p, sample_weight=w)


def d2_tweedie(y, p, w, power):
    """scikit-learn takes weights, but not through the public function."""
    loss = m.mean_tweedie_deviance(y, p, sample_weight=w, power=power)
    null = m.mean_tweedie_deviance(y, np.full(len(y), np.average(y, weights=w)), sample_weight=w, power=power)
    if len(y) < 2:
        return np.nan
    if np.ptp(y) == 0:  # scikit-learn divides by 0; the convention is that of its r2_score
        return float(loss == 0)
    return 1 - loss / null


def regression(y, p, w):
    k = {"sample_weight": w}
    return defined({
        "rmse": lambda: m.mean_squared_error(y, p, squared=False, **k),
        "mse": lambda: m.mean_squared_error(y, p, **k),
        "mae": lambda: m.mean_absolute_error(y, p, **k),
        "median_ae": lambda: m.median_absolute_error(y, p, **k),
        "max_error": lambda: m.max_error(y, p),
        "r2": lambda: m.r2_score(y, p, **k),
        # Of one row scikit-learn says 1, whatever the prediction; r2 it leaves undefined.
        "explained_variance": lambda: m.explained_variance_score(y, p, **k) if len(y) > 1 else np.nan,
        "mape": lambda: m.mean_absolute_percentage_error(y, p, **k),
        "smape": lambda: np.average(np.where(y == p, 0, 2 * np.abs(y - p) / np.maximum(np.abs(y) + np.abs(p), 1e-300)), weights=w),
        "msle": lambda: m.mean_squared_log_error(y, p, **k),
        "rmsle": lambda: m.mean_squared_log_error(y, p, squared=False, **k),
        "poisson_deviance": lambda: m.mean_poisson_deviance(y, p, **k),
        "gamma_deviance": lambda: m.mean_gamma_deviance(y, p, **k),
        "tweedie_deviance": lambda: m.mean_tweedie_deviance(y, p, power=1.5, **k),
        "pinball": lambda: m.mean_pinball_loss(y, p, **k),
        "d2_absolute_error": lambda: d2_absolute(y, p, w),
        "d2_poisson": lambda: d2_tweedie(y, p, w, 1),
        "d2_gamma": lambda: d2_tweedie(y, p, w, 2),
        "d2_tweedie": lambda: d2_tweedie(y, p, w, 1.5),
    })


def parameters(task, y, p, w):
    """Scores that take a parameter: [function, parameter, value]."""
    out = []
    if task == "binary":
        label = (p > 0.5).astype(int)
        for beta in (0.1, 1, 3.5):
            out.append(["fbeta", beta, m.fbeta_score(y, label, beta=beta, sample_weight=w, zero_division=0)])
    elif task == "multiclass":
        for top in range(1, p.shape[1]):
            out.append(["topk", top, m.top_k_accuracy_score(y, p, k=top, labels=range(p.shape[1]), sample_weight=w)])
    else:
        # Without weights scikit-learn interpolates the quantile that d2 compares with.
        ones = np.ones(len(y)) if w is None else w
        for alpha in (0.1, 0.5, 0.83):
            out.append(["pinball", alpha, m.mean_pinball_loss(y, p, alpha=alpha, sample_weight=w)])
            if len(y) > 1:
                out.append(["pinballd2", alpha, m.d2_pinball_score(y, p, alpha=alpha, sample_weight=ones)])
        for power in (-1.5, 0, 1, 1.3, 2, 3):
            if power != 0 and (p.min() <= 0 or power >= 1 and y.min() <= 0):
                continue
            out.append(["tweedie", power, m.mean_tweedie_deviance(y, p, power=power, sample_weight=w)])
            if np.ptp(y) > 0 and (power >= 0 or np.average(y, weights=w) > 0):
                out.append(["tweedied2", power, d2_tweedie(y, p, w, power)])
    return [[f, float(a), float(v)] for f, a, v in out]


def curves(y, p, w):
    """The curves of the positive class of a binary case with rows of both."""
    fpr, tpr, threshold = m.roc_curve(y, p, sample_weight=w, drop_intermediate=False)
    precision, recall, at = m.precision_recall_curve(y, p, sample_weight=w)
    out = {
        "roc": [list(map(float, v)) for v in zip(threshold, fpr, tpr)],
        # By falling threshold, without the end where nothing is positive.
        "precision_recall": [list(map(float, v)) for v in zip(at, precision, recall)][::-1],
    }
    if w is None:  # scikit-learn's calibration curve takes no weights
        for bins in (5, 10):
            for strategy in ("uniform", "quantile"):
                true, predicted = calibration_curve(y, p, n_bins=bins, strategy=strategy)
                out[f"calibration_{strategy}_{bins}"] = [list(map(float, v)) for v in zip(predicted, true)]
    return out


def tables(y, label, classes, w):
    """The confusion matrix and the report of the likeliest classes."""
    names = [str(k) for k in range(classes)]
    report = m.classification_report(
        y, label, labels=range(classes), target_names=names, sample_weight=w, output_dict=True, zero_division=0)
    keys = ("precision", "recall", "f1-score", "support")
    share = lambda by: m.confusion_matrix(y, label, labels=range(classes), sample_weight=w, normalize=by).tolist()
    return {
        "confusion": share(None),
        "of_true": share("true"),
        "of_predicted": share("pred"),
        "of_all": share("all"),
        "report": [[float(report[n][k]) for k in keys] for n in names],
        "weighted": [float(report["weighted avg"][k]) for k in keys],
    }


def floats(values):
    return None if values is None else [float(v) for v in np.ravel(values)]


def case(name, task, classes, y, p, w):
    out = {"name": name, "task": task, "classes": classes, "y": floats(y), "weights": floats(w)}
    out["outputs"] = floats(np.column_stack([1 - p, p]) if task == "binary" else p)
    out["scores"] = {"binary": binary, "multiclass": multiclass, "regression": regression}[task](y, p, w)
    out["parameters"] = parameters(task, y, p, w)
    if task == "binary":
        out["tables"] = tables(y, (p > 0.5).astype(int), 2, w)
        if len(set(y)) > 1:
            out["curves"] = curves(y, p, w)
    if task == "multiclass":
        out["tables"] = tables(y, p.argmax(axis=1), p.shape[1], w)
    return out


out = []
for name, y, p, w in [
    ("good", (np.arange(80) % 3 == 0).astype(int), None, None),
    ("weights", rng.integers(0, 2, 60), rng.uniform(size=60), rng.uniform(0.1, 4, 60)),
    ("ties", rng.integers(0, 2, 90), rng.integers(0, 5, 90) / 4, None),
    ("ties and weights", rng.integers(0, 2, 90), rng.integers(0, 5, 90) / 4, rng.integers(1, 4, 90)),
    ("all the same", rng.integers(0, 2, 30), np.full(30, 0.25), None),
    ("certain and wrong", np.array([0, 1, 1]), np.array([1.0, 0.0, 1.0]), None),
    ("perfect", np.array([0, 1, 1, 0]), np.array([0.0, 1.0, 1.0, 0.0]), None),
    ("positives only", np.ones(5, int), np.array([0.2, 0.6, 0.9, 0.4, 0.7]), None),
    ("negatives only", np.zeros(5, int), np.array([0.2, 0.6, 0.9, 0.4, 0.7]), np.array([1.0, 2, 3, 4, 5])),
    ("negatives met", np.zeros(3, int), np.array([0.2, 0.1, 0.4]), None),
]:
    if p is None:
        p = np.clip(0.3 * y + rng.uniform(size=80) * 0.7, 0, 1)
    out.append(case(name, "binary", ["no", "yes"], y, p, w))

for name, classes, y, w in [
    ("four classes", 4, rng.integers(0, 4, 100), None),
    ("weights", 3, rng.integers(0, 3, 50), rng.uniform(0.1, 4, 50)),
    ("a class without rows", 4, rng.integers(0, 3, 50), None),
    ("seven classes", 7, np.arange(140) * 5 % 7, rng.integers(1, 5, 140)),
    ("six classes", 6, np.arange(60) * 5 % 6, None),
    ("one class", 3, np.ones(6, int), None),
    ("ties", 3, rng.integers(0, 3, 60), rng.uniform(0.1, 4, 60)),
]:
    p = rng.dirichlet(np.ones(classes), size=len(y)) + 0.4 * np.eye(classes)[y]
    if name == "a class without rows":
        p[:, 3] = 0
    p /= p.sum(axis=1, keepdims=True)
    if name == "ties":  # between rows, not within one: there scikit-learn takes the last, we the first
        p = np.array([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.25, 0.35, 0.4], [0.2, 0.1, 0.7]])[rng.integers(0, 4, 60)]
    out.append(case(name, "multiclass", [str(k) for k in range(classes)], y, p, w))

for name, y, p, w in [
    ("plain", rng.normal(size=70) * 5 + 20, None, None),
    ("weights", rng.normal(size=70) * 5 + 20, None, rng.uniform(0.1, 4, 70)),
    ("counts", rng.poisson(3, 80).astype(float), rng.uniform(0.5, 6, 80), None),
    ("counts and weights", rng.poisson(3, 80).astype(float), rng.uniform(0.5, 6, 80), rng.uniform(0.1, 4, 80)),
    ("amounts", rng.gamma(2, 100, 75), rng.gamma(20, 10, 75), None),
    ("amounts and weights", rng.gamma(2, 100, 75), rng.gamma(20, 10, 75), rng.uniform(0.1, 4, 75)),
    ("zeros", rng.integers(-1, 2, 40).astype(float), None, None),
    ("constant", np.full(10, 3.0), None, None),
    ("constant and met", np.full(10, 3.0), np.full(10, 3.0), None),
    ("one row", np.array([2.0]), np.array([2.5]), None),
    ("large", rng.normal(size=20) * 1e100, None, None),
    ("off by the same", rng.integers(1, 9, 20).astype(float), "shifted", None),
]:
    if p is None:
        p = y + rng.normal(size=len(y)) * max(1, np.std(y) / 3)
    elif isinstance(p, str):
        p = y + 2
    out.append(case(name, "regression", None, y, p, w))

print(json.dumps(out))
