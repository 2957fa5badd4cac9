// Package chaos proves what docs/reliability.md promises of jobs: it runs the
// real processes on real parts, hurts them by a plan that a seed decides, and
// judges what happened by a history that nobody could rewrite.
//
// The parts belong to the harness: a redis-server child, the S3 gateway and the
// record server, each behind a proxy that can hold, drop and cut what goes
// through it. The record server is the witness: it writes down every change of a
// job that was stored or refused, so that the checker sees all of them and in
// their order, whatever died meanwhile.
//
// chaos imports client, embedded, sample, secret, job for the form of its
// records, and the stores; it is no part of a process that serves. Enter at Run.
package chaos
