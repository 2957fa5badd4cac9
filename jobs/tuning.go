package jobs

import (
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/tuning"
)

// Tuning handles tuning jobs.
func Tuning(r *tuning.Runner) job.Handler {
	return published[tuning.Request, tuning.Result](tuning.Kind(), r)
}
