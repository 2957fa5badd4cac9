// Package tuning accepts and runs tuning jobs. The one method so far moves a
// binary model's decision threshold to where an objective is best on the
// out-of-fold predictions that training stored. The job's result shows the
// curve of that search; the whole of it is a file of the result.
//
// tuning may import fault, job, account, tabular, model and ml.
package tuning
