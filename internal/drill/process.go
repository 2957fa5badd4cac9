package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/drill/launch"
)

const (
	stopWithin = 60 * time.Second
)

// StartDev returns a Start that runs the program as `dev` in a process of its
// own, with a data folder that is removed at the end.
func StartDev(program string) Start {
	return func(ctx context.Context) (Target, func() error, error) {
		dir, err := os.MkdirTemp("", "narrative-bench-*")
		if err != nil {
			return Target{}, nil, fmt.Errorf("start the platform: %w", err)
		}
		addr, err := launch.Address(ctx)
		if err != nil {
			return Target{}, nil, errors.Join(err, os.RemoveAll(dir))
		}
		log, err := os.Create(filepath.Join(dir, "log")) //nolint:gosec // in our own folder
		if err != nil {
			return Target{}, nil, errors.Join(fmt.Errorf("start the platform: %w", err), os.RemoveAll(dir))
		}
		cmd := exec.CommandContext(ctx, program, "dev", "--http-addr", addr, "--data-dir", filepath.Join(dir, "data")) //nolint:gosec // our own program
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = stopWithin
		stop := func() error {
			if cmd.Process != nil && cmd.ProcessState == nil {
				_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
				_ = cmd.Wait()                          // being told to stop is no failure
			}
			return errors.Join(log.Close(), os.RemoveAll(dir))
		}
		if err := cmd.Start(); err != nil {
			return Target{}, nil, errors.Join(fmt.Errorf("start the platform: %w", err), stop())
		}
		c, err := client.New("http://"+addr, client.Options{})
		if err == nil {
			err = answering(ctx, c)
		}
		if err != nil {
			said, _ := os.ReadFile(log.Name()) // only for the error
			return Target{}, nil, errors.Join(fmt.Errorf("start the platform: %w\n%s", err, said), stop())
		}
		return Target{Client: c, PID: cmd.Process.Pid}, stop, nil
	}
}

// answering waits until the API answers.
func answering(ctx context.Context, c *client.Client) error {
	return launch.Until(ctx, func() error {
		_, err := c.Jobs(ctx, client.JobFilter{}, "", 1)
		return err
	})
}

// peakMemory returns the most bytes that the process has had in memory since
// resetPeak.
func peakMemory(pid int) (int64, error) { return memory(pid, "VmHWM") }

// memory returns a figure in bytes from the system's status of the process.
func memory(pid int, field string) (int64, error) {
	return told(filepath.Join("/proc", strconv.Itoa(pid), "status"), field)
}

// available returns how many bytes the system can still give to processes.
func available() (int64, error) { return told("/proc/meminfo", "MemAvailable") }

// told returns a figure in bytes from a list of the system's.
func told(path, field string) (int64, error) {
	list, err := os.ReadFile(path) //nolint:gosec // of the system
	if err != nil {
		return 0, fmt.Errorf("read figures of memory: %w", err)
	}
	for line := range bytes.Lines(list) {
		if rest, ok := strings.CutPrefix(string(line), field+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read %s in %s: %w", field, path, err)
			}
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("%s does not tell %s", path, field)
}

// resetPeak starts to measure the peak anew.
func resetPeak(pid int) error {
	const resetHighWaterMark = "5"
	if err := os.WriteFile(filepath.Join("/proc", strconv.Itoa(pid), "clear_refs"), []byte(resetHighWaterMark), 0o200); err != nil {
		return fmt.Errorf("reset the memory peak of process %d: %w", pid, err)
	}
	return nil
}

func unmarshal(j *client.Job, into any) error {
	if err := json.Unmarshal(j.Result, into); err != nil {
		return fmt.Errorf("read the result of job %s: %w", j.ID, err)
	}
	return nil
}
