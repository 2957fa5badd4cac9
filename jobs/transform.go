package jobs

import (
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/recipe"
)

// Transform handles transform jobs.
func Transform(r *recipe.Runner) job.Handler {
	return published[recipe.Payload, recipe.Result](recipe.Kind(), r)
}
