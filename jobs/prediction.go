package jobs

import (
	"context"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/prediction"
)

// Prediction handles prediction jobs.
func Prediction(r *prediction.Runner) job.Handler {
	return handle[prediction.Request, prediction.Result]{prediction.Kind(), r}
}

// PredictionShard handles the jobs that predictions are divided into.
func PredictionShard(r *prediction.Runner) job.Handler {
	return handle[prediction.ShardRequest, prediction.ShardResult]{prediction.ShardKind(), shards{r}}
}

// shards runs them.
type shards struct{ *prediction.Runner }

// Run implements runner.
func (s shards) Run(ctx context.Context, t *job.Task, req prediction.ShardRequest) (*prediction.ShardResult, error) {
	return s.RunShard(ctx, t, req)
}
