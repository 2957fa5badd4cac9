package retention_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/store"
)

func endedJob(id string, age time.Duration) *job.Job {
	return &job.Job{Meta: store.Meta{ID: id}, State: job.Succeeded, Subject: "ds_1", FinishedAt: start.Add(-age)}
}

// A clean-up that cannot ask does not delete: it fails, and a later one goes on.
func TestNothingGoesUnasked(t *testing.T) {
	t.Parallel()
	for _, what := range []string{
		"each jobs/", "each tmp/", "each uploads/", "each tmp/marked", "each jobs/job_old/",
		"job", "dataset", "model", "active", "ended", "remove", "batches", "uploads", "store",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.put("tmp/marked", "uploads/t/ds_1/raw", "jobs/job_1/1/x")
			f.now = f.now.Add(25 * time.Hour)
			f.jobs["job_1"] = endedJob("job_1", 0)
			f.run(t, false)
			f.now = f.now.Add(10 * time.Hour)
			f.jobs["job_old"] = endedJob("job_old", 1000*24*time.Hour)

			down := fault.Unavailable("part_unavailable", "%s is away", what)
			f.fail[what] = down
			if what == "store" {
				if err := f.driver.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			task := jobtest.NewTask(&job.Job{}, nil)
			result, err := f.runner.Run(t.Context(), task.Task, retention.Request{})
			if result != nil || !errors.Is(err, down) && !errors.Is(err, store.ErrClosed) {
				t.Fatalf("result %+v, %v", result, err)
			}
			if len(f.objects) != 3 {
				t.Errorf("objects left %v", f.objects)
			}
			if what == "store" {
				return
			}
			delete(f.fail, what)
			f.now = f.now.Add(25 * time.Hour)
			if f.run(t, false); len(f.objects) != 0 || f.jobs["job_old"] != nil {
				t.Errorf("the next clean-up left %v and %v", f.objects, f.jobs)
			}
		})
	}
}

func TestAFailedDeletionIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.put("uploads/t/ds_1/raw")
	f.run(t, false)
	f.now = f.now.Add(25 * time.Hour)
	f.fail["delete"] = errors.New("reply lost")
	if _, err := f.runner.Run(t.Context(), jobtest.NewTask(&job.Job{}, nil).Task, retention.Request{}); !errors.Is(err, f.fail["delete"]) {
		t.Fatalf("error %v", err)
	}
	delete(f.fail, "delete")
	// The object is gone, so that its mark is dropped.
	if r := f.run(t, false); r.Examined != 0 || r.Unmarked != 1 {
		t.Errorf("clean-up after it: %+v", r)
	}
}

func TestRacesForJobsAreNoFailures(t *testing.T) {
	t.Parallel()
	for _, err := range []error{fault.NotFound("job_not_found", "x"), fault.Conflict("job_not_ended", "x")} {
		f := setup(t)
		f.jobs["job_old"] = endedJob("job_old", 1000*24*time.Hour)
		f.fail["remove"] = err
		if r := f.run(t, false); r.RemovedJobs != 0 {
			t.Errorf("%v: %+v", err, r)
		}
	}
}

func TestZeroPeriodsKeepForEver(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.configure(func(c *retention.Config) { *c = retention.Config{} })
	f.put("tmp/a", "jobs/job_1/1/out.csv", "uploads/t/ds_1/raw")
	f.datasets["ds_1"] = []string{"uploads/t/ds_1/raw"}
	f.jobs["job_1"] = endedJob("job_1", 0)
	f.jobs["job_1"].Files = map[string]string{"predictions": "jobs/job_1/1/out.csv"}
	f.jobs["job_2"] = endedJob("job_2", 0)
	f.uploads = 2
	f.now = f.now.Add(100 * 365 * 24 * time.Hour)
	if r := f.run(t, false); r.Kept != 3 || r.Marked != 0 || r.RemovedJobs != 0 || r.AbortedUploads != 0 || f.uploads != 2 {
		t.Errorf("clean-up %+v", r)
	}
	// But there is no grace without a period: found once, gone the next time.
	delete(f.datasets, "ds_1")
	f.run(t, false)
	if r := f.run(t, false); r.Deleted != 1 || f.has("uploads/t/ds_1/raw") {
		t.Errorf("clean-up without grace %+v", r)
	}
}

func TestUnfinishedUploads(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.uploads = 2
	if r := f.run(t, true); r.AbortedUploads != 6 || f.uploads != 2 || !f.before.Equal(f.now.Add(-24*time.Hour)) {
		t.Errorf("dry run: %+v before %s", r, f.before)
	}
	f.configure(func(c *retention.Config) { c.Temporary = time.Minute })
	if r := f.run(t, false); r.AbortedUploads != 2 || !f.before.Equal(f.now.Add(-time.Hour)) {
		t.Errorf("clean-up: %+v before %s, though an upload may take an hour", r, f.before)
	}
}

func TestManyObjects(t *testing.T) {
	t.Parallel()
	const n = retention.MaxItems + 7
	f := setup(t)
	for i := range n {
		f.put(fmt.Sprintf("uploads/t/ds_%04d/raw", i))
	}
	task := jobtest.NewTask(&job.Job{}, nil)
	result, err := f.runner.Run(t.Context(), task.Task, retention.Request{})
	if err != nil || result.Marked != n || len(result.Objects) != retention.MaxItems || !result.Truncated || result.Unmarked != 0 {
		t.Fatalf("marked %d, listed %d, %v", result.Marked, len(result.Objects), err)
	}
	steps := task.Report.Steps()
	for i, s := range steps {
		if s.Fraction < 0 || s.Fraction > 1 || i > 0 && (s.Fraction < steps[i-1].Fraction || s.Rows < steps[i-1].Rows) {
			t.Fatalf("progress %+v", steps)
		}
	}
	if len(steps) != 6 || len(task.Report.Lines()) != 1 {
		t.Errorf("progress %+v, lines %q", steps, task.Report.Lines())
	}
	for i := range n { // more marks than fit a page are dropped
		f.datasets[fmt.Sprintf("ds_%04d", i)] = []string{fmt.Sprintf("uploads/t/ds_%04d/raw", i)}
	}
	if r := f.run(t, false); r.Unmarked != n || r.Kept != n {
		t.Errorf("unmarked %d, kept %d", r.Unmarked, r.Kept)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.put("tmp/a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.runner.Run(ctx, jobtest.NewTask(&job.Job{}, nil).Task, retention.Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	line := jobtest.NewLine()
	s := retention.NewService(line)
	caller := account.Caller{Tenant: "acme", User: "ann", Roles: []string{"operator"}}
	j, created, err := s.Submit(t.Context(), caller, retention.Request{DryRun: true}, "k")
	if err != nil || !created || j.Kind != "cleanup" || j.Pool != "maintenance" || string(j.Payload) != `{"dry_run":true}` || j.Subject != "" {
		t.Errorf("job %+v, created %v, %v", j, created, err)
	}
	if again, created, err := s.Submit(t.Context(), caller, retention.Request{DryRun: true}, "k"); err != nil || created || again.ID != j.ID {
		t.Errorf("the second time: created %v, %v", created, err)
	}
}
