"""scikit-learn's random forest. It takes rows of float32 without a copy."""

import sys

import side

try:
    import sklearn
    from sklearn.ensemble import RandomForestClassifier
except ImportError:
    sklearn = None

dtype = "f4"


def version():
    if sklearn is None:
        raise side.Absent("scikit-learn: install python3-sklearn")
    return "scikit-learn " + sklearn.__version__


def fit(trial, x, y, trees):
    return RandomForestClassifier(n_estimators=trees, n_jobs=trial.threads, random_state=trial.seed).fit(x, y)


def predict(trial, model, x):
    p = model.predict_proba(x)
    return p[:, 1] if trial.classes == 2 else p


if __name__ == "__main__":
    side.run(sys.modules[__name__])
