package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/client"
)

const (
	starvedShare = 0.05             // of a core that the worker gets
	starvedFor   = 25 * time.Second // longer than dead_after; NARRATIVE_STARVE_FOR=10m for the whole gate
	deadAfter    = 15 * time.Second
	revivedIn    = 20 * time.Second // after the worker was stopped, on a machine that is not overloaded
)

// TestAStarvedWorkerLivesAndAStoppedOneIsFenced gives a worker that trains 5 %
// of a core: its job stays its own. Then it is stopped altogether: the job is
// taken from it, and what it does when it goes on counts for nothing.
func TestAStarvedWorkerLivesAndAStoppedOneIsFenced(t *testing.T) {
	t.Parallel()
	starve := starvedFor
	if text, set := os.LookupEnv("NARRATIVE_STARVE_FOR"); set {
		var err error
		if starve, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	parts := start(t, nil, program(t, "narrative"), "parts", "--data-dir", folder, "--log-format", "json")
	parts.logged("parts are up")
	variables, err := os.ReadFile(filepath.Join(folder, "parts.env"))
	if err != nil {
		t.Fatal(err)
	}
	cl := &cluster{env: append(strings.Fields(string(variables)), "AUTH_SECRET="+authSecret)}
	cl.api = start(t, cl.env, program(t, "api"), "--http-addr", "127.0.0.1:0")
	cl.url = address(cl.api)
	worker := start(t, cl.env, program(t, "worker"), "--ops-addr", "127.0.0.1:0", "--pool", "data=1", "--pool", "training=1", "--threads", "2")
	start(t, cl.env, program(t, "scheduler"), "--ops-addr", "127.0.0.1:0", "--dead-after", deadAfter.String()).logged("scheduler leads")
	c := cl.client(t, token(t, "acme", "analyst"))
	dataset, _ := upload(t, c, repeated(t, table(t, "insurance"), 4))
	j, err := c.Train(t.Context(), client.TrainRequest{DatasetID: dataset, Target: "insurance", Algorithms: []string{"gbdt"}, Trees: 5000, Folds: 10}, "")
	if err != nil {
		t.Fatal(err)
	}
	await(t, c, j.ID, "it runs", func(j *client.Job) bool { return j.State == "running" && j.Progress.Fraction > 0 })
	pid := worker.cmd.Process.Pid
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })

	got := ration(t, pid, starve)
	if j, err = c.Job(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	t.Logf("with %.1f %% of a core for %s: %s, attempt %d", 100*got, starve, j.State, j.Attempt)
	if got >= starvedShare && (j.Attempt != 1 || j.State != "running" && j.State != client.Succeeded) {
		t.Errorf("a worker that had %.1f %% of a core lost its job: %s, attempt %d", 100*got, j.State, j.Attempt)
	}
	if j.Terminal() {
		t.Fatal("the training is too short for this test")
	}

	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	await(t, c, j.ID, "it is taken from the stopped worker", func(j *client.Job) bool { return j.State == "pending" || j.State == "queued" })
	took := time.Since(stopped)
	t.Logf("taken from the stopped worker after %s", took.Round(time.Second/10))
	if took < deadAfter-5*time.Second {
		t.Errorf("it was taken after %s already", took)
	}
	if took > revivedIn {
		t.Logf("that is more than %s; the machine is busy", revivedIn)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if end := worker.loggedOf("job finished", j.ID); end["outcome"] != "lost" {
		t.Errorf("the stopped attempt ended as %v", end)
	}
	await(t, c, j.ID, "it is taken up anew", func(j *client.Job) bool { return j.State == "running" && j.Attempt == 2 })
	if _, err := c.Cancel(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
}

// await polls the job until it is so.
func await(t *testing.T, c *client.Client, id, what string, so func(*client.Job) bool) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		j, err := c.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if so(j) {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%s: not within %s: %+v", what, patience, j)
		}
	}
}

// ration lets the process have its share of a core and no more, by stopping it
// whenever it has had it, and returns what it got.
func ration(t *testing.T, pid int, d time.Duration) float64 {
	t.Helper()
	const look = 10 * time.Millisecond
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	begin, before := time.Now(), processorTime(t, pid)
	running := true
	for time.Since(begin) < d {
		<-ticker.C
		hungry := processorTime(t, pid)-before <= time.Duration(starvedShare*float64(time.Since(begin)))
		signal := syscall.SIGSTOP
		if hungry {
			signal = syscall.SIGCONT
		}
		if hungry != running {
			if err := syscall.Kill(pid, signal); err != nil {
				t.Fatal(err)
			}
			running = hungry
		}
	}
	used := processorTime(t, pid) - before
	share := used.Seconds() / time.Since(begin).Seconds()
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	return share
}

// processorTime returns how long the process has had a core.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := bytes.Cut(text, []byte(") "))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 13 {
		t.Fatalf("not understood: %s", text)
	}
	ticks := 0
	for _, field := range fields[11:13] { // user and system
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
