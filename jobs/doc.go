// Package jobs is the catalogue: one file for each kind of job. A file decodes
// the payload, makes one call, and returns.
//
// jobs imports the domain packages that run the work, and job. Enter at
// [Handlers].
package jobs
