// Package drill measures: it drives a running platform over its public HTTP
// API, the job platform on its real parts, and the numeric core as a library,
// prints tables, and merges the figures into one file that later runs can be
// compared with.
//
// drill imports client, sample, tabular, terminal and ml, generator and peer
// below it, and for the jobs area embedded, job, queue with its peer queue/bare,
// and the stores. It is no part of a process that serves.
//
// Enter at Run; DataArea, JobsArea and MLArea are what can be measured.
package drill
