// Package ml is a library for learning from tables. This package holds the
// contracts; the packages below it hold the algorithms. It does no input or
// output, keeps no state, logs nothing, and gives the same bytes for the same
// input, parameters and seed on any number of threads.
//
//	frame                          columns in memory
//	metric split search            scores, folds, thresholds
//	preprocess                     what a table needs before an algorithm
//	baseline linear gbdt forest    the algorithms
//	pipeline artifact              a fitted whole, and its file
//	automl                         fits, compares and chooses
//	mltest                         what every estimator must do
//
// Make a table with frame.New. An algorithm alone is trained by its Train
// function, with what its rows need by pipeline.Train, several of them compared
// by automl.Train. artifact.Write and artifact.Read keep what was trained.
package ml
