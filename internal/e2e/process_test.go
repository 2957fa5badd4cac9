package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// programs are the built commands, one folder for all tests.
type programs struct {
	once sync.Once
	dir  string
	err  error
}

var built programs

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// program builds the command once and returns its path.
func program(t *testing.T, name string) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "narrative-e2e-"); built.err != nil { //nolint:usetesting // for all tests
			return
		}
		build := exec.CommandContext(context.Background(), "go", "build", "-o", built.dir+"/",
			"../../cmd/narrative", "../../cmd/api", "../../cmd/worker", "../../cmd/scheduler")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, name)
}

// process is a program at work. Its log is read as it is written.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended

	mu     sync.Mutex
	lines  []string
	closed bool
	grown  chan struct{} // closed and replaced when a line comes
}

// start runs the program with these variables, of which PATH may be one; it is
// ended when the test ends.
func start(t *testing.T, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: filepath.Base(path) + " " + strings.Join(args, " "), done: make(chan struct{}), grown: make(chan struct{})}
	p.cmd = exec.Command(path, args...)                                                      //nolint:noctx // it is ended by name
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...) //nolint:forbidigo // redis-server is on it
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(log)
	t.Cleanup(func() {
		p.kill(syscall.SIGTERM) // so that its children end with it
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("log of %s:\n%s", p.name, strings.Join(p.lines[max(0, len(p.lines)-60):], "\n"))
		}
	})
	return p
}

func (p *process) read(log io.Reader) {
	scanner := bufio.NewScanner(log)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, scanner.Text())
		close(p.grown)
		p.grown = make(chan struct{})
		p.mu.Unlock()
	}
	_ = p.cmd.Wait()
	p.mu.Lock()
	p.closed = true
	close(p.grown)
	p.mu.Unlock()
	close(p.done)
}

// logged waits for a line with the message and returns its attributes.
func (p *process) logged(message string) map[string]any {
	p.t.Helper()
	return p.loggedOf(message, "")
}

// loggedOf waits for a line with the message about the job, or about anything
// if it is empty.
func (p *process) loggedOf(message, job string) map[string]any {
	p.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	seen := 0
	for {
		p.mu.Lock()
		lines, grown, closed := p.lines[seen:], p.grown, p.closed
		seen = len(p.lines)
		p.mu.Unlock()
		for _, line := range lines {
			var attributes map[string]any
			if json.Unmarshal([]byte(line), &attributes) == nil && attributes["msg"] == message && (job == "" || attributes["job"] == job) {
				return attributes
			}
		}
		if closed {
			p.t.Fatalf("%s ended without having logged %q", p.name, message)
		}
		select {
		case <-grown:
		case <-deadline.C:
			p.t.Fatalf("%s did not log %q within %s", p.name, message, patience)
		}
	}
}

// kill sends the signal and waits for the end.
func (p *process) kill(signal syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal %s: %v", p.name, err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Errorf("%s did not end after %s", p.name, signal)
	}
}

// exitCode waits for the end after SIGTERM and returns the code.
func (p *process) terminate() int {
	p.t.Helper()
	p.kill(syscall.SIGTERM)
	return p.cmd.ProcessState.ExitCode()
}

// dev starts everything in one process on the folder and returns its address.
func dev(t *testing.T, folder string, env ...string) (*process, string) {
	t.Helper()
	p := start(t, env, program(t, "narrative"), "dev", "--data-dir", folder, "--http-addr", "127.0.0.1:0", "--log-format", "json")
	url, ok := p.logged("narrative is up")["url"].(string)
	if !ok {
		t.Fatal("the log does not say where narrative is")
	}
	p.logged("worker ready")
	return p, url
}

// repeated is the table with its rows n times, so that work on it takes a
// while.
func repeated(t *testing.T, table []byte, n int) []byte {
	t.Helper()
	header, rows, ok := bytes.Cut(table, []byte("\n"))
	if !ok {
		t.Fatal("the table has no rows")
	}
	return append(append(bytes.Clone(header), '\n'), bytes.Repeat(rows, n)...)
}
