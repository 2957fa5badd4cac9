package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// The files that a child speaks over, as it knows them: standard input and
// output are not used, since anybody may print.
const (
	inFile  = 3
	outFile = 4
)

// Files returns the files that a child's worker gave it.
func Files() (in, out *os.File, err error) {
	in, out = os.NewFile(inFile, "from the worker"), os.NewFile(outFile, "to the worker")
	for _, f := range []*os.File{in, out} {
		if info, err := f.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
			return nil, nil, errors.New("child: this is the process of a job, which a worker starts")
		}
	}
	return in, out, nil
}

// Environ returns those of the variables that a child is to have: what it needs
// to run and to reach the file store. Secrets and settings are not among them.
func Environ(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "PATH", "HOME", "TMPDIR", "TZ", "LANG":
			return false
		}
		upper := strings.ToUpper(name) // proxies are named in either case
		return !strings.HasPrefix(name, "GO") && !strings.HasPrefix(name, "SSL_CERT_") && !strings.HasSuffix(upper, "_PROXY")
	})
}

// process is a child at work.
type process struct {
	pid    int
	in     *os.File // what the child reads
	out    *os.File // what the child writes
	memory *gauge
	exited chan struct{} // closed when it has ended
	state  error         // how, once it has
	kill   func()
}

// waitDelay is how long a process that has ended may hold its standard error.
const waitDelay = 2 * time.Second

// launch starts the program; its standard error and output go to the writer.
// The child ends when this process does.
func launch(c Config, output io.Writer) (*process, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe: %w", err)
	}
	defer theirIn.Close() //nolint:errcheck // the child has its own
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open pipe: %w", err), in.Close())
	}
	defer theirOut.Close()                                                 //nolint:errcheck // the child has its own
	cmd := exec.CommandContext(context.Background(), c.Program, c.Args...) //nolint:gosec // this very program
	cmd.Env = c.Env
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = waitDelay
	p := &process{in: in, out: out, exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The child is ended with the thread that started it: keep the thread
		// until the child is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.state = cmd.Wait()
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", c.Program, err), in.Close(), out.Close())
	}
	p.pid = cmd.Process.Pid
	p.memory = newGauge(p.pid)
	sacrifice(p.pid)
	p.kill = sync.OnceFunc(func() { _ = cmd.Process.Kill() }) // one that has ended is fine
	return p, nil
}

// close releases what is held of a process that has ended.
func (p *process) close() {
	_ = p.in.Close()
	_ = p.out.Close()
	p.memory.close()
}
