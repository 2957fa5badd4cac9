"""scikit-learn's histogram gradient boosting. It takes rows of float64 without
a copy."""

import sys

import numpy

import side

try:
    import sklearn
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
except ImportError:
    sklearn = None

dtype = "f8"


def version():
    if sklearn is None:
        raise side.Absent("scikit-learn: install python3-sklearn")
    return "scikit-learn " + sklearn.__version__


def categorical(trial):
    """Columns of more categories than bins are taken as numbers: it knows no
    other way."""
    return [i for i in trial.categorical if trial.categories[i] <= trial.bins]


def bin(trial):
    some = [i in categorical(trial) for i in range(trial.width)]
    known = [numpy.arange(n, dtype=trial.dtype) if c else None for n, c in zip(trial.categories, some)]
    mapper = _BinMapper(
        n_bins=trial.bins + 1, is_categorical=numpy.array(some), known_categories=known, random_state=trial.seed, n_threads=trial.threads)
    return mapper.fit_transform(trial.x)


def fit(trial, x, y, trees):
    return HistGradientBoostingClassifier(
        max_iter=trees,
        max_leaf_nodes=trial.leaves,
        learning_rate=trial.rate,
        max_bins=trial.bins,
        min_samples_leaf=trial.min_child,
        l2_regularization=0,
        categorical_features=categorical(trial) or None,
        early_stopping=False,
        random_state=trial.seed,
    ).fit(x, y)


def predict(trial, model, x):
    p = model.predict_proba(x)
    return p[:, 1] if trial.classes == 2 else p


def rows(trial, model, x):
    each = [x[i : i + 1] for i in range(min(len(x), 200))]  # of some milliseconds each

    def loop():
        for row in each:
            model.predict_proba(row)

    return side.timed(loop)[1] / len(each)


if __name__ == "__main__":
    side.run(sys.modules[__name__])
