package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/health"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
)

const deadPath = "/api/v1/dead-letters"

// buried is an API on the real services with a job of ada's that was given up.
func buried(t *testing.T) (*bench, *domain, *job.Job) {
	t.Helper()
	d := newDomain(t, deaf{})
	j, _, err := d.jobs.Submit(t.Context(), job.Submission{
		Kind: job.Kind{Name: "training", Pool: "training"}, Tenant: "ada", User: "ada",
		Payload: map[string]any{"target": "y", "api_token": "hidden", "deep": []any{map[string]any{"Password": "hidden", "file_key": "hidden", "n": 12345678901234567}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	fails := job.HandlerFunc(func(_ context.Context, task *job.Task) (any, error) {
		task.Report.Logf("I try")
		return nil, job.Permanent(errors.New("a defect"))
	})
	runner := job.NewRunner(job.RunnerConfig{Worker: "wkr_1", Driver: d.driver, Files: d.files, Handlers: map[string]job.Handler{"training": fails}})
	if err := runner.Handle(t.Context(), j.Delivery()); err != nil {
		t.Fatal(err)
	}
	return setup(t, d.behind), d, j
}

func TestDeadLettersOfAllTenants(t *testing.T) {
	t.Parallel()
	b, _, j := buried(t)
	for query, want := range map[string]int{"": 1, "?kind=training&pool=training&tenant=ada&code=internal": 1, "?tenant=bob": 0, "?code=worker_died": 0} {
		page := decode[httpapi.Page[httpapi.DeadLetter]](t, b.get(t, deadPath+query, operator))
		if len(page.Items) != want {
			t.Fatalf("%s: %+v", query, page)
		}
		if want == 1 && (page.Items[0].ID != j.ID || page.Items[0].Tenant != "ada" || page.Items[0].Cause != job.DeadDefect || page.Items[0].Failures != 1) {
			t.Errorf("%+v", page.Items[0])
		}
	}
	r := b.get(t, deadPath+"/"+j.ID, operator)
	one := decode[httpapi.DeadLetterDetail](t, r)
	if len(one.History) != 4 || one.History[3].Seq != 4 || one.History[3].State != "failed" || len(one.Log) != 2 || one.Links.Self != deadPath+"/"+j.ID {
		t.Errorf("%s", r.body)
	}
	if text := string(r.body); strings.Contains(text, "hidden") || !strings.Contains(text, `"deep":[{"n":12345678901234567}]`) || !strings.Contains(text, `"target":"y"`) {
		t.Errorf("the payload: %s", text)
	}
	wantProblem(t, b.get(t, deadPath+"/"+identifier("job", 9), operator), http.StatusNotFound, "dead_letter_not_found")
	wantProblem(t, b.get(t, deadPath+"/job_1", operator), http.StatusUnprocessableEntity, "invalid_request")
	wantProblem(t, b.get(t, deadPath, ada), http.StatusForbidden, "role_required")
	wantProblem(t, b.get(t, deadPath+"?kind=A", operator), http.StatusUnprocessableEntity, "invalid_request")
}

func TestRequeue(t *testing.T) {
	t.Parallel()
	b, _, j := buried(t)
	for body, code := range map[string]string{
		`{}`:                          "requeue_nothing_named",
		`{"all":true,"kind":"x"}`:     "requeue_ambiguous",
		`{"all":true,"limit":1001}`:   "invalid_request",
		`{"all":true,"limit":-1}`:     "invalid_request",
		`{"all":true,"rate":0.01}`:    "invalid_request",
		`{"all":true,"everyone":1}`:   "unknown_field",
		`{"ids":"` + j.ID + `"}`:      "invalid_request",
		`{"kind":"No such kind ..."}`: "invalid_request",
	} {
		wantProblem(t, b.send(t, deadPath+"/requeue", operator, body), http.StatusUnprocessableEntity, code)
	}
	wantProblem(t, b.send(t, deadPath+"/requeue", ada, `{"all":true}`), http.StatusForbidden, "role_required")
	dry := decode[httpapi.Requeued](t, b.send(t, deadPath+"/requeue", operator, `{"kind":"training","dry_run":true}`))
	if !dry.DryRun || dry.Requeued != 1 || dry.More {
		t.Errorf("%+v", dry)
	}
	for i, want := range []int{1, 0} {
		got := decode[httpapi.Requeued](t, b.send(t, deadPath+"/requeue", operator, `{"ids":["`+j.ID+`"]}`))
		if got.Requeued != want || len(got.Skipped) != 1-want || got.DryRun {
			t.Errorf("time %d: %+v", i+1, got)
		}
		if want == 0 && got.Skipped[0].Code != "dead_letter_not_found" {
			t.Errorf("%+v", got.Skipped)
		}
	}
	seen := decode[httpapi.Job](t, b.get(t, jobsPath+"/"+j.ID, ada))
	last := seen.History[len(seen.History)-1]
	if seen.State != "pending" || last.Reason != "requeued_by_operator" || last.By != "operator" { // not who
		t.Errorf("%+v", last)
	}
	history := decode[httpapi.History](t, b.get(t, jobsPath+"/"+j.ID+"/history?after=3&limit=1", ada))
	if len(history.Items) != 1 || history.Items[0].Seq != 4 || history.NextAfter != 4 {
		t.Errorf("%+v", history)
	}
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID+"/history", bob), http.StatusNotFound, "job_not_found")
}

// A poll that finds nothing new reads no record, however large it is.
func TestPollsThatFindNothingReadNothing(t *testing.T) {
	t.Parallel()
	b, d, j := buried(t)
	r := b.get(t, jobsPath+"/"+j.ID, ada)
	tag := r.header.Get("ETag")
	counted := &countingJobs{Jobs: d.jobs}
	b = setup(t, d.behind, func(b *bench) { b.deps.Jobs = counted })
	for _, query := range []string{"", "?wait=30s"} { // the job has ended: there is nothing to wait for
		r := b.get(t, jobsPath+"/"+j.ID+query, ada, "If-None-Match", tag)
		if r.status != http.StatusNotModified || r.header.Get("ETag") != tag || len(r.body) != 0 {
			t.Errorf("status %d, %s", r.status, r.body)
		}
	}
	if counted.gets != 0 {
		t.Errorf("%d records were read", counted.gets)
	}
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID, "eve:analyst", "If-None-Match", tag), http.StatusNotFound, "job_not_found")
	if r := b.get(t, jobsPath+"/"+j.ID, ada, "If-None-Match", `W/"1"`); r.status != http.StatusOK || counted.gets != 1 {
		t.Errorf("status %d, %d records read", r.status, counted.gets)
	}
}

