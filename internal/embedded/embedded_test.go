package embedded_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/proto"

	"github.com/narrativeml/narrative/internal/embedded"
	"github.com/narrativeml/narrative/internal/fault"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("EMBEDDED_TEST_HOLD"); dir != "" { //nolint:forbidigo // how the test talks to its child
		hold(dir)
		return
	}
	os.Exit(m.Run())
}

// log is a logger whose lines can be read while others write.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" { //nolint:forbidigo // set by every CI service
			t.Fatal("redis-server is not on PATH; CI must install it")
		}
		t.Skip("redis-server is not on PATH; install it to run this test")
	}
}

// eventually polls until ok or ten seconds are over.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("never happened: %s", what)
		}
	}
}

func start(t *testing.T, c embedded.RedisConfig) *embedded.Redis {
	t.Helper()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	r, err := embedded.StartRedis(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return r
}

// do sends one command with the password of the URL.
func do(t *testing.T, r *embedded.Redis, command ...string) string {
	t.Helper()
	c, err := proto.Dial(r.Addr())
	if err != nil {
		return err.Error()
	}
	defer func() { _ = c.Close() }()
	password, _, _ := strings.Cut(strings.TrimPrefix(r.URL().Reveal(), "redis://:"), "@")
	if reply, err := c.Do("AUTH", password); err != nil || reply != "+OK\r\n" {
		return reply
	}
	reply, err := c.Do(command...)
	if err != nil {
		return err.Error()
	}
	return reply
}

func TestRedisIsLockedAndKeepsItsData(t *testing.T) {
	t.Parallel()
	needRedis(t)
	dir := filepath.Join(t.TempDir(), "with space", "redis")
	r := start(t, embedded.RedisConfig{Dir: dir})
	if !r.Durable() || r.PID() == 0 {
		t.Fatal("no redis-server was started")
	}
	host, _, _ := net.SplitHostPort(r.Addr())
	if host != "127.0.0.1" {
		t.Errorf("listens on %s", r.Addr())
	}
	if strings.Contains(r.URL().String(), "redis://") {
		t.Errorf("URL shows itself: %v", r.URL())
	}
	stranger, err := proto.Dial(r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Close() }()
	if reply, err := stranger.Do("GET", "k"); err != nil || !strings.HasPrefix(reply, "-NOAUTH") {
		t.Errorf("a stranger got %q, %v", reply, err)
	}
	for _, name := range []string{"password", "redis.conf"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v, %v; want mode 0600", name, info.Mode(), err)
		}
	}
	if got := do(t, r, "SET", "k", "v"); got != "+OK\r\n" {
		t.Fatalf("SET gave %q", got)
	}
	addr := r.Addr()
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := start(t, embedded.RedisConfig{Dir: dir})
	if got := do(t, again, "GET", "k"); got != "$1\r\nv\r\n" {
		t.Errorf("after a restart GET gave %q", got)
	}
	if again.Addr() != addr {
		t.Errorf("after a restart it listens on %s, was %s", again.Addr(), addr)
	}
}

