// Package app wires the parts into processes, by hand: API, worker and
// scheduler; Dev, which is all three and embedded parts in one process; Parts,
// which is the embedded parts alone; and Demo, which drives the main job
// against a Dev of its own.
//
// app imports everything; only cmd imports app. Enter at [API], [Worker],
// [Scheduler], [Dev].
package app
