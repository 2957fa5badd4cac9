package e2e_test

import (
	"bytes"
	"errors"
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
	starvedShare = 0.05             // of a core, with which a worker has to be left alone
	givenShare   = 0.055            // that it is given, with its job's process: a little more
	starvedFor   = 25 * time.Second // longer than dead_after
	deadAfter    = 15 * time.Second
	revivedIn    = 20 * time.Second // after the worker was stopped, on a machine that is not overloaded
)

// starveFor is for how long the worker is starved. The whole gate takes ten
// minutes, and go test has to be given more than its usual ten:
//
//	NARRATIVE_STARVE_FOR=10m go test ./internal/e2e -run Starved -timeout 30m -v
func starveFor(t *testing.T) time.Duration {
	t.Helper()
	text, set := os.LookupEnv("NARRATIVE_STARVE_FOR")
	if !set {
		return starvedFor
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		t.Fatalf("NARRATIVE_STARVE_FOR is %q; write a period such as 10m: %v", text, err)
	}
	const rest = 8 * time.Minute // what is built, waited for and stopped beside it, at most
	if end, bounded := t.Deadline(); bounded && time.Until(end) < d+rest {
		t.Fatalf("go test ends in %s; to starve a worker for %s say -timeout %s", time.Until(end).Round(time.Second), d, d+2*rest)
	}
	return d
}

// TestAStarvedWorkerLivesAndAStoppedOneIsFenced gives a worker that trains, and
// the process that it trains in, 5 % of a core: its job stays its own. Then it
// is stopped altogether: the job is taken from it, and what it does when it goes
// on counts for nothing.
func TestAStarvedWorkerLivesAndAStoppedOneIsFenced(t *testing.T) {
	t.Parallel()
	starve := starveFor(t)
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
	rows := 4 + 2*int(starve/time.Minute) // times as many, so that the training outlasts it
	dataset, _ := upload(t, c, repeated(t, table(t, "insurance"), rows))
	j, err := c.Train(t.Context(), client.TrainRequest{DatasetID: dataset, Target: "insurance", Algorithms: []string{"gbdt"}, Trees: 5000, Folds: 10}, "")
	if err != nil {
		t.Fatal(err)
	}
	await(t, c, j.ID, "it runs", func(j *client.Job) bool { return j.State == "running" && j.Progress.Fraction > 0 })
	pid := worker.cmd.Process.Pid
	t.Cleanup(func() { _ = signal(pid, syscall.SIGCONT) })

	got := ration(t, pid, starve)
	if j, err = c.Job(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	t.Logf("with %.1f %% of a core for %s: %s, attempt %d, progress %.3f", 100*got, starve, j.State, j.Attempt, j.Progress.Fraction)
	if got < starvedShare {
		t.Logf("that is less than %.0f %%, and shows nothing; the machine is busy", 100*starvedShare)
	} else if j.Attempt != 1 || j.State != "running" && j.State != client.Succeeded {
		t.Errorf("a worker that had %.1f %% of a core lost its job: %s, attempt %d", 100*got, j.State, j.Attempt)
	}
	if j.Terminal() {
		t.Fatal("the training is too short for this test")
	}

	if err := signal(pid, syscall.SIGSTOP); err != nil {
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
	if err := signal(pid, syscall.SIGCONT); err != nil {
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

// ration lets the process and its children together have their share of a core
// and no more, by stopping them whenever they have had it, and returns what they
// got.
func ration(t *testing.T, pid int, d time.Duration) float64 {
	t.Helper()
	const look = 10 * time.Millisecond
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	begin, before := time.Now(), processorTime(t, pid)
	running := true
	for time.Since(begin) < d {
		<-ticker.C
		hungry := processorTime(t, pid)-before <= time.Duration(givenShare*float64(time.Since(begin)))
		if hungry == running {
			continue
		}
		what := syscall.SIGSTOP
		if hungry {
			what = syscall.SIGCONT
		}
		if err := signal(pid, what); err != nil {
			t.Fatal(err)
		}
		running = hungry
	}
	used := processorTime(t, pid) - before
	share := used.Seconds() / time.Since(begin).Seconds()
	if err := signal(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	return share
}

// signal sends the signal to the process and then to its children.
func signal(pid int, what syscall.Signal) error {
	if err := syscall.Kill(pid, what); err != nil {
		return fmt.Errorf("signal %d: %w", pid, err)
	}
	for _, child := range childrenOf(pid) {
		if err := syscall.Kill(child, what); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal %d: %w", child, err)
		}
	}
	return nil
}

// childrenOf returns the children of all threads of the process.
func childrenOf(pid int) []int {
	var all []int
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is right
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// processorTime returns how long the process, its children and those that have
// ended have had a core.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	total, err := coreTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range childrenOf(pid) {
		if d, err := coreTime(child); err == nil { // else it has ended, and counts with its parent
			total += d
		}
	}
	return total
}

// coreTime is that of the process and of its children that have ended.
func coreTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := bytes.Cut(text, []byte(") "))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 15 {
		return 0, fmt.Errorf("not understood: %s", text)
	}
	ticks := 0
	for _, field := range fields[11:15] { // user and system, of itself and of its children
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
