// Package pipeline joins what a table needs before an algorithm can learn from
// it and what the algorithm learned: a Model takes rows as they were in
// training and gives outputs.
//
// pipeline imports ml, ml/frame and ml/preprocess; it knows no algorithm.
// Enter at New and Model.Predict.
package pipeline
