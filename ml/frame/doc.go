// Package frame holds a table in memory, column by column: floats, integers,
// booleans, instants, and strings by dictionary, each with a bitmap of missing
// values. Frames and columns are immutable once built and may share storage.
//
// frame imports nothing of ours.
package frame
