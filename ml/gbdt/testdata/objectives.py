"""Writes objectives.json: losses on unseen rows of scikit-learn's
HistGradientBoostingRegressor and, for the objectives that it lacks, of XGBoost,
on the targets that objective_test.go makes of the friedman problem.

Made with Python 3.11, numpy 1.24.2, scikit-learn 1.2.1 and xgboost 1.7.4:

    python3 objectives.py > objectives.json
"""

import contextlib
import json
import sys

import numpy as np
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import (
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_tweedie_deviance,
)

with contextlib.redirect_stdout(sys.stderr):  # the module prints its own scores
    from reference import friedman

TARGETS = {
    "absolute": lambda y: y,
    "huber": lambda y: y,
    "quantile": lambda y: y,
    "poisson": lambda y: np.floor(np.maximum(y, 0) / 4),
    "gamma": lambda y: np.exp(y / 10),
    "tweedie": lambda y: np.maximum(y - 12, 0),
}


def huber(y, p):
    r = np.abs(y - p)
    return float(np.where(r <= 1, r * r / 2, r - 0.5).mean())


LOSSES = {
    "absolute": mean_absolute_error,
    "huber": huber,
    "quantile": lambda y, p: mean_pinball_loss(y, p, alpha=0.8),
    "poisson": mean_poisson_deviance,
    "gamma": mean_gamma_deviance,
    "tweedie": lambda y, p: mean_tweedie_deviance(y, p, power=1.5),
}


def predict(name, x, y, test):
    sk = {"absolute": {"loss": "absolute_error"}, "poisson": {"loss": "poisson"}, "quantile": {"loss": "quantile", "quantile": 0.8}}
    if name in sk:
        return HistGradientBoostingRegressor(early_stopping=False, random_state=0, **sk[name]).fit(x, y).predict(test)
    other = {
        "gamma": {"objective": "reg:gamma"},
        "tweedie": {"objective": "reg:tweedie", "tweedie_variance_power": 1.5},
        "huber": {"objective": "reg:pseudohubererror", "huber_slope": 1.0, "base_score": float(np.median(y))},
    }[name]
    m = xgboost.XGBRegressor(
        n_estimators=100, learning_rate=0.1, max_leaves=31, max_depth=0, grow_policy="lossguide", tree_method="hist", reg_lambda=0, **other
    )
    return m.fit(x, y).predict(test).astype(float)


out = {}
for name, target in TARGETS.items():
    (x, y), (u, v) = friedman(4000, 9), friedman(4000, 10)
    out[name] = LOSSES[name](target(v), predict(name, x, target(y), u))
print(json.dumps(out, indent=2))
