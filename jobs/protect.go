package jobs

import (
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/recipe"
)

// Protect handles protect jobs.
func Protect(r *recipe.Runner) job.Handler {
	return published[dataset.ProtectRequest, recipe.Result](dataset.ProtectKind(), recipe.Protector{Runner: r})
}
