package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
)

// contract is the OpenAPI document as clients get it. Every answer that a
// test reads is held against it.
type contract struct {
	raw      map[string]any
	routes   []route
	compiler *jsonschema.Compiler
	mu       sync.Mutex
}

// route is one operation of the document.
type route struct {
	method, path string
	pattern      *regexp.Regexp
	operation    map[string]any
	pointer      string // of the operation, in the document
}

func (r route) id() string { s, _ := r.operation["operationId"].(string); return s }

func (r route) secured() bool { return r.operation["security"] != nil }

func (r route) status(code int) (map[string]any, string) {
	responses, _ := r.operation["responses"].(map[string]any)
	key := strconv.Itoa(code)
	response, _ := responses[key].(map[string]any)
	return response, r.pointer + "/responses/" + key
}

const documentURL = "https://narrative.test/openapi.json"

var readContract = sync.OnceValues(func() (*contract, error) {
	js := newJobs(nil)
	h, err := httpapi.New(httpapi.DefaultConfig(), httpapi.Deps{
		Verifier: verifier{}, Jobs: js, Queues: &job.Service{}, Tenants: &job.Service{}, Datasets: &datasets{all: map[string]*dataset.Dataset{}}, Uploads: newUploads(), Locks: newLocks(), Models: &models{all: map[string]*model.Model{}}, Recipes: &recipes{}, Versions: versions{}, Workflow: flows{}, Answers: answers(),
		Training: &submitter[training.Request]{}, Tuning: &submitter[tuning.Request]{},
		Prediction: &submitter[prediction.Request]{}, Retention: &submitter[retention.Request]{}, Health: findings{},
		Observed: httpapi.Observed{Ready: ready}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/openapi.json", nil))
	c := &contract{compiler: jsonschema.NewCompiler()}
	if err := json.Unmarshal(w.Body.Bytes(), &c.raw); err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		return nil, err
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(documentURL, document); err != nil {
		return nil, err
	}
	paths, _ := c.raw["paths"].(map[string]any)
	for _, address := range slices.Sorted(maps.Keys(paths)) {
		item, _ := paths[address].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(item)) {
			operation, _ := item[method].(map[string]any)
			form := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(address), "[^/]+")
			c.routes = append(c.routes, route{
				method: strings.ToUpper(method), path: address, pattern: regexp.MustCompile("^" + form + "$"), operation: operation,
				pointer: "#/paths/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(address) + "/" + method,
			})
		}
	}
	return c, nil
})

func contractOf(t *testing.T) *contract {
	t.Helper()
	c, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *contract) find(method, address string) (route, bool) {
	for _, r := range c.routes {
		if r.method == method && r.pattern.MatchString(address) {
			return r, true
		}
	}
	return route{}, false
}

// check holds an answer against the document.
func (c *contract) check(t *testing.T, method, address string, r reply) {
	t.Helper()
	op, ok := c.find(method, address)
	if !ok {
		return
	}
	response, pointer := op.status(r.status)
	if response == nil {
		t.Errorf("%s %s: status %d is not in the document", method, op.path, r.status)
		return
	}
	if ref, ok := response["$ref"].(string); ok {
		pointer = ref
		components, _ := c.raw["components"].(map[string]any)
		responses, _ := components["responses"].(map[string]any)
		response, _ = responses[path.Base(ref)].(map[string]any)
	}
	for _, name := range []string{"Location", "ETag", "Link", "Idempotency-Replayed", "Retry-After", "WWW-Authenticate", "X-Request-Id"} {
		headers, _ := response["headers"].(map[string]any)
		if r.header.Get(name) != "" && headers[name] == nil {
			t.Errorf("%s %s: header %s of status %d is not in the document", method, op.path, name, r.status)
		}
	}
	content, _ := response["content"].(map[string]any)
	if len(r.body) == 0 {
		if content != nil && r.status < 300 {
			t.Errorf("%s %s: status %d has no body", method, op.path, r.status)
		}
		return
	}
	kind, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil || content[kind] == nil {
		t.Errorf("%s %s: media type %q of status %d is not in the document", method, op.path, r.header.Get("Content-Type"), r.status)
		return
	}
	if kind != "text/event-stream" {
		c.validate(t, pointer+"/content/"+strings.ReplaceAll(kind, "/", "~1")+"/schema", r.body)
	}
}

