package queue_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/narrativeml/narrative/internal/embedded"
	"github.com/narrativeml/narrative/internal/queue"
	"github.com/narrativeml/narrative/internal/secret"
)

// bundle is a queue on a Redis of its own.
type bundle struct {
	config queue.Config
	client *queue.Client
	raw    *redis.Client
	memory *miniredis.Miniredis
	child  *embedded.Redis
	log    *buffer
}

// buffer keeps log lines while others write.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *bundle) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b.log, nil)) }

// setup returns a queue on miniredis.
func setup(tb testing.TB) *bundle {
	tb.Helper()
	m := miniredis.NewMiniRedis()
	m.RequireAuth("pass")
	if err := m.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.Close)
	b := open(tb, "redis://:pass@"+m.Addr()+"/0")
	b.memory = m
	return b
}

// setupReal returns a queue on a redis-server.
func setupReal(tb testing.TB) *bundle {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" { //nolint:forbidigo // set by every CI service
			tb.Fatal("redis-server is not on PATH; CI must install it")
		}
		tb.Skip("redis-server is not on PATH; install it to run this test")
	}
	r, err := embedded.StartRedis(tb.Context(), embedded.RedisConfig{Dir: tb.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 20*time.Second)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			tb.Error(err)
		}
	})
	b := open(tb, r.URL().Reveal())
	b.child = r
	return b
}

func open(tb testing.TB, url string) *bundle {
	tb.Helper()
	c := queue.DefaultConfig()
	c.URL = secret.New(url)
	c.Pools = []string{"data", "training"}
	client, err := queue.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	o, err := redis.ParseURL(url)
	if err != nil {
		tb.Fatal(err)
	}
	raw := redis.NewClient(o)
	tb.Cleanup(func() {
		if err := errors.Join(raw.Close(), client.Close()); err != nil {
			tb.Error(err)
		}
	})
	return &bundle{config: c, client: client, raw: raw, log: &buffer{}}
}

// servers returns the Redis servers on which the logic is tested.
func servers() map[string]func(testing.TB) *bundle {
	return map[string]func(testing.TB) *bundle{"miniredis": setup, "redis-server": setupReal}
}

// closing closes what a test has opened.
func closing(tb testing.TB, c io.Closer) {
	tb.Helper()
	if err := c.Close(); err != nil {
		tb.Error(err)
	}
}

// serve starts a server of the pool "data"; it is shut down with the test.
func (b *bundle) serve(tb testing.TB, slots int, handle queue.Handler) *queue.Server {
	tb.Helper()
	s, err := queue.NewServer(b.config, "data", slots, handle, b.logger())
	if err != nil {
		tb.Fatal(err)
	}
	b.start(tb, s)
	return s
}

func (b *bundle) start(tb testing.TB, s *queue.Server) {
	tb.Helper()
	if err := s.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			tb.Error(err)
		}
	})
}

// inspect returns what asynq itself says about its queues.
func (b *bundle) inspect(tb testing.TB) *asynq.Inspector {
	tb.Helper()
	return asynq.NewInspectorFromRedisClient(b.raw)
}

func delivery(job string) queue.Delivery {
	return queue.Delivery{JobID: job, Epoch: 1, Kind: "ingest", Tenant: "acme", Pool: "data"}
}

// eventually polls until ok or twenty seconds are over.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			tb.Fatalf("never happened: %s", what)
		}
	}
}

// receive waits for a value of the channel.
func receive[T any](tb testing.TB, c <-chan T, what string) T {
	tb.Helper()
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case v := <-c:
		return v
	case <-timer.C:
		tb.Fatalf("never happened: %s", what)
		panic("unreachable")
	}
}

func TestValidateListsEveryMistake(t *testing.T) {
	t.Parallel()
	c := queue.Config{URL: secret.New("redis://:hunter2@%zz"), Pools: []string{"a{b}"}, Retention: -1, PollInterval: time.Hour, Timeout: -1}
	err := c.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{"URL", "a{b}", "retention", "poll interval", "task timeout", "timeout is -1ns"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not named in %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password is shown: %v", err)
	}
	if err := (queue.Config{}).Validate(); err == nil || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), "at least one pool") {
		t.Errorf("the empty configuration gave %v", err)
	}
	c = queue.DefaultConfig()
	c.URL, c.Pools = secret.New("rediss://user:hunter2@redis.example.com:6380/2"), []string{"data"}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if _, err := queue.New(queue.Config{}); err == nil {
		t.Error("New took an empty configuration")
	}
	if _, err := queue.NewMonitor(queue.Config{}, nil); err == nil {
		t.Error("NewMonitor took an empty configuration")
	}
	if _, err := queue.NewServer(c, "unknown", 1, nil, nil); err == nil {
		t.Error("NewServer took an unknown pool")
	}
	if _, err := queue.NewServer(c, "data", 0, nil, nil); err == nil {
		t.Error("NewServer took no slots")
	}
}
