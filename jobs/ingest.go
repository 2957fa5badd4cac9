package jobs

import (
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
)

// Ingest handles ingest jobs.
func Ingest(r *dataset.Runner) job.Handler {
	return published[dataset.IngestRequest, dataset.IngestResult](dataset.Kind(), r)
}
