// Package failpoint breaks a process on purpose: it kills it before or after
// any call to the store, the queue or the files, moves its clock, and switches
// off what keeps jobs safe, so that the suites that should notice can be seen
// to notice. It is linked into programs that are built with the tag chaos and
// into no other; internal/architecture sees to it.
//
// failpoint imports store, job, blob and fault. Enter at Load, and at Store, Queue
// and Files, which wrap what a process speaks to.
package failpoint
