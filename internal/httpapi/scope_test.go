package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/store"
)

// addSystem keeps an ended job of the system's own, with a line and a file.
func (b *bench) addSystem() *job.Job {
	j := b.jobs.add(account.SystemTenant, "cleanup", "")
	b.jobs.say(j.ID, "examined 12 objects")
	b.jobs.change(j.ID, func(j *job.Job) {
		j.State, j.User, j.Files = job.Succeeded, "scheduler", map[string]string{"predictions": "jobs/secret/1/report.csv"}
	})
	return j
}

// TestSystemJobs walks every route of the document that names a job, with one
// of the system's own: operators of any tenant may read it, nobody may change
// it, and for everybody else there is none.
func TestSystemJobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.addSystem().ID
	walked := 0
	for _, r := range contractOf(t).routes {
		if !strings.Contains(r.path, "/jobs/{id}") {
			continue
		}
		walked++
		address := strings.ReplaceAll(r.path, "{id}", id)
		ask := func(caller string) reply {
			if r.id() == "prioritise-job" {
				return b.ask(t, r.method, address, caller, strings.NewReader(`{"priority":1}`), "Content-Type", "application/json")
			}
			return b.ask(t, r.method, address, caller, nil)
		}
		wantProblem(t, ask(ada), http.StatusNotFound, "job_not_found")
		for _, caller := range []string{operator, bob} {
			got := ask(caller)
			switch {
			case r.method != http.MethodGet:
				wantProblem(t, got, http.StatusForbidden, "system_job_read_only")
			case got.status >= 400:
				t.Errorf("%s %s as %s: status %d: %s", r.method, r.path, caller, got.status, got.body)
			case r.id() == "stream-job-events" && !strings.Contains(string(got.body), "examined 12 objects"):
				t.Errorf("the events are %s", got.body)
			case strings.Contains(string(got.body), "secret"):
				t.Errorf("%s %s shows a key of the file store: %s", r.method, r.path, got.body)
			}
		}
	}
	if walked < 6 {
		t.Errorf("only %d routes name a job", walked)
	}
	got := decode[httpapi.Job](t, b.get(t, jobsPath+"/"+id, operator))
	if got.Scope != "system" || got.User != "scheduler" || got.Links.Cancel != "" || got.Links.Retry != "" || len(got.Links.Files) != 1 {
		t.Errorf("the job is %+v", got)
	}
	if logs := decode[httpapi.Logs](t, b.get(t, jobsPath+"/"+id+"/logs", operator)); len(logs.Items) != 1 {
		t.Errorf("the log is %+v", logs)
	}
	for _, state := range []job.State{job.Failed, job.Running} {
		b.jobs.change(id, func(j *job.Job) { j.State = state })
		if got := decode[httpapi.Job](t, b.get(t, jobsPath+"/"+id, operator)); got.Links.Cancel+got.Links.Retry != "" {
			t.Errorf("a system job that is %s can be changed: %+v", state, got.Links)
		}
	}
	done := make(chan reply)
	go func() { done <- b.get(t, jobsPath+"/"+id+"?wait=60s", operator) }()
	<-b.jobs.waiting
	b.jobs.change(id, func(j *job.Job) { j.State = job.Succeeded })
	if r := <-done; r.status != http.StatusOK || decode[httpapi.Job](t, r).State != "succeeded" {
		t.Errorf("the long poll: status %d: %s", r.status, r.body)
	}
}

func TestListSystemJobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.jobs.add("ada", "training", "")
	b.jobs.add("ops", "cleanup", "")
	for range 3 {
		b.addSystem()
	}
	wantProblem(t, b.get(t, jobsPath+"?scope=system", ada), http.StatusForbidden, "role_required")
	wantProblem(t, b.get(t, jobsPath+"?scope=ada", operator), http.StatusUnprocessableEntity, "invalid_request")
	for query, want := range map[string]struct {
		scope string
		jobs  int
	}{"": {"tenant", 1}, "?scope=tenant": {"tenant", 1}, "?scope=system": {"system", 3}, "?scope=system&kind=training": {"system", 0}} {
		page := decode[httpapi.Page[httpapi.Job]](t, b.get(t, jobsPath+query, operator))
		if len(page.Items) != want.jobs {
			t.Errorf("%q lists %d jobs, want %d", query, len(page.Items), want.jobs)
		}
		for _, j := range page.Items {
			if j.Scope != want.scope || j.Kind != "cleanup" {
				t.Errorf("%q lists %+v", query, j)
			}
		}
	}
	r := b.get(t, jobsPath+"?scope=system&limit=2", operator)
	if page := decode[httpapi.Page[httpapi.Job]](t, r); page.NextCursor == "" || !strings.Contains(r.header.Get("Link"), "scope=system") {
		t.Errorf("the next page is at %q", r.header.Get("Link"))
	}
}

