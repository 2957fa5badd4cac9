package chaos_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/narrativeml/narrative/internal/drill/chaos"
)

// built is the tagged program, one for all tests.
type built struct {
	once sync.Once
	dir  string
	err  error
}

var tagged built

func TestMain(m *testing.M) {
	code := m.Run()
	if tagged.dir != "" {
		_ = os.RemoveAll(tagged.dir)
	}
	os.Exit(code)
}

// program builds the program with the tag chaos and returns its path.
func program(t *testing.T) string {
	t.Helper()
	tagged.once.Do(func() {
		if tagged.dir, tagged.err = os.MkdirTemp("", "narrative-chaos-"); tagged.err != nil { //nolint:usetesting // for all tests
			return
		}
		build := exec.CommandContext(t.Context(), "go", "build", "-tags", "chaos", "-ldflags", "-s -w", "-o", tagged.dir+"/narrative", "../../../cmd/narrative")
		if out, err := build.CombinedOutput(); err != nil {
			tagged.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if tagged.err != nil {
		t.Fatal(tagged.err)
	}
	return filepath.Join(tagged.dir, "narrative")
}

// TestShort is the short tier: some dozen jobs, every sort of fault, some crash
// points, and everything that is switched off is noticed.
func TestShort(t *testing.T) { //nolint:paralleltest // the file server changes the folder of the process
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" { //nolint:forbidigo // set by every CI service
			t.Fatal("redis-server is not on PATH; CI must install it")
		}
		t.Skip("redis-server is not on PATH; install it to run this test")
	}
	const jobs = 30
	path, dir := program(t), t.TempDir()
	var out bytes.Buffer
	tier := chaos.TierFor(jobs)
	outcome, err := chaos.Start(t.Context(), chaos.Options{
		Program: path, Tagged: path, Dir: dir, Jobs: jobs, Seed: 1, Tier: tier, Out: &out,
	})
	t.Log(out.String())
	if err != nil {
		t.Log(logs(dir))
		t.Fatal(err)
	}
	if outcome.Hits == 0 || outcome.Kills < outcome.Hits || outcome.Jobs < jobs {
		t.Errorf("%d jobs, %d kills, %d of which hit a running job", outcome.Jobs, outcome.Kills, outcome.Hits)
	}
	if last := lastLine(out.String()); last != fmt.Sprintf("chaos: %d jobs, %d kills, 0 lost, 0 doubled, 0 stuck", outcome.Jobs, outcome.Kills) {
		t.Errorf("the last line is %q", last)
	}
	events, err := chaos.ReadHistory(filepath.Join(dir, "main", "history.jsonl"))
	if err != nil || len(events) < 10*jobs {
		t.Errorf("%d events can be read again, %v", len(events), err)
	}
	for _, what := range []chaos.What{chaos.Expected, chaos.Held, chaos.Freed, chaos.Fault} {
		if !slices.ContainsFunc(events, func(e chaos.Event) bool { return e.What == what }) {
			t.Errorf("nothing is %s", what)
		}
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// logs returns the ends of the logs of a run.
func logs(dir string) string {
	var b strings.Builder
	found, _ := filepath.Glob(filepath.Join(dir, "*", "*.log"))
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		const most = 3000
		fmt.Fprintf(&b, "== %s\n%s\n", path, text[max(0, len(text)-most):])
	}
	return b.String()
}
