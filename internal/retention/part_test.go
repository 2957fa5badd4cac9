package retention_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/retention"
)

// The files of a part of a job stay as long as the job may read them, and go
// when it has made its own of them.
func TestFilesOfParts(t *testing.T) {
	t.Parallel()
	const key = "jobs/job_part/1/predictions.csv"
	for _, tt := range []struct {
		name   string
		parent job.State // empty: it is gone
		after  time.Duration
		marked int64
	}{
		{"while the parent waits", job.Awaiting, 365 * 24 * time.Hour, 0},
		{"while the parent joins", job.Running, 365 * 24 * time.Hour, 0},
		{"the parent has succeeded", job.Succeeded, 0, 1},
		{"the parent may be retried", job.Failed, time.Hour, 0},
		{"nobody has retried the parent", job.Failed, 365 * 24 * time.Hour, 1},
		{"the parent is gone", "", 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			part := endedJob("job_part", 0)
			part.Parent, part.Files = "job_whole", map[string]string{"predictions": key}
			f.jobs["job_part"] = part
			if tt.parent != "" {
				whole := endedJob("job_whole", 0)
				whole.State = tt.parent
				f.jobs["job_whole"] = whole
			}
			f.put(key)
			f.now = f.now.Add(tt.after)
			if r := f.run(t, true); r.Marked != tt.marked {
				t.Errorf("%+v, want %d marked", r, tt.marked)
			}
		})
	}
	f := setup(t)
	part := endedJob("job_part", 0)
	part.Parent = "job_whole"
	f.jobs["job_part"] = part
	f.put(key)
	f.fail["job"] = errors.New("away")
	if _, err := f.runner.Run(t.Context(), &job.Task{Report: reporter{}}, retention.Request{}); err == nil {
		t.Error("a store that is away is no reason")
	}
}

// TestUploadsThatArrive checks that the files of an unfinished upload stay, and
// that uploads are looked after.
func TestUploadsThatArrive(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const raw, tail = "uploads/acme/ds_1/raw", "uploads/acme/ds_1/raw.tail/3"
	f.arriving = []string{"ds_1"}
	f.put(raw, tail, "uploads/acme/ds_2/raw.tail/1")
	result := f.run(t, false)
	if result.Kept != 2 || result.Marked != 1 || result.FinishedUploads != 2 || result.ExpiredUploads != 3 || !slices.Equal(f.swept, []bool{false}) {
		t.Errorf("the result is %+v, the sweeps %v", result, f.swept)
	}
	for key, want := range map[string]bool{raw: true, "uploads/acme/ds_2/raw": false, "jobs/job_1/1/table": false} {
		if kept, err := f.keep(key); err != nil || kept != want {
			t.Errorf("the unfinished upload of %s is kept: %v, %v", key, kept, err)
		}
	}
	for _, what := range []string{"holds", "sweep"} {
		f.fail[what] = errors.New(what)
		if _, err := f.runner.Run(t.Context(), &job.Task{Report: reporter{}}, retention.Request{}); err == nil {
			t.Errorf("%s fails, and the clean-up goes on", what)
		}
		delete(f.fail, what)
	}
}
