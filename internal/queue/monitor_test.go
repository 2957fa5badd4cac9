package queue_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/queue"
)

func TestTheMonitorShowsAndChangesNothing(t *testing.T) {
	t.Parallel()
	for name, setup := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			m, err := queue.NewMonitor(b.config, b.logger())
			if err != nil {
				t.Fatal(err)
			}
			defer closing(t, m)
			call := func(method, path string) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				m.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, queue.MonitorPath+path, http.NoBody))
				return w
			}
			if w := call(http.MethodGet, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), queue.MonitorPath) {
				t.Errorf("the page is %d %.200s", w.Code, w.Body)
			}
			if w := call(http.MethodGet, "/api/queues"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"training"`) {
				t.Errorf("queues before the first task: %d %s", w.Code, w.Body)
			}
			if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
				t.Fatal(err)
			}
			w := call(http.MethodGet, "/api/queues/data/pending_tasks")
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `job_a`) || !strings.Contains(w.Body.String(), `"ingest"`) {
				t.Errorf("tasks: %d %s", w.Code, w.Body)
			}
			for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodPut} {
				if w := call(method, "/api/queues/data/pending_tasks:delete_all"); w.Code != http.StatusMethodNotAllowed {
					t.Errorf("%s gave %d", method, w.Code)
				}
			}
			if depths, err := b.client.Depths(t.Context()); err != nil || depths[0].Pending != 1 {
				t.Errorf("depths are %+v, %v", depths, err)
			}
		})
	}
}

func TestTheMonitorWithoutRedis(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m, err := queue.NewMonitor(b.config, b.logger())
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, m)
	b.memory.Close()
	call := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, queue.MonitorPath+path, http.NoBody))
		return w
	}
	w := call("/api/queues")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(b.log.String(), "queues not shown") {
		t.Errorf("got %d, log %s", w.Code, b.log)
	}
	if w := call(""); w.Code != http.StatusOK {
		t.Errorf("the page itself answers %d", w.Code)
	}
}
