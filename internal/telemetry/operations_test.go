package telemetry_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/telemetry"
)

var update = flag.Bool("update", false, "write the list of metrics into docs/operations.md")

// Marks around the part of the page that the test writes.
const (
	begin = "<!-- metrics: written by go test ./internal/telemetry -update -->\n"
	end   = "<!-- end of metrics -->\n"
)

// table returns the metrics as a table.
func table() string {
	var b strings.Builder
	b.WriteString("| name | type | labels | meaning |\n|---|---|---|---|\n")
	for _, e := range telemetry.New("").Entries() {
		labels := make([]string, len(e.Labels))
		for i, l := range e.Labels {
			labels[i] = "`" + l + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", e.Name, e.Type, strings.Join(labels, ", "), e.Help)
	}
	return b.String()
}

func TestThePageListsTheMetrics(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "operations.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s lacks the marks around the list", path)
	}
	want := before + begin + table() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is out of date; run go test ./internal/telemetry -update", path)
	}
}
