package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/httpapi/tenanttest"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/retention"
)

// TestBadJobs asks the real services for jobs that nobody can do as they are
// asked for. Each is refused at once, with the place and what would be right.
func TestBadJobs(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	ada := b.settle(t, "ada:analyst,operator")
	own := ada.Jobs["training"]
	before := b.count(t, ada.Token)
	ids := make([]string, 101)
	for i := range ids {
		ids[i] = `"` + identifier("job", i) + `"`
	}
	soon := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, tt := range []struct {
		member string // of a request beside what it needs
		status int
		code   string
		where  string
		says   string
	}{
		{`"memory":"-1GiB"`, 422, "memory_out_of_range", "body.memory", "32 MiB"},
		{`"memory":"9PiB"`, 422, "invalid_memory", "body.memory", "2GiB"},
		{`"memory":"lots"`, 422, "invalid_memory", "body.memory", "2GiB"},
		{`"time_budget":-1`, 422, "time_budget_out_of_range", "body.time_budget", "from 1 to"},
		{`"time_budget":0`, 422, "time_budget_out_of_range", "body.time_budget", "from 1 to"},
		{`"time_budget":1.5`, 422, "invalid_request", "body.time_budget", "integer"},
		{`"deadline":"2001-01-01T00:00:00Z"`, 422, "deadline_passed", "body.deadline", "in the future"},
		{`"deadline":"2500-01-01T00:00:00Z"`, 422, "deadline_out_of_range", "body.deadline", "ten years"},
		{`"deadline":"tomorrow"`, 422, "invalid_request", "body.deadline", ""},
		{`"deadline":"` + soon + `","time_budget":-5,"memory":"1B"`, 422, "memory_out_of_range", "body.memory", "body.time_budget"},
		{`"priority":-1`, 422, "invalid_request", "body.priority", "at least 0"},
		{`"priority":10`, 422, "invalid_request", "body.priority", "at most 9"},
		{`"priority":"high"`, 422, "invalid_request", "body.priority", "integer"},
		{`"after":["` + identifier("job", 1) + `"]`, 404, "job_not_found", "body.after[0]", ""},
		{`"after":["` + own + `","nonsense"]`, 404, "job_not_found", "body.after[1]", "32 hexadecimal digits"},
		{`"after":["` + own + `","` + own + `"]`, 422, "duplicate_dependency", "body.after[1]", "twice"},
		{`"after":[` + strings.Join(ids, ",") + `]`, 422, "invalid_request", "body.after", "at most 100"},
		{`"after":"` + own + `"`, 422, "invalid_request", "body.after", ""},
	} {
		for path, needs := range map[string]string{
			"training":    `"dataset_id":"` + ada.Dataset + `","target":"y"`,
			"tuning":      `"model_id":"` + ada.Model + `","method":"threshold"`,
			"predictions": `"model_id":"` + ada.Model + `","dataset_id":"` + ada.Dataset + `"`,
			"cleanup":     `"dry_run":true`,
		} {
			limits := strings.Contains(tt.where, "memory") || strings.Contains(tt.where, "time_budget") || strings.Contains(tt.where, "deadline")
			if path == "cleanup" && limits {
				continue // it has none
			}
			r := b.send(t, "/api/v1/"+path, ada.Token, "{"+needs+","+tt.member+"}")
			p := wantProblem(t, r, tt.status, tt.code)
			if len(p.Errors) == 0 || p.Errors[0].Location != tt.where || !strings.Contains(string(r.body), tt.says) {
				t.Errorf("%s with %.80s: %s", path, tt.member, r.body)
			}
		}
	}
	b.badParts(t, ada)
	b.badUploads(t, ada.Token, own)
	if after := b.count(t, ada.Token); after != before {
		t.Errorf("%d jobs were made", after-before)
	}
}

// badParts asks for what cannot be divided so, and for what there is not.
func (b *bench) badParts(t *testing.T, ada tenanttest.Party) {
	t.Helper()
	for _, shards := range []string{"-1", "10001", `"many"`} {
		r := b.send(t, "/api/v1/predictions", ada.Token, `{"model_id":"`+ada.Model+`","dataset_id":"`+ada.Dataset+`","shards":`+shards+`}`)
		if p := wantProblem(t, r, http.StatusUnprocessableEntity, "invalid_request"); p.Errors[0].Location != "body.shards" {
			t.Errorf("shards %s: %s", shards, r.body)
		}
	}
	wantProblem(t, b.send(t, "/api/v1/unheard-of", ada.Token, `{}`), http.StatusNotFound, "route_not_found")
	r := b.send(t, jobsPath+"/batch", ada.Token, `{"jobs":[{"name":"a","unheard_of":{}}]}`)
	if p := wantProblem(t, r, http.StatusUnprocessableEntity, "unknown_field"); p.Errors[0].Location != "body.jobs[0].unheard_of" {
		t.Errorf("a batch of an unknown kind: %s", r.body)
	}
	if page := decode[httpapi.Page[httpapi.Job]](t, b.get(t, jobsPath+"?kind=unheard_of", ada.Token)); len(page.Items) != 0 {
		t.Errorf("jobs of an unknown kind: %+v", page)
	}
	megabyte := `{"dataset_id":"` + ada.Dataset + `","target":"` + strings.Repeat("y", 1<<20) + `"}`
	wantProblem(t, b.send(t, "/api/v1/training", ada.Token, megabyte), http.StatusRequestEntityTooLarge, "body_too_large")
}

