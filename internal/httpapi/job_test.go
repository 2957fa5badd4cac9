package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

const jobsPath = "/api/v1/jobs"

func TestJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j := b.jobs.add("ada", "prediction", identifier("mdl", 7))
	at := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
	b.jobs.change(j.ID, func(j *job.Job) {
		j.State, j.Attempt, j.Epoch, j.StartedAt = job.Running, 1, 1, at
		j.Progress = job.Progress{Stage: "predict", Fraction: 0.5, Rows: 5, RowsAll: 10, ETA: at.Add(time.Minute), At: at}
	})
	r := b.get(t, jobsPath+"/"+j.ID, ada)
	got := decode[httpapi.Job](t, r)
	if got.State != "running" || got.Progress.Fraction != 0.5 || got.Progress.RowsTotal != 10 || !got.Progress.ETA.Equal(at.Add(time.Minute)) ||
		got.Links.Cancel == "" || got.Links.Retry != "" || got.Links.Result != "" || got.Links.Model != "/api/v1/models/"+identifier("mdl", 7) {
		t.Errorf("a running job is %s", r.body)
	}
	b.jobs.change(j.ID, func(j *job.Job) {
		j.State, j.FinishedAt = job.Succeeded, at.Add(time.Minute)
		j.Files = map[string]string{"predictions": "jobs/secret/1/p.csv", "errors": "jobs/secret/1/e.jsonl"}
		j.Result = json.RawMessage(`{"rows":10,"output_key":"jobs/secret/1/p.csv","dataset_id":"` + identifier("ds", 3) + `","big":12345678901234567890,"parts":[{"part_keys":["jobs/secret"],"n":1}]}`)
	})
	r = b.get(t, jobsPath+"/"+j.ID, ada)
	got = decode[httpapi.Job](t, r)
	if strings.Contains(string(r.body), "secret") || !strings.Contains(string(got.Result), "12345678901234567890") || !strings.Contains(string(got.Result), `"n":1`) {
		t.Errorf("the result is %s", got.Result)
	}
	if len(got.Links.Files) != 2 || got.Links.Files[1].Name != "predictions" || got.Links.Dataset != "/api/v1/datasets/"+identifier("ds", 3) || got.Links.Cancel != "" {
		t.Errorf("the links are %+v", got.Links)
	}
	for query, want := range map[string]string{"": "p.csv", "?file=errors": "e.jsonl"} {
		r = b.get(t, jobsPath+"/"+j.ID+"/result"+query, ada)
		if r.status != http.StatusSeeOther || r.header.Get("Location") != "https://files.example.org/jobs/secret/1/"+want+"?signature=x" {
			t.Errorf("result%s: status %d, Location %q", query, r.status, r.header.Get("Location"))
		}
	}
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID+"/result?file=model", ada), http.StatusNotFound, "file_not_found")
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID+"/result?file=..%2Fx", ada), http.StatusUnprocessableEntity, "invalid_request")
	list := decode[httpapi.Page[httpapi.Job]](t, b.get(t, jobsPath, ada))
	if len(list.Items) != 1 || list.Items[0].Result != nil || list.Items[0].History != nil {
		t.Errorf("the list is %+v", list)
	}
}

func TestFailedJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j := b.jobs.add("ada", "training", "")
	b.jobs.change(j.ID, func(j *job.Job) {
		j.State = job.Failed
		j.Failure = &job.Failure{Class: fault.ClassInvalid, Code: "constant_target", Message: "The target is constant.", Fields: []fault.Field{{Location: `column "y"`, Message: "constant", Value: map[string]any{"a": 1}}}}
	})
	got := decode[httpapi.Job](t, b.get(t, jobsPath+"/"+j.ID, ada))
	if got.Failure == nil || got.Failure.Code != "constant_target" || got.Failure.Errors[0].Location != `column "y"` || got.Links.Retry == "" {
		t.Errorf("a failed job is %+v", got)
	}
	wantProblem(t, b.send(t, jobsPath+"/"+j.ID+"/cancel", ada, ""), http.StatusConflict, "job_finished")
	r := b.ask(t, http.MethodPost, jobsPath+"/"+j.ID+"/retry", ada, nil)
	if got := decode[httpapi.Job](t, r); r.status != http.StatusAccepted || got.State != "pending" || r.header.Get("Location") != jobsPath+"/"+j.ID {
		t.Errorf("retry: status %d, %s", r.status, r.body)
	}
	r = b.ask(t, http.MethodPost, jobsPath+"/"+j.ID+"/cancel", ada, nil)
	if got := decode[httpapi.Job](t, r); r.status != http.StatusAccepted || !got.CancelRequested {
		t.Errorf("cancel: status %d, %s", r.status, r.body)
	}
}

func TestJobPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 5 {
		b.jobs.add("ada", []string{"training", "ingest"}[i%2], "")
	}
	b.jobs.add("bob", "training", "")
	var seen []string
	address := jobsPath + "?limit=2&kind=training&state=queued"
	for address != "" {
		r := b.get(t, address, ada)
		page := decode[httpapi.Page[httpapi.Job]](t, r)
		for _, j := range page.Items {
			seen = append(seen, j.ID)
		}
		link := r.header.Get("Link")
		if (link == "") != (page.NextCursor == "") {
			t.Fatalf("Link is %q, next_cursor %q", link, page.NextCursor)
		}
		address = ""
		if link != "" {
			next, _, ok := strings.Cut(strings.TrimPrefix(link, "<"), `>; rel="next"`)
			u, err := url.Parse(next)
			if !ok || err != nil || u.Query().Get("kind") != "training" || u.Query().Get("cursor") != page.NextCursor {
				t.Fatalf("Link is %q", link)
			}
			address = next
		}
	}
	if want := identifier("job", 5) + identifier("job", 3) + identifier("job", 1); strings.Join(seen, "") != want {
		t.Errorf("saw %v", seen)
	}
	wantProblem(t, b.get(t, jobsPath+"?cursor=nonsense", ada), http.StatusUnprocessableEntity, "invalid_cursor")
}

func TestLogs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j := b.jobs.add("ada", "training", "")
	b.jobs.say(j.ID, "one", "two", "three")
	r := b.get(t, jobsPath+"/"+j.ID+"/logs?limit=2", ada)
	got := decode[httpapi.Logs](t, r)
	if len(got.Items) != 2 || got.NextAfter != 2 || got.Items[1].Message != "two" || !strings.Contains(r.header.Get("Link"), "after=2") {
		t.Errorf("%s, Link %q", r.body, r.header.Get("Link"))
	}
	r = b.get(t, jobsPath+"/"+j.ID+"/logs?after=2&limit=2", ada)
	if got := decode[httpapi.Logs](t, r); len(got.Items) != 1 || got.NextAfter != 0 || r.header.Get("Link") != "" {
		t.Errorf("%s", r.body)
	}
}

func TestETag(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j := b.jobs.add("ada", "training", "")
	address := jobsPath + "/" + j.ID
	tag := b.get(t, address, ada).header.Get("ETag")
	for header, status := range map[string]int{
		tag: 304, `"1"`: 304, `W/"0", W/"1"`: 304, "*": 304, `W/"2"`: 200, `"11"`: 200, "nonsense": 200,
	} {
		r := b.get(t, address, ada, "If-None-Match", header)
		if r.status != status || r.header.Get("ETag") != tag {
			t.Errorf("If-None-Match: %s: status %d, ETag %q", header, r.status, r.header.Get("ETag"))
		}
		if status == 304 && len(r.body) > 0 {
			t.Errorf("304 with body %q", r.body)
		}
	}
	b.jobs.change(j.ID, func(j *job.Job) { j.State = job.Running })
	if r := b.get(t, address, ada, "If-None-Match", tag); r.status != http.StatusOK || r.header.Get("ETag") == tag {
		t.Errorf("after a change: status %d, ETag %q", r.status, r.header.Get("ETag"))
	}
}

