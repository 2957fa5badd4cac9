// Package metric scores predictions against what was true, and describes them:
// by a confusion matrix, a report by class, the ROC, precision-recall and
// calibration curves.
//
// Rows count by the weights of the target: a row of weight 2 counts as two
// rows. Outputs are as an ml.Predictor writes them.
//
// Definitions are those of scikit-learn 1.2.1, so that a number here can be
// compared with one from there, except where weights and repeated rows do not
// agree there: the median of errors with weights is the mean of the two middle
// ones if the weights end between them, and PinballD2 compares with a quantile
// that is one of the values. Of equally likely classes the first counts, in the
// top_k_accuracy of scikit-learn the last. What has no value (the r2, and here
// also the explained_variance, of one row; the recall of a class without rows) is
// an error that names the metric and says why.
//
// It imports the contracts of ml and the standard library. Enter by Score for
// one metric, by All for every metric of a task.
package metric