// validate holds JSON against the schema at the pointer.
func (c *contract) validate(t *testing.T, pointer string, body []byte) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	schema, err := c.compiler.Compile(documentURL + pointer)
	if err != nil {
		t.Errorf("schema at %s: %v", pointer, err)
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Errorf("%s: %v", body, err)
		return
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s does not match %s: %v", body, pointer, err)
	}
}

// TestDocument checks that the document is whole: every operation has what a
// reader needs, and every example is an example of its schema.
func TestDocument(t *testing.T) {
	t.Parallel()
	c := contractOf(t)
	if c.raw["openapi"] != "3.1.0" {
		t.Errorf("openapi is %v", c.raw["openapi"])
	}
	seen := map[string]bool{}
	for _, r := range c.routes {
		if r.id() == "" || seen[r.id()] || r.operation["summary"] == nil || r.operation["description"] == nil || r.operation["tags"] == nil {
			t.Errorf("%s %s: identifier %q, summary, description or tags are missing or not unique", r.method, r.path, r.id())
		}
		seen[r.id()] = true
		if strings.HasPrefix(r.path, "/api/") != r.secured() {
			t.Errorf("%s %s: secured is %v", r.method, r.path, r.secured())
		}
		if body, ok := r.operation["requestBody"].(map[string]any); ok {
			c.examples(t, r, r.pointer+"/requestBody", body)
		}
		responses, _ := r.operation["responses"].(map[string]any)
		want := []string{"500"}
		if r.secured() {
			want = append(want, "400", "401", "403", "422", "503")
		}
		for _, code := range want {
			if responses[code] == nil {
				t.Errorf("%s %s does not describe status %s", r.method, r.path, code)
			}
		}
		for code, v := range responses {
			response, _ := v.(map[string]any)
			if response["$ref"] == nil && response["description"] == "" {
				t.Errorf("%s %s: status %s has no description", r.method, r.path, code)
			}
			c.examples(t, r, r.pointer+"/responses/"+code, response)
		}
		parameters, _ := r.operation["parameters"].([]any)
		named := map[any]bool{}
		for _, p := range parameters {
			parameter, _ := p.(map[string]any)
			named[parameter["name"]] = true
			if parameter["description"] == nil {
				t.Errorf("%s %s: parameter %v has no description", r.method, r.path, parameter["name"])
			}
		}
		want = nil
		if strings.Contains(r.path, "{id}") {
			want = append(want, "id")
		}
		if strings.HasPrefix(r.id(), "list-") {
			want = append(want, "cursor", "limit")
		}
		// What is about one job, upload or version is repeated by itself.
		if responses["202"] != nil && r.method == http.MethodPost && !strings.Contains(r.path, "/jobs/") && !strings.Contains(r.path, "/presign/") && r.id() != "apply-pii" {
			want = append(want, "Idempotency-Key")
		}
		for _, name := range want {
			if !named[name] {
				t.Errorf("%s %s: parameter %s is not in the document", r.method, r.path, name)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d operations", len(seen))
	}
	components, _ := c.raw["components"].(map[string]any)
	responses, _ := components["responses"].(map[string]any)
	for name, v := range responses {
		response, _ := v.(map[string]any)
		c.examples(t, route{path: name}, "#/components/responses/"+name, response)
	}
	schemas, _ := components["schemas"].(map[string]any)
	c.noneLeftOver(t, schemas)
	for _, scheme := range []string{"bearer", "session_cookie", "secure_session_cookie"} {
		if schemes, _ := components["securitySchemes"].(map[string]any); schemes[scheme] == nil {
			t.Errorf("security scheme %s is missing", scheme)
		}
	}
}

// noneLeftOver checks that something refers to every schema and that none is
// huma's.
func (c *contract) noneLeftOver(t *testing.T, schemas map[string]any) {
	t.Helper()
	document, err := json.Marshal(c.raw)
	if err != nil {
		t.Fatal(err)
	}
	for name := range schemas {
		if !bytes.Contains(document, []byte(`"#/components/schemas/`+name+`"`)) || strings.Contains(name, "Error") {
			t.Errorf("schema %s is left over: nothing refers to it, or it is huma's", name)
		}
	}
}

// examples checks that every JSON body has an example that its schema allows.
func (c *contract) examples(t *testing.T, r route, pointer string, holder map[string]any) {
	t.Helper()
	content, _ := holder["content"].(map[string]any)
	for kind, v := range content {
		media, _ := v.(map[string]any)
		if !strings.HasSuffix(kind, "json") {
			continue
		}
		if media["example"] == nil {
			t.Errorf("%s %s: %s has no example", r.method, r.path, pointer)
			continue
		}
		b, err := json.Marshal(media["example"])
		if err != nil {
			t.Fatal(err)
		}
		c.validate(t, pointer+"/content/"+strings.ReplaceAll(kind, "/", "~1")+"/schema", b)
	}
}

// concrete fills a route with the identifiers of a tenant's things.
func (b *bench) concrete(r route, tenant string) (address, body string) {
	address = r.path
	d, m := b.datasets.add(tenant, dataset.Ready), b.addModel(tenant)
	j := b.jobs.add(tenant, "training", d.ID)
	switch {
	case strings.Contains(address, "/datasets/presign/"):
		address = strings.Replace(address, "{id}", b.addPresigned(tenant).ID, 1)
	case strings.Contains(address, "/datasets/"):
		address = strings.NewReplacer("{id}", d.ID, "{number}", "1", "{kind}", "histogram").Replace(address)
	case strings.Contains(address, "/workflow/"):
		address = strings.Replace(address, "{id}", b.datasets.add(tenant, dataset.Ready).ID, 1)
	case strings.Contains(address, "/recipes/"):
		address = strings.ReplaceAll(address, "{id}", b.recipes.add(tenant).ID)
	case strings.Contains(address, "/models/"):
		address = strings.ReplaceAll(address, "{id}", m.ID)
	case strings.Contains(address, "/uploads/"):
		address = strings.ReplaceAll(address, "{id}", b.addUpload(tenant).ID)
	default:
		address = strings.NewReplacer("{id}", j.ID, "{queue}", "training", "{tenant}", "acme").Replace(address)
	}
	switch r.id() {
	case "train":
		body = `{"dataset_id":"` + d.ID + `","target":"y"}`
	case "create-recipe", "put-recipe":
		body = `{"name":"clean","dataset_id":"` + d.ID + `","steps":[{"name":"remove_duplicates"}]}`
	case "check-recipe", "preview-recipe", "transform":
		body = `{"dataset_id":"` + d.ID + `","steps":[{"name":"remove_duplicates"}]}`
	case "import-dataset":
		body = `{"source":"https://files.example.com/customers.csv","after":["` + j.ID + `"]}`
	case "presign-upload":
		body = `{"filename":"x.csv","bytes":8}`
	case "presign-parts":
		body = `{"parts":[{"number":1}]}`
	case "change-workflow":
		body = `{"stages":[{"name":"prepare","skipped":true}]}`
	case "pin-version":
		body = `{"pinned":true}`
	case "change-pii":
		body = `{"columns":[{"column":"x","policy":"warn"}]}`
	case "put-pii-policy":
		body = `{"kinds":{"email":"mask"}}`
	case "change-schema":
		body = `{"columns":[{"name":"x","role":"ignore"}]}`
	case "prioritise-job":
		body = `{"priority":7}`
	case "put-queue", "put-tenant":
		body = `{"paused":true}`
	case "tune":
		body = `{"model_id":"` + m.ID + `","method":"threshold"}`
	case "requeue-dead-letters":
		body = `{"ids":["` + j.ID + `"],"dry_run":true}`
	case "submit-batch":
		body = `{"jobs":[{"name":"a","training":{"dataset_id":"` + d.ID + `","target":"y"}},{"name":"b","prediction":{"model_id":"` + m.ID + `","dataset_id":"` + d.ID + `","after":["a"]}}]}`
	case "predict":
		body = `{"model_id":"` + m.ID + `","dataset_id":"` + d.ID + `"}`
	}
	return address, body
}

// TestNobody walks every route of the document without a token.
func TestNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	walked := 0
	for _, r := range contractOf(t).routes {
		if !r.secured() {
			continue
		}
		walked++
		address, body := b.concrete(r, "ada")
		for _, address := range []string{address, strings.ReplaceAll(r.path, "{id}", "nonsense") + "?x=%zz"} {
			got := b.ask(t, r.method, address, "", strings.NewReader(body), "Content-Type", "application/json")
			if r.method == http.MethodHead && got.status == http.StatusUnauthorized && len(got.body) == 0 {
				continue // it has no body to say more
			}
			wantProblem(t, got, http.StatusUnauthorized, "token_missing")
			if h := got.header.Get("WWW-Authenticate"); h != `Bearer realm="narrative"` {
				t.Errorf("WWW-Authenticate is %q", h)
			}
		}
	}
	if walked < 18 {
		t.Errorf("only %d routes are secured", walked)
	}
}

// ofAllTenants reports whether operators look after the things of all tenants
// by the operation; nobody else may use it.
func ofAllTenants(id string) bool {
	return slices.Contains([]string{"list-dead-letters", "get-dead-letter", "requeue-dead-letters"}, id)
}

// TestAnotherTenant walks every route of the document that names a thing, with
// the identifiers of another tenant's.
func TestAnotherTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	walked := 0
	for _, r := range contractOf(t).routes {
		address, body := b.concrete(r, "ada")
		if address == r.path && (body == "" || slices.Contains([]string{"presign-upload", "put-pii-policy"}, r.id())) || strings.Contains(r.path, "{queue}") || strings.Contains(r.path, "{tenant}") {
			continue // of no tenant, and for operators only
		}
		if ofAllTenants(r.id()) {
			got := b.ask(t, r.method, address, ada, strings.NewReader(body), "Content-Type", "application/json")
			wantProblem(t, got, http.StatusForbidden, "role_required")
			continue
		}
		walked++
		got := b.ask(t, r.method, address, bob, strings.NewReader(body), "Content-Type", "application/json")
		if got.status != http.StatusNotFound {
			t.Errorf("%s %s: status %d, want 404: %s", r.method, r.path, got.status, got.body)
			continue
		}
		if r.method == http.MethodHead {
			continue
		}
		p := decode[problem](t, got)
		if !strings.HasSuffix(p.Code, "_not_found") {
			t.Errorf("%s %s: code %q", r.method, r.path, p.Code)
		}
	}
	if walked < 14 {
		t.Errorf("only %d routes name a thing", walked)
	}
}

