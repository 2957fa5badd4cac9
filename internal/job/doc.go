// Package job is the job: its record, its state machine, and the promises
// around it. A submission is in the store before it is acknowledged; the queue
// only delivers; a delivery is claimed by a compare-and-swap and fenced by its
// epoch; the outcome is committed once. docs/jobs.md tells the whole story.
//
//	Service    accepts, lists, cancels and retries jobs (API, scheduler)
//	Runner     claims a delivery, runs its handler, heartbeats, commits (worker)
//	Keeper     relays what waits, revives what died (scheduler)
//	Leader     chooses the scheduler that leads
//	Ticker     fires schedules, each tick once
//
// job may import store and fault, and a parser of cron expressions; it knows
// no kind of job. Enter at [NewService], [NewRunner] and [NewKeeper]; a kind of
// job implements [Handler].
package job
