"""Writes what scikit-learn says about every threshold of a set of predictions.

    python3 curve.py        (scikit-learn 1.2.1)

predictions.csv: label and score; some scores occur several times.
curve.csv: every distinct score as a threshold, descending, with the counts and
rates of the rows whose score is at least that.
"""
import csv
import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

rng = np.random.default_rng(7)
n = 1500
score = rng.beta(1.3, 2.0, n).round(4)
score[::10] = score[::10].round(1)
label = (rng.random(n) < score ** 1.5).astype(int)

fpr, tpr, thresholds = roc_curve(label, score, drop_intermediate=False)
fpr, tpr, thresholds = fpr[1:], tpr[1:], thresholds[1:]  # the first is no score
precision, recall, ascending = precision_recall_curve(label, score)
precision, recall = precision[:-1][::-1], recall[:-1][::-1]
assert (ascending[::-1] == thresholds).all()

with open("predictions.csv", "w", newline="") as f:
    w = csv.writer(f, lineterminator="\n")
    w.writerow(["label", "score"])
    w.writerows(zip(label.tolist(), score.tolist()))
with open("curve.csv", "w", newline="") as f:
    w = csv.writer(f, lineterminator="\n")
    w.writerow(["threshold", "tp", "fp", "precision", "recall", "specificity"])
    tp = np.rint(tpr * label.sum()).astype(int)
    fp = np.rint(fpr * (n - label.sum())).astype(int)
    w.writerows(zip(thresholds.tolist(), tp.tolist(), fp.tolist(), precision.tolist(), recall.tolist(), (1 - fpr).tolist()))
