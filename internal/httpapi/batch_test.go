package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
)

// TestBatch sends batches to the real services.
func TestBatch(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	ada := b.settle(t, "ada:analyst,operator")
	const path = "/api/v1/jobs/batch"
	train := `{"dataset_id":"` + ada.Dataset + `","target":"y","algorithms":["baseline"],"folds":2}`
	after := func(names string) string { return strings.TrimSuffix(train, "}") + `,"after":[` + names + `]}` }
	one := func(name, request string) string { return `{"name":"` + name + `","training":` + request + `}` }
	got := decode[struct {
		Jobs []httpapi.BatchMade `json:"jobs"`
	}](t, b.send(t, path, ada.Token, `{"jobs":[`+one("b", after(`"a","`+ada.Jobs["training"]+`"`))+`,`+one("a", train)+`]}`))
	if len(got.Jobs) != 2 || got.Jobs[0].Name != "b" || got.Jobs[0].Job.State != "waiting" || len(got.Jobs[0].Job.After) != 2 || got.Jobs[0].Job.After[0] != got.Jobs[1].JobID {
		t.Errorf("%+v", got)
	}
	for _, tt := range []struct {
		jobs, code, field, says string
	}{
		{one("a", after(`"b"`)) + "," + one("b", after(`"c"`)) + "," + one("c", after(`"a"`)), "dependency_cycle", "body.jobs[0].training.after", "a → b → c → a"},
		{one("a", train) + "," + one("a", train), "duplicate_job_name", "body.jobs[1].name", "two jobs"},
		{one("a", after(`"z"`)), "unknown_job_name", "body.jobs[0].training.after[0]", "z"},
		{one("a", strings.Replace(train, `"y"`, `"nothing"`, 1)), "unknown_column", "body.jobs[0].training.target", "columns"},
		{`{"name":"a"}`, "one_request_required", "body.jobs[0]", "exactly one"},
		{`{"name":"a","training":` + train + `,"tuning":{"model_id":"` + ada.Model + `","method":"threshold"}}`, "one_request_required", "body.jobs[0]", "2 requests"},
		{``, "invalid_request", "body.jobs", ""},
	} {
		r := b.send(t, path, ada.Token, `{"jobs":[`+tt.jobs+`]}`)
		p := decode[httpapi.Problem](t, r)
		if r.status != http.StatusUnprocessableEntity || p.Code != tt.code || len(p.Errors) == 0 || p.Errors[0].Location != tt.field || !strings.Contains(strings.ToLower(string(r.body)), strings.ToLower(tt.says)) {
			t.Errorf("%s: status %d: %s", tt.code, r.status, r.body)
		}
	}
}
