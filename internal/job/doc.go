// Package job is the job: its record, its state machine, and the promises
// around it. A submission is in the store before it is acknowledged; the queue
// only delivers; a delivery is claimed by a compare-and-swap and fenced by its
// epoch; the outcome is committed once.
//
//	Service    accepts, lists, cancels and retries jobs (API, scheduler)
//	Runner     claims a delivery, runs its handler, heartbeats, commits (worker)
//	Keeper     relays what waits, revives what died (scheduler)
//
// job may import store and fault; it knows no kind of job.
package job
