package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/secret"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/web"
)

func TestBearer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, headers := range map[string][]string{
		"basic":       {"Authorization", "Basic YTpi"},
		"no token":    {"Authorization", "Bearer"},
		"empty token": {"Authorization", "Bearer "},
		"two headers": {"Authorization", "Bearer " + ada, "Authorization", "Bearer " + bob},
		"refused":     {"Authorization", "Bearer old"},
	} {
		r := b.get(t, jobsPath, "", headers...)
		code := map[bool]string{true: "token_expired", false: "token_malformed"}[name == "refused"]
		wantProblem(t, r, http.StatusUnauthorized, code)
		h := r.header.Get("WWW-Authenticate")
		if !strings.HasPrefix(h, `Bearer realm="narrative", error="invalid_token", error_description="`) || strings.Count(h, `"`) != 6 {
			t.Errorf("%s: WWW-Authenticate is %s", name, h)
		}
	}
	for _, scheme := range []string{"bearer ", "BEARER  "} {
		if r := b.get(t, jobsPath, "", "Authorization", scheme+ada); r.status != http.StatusOK {
			t.Errorf("%q: status %d", scheme, r.status)
		}
	}
	wantProblem(t, b.get(t, jobsPath, "eve:nobody"), http.StatusForbidden, "role_required")
}

func TestCookies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	write := func(cookie string, headers ...string) reply {
		return b.send(t, "/api/v1/cleanup", "", "{}", append(headers, "Cookie", cookie)...)
	}
	const whole = account.SessionCookie + "=" + operator
	for name, cookie := range map[string]string{
		"whole":             whole,
		"secure":            account.SecureSessionCookie + "=" + operator,
		"secure goes first": account.SessionCookie + "=eve:nobody; " + account.SecureSessionCookie + "=" + operator,
		"chunks":            account.SessionCookie + ".1=oper; " + account.SessionCookie + ".0=ops:; " + account.SessionCookie + ".2=ator",
	} {
		if r := b.get(t, jobsPath, "", "Cookie", cookie); r.status != http.StatusOK {
			t.Errorf("%s: reading: status %d: %s", name, r.status, r.body)
		}
		for _, from := range []string{origin, b.url} {
			if r := write(cookie, "Origin", from); r.status != http.StatusAccepted {
				t.Errorf("%s: writing from %s: status %d: %s", name, from, r.status, r.body)
			}
		}
		wantProblem(t, write(cookie), http.StatusForbidden, "origin_required")
		for _, from := range []string{"https://evil.example.org", "null", origin + ".evil.org", strings.Replace(origin, "https", "http", 1), "https://"} {
			wantProblem(t, write(cookie, "Origin", from), http.StatusForbidden, "origin_not_allowed")
		}
	}
	wantProblem(t, b.get(t, jobsPath, "", "Cookie", account.SessionCookie+".1=ops:operator"), http.StatusUnauthorized, "token_missing")
	// A bearer token is not sent by browsers of themselves; it needs no origin.
	if r := b.send(t, "/api/v1/cleanup", operator, "{}", "Origin", "https://evil.example.org", "Cookie", whole); r.status != http.StatusAccepted {
		t.Errorf("bearer: status %d", r.status)
	}
}

// TestRealTokens runs the edge with the real verifier.
func TestRealTokens(t *testing.T) {
	t.Parallel()
	v, err := account.NewVerifier(account.Config{Secrets: []secret.String{secret.New(strings.Repeat("s", 40))}})
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, func(b *bench) { b.deps.Verifier = v })
	r := b.get(t, jobsPath, "")
	wantProblem(t, r, http.StatusUnauthorized, "token_missing")
	r = b.get(t, jobsPath, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.")
	wantProblem(t, r, http.StatusUnauthorized, "token_algorithm")
	if r.header.Get("WWW-Authenticate") != `Bearer realm="narrative", error="invalid_token", error_description="The token's algorithm is not HS256."` {
		t.Errorf("WWW-Authenticate is %s", r.header.Get("WWW-Authenticate"))
	}
}

