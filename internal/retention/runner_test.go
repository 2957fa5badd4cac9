package retention_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type object struct {
	size     int64
	modified time.Time
}

// fixture is a bucket, the records around it, and a clock.
type fixture struct {
	now      time.Time
	objects  map[string]object
	jobs     map[string]*job.Job
	datasets map[string][]string
	busy     map[string]bool // subjects of jobs that have not ended
	models   map[string][]string
	runner   *retention.Runner
	config   retention.Config
	driver   *memstore.Store
	fail     map[string]error // by what is asked for
	uploads  int              // that nobody finished, below each prefix
	before   time.Time        // that was asked for with them
	batches  time.Time        // before which they were forgotten
	arriving []string         // data sets of unfinished uploads
	keep     func(string) (bool, error)
	swept    []bool // the sweeps of uploads: whether they were dry runs
}

func (f *fixture) Holds(_ context.Context, id string) (bool, error) {
	return slices.Contains(f.arriving, id), f.fail["holds"]
}

func (f *fixture) Sweep(_ context.Context, dryRun bool) (finished, removed int, err error) {
	f.swept = append(f.swept, dryRun)
	return 2, 3, f.fail["sweep"]
}

func (f *fixture) Each(_ context.Context, prefix string, fn func(string, int64, time.Time) error) error {
	if err := f.fail["each "+prefix]; err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if err := fn(key, f.objects[key].size, f.objects[key].modified); err != nil {
			return err
		}
	}
	return nil
}

func (f *fixture) Delete(_ context.Context, keys ...string) error {
	for _, k := range keys {
		delete(f.objects, k)
	}
	return f.fail["delete"]
}

func (f *fixture) AbortUploads(_ context.Context, _ string, before time.Time, keep func(string) (bool, error), dryRun bool) (int, error) {
	f.before, f.keep = before, keep
	n := f.uploads
	if !dryRun {
		f.uploads = 0
	}
	return n, f.fail["uploads"]
}

func (f *fixture) Ended(_ context.Context, state job.State, before time.Time, _ string, _ int) (store.Page[*job.Job], error) {
	var page store.Page[*job.Job]
	for _, id := range slices.Sorted(maps.Keys(f.jobs)) {
		if j := f.jobs[id]; j.State == state && j.FinishedAt.Before(before) {
			page.Items = append(page.Items, j)
		}
	}
	return page, f.fail["ended"]
}

func (f *fixture) ForgetBatches(_ context.Context, before time.Time) (int, error) {
	f.batches = before
	return 0, f.fail["batches"]
}

func (f *fixture) Remove(_ context.Context, id string) error {
	if err := f.fail["remove"]; err != nil {
		return err
	}
	delete(f.jobs, id)
	return nil
}

func (f *fixture) Lookup(_ context.Context, id string) (*job.Job, error) {
	if err := f.fail["job"]; err != nil {
		return nil, err
	}
	if j, ok := f.jobs[id]; ok {
		return j, nil
	}
	return nil, fault.NotFound("job_not_found", "there is no job %s", id)
}

func (f *fixture) Active(_ context.Context, subject string) (bool, error) {
	return f.busy[subject], f.fail["active"]
}

type datasets struct{ *fixture }

func (d datasets) References(_ context.Context, id string, _ time.Time) ([]string, error) {
	return d.datasets[id], d.fail["dataset"]
}

type models struct{ *fixture }

func (m models) References(_ context.Context, id string, _ time.Time) ([]string, error) {
	return m.models[id], m.fail["model"]
}

type reporter struct{}

func (reporter) Progress(string, float64, int64, int64) {}
func (reporter) Logf(string, ...any)                    {}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		now:      start,
		objects:  map[string]object{},
		jobs:     map[string]*job.Job{},
		datasets: map[string][]string{},
		busy:     map[string]bool{},
		models:   map[string][]string{},
		config:   retention.DefaultConfig(),
		driver:   memstore.New(),
		fail:     map[string]error{},
	}
	if err := f.driver.Ensure(t.Context(), retention.Collections()...); err != nil {
		t.Fatal(err)
	}
	f.configure(func(*retention.Config) {})
	return f
}

