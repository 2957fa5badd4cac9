package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/narrativeml/narrative/internal/secret"
)

// RedisConfig says where an embedded Redis lives.
type RedisConfig struct {
	// Dir is the folder of its data, password and log; absolute.
	Dir string
	// Addr is the loopback address to listen on; port 0 takes the port of the
	// last start when it is free, else any.
	Addr string
	// Binary is the program, a name on PATH or a path; empty means redis-server.
	Binary string
	// DebugCommands lets connections of this machine use DEBUG, as fault
	// injection does; the server must be of version 7 or later.
	DebugCommands bool
	Logger        *slog.Logger
}

// Redis is an embedded Redis server.
type Redis struct {
	config   RedisConfig
	addr     string
	password secret.String

	memory *miniredis.Miniredis // the stand-in, when there is no redis-server
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu  sync.Mutex
	pid int // of the child
}

// Limits of waiting for the child.
const (
	startTimeout = 30 * time.Second // it may have a long file to load
	stopTimeout  = 10 * time.Second
	pollInterval = 10 * time.Millisecond
)

// StartRedis ends what an earlier process left over in the folder, starts a
// redis-server on it, and starts it again whenever it dies, until Stop. When
// there is no such program it starts an in-memory stand-in, which is slower
// and forgets everything on exit, and says so.
func StartRedis(ctx context.Context, c RedisConfig) (*Redis, error) {
	if !filepath.IsAbs(c.Dir) {
		return nil, fmt.Errorf("embedded: the folder %q of Redis is not an absolute path", c.Dir)
	}
	if c.Binary == "" {
		c.Binary = "redis-server"
	}
	if err := os.MkdirAll(c.Dir, folderMode); err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	password, err := keep(filepath.Join(c.Dir, "password"))
	if err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	r := &Redis{config: c, password: password}
	path, err := exec.LookPath(c.Binary)
	if err != nil {
		return r, r.startMemory(ctx)
	}
	if err := r.endLeftOver(ctx); err != nil {
		return nil, err
	}
	return r, r.startChild(ctx, path)
}

// URL returns where Redis is, with the password.
func (r *Redis) URL() secret.String {
	u := url.URL{Scheme: "redis", User: url.UserPassword("", r.password.Reveal()), Host: r.addr, Path: "/0"}
	return secret.New(u.String())
}

// Addr returns host and port.
func (r *Redis) Addr() string { return r.addr }

// Durable reports whether tasks survive a restart.
func (r *Redis) Durable() bool { return r.memory == nil }

// PID returns the process of the child, or 0.
func (r *Redis) PID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pid
}

// Do sends a command, as an operator of the server may, and drops the reply.
func (r *Redis) Do(ctx context.Context, command ...string) error {
	a, err := dial(ctx, r.addr, r.password)
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }() // nothing is lost with it
	_, err = a.do(command...)
	return err
}

// Stop ends the server in good order and waits for it.
func (r *Redis) Stop(ctx context.Context) error {
	r.cancel()
	if r.memory != nil {
		r.tasks.Wait()
		r.memory.Close()
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.tasks.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop redis: %w", ctx.Err())
	}
}

// forwardInterval is how often the stand-in's clock, which decides what
// expires, is moved on.
const forwardInterval = 250 * time.Millisecond

// startMemory runs the stand-in.
func (r *Redis) startMemory(ctx context.Context) error {
	r.config.Logger.WarnContext(ctx, "redis-server is not installed; an in-memory stand-in is used, which is slower and forgets waiting tasks on exit",
		"binary", r.config.Binary)
	m := miniredis.NewMiniRedis()
	m.RequireAuth(r.password.Reveal())
	addr, err := r.freeAddr(ctx)
	if err != nil {
		return err
	}
	if err := m.StartAddr(addr); err != nil {
		return fmt.Errorf("start redis stand-in: %w", err)
	}
	r.memory, r.addr = m, m.Addr()
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.tasks.Go(func() {
		ticker := time.NewTicker(forwardInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				m.FastForward(forwardInterval)
			}
		}
	})
	return nil
}

// freeAddr returns an address to listen on: the configured one, or with port
// 0 the one of the last start, or one that is free now.
func (r *Redis) freeAddr(ctx context.Context) (string, error) {
	addr := r.config.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	free, err := choose(ctx, addr, filepath.Join(r.config.Dir, "addr"))
	if err != nil {
		return "", fmt.Errorf("start redis: %w", err)
	}
	return free, nil
}

// choose returns a free address on loopback and keeps it in the file.
func choose(ctx context.Context, addr, file string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("address %q is not host:port: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("address %q is not on loopback; embedded parts serve this machine only", addr)
	}
	if port != "0" {
		return addr, nil
	}
	if last, err := os.ReadFile(file); err == nil { //nolint:gosec // a file of the data folder
		if free, err := listen(ctx, strings.TrimSpace(string(last))); err == nil {
			return free, nil
		}
	}
	free, err := listen(ctx, addr)
	if err != nil {
		return "", err
	}
	return free, write(file, []byte(free+"\n"))
}

// listen opens and closes a listener and returns its address.
func listen(ctx context.Context, addr string) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", addr, err)
	}
	free := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", fmt.Errorf("listen on %s: %w", addr, err)
	}
	return free, nil
}

// errNotOurs means that something else listens on the address.
var errNotOurs = errors.New("embedded: another server listens there")
