package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/httpapi/tenanttest"
)

// settle has the tenant of the token do everything once.
func (b *bench) settle(t *testing.T, token string) tenanttest.Party {
	t.Helper()
	var table strings.Builder
	table.WriteString("x,y\n")
	for i := range 80 {
		fmt.Fprintf(&table, "%d,%s\n", i*37%80, []string{"no", "yes"}[i*7%3/2])
	}
	tenant, _, _ := strings.Cut(token, ":")
	p := tenanttest.Party{Token: token, Analyst: tenant + ":analyst", Target: "y", Jobs: map[string]string{}}
	keep := func(r reply) httpapi.Job {
		j := b.finished(t, token, r)
		p.Jobs[j.Kind] = j.ID
		return j
	}
	uploaded := b.upload(t, token, nil, "file", table.String())
	p.Dataset = decode[httpapi.Accepted](t, uploaded).DatasetID
	keep(uploaded)
	made := keep(b.send(t, "/api/v1/training", token, `{"dataset_id":"`+p.Dataset+`","target":"y","algorithms":["baseline","linear"],"folds":2}`))
	var result struct {
		ModelID string `json:"model_id"`
	}
	if err := json.Unmarshal(made.Result, &result); err != nil {
		t.Fatal(err)
	}
	p.Model = result.ModelID
	keep(b.send(t, "/api/v1/tuning", token, `{"model_id":"`+p.Model+`","method":"threshold"}`))
	keep(b.send(t, "/api/v1/predictions", token, `{"model_id":"`+p.Model+`","dataset_id":"`+p.Dataset+`"}`))
	saved := b.send(t, "/api/v1/recipes", token, `{"name":"clean","dataset_id":"`+p.Dataset+`","steps":[{"name":"fill_missing","parameters":{"value":0}}]}`)
	p.Recipe = decode[httpapi.Recipe](t, saved).ID
	keep(b.send(t, "/api/v1/transforms", token, `{"dataset_id":"`+p.Dataset+`","recipe_id":"`+p.Recipe+`"}`))
	b.ask(t, http.MethodPatch, "/api/v1/datasets/"+p.Dataset+"/pii", tenant+":analyst,steward", strings.NewReader(`{"columns":[{"column":"y","policy":"allow"}]}`), "Content-Type", "application/json")
	p.Access = decode[httpapi.Page[httpapi.Access]](t, b.ask(t, http.MethodGet, "/api/v1/audit?dataset_id="+p.Dataset, tenant+":analyst,steward", nil)).Items[0].ID
	p.Upload = b.begin(t, token, "a,b\n1,2\n")
	p.Direct = decode[httpapi.PresignedUpload](t, b.send(t, presignPath, token, `{"filename":"a.csv","bytes":8}`)).UploadID
	keep(b.send(t, "/api/v1/cleanup", token, `{"dry_run":true}`))
	return p
}

// TestServicesKeepTenantsApart walks every route with what exists of another
// tenant's, made by the real services and a worker.
func TestServicesKeepTenantsApart(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	const owner = "ada:analyst,operator,steward"
	ada, bob := b.settle(t, owner), b.settle(t, bob)
	tenanttest.Walk(t, b.url, ada, bob)

	// The walk finds what is planted in the API, and in its document.
	leak := func(path string) func(*http.Request) {
		return func(r *http.Request) {
			if r.Method != http.MethodDelete && strings.HasPrefix(r.URL.Path, "/api/v1/"+path) {
				r.Header.Set("Authorization", "Bearer "+owner)
			}
		}
	}
	for name, tt := range map[string]struct {
		request func(*http.Request) // changes what is asked
		path    string              // of a new route, with the operation
		route   string
		found   string
	}{
		"a data set":            {leak("datasets/" + ada.Dataset), "", "", "GET /api/v1/datasets/" + ada.Dataset + " by another tenant: status 200"},
		"a model":               {leak("models/" + ada.Model), "", "", "GET /api/v1/models/" + ada.Model + " by another tenant: status 200"},
		"a training's log":      {leak("jobs/" + ada.Jobs["training"] + "/logs"), "", "", "/logs by another tenant: status 200"},
		"a training's files":    {leak("jobs/" + ada.Jobs["training"] + "/result"), "", "", "/result?file=model by another tenant: status 30"},
		"a tuning's events":     {leak("jobs/" + ada.Jobs["tuning"] + "/events"), "", "", "/events by another tenant: status 200"},
		"a prediction's end":    {leak("jobs/" + ada.Jobs["prediction"] + "/cancel"), "", "", "/cancel by another tenant: status 409"},
		"whose model":           {leak("tuning"), "", "", "POST /api/v1/tuning by another tenant: status 202"},
		"a list":                {leak("models"), "", "", "GET /api/v1/models shows another tenant " + ada.Model},
		"a filter":              {leak("jobs"), "", "", "GET /api/v1/jobs shows another tenant " + ada.Jobs["training"]},
		"a thing of a new kind": {nil, "/api/v1/reports/{id}", `{"operationId":"get-report"}`, "/api/v1/reports/{id} names what this walk has none of"},
		"two things":            {nil, "/api/v1/models/{id}/versions/{version}", `{"operationId":"get-version"}`, "/versions/{version} names what this walk has none of"},
		"a body":                {nil, "/api/v1/evaluations", `{"operationId":"evaluate","requestBody":{"content":{"application/json":{"schema":{"properties":{"model_id":{}}}}}}}`, `names ["model_id"] in its body`},
		"a list of a new kind":  {nil, "/api/v1/reports", `{"operationId":"list-reports","responses":{"200":{"content":{"application/json":{"schema":{"properties":{"items":{}}}}}}}}`, "/api/v1/reports lists what this walk has none of"},
		"something else":        {nil, "/api/v1/usage", `{"operationId":"get-usage"}`, "neither names a thing nor lists things"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := &recorder{TB: t}
			tenanttest.Walk(said, b.planted(t, tt.request, tt.path, tt.route), ada, bob)
			if !strings.Contains(strings.Join(said.errors, "\n"), tt.found) {
				t.Errorf("the walk does not find it; what it says: %q", said.errors)
			}
		})
	}
}

// recorder keeps errors for itself.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// planted serves the API with a change to the requests of others than the
// owner, or with a new route in its document.
func (b *bench) planted(t *testing.T, request func(*http.Request), path, route string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/openapi.json" && path != "" {
			_, _ = w.Write(withRoute(t, b.get(t, "/openapi.json", "").body, path, route))
			return
		}
		if request != nil {
			request(r)
		}
		b.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// withRoute adds an operation to the document.
func withRoute(t *testing.T, document []byte, path, route string) []byte {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(document, &d); err != nil {
		t.Error(err)
	}
	var op map[string]any
	if err := json.Unmarshal([]byte(route), &op); err != nil {
		t.Error(err)
	}
	op["security"] = []any{map[string]any{"bearer": []any{}}}
	paths, _ := d["paths"].(map[string]any)
	paths[path] = map[string]any{"get": op}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(d); err != nil {
		t.Error(err)
	}
	return out.Bytes()
}
