package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	cycle = time.Second
	share = 0.05 // of a core, in every cycle
	clock = 100  // ticks of processor time in a second, as the system counts them
)

// starved is the gate against false alarms: a worker that gets 5 % of a core is
// left alone, and one that is stopped for longer than a worker may be silent is
// fenced off.
func (r *Run) starved(ctx context.Context) error {
	return r.with(ctx, r.Tier.Pace.unscheduled(), 1, func(ctx context.Context, c *cluster) error {
		if err := c.start(ctx, 1, 1); err != nil {
			return err
		}
		u, err := newUsers(ctx, c, "starved", 1)
		if err != nil {
			return err
		}
		worker := c.get("worker 0")
		until := time.Now().Add(r.Tier.Starve)
		cycles, last := 0, ""
		said := time.Now()
		for n := 0; time.Now().Before(until); n++ {
			if err := awake(worker); err != nil {
				return err
			}
			if last, err = u.slow(ctx, n); err != nil {
				return err
			}
			for time.Now().Before(until) && c.witness.last(last).State == running {
				if err := starve(ctx, worker); err != nil {
					return err
				}
				cycles++
				if time.Since(said) > 4*sayEvery {
					said = time.Now()
					r.progress("%d s with %.0f %% of a core, %d jobs; %s left", cycles, 100*share, n+1, time.Until(until).Round(time.Second))
				}
			}
			if e := c.witness.last(last); e.Attempt > 1 || e.Crashes > 0 {
				r.broke(Violation{Promise: LivesLeft, Job: last, What: fmt.Sprintf("attempt %d after %d seconds with 5 %% of a core", e.Attempt, cycles)})
			}
		}
		r.printf("a worker with %.0f %% of a core for %d s was left alone\n", 100*share, cycles)
		return r.fenced(ctx, u, worker, last)
	})
}

// slow submits a slow training and returns when it runs.
func (u *users) slow(ctx context.Context, n int) (string, error) {
	tenant := tenantName(0)
	_, do, err := u.call(tenant, Order{Kind: kindSlow, Seed: uint64(n + 1)})
	if err != nil {
		return "", err
	}
	a, err := u.submit(ctx, tenant, fmt.Sprintf("%s-slow-%d", u.prefix, n), kindTraining, do)
	if err != nil {
		return "", err
	}
	return a.job, u.runs(ctx, a.job, 1)
}

// runs waits until the attempt of the job runs, or the job has ended.
func (u *users) runs(ctx context.Context, id string, attempt int) error {
	ctx, cancel := context.WithTimeout(ctx, userPatience)
	defer cancel()
	err := u.witness.until(ctx, func() bool {
		e := u.witness.last(id)
		return e.State == running && e.Attempt >= attempt || e.State == "succeeded" || e.State == "failed" || e.State == "cancelled"
	})
	if err != nil {
		return fmt.Errorf("wait for attempt %d of job %s: %w", attempt, id, err)
	}
	return nil
}

// starve lets the process have its share of a second, as processor time and not
// as time that passes: on a busy machine the two differ.
func starve(ctx context.Context, p *process) error {
	began := time.Now()
	from, err := processorTime(family(p.pid))
	if err != nil {
		return err
	}
	if err := awake(p); err != nil {
		return err
	}
	for time.Since(began) < cycle {
		wait(ctx, 2*time.Millisecond)
		now, err := processorTime(family(p.pid))
		if err != nil {
			return err
		}
		if now-from >= time.Duration(share*float64(cycle)) {
			break
		}
	}
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	each(p, syscall.SIGSTOP)
	wait(ctx, cycle-time.Since(began))
	return ctx.Err()
}

// family returns the process and those of its jobs.
func family(pid int) []int {
	all := []int{pid}
	found, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is right
	for _, path := range found {
		text, err := os.ReadFile(path) //nolint:gosec // of the system
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(field); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// each signals the processes of the worker's jobs, which may end meanwhile.
func each(p *process, s syscall.Signal) {
	for _, pid := range family(p.pid)[1:] {
		_ = syscall.Kill(pid, s)
	}
}

// awake lets the process and those of its jobs go on.
func awake(p *process) error {
	err := p.signal(syscall.SIGCONT)
	each(p, syscall.SIGCONT)
	return err
}

// processorTime returns how long the processes have run on a core, and an error
// if the first of them is gone. What one of the others used that is gone by then
// is not counted, so that a worker may get a little more.
func processorTime(pids []int) (time.Duration, error) {
	total := time.Duration(0)
	for i, pid := range pids {
		used, err := processorTimeOf(pid)
		if err != nil && i == 0 {
			return 0, err
		}
		total += used
	}
	return total, nil
}

// processorTimeOf returns how long the process has run on a core.
func processorTimeOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("look at process %d: %w", pid, err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	const user, system = 11, 12 // of what follows the name
	if len(fields) <= system {
		return 0, fmt.Errorf("look at process %d: unexpected %q", pid, text)
	}
	total := 0
	for _, f := range []string{fields[user], fields[system]} {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, fmt.Errorf("look at process %d: %w", pid, err)
		}
		total += n
	}
	return time.Duration(total) * time.Second / clock, nil
}

// fenced stops the worker until its job is another's and has ended, and lets it
// go on: whatever it writes then must be refused.
func (r *Run) fenced(ctx context.Context, u *users, worker *process, id string) error {
	if e := u.witness.last(id); e.State != running {
		err := awake(worker)
		if err != nil {
			return err
		}
		if id, err = u.slow(ctx, 1_000_000); err != nil {
			return err
		}
	}
	if err := u.kill(worker, syscall.SIGSTOP); err != nil {
		return err
	}
	if _, err := u.spawn(ctx, "worker 1"); err != nil {
		return err
	}
	if err := u.runs(ctx, id, 2); err != nil {
		r.broke(Violation{Promise: NoneStuck, Job: id, What: "its worker is stopped, and nobody took it: " + err.Error()})
		return ctx.Err()
	}
	if err := u.succeed(ctx, tenantName(0), id); err != nil {
		return err
	}
	before := worker.lost.Load()
	if err := u.kill(worker, syscall.SIGCONT); err != nil {
		return err
	}
	each(worker, syscall.SIGCONT)
	for limit := time.Now().Add(upWithin); worker.lost.Load() == before && time.Now().Before(limit); {
		wait(ctx, betweenAsking)
	}
	if worker.lost.Load() == before {
		r.broke(Violation{Promise: Fenced, Job: id, What: "the worker that was stopped never found that its job was taken"})
	}
	events, f, err := r.quietly(ctx, u.cluster)
	if err != nil {
		return err
	}
	m := Measure(events, f)
	r.printf("a worker that was stopped until it counted as dead was fenced: %d of its writes were refused\n", m.Fenced)
	return nil
}
