package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
)

func TestImport(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const path = datasetsPath + "/import"
	body := `{"source":"https://files.example.com/in/customers.csv?token=secret","name":"Customers","kind":"csv","delimiter":"\t","header":false,"priority":7}`
	r := b.send(t, path, ada, body, "Idempotency-Key", "k-1")
	if r.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	got := decode[httpapi.Accepted](t, r)
	if r.header.Get("Location") != "/api/v1/jobs/"+got.JobID || got.DatasetID == "" || got.Job.Kind != "import" || r.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("headers %v, body %s", r.header, r.body)
	}
	im := b.datasets.imported[0]
	if im.Tenant != "ada" || im.User != "ada" || im.Name != "Customers" || im.IdempotencyKey != "k-1" || im.Options.Kind != "csv" || im.Options.Delimiter != "\t" ||
		im.Options.Header == nil || *im.Options.Header || im.Priority == nil || *im.Priority != 7 {
		t.Errorf("the service got %+v", im)
	}
	if again := b.send(t, path, ada, body, "Idempotency-Key", "k-1"); again.header.Get("Idempotency-Replayed") != "true" || decode[httpapi.Accepted](t, again).DatasetID != got.DatasetID {
		t.Errorf("again: %v %s", again.header, again.body)
	}
	shown := b.get(t, datasetsPath+"/"+got.DatasetID, ada)
	if d := decode[httpapi.Dataset](t, shown); d.Source != "https://files.example.com/in/customers.csv" || strings.Contains(string(shown.body), "secret") {
		t.Errorf("the data set is %s", shown.body)
	}
	for name, bad := range map[string]string{
		"no source": `{"name":"x"}`, "empty": `{"source":""}`, "a list": `{"source":["https://example.com"]}`,
		"too long":         `{"source":"https://example.com/` + strings.Repeat("x", 5000) + `"}`,
		"an unknown kind":  `{"source":"https://example.com/x","kind":"xml"}`,
		"an unknown field": `{"source":"https://example.com/x","credentials":{"key":"secret"}}`,
		"header as text":   `{"source":"https://example.com/x","header":"yes"}`,
	} {
		if r := b.send(t, path, ada, bad); r.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d: %s", name, r.status, r.body)
		}
	}
}

// TestNullIsNothing checks that an optional member that is null is taken as one
// that is not there, in every body.
func TestNullIsNothing(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	if r := b.send(t, "/api/v1/cleanup", bob, `{"dry_run":true,"after":null,"priority":null}`); r.status != http.StatusAccepted {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	if r := b.send(t, datasetsPath+"/import", ada, `{"source":null}`); r.status != http.StatusUnprocessableEntity {
		t.Errorf("a member that is needed: status %d: %s", r.status, r.body)
	}
	if r := b.send(t, "/api/v1/cleanup", bob, `{"dry_run":true,"after":[null]}`); r.status != http.StatusUnprocessableEntity {
		t.Errorf("null in a list: status %d: %s", r.status, r.body)
	}
}

// TestRefusedUploadsLeaveNothing checks that a tenant of which too many jobs wait
// gets no data set of what is refused.
func TestRefusedUploadsLeaveNothing(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	if r := b.ask(t, http.MethodPut, "/api/v1/tenants/ada", bob, strings.NewReader(`{"paused":true,"max_waiting":1}`), "Content-Type", "application/json"); r.status != http.StatusOK {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	if r := b.upload(t, ada, nil, "file", "a,b\n1,2\n"); r.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	wantProblem(t, b.upload(t, ada, []string{"Idempotency-Key", "k"}, "file", "a,b\n1,2\n"), http.StatusTooManyRequests, "too_many_waiting_jobs")
	wantProblem(t, b.send(t, datasetsPath+"/import", ada, `{"source":"https://files.example.com/x.csv"}`, "Idempotency-Key", "k2"), http.StatusTooManyRequests, "too_many_waiting_jobs")
	if page := decode[httpapi.Page[httpapi.Dataset]](t, b.get(t, datasetsPath, ada)); len(page.Items) != 1 {
		t.Errorf("there are %+v", page.Items)
	}
}