// badUploads come after what there is not; the file is not kept.
func (b *bench) badUploads(t *testing.T, token, own string) {
	t.Helper()
	ids := make([]string, 101)
	for i := range ids {
		ids[i] = identifier("job", i)
	}
	for _, tt := range []struct {
		after  string
		status int
		code   string
		where  string
	}{
		{identifier("job", 1), 404, "job_not_found", "body.after[0]"},
		{own + ", nonsense", 404, "job_not_found", "body.after[1]"},
		{own + "," + own, 422, "duplicate_dependency", "body.after[1]"},
		{strings.Join(ids, ","), 422, "too_many_dependencies", "body.after"},
		{strings.Repeat("j", 8193), 422, "invalid_request", "body.after"},
	} {
		p := wantProblem(t, b.upload(t, token, nil, "after", tt.after, "file", "a,b\n1,2\n"), tt.status, tt.code)
		if len(p.Errors) == 0 || p.Errors[0].Location != tt.where {
			t.Errorf("after %.60s: %+v", tt.after, p.Errors)
		}
	}
	wantProblem(t, b.upload(t, token, nil, "after", own, "after", own, "file", "a,b\n1,2\n"), http.StatusUnprocessableEntity, "duplicate_field")
}

// count is how many jobs the caller has, up to 500.
func (b *bench) count(t *testing.T, token string) int {
	t.Helper()
	return len(decode[httpapi.Page[httpapi.Job]](t, b.get(t, jobsPath+"?limit=500", token)).Items)
}

// Every kind of job may come after others: those that are uploaded, and
// clean-ups, too.
func TestUploadsAndCleanUpsAfterOthers(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	first := decode[httpapi.Accepted](t, b.upload(t, bob, nil, "file", "a,b\n1,2\n")).JobID
	uploaded := decode[httpapi.Accepted](t, b.upload(t, bob, nil, "after", first+",", "priority", "7", "file", "a,b\n3,4\n"))
	cleanup := decode[httpapi.Accepted](t, b.send(t, "/api/v1/cleanup", bob, `{"after":["`+first+`","`+uploaded.JobID+`"]}`))
	for _, made := range []httpapi.Accepted{uploaded, cleanup} {
		j := made.Job
		if j.State != "waiting" || len(j.After) == 0 || j.After[0] != first || j.Waiting == nil || j.Waiting.Code != "dependencies_running" {
			t.Errorf("made %+v", j)
		}
	}
	if uploaded.Job.Priority != 7 || len(cleanup.Job.After) != 2 {
		t.Errorf("made %+v and %+v", uploaded.Job, cleanup.Job)
	}
	if r := b.ask(t, http.MethodPost, jobsPath+"/"+first+"/cancel", bob, nil); r.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	for _, id := range []string{uploaded.JobID, cleanup.JobID} {
		if j := decode[httpapi.Job](t, b.get(t, jobsPath+"/"+id, bob)); j.State != "failed" || j.Failure.Code != "dependency_failed" {
			t.Errorf("it is %+v", j)
		}
	}
	if d := decode[httpapi.Dataset](t, b.get(t, datasetsPath+"/"+uploaded.DatasetID, bob)); d.State != "rejected" {
		t.Errorf("the data set is %+v", d)
	}
	wantProblem(t, b.send(t, "/api/v1/cleanup", operator, `{"after":["`+first+`"]}`), http.StatusNotFound, "job_not_found")
}

func TestPayloadTooLarge(t *testing.T) {
	t.Parallel()
	d := newDomain(t, deaf{})
	d.jobs = job.NewService(job.ServiceConfig{Driver: d.driver, Queue: deaf{}, Files: d.files, MaxPayload: 10})
	d.retention = retention.NewService(d.jobs)
	b := setup(t, d.behind)
	r := b.send(t, "/api/v1/cleanup", bob, `{"dry_run":true}`)
	if p := wantProblem(t, r, http.StatusRequestEntityTooLarge, "payload_too_large"); !strings.Contains(p.Detail, "at most 10") {
		t.Errorf("it says %q", p.Detail)
	}
}

