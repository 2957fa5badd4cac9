// Package gbdt learns gradient-boosted decision trees from histograms of binned
// features, growing each tree leaf by leaf.
//
// Values are cut into at most 255 bins a feature; a missing value has a bin of
// its own, the last one, and goes to the side of a split that fits it best.
// Strings are split by sets of categories, found by sorting the categories by
// their gradient statistics (Fisher, "On grouping for maximum homogeneity",
// 1958). Gradients are quantized for each tree (Shi et al., "Quantized Training
// of Gradient Boosting Decision Trees", 2022), so that sums of them are sums of
// integers, which do not depend on the order: a model has the same bytes on any
// number of threads.
//
// It imports frame, the contracts of ml and the standard library. Enter by
// Train.
package gbdt
