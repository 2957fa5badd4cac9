package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSeparateProcesses runs every process by itself beside the embedded
// parts, which are another one.
func TestSeparateProcesses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	parts := start(t, nil, program(t, "narrative"), "parts", "--data-dir", folder, "--log-format", "json")
	parts.logged("parts are up")
	variables, err := os.ReadFile(filepath.Join(folder, "parts.env"))
	if err != nil {
		t.Fatal(err)
	}
	startCluster(t, strings.Fields(string(variables))).work(t)
	if code := parts.terminate(); code != 0 {
		t.Errorf("%s: exit code %d after SIGTERM, want 0", parts.name, code)
	}
}
