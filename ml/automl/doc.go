// Package automl learns from a table: it chooses the task from the target,
// holds rows out, compares algorithms by cross-validation on the rest, refits
// each on all of them and returns the best with what it scored.
//
// Everything a candidate needs (categories, fill values, scales, the number of
// trees) is learned from the rows it may see: never from the held-out ones, in
// a fold never from those it is scored on. The same table, parameters and seed
// give the same bytes on any number of threads, and also when a call was
// interrupted and another went on from its checkpoint.
//
// automl imports everything else in ml. Enter at Train.
package automl
