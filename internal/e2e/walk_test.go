package e2e_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/sample"
)

// shell runs a command line as a person would who has the program on the path.
func shell(t *testing.T, url, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", line)
	command.Env = []string{"PATH=" + filepath.Dir(program(t, "narrative")) + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NARRATIVE_URL=" + url} //nolint:forbidigo // as a shell has it
	var errs strings.Builder
	command.Stderr = &errs
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", line, err, out, errs.String())
	}
	return string(out)
}

// TestWalkByCommandLine takes the messy data sets through the first four stages by
// the commands that the workflow shows, letter by letter but for the target, which
// only people know.
func TestWalkByCommandLine(t *testing.T) {
	t.Parallel()
	_, url := dev(t, t.TempDir())
	for _, set := range sample.MessySets() {
		file, err := set.Open()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), set.Filename)
		to, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteTo(to); err != nil {
			t.Fatal(err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		var made struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal([]byte(shell(t, url, "narrative upload --json "+path)), &made); err != nil || made.ID == "" {
			t.Fatalf("uploaded %+v: %v", made, err)
		}
		var done []string
		for range 12 {
			shown := strings.TrimSpace(shell(t, url, "narrative workflow "+made.ID))
			next := strings.TrimSpace(shown[strings.LastIndex(shown, "\n")+1:])
			if strings.HasPrefix(next, "narrative train ") {
				break
			}
			next = strings.Replace(next, "COLUMN=target", "'"+set.Target+"=target'", 1)
			done = append(done, next)
			shell(t, url, next)
		}
		var flow struct {
			Stages []struct {
				Name  string `json:"name"`
				State string `json:"state"`
			} `json:"stages"`
		}
		if err := json.Unmarshal([]byte(shell(t, url, "narrative workflow --json "+made.ID)), &flow); err != nil || len(flow.Stages) != 8 {
			t.Fatalf("%s: %+v: %v", set.Name, flow, err)
		}
		for i, want := range []string{"done", "done", "done", "done", "ready"} {
			if flow.Stages[i].State != want {
				t.Errorf("%s: the stage %s is %s after\n%s", set.Name, flow.Stages[i].Name, flow.Stages[i].State, strings.Join(done, "\n"))
			}
		}
		if len(done) < 4 {
			t.Errorf("%s: it took only\n%s", set.Name, strings.Join(done, "\n"))
		}
	}
}
