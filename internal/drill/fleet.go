package drill

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/drill/launch"
)

// fleet is processes of the program that make a platform together.
type fleet struct {
	program, dir string
	environ      []string // where the parts are
	client       *client.Client
	cores        []string // to which workers are bound in turn; of one alone nothing is bound
	workers      int      // that run
	processes    []member
	logs         []*os.File
}

// member is a process of a fleet.
type member struct {
	role string // api, scheduler, parts or worker
	cmd  *exec.Cmd
}

// startFleet starts all but the workers.
func startFleet(ctx context.Context, program string) (_ *fleet, err error) {
	f := &fleet{program: program, cores: cores()}
	if f.dir, err = os.MkdirTemp("", "narrative-bench-*"); err != nil {
		return nil, fmt.Errorf("start the platform: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start the platform: %w", err), f.stop())
		}
	}()
	data := filepath.Join(f.dir, "data")
	if err := f.start(ctx, nil, "parts", "--data-dir", data); err != nil {
		return nil, err
	}
	err = launch.Until(ctx, func() error {
		variables, err := os.ReadFile(filepath.Join(data, "parts.env")) //nolint:gosec // in our own folder
		f.environ = strings.Fields(string(variables))
		return err
	})
	if err != nil {
		return nil, err
	}
	api, err := launch.Address(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.start(ctx, []string{"NARRATIVE_MODE=development"}, "api", "--http-addr", api); err != nil {
		return nil, err
	}
	ops, err := launch.Address(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.start(ctx, nil, "scheduler", "--ops-addr", ops); err != nil {
		return nil, err
	}
	if f.client, err = client.New("http://"+api, client.Options{}); err != nil {
		return nil, err
	}
	return f, answering(ctx, f.client)
}

// worker starts a worker, on a core of its own, and waits until it is ready.
func (f *fleet) worker(ctx context.Context, args ...string) error {
	ops, err := launch.Address(ctx)
	if err != nil {
		return err
	}
	if err := f.start(ctx, []string{"GOMAXPROCS=1"}, append([]string{"worker", "--ops-addr", ops}, args...)...); err != nil {
		return err
	}
	f.workers++
	return launch.Until(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ops+"/health/ready", http.NoBody)
		if err != nil {
			return fmt.Errorf("ask a worker: %w", err)
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("ask a worker: %w", err)
		}
		_ = answer.Body.Close() // the status says it all
		if answer.StatusCode != http.StatusOK {
			return errors.New("a worker is not ready: " + answer.Status)
		}
		return nil
	})
}

// start starts a process of the program.
func (f *fleet) start(ctx context.Context, environ []string, args ...string) error {
	log, err := os.Create(filepath.Join(f.dir, strconv.Itoa(len(f.logs))+"-"+args[0]+".log"))
	if err != nil {
		return fmt.Errorf("start %s: %w", args[0], err)
	}
	f.logs = append(f.logs, log)
	command := append([]string{f.program}, args...)
	if args[0] == "worker" {
		command = bound(f.cores, f.workers, command)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // our own program
	cmd.Env = append(append(cmd.Environ(), f.environ...), environ...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", args[0], err)
	}
	f.processes = append(f.processes, member{args[0], cmd})
	return nil
}

// dismiss ends the worker that was started last.
func (f *fleet) dismiss() error {
	last := len(f.processes) - 1
	if f.processes[last].role != "worker" {
		return errors.New("the process that was started last is no worker")
	}
	f.processes[last].end()
	f.processes, f.workers = f.processes[:last], f.workers-1
	return nil
}

func (m member) end() {
	_ = m.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	_ = m.cmd.Wait()                          // being told to stop is no failure
}

// stop ends the processes, the last started first, and removes what they kept.
func (f *fleet) stop() error {
	for _, m := range slices.Backward(f.processes) {
		m.end()
	}
	errs := make([]error, 0, len(f.logs)+1)
	for _, log := range f.logs {
		errs = append(errs, log.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(f.dir))...)
}
