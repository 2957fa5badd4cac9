package tuning

import (
	"context"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/search"
)

// Jobs takes submissions.
type Jobs interface {
	Submit(ctx context.Context, s job.Submission) (*job.Job, bool, error)
}

// Models finds models.
type Models interface {
	Get(ctx context.Context, tenant, id string) (*model.Model, error)
}

// Service accepts tuning jobs.
type Service struct {
	jobs   Jobs
	models Models
}

// NewService returns a Service.
func NewService(jobs Jobs, models Models) *Service { return &Service{jobs: jobs, models: models} }

// Kind declares the tuning job.
func Kind() job.Kind {
	return job.Kind{Name: "tuning", Pool: "batch", Version: 1, Timeout: time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// Submit checks the request and submits a job; created is false when the
// idempotency key was seen before.
func (s *Service) Submit(ctx context.Context, caller account.Caller, req Request, idempotencyKey string) (j *job.Job, created bool, err error) {
	sub, err := s.Prepare(ctx, caller, req)
	if err != nil {
		return nil, false, err
	}
	sub.IdempotencyKey = idempotencyKey
	return s.jobs.Submit(ctx, sub)
}

// Prepare checks the request as Submit does, and returns what would be
// submitted.
func (s *Service) Prepare(ctx context.Context, caller account.Caller, req Request) (job.Submission, error) {
	if req.Method != "threshold" {
		return job.Submission{}, fault.Invalid("unknown_method", "there is no tuning method %q; there is threshold", req.Method).
			With(fault.Field{Location: "body.method", Message: "must be threshold", Value: req.Method})
	}
	if req.Objective == "" {
		req.Objective = search.F1
	}
	if req.Beta != 0 && req.Objective != search.FBeta {
		return job.Submission{}, fault.Invalid("beta_without_fbeta", "beta goes with objective fbeta only, and objective is %q", req.Objective).
			With(fault.Field{Location: "body.beta", Message: "leave it out, or ask for objective fbeta", Value: req.Beta})
	}
	if req.Objective == search.FBeta && req.Beta == 0 {
		req.Beta = 1
	}
	if err := search.Validate(req.Objective, req.Beta); err != nil {
		return job.Submission{}, model.Invalid(err)
	}
	m, err := s.models.Get(ctx, caller.Tenant, req.ModelID)
	if err != nil {
		return job.Submission{}, err
	}
	if err := binary(m); err != nil {
		return job.Submission{}, err
	}
	limits, order := req.Limits, req.Order
	req.Limits, req.Order = job.Limits{}, job.Order{} // they are no part of what is to be done
	return job.Submission{
		Kind: Kind(), Tenant: caller.Tenant, User: caller.User, Subject: m.ID,
		Payload: req,
		Memory:  estimate(m), Limits: limits, After: order.After, Priority: order.Priority,
	}, nil
}

// estimate is what a tuning takes: it holds the out-of-fold predictions of all
// rows, sorts them, and makes a point of the curve for each.
func estimate(m *model.Model) int64 {
	const base, row = 128 << 20, 400
	return base + row*m.Rows
}

// binary returns a fault for a model that has no threshold.
func binary(m *model.Model) error {
	if m.Task == string(ml.Binary) {
		return nil
	}
	return fault.Invalid("model_not_binary", "model %s is a %s model; only a binary model has a threshold", m.ID, m.Task).
		With(fault.Field{Location: "body.model_id", Message: fmt.Sprintf("name a binary model, not a %s one", m.Task), Value: m.ID})
}