// The services keep the system's jobs and the tenants' apart, too.
func TestServicesShowSystemJobsToOperators(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	cleanup, ok := b.deps.Retention.(*retention.Service)
	if !ok {
		t.Fatal("no service")
	}
	var last *job.Job
	for range 3 {
		var err error
		last, _, err = cleanup.Submit(t.Context(), account.Caller{Tenant: account.SystemTenant, User: "scheduler"}, retention.Request{}, "")
		if err != nil {
			t.Fatal(err)
		}
	}
	own := decode[httpapi.Accepted](t, b.send(t, "/api/v1/cleanup", operator, "{}")).JobID
	page := decode[httpapi.Page[httpapi.Job]](t, b.get(t, jobsPath+"?scope=system&limit=2", bob))
	if len(page.Items) != 2 || page.Items[0].ID != last.ID || page.Items[0].Scope != "system" {
		t.Fatalf("the page is %+v", page)
	}
	cursor := "&limit=2&cursor=" + url.QueryEscape(page.NextCursor)
	if rest := decode[httpapi.Page[httpapi.Job]](t, b.get(t, jobsPath+"?scope=system"+cursor, operator)); len(rest.Items) != 1 {
		t.Errorf("the rest is %+v", rest)
	}
	wantProblem(t, b.get(t, jobsPath+"?scope=tenant"+cursor, operator), http.StatusUnprocessableEntity, "invalid_cursor")
	wantProblem(t, b.get(t, jobsPath+"/"+own, bob), http.StatusNotFound, "job_not_found")
	for _, caller := range []string{operator, bob} {
		if r := b.get(t, jobsPath+"/"+last.ID, caller); r.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", caller, r.status, r.body)
		}
		wantProblem(t, b.ask(t, http.MethodPost, jobsPath+"/"+last.ID+"/cancel", caller, nil), http.StatusForbidden, "system_job_read_only")
	}
	wantProblem(t, b.get(t, jobsPath+"/"+last.ID, ada), http.StatusNotFound, "job_not_found")
	wantProblem(t, b.ask(t, http.MethodPost, jobsPath+"/"+last.ID+"/cancel", ada, nil), http.StatusNotFound, "job_not_found")
	// A token cannot be of the system's tenant, but a tenant may have its name.
	wantProblem(t, b.get(t, jobsPath+"/"+last.ID, "system:analyst"), http.StatusNotFound, "job_not_found")
}

