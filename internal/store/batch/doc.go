// Package batch gathers what concurrent callers want to have done and does it
// in groups, so that the cost of a commit or of a round trip is shared. A
// caller that is alone does not wait for company.
//
// batch imports the standard library only. Enter at [New].
package batch
