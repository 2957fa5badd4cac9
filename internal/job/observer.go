package job

import (
	"context"
	"time"
)

// The outcomes of an attempt, as Observer.Finished is told. The first three
// are also outcomes of the job.
const (
	OutcomeSucceeded = "succeeded"
	OutcomeFailed    = "failed"
	OutcomeCancelled = "cancelled"
	OutcomeRetried   = "retried" // failed, and to be tried again
	OutcomeParked    = "parked"  // a part was away; to be tried again
	OutcomeSnoozed   = "snoozed"
	OutcomeDrained   = "drained"
	OutcomeWaiting   = "waiting" // for its children
	OutcomeLost      = "lost"    // somebody else has the job now; nothing was written
)

// Observer is told what happens to jobs, for metrics and logs. Its methods are
// called from many goroutines, return at once and do not change the job.
type Observer interface {
	// Submitted says that a job was stored, or found by its idempotency key.
	Submitted(j *Job, created bool)
	// Started says that a worker claimed the job this long after it was queued.
	Started(j *Job, wait time.Duration)
	// Finished says how an attempt, or a job that no worker had, ended. The
	// duration is that of the attempt, 0 without one.
	Finished(j *Job, outcome string, took time.Duration)
	// Revived says that a job was taken from a dead worker ("worker_died") or
	// handed over again because the queue forgot it ("queue_forgot").
	Revived(j *Job, reason string)
	// Trouble tells of an error that the job's owner does not see in full; j is
	// nil when it is about no job. The operation is a constant in snake_case.
	Trouble(ctx context.Context, operation string, j *Job, err error)
}

// Unobserved is an Observer that ignores everything.
type Unobserved struct{}

var _ Observer = Unobserved{}

// Submitted implements Observer.
func (Unobserved) Submitted(*Job, bool) {}

// Started implements Observer.
func (Unobserved) Started(*Job, time.Duration) {}

// Finished implements Observer.
func (Unobserved) Finished(*Job, string, time.Duration) {}

// Revived implements Observer.
func (Unobserved) Revived(*Job, string) {}

// Trouble implements Observer.
func (Unobserved) Trouble(context.Context, string, *Job, error) {}
