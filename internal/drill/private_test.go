package drill_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/drill"
)

func TestPrivateArea(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	figures, err := drill.PrivateArea().Measure(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	if err := drill.Merge(filepath.Join(t.TempDir(), "bench.json"), figures); err != nil {
		t.Error(err)
	}
	values := map[string]float64{}
	for _, f := range figures {
		values[f.Name] = f.Value
	}
	for _, name := range []string{"pii-own-precision", "pii-own-recall", "pii-own-email-recall", "pii-nameless-recall", "pii-later-precision", "pii-later-recall", "pii-exports-phone-recall", "pii-unseen-recall", "pii-unseen-nameless-recall", "pii-things-wrong", "pii-scan-10mb"} {
		if v, ok := values[name]; !ok || v <= 0 {
			t.Errorf("%s is %v", name, v)
		}
	}
	// What is lost is told, so that nobody takes the figures for more than they are.
	if values["pii-later-recall"] < 1 && !strings.Contains(out.String(), "later: ") {
		t.Errorf("columns are lost and not told: %s", out.String())
	}
}
