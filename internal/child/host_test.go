package child_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/child"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

func TestAWholeJob(t *testing.T) {
	t.Parallel()
	w := setup(t)
	j := w.run("whole", 7)
	if j.State != job.Succeeded {
		t.Fatalf("it %s: %+v", j.State, j.Failure)
	}
	var got answer
	if err := json.Unmarshal(j.Result, &got); err != nil {
		t.Fatal(err)
	}
	if got.PID == os.Getpid() || got.PID == 0 || got.Text != `hello {"a":1} `+j.ID+" <&>" {
		t.Errorf("result %s", j.Result)
	}
	if j.Files["model"] != j.Prefix()+"model" || !slices.Equal(j.OwnFiles, []string{"own"}) || j.MemoryPeak == 0 {
		t.Errorf("job %+v", j)
	}
	if lines := w.lines(j.ID); !slices.Equal(lines, []string{"100% sure"}) {
		t.Errorf("lines %q", lines)
	}
	if !slices.Equal(w.events, []string{"counted 7"}) || len(w.published) != 1 || w.published[0] != string(j.Result) {
		t.Errorf("events %q, published %q", w.events, w.published)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tests := []struct {
		kind     string
		state    job.State
		code     string
		message  string
		attempts int
	}{
		{"invalid", job.Failed, "bad_target", "the target is constant", 1},
		{"permanent", job.Failed, "internal", "on our side", 1},
		{"internal", job.Failed, "internal", "on our side", 3},
		{"panic", job.Failed, "internal", "on our side", 3},
		{"chan", job.Failed, "internal", "on our side", 1},
		{"large", job.Failed, "message_too_large", "on our side", 1},
		{"unknown", job.Failed, "internal", "on our side", 1},
		{"snooze", job.Succeeded, "", "", 2},
		{"divided", job.Succeeded, "", "", 2},
		{"undividable", job.Failed, "internal", "on our side", 1},
	}
	for _, test := range tests {
		t.Run(test.kind, func(t *testing.T) {
			t.Parallel()
			j := w.run(test.kind, 1)
			if j.State != test.state || j.Attempt != test.attempts {
				t.Errorf("it %s after %d attempts: %+v", j.State, j.Attempt, j.Failure)
			}
			if test.state == job.Failed && (j.Failure.Code != test.code || !strings.Contains(j.Failure.Message, test.message)) {
				t.Errorf("failure %+v", j.Failure)
			}
			if test.kind == "invalid" && (len(j.Failure.Fields) != 1 || j.Failure.Fields[0].Location != "body.target") {
				t.Errorf("fields %+v", j.Failure.Fields)
			}
			if test.kind == "divided" && !strings.Contains(string(j.Result), "0 succeeded 0;1 succeeded 1;2 failed ;3 succeeded 9;") {
				t.Errorf("result %s", j.Result)
			}
			if test.kind == "snooze" && !slices.Contains(w.lines(j.ID), "100% not yet") {
				t.Errorf("lines %q", w.lines(j.ID))
			}
		})
	}
}

// What cannot be set up, or not be started, is no fault of the job's.
func TestNoChildToBeHad(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*child.Config, *job.RunnerConfig){
		"set up":  func(c *child.Config, _ *job.RunnerConfig) { c.Settings = settings{"refuse"} },
		"started": func(c *child.Config, _ *job.RunnerConfig) { c.Program = filepath.Join(t.TempDir(), "none") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, change)
			j := w.submit("whole", 1, 0, "")
			j = w.until(j.ID, func(j *job.Job) bool { return j.Outages >= 2 })
			if j.Failures+j.Crashes != 0 || j.Failure.Class != fault.ClassUnavailable {
				t.Errorf("job %+v", j)
			}
			w.cancel(j)
		})
	}
}

// TestTooMuchMemory is the promise: a job that needs more than it has fails
// alone and says so, and the one beside it goes on.
func TestTooMuchMemory(t *testing.T) {
	t.Parallel()
	if !child.Supported {
		t.Skip("memory is watched on Linux only")
	}
	w := setup(t, func(_ *child.Config, c *job.RunnerConfig) { c.Memory = 1 << 30 })
	beside := w.halfway("obey", 64<<20)
	j := w.finish(w.submit("eat", 2000, 64<<20, "128MiB"))
	if j.State != job.Failed || j.Failure.Code != "memory_exceeded" || j.Attempt != 1 || j.Crashes != 0 {
		t.Fatalf("it %s: %+v", j.State, j.Failure)
	}
	if !strings.Contains(j.Failure.Message, "had 128 MiB") || !strings.Contains(j.Failure.Message, "ask for more with memory") || j.MemoryPeak <= 128<<20 || j.MemoryPeak > 512<<20 {
		t.Errorf("it used %d and says %q", j.MemoryPeak, j.Failure.Message)
	}
	if now := must(w.service.Get(t.Context(), "acme", beside.ID)); now.State != job.Running || now.Attempt != 1 {
		t.Errorf("the job beside it is %s", now.State)
	}
	if s := w.host.Stats(); s.Exceeded != 1 || s.Crashed != 0 || s.Running != 1 {
		t.Errorf("children %+v", s)
	}
	w.cancel(beside)
}

