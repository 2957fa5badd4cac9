// Package metric scores predictions against what was true.
//
// It imports the contracts of ml and the standard library. Enter by Score.
package metric
