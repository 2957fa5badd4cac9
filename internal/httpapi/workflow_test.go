package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/workflow"
)

var _ httpapi.Workflow = (*workflow.Service)(nil)

// flows shows the same way of every data set.
type flows struct{ datasets *datasets }

func (f flows) Show(ctx context.Context, tenant, id string) (*workflow.Flow, error) {
	if _, err := f.datasets.Get(ctx, tenant, id); err != nil {
		return nil, err
	}
	return &workflow.Flow{DatasetID: id, Stages: []workflow.Stage{{Name: workflow.Load, State: workflow.InProgress}}}, nil
}

func (f flows) Decide(ctx context.Context, d workflow.Decisions) (*workflow.Flow, error) {
	return f.Show(ctx, d.Tenant, d.ID)
}

const workflowPath = "/api/v1/workflow/"

func (b *bench) change(t *testing.T, path, token, body string, headers ...string) reply {
	t.Helper()
	return b.ask(t, http.MethodPatch, path, token, strings.NewReader(body), append(headers, "Content-Type", "application/json")...)
}

// lead does what the workflow says is next, until it says something else than
// a request that can be sent, or the stage is reached.
func (b *bench) lead(t *testing.T, dataset, token, target string) (done []string, v httpapi.WorkflowView) {
	t.Helper()
	last := ""
	for range 20 {
		v = decode[httpapi.WorkflowView](t, b.get(t, workflowPath+dataset, token))
		next := v.Next
		if next == nil || fmt.Sprint(*next) == last {
			return done, v
		}
		done, last = append(done, next.Operation), fmt.Sprint(*next)
		if next.Operation == "change-schema" {
			columns, _ := next.Body["columns"].([]any)
			column, _ := columns[0].(map[string]any)
			column["name"] = target
		}
		body, err := json.Marshal(next.Body)
		if err != nil {
			t.Fatal(err)
		}
		if next.Body == nil {
			body = []byte{}
		}
		r := b.ask(t, next.Method, next.Path, token, strings.NewReader(string(body)), "Content-Type", "application/json")
		switch {
		case r.status == http.StatusAccepted:
			b.finished(t, token, r)
		case r.status != http.StatusOK:
			t.Fatalf("%s %s: status %d: %s", next.Method, next.Path, r.status, r.body)
		}
	}
	t.Fatalf("the workflow never ends: %q", done)
	return nil, v
}