// countingJobs counts reads of records.
type countingJobs struct {
	httpapi.Jobs
	gets int
}

func (c *countingJobs) Get(ctx context.Context, tenant, id string) (*job.Job, error) {
	c.gets++
	return c.Jobs.Get(ctx, tenant, id)
}

func TestSchedulesAndHealthForOperators(t *testing.T) {
	t.Parallel()
	d := newDomain(t, deaf{})
	ticker, err := job.NewTicker(job.TickerConfig{Driver: d.driver, Schedules: []job.Schedule{{Name: "cleanup", Spec: "17 * * * *"}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := ticker.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	for i, status := range []health.Status{health.OK, health.Unavailable} {
		report := health.Report{Checks: map[string]health.Result{"s3": {Status: status, LatencyMS: 2, Breaker: "closed"}}}
		if err := d.health.Record(t.Context(), at.Add(time.Duration(i)*time.Minute), report); err != nil {
			t.Fatal(err)
		}
	}
	b := setup(t, d.behind)
	schedules := decode[httpapi.Page[httpapi.Schedule]](t, b.get(t, "/api/v1/schedules", operator))
	if len(schedules.Items) != 1 || schedules.Items[0].Name != "cleanup" || schedules.Items[0].NextAt.Minute() != 17 || schedules.Items[0].Missed != 0 {
		t.Errorf("%+v", schedules)
	}
	page := decode[httpapi.Page[httpapi.Finding]](t, b.get(t, "/api/v1/health/history?limit=1&check=s3", operator))
	if len(page.Items) != 1 || page.Items[0].Status != "unavailable" || !page.Items[0].Changed || page.NextCursor == "" {
		t.Errorf("%+v", page)
	}
	for _, path := range []string{"/api/v1/schedules", "/api/v1/health/history"} {
		wantProblem(t, b.get(t, path, ada), http.StatusForbidden, "role_required")
	}
	wantProblem(t, b.get(t, "/api/v1/health/history?check=S3", operator), http.StatusUnprocessableEntity, "invalid_request")
}
