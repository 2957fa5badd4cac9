// Package split divides rows: a hold-out, and the folds of a cross-validation,
// at random or stratified by class. The same input and seed give the same
// division on every machine.
//
// split imports ml only. Enter at Holdout, StratifiedHoldout, KFold and
// StratifiedKFold; Parts turns folds into rows.
package split