// An estimate that was too low grows into what the worker has.
func TestAnEstimateGrows(t *testing.T) {
	t.Parallel()
	if !child.Supported {
		t.Skip("memory is watched on Linux only")
	}
	w := setup(t, func(_ *child.Config, c *job.RunnerConfig) { c.Memory = 512 << 20 })
	j := w.finish(w.submit("eat", 150, 64<<20, ""))
	if j.State != job.Succeeded || j.MemoryPeak < 150<<20 || j.Attempt != 1 {
		t.Fatalf("it %s with %d: %+v", j.State, j.MemoryPeak, j.Failure)
	}
	if used, _, _ := w.runner.Memory(); used != 0 {
		t.Errorf("%d bytes are taken at the end", used)
	}
	j = w.finish(w.submit("eat", 2000, 64<<20, ""))
	if j.Failure == nil || j.Failure.Code != "memory_exceeded" || !strings.Contains(j.Failure.Message, "had 512 MiB, all that its worker may give") {
		t.Errorf("it %s: %+v", j.State, j.Failure)
	}
}

func TestAChildThatDies(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"abort", "exit"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			j := w.run(kind, 0)
			if j.State != job.Failed || j.Failure.Code != "job_crashed" || j.Crashes != 3 || j.Failures != 0 || w.host.Stats().Crashed != 3 {
				t.Errorf("it %s after %d crashes: %+v", j.State, j.Crashes, j.Failure)
			}
			if log := w.log.String(); kind == "abort" && (!strings.Contains(log, "last words") || !strings.Contains(log, "and the very last") || !strings.Contains(log, "job="+j.ID)) {
				t.Errorf("the log has not what it printed: %s", log)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"obey", "hang"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := setup(t, func(c *child.Config, _ *job.RunnerConfig) { c.Grace = 200 * time.Millisecond })
			j := w.halfway(kind, 0)
			w.until(j.ID, func(j *job.Job) bool { return kind == "obey" || j.LogLines == 1 })
			if kind == "hang" && child.Supported {
				score, err := os.ReadFile("/proc/" + w.lines(j.ID)[0] + "/oom_score_adj")
				if err != nil || strings.TrimSpace(string(score)) != "500" {
					t.Errorf("the kernel would rather end the worker: %s, %v", score, err)
				}
			}
			if j = w.cancel(j); j.State != job.Cancelled || j.Crashes != 0 {
				t.Errorf("it %s: %+v", j.State, j.Failure)
			}
			if kind == "hang" { // its process is gone, too
				pid, err := strconv.Atoi(w.lines(j.ID)[0])
				if err != nil {
					t.Fatal(err)
				}
				if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
					t.Errorf("process %d: %v", pid, err)
				}
			}
		})
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	j := w.halfway("drain", 0)
	w.runner.Drain()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.runner.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	j = must(w.service.Get(t.Context(), "acme", j.ID))
	if j.Failures+j.Crashes+j.Outages != 0 || j.Attempt != 1 || !slices.ContainsFunc(j.History, func(h job.Transition) bool { return h.Reason == "worker_drained" }) {
		t.Errorf("job %+v", j)
	}
	if keys := w.files.Keys(job.CheckpointPrefix(j.ID)); len(keys) != 1 {
		t.Errorf("checkpoints %q", keys)
	}
}

// work is a worker whose job hangs. It prints the process of the job.
func work() {
	h := must(child.NewHost(child.Config{
		Program: must(child.Self()), Args: []string{cmdChild}, Env: child.Environ(os.Environ()), Settings: settings{"hello"},
		Records: memstore.New(), Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), OnEvent: func(string, json.RawMessage) {},
	}))
	j := &job.Job{Kind: "hang", Tenant: "acme", Payload: json.RawMessage("{}")}
	j.ID = "job_0123456789abcdef0123456789abcdef"
	t := jobtest.NewTask(j, nil)
	t.Report.On(func(jobtest.Step) { _, _ = fmt.Fprintln(os.Stdout, t.Report.Lines()[0]) })
	_, err := h.Handler(job.HandlerFunc(nil)).Run(context.Background(), t.Task)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// However a worker ends, its children end with it.
func TestChildrenEndWithTheirWorker(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(must(os.Executable()), cmdWorker) //nolint:noctx // it is killed below
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil || pid == 0 {
		t.Fatalf("pid %d: %v", pid, err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the child is not there: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		if !alive(pid) {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// alive reports whether the process runs. One that has ended stays until who
// adopted it takes notice.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
