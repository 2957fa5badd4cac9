package httpapi_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/httpapi"
)

func TestBadBodies(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bench) { b.config.MaxBodyBytes = 4096 })
	d := identifier("ds", 1)
	cases := map[string]struct {
		body   string
		status int
		code   string
		where  string // the first place, or part of the detail
	}{
		"empty":              {"", 400, "body_required", "empty"},
		"not JSON":           {"target=y", 400, "malformed_json", "byte 2"},
		"broken off":         {`{"target":"y"`, 400, "malformed_json", "byte 13"},
		"two values":         {`{} {}`, 400, "malformed_json", "byte 4"},
		"trailing comma":     {`{"target":"y",}`, 400, "malformed_json", "byte 15"},
		"not UTF-8":          {"{\"target\":\"\xff\"}", 400, "malformed_json", "UTF-8"},
		"NUL":                {"{\"target\":\"\x00\"}", 400, "malformed_json", "byte 12"},
		"too deep":           {strings.Repeat("[", 40) + strings.Repeat("]", 40), 400, "malformed_json", "deep"},
		"given twice":        {`{"target":"a","target":"b"}`, 400, "duplicate_field", "body.target"},
		"given twice folded": {`{"target":"a","Target":"b"}`, 400, "duplicate_field", "body.Target"},
		"too large":          {`{"target":"` + strings.Repeat("a", 5000) + `"}`, 413, "body_too_large", "4096"},
		"a list":             {`[]`, 422, "invalid_request", "body"},
		"null":               {`null`, 422, "invalid_request", "body"},
		"a number":           {`7`, 422, "invalid_request", "body"},
		"nothing in it":      {`{}`, 422, "invalid_request", "body"},
		"unknown field":      {`{"dataset_id":"` + d + `","target":"y","targt":"y"}`, 422, "unknown_field", "body.targt"},
		"id that is none":    {`{"dataset_id":"iris","target":"y"}`, 422, "invalid_request", "body.dataset_id"},
		"id in capitals":     {`{"dataset_id":"` + strings.ToUpper(d) + `","target":"y"}`, 422, "invalid_request", "body.dataset_id"},
		"id of another kind": {`{"dataset_id":"` + identifier("mdl", 1) + `","target":"y"}`, 422, "invalid_request", "body.dataset_id"},
		"id and a path":      {`{"dataset_id":"` + d + `/../x","target":"y"}`, 422, "invalid_request", "body.dataset_id"},
		"empty target":       {`{"dataset_id":"` + d + `","target":""}`, 422, "invalid_request", "body.target"},
		"target of a type":   {`{"dataset_id":"` + d + `","target":7}`, 422, "invalid_request", "body.target"},
		"unknown task":       {`{"dataset_id":"` + d + `","target":"y","task":"ranking"}`, 422, "invalid_request", "body.task"},
		"too many folds":     {`{"dataset_id":"` + d + `","target":"y","folds":21}`, 422, "invalid_request", "body.folds"},
		"half a fold":        {`{"dataset_id":"` + d + `","target":"y","folds":2.5}`, 422, "invalid_request", "body.folds"},
		"a huge number":      {`{"dataset_id":"` + d + `","target":"y","seed":1e400}`, 422, "invalid_request", "body.seed"},
		"negative seed":      {`{"dataset_id":"` + d + `","target":"y","seed":-1}`, 422, "invalid_request", "body.seed"},
		"unknown split":      {`{"dataset_id":"` + d + `","target":"y","split":"stratified"}`, 422, "invalid_request", "body.split"},
		"no repeats":         {`{"dataset_id":"` + d + `","target":"y","repeats":0.5}`, 422, "invalid_request", "body.repeats"},
		"negative gap":       {`{"dataset_id":"` + d + `","target":"y","gap":-1}`, 422, "invalid_request", "body.gap"},
		"weight of a type":   {`{"dataset_id":"` + d + `","target":"y","weight_column":7}`, 422, "invalid_request", "body.weight_column"},
		"heavy classes":      {`{"dataset_id":"` + d + `","target":"y","class_weight":"heavy"}`, 422, "invalid_request", "body.class_weight"},
		"features of a type": {`{"dataset_id":"` + d + `","target":"y","features":[1]}`, 422, "invalid_request", "body.features[0]"},
		"no such data set":   {`{"dataset_id":"` + d + `","target":"y"}`, 404, "dataset_not_found", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := b.send(t, "/api/v1/training", ada, c.body)
			p := wantProblem(t, r, c.status, c.code)
			where := p.Detail
			if len(p.Errors) > 0 {
				where = p.Errors[0].Location
			}
			if !strings.Contains(where, c.where) {
				t.Errorf("%q does not name %q: %s", where, c.where, r.body)
			}
			if len(r.body) > 2000 {
				t.Errorf("the problem has %d bytes", len(r.body))
			}
		})
	}
}

