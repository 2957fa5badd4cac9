package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/drill"
)

// children are the processes of jobs that the process has started; there must
// be one.
func children(t *testing.T, p *process) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, rest, _ := strings.Cut(string(stat), " (")
		fields := strings.Fields(rest[strings.LastIndex(rest, ")")+1:])
		command, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err != nil || fields[1] != strconv.Itoa(p.cmd.Process.Pid) || !bytes.Contains(command, []byte("run-job")) {
			continue
		}
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	if len(all) == 0 {
		t.Fatalf("%s runs no job in a process of its own", p.name)
	}
	return all
}

// gone waits until the processes have ended.
func gone(t *testing.T, pids []int) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for _, pid := range pids {
		for {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if _, state, _ := strings.Cut(string(stat), ") "); err != nil || strings.HasPrefix(state, "Z") {
				break
			}
			select {
			case <-ticker.C:
			case <-deadline:
				t.Fatalf("process %d is still there", pid)
			}
		}
	}
}

// figure reads a metric of the process.
func figure(t *testing.T, url, name string) float64 {
	t.Helper()
	answer, err := http.Get(url + "/metrics") //nolint:noctx // of this test
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^narrative_` + name + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("there is no metric %s", name)
	}
	v, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestHeavyJobsDieAlone: of two trainings beside each other one has too little
// memory and fails, saying so, and the other one, whose process is killed, goes
// on; the model is that of a training in the worker itself.
func TestHeavyJobsDieAlone(t *testing.T) {
	t.Parallel()
	p, url := dev(t, t.TempDir(), "NARRATIVE_POOLS=training=2,data=1", "NARRATIVE_WORKER_MEMORY=4GiB")
	c := connect(t, url)
	file := repeated(t, table(t, "insurance"), copies)
	data, _ := upload(t, c, file)
	goes, err := c.Train(t.Context(), slow(data), "")
	if err != nil {
		t.Fatal(err)
	}
	midway(t, c, goes.ID)
	first := children(t, p)
	starved := slow(data)
	starved.Memory = "32MiB"
	j, err := c.Train(t.Context(), starved, "")
	if err != nil {
		t.Fatal(err)
	}
	j = ended(t, c, j)
	if j.State != client.Failed || j.Failure.Code != "memory_exceeded" || !strings.Contains(j.Failure.Message, "had 32 MiB, as much as was asked for") || j.Attempt != 1 || j.MemoryPeak <= 32<<20 {
		t.Errorf("the starved job is %+v", j)
	}
	if n := figure(t, url, "jobs_memory_exceeded_total"); n != 1 {
		t.Errorf("%v jobs are counted that had too little memory", n)
	}
	for _, pid := range first {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	j = finished(t, c, goes)
	if j.State != client.Succeeded || j.Attempt != 2 || j.MemoryPeak == 0 || j.MemoryPeak > j.Memory {
		t.Errorf("the other job is %s in attempt %d, and used %d of %d bytes", j.State, j.Attempt, j.MemoryPeak, j.Memory)
	}
	var killed, whole trained
	if err := json.Unmarshal(j.Result, &killed); err != nil {
		t.Fatal(err)
	}

	_, url = dev(t, t.TempDir(), "NARRATIVE_WORKER_ISOLATION=none")
	c = connect(t, url)
	data, _ = upload(t, c, file)
	inside, err := c.Train(t.Context(), slow(data), "")
	if err != nil {
		t.Fatal(err)
	}
	j = finished(t, c, inside)
	if err := json.Unmarshal(j.Result, &whole); err != nil {
		t.Fatal(err)
	}
	if j.MemoryPeak != 0 || killed.SHA256 == "" || killed.SHA256 != whole.SHA256 {
		t.Errorf("the model of a process of its own is %q, that of the worker %q", killed.SHA256, whole.SHA256)
	}
}

// ended waits for the end of a job that may fail.
func ended(t *testing.T, c *client.Client, j *client.Job) *client.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done, err := c.Wait(ctx, j.ID, nil)
	if failed, ok := errors.AsType[*client.JobError](err); ok {
		return failed.Job
	}
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// Limits that cannot be kept are refused; those that can are kept.
func TestLimitsOfJobs(t *testing.T) {
	t.Parallel()
	_, url := dev(t, t.TempDir(), "NARRATIVE_WORKER_MEMORY=1GiB")
	c := connect(t, url)
	data, _ := upload(t, c, repeated(t, table(t, "insurance"), copies))
	past := time.Now().Add(-time.Hour)
	for code, l := range map[string]client.Limits{
		"memory_out_of_range":      {Memory: "-2GiB"},
		"invalid_memory":           {Memory: "plenty"},
		"deadline_passed":          {Deadline: &past},
		"time_budget_out_of_range": {TimeBudget: -1},
	} {
		r := slow(data)
		r.Limits = l
		_, err := c.Train(t.Context(), r, "")
		if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Code != code || refused.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %v", code, err)
		}
	}
	soon := time.Now().Add(2 * time.Second)
	for _, test := range []struct {
		code   string
		limits client.Limits
	}{
		{"deadline_exceeded", client.Limits{Deadline: &soon}},
		{"time_budget_exceeded", client.Limits{TimeBudget: 1}},
	} {
		r := slow(data)
		r.Limits = test.limits
		j, err := c.Train(t.Context(), r, "")
		if err != nil {
			t.Fatal(err)
		}
		if j = ended(t, c, j); j.State != client.Failed || j.Failure == nil || j.Failure.Code != test.code {
			t.Errorf("%s: the job is %s, %+v", test.code, j.State, j.Failure)
		}
	}
	r := slow(data)
	r.Memory = "2GiB"
	j, err := c.Train(t.Context(), r, "")
	if err != nil {
		t.Fatal(err)
	}
	j = waiting(t, c, j.ID) // for a minute, in which a larger worker may come
	if j.Waiting.Code != "memory_budget_too_small" || !strings.Contains(j.Waiting.Message, "needs 2 GiB") || !strings.Contains(j.Waiting.Message, "has 1 GiB") {
		t.Errorf("it waits for %+v", j.Waiting)
	}
}

// waiting waits until the job says what it waits for.
func waiting(t *testing.T, c *client.Client, id string) *client.Job {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		j, err := c.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if j.Waiting != nil {
			return j
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("job %s is %s and waits for nothing", id, j.State)
		}
	}
}

// TestTwoWorkersAreMeasured takes the measurement of two workers through a small
// batch; what it says of a machine that does other things is not looked at.
func TestTwoWorkersAreMeasured(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	plan := drill.WorkerPlan{Program: program(t, "narrative"), Jobs: 2, Rows: 300, Trees: 2, Rounds: 1}
	figures, err := plan.Measure(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	if len(figures) != 1 || figures[0].Name != "jobs-two-workers" || figures[0].Value <= 0 || figures[0].Peer == nil || !strings.Contains(out.String(), "two workers") {
		t.Fatalf("figures %+v, %s", figures, out.String())
	}
	for _, said := range []string{"2 trainings of 300 rows", "GOMAXPROCS=1", "worker ", " %, parts ", "of two processors", "without a platform"} {
		if !strings.Contains(figures[0].Note, said) {
			t.Errorf("the note does not say %q: %s", said, figures[0].Note)
		}
	}
}
