package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/narrativeml/narrative/internal/job"
)

// Idempotency is how a client makes sure that a request sent twice makes one
// job.
type Idempotency struct {
	Key string `header:"Idempotency-Key" pattern:"^[!-~]{1,255}$" patternDescription:"1 to 255 visible ASCII characters" doc:"Your name for this request, 1 to 255 visible ASCII characters. Sent again with the same body it answers with the job it made the first time; with another body it is a conflict." example:"retrain-2025-06-01"`
}

// Accepted is the answer to a request that made a job.
type Accepted struct {
	JobID     string `json:"job_id" doc:"The job that was made"`
	DatasetID string `json:"dataset_id,omitempty" doc:"The data set that was uploaded, or that the job is about"`
	ModelID   string `json:"model_id,omitempty" doc:"The model that the job is about"`
	Job       Job    `json:"job"`
}

// acceptedOutput is a 202.
type acceptedOutput struct {
	Location string `header:"Location" doc:"Where the job is" example:"/api/v1/jobs/job_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
	Replayed string `header:"Idempotency-Replayed" doc:"\"true\" when the Idempotency-Key was seen before and no new job was made" enum:"true"`
	Body     Accepted
}

func acceptedJob(ctx context.Context, j *job.Job, created bool) *acceptedOutput {
	out := &acceptedOutput{Location: jobPath(j.ID), Body: Accepted{JobID: j.ID, Job: viewJob(callerOf(ctx), j)}}
	if !created {
		out.Replayed = "true"
	}
	return out
}

// submission is a request that makes a job of a JSON body.
type submission[R any] struct {
	Idempotency
	Body R
}

// registerSubmission adds a POST that makes a job. about says which data set
// and model the request is about.
func registerSubmission[R any](s *server, op huma.Operation, service Submitter[R], about func(R) (datasetID, modelID string)) {
	op.Method = http.MethodPost
	problems, _ := op.Metadata[metaProblems].([]int)
	op.Metadata[metaProblems] = append(problems, http.StatusTooManyRequests) // too many wait already
	register(s, accepted(op), func(ctx context.Context, in *submission[R]) (*acceptedOutput, error) {
		j, created, err := service.Submit(ctx, callerOf(ctx), in.Body, in.Key)
		if err != nil {
			return nil, err
		}
		out := acceptedJob(ctx, j, created)
		out.Body.DatasetID, out.Body.ModelID = about(in.Body)
		return out, nil
	})
}
