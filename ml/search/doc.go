// Package search looks for the best value of something that was not learned:
// here the threshold of a probability from which on a row counts as positive.
//
// search imports ml and ml/metric. Enter at Thresholds.
package search
