// Package parallel runs the items of a loop on several goroutines. Who runs an
// item, and when, is left to chance: results must not depend on it.
//
// It imports the standard library only. Enter at Team.
package parallel
