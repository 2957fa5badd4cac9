package jobs

import (
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/retention"
)

// Cleanup handles cleanup jobs.
func Cleanup(r *retention.Runner) job.Handler {
	return handle[retention.Request, retention.Result]{retention.Kind(), r}
}
