// Package random draws numbers by their place: the same seed and place give the
// same number, whatever was drawn before and on whichever goroutine.
//
// It imports the standard library only. Enter at At.
package random
