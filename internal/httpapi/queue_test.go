package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
)

const (
	queuesPath  = "/api/v1/queues"
	tenantsPath = "/api/v1/tenants"
)

func (b *bench) put(t *testing.T, path, token, body string, headers ...string) reply {
	t.Helper()
	return b.ask(t, http.MethodPut, path, token, strings.NewReader(body), append(headers, "Content-Type", "application/json")...)
}

func TestQueues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := decode[httpapi.Queues](t, b.get(t, queuesPath, operator))
	if len(all.Items) != 2 || all.Items[0].Queue != "batch" || all.Items[1].Queue != "training" || all.Items[1].Paused {
		t.Errorf("the queues are %+v", all)
	}
	first := b.get(t, queuesPath+"/training", operator)
	if etag := first.header.Get("ETag"); etag != `W/"0"` {
		t.Errorf("the ETag of nothing is %q", etag)
	}
	set := b.put(t, queuesPath+"/training", operator, `{"paused":true,"kind_limits":{"training":2}}`, "If-Match", first.header.Get("ETag"))
	q := decode[httpapi.Queue](t, set)
	if set.status != http.StatusOK || !q.Paused || q.KindLimits["training"] != 2 || q.UpdatedBy != "ops" || q.UpdatedAt == nil || set.header.Get("ETag") != `W/"1"` {
		t.Errorf("status %d, %v: %s", set.status, set.header, set.body)
	}
	wantProblem(t, b.put(t, queuesPath+"/training", operator, `{}`, "If-Match", first.header.Get("ETag")), http.StatusPreconditionFailed, "policy_changed")
	if q := decode[httpapi.Queue](t, b.get(t, queuesPath+"/training", bob)); !q.Paused {
		t.Errorf("it is %+v", q)
	}
	if q := decode[httpapi.Queue](t, b.put(t, queuesPath+"/training", operator, `{}`)); q.Paused || q.KindLimits != nil {
		t.Errorf("without If-Match it is %+v", q)
	}
}

func TestTenants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.get(t, tenantsPath+"/acme~20corp", operator)
	if v := decode[httpapi.Tenant](t, first); v.Weight != 1 || v.MaxRunning != nil || v.UpdatedAt != nil || first.header.Get("ETag") != `W/"0"` {
		t.Errorf("what is set is %s", first.body)
	}
	set := b.put(t, tenantsPath+"/acme~20corp", operator, `{"weight":3,"max_running":0,"rate_limit":60,"kind_limits":{"tuning":1}}`, "If-Match", `W/"0"`)
	v := decode[httpapi.Tenant](t, set)
	if set.status != http.StatusOK || v.Weight != 3 || *v.MaxRunning != 0 || *v.RateLimit != 60 || v.MaxWaiting != nil || v.KindLimits["tuning"] != 1 {
		t.Errorf("status %d: %s", set.status, set.body)
	}
	for _, name := range []string{"a", "b", "c"} {
		if r := b.put(t, tenantsPath+"/"+name, operator, `{"paused":true}`); r.status != http.StatusOK {
			t.Errorf("status %d: %s", r.status, r.body)
		}
	}
	page := decode[httpapi.Page[httpapi.Tenant]](t, b.get(t, tenantsPath+"?limit=3", operator))
	if len(page.Items) != 3 || page.Items[0].Tenant != "a" || page.NextCursor == "" {
		t.Errorf("the page is %+v", page)
	}
	rest := decode[httpapi.Page[httpapi.Tenant]](t, b.get(t, tenantsPath+"?limit=3&cursor="+page.NextCursor, operator))
	if len(rest.Items) != 1 || rest.Items[0].Tenant != "c" && rest.Items[0].Tenant != "acme~20corp" {
		t.Errorf("the rest is %+v", rest)
	}
}