// configure makes the runner anew.
func (f *fixture) configure(change func(c *retention.Config)) {
	change(&f.config)
	f.runner = retention.NewRunner(retention.RunnerConfig{
		Config: f.config, Driver: f.driver, Files: f,
		Jobs: f, Datasets: datasets{f}, Models: models{f}, Uploads: f,
		Now: func() time.Time { return f.now },
	})
}

func (f *fixture) put(keys ...string) {
	for _, k := range keys {
		f.objects[k] = object{size: 10, modified: f.now}
	}
}

func (f *fixture) run(t *testing.T, dry bool) *retention.Result {
	t.Helper()
	result, err := f.runner.Run(t.Context(), &job.Task{Report: reporter{}}, retention.Request{DryRun: dry})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func (f *fixture) has(key string) bool {
	_, ok := f.objects[key]
	return ok
}

func TestCleanupMarksThenWaitsThenDeletes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.put("uploads/t/ds_1/raw")

	if r := f.run(t, false); r.Marked != 1 || r.Deleted != 0 || r.Objects[0].Action != "mark" {
		t.Fatalf("first clean-up: %+v", r)
	}
	f.now = f.now.Add(23 * time.Hour)
	if r := f.run(t, false); r.Waiting != 1 || r.Deleted != 0 {
		t.Fatalf("clean-up within the grace period: %+v", r)
	}
	f.now = f.now.Add(time.Hour)
	if r := f.run(t, true); r.Deleted != 1 || r.DeletedBytes != 10 || !f.has("uploads/t/ds_1/raw") {
		t.Fatalf("dry run: %+v", r)
	}
	if r := f.run(t, false); r.Deleted != 1 || f.has("uploads/t/ds_1/raw") {
		t.Fatalf("clean-up after the grace period: %+v", r)
	}
	f.put("uploads/t/ds_1/raw")
	if r := f.run(t, false); r.Marked != 1 || r.Deleted != 0 {
		t.Fatalf("an object that came back must wait again: %+v", r)
	}
}

func TestDryRunLeavesNoMark(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.put("uploads/t/ds_1/raw")
	f.run(t, true)
	f.now = f.now.Add(48 * time.Hour)
	if r := f.run(t, false); r.Marked != 1 || r.Deleted != 0 {
		t.Fatalf("the dry run has marked: %+v", r)
	}
}

func TestReferencedAgainIsUnmarked(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.put("uploads/t/ds_1/raw")
	f.run(t, false)
	f.datasets["ds_1"] = []string{"uploads/t/ds_1/raw"}
	if r := f.run(t, false); r.Kept != 1 || r.Unmarked != 1 {
		t.Fatalf("clean-up with the record back: %+v", r)
	}
	delete(f.datasets, "ds_1")
	f.now = f.now.Add(48 * time.Hour)
	if r := f.run(t, false); r.Marked != 1 || r.Deleted != 0 {
		t.Fatalf("the old mark still counts: %+v", r)
	}
}

