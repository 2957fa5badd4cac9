// Package blobtest is the conformance suite of file stores: of the client of S3,
// and of the store in memory that the tests of other packages use in its place.
//
// blobtest imports fault and testing; only tests import it. Enter at [Run].
package blobtest
