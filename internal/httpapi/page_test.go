package httpapi_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
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
			Title, Next, Href string
			Steps             []struct{ Name, State, Title string }
		}
	}
	if err := json.Unmarshal(out, &page); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if page.State != "Live" || len(page.Flows) != 1 || len(page.Flows[0].Steps) != 8 || !strings.Contains(page.Flows[0].Next, "narrative schema "+id) || page.Flows[0].Href != "/dataset?id="+id {
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

// TestThePageOfADataSetDraws reads the profile of a table with a bit of everything, and
// draws each kind of chart of it.
func TestThePageOfADataSetDraws(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	var table strings.Builder
	table.WriteString("Total,when,x,kind,note\n")
	for i := range 60 {
		fmt.Fprintf(&table, "%d.5,2024-%02d-%02d,%d,%s,%s\n", i, 1+i%12, 1+i%28, (i*7)%31, []string{"A Thing", "<b>b</b>"}[i%2], []string{"", "n"}[i%3/2])
	}
	uploaded := b.upload(t, ada, nil, "file", table.String())
	id := decode[httpapi.Accepted](t, uploaded).DatasetID
	b.finished(t, ada, uploaded)
	type drawn struct {
		Name, About                string
		Quality, Findings, Missing []string
		Columns                    []struct {
			Text string
			Bars int
		}
		Links  int
		Charts map[string]struct {
			State string
			Marks int
			Odd   bool
		}
	}
	draw := func(id string) drawn {
		t.Helper()
		node := exec.CommandContext(t.Context(), "node", "testdata/dataset.mjs", b.url, ada, id, "../../web/page/draw.js", "../../web/page/dataset.js")
		var stderr strings.Builder
		node.Stderr = &stderr
		out, err := node.Output()
		if err != nil {
			t.Fatalf("node: %v\n%s", err, stderr.String())
		}
		var page drawn
		if err := json.Unmarshal(out, &page); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return page
	}
	page := draw(id)
	if !strings.Contains(page.About, "60 rows, 5 columns; read as csv") || len(page.Quality) < 5 || len(page.Columns) != 5 || page.Links != 1 || len(page.Missing) != 2 {
		t.Fatalf("the page shows %+v", page)
	}
	if !slices.ContainsFunc(page.Findings, func(s string) bool { return strings.Contains(s, `"note" lacks`) }) {
		t.Errorf("findings %q", page.Findings)
	}
	if c := page.Columns[0]; !strings.HasPrefix(c.Text, "Total") || c.Bars < 10 || page.Columns[3].Bars != 2 || !strings.Contains(page.Columns[1].Text, "2024-01-01") {
		t.Errorf("columns %+v", page.Columns)
	}
	if len(page.Charts) != 6 {
		t.Errorf("charts %+v", page.Charts)
	}
	for kind, c := range page.Charts {
		if c.Odd || c.Marks < 2 || !strings.Contains(c.State, "Of 60 of 60 rows") {
			t.Errorf("%s: %+v", kind, c)
		}
	}
	if page := draw("ds_none"); !strings.Contains(page.About, "data set") || len(page.Charts) > 0 {
		t.Errorf("the page of what is not there shows %+v", page)
	}
}
