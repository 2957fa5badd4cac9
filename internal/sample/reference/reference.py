#!/usr/bin/env python3
"""Held-out AUC of two scikit-learn models on a bundled data set.

    reference.py TABLE TARGET POSITIVE HOLDOUT > reference.json

TABLE is a CSV file with a header. HOLDOUT is a CSV file with the header "row"
and one row number a line, counted from 1 at the first row below the header of
TABLE: the rows that both models are measured on. They are trained on all the
others. Nothing is tuned and nothing is random but the seeds written below, so
that the same rows give the same figures.
"""

import hashlib
import json
import sys

import numpy
import pandas
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler


def logistic(numbers, categories):
    """Imputed, scaled numbers and one-hot categories into L2 logistic regression."""
    return make_pipeline(
        ColumnTransformer(
            [
                ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
                (
                    "categories",
                    make_pipeline(
                        SimpleImputer(strategy="constant", fill_value="(missing)"),
                        OneHotEncoder(handle_unknown="ignore"),
                    ),
                    categories,
                ),
            ]
        ),
        LogisticRegression(max_iter=5000),
    )


def boosting(numbers, categories):
    """Numbers as they are, categories as categories, into boosted histogram trees."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=numpy.nan)
    return make_pipeline(
        ColumnTransformer([("numbers", "passthrough", numbers), ("categories", encoder, categories)]),
        HistGradientBoostingClassifier(
            categorical_features=range(len(numbers), len(numbers) + len(categories)),
            random_state=1,
        ),
    )


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    path, target, positive, split = sys.argv[1:]
    table = pandas.read_csv(path)
    rows = numpy.sort(pandas.read_csv(split)["row"].to_numpy())
    if rows[0] < 1 or rows[-1] > len(table) or len(set(rows)) != len(rows):
        sys.exit(f"{split}: row numbers must be distinct and between 1 and {len(table)}")
    held = numpy.zeros(len(table), dtype=bool)
    held[rows - 1] = True

    labels = (table[target].astype(str) == positive).to_numpy(dtype=int)
    features = table.drop(columns=target)
    numbers = [c for c in features if pandas.api.types.is_numeric_dtype(features[c])]
    categories = [c for c in features if c not in numbers]

    auc = {}
    for name, model in (
        ("logistic_regression", logistic(numbers, categories)),
        ("hist_gradient_boosting", boosting(numbers, categories)),
    ):
        model.fit(features[~held], labels[~held])
        scores = model.predict_proba(features[held])[:, 1]
        auc[name] = round(float(roc_auc_score(labels[held], scores)), 6)

    joined = "\n".join(str(r) for r in rows) + "\n"
    json.dump(
        {
            "table": path.rsplit("/", 1)[-1],
            "target": target,
            "positive_class": positive,
            "train_rows": int((~held).sum()),
            "holdout_rows": int(held.sum()),
            "holdout_positive_rows": int(labels[held].sum()),
            "holdout_sha256": hashlib.sha256(joined.encode()).hexdigest(),
            "scikit_learn": sklearn.__version__,
            "holdout_roc_auc": auc,
        },
        sys.stdout,
        indent=2,
    )
    print()


if __name__ == "__main__":
    main()