func TestLongPoll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, header := range [][]string{nil, {"If-None-Match", `W/"1"`}} {
		j := b.jobs.add("ada", "training", "")
		done := make(chan reply)
		go func() { done <- b.get(t, jobsPath+"/"+j.ID+"?wait=60s", ada, header...) }()
		<-b.jobs.waiting
		b.jobs.change(j.ID, func(j *job.Job) { j.State = job.Running })
		if r := <-done; r.status != http.StatusOK || decode[httpapi.Job](t, r).State != "running" {
			t.Errorf("%v: status %d, %s", header, r.status, r.body)
		}
		// It differs already, so there is nothing to wait for.
		if r := b.get(t, jobsPath+"/"+j.ID+"?wait=60s", ada, "If-None-Match", `W/"1"`); r.status != http.StatusOK {
			t.Errorf("a changed job: status %d", r.status)
		}
		if r := b.get(t, jobsPath+"/"+j.ID+"?wait=20ms", ada); r.status != http.StatusOK {
			t.Errorf("time up: status %d", r.status)
		}
		if r := b.get(t, jobsPath+"/"+j.ID+"?wait=20ms", ada, "If-None-Match", `W/"2"`); r.status != http.StatusNotModified {
			t.Errorf("time up, unchanged: status %d", r.status)
		}
		b.jobs.change(j.ID, func(j *job.Job) { j.State = job.Succeeded })
		if r := b.get(t, jobsPath+"/"+j.ID+"?wait=60s", ada, "If-None-Match", `W/"3"`); r.status != http.StatusNotModified {
			t.Errorf("an ended job: status %d", r.status)
		}
		if r := b.get(t, jobsPath+"/"+j.ID+"?wait=60", ada); r.status != http.StatusOK {
			t.Errorf("an ended job: status %d", r.status)
		}
	}
	j := b.jobs.add("ada", "training", "")
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID+"?wait=61s", ada), http.StatusUnprocessableEntity, "wait_out_of_range")
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID+"?wait=2m", ada), http.StatusUnprocessableEntity, "wait_out_of_range")
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID+"?wait=-1s", ada), http.StatusUnprocessableEntity, "invalid_request")
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID+"?wait=soon", ada), http.StatusUnprocessableEntity, "invalid_request")
}

func TestLongPollEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bench) { b.config.MaxWaits = 1 })
	j := b.jobs.add("ada", "training", "")
	done := make(chan reply)
	go func() { done <- b.get(t, jobsPath+"/"+j.ID+"?wait=60s", ada) }()
	<-b.jobs.waiting
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID+"?wait=60s", ada), http.StatusTooManyRequests, "too_many_requests")
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID+"/events", ada), http.StatusTooManyRequests, "too_many_requests")
	close(b.draining)
	if r := <-done; r.status != http.StatusOK {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}

func TestSubmissions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.datasets.add("ada", "ready")
	m := b.addModel("ada")
	for path, body := range map[string]string{
		"/api/v1/training":    fmt.Sprintf(`{"dataset_id":%q,"target":"y","folds":5}`, d.ID),
		"/api/v1/tuning":      fmt.Sprintf(`{"model_id":%q,"method":"threshold"}`, m.ID),
		"/api/v1/predictions": fmt.Sprintf(`{"model_id":%q,"dataset_id":%q}`, m.ID, d.ID),
	} {
		r := b.send(t, path, ada, body, "Idempotency-Key", "once")
		first := decode[httpapi.Accepted](t, r)
		if r.status != http.StatusAccepted || r.header.Get("Location") != "/api/v1/jobs/"+first.JobID || r.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: status %d, %v, %s", path, r.status, r.header, r.body)
		}
		if (first.DatasetID == d.ID) != strings.Contains(body, "dataset_id") || (first.ModelID == m.ID) != strings.Contains(body, "model_id") {
			t.Errorf("%s: %s", path, r.body)
		}
		r = b.send(t, path, ada, body, "Idempotency-Key", "once")
		if again := decode[httpapi.Accepted](t, r); r.status != http.StatusAccepted || r.header.Get("Idempotency-Replayed") != "true" || again.JobID != first.JobID ||
			r.header.Get("Location") != "/api/v1/jobs/"+first.JobID {
			t.Errorf("%s again: status %d, %v, %s", path, r.status, r.header, r.body)
		}
		if other := decode[httpapi.Accepted](t, b.send(t, path, ada, body)); other.JobID == first.JobID {
			t.Errorf("%s without a key gave the same job", path)
		}
	}
	r := b.send(t, "/api/v1/training", ada, fmt.Sprintf(`{"dataset_id":%q,"target":"x"}`, d.ID), "Idempotency-Key", "once")
	wantProblem(t, r, http.StatusConflict, "idempotency_key_reused")
	for _, key := range []string{"a b", strings.Repeat("k", 256), "é"} {
		r := b.send(t, "/api/v1/training", ada, fmt.Sprintf(`{"dataset_id":%q,"target":"x"}`, d.ID), "Idempotency-Key", key)
		if p := wantProblem(t, r, http.StatusUnprocessableEntity, "invalid_request"); p.Errors[0].Location != "header.Idempotency-Key" {
			t.Errorf("errors are %+v", p.Errors)
		}
	}
}

