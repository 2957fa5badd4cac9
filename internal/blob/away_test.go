package blob_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/secret"
)

func TestTheServiceIsAway(t *testing.T) {
	t.Parallel()
	k := config(t)
	k.Endpoint, k.Timeout = "http://127.0.0.1:1", 500*time.Millisecond
	var failures atomic.Int64
	k.Observe = func(_ string, _ time.Duration, err error) {
		if err != nil {
			failures.Add(1)
		}
	}
	c, err := blob.New(k)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(ctx context.Context) error{
		"put":           func(ctx context.Context) error { return second(c.Put(ctx, "k", "", strings.NewReader("x"))) },
		"open":          func(ctx context.Context) error { return second(c.Open(ctx, "k")) },
		"open at":       func(ctx context.Context) error { _, _, err := c.OpenAt(ctx, "k"); return err },
		"delete":        func(ctx context.Context) error { return c.Delete(ctx, "k") },
		"each":          func(ctx context.Context) error { return c.Each(ctx, "", nil) },
		"abort uploads": func(ctx context.Context) error { return second(c.AbortUploads(ctx, "", time.Now(), nil, false)) },
		"ping":          c.Ping,
		"ensure bucket": c.EnsureBucket,
	}
	for name, call := range calls {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := call(ctx)
		cancel()
		if fault.CodeOf(err) != "storage_unavailable" || !fault.Transient(err) {
			t.Errorf("%s gave %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), gateway.SecretAccessKey().Reveal()) {
			t.Errorf("%s shows the secret", name)
		}
	}
	if failures.Load() != int64(len(calls)) {
		t.Errorf("%d of %d failures were observed", failures.Load(), len(calls))
	}
}

func TestAStalledDownloadEnds(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "start")
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		<-release
	}))
	defer server.Close()
	defer close(release)
	k := config(t)
	k.Endpoint, k.Timeout = server.URL, 200*time.Millisecond
	c, err := blob.New(k)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, r)
	if text, err := io.ReadAll(r); string(text) != "start" || fault.CodeOf(err) != "storage_unavailable" {
		t.Errorf("read %q, %v", text, err)
	}
}

func TestValidateListsEveryMistake(t *testing.T) {
	t.Parallel()
	err := blob.Config{Endpoint: "ftp://x", PublicEndpoint: "https://user:hunter2@x", Bucket: "A", PartSize: 1}.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{"the endpoint", "the public endpoint", "region", `"A"`, "access key id", "secret access key", "timeout", "part size", "concurrency", "cache"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not named in %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password is shown: %v", err)
	}
	if _, err := blob.New(blob.Config{}); err == nil {
		t.Error("New took an empty configuration")
	}
	c := blob.DefaultConfig() // AWS itself
	c.Bucket, c.AccessKeyID, c.SecretAccessKey = "narrative", "id", secret.New("key")
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestARegionIsNamedAtCreation(t *testing.T) {
	t.Parallel()
	var body atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			text, _ := io.ReadAll(r.Body)
			body.Store(string(text))
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	k := config(t)
	k.Endpoint, k.Region = server.URL, "eu-central-1"
	c, err := blob.New(k)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.EnsureBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text, _ := body.Load().(string); !strings.Contains(text, "eu-central-1") {
		t.Errorf("the request was %q", text)
	}
}
