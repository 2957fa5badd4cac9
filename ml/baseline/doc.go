// Package baseline predicts without looking at the features: the share of each
// class, or the mean. Every other model has to beat it.
//
// It imports frame, the contracts of ml and the standard library. Enter by
// Train.
package baseline