// fanned is a clean-up of bob's whose handler asks for so many children.
func fanned(t *testing.T, n int) (*bench, httpapi.Job) {
	t.Helper()
	d := newDomain(t, deaf{})
	b := setup(t, d.behind)
	id := decode[httpapi.Accepted](t, b.send(t, "/api/v1/cleanup", bob, `{}`)).JobID
	runner := job.NewRunner(job.RunnerConfig{Worker: "wkr_1", Driver: d.driver, Files: d.files, Handlers: map[string]job.Handler{
		"cleanup": job.HandlerFunc(func(context.Context, *job.Task) (any, error) {
			f := job.Fan{}
			for i := range n {
				f.Children = append(f.Children, job.ChildSpec{Name: fmt.Sprint(i), Kind: job.Kind{Name: "part", Pool: "batch"}, Payload: i})
			}
			return nil, job.FanOut(f)
		}),
	}})
	j, err := d.jobs.Lookup(t.Context(), id)
	if err == nil {
		err = runner.Handle(t.Context(), j.Delivery())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b, decode[httpapi.Job](t, b.get(t, jobsPath+"/"+id, bob))
}

func TestTenThousandChildren(t *testing.T) {
	t.Parallel()
	const most = 10_000
	b, j := fanned(t, most)
	if j.State != "waiting" || j.Children == nil || j.Children.Count != most || j.Waiting.Code != "children_running" {
		t.Fatalf("the parent is %+v", j)
	}
	page := decode[httpapi.Page[httpapi.Job]](t, b.get(t, jobsPath+"?limit=500&parent="+j.ID, bob))
	if len(page.Items) != 500 || page.NextCursor == "" || page.Items[499].Part.Number != 500 || page.Items[0].Parent != j.ID {
		t.Errorf("the first page has %d children", len(page.Items))
	}
	r := b.ask(t, http.MethodPost, jobsPath+"/"+j.ID+"/cancel", bob, nil)
	if got := decode[httpapi.Job](t, r); r.status != http.StatusAccepted || got.State != "cancelled" || got.Children.States["cancelled"] != most {
		t.Errorf("cancelled: status %d, %+v", r.status, got)
	}
	_, j = fanned(t, most+1)
	if j.State != "failed" || j.Failure.Code != "too_many_children" || !strings.Contains(j.Failure.Message, "at most 10000") || j.Children != nil {
		t.Errorf("one too many: %+v", j)
	}
}

// A job that no worker knows, since they are of an older version, says so, is
// given up in the end, and is a dead letter that goes on when the workers are up
// to date.
func TestOldWorkersMeetNewJobs(t *testing.T) {
	t.Parallel()
	for name, handlers := range map[string]map[string]job.Handler{
		"kind": {},
		"version": {"cleanup": job.HandlerFunc(func(context.Context, *job.Task) (any, error) {
			return nil, job.NewerWorker("The job is of version 2, and the worker knows version 1.")
		})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDomain(t, deaf{})
			b := setup(t, d.behind)
			now := time.Now()
			clock := func() time.Time { return now }
			worker := func(handlers map[string]job.Handler) *job.Runner {
				return job.NewRunner(job.RunnerConfig{
					Worker: "wkr_1", Driver: d.driver, Files: d.files, Now: clock, UpgradePatience: time.Hour, Handlers: handlers,
				})
			}
			keeper := job.NewKeeper(job.KeeperConfig{Driver: d.driver, Queue: deaf{}, Now: clock})
			id := decode[httpapi.Accepted](t, b.send(t, "/api/v1/cleanup", bob, `{}`)).JobID
			address := jobsPath + "/" + id
			deliver := func(r *job.Runner) httpapi.Job {
				t.Helper()
				_, err := keeper.Relay(t.Context())
				j, lookErr := d.jobs.Lookup(t.Context(), id)
				if err != nil || lookErr != nil || r.Handle(t.Context(), j.Delivery()) != nil {
					t.Fatal(err, lookErr)
				}
				return decode[httpapi.Job](t, b.get(t, address, bob))
			}
			old := worker(handlers)
			for range 3 {
				j := deliver(old)
				if j.State != "pending" || j.Waiting == nil || j.Waiting.Code != job.CodeNewerWorker || !strings.Contains(j.Waiting.Message, "newer worker") && name == "kind" || j.Failure != nil || j.NotBefore == nil {
					t.Fatalf("it is %+v", j)
				}
				now = now.Add(31 * time.Second)
			}
			now = now.Add(time.Hour)
			if j := deliver(old); j.State != "failed" || j.Failure.Code != job.CodeNewerWorker || !strings.Contains(j.Failure.Message, "up to date") {
				t.Fatalf("in the end it is %+v", j)
			}
			page := decode[httpapi.Page[httpapi.DeadLetter]](t, b.get(t, deadPath+"?code="+job.CodeNewerWorker, operator))
			if len(page.Items) != 1 || page.Items[0].ID != id || page.Items[0].Cause != job.DeadUnsupported || page.Items[0].Failures != 0 {
				t.Fatalf("dead letters: %+v", page)
			}
			if got := decode[httpapi.Requeued](t, b.send(t, deadPath+"/requeue", operator, `{"code":"newer_worker_needed"}`)); got.Requeued != 1 {
				t.Errorf("requeued: %+v", got)
			}
			fresh := worker(map[string]job.Handler{"cleanup": job.HandlerFunc(func(context.Context, *job.Task) (any, error) {
				return json.RawMessage(`{"examined":1}`), nil
			})})
			if j := deliver(fresh); j.State != "succeeded" || j.Waiting != nil {
				t.Errorf("with a worker of today it is %+v", j)
			}
		})
	}
}