// What the validation of a request finds is told as all other errors are: the
// exact place, and what would be right.
func TestBadBodiesAreToldPlainly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := identifier("ds", 1)
	for body, want := range map[string]string{
		`{"dataset_id":"` + id + `"}`:                                              "body.target is required",
		`{"dataset_id":"` + id + `","target":""}`:                                  "body.target must not be empty",
		`{"dataset_id":"` + id + `","target":1}`:                                   "body.target must be a string",
		`{"dataset_id":"ds_1","target":"y"}`:                                       "body.dataset_id must be ds_ and 32 hexadecimal digits",
		`{"dataset_id":"` + id + `","target":"y","folds":1}`:                       "body.folds must be at least 2",
		`{"dataset_id":"` + id + `","target":"y","folds":2.5}`:                     "body.folds must be an integer",
		`{"dataset_id":"` + id + `","target":"y","test_fraction":0.9}`:             "body.test_fraction must be at most 0.5",
		`{"dataset_id":"` + id + `","target":"y","encoding":"hash"}`:               "body.encoding must be one of onehot, ordinal",
		`{"dataset_id":"` + id + `","target":"y","split":"groups"}`:                "body.split must be one of random, grouped, time",
		`{"dataset_id":"` + id + `","target":"y","repeats":21}`:                    "body.repeats must be at most 20",
		`{"dataset_id":"` + id + `","target":"y","imputation":"guess"}`:            "body.imputation must be one of mean, median, mode",
		`{"dataset_id":"` + id + `","target":"y","scaling":"log"}`:                 "body.scaling must be one of standard, minmax, robust, maxabs, none",
		`{"dataset_id":"` + id + `","target":"y","date_cycles":"yes"}`:             "body.date_cycles must be",
		`{"dataset_id":"` + id + `","target":"y","min_variance":-1}`:               "body.min_variance must be at least 0",
		`{"dataset_id":"` + id + `","target":"y","max_correlation":1.1}`:           "body.max_correlation must be at most 1",
		`{"dataset_id":"` + id + `","target":"` + strings.Repeat("y", 3000) + `"}`: "body.target must have at most",
		`[]`: "body must be an object",
	} {
		r := b.send(t, "/api/v1/training", ada, body)
		p := wantProblem(t, r, http.StatusUnprocessableEntity, "invalid_request")
		if !strings.Contains(p.Detail, want) {
			t.Errorf("%.100s: %q does not say %q", body, p.Detail, want)
		}
		if place, _, _ := strings.Cut(want, " "); len(p.Errors) != 1 || p.Errors[0].Location != place {
			t.Errorf("%.100s: the places are %v", body, p.Errors)
		}
	}
}

func TestBadMediaTypes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/xml", "garbage;;", "multipart/form-data; boundary=x"} {
		r := b.ask(t, http.MethodPost, "/api/v1/training", ada, strings.NewReader("{}"), "Content-Type", kind)
		wantProblem(t, r, http.StatusUnsupportedMediaType, "unsupported_media_type")
	}
	r := b.send(t, "/api/v1/training", ada, "{}", "Content-Encoding", "gzip")
	wantProblem(t, r, http.StatusUnsupportedMediaType, "unsupported_encoding")
	for _, kind := range []string{"", "application/json; charset=UTF-8"} {
		r := b.ask(t, http.MethodPost, "/api/v1/cleanup", operator, strings.NewReader("{}"), "Content-Type", kind)
		if r.status != http.StatusAccepted {
			t.Errorf("%q: status %d: %s", kind, r.status, r.body)
		}
	}
}

func TestBadAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := identifier("job", 1)
	cases := map[string]struct {
		path   string
		status int
		code   string
		where  string
	}{
		"a word for an id":      {jobsPath + "/nonsense", 422, "invalid_request", "path.id"},
		"a short id":            {jobsPath + "/" + id[:20], 422, "invalid_request", "path.id"},
		"a long id":             {jobsPath + "/" + id + "0", 422, "invalid_request", "path.id"},
		"a line feed":           {jobsPath + "/" + id + "%0A", 422, "invalid_request", "path.id"},
		"a path in an id":       {jobsPath + "/..%2F" + id, 422, "invalid_request", "path.id"},
		"a data set for a job":  {jobsPath + "/" + identifier("ds", 1), 422, "invalid_request", "path.id"},
		"a job for a data set":  {datasetsPath + "/" + id, 422, "invalid_request", "path.id"},
		"a job for a model":     {"/api/v1/models/" + id, 422, "invalid_request", "path.id"},
		"limit 0":               {jobsPath + "?limit=0", 422, "invalid_request", "query.limit"},
		"limit 501":             {jobsPath + "?limit=501", 422, "invalid_request", "query.limit"},
		"limit a word":          {jobsPath + "?limit=ten", 422, "invalid_request", "query.limit"},
		"limit beyond integers": {jobsPath + "?limit=99999999999999999999", 422, "invalid_request", "query.limit"},
		"limit twice":           {jobsPath + "?limit=1&limit=2", 422, "invalid_request", "query.limit"},
		"unknown parameter":     {jobsPath + "?stat=queued", 422, "unknown_field", "query.stat"},
		"unknown state":         {jobsPath + "?state=lost", 422, "invalid_request", "query.state"},
		"subject that is none":  {jobsPath + "?subject=iris", 422, "invalid_request", "query.subject"},
		"malformed query":       {jobsPath + "?limit=%zz", 400, "malformed_query", ""},
		"cursor too long":       {jobsPath + "?cursor=" + strings.Repeat("a", 3000), 422, "invalid_request", "query.cursor"},
		"no route":              {"/api/v1/nothing", 404, "route_not_found", ""},
		"no route at all":       {"/wp-admin.php", 404, "route_not_found", ""},
		"trailing slash":        {jobsPath + "/", 404, "route_not_found", ""},
	}
	t.Cleanup(func() {
		if !b.counted.has("GET unmatched Not Found") || !b.counted.has("GET /api/v1/jobs/:id Unprocessable Entity") {
			t.Errorf("counted %v", b.counted.seen)
		}
	})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := b.get(t, c.path, ada)
			p := wantProblem(t, r, c.status, c.code)
			if c.where != "" && (len(p.Errors) == 0 || p.Errors[0].Location != c.where) {
				t.Errorf("errors are %+v", p.Errors)
			}
		})
	}
	r := b.ask(t, http.MethodPut, jobsPath, ada, nil)
	wantProblem(t, r, http.StatusMethodNotAllowed, "method_not_allowed")
	if allow := r.header.Get("Allow"); !strings.Contains(allow, "GET") {
		t.Errorf("Allow is %q", allow)
	}
}

// TestBodyThatDoesNotCome sends half a body and waits.
func TestBodyThatDoesNotCome(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bench) { b.config.RequestTimeout = 100 * time.Millisecond })
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "POST /api/v1/training HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+ada+"\r\nContent-Length: 100\r\n\r\n{")
	if err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1000)
	n, err := conn.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 408 ") {
		t.Errorf("got %q, %v", answer[:n], err)
	}
}

func FuzzTrainingBody(f *testing.F) {
	b := newBench()
	h, err := httpapi.New(b.config, b.deps)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "{}", "null", `{"dataset_id":"` + identifier("ds", 1) + `","target":"y","seed":1e999}`, `{"features":[null]}`, `{"a":{"a":[{}]}}`, "\xff", "[", `{"":""}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/training", strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+ada)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code < 400 || w.Code >= 500 || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Fatalf("%q: status %d: %s", body, w.Code, w.Body)
		}
	})
}
