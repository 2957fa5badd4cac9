// Package memstore keeps records in memory. It implements store.Driver with
// the same rules as the drivers that write to disk, so that the packages above
// the store can be tested without one; it forgets everything when the process
// ends, and no program of ours is wired with it.
//
// memstore imports store and the standard library. Enter at [New].
package memstore
