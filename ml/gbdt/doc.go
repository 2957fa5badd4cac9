// Package gbdt learns gradient-boosted decision trees (Friedman, "Greedy Function
// Approximation: A Gradient Boosting Machine", 2001) from histograms of binned
// features, growing each tree leaf by leaf.
//
// # Learning
//
// Train takes a frame, a target and Params. Columns of strings are categories,
// all others numbers; nothing has to be encoded, scaled or imputed first. Bin and
// TrainBinned do the same in two steps, for many models from one table.
//
// Params.Objective chooses the loss: logistic and softmax for classes; squared,
// absolute, Huber, quantile, Poisson, Gamma and Tweedie for values. With
// Options.Validation training stops when it no longer helps. With
// Options.Checkpoint a training that was cut off goes on where it was.
//
// # Predicting
//
// Model.Predict is for frames and uses all processors; Model.PredictRow is for
// single rows and takes two or three microseconds for 100 trees. Both give the same.
//
// # How
//
// Values are cut into at most 255 bins a feature; a missing value has a bin of
// its own, the last one, and goes to the side of a split that fits it best.
// Strings are split by sets of categories, found by sorting the categories by
// their gradient statistics (Fisher, "On Grouping for Maximum Homogeneity",
// 1958). Gradients are quantized for each tree (Shi et al., "Quantized Training
// of Gradient Boosting Decision Trees", 2022), so that sums of them are sums of
// whole numbers, which do not depend on the order: a model has the same bytes on
// any number of threads, whether or not its training was interrupted. Features
// that are never present together share a column (Ke et al., "LightGBM: A Highly
// Efficient Gradient Boosting Decision Tree", 2017). Many rows are predicted
// without branches, by tables of the leaves that remain (Lucchese et al.,
// "QuickScorer", 2015).
//
// It imports frame, the contracts of ml, ml/internal and the standard library.
// Enter by Train.
package gbdt
