package job_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

// What a result names as the job's own stays so when the rest of it is
// published, also by a later attempt; without publishing all files are.
func TestOwnFiles(t *testing.T) {
	t.Parallel()
	gone := fault.NotFound("model_not_found", "the model was deleted")
	for _, tt := range []struct {
		name         string
		publish      func(attempt int) error // nil: the kind does not publish
		state        job.State
		curve, model bool // whether the job owns it
	}{
		{"published", func(int) error { return nil }, job.Succeeded, true, false},
		{"published by the second attempt", func(attempt int) error {
			if attempt == 1 {
				return errors.New("away")
			}
			return nil
		}, job.Succeeded, true, false},
		{"not to be published", func(int) error { return gone }, job.Failed, false, false},
		{"of a kind that does not publish", nil, job.Succeeded, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, nil)
				work := does(func(_ context.Context, task *job.Task) (any, error) {
					return answer{
						Named: map[string]string{"curve": task.Prefix + "curve.csv", "model": task.Prefix + "model.bin"}, Own: []string{"curve"},
					}, nil
				})
				w.handlers = map[string]job.Handler{"work": work}
				if tt.publish != nil {
					w.handlers["work"] = publisher{Handler: work, publish: func(_ context.Context, j *job.Job) error { return tt.publish(j.Attempt) }}
				}
				defer w.start(w.runner("wkr_a"))()
				j := w.finish(w.submit("work").ID)
				w.want(j, tt.state)
				first := job.AttemptPrefix(j.ID, 1)
				for key, want := range map[string]bool{
					first + "curve.csv": tt.curve, first + "model.bin": tt.model, first + "other": false, "": false,
					job.AttemptPrefix(j.ID, 2) + "curve.csv": false,
				} {
					if j.Owns(key) != want {
						t.Errorf("it owns %q: %v; %s", key, !want, dump(j))
					}
				}
				if tt.state == job.Failed && (j.Files != nil || j.OwnFiles != nil) {
					t.Errorf("a job that failed has files: %s", dump(j))
				}
			})
		})
	}
}
