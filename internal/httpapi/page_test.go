package httpapi_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
)

// The start page draws the eight stages of the newest data sets.
func TestThePageDrawsWorkflows(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	uploaded := b.upload(t, ada, nil, "file", "a,b\n1,\n2,x\n,y\n4,y\n5,x\n6,\n")
	id := decode[httpapi.Accepted](t, uploaded).DatasetID
	b.finished(t, ada, uploaded)
	node := exec.CommandContext(t.Context(), "node", "testdata/page.mjs", b.url, ada, "../../web/page/app.js")
	var stderr strings.Builder
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	var page struct {
		State string
		Flows []struct {
			Title, Next string
			Steps       []struct{ Name, State, Title string }
		}
	}
	if err := json.Unmarshal(out, &page); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if page.State != "Live" || len(page.Flows) != 1 || len(page.Flows[0].Steps) != 8 || !strings.Contains(page.Flows[0].Next, "narrative schema "+id) {
		t.Fatalf("the page shows %s", out)
	}
	var shown []string
	for _, s := range page.Flows[0].Steps {
		shown = append(shown, s.Name+": "+s.State)
	}
	want := "load: done, profile: done, prepare: ready, engineer features: locked, train: locked, evaluate: locked, predict: locked, deploy: locked"
	if got := strings.Join(shown, ", "); got != want || !strings.Contains(page.Flows[0].Steps[3].Title, "Needs: the table is clean") {
		t.Errorf("the stages are %s, %q", got, page.Flows[0].Steps[3].Title)
	}
}
