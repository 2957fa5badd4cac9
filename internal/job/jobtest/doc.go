// Package jobtest is what services and runners of jobs need in their tests: a
// file store, a line of submissions and the tasks of a worker, all in memory, and
// a look at how much of it is used.
//
// jobtest imports job, store and fault; only tests import it. Enter at
// [NewFiles], [NewLine] and [NewTask].
package jobtest
