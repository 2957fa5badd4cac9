package jobs

import (
	"context"
	"encoding/json"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
)

// Runners are what the jobs call.
type Runners struct {
	Ingest     *dataset.Runner
	Training   *training.Runner
	Tuning     *tuning.Runner
	Prediction *prediction.Runner
	Cleanup    *retention.Runner
}

// Kinds declares every kind of job.
func Kinds() []job.Kind {
	return []job.Kind{
		dataset.Kind(), training.Kind(), tuning.Kind(), prediction.Kind(), retention.Kind(),
	}
}

// Handlers returns the handler of every kind of job, by name.
func Handlers(r Runners) map[string]job.Handler {
	return map[string]job.Handler{
		dataset.Kind().Name:    Ingest(r.Ingest),
		training.Kind().Name:   Training(r.Training),
		tuning.Kind().Name:     Tuning(r.Tuning),
		prediction.Kind().Name: Prediction(r.Prediction),
		retention.Kind().Name:  Cleanup(r.Cleanup),
	}
}

// runner runs one kind of job on its decoded payload.
type runner[Req, Res any] interface {
	Run(ctx context.Context, t *job.Task, req Req) (*Res, error)
}

// handle decodes the payload, calls the runner and returns.
type handle[Req, Res any] struct{ runner runner[Req, Res] }

// Run implements job.Handler.
func (h handle[Req, Res]) Run(ctx context.Context, t *job.Task) (any, error) {
	var req Req
	if err := t.Decode(&req); err != nil {
		return nil, err
	}
	result, err := h.runner.Run(ctx, t, req)
	if err != nil {
		return nil, err
	}
	return result, nil
}

// publishing is a handle whose runner also publishes.
type publishing[Req, Res any] struct {
	handle[Req, Res]
	job.Publisher
}

func published[Req, Res any, R interface {
	runner[Req, Res]
	Publish(ctx context.Context, j *job.Job, result json.RawMessage) error
}](r R,
) job.Handler {
	return publishing[Req, Res]{handle: handle[Req, Res]{r}, Publisher: r}
}
