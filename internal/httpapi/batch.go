package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
)

// BatchJob is one job of a batch: a name and one request.
type BatchJob struct {
	Name       string              `json:"name" pattern:"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$" patternDescription:"1 to 100 letters, digits, dots, dashes and underscores" doc:"Its name in the batch, by which after of others may name it" example:"second"`
	Training   *training.Request   `json:"training,omitempty" doc:"As for POST /api/v1/training"`
	Tuning     *tuning.Request     `json:"tuning,omitempty" doc:"As for POST /api/v1/tuning"`
	Prediction *prediction.Request `json:"prediction,omitempty" doc:"As for POST /api/v1/predictions"`
}

type batchInput struct {
	Idempotency
	Body struct {
		Jobs []BatchJob `json:"jobs" minItems:"1" maxItems:"100" nullable:"false" doc:"Each with exactly one request; after of a request may name jobs of the batch, besides identifiers of jobs"`
	}
}

type batchOutput struct {
	Replayed string `header:"Idempotency-Replayed" doc:"\"true\" when the Idempotency-Key was seen before and no new job was made" enum:"true"`
	Body     struct {
		Jobs []BatchMade `json:"jobs" nullable:"false" doc:"In the order of the request"`
	}
}

// BatchMade is a job that a batch made.
type BatchMade struct {
	Name  string `json:"name"`
	JobID string `json:"job_id"`
	Job   Job    `json:"job"`
}

func (s *server) registerBatch(d Deps) {
	op := accepted(operation(tagJobs, "POST /jobs/batch", "submit-batch", "Submit several jobs at once",
		`All of them or none; some may come after others. Names that are used twice, names of nothing and circles are refused, and a circle is spelled out. Data sets and models that the requests name have to exist.`,
		http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests))
	register(s, op, func(ctx context.Context, in *batchInput) (*batchOutput, error) {
		caller := callerOf(ctx)
		members := make([]job.Member, 0, len(in.Body.Jobs))
		for i, b := range in.Body.Jobs {
			sub, err := b.prepare(ctx, d, i)
			if err != nil {
				return nil, err
			}
			members = append(members, job.Member{Name: b.Name, Submission: sub})
		}
		jobs, created, err := s.jobs.SubmitBatch(ctx, caller.Tenant, in.Key, members)
		if err != nil {
			return nil, err
		}
		out := &batchOutput{}
		if !created {
			out.Replayed = "true"
		}
		for i, j := range jobs {
			out.Body.Jobs = append(out.Body.Jobs, BatchMade{Name: members[i].Name, JobID: j.ID, Job: viewJob(caller, j)})
		}
		return out, nil
	})
}

// prepare checks the one request of job i.
func (b BatchJob) prepare(ctx context.Context, d Deps, i int) (sub job.Submission, err error) {
	n, kind, caller := 0, "", callerOf(ctx)
	if b.Training != nil {
		n, kind = n+1, "training"
	}
	if b.Tuning != nil {
		n, kind = n+1, "tuning"
	}
	if b.Prediction != nil {
		n, kind = n+1, "prediction"
	}
	if n != 1 {
		return sub, fault.Invalid("one_request_required", "Job %s of the batch has %d requests; give it exactly one of training, tuning and prediction.", b.Name, n).
			With(fault.Field{Location: fmt.Sprintf("body.jobs[%d]", i), Message: fmt.Sprintf("%d requests instead of one", n), Value: b.Name})
	}
	switch kind {
	case "training":
		sub, err = d.Training.Prepare(ctx, caller, *b.Training)
	case "tuning":
		sub, err = d.Tuning.Prepare(ctx, caller, *b.Tuning)
	default:
		sub, err = d.Prediction.Prepare(ctx, caller, *b.Prediction)
	}
	return sub, job.Within(err, i, kind)
}
