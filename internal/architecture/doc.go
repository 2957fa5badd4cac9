// Package architecture holds the tests of what no single package can see: who
// imports whom, that every package says what it is for, and that the files
// for running Narrative agree with its configuration.
//
// It has no code of its own.
package architecture
