package retention

import (
	"context"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/job"
)

// Submitter takes submissions.
type Submitter interface {
	Submit(ctx context.Context, s job.Submission) (*job.Job, bool, error)
}

// Service accepts clean-up jobs.
type Service struct{ jobs Submitter }

// NewService returns a Service.
func NewService(jobs Submitter) *Service { return &Service{jobs: jobs} }

// Kind declares the clean-up job.
func Kind() job.Kind {
	return job.Kind{Name: "cleanup", Pool: "maintenance", Version: 1, Timeout: 6 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// memory is what a clean-up takes: it goes through the files page by page.
const memory = 256 << 20

// Submit submits a clean-up over all tenants' files; the caller is an operator,
// which the edge has checked. created is false when the idempotency key was
// seen before.
func (s *Service) Submit(ctx context.Context, caller account.Caller, req Request, idempotencyKey string) (j *job.Job, created bool, err error) {
	order := req.Order
	req.Order = job.Order{} // it is the job's, not its work's
	return s.jobs.Submit(ctx, job.Submission{
		Kind: Kind(), Tenant: caller.Tenant, User: caller.User,
		IdempotencyKey: idempotencyKey, Priority: order.Priority, After: order.After, Payload: req, Memory: memory,
	})
}