// What a job that has not ended is about cannot be deleted, be it a data set or
// a model.
func TestServicesKeepWhatAJobIsAbout(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	made := decode[httpapi.Accepted](t, b.upload(t, ada, nil, "file", "x\n1\n"))
	models, ok := b.deps.Models.(*model.Service)
	if !ok {
		t.Fatal("no service")
	}
	m := &model.Model{Meta: store.Meta{ID: identifier("mdl", 1)}, Tenant: "ada", User: "ada", Task: "binary", Classes: []string{"no", "yes"}}
	if err := models.Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	start := func(path, body string) string {
		t.Helper()
		r := b.send(t, path, ada, body)
		if r.status != http.StatusAccepted {
			t.Fatalf("status %d: %s", r.status, r.body)
		}
		return decode[httpapi.Accepted](t, r).JobID
	}
	cancel := func(id string) {
		t.Helper()
		if r := b.ask(t, http.MethodPost, jobsPath+"/"+id+"/cancel", ada, nil); r.status != http.StatusAccepted {
			t.Fatalf("status %d: %s", r.status, r.body)
		}
	}
	prediction := start("/api/v1/predictions", `{"model_id":"`+m.ID+`","dataset_id":"`+made.DatasetID+`"}`)
	tuning := start("/api/v1/tuning", `{"model_id":"`+m.ID+`","method":"threshold"}`)
	cancel(made.JobID)
	got := decode[httpapi.Job](t, b.get(t, jobsPath+"/"+prediction, ada))
	if got.Subject != made.DatasetID || strings.Join(got.Subjects, " ") != made.DatasetID+" "+m.ID || got.Links.Model == "" || got.Links.Dataset == "" {
		t.Errorf("the prediction is %+v", got)
	}
	for subject, want := range map[string]string{m.ID: tuning + prediction, made.DatasetID: prediction + made.JobID} {
		ids := ""
		for _, j := range decode[httpapi.Page[httpapi.Job]](t, b.get(t, jobsPath+"?subject="+subject, ada)).Items {
			ids += j.ID
		}
		if ids != want {
			t.Errorf("jobs about %s are %s, want %s", subject, ids, want)
		}
	}
	remove := func(path string) reply { return b.ask(t, http.MethodDelete, "/api/v1"+path, ada, nil) }
	wantProblem(t, remove("/models/"+m.ID), http.StatusConflict, "model_in_use")
	wantProblem(t, remove("/datasets/"+made.DatasetID), http.StatusConflict, "dataset_in_use")
	cancel(tuning)
	wantProblem(t, remove("/models/"+m.ID), http.StatusConflict, "model_in_use")
	cancel(prediction)
	for _, path := range []string{"/models/" + m.ID, "/datasets/" + made.DatasetID} {
		if r := remove(path); r.status != http.StatusNoContent {
			t.Errorf("%s: status %d: %s", path, r.status, r.body)
		}
	}
}

// A job that waits for something says so, until it goes on.
func TestJobThatWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.jobs.add("ada", "training", "").ID
	for state, shown := range map[job.State]bool{job.Pending: true, job.Queued: true, job.Running: false} {
		b.jobs.change(id, func(j *job.Job) {
			j.State, j.Waiting = state, &job.Reason{Code: "newer_worker_needed", Message: "The job is of version 2."}
		})
		got := decode[httpapi.Job](t, b.get(t, jobsPath+"/"+id, ada))
		if (got.Waiting != nil) != shown || shown && (got.Waiting.Code != "newer_worker_needed" || got.Waiting.Message != "The job is of version 2.") {
			t.Errorf("%s: it waits for %+v", state, got.Waiting)
		}
	}
}

// TestCleanupsAreForOperators: what a clean-up found is of all tenants, so that
// an analyst of the operator's tenant sees that there is one, and no more.
func TestCleanupsAreForOperators(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.jobs.add("ada", "cleanup", "").ID
	b.jobs.change(id, func(j *job.Job) {
		j.State, j.Result = job.Succeeded, []byte(`{"objects":[{"key":"uploads/bob/ds_1/raw"}]}`)
	})
	const adasOperator = "ada:operator"
	for caller, shown := range map[string]bool{ada: false, adasOperator: true} {
		for _, path := range []string{"", "/events"} {
			r := b.get(t, jobsPath+"/"+id+path, caller)
			if got := strings.Contains(string(r.body), "uploads/bob"); r.status != http.StatusOK || got != shown {
				t.Errorf("%s%s as %s: status %d: %s", id, path, caller, r.status, r.body)
			}
		}
	}
	b.jobs.change(id, func(j *job.Job) { j.State, j.Result = job.Failed, nil })
	wantProblem(t, b.ask(t, http.MethodPost, jobsPath+"/"+id+"/retry", ada, nil), http.StatusForbidden, "role_required")
	wantProblem(t, b.ask(t, http.MethodPost, jobsPath+"/"+id+"/cancel", ada, nil), http.StatusForbidden, "role_required")
	if r := b.ask(t, http.MethodPost, jobsPath+"/"+id+"/retry", adasOperator, nil); r.status >= 400 {
		t.Errorf("retry: status %d: %s", r.status, r.body)
	}
}
