// Package metric scores predictions against what was true, and describes them:
// by a confusion matrix, a report by class, the ROC, precision-recall and
// calibration curves.
//
// Rows count by the weights of the target: a row of weight 2 counts as two
// rows. Outputs are as an ml.Predictor writes them. Definitions are those of
// scikit-learn, so that a number here can be compared with one from there;
// where they differ, the name says how.
//
// It imports the contracts of ml and the standard library. Enter by Score for
// one metric, by All for every metric of a task.
package metric
