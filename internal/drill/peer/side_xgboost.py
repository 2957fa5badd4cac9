"""XGBoost, hist, leaf-wise. It takes rows of float32 without a copy."""

import sys

import side

try:
    import xgboost
except ImportError:
    xgboost = None

dtype = "f4"
BALANCED = 0.25  # the hessian of a row at even odds


def version():
    if xgboost is None:
        raise side.Absent("XGBoost: install python3-xgboost")
    return "XGBoost " + xgboost.__version__


def matrix(trial, x, y):
    types = ["c" if n > 0 else "q" for n in trial.categories] if trial.categorical else None
    return xgboost.QuantileDMatrix(
        x, y, max_bin=trial.bins, nthread=trial.threads, feature_types=types, enable_categorical=bool(trial.categorical))


def bin(trial):
    return matrix(trial, trial.x, trial.y)


def fit(trial, x, y, trees):
    p = {
        "objective": "binary:logistic" if trial.classes == 2 else "multi:softprob",
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_leaves": trial.leaves,
        "max_depth": 0,
        "learning_rate": trial.rate,
        "max_bin": trial.bins,
        "min_child_weight": trial.min_child * BALANCED,
        "reg_lambda": 0,
        "nthread": trial.threads,
        "seed": trial.seed,
        "verbosity": 0,
    }
    if trial.classes > 2:
        p["num_class"] = trial.classes
    return xgboost.train(p, matrix(trial, x, y), trees)


def predict(trial, model, x):
    model.set_param({"nthread": trial.threads})
    return model.inplace_predict(x)


def rows(trial, model, x):
    model.set_param({"nthread": 1})
    each = [x[i : i + 1] for i in range(len(x))]

    def loop():
        for row in each:
            model.inplace_predict(row)

    return side.timed(loop)[1] / len(each)


if __name__ == "__main__":
    side.run(sys.modules[__name__])