func TestCleanup(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := wantProblem(t, b.send(t, "/api/v1/cleanup", ada, `{"dry_run":true}`), http.StatusForbidden, "role_required")
	if !strings.Contains(p.Detail, "operator") {
		t.Errorf("detail is %q", p.Detail)
	}
	for body, dry := range map[string]bool{"": false, "{}": false, `{"dry_run":true}`: true} {
		if r := b.send(t, "/api/v1/cleanup", operator, body); r.status != http.StatusAccepted {
			t.Errorf("%q: status %d: %s", body, r.status, r.body)
		}
		if got := b.cleanup.got[len(b.cleanup.got)-1]; got.DryRun != dry {
			t.Errorf("%q gave %+v", body, got)
		}
	}
	if r := b.ask(t, http.MethodPost, "/api/v1/cleanup", operator, nil); r.status != http.StatusAccepted {
		t.Errorf("without a body: status %d: %s", r.status, r.body)
	}
	if len(b.cleanup.got) != 4 {
		t.Errorf("%d submissions", len(b.cleanup.got))
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.datasets.add("ada", "ready")
	r := b.get(t, datasetsPath+"/"+d.ID+"/preview", ada)
	got := decode[httpapi.Preview](t, r)
	want := []any{1.5, nil, "Infinity", "NaN"}
	for i, row := range got.Rows {
		if row[0] != want[i] {
			t.Errorf("row %d is %v, want %v", i, row[0], want[i])
		}
	}
	if len(got.Rows) != 4 || got.RowsTotal != 4 || got.Columns[0].Name != "x" {
		t.Errorf("%s", r.body)
	}
	if got := decode[httpapi.Preview](t, b.get(t, datasetsPath+"/"+d.ID+"/preview?limit=1", ada)); len(got.Rows) != 1 {
		t.Errorf("limit 1 gave %d rows", len(got.Rows))
	}
	waiting := b.datasets.add("ada", "uploaded")
	wantProblem(t, b.get(t, datasetsPath+"/"+waiting.ID+"/preview", ada), http.StatusConflict, "dataset_not_ready")
}

func TestStoreErrorsAreNotShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.jobs.err = fmt.Errorf("get jobs: %w", store.ErrTooLarge)
	r := b.get(t, jobsPath+"/"+identifier("job", 1), ada, "X-Request-Id", "req-1")
	p := wantProblem(t, r, http.StatusInternalServerError, "internal")
	if strings.Contains(string(r.body), "store") || p.RequestID != "req-1" {
		t.Errorf("%s", r.body)
	}
	if n := strings.Count(b.log.String(), "store: record too large"); n != 1 {
		t.Errorf("the cause was logged %d times: %s", n, b.log)
	}
	b.jobs.err = fault.Unavailable("store_unavailable", "the store does not answer")
	r = b.get(t, jobsPath, ada)
	wantProblem(t, r, http.StatusServiceUnavailable, "store_unavailable")
	if r.header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
}
