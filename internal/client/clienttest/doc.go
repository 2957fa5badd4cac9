// Package clienttest is a small server that answers the HTTP API as the
// client packages need it in their tests. It keeps everything in memory and
// learns nothing: its models are tables of frequencies.
//
// clienttest imports the standard library only, and only tests import it.
//
// Enter at New.
package clienttest
