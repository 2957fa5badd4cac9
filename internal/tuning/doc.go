// Package tuning accepts and runs tuning jobs. The one method so far moves a
// binary model's decision threshold to where an objective is best on the
// out-of-fold predictions that training stored.
//
// tuning may import fault, job, account, model and ml.
package tuning
