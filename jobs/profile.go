package jobs

import (
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
)

// Profile handles jobs that make profiles anew.
func Profile(r *dataset.Runner) job.Handler {
	return published[dataset.ProfileRequest, dataset.ProfileResult](dataset.ProfileKind(), dataset.Profiler{Runner: r})
}