func TestDevelopment(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bench) { b.config.Development, b.deps.Verifier = true, account.Developer{} })
	for _, path := range []string{jobsPath, "/health", "/monitoring", "/nothing", "/"} {
		if r := b.get(t, path, ""); r.header.Get("X-Narrative-Development") != "true" || r.status >= 400 && path != "/nothing" {
			t.Errorf("%s: status %d, %v", path, r.status, r.header)
		}
	}
	if r := b.send(t, "/api/v1/cleanup", "", "{}"); r.status != http.StatusAccepted {
		t.Errorf("a program: status %d", r.status)
	}
	for _, from := range []string{origin, b.url} {
		if r := b.send(t, "/api/v1/cleanup", "", "{}", "Origin", from); r.status != http.StatusAccepted {
			t.Errorf("%s: status %d", from, r.status)
		}
	}
	wantProblem(t, b.send(t, "/api/v1/cleanup", "", "{}", "Origin", "https://evil.example.org"), http.StatusForbidden, "origin_not_allowed")
	for host, status := range map[string]int{
		"evil.example.org": 403, "rebind.example.org:8080": 403, "localhost:8080": 200, "api": 200, "[::1]:80": 200, "x.localhost": 200, "app.example.org": 200,
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, jobsPath, nil)
		req.Host = host
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, req)
		if w.Code != status {
			t.Errorf("Host %s: status %d, want %d", host, w.Code, status)
		}
	}
	if h := setup(t).get(t, "/health", "").header.Get("X-Narrative-Development"); h != "" {
		t.Errorf("in production the header is %q", h)
	}
}

func TestMonitoringAndMetrics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, token := range map[string]string{"/monitoring": operator, "/monitoring/queues/training": operator, "/metrics": ""} {
		if r := b.get(t, path, token); r.status != http.StatusOK || len(r.body) == 0 {
			t.Errorf("%s: status %d", path, r.status)
		}
	}
	wantProblem(t, b.get(t, "/monitoring", ""), http.StatusUnauthorized, "token_missing")
	wantProblem(t, b.get(t, "/monitoring/x", ada), http.StatusForbidden, "role_required")
	wantProblem(t, b.send(t, "/monitoring/api/queues/x:pause", operator, ""), http.StatusMethodNotAllowed, "method_not_allowed")
}

func TestHealth(t *testing.T) {
	t.Parallel()
	status := httpapi.StatusOK
	b := setup(t, func(b *bench) {
		b.deps.Ready = func(context.Context) (any, string) {
			return httpapi.Readiness{Status: status, Checks: map[string]httpapi.Check{"redis": {Status: "unavailable", LatencyMS: 3, Error: "refused"}}}, status
		}
	})
	if r := b.get(t, "/health", ""); r.status != http.StatusOK || string(r.body) != `{"status":"ok"}` {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	for s, code := range map[string]int{httpapi.StatusOK: 200, httpapi.StatusDegraded: 200, httpapi.StatusUnavailable: 503} {
		status = s
		r := b.get(t, "/health/ready", "")
		if got := decode[httpapi.Readiness](t, r); r.status != code || got.Status != s || got.Checks["redis"].Error != "refused" {
			t.Errorf("%s: status %d: %s", s, r.status, r.body)
		}
	}
	if r := b.ask(t, http.MethodHead, "/health", "", nil); r.status != http.StatusOK {
		t.Errorf("HEAD: status %d", r.status)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	log := &record{}
	h, err := httpapi.NewOperations(slog.New(slog.NewJSONHandler(log, nil)), httpapi.Observed{
		Ready: ready, Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, status := range map[string]int{"/health": 200, "/health/ready": 200, "/metrics": 200, "/": 404, "/docs": 404, jobsPath: 404, "/monitoring": 404} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != status || status == 404 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: status %d, %v", path, w.Code, w.Header())
		}
	}
	if _, err := httpapi.NewOperations(nil, httpapi.Observed{}); err == nil {
		t.Error("nothing is needed")
	}
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.ask(t, http.MethodOptions, jobsPath, "", nil, "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,idempotency-key,last-event-id")
	if r.status != http.StatusNoContent || r.header.Get("Access-Control-Allow-Origin") != origin || r.header.Get("Access-Control-Allow-Credentials") != "true" ||
		!strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") || !strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "Last-Event-ID") {
		t.Errorf("preflight: status %d, %v", r.status, r.header)
	}
	for _, path := range []string{jobsPath, jobsPath + "/nonsense", "/nothing"} {
		r := b.get(t, path, ada, "Origin", origin)
		exposed := r.header.Get("Access-Control-Expose-Headers")
		for _, name := range []string{"Location", "ETag", "Retry-After", "Link", "Idempotency-Replayed", "X-Request-Id"} {
			if !strings.Contains(exposed, name) {
				t.Errorf("%s: %s is not exposed by %q", path, name, exposed)
			}
		}
		if r.header.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("%s: not allowed: %v", path, r.header)
		}
	}
	r = b.get(t, jobsPath, ada, "Origin", "https://evil.example.org")
	if r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", r.header)
	}
	closed := setup(t, func(b *bench) { b.config.Origins = nil })
	if r := closed.get(t, jobsPath, ada, "Origin", origin); r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("no origins: %v", r.header)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{jobsPath, "/nothing", "/docs", "/", "/health"} {
		r := b.get(t, path, ada)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Content-Security-Policy": "default-src 'none'",
		} {
			if !strings.HasPrefix(r.header.Get(name), want) {
				t.Errorf("%s: %s is %q", path, name, r.header.Get(name))
			}
		}
		if len(r.header.Get("X-Request-Id")) < 20 {
			t.Errorf("%s: X-Request-Id is %q", path, r.header.Get("X-Request-Id"))
		}
	}
	for given, kept := range map[string]bool{"abc-1._Z": true, "a b": false, strings.Repeat("a", 65): false, "é": false} {
		if r := b.get(t, "/health", "", "X-Request-Id", given); (r.header.Get("X-Request-Id") == given) != kept {
			t.Errorf("%q became %q", given, r.header.Get("X-Request-Id"))
		}
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 20 {
		b.jobs.add("ada", "training", "")
	}
	r := b.get(t, jobsPath, ada, "Accept-Encoding", "gzip")
	if r.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("headers are %v", r.header)
	}
	z, err := gzip.NewReader(strings.NewReader(string(r.body)))
	if err != nil {
		t.Fatal(err)
	}
	var page httpapi.Page[httpapi.Job]
	if err := json.NewDecoder(z).Decode(&page); err != nil || len(page.Items) != 20 {
		t.Errorf("%d items, %v", len(page.Items), err)
	}
	if r := b.get(t, "/health", "", "Accept-Encoding", "gzip"); r.header.Get("Content-Encoding") != "" {
		t.Error("a short answer was compressed")
	}
}

