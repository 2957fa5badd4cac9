// Package codec holds the primitives of the model file: unsigned varints,
// little-endian floats, and strings with their length in front. Encoding
// appends to a slice and has one form for each value; decoding through a
// Reader never panics and never allocates more than a small multiple of the
// bytes it was given.
//
// codec imports nothing of ours. Enter at NewReader.
package codec
