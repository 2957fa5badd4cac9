// Package source reads files that are elsewhere: at https addresses and in
// buckets that operators have opened for it. People name them, so it believes
// nothing: what may be connected to is decided by the very address that is
// dialled, on every redirect anew, and what is said of a failure tells nothing
// about a network that they do not know.
//
// source imports fault and a guard for dialling, and knows no domain.
//
// Enter at [New] and [Reader].
package source
