package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/telemetry"
)

// observer counts and logs what happens to jobs.
type observer struct {
	metrics *telemetry.Metrics
	logger  *slog.Logger
}

var _ job.Observer = observer{}

func (p *platform) observer() job.Observer { return observer{metrics: p.metrics, logger: p.logger} }

// Submitted implements job.Observer.
func (o observer) Submitted(j *job.Job, created bool) {
	if created {
		o.metrics.Jobs.JobSubmitted(j.Kind)
	}
}

// Started implements job.Observer.
func (o observer) Started(j *job.Job, wait time.Duration) {
	o.metrics.Jobs.JobStarted(j.Kind, wait)
	o.logger.Info("job started", "job", j.ID, "kind", j.Kind, "attempt", j.Attempt, "epoch", j.Epoch, "waited", wait)
}

// Finished implements job.Observer.
func (o observer) Finished(j *job.Job, outcome string, took time.Duration) {
	o.metrics.Jobs.JobFinished(j.Kind, outcome, took)
	attributes := []any{"job", j.ID, "kind", j.Kind, "attempt", j.Attempt, "outcome", outcome, "took", took}
	if j.Waiting != nil && (outcome == job.OutcomeSnoozed || outcome == job.OutcomeParked) {
		o.metrics.Jobs.JobParked(j.Kind, j.Waiting.Code)
		attributes = append(attributes, "waiting", j.Waiting.Code)
	}
	if j.Failure != nil && (outcome == job.OutcomeFailed || outcome == job.OutcomeRetried) {
		attributes = append(attributes, "code", j.Failure.Code)
	}
	if j.Dead != "" && j.Parent == "" && outcome == job.OutcomeFailed {
		o.metrics.Jobs.JobDied(j.Kind, j.Dead)
	}
	o.logger.Info("job finished", attributes...)
}

// Revived implements job.Observer.
func (o observer) Revived(j *job.Job, reason string) {
	o.metrics.Jobs.JobRevived(j.Kind, reason)
	o.logger.Warn("job revived", "job", j.ID, "kind", j.Kind, "epoch", j.Epoch, "reason", reason)
}

// Trouble implements job.Observer.
func (o observer) Trouble(ctx context.Context, operation string, j *job.Job, err error) {
	o.metrics.Jobs.JobTrouble(operation)
	attributes := []any{"operation", operation, "error", err}
	if j != nil {
		attributes = append(attributes, "job", j.ID, "kind", j.Kind)
	}
	if missed, ok := errors.AsType[*job.MissedError](err); ok {
		o.metrics.Sweep.Missed(missed.Name, missed.Count)
	}
	o.logger.WarnContext(ctx, "job trouble", attributes...)
}
