package blob_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/fault"
)

// gate is a guard that refuses while it is shut, and counts what it is told.
type gate struct {
	shut                      atomic.Bool
	answered, failed, refused atomic.Int64
}

// shutError says not to try again, as a circuit breaker does.
type shutError struct{}

func (shutError) Error() string        { return "the gate is shut" }
func (shutError) RetryableError() bool { return false }

func (g *gate) Do(ctx context.Context, call func(context.Context) error) error {
	if g.shut.Load() {
		g.refused.Add(1)
		return fault.Unavailable("storage_unavailable", "the gate is shut").Because(shutError{})
	}
	err := call(ctx)
	if err == nil {
		g.answered.Add(1)
	} else {
		g.failed.Add(1)
	}
	return err
}

func TestTheGuardIsToldWhatTheServiceAnswers(t *testing.T) {
	t.Parallel()
	for status, failed := range map[int]bool{
		http.StatusOK: false, http.StatusNotFound: false, http.StatusForbidden: false, http.StatusNotImplemented: false,
		http.StatusServiceUnavailable: true, http.StatusInternalServerError: true,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			t.Cleanup(server.Close)
			g := &gate{}
			k := config(t)
			k.Endpoint, k.Guard = server.URL, g
			c, err := blob.New(k)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // the SDK would try for seconds
			defer cancel()
			_, _, err = c.Stat(ctx, "k")
			if (err == nil) != (status == http.StatusOK) {
				t.Error(err)
			}
			if told := g.failed.Load() > 0; told != failed || g.failed.Load()+g.answered.Load() == 0 {
				t.Errorf("%d failures and %d answers were told", g.failed.Load(), g.answered.Load())
			}
		})
	}
}

func TestARefusedRequestIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	g := &gate{}
	k := config(t)
	k.Guard = g
	c, err := blob.New(k)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.EnsureBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := g.answered.Load()
	if _, err := c.Put(t.Context(), "guarded", "", strings.NewReader("x")); err != nil || g.answered.Load() == before {
		t.Fatalf("%v, %d answers", err, g.answered.Load()-before)
	}
	g.shut.Store(true)
	for range 20 {
		if _, err := c.Put(t.Context(), "guarded", "", strings.NewReader("x")); fault.CodeOf(err) != "storage_unavailable" {
			t.Fatal(err)
		}
	}
	if n := g.refused.Load(); n != 20 {
		t.Errorf("the client asked %d times for 20 files", n)
	}
	g.shut.Store(false)
	k.Endpoint, k.Timeout = "http://127.0.0.1:1", 100*time.Millisecond
	if c, err = blob.New(k); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Stat(t.Context(), "k"); fault.CodeOf(err) != "storage_unavailable" || g.failed.Load() == 0 {
		t.Errorf("%v, %d failures", err, g.failed.Load())
	}
}
