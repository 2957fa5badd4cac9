// Package wire reads the little-endian bytes of fitted models, trusting none of
// them: it never panics, and it allocates no more than the input warrants.
// Writing needs no help beyond encoding/binary and AppendString.
//
// It imports the standard library. Enter by NewReader.
package wire
