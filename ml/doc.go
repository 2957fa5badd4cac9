// Package ml is a library for learning from tables. This package holds the
// contracts; the packages below it hold the algorithms. It does no input or
// output, keeps no state, logs nothing, and gives the same bytes for the same
// input, parameters and seed on any number of threads.
//
//	frame                    columns in memory
//	metric split search      scores, folds, thresholds
//	preprocess linear gbdt   what is fitted
//	pipeline artifact        a fitted whole, and its file
//	automl                   fits, compares and chooses
package ml
