package tenanttest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Party is a caller of one tenant, and things of that tenant. Each exists and
// is finished: a data set that was ingested, a model that was trained, and
// jobs that succeeded.
type Party struct {
	Token   string
	Analyst string // a token of the tenant without the role operator
	Dataset string
	Target  string // a column of the data set that can be predicted
	Model   string
	Recipe  string            // private to its user
	Access  string            // the record of something that was done about personal data
	Upload  string            // that is not finished
	Direct  string            // a presigned upload that is not finished
	Jobs    map[string]string // by kind
}

// things are the identifiers of everything that the party has.
func (p Party) things() []string {
	return append(slices.Sorted(maps.Values(p.Jobs)), p.Dataset, p.Model, p.Recipe, p.Upload, p.Direct)
}

// walk is one walk over the routes.
type walk struct {
	tb             testing.TB
	address        string
	client         *http.Client
	document       *document
	owner, another Party
}

// request is one way to ask for a thing: the identifier that is asked for, and
// the whole of the request.
type request struct {
	id     string // of a thing
	path   string
	method string
	body   map[string]any
	after  string // a job; not empty: it is an upload, or begins one, that comes after it
}

// none is the identifier of nothing, of the same form.
func none(id string) string {
	prefix, _, _ := strings.Cut(id, "_")
	return prefix + "_0123456789abcdef0123456789abcdef"
}

// of returns the request with another identifier in the thing's place.
func (r request) of(id string) request {
	r.path = strings.ReplaceAll(r.path, r.id, id)
	r.after = strings.ReplaceAll(r.after, r.id, id)
	text, err := json.Marshal(r.body)
	if err == nil {
		r.body = nil
		err = json.Unmarshal([]byte(strings.ReplaceAll(string(text), r.id, id)), &r.body)
	}
	if err != nil {
		panic(err) // it was made of literals
	}
	r.id = id
	return r
}

