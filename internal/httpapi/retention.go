package httpapi

import (
	"context"
	"net/http"

	"github.com/narrativeml/narrative/internal/retention"
)

// cleanupInput may come without a body: then everything is at its default.
type cleanupInput struct {
	Idempotency
	Body *retention.Request
}

func (s *server) registerRetention(service Submitter[retention.Request]) {
	op := operation(tagCleanup, "POST /cleanup", "clean-up", "Clean up files",
		`Marks the files that no record points to and deletes those that have been marked for the grace period, over all tenants. It runs by itself now and then; a dry run only lists what would go. For operators.`,
		http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)
	register(s, accepted(forOperatorsOnly(op)), func(ctx context.Context, in *cleanupInput) (*acceptedOutput, error) {
		var req retention.Request
		if in.Body != nil {
			req = *in.Body
		}
		j, created, err := service.Submit(ctx, callerOf(ctx), req, in.Key)
		if err != nil {
			return nil, err
		}
		return acceptedJob(ctx, j, created), nil
	})
}
