// Package artifact writes and reads the model file: what docs/format/model.md
// describes. The same model always has the same bytes. Reading executes
// nothing, takes no input on trust, and never allocates more than a small
// multiple of the bytes that have arrived. Writing and reading hold one section
// beside the model; the trees of a large one are made and taken some at a time.
//
// artifact imports pipeline and the algorithms. Enter at Write and Read. A new
// algorithm is a line in the function algorithms.
package artifact
