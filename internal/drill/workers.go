package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/narrativeml/narrative/internal/client"
)

// WorkerPlan says how two workers are measured beside one: processes of the
// program, with a core for each worker and a batch of trainings. Zero means the
// default.
type WorkerPlan struct {
	Program string // narrative
	Jobs    int    // of the batch; 10
	Rows    int    // that each learns from; 60,000
	Trees   int    // that each grows, twice; 300
}

func (p WorkerPlan) withDefaults() WorkerPlan {
	for _, v := range []struct {
		at        *int
		byDefault int
	}{{&p.Jobs, 10}, {&p.Rows, 3 * trainRows}, {&p.Trees, 300}} {
		if *v.at <= 0 {
			*v.at = v.byDefault
		}
	}
	return p
}

// Measure runs the batch with one worker and with two and returns the share of
// the time.
func (p WorkerPlan) Measure(ctx context.Context, out io.Writer) (figures []Figure, err error) {
	p = p.withDefaults()
	f, err := startFleet(ctx, p.Program)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	if err := f.worker(ctx, "--pool", "training=1", "--pool", "data=1"); err != nil {
		return nil, err
	}
	a, err := f.client.Upload(ctx, client.Upload{Name: "bench", Filename: "bench.csv", Body: newTable(p.Rows)})
	if err == nil {
		_, err = f.client.Wait(ctx, a.JobID, nil)
	}
	if err != nil {
		return nil, err
	}
	one, err := p.batch(ctx, f.client, a.DatasetID)
	if err != nil {
		return nil, err
	}
	if err := f.worker(ctx, "--pool", "training=1"); err != nil {
		return nil, err
	}
	two, err := p.batch(ctx, f.client, a.DatasetID)
	if err != nil {
		return nil, err
	}
	share := two.Seconds() / one.Seconds()
	if _, err := fmt.Fprintf(out, "two workers: %.2f s, one: %.2f s, %.2f of it\n", two.Seconds(), one.Seconds(), share); err != nil {
		return nil, fmt.Errorf("print progress: %w", err)
	}
	return []Figure{Alone("jobs-two-workers", share, "of one worker's time", fmt.Sprintf(
		"%d trainings of %d rows and %d trees, from the first submission to the last end: %.2f s with two worker processes, %.2f s with one; GOMAXPROCS=1 each; api, scheduler and embedded parts in processes of their own",
		p.Jobs, p.Rows, p.Trees, two.Seconds(), one.Seconds()))}, nil
}

// batch submits the trainings and returns the time from the first one's
// submission to the last one's end.
func (p WorkerPlan) batch(ctx context.Context, c *client.Client, datasetID string) (time.Duration, error) {
	ids := make([]string, p.Jobs)
	for i := range ids {
		j, err := c.Train(ctx, client.TrainRequest{
			DatasetID: datasetID, Target: targetColumn, Algorithms: []string{"gbdt"}, Folds: 2, Trees: p.Trees, Seed: uint64(i + 1),
		}, "")
		if err != nil {
			return 0, err
		}
		ids[i] = j.ID
	}
	var first, last time.Time
	for _, id := range ids {
		j, err := c.Wait(ctx, id, nil)
		if err != nil {
			return 0, err
		}
		if first.IsZero() || j.CreatedAt.Before(first) {
			first = j.CreatedAt
		}
		if j.FinishedAt.After(last) {
			last = j.FinishedAt
		}
	}
	return last.Sub(first), nil
}

// fleet is processes of the program that make a platform together.
type fleet struct {
	program, dir string
	environ      []string // where the parts are
	client       *client.Client
	processes    []*exec.Cmd
	logs         []*os.File
}

// startFleet starts all but the workers.
func startFleet(ctx context.Context, program string) (_ *fleet, err error) {
	f := &fleet{program: program}
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
	err = until(ctx, func() error {
		variables, err := os.ReadFile(filepath.Join(data, "parts.env")) //nolint:gosec // in our own folder
		f.environ = strings.Fields(string(variables))
		return err
	})
	if err != nil {
		return nil, err
	}
	api, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.start(ctx, []string{"NARRATIVE_MODE=development"}, "api", "--http-addr", api); err != nil {
		return nil, err
	}
	ops, err := freeAddress(ctx)
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

// worker starts a worker of one core and waits until it is ready.
func (f *fleet) worker(ctx context.Context, args ...string) error {
	ops, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	if err := f.start(ctx, []string{"GOMAXPROCS=1"}, append([]string{"worker", "--ops-addr", ops}, args...)...); err != nil {
		return err
	}
	return until(ctx, func() error {
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
	cmd := exec.CommandContext(ctx, f.program, args...) //nolint:gosec // our own program
	cmd.Env = append(append(cmd.Environ(), f.environ...), environ...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", args[0], err)
	}
	f.processes = append(f.processes, cmd)
	return nil
}

// stop ends the processes, the last started first, and removes what they kept.
func (f *fleet) stop() error {
	for _, cmd := range slices.Backward(f.processes) {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()                          // being told to stop is no failure
	}
	errs := make([]error, 0, len(f.logs)+1)
	for _, log := range f.logs {
		errs = append(errs, log.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(f.dir))...)
}

// until calls ask until it returns no error.
func until(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
