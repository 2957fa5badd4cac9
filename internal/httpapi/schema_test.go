package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/httpapi"
)

func TestSchemaOfDataset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.datasets.add("bob", dataset.Ready)
	at := "/api/v1/datasets/" + d.ID + "/schema"
	got := b.get(t, at, bob)
	s := decode[httpapi.Schema](t, got)
	if got.status != http.StatusOK || got.header.Get("ETag") != `W/"1"` || len(s.Columns) != 1 {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	if c := s.Columns[0]; c.Name != "x" || c.Type != "float" || c.Storage != "float" || c.Suggestion.Type != "date" || c.Suggestion.Layouts[0] != "dmy" || c.Disagreeing[0].Row != 1 {
		t.Errorf("column %+v", c)
	}
	patch := func(body string, headers ...string) reply {
		return b.ask(t, http.MethodPatch, at, bob, strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
	}
	got = patch(`{"columns":[{"name":"x","role":"target"}]}`, "If-Match", `W/"1"`)
	if s := decode[httpapi.Schema](t, got); got.status != http.StatusOK || s.Columns[0].Role != "target" || s.JobID != "" || got.header.Get("ETag") != `W/"2"` {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	wantProblem(t, patch(`{"columns":[{"name":"x","role":"id"}]}`, "If-Match", `W/"1"`), http.StatusPreconditionFailed, dataset.CodeSchemaChanged)
	got = patch(`{"columns":[{"name":"x","type":"date","layout":"dmy"}]}`)
	if s := decode[httpapi.Schema](t, got); got.status != http.StatusAccepted || s.JobID == "" || got.header.Get("Location") != "/api/v1/jobs/"+s.JobID || s.Job.Kind != "retype" {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	for body, code := range map[string]string{
		`{"columns":[]}`: "invalid_request", `{}`: "invalid_request", `{"columns":[{"role":"id"}]}`: "invalid_request", `{"columns":[{"name":"x","rule":"id"}]}`: "unknown_field",
	} {
		wantProblem(t, patch(body), http.StatusUnprocessableEntity, code)
	}
	early := b.datasets.add("bob", dataset.Uploaded)
	wantProblem(t, b.get(t, "/api/v1/datasets/"+early.ID+"/schema", bob), http.StatusConflict, "dataset_not_ready")
}

func TestProfileAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.datasets.add("bob", dataset.Ready)
	send := func() reply {
		return b.ask(t, http.MethodPost, "/api/v1/datasets/"+d.ID+"/profile", bob, nil, "Idempotency-Key", "once")
	}
	first, second := send(), send()
	a := decode[httpapi.Accepted](t, first)
	if first.status != http.StatusAccepted || a.DatasetID != d.ID || a.Job.Kind != "profile" {
		t.Errorf("status %d: %s", first.status, first.body)
	}
	if again := decode[httpapi.Accepted](t, second); again.JobID != a.JobID || second.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %s", second.body)
	}
}

func TestCharts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.datasets.add("bob", dataset.Ready)
	at := "/api/v1/datasets/" + d.ID + "/charts/histogram?x=x"
	got := b.get(t, at, bob)
	c := decode[chart.Chart](t, got)
	tag := got.header.Get("ETag")
	if got.status != http.StatusOK || c.Kind != "histogram" || c.X != "x" || len(c.Bars) != 1 || tag == "" {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	if again := b.get(t, at, bob, "If-None-Match", tag); again.status != http.StatusNotModified || len(again.body) > 0 || b.datasets.charts != 1 {
		t.Errorf("status %d, %d charts were drawn", again.status, b.datasets.charts)
	}
	if other := b.get(t, at+"&bins=10", bob, "If-None-Match", tag); other.status != http.StatusOK || other.header.Get("ETag") == tag {
		t.Errorf("another chart has the same tag: %d", other.status)
	}
	for _, query := range []string{"histogram?bins=1", "histogram?bins=101", "line?points=9", "time_series?interval=fortnight", "time_series?aggregate=median", "pie"} {
		wantProblem(t, b.get(t, "/api/v1/datasets/"+d.ID+"/charts/"+query, bob), http.StatusUnprocessableEntity, "invalid_request")
	}
}
