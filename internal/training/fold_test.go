package training_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/ml/automl"
)

// TestFoldsAsJobs makes the fits of a cross-validation in jobs of their own and
// gets the model that one job makes, byte for byte, whatever is killed.
func TestFoldsAsJobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, req := b.sample(t, "insurance")
	runner := training.NewRunner(b.config)
	req.Algorithms, req.Trees = []string{"baseline", "linear", "gbdt"}, 10
	attempt := func(id string, saved *jobtest.Checkpoints) *jobtest.Task {
		return jobtest.NewTask(&job.Job{Meta: store.Meta{ID: id}, Tenant: ann.Tenant, User: ann.User, Epoch: 1}, saved)
	}
	whole, err := runner.Run(t.Context(), attempt("job_whole", nil).Task, req)
	if err != nil {
		t.Fatal(err)
	}
	req.FoldsAsJobs = true
	parent := attempt("job_parent", nil)
	_, err = runner.Run(t.Context(), parent.Task, req)
	fan, ok := errors.AsType[*job.FanOutError](err)
	if !ok || len(fan.Children) != 9 || parent.Saved.Found() != 0 {
		t.Fatalf("%v", err)
	}
	var results []job.ChildResult
	for i, c := range fan.Children {
		payload, err := json.Marshal(c.Payload)
		if err != nil {
			t.Fatal(err)
		}
		var fold training.FoldRequest
		child := attempt("job_"+c.Name, nil)
		child.Job.Payload = payload
		if err := child.Decode(&fold); err != nil {
			t.Fatal(err)
		}
		if fold.Fit == "gbdt-fold-2" { // the first attempt is stopped half way
			ctx, stop := context.WithCancel(t.Context())
			child.Report.On(func(s jobtest.Step) {
				if s.Fraction > 0.3 {
					stop()
				}
			})
			if _, err := runner.RunFold(ctx, child.Task, fold); err == nil {
				t.Error("it was not stopped")
			}
			stop()
			child = attempt("job_"+c.Name, child.Saved)
		}
		made, err := runner.RunFold(t.Context(), child.Task, fold)
		if err != nil {
			t.Fatal(err)
		}
		if c.Kind.Name != "training_fold" || c.Memory < 1<<20 || c.Weight <= 0 {
			t.Errorf("child %+v", c)
		}
		text, err := json.Marshal(made)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, job.ChildResult{Name: c.Name, Number: i + 1, State: job.Succeeded, Result: text})
	}
	again := attempt("job_parent", parent.Saved)
	again.Job.Family = &job.Family{Children: len(results)}
	again.Children = func(context.Context) ([]job.ChildResult, error) { return results, nil }
	saves := 0
	again.Saved.OnSave(func(n int) { saves = n })
	got, err := runner.Run(t.Context(), again.Task, req)
	if err != nil {
		t.Fatal(err)
	}
	if got.SHA256 != whole.SHA256 || got.Algorithm != whole.Algorithm {
		t.Errorf("model %s of %s, as one job %s of %s", got.SHA256, got.Algorithm, whole.SHA256, whole.Algorithm)
	}
	for i, c := range got.Leaderboard {
		if w := whole.Leaderboard[i]; c.Algorithm != w.Algorithm || c.CV[got.Metric] != w.CV[got.Metric] || c.Holdout[got.Metric] != w.Holdout[got.Metric] {
			t.Errorf("%+v, as one job %+v", c, w)
		}
	}
	if saves >= len(results) {
		t.Errorf("%d fits were made and saved, though those of %d parts are there", saves, len(results))
	}
	// A file of a part that is gone is an error, not another fit.
	if err := b.files.Delete(t.Context(), "jobs/job_gbdt-fold-1/1/fit.bin"); err != nil {
		t.Fatal(err)
	}
	if _, err := runner.Run(t.Context(), again.Task, req); err == nil {
		t.Error("trained without a part")
	}
	_, err = runner.RunFold(t.Context(), attempt("job_x", nil).Task, training.FoldRequest{Request: req, Fit: "gbdt-fold-9"})
	if err == nil {
		t.Error("a fit that there is not was made")
	}
}

// By the number of rows, and only then.
func TestFoldsByRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, req := b.sample(t, "insurance")
	req.Algorithms, req.Folds = []string{"baseline"}, 2
	d, err := b.datasets.Get(t.Context(), ann.Tenant, req.DatasetID)
	if err != nil {
		t.Fatal(err)
	}
	for rows, want := range map[int64]bool{0: false, d.Version.Rows: true, d.Version.Rows + 1: false} {
		c := b.config
		c.FoldRows = rows
		task := jobtest.NewTask(&job.Job{Meta: store.Meta{ID: "job_1"}, Tenant: ann.Tenant, Epoch: 1}, nil)
		_, err := training.NewRunner(c).Run(t.Context(), task.Task, req)
		if _, divided := errors.AsType[*job.FanOutError](err); divided != want || !divided && err != nil {
			t.Errorf("from %d rows: %v", rows, err)
		}
	}
	names := map[string]bool{}
	for _, f := range automl.Folds(automl.Params{Algorithms: []string{"linear", "forest"}, Folds: 3, Repeats: 2}) {
		names[f.Name] = true
	}
	if len(names) != 12 || !names["forest-repeat-2-fold-3"] {
		t.Errorf("%v", names)
	}
}
