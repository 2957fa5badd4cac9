package resume

import (
	"bytes"
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
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/drill/launch"
	"github.com/narrativeml/narrative/internal/secret"
)

const (
	startWithin = 60 * time.Second
	stopWithin  = 60 * time.Second
	lookEvery   = 50 * time.Millisecond
)

// platform is processes of the program that make a platform together.
type platform struct {
	program, dir string
	environ      []string // where the parts are
	address      string   // of the API, also after a restart
	api          *exec.Cmd
	others       []*exec.Cmd
	logs         []*os.File
	peak         int64 // bytes of memory of the API, over its restarts
}

// start starts parts, API, scheduler and a worker in the folder.
func start(ctx context.Context, program, dir string, environ []string) (_ *platform, err error) {
	p := &platform{program: program, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start the platform: %w", err), p.stop())
		}
	}()
	data := filepath.Join(dir, "data")
	if _, err := p.run(ctx, nil, "parts", "--data-dir", data); err != nil {
		return nil, err
	}
	err = launch.Until(ctx, func() error {
		variables, err := os.ReadFile(filepath.Join(data, "parts.env")) //nolint:gosec // in our own folder
		p.environ = append(strings.Fields(string(variables)), environ...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.address, err = launch.Address(ctx); err != nil {
		return nil, err
	}
	if err := p.startAPI(ctx); err != nil {
		return nil, err
	}
	for _, role := range []string{"scheduler", "worker"} {
		ops, err := launch.Address(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := p.run(ctx, nil, role, "--ops-addr", ops); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// startAPI starts the API at its address and waits until it is ready.
func (p *platform) startAPI(ctx context.Context) (err error) {
	if p.api, err = p.run(ctx, []string{"NARRATIVE_MODE=development"}, "api", "--http-addr", p.address); err != nil {
		return err
	}
	return launch.Until(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/health/ready", http.NoBody)
		if err != nil {
			return fmt.Errorf("ask the API: %w", err)
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("ask the API: %w", err)
		}
		_ = answer.Body.Close() // the status says it all
		if answer.StatusCode != http.StatusOK {
			return errors.New("the API is not ready: " + answer.Status)
		}
		return nil
	})
}

// killAPI ends the API without a warning and starts it again.
func (p *platform) killAPI(ctx context.Context) error {
	if err := p.look(); err != nil {
		return err
	}
	if err := p.api.Process.Kill(); err != nil {
		return fmt.Errorf("kill the API: %w", err)
	}
	_ = p.api.Wait() // it was killed
	return p.startAPI(ctx)
}

// look notes how much memory the API has taken at most.
func (p *platform) look() error {
	list, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.api.Process.Pid), "status"))
	if err != nil {
		return fmt.Errorf("read the memory of the API: %w", err)
	}
	for line := range bytes.Lines(list) {
		if rest, ok := strings.CutPrefix(string(line), "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return fmt.Errorf("read the memory of the API: %w", err)
			}
			p.peak = max(p.peak, kib<<10)
		}
	}
	return nil
}

// run starts a process of the program.
func (p *platform) run(ctx context.Context, environ []string, args ...string) (*exec.Cmd, error) {
	log, err := os.Create(filepath.Join(p.dir, strconv.Itoa(len(p.logs))+"-"+args[0]+".log"))
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	p.logs = append(p.logs, log)
	cmd := exec.CommandContext(ctx, p.program, args...) //nolint:gosec // our own program
	cmd.Env = append(append(cmd.Environ(), p.environ...), environ...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	if args[0] != "api" {
		p.others = append(p.others, cmd)
	}
	return cmd, nil
}

// stop ends the processes, the last started first.
func (p *platform) stop() error {
	all := p.others
	if p.api != nil {
		all = append(all, p.api)
	}
	for _, cmd := range slices.Backward(all) {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()                          // being told to stop is no failure
	}
	var errs []error
	for _, log := range p.logs {
		errs = append(errs, log.Close())
	}
	return errors.Join(errs...)
}

// files opens the platform's file storage.
func (p *platform) files() (*blob.Client, error) {
	c := blob.DefaultConfig()
	for _, pair := range p.environ {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "NARRATIVE_S3_ENDPOINT":
			c.Endpoint = value
		case "NARRATIVE_S3_REGION":
			c.Region = value
		case "NARRATIVE_S3_BUCKET":
			c.Bucket = value
		case "NARRATIVE_S3_ACCESS_KEY_ID":
			c.AccessKeyID = value
		case "NARRATIVE_S3_SECRET_ACCESS_KEY":
			c.SecretAccessKey = secret.New(value)
		}
	}
	return blob.New(c)
}