// Doing what is said to be next leads from an upload to predictions.
func TestTheWorkflowLeadsToPredictions(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	var table strings.Builder
	table.WriteString("id,when,x,city,empty,y\n")
	for i := range 120 {
		x := fmt.Sprint(i * 37 % 80)
		if i%9 == 0 {
			x = ""
		}
		fmt.Fprintf(&table, "c%04d,2024-01-%02dT10:%02d:00Z,%s,%s,,%s\n", i, 1+i%28, i%60, x, []string{" Bonn", "Ulm "}[i%2], []string{"no", "yes"}[i*7%3/2])
	}
	uploaded := b.upload(t, ada, nil, "file", table.String())
	id := decode[httpapi.Accepted](t, uploaded).DatasetID
	b.finished(t, ada, uploaded)
	done, v := b.lead(t, id, ada, "y")
	// A profile may have to be made anew whenever there is a new version.
	want := []string{"change-schema", "transform", "transform", "train", "predict"}
	got := slices.DeleteFunc(slices.Clone(done), func(s string) bool { return s == "make-profile" })
	if !slices.Equal(got, want) || done[1] != "make-profile" {
		t.Errorf("what was done is %q, want %q", done, want)
	}
	for _, s := range v.Stages {
		state := "done"
		if s.Name == "deploy" {
			state = "locked"
		}
		if s.State != state || len(s.Evidence) == 0 && s.Name != "deploy" {
			t.Errorf("%s is %s, want %s: %+v", s.Name, s.State, state, s)
		}
		for _, e := range s.Evidence {
			if e.Href == "" {
				continue
			}
			if r := b.get(t, e.Href, ada); r.status != http.StatusOK {
				t.Errorf("the evidence %s is at %s: status %d", e.Text, e.Href, r.status)
			}
		}
	}
	if v.Next != nil || v.Target != "y" || v.Version != 3 {
		t.Errorf("in the end: next %+v, target %q, version %d", v.Next, v.Target, v.Version)
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	uploaded := b.upload(t, ada, nil, "file", "a,b\n1,\n2,x\n,y\n4,y\n5,x\n6,\n")
	id := decode[httpapi.Accepted](t, uploaded).DatasetID
	b.finished(t, ada, uploaded)
	at := workflowPath + id
	first := b.get(t, at, ada)
	tag := first.header.Get("ETag")
	if v := decode[httpapi.WorkflowView](t, first); v.Stages[2].State != "ready" || v.Stages[3].State != "locked" || len(v.Stages[3].Gates) != 1 || v.Stages[3].Gates[0].Remedy == "" || v.Next == nil {
		t.Errorf("at first: %s", first.body)
	}
	if first.header.Get("Cache-Control") != "private, no-cache" || !strings.HasPrefix(strings.TrimPrefix(tag, "W/"), `"`) {
		t.Errorf("tag %s, %s", tag, first.header.Get("Cache-Control"))
	}
	for _, match := range []string{tag, `"other", ` + tag, "*"} {
		if r := b.get(t, at, ada, "If-None-Match", match); r.status != http.StatusNotModified || len(r.body) > 0 {
			t.Errorf("If-None-Match %s: status %d: %s", match, r.status, r.body)
		}
	}
	const skip = `{"stages":[{"name":"prepare","skipped":true,"note":"on purpose"}]}`
	decided := b.change(t, at, ada, skip, "If-Match", tag)
	v := decode[httpapi.WorkflowView](t, decided)
	if p := v.Stages[2]; decided.status != http.StatusOK || p.State != "done" || p.Skipped == nil || p.Skipped.User != "ada" || p.Skipped.Note != "on purpose" || v.Stages[3].State != "ready" || v.Revision != 1 {
		t.Errorf("decided: %s", decided.body)
	}
	// What was read before is outdated, for a decision and for a look.
	p := wantProblem(t, b.change(t, at, ada, `{"stages":[{"name":"prepare","skipped":false}]}`, "If-Match", tag), http.StatusPreconditionFailed, "workflow_changed")
	if !strings.Contains(p.Detail, id) {
		t.Errorf("detail %q", p.Detail)
	}
	if r := b.get(t, at, ada, "If-None-Match", tag); r.status != http.StatusOK {
		t.Errorf("the old tag: status %d", r.status)
	}
	again := b.change(t, at, ada, skip)
	if v := decode[httpapi.WorkflowView](t, again); v.Revision != 1 {
		t.Errorf("the same decision again makes revision %d", v.Revision)
	}
	taken := b.change(t, at, ada, `{"stages":[{"name":"prepare","skipped":false}]}`, "If-Match", "*")
	if v := decode[httpapi.WorkflowView](t, taken); v.Stages[2].State != "ready" || v.Stages[2].Skipped != nil || v.Revision != 2 {
		t.Errorf("taken up again: %s", taken.body)
	}

	for body, want := range map[string]string{
		`{}`:            "invalid_request body.stages",
		`{"stages":[]}`: "invalid_request body.stages",
		`{"stages":[{"name":"train","skipped":true}]}`:                                             "workflow_invalid body.stages[0].name",
		`{"stages":[{"name":"dance","skipped":true}]}`:                                             "workflow_invalid body.stages[0].name",
		`{"stages":[{"name":"prepare","skipped":true},{"name":"prepare","skipped":false}]}`:        "workflow_invalid body.stages[1].name",
		`{"stages":[{"name":"prepare"}]}`:                                                          "invalid_request body.stages[0].skipped",
		`{"stages":[{"name":"prepare","skipped":true,"note":"` + strings.Repeat("x", 501) + `"}]}`: "invalid_request body.stages[0].note",
		`{"stages":[{"name":"prepare","skipped":true,"why":"x"}]}`:                                 "unknown_field body.stages[0].why",
	} {
		code, place, _ := strings.Cut(want, " ")
		p := wantProblem(t, b.change(t, at, ada, body), http.StatusUnprocessableEntity, code)
		if len(p.Errors) == 0 || p.Errors[0].Location != place {
			t.Errorf("%s: %+v", body, p)
		}
	}
	wantProblem(t, b.get(t, workflowPath+"nonsense", ada), http.StatusUnprocessableEntity, "invalid_request")
	wantProblem(t, b.get(t, workflowPath+id, bob), http.StatusNotFound, "dataset_not_found")
	wantProblem(t, b.change(t, workflowPath+id, bob, skip), http.StatusNotFound, "dataset_not_found")
}

// A file that cannot be read says so, and what to do.
func TestTheWorkflowOfARejectedFile(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	d := b.upload(t, ada, nil, "file", "a,b\n1,2\n")
	id := decode[httpapi.Accepted](t, d).DatasetID
	v := decode[httpapi.WorkflowView](t, b.get(t, workflowPath+id, ada))
	if v.Stages[0].State != "in_progress" || v.Stages[1].State != "locked" || v.Next == nil || v.Next.Operation != "get-job" || v.Version != 0 {
		t.Errorf("before the ingest: %+v", v)
	}
	b.ask(t, http.MethodPost, jobsPath+"/"+decode[httpapi.Accepted](t, d).JobID+"/cancel", ada, nil)
	v = decode[httpapi.WorkflowView](t, b.get(t, workflowPath+id, ada))
	if v.Stages[0].State != "failed" || v.Next == nil || v.Next.Operation != "upload-dataset" || len(v.Next.Choices) != 1 {
		t.Errorf("of a file that is not read: %+v", v)
	}
	for _, s := range v.Stages[1:] {
		if s.State != "locked" {
			t.Errorf("%s is %s", s.Name, s.State)
		}
	}
}
