package telemetry_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/telemetry"
)

func TestTheStateOfABreakerIsANumber(t *testing.T) {
	t.Parallel()
	m := telemetry.New("1.2.3")
	b := m.Breakers.Of("store")
	for _, step := range []struct{ state, want string }{{"", "0"}, {"open", "2"}, {"half_open", "1"}, {"closed", "0"}} {
		if step.state != "" {
			b.Changed(step.state)
		}
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
		if line := `narrative_circuit_breaker_state{dependency="store"} ` + step.want + "\n"; !strings.Contains(w.Body.String(), line) {
			t.Errorf("after %q the metrics lack %s", step.state, line)
		}
	}
}