// Walk asks the API at the address, as the other party, for the owner's things by
// every route that its document has. Whatever names a thing must answer 404,
// just as it does for what does not exist; no list may show another's things;
// and nothing may have changed at the end. It fails for a route that it does
// not know how to ask, so that no new one is left out.
func Walk(tb testing.TB, address string, owner, another Party) {
	tb.Helper()
	w := &walk{tb: tb, address: address, owner: owner, another: another, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	var err error
	if w.document, err = decode(w.ask("", request{method: http.MethodGet, path: "/openapi.json"}).body); err != nil {
		tb.Fatal(err)
	}
	named, listed := 0, 0
	for _, op := range w.document.operations() {
		if op.forOperators() {
			continue
		}
		if ofAllTenants(op.ID) {
			w.forOperators(op)
			continue
		}
		if op.ID == "get-transformations" {
			continue // the vocabulary is nobody's
		}
		switch requests, names := w.requests(op); {
		case names:
			named++
			for _, r := range requests {
				w.refused(op, r)
			}
		case w.document.lists(op):
			listed++
			w.listed(op)
		case op.ID == "upload-dataset" || op.ID == "create-upload" || op.ID == "clean-up" || op.ID == "import-dataset" || op.ID == "presign-upload": // what they come after
			named++
			job := w.owner.Jobs["training"]
			r := request{id: job, method: op.method, path: op.path, after: job}
			if op.ID == "clean-up" {
				r.after, r.body = "", map[string]any{"dry_run": true, "after": []string{job}}
			}
			if op.ID == "import-dataset" {
				r.after, r.body = "", map[string]any{"source": "https://files.example.com/x.csv", "after": []string{job}}
			}
			if op.ID == "presign-upload" {
				r.after, r.body = "", map[string]any{"filename": "x.csv", "bytes": 8, "after": []string{job}}
			}
			w.refused(op, r)
		case op.ID == "get-pii-policy": // its path names whose it is as little as it does when it is set
			w.own(op.path)
		case op.ID != "sniff-dataset" && op.ID != "put-pii-policy":
			tb.Errorf("%s %s (%s) neither names a thing nor lists things; say here why no tenant needs to be kept apart", op.method, op.path, op.ID)
		}
	}
	if named < 10 || listed < 3 {
		tb.Errorf("only %d routes name a thing and %d list things", named, listed)
	}
	for _, op := range w.document.operations() {
		if op.forOperators() || ofAllTenants(op.ID) {
			continue
		}
		if requests, _ := w.requests(op); op.method == http.MethodGet {
			for _, r := range requests {
				w.shown(op, r)
			}
		}
	}
}

// ofAllTenants reports whether operators look after the things of all tenants,
// or after no tenant's, by the operation.
func ofAllTenants(id string) bool {
	return slices.Contains([]string{
		"list-dead-letters", "get-dead-letter", "requeue-dead-letters", "list-schedules", "list-health-history", "list-workers",
	}, id)
}

// forOperators checks that nobody else may use the operation, whoever's the
// things are that are asked for.
func (w *walk) forOperators(op operation) {
	w.tb.Helper()
	for _, p := range []Party{w.owner, w.another} {
		for _, id := range slices.Sorted(maps.Values(w.owner.Jobs)) {
			r := request{id: id, method: op.method, path: strings.ReplaceAll(op.path, "{id}", id)}
			if op.method != http.MethodGet {
				r.body = map[string]any{"ids": []string{id}}
			}
			if got := w.ask(p.Analyst, r); got.status != http.StatusForbidden || got.problem().Code != "role_required" {
				w.tb.Errorf("%s %s by somebody who is no operator: status %d: %s", op.method, r.path, got.status, got.body)
			}
		}
	}
}

// requests returns the ways to ask for the owner's things by the operation;
// names is whether it names things at all.
func (w *walk) requests(op operation) (requests []request, names bool) {
	w.tb.Helper()
	inPath, inBody := strings.Contains(op.path, "{"), w.document.named(op)
	switch {
	case op.ID == "put-recipe":
		of := func(id, recipe, dataset string) request {
			return request{id: id, method: op.method, path: "/api/v1/recipes/" + recipe, body: map[string]any{
				"name": "x", "dataset_id": dataset, "steps": []any{map[string]any{"name": "remove_duplicates"}},
			}}
		}
		return []request{of(w.owner.Recipe, w.owner.Recipe, w.another.Dataset), of(w.owner.Dataset, w.another.Recipe, w.owner.Dataset)}, true
	case inPath && len(inBody) > 0:
		w.tb.Errorf("%s %s names things in its path and in its body %q; say here how to ask it", op.method, op.path, inBody)
	case inPath:
		before, after, _ := strings.Cut(op.path, "{id}")
		ids := map[string][]string{
			"/api/v1/datasets/": {w.owner.Dataset}, "/api/v1/models/": {w.owner.Model},
			"/api/v1/recipes/": {w.owner.Recipe}, "/api/v1/uploads/": {w.owner.Upload, w.owner.Direct}, "/api/v1/datasets/presign/": {w.owner.Direct}, "/api/v1/workflow/": {w.owner.Dataset}, "/api/v1/jobs/": slices.Sorted(maps.Values(w.owner.Jobs)),
		}[before]
		after = strings.ReplaceAll(after, "{number}", "1") // every data set has that version
		if op.ID == "get-chart" {
			after = "/charts/histogram?x=" + url.QueryEscape(w.owner.Target)
		}
		if len(ids) == 0 || strings.Contains(after, "{") {
			w.tb.Errorf("%s %s names what this walk has none of; give it one", op.method, op.path)
		}
		for _, id := range ids {
			r := request{id: id, method: op.method, path: before + id + after}
			switch op.ID {
			case "presign-parts":
				r.body = map[string]any{"parts": []any{map[string]any{"number": 1}}}
			case "prioritise-job":
				r.body = map[string]any{"priority": 1}
			case "change-workflow":
				r.body = map[string]any{"stages": []any{map[string]any{"name": "prepare", "skipped": true}}}
			case "pin-version":
				r.body = map[string]any{"pinned": true}
			case "change-pii":
				r.body = map[string]any{"columns": []any{map[string]any{"column": w.owner.Target, "policy": "warn"}}}
			case "change-schema":
				r.body = map[string]any{"columns": []any{map[string]any{"name": w.owner.Target, "role": "ignore"}}}
			}
			requests = append(requests, r)
			if op.ID == "get-job-result" {
				requests = append(requests, w.files(id)...)
			}
			if before == "/api/v1/datasets/" && op.versioned() {
				join := "?"
				if strings.Contains(r.path, join) {
					join = "&"
				}
				r.path += join + "version=1"
				requests = append(requests, r)
			}
		}
	case op.ID == "submit-batch":
		return w.batches(op), true
	case len(inBody) > 0:
		return w.bodies(op, inBody), true
	}
	return requests, inPath
}

// files returns a request for each file of the job's result.
func (w *walk) files(job string) []request {
	w.tb.Helper()
	var shown struct {
		Links struct {
			Files []struct {
				Href string `json:"href"`
			} `json:"files"`
		} `json:"links"`
	}
	got := w.ask(w.owner.Token, request{method: http.MethodGet, path: "/api/v1/jobs/" + job})
	if err := json.Unmarshal(got.body, &shown); err != nil {
		w.tb.Fatal(err)
	}
	var requests []request
	for _, f := range shown.Links.Files {
		requests = append(requests, request{id: job, method: http.MethodGet, path: f.Href})
	}
	return requests
}

// bodies returns requests each of which names one thing of the owner's, and
// otherwise things of the party that asks.
func (w *walk) bodies(op operation, names []string) []request {
	w.tb.Helper()
	complete, known := map[string]map[string]any{
		"train":   {"target": w.another.Target},
		"tune":    {"method": "threshold"},
		"predict": {},

		"create-recipe":  {"name": "x", "steps": []any{map[string]any{"name": "remove_duplicates"}}},
		"check-recipe":   {},
		"preview-recipe": {},
		"transform":      {},
	}[op.ID]
	if !known {
		w.tb.Errorf("%s %s (%s) names %q in its body; say here what else the body needs", op.method, op.path, op.ID, names)
		return nil
	}
	things := map[string][2]string{"dataset_id": {w.owner.Dataset, w.another.Dataset}, "model_id": {w.owner.Model, w.another.Model}, "recipe_id": {w.owner.Recipe, w.another.Recipe}}
	var requests []request
	for _, foreign := range names {
		body := maps.Clone(complete)
		for _, name := range names {
			if things[name] == [2]string{} {
				w.tb.Errorf("%s %s names %s, which this walk has none of; give it one", op.method, op.path, name)
			}
			body[name] = things[name][1]
		}
		body[foreign] = things[foreign][0]
		requests = append(requests, request{id: things[foreign][0], method: op.method, path: op.path, body: body})
	}
	if _, orders := w.document.properties(op.Body)["after"]; !orders {
		return requests
	}
	body := maps.Clone(complete)
	for _, name := range names {
		body[name] = things[name][1]
	}
	job := w.owner.Jobs["training"]
	body["after"] = []string{job}
	return append(requests, request{id: job, method: op.method, path: op.path, body: body})
}

// batches returns batches of one job each, which names one thing of the owner's.
func (w *walk) batches(op operation) []request {
	job := w.owner.Jobs["training"]
	of := func(id, kind string, body map[string]any) request {
		return request{id: id, method: op.method, path: op.path, body: map[string]any{"jobs": []any{map[string]any{"name": "a", kind: body}}}}
	}
	return []request{
		of(w.owner.Dataset, "training", map[string]any{"dataset_id": w.owner.Dataset, "target": w.owner.Target}),
		of(w.owner.Model, "tuning", map[string]any{"model_id": w.owner.Model, "method": "threshold"}),
		of(w.owner.Model, "prediction", map[string]any{"model_id": w.owner.Model, "dataset_id": w.another.Dataset}),
		of(job, "prediction", map[string]any{"model_id": w.another.Model, "dataset_id": w.another.Dataset, "after": []string{job}}),
	}
}

// answer is what came back.
type answer struct {
	status int
	body   []byte
}

func (w *walk) ask(token string, r request) answer {
	w.tb.Helper()
	body, kind, err := r.encode()
	if err != nil {
		w.tb.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.tb.Context(), r.method, w.address+r.path, bytes.NewReader(body))
	if err != nil {
		w.tb.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if r.resumable() {
		req.Header.Set("Tus-Resumable", "1.0.0")
		req.Header.Set("Upload-Length", "100")
		req.Header.Set("Upload-Offset", "0")
		req.Header.Set("Upload-Metadata", "after "+base64.StdEncoding.EncodeToString([]byte(r.after)))
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.tb.Fatal(err)
	}
	return answer{status: resp.StatusCode, body: text}
}

// resumable reports whether the request is one of the protocol of uploads.
func (r request) resumable() bool {
	return r.method != http.MethodGet && strings.HasPrefix(r.path, "/api/v1/uploads")
}

// encode returns the request's body and its media type.
func (r request) encode() (body []byte, kind string, err error) {
	switch {
	case r.resumable() && r.method == http.MethodPatch:
		return []byte("a,b\n1,2\n"), "application/offset+octet-stream", nil
	case r.resumable():
		return nil, "", nil
	case r.after != "":
		var form bytes.Buffer
		parts := multipart.NewWriter(&form)
		err = parts.WriteField("after", r.after)
		if err == nil {
			var file io.Writer
			if file, err = parts.CreateFormFile("file", "a.csv"); err == nil {
				_, err = io.WriteString(file, "a,b\n1,2\n")
			}
		}
		err = errors.Join(err, parts.Close())
		return form.Bytes(), parts.FormDataContentType(), err
	case r.body != nil:
		body, err = json.Marshal(r.body)
		return body, "application/json", err
	default:
		return nil, "", nil
	}
}

// problem is what the walk reads of an error.
type problem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (a answer) problem() problem {
	var p problem
	_ = json.Unmarshal(a.body, &p) // what is not one has no code
	return p
}

// refused checks that the other party gets the answer for what does not exist.
func (w *walk) refused(op operation, r request) {
	w.tb.Helper()
	got, nothing := w.ask(w.another.Token, r), w.ask(w.another.Token, r.of(none(r.id)))
	p, q := got.problem(), nothing.problem()
	if r.method == http.MethodHead { // which has no body to say it
		p.Code, q.Code = "upload_not_found", "upload_not_found"
	}
	if got.status != http.StatusNotFound || !strings.HasSuffix(p.Code, "_not_found") {
		w.tb.Errorf("%s %s by another tenant: status %d: %s", op.method, r.path, got.status, got.body)
		return
	}
	if nothing.status != got.status || p.Code != q.Code || strings.ReplaceAll(p.Detail, r.id, "?") != strings.ReplaceAll(q.Detail, none(r.id), "?") {
		w.tb.Errorf("%s %s tells another tenant's thing from none: %s and %s", op.method, r.path, got.body, nothing.body)
	}
	w.silent(op, got, r.id)
}

// silent checks that the answer names nothing of the owner's but what was
// asked for.
func (w *walk) silent(op operation, a answer, asked string) {
	w.tb.Helper()
	for _, id := range w.owner.things() {
		if id != asked && strings.Contains(string(a.body), id) {
			w.tb.Errorf("%s %s shows another tenant %s: %s", op.method, op.path, id, a.body)
		}
	}
}

// shown checks that the owner is shown the thing, after all that the other
// party tried: so that it exists, and its identifier is right.
func (w *walk) shown(op operation, r request) {
	w.tb.Helper()
	got := w.ask(w.owner.Token, r)
	unnamed := op.ID == "get-job-result" && !strings.Contains(r.path, "?") // of a job with several files, or with none
	if got.status >= http.StatusBadRequest && (!unnamed || !strings.HasPrefix(got.problem().Code, "result_")) {
		w.tb.Errorf("%s %s by the owner: status %d: %s", op.method, r.path, got.status, got.body)
	}
	if op.ID == "get-job" && !strings.Contains(string(got.body), `"state":"succeeded"`) {
		w.tb.Errorf("another tenant has changed the job: %s", got.body)
	}
}

// listed checks that the list shows the owner what is the owner's, and nobody
// else, whatever is asked for.
func (w *walk) listed(op operation) {
	w.tb.Helper()
	list := func(token, query string) answer {
		return w.ask(token, request{method: op.method, path: op.path + query})
	}
	ids := map[string][]string{
		"/api/v1/datasets": {w.owner.Dataset}, "/api/v1/models": {w.owner.Model}, "/api/v1/recipes": {w.owner.Recipe}, "/api/v1/audit": {w.owner.Access}, "/api/v1/uploads": {w.owner.Direct, w.owner.Upload}, "/api/v1/jobs": slices.Sorted(maps.Values(w.owner.Jobs)),
	}[op.path]
	if len(ids) == 0 {
		w.tb.Errorf("%s lists what this walk has none of; give it one", op.path)
	}
	whole := list(w.owner.Token, "?limit=100")
	for _, id := range ids {
		if whole.status != http.StatusOK || !strings.Contains(string(whole.body), `"id":"`+id+`"`) {
			w.tb.Errorf("%s does not show the owner %s: %s", op.path, id, whole.body)
		}
	}
	queries := map[string]string{"": "", "?limit=100": ""} // to what is asked for
	for _, filter := range op.filters() {
		for _, id := range w.owner.things() {
			queries["?"+filter+"="+id] = id
		}
	}
	for query, id := range queries {
		got := list(w.another.Token, query)
		absent := id != "" && got.status == http.StatusNotFound && strings.HasSuffix(got.problem().Code, "_not_found")
		if got.status != http.StatusOK && got.status != http.StatusUnprocessableEntity && !absent {
			w.tb.Errorf("%s%s: status %d: %s", op.path, query, got.status, got.body)
		}
		w.silent(op, got, id)
	}
	if got := list(w.another.Token, "?limit=100"); !strings.Contains(string(got.body), `"id":"`) {
		w.tb.Errorf("%s shows the other tenant nothing of its own: %s", op.path, got.body)
	}
	// A page of the owner's leads nobody else on.
	var page struct {
		Next string `json:"next_cursor"`
	}
	if err := json.Unmarshal(list(w.owner.Token, "?limit=1").body, &page); err != nil {
		w.tb.Error(err)
	}
	if page.Next == "" {
		if len(ids) > 1 {
			w.tb.Errorf("%s has no second page of %d things", op.path, len(ids))
		}
		return
	}
	got := list(w.another.Token, "?limit=1&cursor="+url.QueryEscape(page.Next))
	if got.status != http.StatusUnprocessableEntity || got.problem().Code != "invalid_cursor" {
		w.tb.Errorf("%s takes the owner's cursor from another tenant: status %d: %s", op.path, got.status, got.body)
	}
}
