package chaos

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
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// upWithin is how long a process may take to be up, on a machine that others
// use too.
const upWithin = 60 * time.Second

// starter starts processes from one thread that lives as long as the harness:
// a child that is to die with its parent dies with the thread that started it.
type starter struct {
	asked chan *startRequest
}

type startRequest struct {
	cmd  *exec.Cmd
	done chan error
}

func newStarter() *starter {
	s := &starter{asked: make(chan *startRequest)}
	go func() {
		runtime.LockOSThread()
		for r := range s.asked {
			r.done <- r.cmd.Start()
		}
	}()
	return s
}

func (s *starter) start(cmd *exec.Cmd) error {
	r := &startRequest{cmd: cmd, done: make(chan error, 1)}
	s.asked <- r
	return <-r.done
}

func (s *starter) close() { close(s.asked) }

// process is one of the platform's processes.
type process struct {
	name  string // "worker 2"
	role  string
	pid   int
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has

	lost   atomic.Int64 // attempts that it says it lost to somebody else
	addr   atomic.Value // where it says that it answers, a string
	paused atomic.Bool  // by SIGSTOP

	mu    sync.Mutex
	said  []string // messages of its log, the first of each kind
	heard chan struct{}
	tail  []string // the last lines
}

// launch is how a process is started.
type launch struct {
	name, role string
	program    string
	args       []string
	env        []string
	dir        string // of its log
	ready      string // the message that says that it is up
}

// start starts the process and returns without waiting until it is up.
func (l launch) start(s *starter) (*process, error) {
	p := &process{name: l.name, role: l.role, ended: make(chan struct{}), heard: make(chan struct{})}
	p.cmd = exec.Command(l.program, l.args...)                                           //nolint:gosec,noctx // our own program; it is ended by signals
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.dir}, l.env...) //nolint:forbidigo // a child needs one
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.OpenFile(filepath.Join(l.dir, l.role+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", l.name, err)
	}
	read, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", l.name, err), log.Close())
	}
	if err := s.start(p.cmd); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", l.name, err), log.Close())
	}
	p.pid = p.cmd.Process.Pid
	go func() {
		p.read(read, log)
		_ = p.cmd.Wait() // a signal is no failure
		_ = log.Close()  // for people only
		close(p.ended)
	}()
	return p, nil
}

// read takes in the log.
func (p *process) read(from io.Reader, log io.Writer) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Bytes()
		_, _ = log.Write(append(bytes.Clone(line), '\n')) // for people only
		var said struct {
			Msg     string `json:"msg"`
			Outcome string `json:"outcome"`
			Addr    string `json:"addr"`
		}
		_ = json.Unmarshal(line, &said) // what a crash writes is no JSON
		if said.Msg == "job finished" && said.Outcome == "lost" {
			p.lost.Add(1)
		}
		if said.Msg == "listening" {
			p.addr.Store(said.Addr)
		}
		p.keep(string(line), said.Msg)
	}
	_, _ = io.Copy(io.Discard, from) // a line that is too long
}

const tailLines = 40

func (p *process) keep(line, message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tail = append(p.tail, line)
	if len(p.tail) > tailLines {
		p.tail = p.tail[1:]
	}
	if slices.Contains(p.said, message) {
		return
	}
	p.said = append(p.said, message)
	close(p.heard)
	p.heard = make(chan struct{})
}

// up waits until the process says the message.
func (p *process) up(ctx context.Context, message string) error {
	ctx, cancel := context.WithTimeout(ctx, upWithin)
	defer cancel()
	for {
		p.mu.Lock()
		heard, tail, said := p.heard, strings.Join(p.tail, "\n"), slices.Contains(p.said, message)
		p.mu.Unlock()
		if said {
			return nil
		}
		select {
		case <-heard:
		case <-p.ended:
			return fmt.Errorf("%s ended before it was up:\n%s", p.name, tail)
		case <-ctx.Done():
			return fmt.Errorf("%s is not up:\n%s", p.name, tail)
		}
	}
}

// alive reports whether it has not ended.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// signal sends the signal; a process that has ended does not mind.
func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	switch s { //nolint:exhaustive // the others do not pause
	case syscall.SIGSTOP:
		p.paused.Store(true)
	case syscall.SIGCONT:
		p.paused.Store(false)
	}
	return nil
}

// end ends the process in good order and waits for it; one that has not ended
// within a minute is killed, and that is an error.
func (p *process) end() error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if p.paused.Load() {
		_ = p.signal(syscall.SIGCONT) // it could not hear
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(upWithin):
		_ = p.signal(syscall.SIGKILL)
		<-p.ended
		return fmt.Errorf("%s did not end after SIGTERM", p.name)
	}
}
