package jobs

import (
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
)

// Retype handles jobs that read files again with types that people have chosen.
func Retype(r *dataset.Runner) job.Handler {
	return published[dataset.RetypeRequest, dataset.IngestResult](dataset.RetypeKind(), dataset.Retyper{Runner: r})
}
