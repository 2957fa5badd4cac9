// Package forest learns random forests (Breiman, "Random Forests", 2001) and
// extremely randomised trees (Geurts et al., "Extremely randomized trees", 2006).
//
// Values are cut into at most 255 bins a feature, from which each tree is grown on
// rows of its own; at every node it tries a few features. A missing value has a bin
// of its own, the last one, and goes to the side of a split that fits it best.
// Strings are split by sets of categories. Trees are grown one on each processor,
// from whole numbers alone where sums are concerned: a model has the same bytes on
// any number of threads.
//
// It imports frame, the contracts of ml and the standard library. Enter by Train.
package forest
