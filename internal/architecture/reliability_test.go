package architecture_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestArchitectureReliabilityNamesRealTests looks for every test that
// docs/reliability.md names beside a promise.
func TestArchitectureReliabilityNamesRealTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "reliability.md"))
	if err != nil {
		t.Fatal(err)
	}
	folder, named := regexp.MustCompile("`(internal/[a-z0-9/]+)`"), regexp.MustCompile("`internal/[a-z0-9/]+`|Test[A-Za-z0-9]+")
	promises, tests := 0, 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| **") {
			continue
		}
		promises++
		at := ""
		for _, word := range named.FindAllString(line, -1) {
			if found := folder.FindStringSubmatch(word); found != nil {
				at = found[1]
				continue
			}
			tests++
			if !declared(t, at, word) {
				t.Errorf("docs/reliability.md names %s of %q, which is not there", word, at)
			}
		}
		if !strings.Contains(line, "Test") && !strings.Contains(line, "main") {
			t.Errorf("nothing is said to keep the promise: %s", line)
		}
	}
	if promises < 15 || tests < 20 {
		t.Errorf("%d promises and %d tests were found", promises, tests)
	}
}

// declared reports whether a test file of the folder has the test.
func declared(t *testing.T, folder, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "func "+test+"(t *testing.T)") {
			return true
		}
	}
	return false
}