func TestWhatKeepsAnObject(t *testing.T) {
	t.Parallel()
	const id = "job_0123"
	ended := func(age time.Duration, files map[string]string) *job.Job {
		j := &job.Job{State: job.Succeeded, FinishedAt: start.Add(-age), Files: files, Subject: "ds_1"}
		j.ID = id
		return j
	}
	tuned := func(j *job.Job) *job.Job { // its threshold is the model's, its curve its own
		j.Subject, j.Committed = "mdl_7", true
		j.Files, j.OwnFiles = map[string]string{"curve": "jobs/job_0123/1/curve.csv"}, []string{"curve"}
		return j
	}
	const day = 24 * time.Hour
	tests := []struct {
		name    string
		key     string
		age     time.Duration
		arrange func(f *fixture)
		reason  string // substring; empty: kept
	}{
		{"live job", "jobs/job_0123/1/x", 90 * day, func(f *fixture) { f.jobs[id] = &job.Job{State: job.Running} }, ""},
		{"waiting job", "jobs/job_0123/1/x", 90 * day, func(f *fixture) { f.jobs[id] = &job.Job{State: job.Pending} }, ""},
		{"job gone", "jobs/job_0123/1/x", 0, func(*fixture) {}, "its job is gone"},
		{"stray file of an ended job", "jobs/job_0123/1/x", 0, func(f *fixture) { f.jobs[id] = ended(0, nil) }, "no record points to it"},
		{"fresh result", "jobs/job_0123/2/out.csv", 0, func(f *fixture) {
			f.jobs[id] = ended(29*day, map[string]string{"output": "jobs/job_0123/2/out.csv"})
		}, ""},
		{"old result", "jobs/job_0123/2/out.csv", 0, func(f *fixture) {
			f.jobs[id] = ended(30*day, map[string]string{"output": "jobs/job_0123/2/out.csv"})
		}, "result is past its period"},
		{"old model file", "jobs/job_0123/1/model.bin", 0, func(f *fixture) {
			f.jobs[id] = ended(90*day, map[string]string{"model": "jobs/job_0123/1/model.bin"})
			f.models[model.IDOf(id)] = []string{"jobs/job_0123/1/model.bin"}
		}, ""},
		{"file of a deleted model", "jobs/job_0123/1/model.bin", 0, func(f *fixture) {
			j := ended(time.Hour, map[string]string{"model": "jobs/job_0123/1/model.bin"})
			j.Committed = true
			f.jobs[id] = j
		}, "no record points to it"},
		{"file of an expired model that a job reads", "jobs/job_0123/1/model.bin", 0, func(f *fixture) {
			j := ended(90*day, map[string]string{"model": "jobs/job_0123/1/model.bin"})
			j.Committed = true
			f.jobs[id] = j
			f.busy[model.IDOf(id)] = true
		}, ""},
		{"table of an expired data set that a job reads", "jobs/job_0123/1/table.parquet", 0, func(f *fixture) {
			j := ended(90*day, map[string]string{"table": "jobs/job_0123/1/table.parquet"})
			j.Committed = true
			f.jobs[id] = j
			f.busy["ds_1"] = true
		}, ""},
		{"stray file beside a job", "jobs/job_0123/1/x", 0, func(f *fixture) {
			f.jobs[id] = ended(0, nil)
			f.busy["ds_1"], f.busy[model.IDOf(id)] = true, true
		}, "no record points to it"},
		{"curve of a tuning that moved a threshold", "jobs/job_0123/1/curve.csv", 0, func(f *fixture) {
			f.jobs[id] = tuned(ended(30*day-time.Minute, nil))
		}, ""},
		{"curve past its period", "jobs/job_0123/1/curve.csv", 0, func(f *fixture) {
			f.jobs[id] = tuned(ended(30*day, nil))
		}, "result is past its period"},
		{"curve of an attempt that did not end well", "jobs/job_0123/0/curve.csv", 0, func(f *fixture) {
			f.jobs[id] = tuned(ended(time.Hour, nil))
		}, "no record points to it"},
		{"curve of a tuning that is being published", "jobs/job_0123/1/curve.csv", 90 * day, func(f *fixture) {
			j := tuned(ended(0, nil))
			j.State = job.Running
			f.jobs[id] = j
		}, ""},
		{"old table", "jobs/job_0123/1/table.parquet", 0, func(f *fixture) {
			f.jobs[id] = ended(90*day, nil)
			f.datasets["ds_1"] = []string{"jobs/job_0123/1/table.parquet"}
		}, ""},
		{"upload of a data set", "uploads/t/ds_1/raw", 90 * day, func(f *fixture) { f.datasets["ds_1"] = []string{"uploads/t/ds_1/raw"} }, ""},
		{"upload of an expired data set that a job reads", "uploads/t/ds_1/raw", 90 * day, func(f *fixture) { f.busy["ds_1"] = true }, ""},
		{"upload of an expired data set", "uploads/t/ds_1/raw", 90 * day, func(*fixture) {}, "no data set points to it"},
		{"malformed upload key", "uploads/raw", 0, func(*fixture) {}, "no data set has this key"},
		{"malformed job key", "jobs/stray", 0, func(*fixture) {}, "no job has this key"},
		{"fresh temporary", "tmp/a", day - time.Minute, func(*fixture) {}, ""},
		{"old temporary", "tmp/a", day, func(*fixture) {}, "temporary object is past its period"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.objects[tt.key] = object{size: 1, modified: start.Add(-tt.age)}
			tt.arrange(f)
			r := f.run(t, false)
			if kept := r.Kept == 1; kept != (tt.reason == "") {
				t.Fatalf("kept = %v: %+v", kept, r)
			}
			if tt.reason != "" && !strings.Contains(r.Objects[0].Reason, tt.reason) {
				t.Errorf("reason = %q, want %q", r.Objects[0].Reason, tt.reason)
			}
		})
	}
}

