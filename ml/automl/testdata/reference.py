"""Writes the tables of this folder and what scikit-learn scores on them.

    python3 reference.py

rows.json says which rows are held out; `go test -run TestReference -update`
writes it. The models see exactly the other rows.
"""

import json
import pathlib

import sklearn
from sklearn import datasets, ensemble, linear_model, metrics, pipeline, preprocessing

HERE = pathlib.Path(__file__).parent
TABLES = {
    "breast_cancer": datasets.load_breast_cancer(as_frame=True),
    "iris": datasets.load_iris(as_frame=True),
    "wine": datasets.load_wine(as_frame=True),
    "diabetes": datasets.load_diabetes(as_frame=True, scaled=False),
}


def scores(model, name, frame, held):
    x, y = frame.drop(columns="target"), frame["target"]
    keep = ~frame.index.isin(held)
    model.fit(x[keep], y[keep])
    truth = y[~keep]
    if name == "diabetes":
        out = model.predict(x[~keep])
        return {"rmse": metrics.mean_squared_error(truth, out) ** 0.5, "r2": metrics.r2_score(truth, out)}
    out = model.predict_proba(x[~keep])
    found = {
        "log_loss": metrics.log_loss(truth, out),
        "accuracy": metrics.accuracy_score(truth, out.argmax(axis=1)),
    }
    if name == "breast_cancer":
        found["roc_auc"] = metrics.roc_auc_score(truth, out[:, 1])
    return found


def linear(name):
    if name == "diabetes":
        return linear_model.Ridge()
    return linear_model.LogisticRegression(max_iter=10_000)


def boosted(name):
    if name == "diabetes":
        return ensemble.HistGradientBoostingRegressor(random_state=0)
    return ensemble.HistGradientBoostingClassifier(random_state=0)


def main():
    for name, table in TABLES.items():
        table.frame.to_csv(HERE / f"{name}.csv", index=False)
    rows = HERE / "rows.json"
    if not rows.exists():
        return
    result = {"scikit_learn": sklearn.__version__, "tables": {}}
    for name, held in json.loads(rows.read_text()).items():
        frame = TABLES[name].frame
        result["tables"][name] = {
            "linear": scores(pipeline.make_pipeline(preprocessing.StandardScaler(), linear(name)), name, frame, held),
            "hist_gradient_boosting": scores(boosted(name), name, frame, held),
        }
    (HERE / "reference.json").write_text(json.dumps(result, indent=1) + "\n")


main()