// TestOwner walks the same routes as the owner, and finds the document kept.
func TestOwner(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, r := range contractOf(t).routes {
		if r.id() == "upload-dataset" || r.id() == "sniff-dataset" || r.id() == "stream-job-events" {
			continue // have tests of their own
		}
		address, body := b.concrete(r, "bob")
		headers := []string{"Content-Type", "application/json"}
		if strings.HasPrefix(r.path, uploadsPath) && r.method != http.MethodGet {
			headers = []string{"Content-Type", "application/offset+octet-stream", "Tus-Resumable", "1.0.0", "Upload-Offset", "0"}
			if r.method == http.MethodPost {
				headers = append(headers, "Upload-Length", "8")
			}
		}
		got := b.ask(t, r.method, address, bob, strings.NewReader(body), headers...)
		want := map[string]int{"retry-job": http.StatusConflict, "get-job-result": http.StatusConflict, "complete-upload": http.StatusConflict}[r.id()]
		if want == 0 && got.status >= 300 || want != 0 && got.status != want {
			t.Errorf("%s %s: status %d: %s", r.method, r.path, got.status, got.body)
		}
		if strings.Contains(strings.ReplaceAll(string(got.body), "api_key", ""), "_key") || strings.Contains(string(got.body), "jobs/secret") {
			t.Errorf("%s %s shows a key of the file store: %s", r.method, r.path, got.body)
		}
	}
}
