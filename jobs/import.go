package jobs

import (
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
)

// Import handles jobs that fetch files and read them in.
func Import(r *dataset.Importer) job.Handler {
	return published[dataset.IngestRequest, dataset.ImportResult](dataset.ImportKind(), r)
}
