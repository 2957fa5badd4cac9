package app_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/app"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/telemetry"
)

// What the circuit breaker of a job's process does is counted by its worker,
// beside what the worker's own does.
func TestBreakersOfAJobsProcessAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := telemetry.New("test")
		var log strings.Builder
		guard, hear, err := app.JobProcess(m, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		away := func(context.Context) error { return fault.Unavailable("storage_unavailable", "away") }
		for range 8 {
			if err := guard.Do(t.Context(), away); err == nil {
				t.Error("a call to a part that is away was answered")
			}
		}
		<-time.After(2 * time.Second)
		if err := guard.Do(t.Context(), func(context.Context) error { return nil }); err != nil {
			t.Errorf("a part that is back: %v", err)
		}
		synctest.Wait()
		text := scrape(t, m)
		for _, state := range []string{"open", "half_open", "closed"} {
			if line := `narrative_job_process_breaker_transitions_total{dependency="s3",state="` + state + `"} 1`; !strings.Contains(text, line) {
				t.Errorf("the metrics lack %s", line)
			}
		}
		if strings.Contains(text, "narrative_circuit_breaker_transitions_total{") {
			t.Error("the worker's own breaker has changed")
		}
		for _, body := range []string{`{"dependency":"moon","state":"open"}`, `{"dependency":"s3","state":"ajar"}`, `{`} {
			before := log.Len()
			hear(app.EventBreaker, json.RawMessage(body))
			if log.Len() == before {
				t.Errorf("%s was taken", body)
			}
		}
		if again := scrape(t, m); strings.Contains(again, "moon") || strings.Contains(again, "ajar") {
			t.Error("what nobody knows is in the metrics")
		}
	})
}

func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
