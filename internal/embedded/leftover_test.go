package embedded_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/narrativeml/narrative/internal/embedded"
)

// hold starts Redis in a process of its own, which the test then kills.
func hold(dir string) {
	r, err := embedded.StartRedis(context.Background(), embedded.RedisConfig{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString("ready " + r.Addr() + "\n")
	select {}
}

// holder runs hold in another process and returns it and the child's process.
func holder(t *testing.T, dir string) (parent *exec.Cmd, child int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "EMBEDDED_TEST_HOLD="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	if n, err := out.Read(line); err != nil || !strings.HasPrefix(string(line[:n]), "ready") {
		t.Fatalf("the holder said %q, %v", line[:n], err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	for _, digit := range strings.TrimSpace(string(text)) {
		child = child*10 + int(digit-'0')
	}
	return cmd, child
}

// ended reports whether the process is gone or a zombie.
func ended(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "stat"))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestALeftOverRedisIsEnded(t *testing.T) {
	t.Parallel()
	needRedis(t)
	dir := t.TempDir()
	parent, child := holder(t, dir)
	// Stopped, it can neither end with its parent nor answer.
	if err := syscall.Kill(child, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if ended(child) {
		t.Fatal("the left-over is gone already; the test tests nothing")
	}
	r := start(t, embedded.RedisConfig{Dir: dir})
	if !ended(child) {
		t.Error("the left-over still lives beside the new one")
	}
	if got := do(t, r, "PING"); got != "+PONG\r\n" {
		t.Errorf("PING gave %q", got)
	}
}

func TestALeftOverRedisThatAnswersIsEnded(t *testing.T) {
	t.Parallel()
	needRedis(t)
	dir := t.TempDir()
	first := start(t, embedded.RedisConfig{Dir: dir})
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	leftOver := exec.CommandContext(t.Context(), "redis-server", filepath.Join(dir, "redis.conf"))
	if err := leftOver.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the left-over answers", func() bool { return do(t, first, "SET", "k", "v") == "+OK\r\n" })
	if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(itoa(leftOver.Process.Pid)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, embedded.RedisConfig{Dir: dir})
	if err := leftOver.Wait(); err != nil {
		t.Errorf("it was not ended in good order: %v", err)
	}
	if got := do(t, r, "GET", "k"); got != "$1\r\nv\r\n" {
		t.Errorf("what the left-over was told is %q", got)
	}
}

func TestASpoiltPidFileIsIgnored(t *testing.T) {
	t.Parallel()
	needRedis(t)
	for _, text := range []string{"", "nonsense", "-1", "1"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		start(t, embedded.RedisConfig{Dir: dir})
	}
}

func TestRedisEndsWithAKilledParent(t *testing.T) {
	t.Parallel()
	needRedis(t)
	parent, child := holder(t, t.TempDir())
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	eventually(t, "the child ends with its parent", func() bool { return ended(child) })
}

func TestAStrangersProcessIsLeftAlone(t *testing.T) {
	t.Parallel()
	needRedis(t)
	dir := t.TempDir()
	stranger := exec.CommandContext(t.Context(), "sleep", "60")
	stranger.Dir = t.TempDir()
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(itoa(stranger.Process.Pid)), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, embedded.RedisConfig{Dir: dir})
	if ended(stranger.Process.Pid) {
		t.Error("a process that is not ours was ended")
	}
}
