package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// configure writes the server's configuration. It holds the password, which
// must not be seen on a command line.
func (r *Redis) configure() (string, error) {
	host, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		return "", fmt.Errorf("configure redis: %w", err)
	}
	lines := []string{
		"bind " + host, "port " + port, "protected-mode yes",
		"requirepass " + r.password.Reveal(),
		"dir " + strconv.Quote(r.config.Dir), "daemonize no",
		"logfile " + strconv.Quote(filepath.Join(r.config.Dir, "redis.log")), "loglevel notice",
		"appendonly yes", "appendfsync everysec", `save ""`,
		"maxmemory-policy noeviction", "always-show-logo no",
	}
	if r.config.DebugCommands {
		lines = append(lines, "enable-debug-command local")
	}
	path := filepath.Join(r.config.Dir, "redis.conf")
	return path, write(path, []byte(strings.Join(lines, "\n")+"\n"))
}

// startChild starts the server, waits until it answers and looks after it.
func (r *Redis) startChild(ctx context.Context, path string) error {
	var err error
	if r.addr, err = r.freeAddr(ctx); err != nil {
		return err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	exited, err := r.spawn(life, path)
	if err == nil {
		err = r.await(ctx, exited)
	}
	if err != nil {
		cancel()
		if exited != nil {
			for range exited { // until it is closed; why the child ended is known
			}
		}
		return err
	}
	r.tasks.Go(func() { r.supervise(life, path, exited) })
	return nil
}

// spawn starts one child and returns a channel that gives its end. The child
// is told to end when life does.
func (r *Redis) spawn(life context.Context, path string) (<-chan error, error) {
	conf, err := r.configure()
	if err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	cmd := exec.CommandContext(life, path, conf) //nolint:gosec // the operator chooses the program
	cmd.Dir = r.config.Dir
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	started := make(chan error, 1)
	exited := make(chan error, 1)
	go func() {
		// The child is ended with the thread that started it: keep the thread
		// until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			r.setPID(cmd.Process.Pid)
			err = write(filepath.Join(r.config.Dir, "pid"), []byte(strconv.Itoa(cmd.Process.Pid)+"\n"))
		}
		started <- err
		if cmd.Process != nil {
			exited <- cmd.Wait()
			r.setPID(0)
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		return exited, fmt.Errorf("start redis: %w", err)
	}
	return exited, nil
}

func (r *Redis) setPID(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pid = pid
}

// await returns when the child answers, and an error when it ended or
// something else answers on its port.
func (r *Redis) await(ctx context.Context, exited <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case err := <-exited:
			return fmt.Errorf("start redis: the server ended at once, see %s: %w", filepath.Join(r.config.Dir, "redis.log"), err)
		case <-ctx.Done():
			return fmt.Errorf("start redis: no answer: %w", ctx.Err())
		case <-ticker.C:
			if err := r.answers(ctx); err == nil {
				return nil
			} else if errors.Is(err, errNotOurs) {
				return fmt.Errorf("start redis on %s: %w", r.addr, err)
			}
		}
	}
}

// answers returns nil when the child is loaded and takes commands.
func (r *Redis) answers(ctx context.Context) error {
	a, err := dial(ctx, r.addr, r.password)
	if err != nil {
		if strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), "without any password") {
			return errNotOurs
		}
		return err
	}
	defer func() { _ = a.Close() }() // nothing is lost with it
	if _, err := a.do("PING"); err != nil {
		return err
	}
	pid, err := a.pid()
	if err != nil {
		return err
	}
	if pid != r.PID() {
		return errNotOurs
	}
	return nil
}

// restartDelay keeps a server that dies at once from burning the processor.
const restartDelay = 500 * time.Millisecond

// supervise starts the server again on the same address whenever it dies.
func (r *Redis) supervise(life context.Context, path string, exited <-chan error) {
	for {
		err := <-exited
		if life.Err() != nil {
			return
		}
		r.config.Logger.WarnContext(life, "redis-server ended and is started again", "error", err)
		for {
			timer := time.NewTimer(restartDelay)
			select {
			case <-life.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
			if exited, err = r.spawn(life, path); err == nil {
				break
			}
			r.config.Logger.ErrorContext(life, "redis-server not started", "error", err)
		}
	}
}

// endLeftOver ends a server that an earlier process of ours left in the
// folder, so that two never write one file. A server is ours when it knows
// our password and keeps its data in our folder, or, when it does not answer,
// when the process we wrote down works in our folder.
func (r *Redis) endLeftOver(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(r.config.Dir, "pid"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for a left-over redis: %w", err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text))) // 0 when somebody spoilt the file
	if pid <= 1 {
		return nil
	}
	if !r.confirmed(ctx, pid) && !worksIn(pid, r.config.Dir) {
		return nil
	}
	r.config.Logger.InfoContext(ctx, "left-over redis-server is ended", "pid", pid)
	return end(ctx, pid)
}

// confirmed reports whether the server on the last address is the process and
// keeps its data in our folder.
func (r *Redis) confirmed(ctx context.Context, pid int) bool {
	addr, err := os.ReadFile(filepath.Join(r.config.Dir, "addr"))
	last := strings.TrimSpace(string(addr))
	if err != nil || last == "" {
		last = r.config.Addr
	}
	a, err := dial(ctx, last, r.password)
	if err != nil {
		return false
	}
	defer func() { _ = a.Close() }() // nothing is lost with it
	dir, err := a.dir()
	if err != nil || !same(dir, r.config.Dir) {
		return false
	}
	n, err := a.pid()
	return err == nil && n == pid
}

// same reports whether two paths name one folder.
func same(a, b string) bool {
	x, err := os.Stat(a) //nolint:gosec // the path is compared, nothing is read
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// end asks the process to end and waits; it kills one that does not, as a
// stopped one cannot.
func end(ctx context.Context, pid int) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(pid, signal); errors.Is(err, syscall.ESRCH) {
			return nil
		} else if err != nil {
			return fmt.Errorf("end left-over redis %d: %w", pid, err)
		}
		if gone(ctx, pid, stopTimeout/2) {
			return nil
		}
	}
	return fmt.Errorf("end left-over redis %d: it does not end", pid)
}

// gone waits until the process is.
func gone(ctx context.Context, pid int, limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
}

// zombie reports whether the process has ended and only its parent has not
// taken notice. Where there is no /proc it reports false.
func zombie(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}