func TestRedisIsStartedAgainWhenItIsKilled(t *testing.T) {
	t.Parallel()
	needRedis(t)
	var l log
	r := start(t, embedded.RedisConfig{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&l, nil))})
	if got := do(t, r, "SET", "k", "v"); got != "+OK\r\n" {
		t.Fatalf("SET gave %q", got)
	}
	// With appendfsync everysec the write is in the file, though perhaps not on
	// the disk: a killed process loses nothing of it.
	first := r.PID()
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another child answers", func() bool {
		return r.PID() != 0 && r.PID() != first && do(t, r, "GET", "k") == "$1\r\nv\r\n"
	})
	if !strings.Contains(l.String(), "started again") {
		t.Errorf("nothing was said: %s", l.String())
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// DEBUG is for those who ask for it.
func TestRedisTakesCommandsOfItsOperator(t *testing.T) {
	t.Parallel()
	needRedis(t)
	for _, debug := range []bool{true, false} {
		r := start(t, embedded.RedisConfig{Dir: t.TempDir(), DebugCommands: debug})
		if err := r.Do(t.Context(), "SET", "key", "value"); err != nil {
			t.Error(err)
		}
		if err := r.Do(t.Context(), "DEBUG", "SLEEP", "0"); (err == nil) != debug {
			t.Errorf("DEBUG with DebugCommands %v: %v", debug, err)
		}
		if err := r.Do(t.Context(), "NOTHING"); err == nil || !strings.Contains(err.Error(), "NOTHING") {
			t.Errorf("a command that is none: %v", err)
		}
		if err := r.Do(t.Context(), "FLUSHALL"); err != nil || do(t, r, "EXISTS", "key") != ":0\r\n" {
			t.Errorf("the key is left, %v", err)
		}
	}
}

func TestRedisTakesAnotherPortWhenItsOwnIsTaken(t *testing.T) {
	t.Parallel()
	needRedis(t)
	dir := t.TempDir()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	if err := os.WriteFile(filepath.Join(dir, "addr"), []byte(taken.Addr().String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, embedded.RedisConfig{Dir: dir})
	if r.Addr() == taken.Addr().String() {
		t.Errorf("it listens on %s", r.Addr())
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Stop(gone); err == nil {
		t.Error("a stop that nobody waits for succeeds")
	}
}

func TestRedisOnAPortOfAnotherRedis(t *testing.T) {
	t.Parallel()
	needRedis(t)
	other := start(t, embedded.RedisConfig{Dir: t.TempDir()})
	if r, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{Dir: t.TempDir(), Addr: other.Addr(), Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Errorf("started beside another on %s", r.Addr())
	}
	if got := do(t, other, "PING"); got != "+PONG\r\n" {
		t.Errorf("the other one says %q", got)
	}
}

func TestRedisRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	needRedis(t)
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	spoilt := t.TempDir()
	if err := os.Mkdir(filepath.Join(spoilt, "password"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]embedded.RedisConfig{
		"relative folder":      {Dir: "redis"},
		"not loopback":         {Dir: t.TempDir(), Addr: "0.0.0.0:0"},
		"not an address":       {Dir: t.TempDir(), Addr: "loopback"},
		"port taken":           {Dir: t.TempDir(), Addr: taken.Addr().String()},
		"bad binary":           {Dir: t.TempDir(), Binary: "/bin/false"},
		"password is a folder": {Dir: spoilt},
	} {
		c.Logger = slog.New(slog.DiscardHandler)
		if r, err := embedded.StartRedis(t.Context(), c); err == nil {
			t.Errorf("%s: started on %s", name, r.Addr())
		}
	}
}

func TestTheStandInIsLoud(t *testing.T) {
	t.Parallel()
	var l log
	r := start(t, embedded.RedisConfig{
		Dir: t.TempDir(), Binary: "no-such-redis-server",
		Logger: slog.New(slog.NewTextHandler(&l, nil)),
	})
	if r.Durable() || r.PID() != 0 {
		t.Error("the stand-in calls itself durable")
	}
	if !strings.Contains(l.String(), "level=WARN") || !strings.Contains(l.String(), "not installed") {
		t.Errorf("nothing was said: %s", l.String())
	}
	if got := do(t, r, "SET", "k", "v", "PX", "300"); got != "+OK\r\n" {
		t.Fatalf("SET gave %q", got)
	}
	eventually(t, "the key expires", func() bool { return do(t, r, "GET", "k") == "$-1\r\n" })
}

func TestS3IsLockedAndStartsAgain(t *testing.T) {
	dir := t.TempDir() // not parallel: one gateway a process
	c := embedded.S3Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)}
	var keys, addr string
	for range 2 {
		s, err := embedded.StartS3(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if keys != "" && keys != s.AccessKeyID()+s.SecretAccessKey().Reveal() {
			t.Error("the credentials changed")
		}
		if addr != "" && addr != s.Addr() {
			t.Errorf("it listens on %s, was %s", s.Addr(), addr)
		}
		keys, addr = s.AccessKeyID()+s.SecretAccessKey().Reveal(), s.Addr()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint()+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusForbidden || s.Region() != "us-east-1" {
			t.Errorf("a stranger got %s in %s", response.Status, s.Region())
		}
		if _, err := embedded.StartS3(t.Context(), embedded.S3Config{Dir: t.TempDir(), Addr: s.Addr()}); err == nil {
			t.Error("a second gateway was started")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		<-s.Done()
	}
	for _, name := range []string{"access-key-id", "secret-access-key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "secret-access-key")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "secret-access-key"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]embedded.S3Config{
		"a key that is a folder": {Dir: dir},
		"relative folder":        {Dir: "s3"},
		"not loopback":           {Dir: t.TempDir(), Addr: "0.0.0.0:0"},
		"a file":                 {Dir: filepath.Join(dir, "addr")},
	} {
		if _, err := embedded.StartS3(t.Context(), c); err == nil {
			t.Errorf("%s: started", name)
		}
	}
}

func TestAFolderHasOneOwner(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	f, err := embedded.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if f.Path() != dir {
		t.Errorf("path is %s", f.Path())
	}
	_, err = embedded.Lock(dir)
	if fault.CodeOf(err) != "data_folder_in_use" || fault.ClassOf(err) != fault.ClassConflict {
		t.Fatalf("a second lock gave %v", err)
	}
	if !strings.Contains(err.Error(), "process "+itoa(os.Getpid())) || !strings.Contains(err.Error(), dir) {
		t.Errorf("the error does not name process and folder: %v", err)
	}
	if err := f.Unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := embedded.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := embedded.Lock("/dev/null/x"); err == nil {
		t.Error("a folder below a file was locked")
	}
}
