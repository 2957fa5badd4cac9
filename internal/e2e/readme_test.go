package e2e_test

import (
	"context"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// tour returns the commands of the README's tour as one script.
func tour(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "## Five minutes with curl")
	section, _, ended := strings.Cut(section, "\n## ")
	if !found || !ended {
		t.Fatal("the README has no tour")
	}
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```bash\n(.*?)```").FindAllStringSubmatch(section, -1) {
		script.WriteString(block[1])
	}
	return script.String()
}

// TestTour does what the README shows, letter by letter but for the address,
// and twice, since people do that.
func TestTour(t *testing.T) {
	t.Parallel()
	_, url := dev(t, t.TempDir())
	const shown = "http://127.0.0.1:8080"
	script := tour(t)
	if !strings.Contains(script, "API="+shown+"/api/v1\n") {
		t.Fatalf("the tour does not begin with the address:\n%s", script)
	}
	script = strings.ReplaceAll(script, shown, url)
	folder := t.TempDir()
	internal, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(internal, filepath.Join(folder, "internal")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		command := exec.CommandContext(ctx, "bash", "-eu", "-c", script)
		command.Dir = folder
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		if n := len(regexp.MustCompile(`(?m)^.*succeeded$`).FindAllString(string(out), -1)); n != 4 {
			t.Fatalf("%d jobs succeeded:\n%s", n, out)
		}
		file, err := os.Open(filepath.Join(folder, "predictions.csv"))
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(file).ReadAll()
		if err != nil || len(records) != 1+1760 || strings.Join(records[0], ",") != "row_id,prediction,probability_yes,probability_no" {
			t.Errorf("%d records were downloaded: %v", len(records), err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}
