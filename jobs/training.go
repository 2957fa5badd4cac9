package jobs

import (
	"context"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/training"
)

// Training handles training jobs.
func Training(r *training.Runner) job.Handler {
	return published[training.Request, training.Result](training.Kind(), r)
}

// TrainingFold handles the jobs that cross-validations are divided into.
func TrainingFold(r *training.Runner) job.Handler {
	return handle[training.FoldRequest, training.FoldResult]{training.FoldKind(), folds{r}}
}

// folds runs them.
type folds struct{ *training.Runner }

// Run implements runner.
func (f folds) Run(ctx context.Context, t *job.Task, req training.FoldRequest) (*training.FoldResult, error) {
	return f.RunFold(ctx, t, req)
}
