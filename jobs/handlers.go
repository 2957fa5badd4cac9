package jobs

import (
	"context"
	"encoding/json"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
)

// Runners are what the jobs call.
type Runners struct {
	Ingest     *dataset.Runner // retype and profile, too
	Import     *dataset.Importer
	Transform  *recipe.Runner
	Training   *training.Runner
	Tuning     *tuning.Runner
	Prediction *prediction.Runner
	Cleanup    *retention.Runner
}

// Kinds declares every kind of job.
func Kinds() []job.Kind {
	return []job.Kind{
		dataset.Kind(), dataset.ImportKind(), dataset.RetypeKind(), dataset.ProfileKind(), dataset.ProtectKind(), recipe.Kind(),
		training.Kind(), training.FoldKind(), tuning.Kind(), prediction.Kind(), prediction.ShardKind(), retention.Kind(),
	}
}

// Handlers returns the handler of every kind of job, by name.
func Handlers(r Runners) map[string]job.Handler {
	return map[string]job.Handler{
		dataset.Kind().Name:         Ingest(r.Ingest),
		dataset.ImportKind().Name:   Import(r.Import),
		recipe.Kind().Name:          Transform(r.Transform),
		dataset.RetypeKind().Name:   Retype(r.Ingest),
		dataset.ProtectKind().Name:  Protect(r.Transform),
		dataset.ProfileKind().Name:  Profile(r.Ingest),
		training.Kind().Name:        Training(r.Training),
		training.FoldKind().Name:    TrainingFold(r.Training),
		tuning.Kind().Name:          Tuning(r.Tuning),
		prediction.Kind().Name:      Prediction(r.Prediction),
		prediction.ShardKind().Name: PredictionShard(r.Prediction),
		retention.Kind().Name:       Cleanup(r.Cleanup),
	}
}

// runner runs one kind of job on its decoded payload.
type runner[Req, Res any] interface {
	Run(ctx context.Context, t *job.Task, req Req) (*Res, error)
}

// handle decodes the payload, calls the runner and returns.
type handle[Req, Res any] struct {
	kind   job.Kind
	runner runner[Req, Res]
}

// Run implements job.Handler.
func (h handle[Req, Res]) Run(ctx context.Context, t *job.Task) (any, error) {
	if err := h.understand(t.Job); err != nil {
		return nil, err
	}
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

// understand hands back a job that was submitted by a newer program, as when
// programs are replaced one by one: another worker will know it. Meanwhile the
// job says what it waits for.
func (h handle[Req, Res]) understand(j *job.Job) error {
	if j.Version > h.kind.Version {
		return job.NewerWorker("The job is of version %d, and the worker that took it up knows %s jobs up to version %d: it waits for a newer worker.",
			j.Version, h.kind.Name, h.kind.Version)
	}
	return nil
}

// publishing is a handle whose runner also publishes.
type publishing[Req, Res any] struct {
	handle[Req, Res]
	publisher job.Publisher
}

var _ job.Publisher = publishing[training.Request, training.Result]{}

// Publish implements job.Publisher.
func (p publishing[Req, Res]) Publish(ctx context.Context, j *job.Job, result json.RawMessage) error {
	if err := p.understand(j); err != nil {
		return err
	}
	return p.publisher.Publish(ctx, j, result)
}

func published[Req, Res any, R interface {
	runner[Req, Res]
	job.Publisher
}](kind job.Kind, r R,
) job.Handler {
	return publishing[Req, Res]{handle: handle[Req, Res]{kind, r}, publisher: r}
}