// The curve of a tuning goes when the period of results is over, though its
// job has published, and then the record of the job can go.
func TestACurveGoesAfterItsPeriod(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.configure(func(c *retention.Config) { c.Results, c.Jobs = 48*time.Hour, 72*time.Hour })
	const key = "jobs/job_1/2/curve.csv"
	j := endedJob("job_1", 0)
	j.Subject, j.Committed, j.Files, j.OwnFiles = "mdl_7", true, map[string]string{"curve": key}, []string{"curve"}
	f.jobs["job_1"] = j
	f.put(key)
	for _, step := range []struct {
		after                         time.Duration
		kept, marked, waiting, delete int64
		jobs                          int
	}{
		{0, 1, 0, 0, 0, 1},
		{47 * time.Hour, 1, 0, 0, 0, 1},
		{time.Hour, 0, 1, 0, 0, 1},
		{23 * time.Hour, 0, 0, 1, 0, 1},
		{2 * time.Hour, 0, 0, 0, 1, 0},
	} {
		f.now = f.now.Add(step.after)
		r := f.run(t, false)
		if r.Kept != step.kept || r.Marked != step.marked || r.Waiting != step.waiting || r.Deleted != step.delete || len(f.jobs) != step.jobs {
			t.Fatalf("at %s: %+v, %d jobs", f.now.Sub(start), r, len(f.jobs))
		}
	}
	if f.has(key) {
		t.Error("the curve is still there")
	}
}

func TestOtherPrefixesAreLeftAlone(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.put("backup/db.tar")
	f.now = f.now.Add(1000 * time.Hour)
	if r := f.run(t, false); r.Examined != 0 || !f.has("backup/db.tar") {
		t.Fatalf("clean-up looked at somebody else's object: %+v", r)
	}
}

func TestOldJobsGoOnceTheyHaveNoFile(t *testing.T) {
	t.Parallel()
	f := setup(t)
	old := func(id string) *job.Job {
		j := &job.Job{State: job.Failed, FinishedAt: start.Add(-400 * 24 * time.Hour)}
		j.ID = id
		return j
	}
	f.jobs["job_a"], f.jobs["job_b"] = old("job_a"), old("job_b")
	f.put("jobs/job_b/1/x")
	if r := f.run(t, true); r.RemovedJobs != 1 || len(f.jobs) != 2 {
		t.Fatalf("dry run: %+v, %d jobs left", r, len(f.jobs))
	}
	if !f.batches.IsZero() {
		t.Error("batches were forgotten in a dry run")
	}
	if r := f.run(t, false); r.RemovedJobs != 1 || f.jobs["job_b"] == nil || !f.batches.Equal(f.now.Add(-f.config.Jobs)) {
		t.Fatalf("clean-up: %+v, jobs left %v", r, f.jobs)
	}
	f.now = f.now.Add(25 * time.Hour)
	f.run(t, false)
	if len(f.jobs) != 0 {
		t.Errorf("jobs left %v", f.jobs)
	}
}

func TestTemporaryObjectsGo(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.put("tmp/a", "tmp/b")
	f.now = f.now.Add(25 * time.Hour)
	if r := f.run(t, false); r.Marked != 2 || r.Unmarked != 0 {
		t.Fatalf("first clean-up: %+v", r)
	}
	f.now = f.now.Add(20 * time.Hour)
	f.put("tmp/b") // written anew
	if r := f.run(t, false); r.Waiting != 1 || r.Kept != 1 || r.Unmarked != 1 {
		t.Fatalf("clean-up within the grace period: %+v", r)
	}
	f.now = f.now.Add(5 * time.Hour)
	if r := f.run(t, false); r.Deleted != 1 || f.has("tmp/a") || !f.has("tmp/b") {
		t.Fatalf("clean-up after the grace period: %+v", r)
	}
}
