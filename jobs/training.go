package jobs

import (
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/training"
)

// Training handles training jobs.
func Training(r *training.Runner) job.Handler {
	return published[training.Request, training.Result](training.Kind(), r)
}