// broken is a service that panics, or gives what cannot be encoded, or hangs.
type broken struct {
	*jobs
	get func(ctx context.Context) (*job.Job, error)
}

func (b broken) Get(ctx context.Context, _, _ string) (*job.Job, error) { return b.get(ctx) }

func TestBrokenService(t *testing.T) {
	t.Parallel()
	address := jobsPath + "/" + identifier("job", 1)
	serve := func(t *testing.T, get func(ctx context.Context) (*job.Job, error)) *bench {
		t.Helper()
		return setup(t, func(b *bench) {
			b.deps.Jobs = broken{jobs: b.jobs, get: get}
			b.config.RequestTimeout = 50 * time.Millisecond
		})
	}
	t.Run("panic", func(t *testing.T) {
		t.Parallel()
		b := serve(t, func(context.Context) (*job.Job, error) { panic("the secret reason") })
		r := b.get(t, address, ada, "X-Request-Id", "req-7")
		wantProblem(t, r, http.StatusInternalServerError, "internal")
		log := b.log.String()
		if strings.Contains(string(r.body), "secret") || strings.Count(log, "the secret reason") != 1 || !strings.Contains(log, `"request_id":"req-7"`) || !strings.Contains(log, "edge_test.go") {
			t.Errorf("body %s, log %s", r.body, log)
		}
	})
	t.Run("not JSON", func(t *testing.T) {
		t.Parallel()
		b := serve(t, func(context.Context) (*job.Job, error) {
			return &job.Job{Meta: store.Meta{ID: identifier("job", 1), Revision: 1}, State: job.Succeeded, Result: []byte("{")}, nil
		})
		wantProblem(t, b.get(t, address, ada), http.StatusInternalServerError, "internal")
	})
	t.Run("hangs", func(t *testing.T) {
		t.Parallel()
		b := serve(t, func(ctx context.Context) (*job.Job, error) { <-ctx.Done(); return nil, ctx.Err() })
		wantProblem(t, b.get(t, address, ada), http.StatusServiceUnavailable, "deadline_exceeded")
	})
	t.Run("aborts", func(t *testing.T) {
		t.Parallel()
		b := serve(t, func(context.Context) (*job.Job, error) { panic(http.ErrAbortHandler) })
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+ada)
		if res, err := b.client.Do(req); err == nil {
			_ = res.Body.Close()
			t.Errorf("status %d", res.StatusCode)
		}
	})
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(t, jobsPath+"?cursor=", ada, "X-Request-Id", "req-9")
	var line map[string]any
	if err := json.Unmarshal([]byte(b.log.String()), &line); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"msg": "request", "level": "INFO", "request_id": "req-9", "method": "GET", "path": jobsPath, "route": jobsPath, "status": 200.0, "tenant": "ada"} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	if strings.Contains(b.log.String(), ada) {
		t.Error("the log holds the token")
	}
}

func TestConfigNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := httpapi.New(httpapi.Config{Origins: []string{"*", "https://a.org/", "ftp://a.org", "https://*.a.org:x"}}, httpapi.Deps{})
	for _, want := range []string{`"*"`, `"https://a.org/"`, `"ftp://a.org"`, "the largest body", "the longest stream", "Deps.Verifier", "Deps.Logger", "Deps.Ready"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	docs := string(b.get(t, "/docs", "").body)
	for _, r := range contractOf(t).routes {
		if !strings.Contains(docs, `id="`+r.id()+`"`) || !strings.Contains(docs, r.path) {
			t.Errorf("%s %s is not in /docs", r.method, r.path)
		}
	}
	for _, want := range []string{`id="problem-not_found"`, `id="scheme-bearer"`, `id="schema-TrainingRequest"`, "Last-Event-ID", "Idempotency-Key", "wait", "multipart/form-data", "curl -s"} {
		if !strings.Contains(docs, want) {
			t.Errorf("/docs does not say %q", want)
		}
	}
	kinds := map[string]string{"/": "text/html", "/docs": "text/html", "/dataset": "text/html", "/openapi.json": "application/openapi+json", "/openapi.yaml": "application/openapi+yaml"}
	assets, err := fs.Glob(web.Files(), "*.[jcs]*")
	if err != nil || len(assets) < 14 {
		t.Fatalf("the pages load %q, %v", assets, err)
	}
	for _, name := range assets {
		kinds["/assets/"+name] = map[string]string{".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}[filepath.Ext(name)]
	}
	for path, kind := range kinds {
		r := b.get(t, path, "")
		if r.status != http.StatusOK || !strings.HasPrefix(r.header.Get("Content-Type"), kind) || len(r.body) == 0 {
			t.Errorf("%s: status %d, %q", path, r.status, r.header.Get("Content-Type"))
		}
		if !strings.HasPrefix(path, "/openapi") {
			wantRevalidated(t, b, path, r)
		}
		page := strings.ReplaceAll(string(r.body), "http://www.w3.org/2000/svg", "")
		for _, loads := range []string{`src="http`, `src="//`, `rel="stylesheet" href="http`, "@import", "url(http", "<style", "onclick=", " style=", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"} {
			if strings.Contains(page, loads) {
				t.Errorf("%s has %q, which its policy forbids", path, loads)
			}
		}
	}
	// What pages share is on each of them, once.
	for path, title := range map[string]string{"/": "Narrative", "/dataset": "Data set - Narrative", "/docs": "Narrative API"} {
		shown := string(b.get(t, path, "").body)
		for _, want := range []string{"<title>" + title + "</title>", `<meta name="viewport"`, `<link rel="stylesheet" href="/assets/style.css">`, `<header class="bar">`, `<a class="brand" href="/">Narrative</a>`} {
			if n := strings.Count(shown, want); n != 1 {
				t.Errorf("%s has %s %d times", path, want, n)
			}
		}
	}
	if r := b.ask(t, http.MethodHead, "/docs", "", nil); r.status != http.StatusOK || len(r.body) != 0 {
		t.Errorf("HEAD: status %d, %d bytes", r.status, len(r.body))
	}
	wantProblem(t, b.get(t, "/assets/../web.go", ""), http.StatusNotFound, "route_not_found")
}

// wantRevalidated checks that a page is sent again to those alone who have another.
func wantRevalidated(t *testing.T, b *bench, path string, r reply) {
	t.Helper()
	tag := r.header.Get("ETag")
	if len(tag) < 10 || r.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%s: tag %q, %q", path, tag, r.header.Get("Cache-Control"))
	}
	if again := b.get(t, path, "", "If-None-Match", tag); again.status != http.StatusNotModified || len(again.body) != 0 {
		t.Errorf("%s: status %d for the tag that it has", path, again.status)
	}
	if other := b.get(t, path, "", "If-None-Match", `"0123456789"`); other.status != http.StatusOK || !bytes.Equal(other.body, r.body) {
		t.Errorf("%s: status %d for another tag", path, other.status)
	}
}
