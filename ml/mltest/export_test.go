package mltest

import (
	"context"

	"github.com/narrativeml/narrative/ml"
)

// Checks returns the names of the checks.
func Checks() []string {
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}

// CheckOne runs the named check and returns what it finds.
func CheckOne(ctx context.Context, c Case, task ml.Task, name string) error {
	for _, check := range checks() {
		if check.name == name {
			return check.run(ctx, c, task)
		}
	}
	panic("no check " + name)
}

// ErrNotApplicable is what a check returns that a case does not claim.
var ErrNotApplicable = errNotApplicable