// TestPoliciesRefuse checks that what cannot be set is refused with what would
// be right, and that nobody but operators may look.
func TestPoliciesRefuse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, r := range contractOf(t).routes {
		if !strings.Contains(r.path, "/queues") && !strings.Contains(r.path, "/tenants") {
			continue
		}
		address, body := b.concrete(r, "ada")
		wantProblem(t, b.ask(t, r.method, address, ada, strings.NewReader(body), "Content-Type", "application/json"), http.StatusForbidden, "role_required")
	}
	many := make([]string, 65)
	for i := range many {
		many[i] = `"k` + strings.Repeat("x", i) + `":1`
	}
	for _, tt := range []struct {
		path, body, match string
		status            int
		code, location    string
	}{
		{"/queues/nowhere", `{}`, "", 404, "queue_not_found", ""},
		{"/queues/training", `{"kind_limits":{"training":0}}`, "", 422, "kind_limit_out_of_range", "body.kind_limits.training"},
		{"/queues/training", `{"kind_limits":{"training":100001}}`, "", 422, "kind_limit_out_of_range", "body.kind_limits.training"},
		{"/queues/training", `{"kind_limits":{"trainign":1}}`, "", 422, "unknown_kind", "body.kind_limits"},
		{"/queues/training", `{"kind_limits":{` + strings.Join(many, ",") + `}}`, "", 422, "too_many_kind_limits", "body.kind_limits"},
		{"/queues/training", `{"paused":"yes"}`, "", 422, "invalid_request", "body.paused"},
		{"/queues/training", `{}`, "seven", 422, "invalid_etag", "header.If-Match"},
		{"/queues/training", `{}`, `W/"-1"`, 422, "invalid_etag", "header.If-Match"},
		{"/queues/training", `{}`, `W/"7"`, 412, "policy_changed", "header.If-Match"},
		{"/tenants/acme", `{"weight":0}`, "", 422, "invalid_request", "body.weight"},
		{"/tenants/acme", `{"weight":1001}`, "", 422, "invalid_request", "body.weight"},
		{"/tenants/acme", `{"max_running":-1}`, "", 422, "invalid_request", "body.max_running"},
		{"/tenants/acme", `{"rate_limit":1000001}`, "", 422, "invalid_request", "body.rate_limit"},
		{"/tenants/acme", `{"max_waiting":1.5}`, "", 422, "invalid_request", "body.max_waiting"},
		{"/tenants/acme", `{"kind_limits":{"tuning":-3}}`, "", 422, "kind_limit_out_of_range", "body.kind_limits.tuning"},
		{"/tenants/:system", `{}`, "", 422, "invalid_request", "path.tenant"},
		{"/tenants/acme", `{}`, `W/"1"`, 412, "policy_changed", "header.If-Match"},
	} {
		var headers []string
		if tt.match != "" {
			headers = []string{"If-Match", tt.match}
		}
		p := wantProblem(t, b.put(t, "/api/v1"+tt.path, operator, tt.body, headers...), tt.status, tt.code)
		if tt.location != "" && (len(p.Errors) == 0 || p.Errors[0].Location != tt.location) {
			t.Errorf("%s %s: the places are %+v, want %s", tt.path, tt.body, p.Errors, tt.location)
		}
	}
}

func TestPriority(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	made := b.upload(t, ada, nil, "priority", "8", "file", "a,b\n1,2\n")
	id := decode[httpapi.Accepted](t, made).JobID
	address := jobsPath + "/" + id
	if j := decode[httpapi.Job](t, b.get(t, address, ada)); j.Priority != 8 {
		t.Errorf("the job is %+v", j)
	}
	patch := func(body, token string) reply {
		return b.ask(t, http.MethodPatch, address, token, strings.NewReader(body), "Content-Type", "application/json")
	}
	r := patch(`{"priority":0}`, ada)
	if j := decode[httpapi.Job](t, r); r.status != http.StatusOK || j.Priority != 0 || r.header.Get("ETag") == "" {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	wantProblem(t, patch(`{"priority":1}`, "eve:analyst"), http.StatusNotFound, "job_not_found")
	for _, body := range []string{`{"priority":10}`, `{"priority":-1}`, `{"priority":"high"}`, `{}`, `{"priority":5.5}`} {
		wantProblem(t, patch(body, ada), http.StatusUnprocessableEntity, "invalid_request")
	}
	for _, value := range []string{"10", "-1", "high", ""} {
		wantProblem(t, b.upload(t, ada, nil, "priority", value, "file", "a,b\n1,2\n"), http.StatusUnprocessableEntity, "priority_out_of_range")
	}
	wantProblem(t, b.send(t, "/api/v1/cleanup", bob, `{"priority":11}`), http.StatusUnprocessableEntity, "invalid_request")
	// The priority is no part of the request: the same key gives the same job.
	key := []string{"Idempotency-Key", "tidy"}
	one := decode[httpapi.Accepted](t, b.send(t, "/api/v1/cleanup", bob, `{"dry_run":true,"priority":2}`, key...))
	two := decode[httpapi.Accepted](t, b.send(t, "/api/v1/cleanup", bob, `{"dry_run":true}`, key...))
	if one.JobID != two.JobID || one.Job.Priority != 2 || two.Job.Priority != 2 {
		t.Errorf("made %+v and %+v", one.Job, two.Job)
	}
	if r := b.ask(t, http.MethodPost, address+"/cancel", ada, nil); r.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	wantProblem(t, patch(`{"priority":1}`, ada), http.StatusConflict, "job_not_waiting")
}

// TestTooManyWaitingJobs checks that a full line is a clear answer with when to
// come again.
func TestTooManyWaitingJobs(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	if r := b.put(t, tenantsPath+"/bob", operator, `{"paused":true,"max_waiting":2}`); r.status != http.StatusOK {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	for range 2 {
		if r := b.send(t, "/api/v1/cleanup", bob, `{}`); r.status != http.StatusAccepted || decode[httpapi.Accepted](t, r).Job.State != string(job.Pending) {
			t.Fatalf("status %d: %s", r.status, r.body)
		}
	}
	r := b.send(t, "/api/v1/cleanup", bob, `{}`)
	wantProblem(t, r, http.StatusTooManyRequests, "too_many_waiting_jobs")
	if r.header.Get("Retry-After") == "" {
		t.Error("it does not say when to come again")
	}
}
