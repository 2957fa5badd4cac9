package jobs

import (
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/prediction"
)

// Prediction handles prediction jobs.
func Prediction(r *prediction.Runner) job.Handler {
	return handle[prediction.Request, prediction.Result]{prediction.Kind(), r}
}
