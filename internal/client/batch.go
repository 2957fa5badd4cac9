package client

import (
	"context"
	"encoding/json"
	"errors"
)

// BatchMade is a job that a batch made.
type BatchMade struct {
	Name  string `json:"name"` // in the batch
	JobID string `json:"job_id"`
	Job   *Job   `json:"job"`
}

// Batch submits several jobs at once, all of them or none. The request is what
// POST /api/v1/jobs/batch takes, as JSON; the jobs come in its order.
func (c *Client) Batch(ctx context.Context, request json.RawMessage, key string) ([]*BatchMade, error) {
	var made struct {
		Jobs []*BatchMade `json:"jobs"`
	}
	if err := c.post(ctx, "jobs/batch", request, key, &made); err != nil {
		return nil, err
	}
	for _, m := range made.Jobs {
		if m == nil || m.JobID == "" || m.Job == nil {
			return nil, errors.New("the server accepted the batch but does not name all of its jobs")
		}
	}
	return made.Jobs, nil
}
