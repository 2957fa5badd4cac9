// Package generator makes tables of any size for measuring: the same seed gives
// the same rows, on any number of processors and wherever a table begins.
//
// It imports the standard library.
//
// Enter at Table.
package generator
