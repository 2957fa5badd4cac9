package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/queue"
	"github.com/narrativeml/narrative/internal/resilience"
	"github.com/narrativeml/narrative/internal/store"
)

// Worker runs the process that runs jobs until ctx ends.
func Worker(ctx context.Context, c config.Config, program Program) error {
	return withOperations(ctx, c, program, true, func(ctx context.Context, p *platform) error {
		return p.work(ctx, p.services(), store.NewID("wkr"))
	})
}

// withOperations runs a process that has no API: its duty, and beside it
// metrics and health.
func withOperations(ctx context.Context, c config.Config, program Program, redisCritical bool, duty func(context.Context, *platform) error) (err error) {
	p, err := openPlatform(ctx, c, program, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	handler, err := p.operations(redisCritical)
	if err != nil {
		return err
	}
	l, err := listen(ctx, c.Ops.Addr)
	if err != nil {
		return err
	}
	// Metrics and health are there until the duty is done.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- serve(serving, l, handler, closeTimeout, p.logger) }()
	err = duty(ctx, p)
	stop()
	return errors.Join(err, <-done)
}

// reportInterval is how often the progress of a running job is stored while it
// changes: often enough for a bar that moves.
const reportInterval = 500 * time.Millisecond

// work runs jobs as the worker of that identifier until ctx ends, and then
// drains.
func (p *platform) work(ctx context.Context, s *services, id string) error {
	slots := p.config.Worker.Pools
	handlers, err := p.isolate(p.handlers(s))
	if err != nil {
		return err
	}
	runner := job.NewRunner(job.RunnerConfig{
		Worker: id, Driver: p.store, Files: p.files, Memory: p.config.Worker.Memory,
		Handlers: handlers, Slots: slots, Observer: p.observer(), Now: p.ports.now,
		HeartbeatEvery: p.config.Worker.Heartbeat, ReportEvery: reportInterval, DrainGrace: p.config.Worker.DrainTimeout / 2,
		OutagePatience: p.config.Worker.Patience, UpgradePatience: p.config.Worker.Upgrade,
	})
	p.metrics.CollectMemory(runner.Memory)
	if err := p.reclaim(ctx, runner); err != nil {
		return err
	}
	var servers []*queue.Server
	for _, pool := range slices.Sorted(maps.Keys(slots)) {
		server, err := p.newServer(pool, slots[pool], runner)
		if err != nil {
			return err
		}
		servers = append(servers, server)
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find the name of this machine: %w", err)
	}
	registered, unregister := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { runner.Register(registered, host, os.Getpid()) })
	defer wg.Wait()
	defer unregister()
	for i, server := range servers {
		if err := server.Start(); err != nil {
			return errors.Join(err, p.drain(ctx, runner, servers[:i]))
		}
	}
	p.logger.InfoContext(ctx, "worker ready", "pools", slots, "memory", job.Size(p.config.Worker.Memory))
	p.warnOfRedis(ctx)
	<-ctx.Done()
	p.logger.InfoContext(ctx, "worker draining", "running", runner.Running())
	return p.drain(ctx, runner, servers)
}

// reclaim takes back what an earlier process on the same data folder was
// running. Elsewhere an identifier is new, and has run nothing.
func (p *platform) reclaim(ctx context.Context, runner *job.Runner) error {
	if !p.config.Embedded() {
		return nil
	}
	jobs, err := runner.Reclaim(ctx)
	if err != nil {
		return fmt.Errorf("take back the jobs of a killed process: %w", err)
	}
	if jobs > 0 {
		p.logger.WarnContext(ctx, "jobs taken back after a crash", "jobs", jobs)
	}
	return nil
}

// warnOfRedis says what about Redis loses deliveries. When it does not answer,
// the health of the worker says so.
func (p *platform) warnOfRedis(ctx context.Context) {
	warnings, err := p.queue.Durability(ctx)
	if err != nil {
		return
	}
	for _, w := range warnings {
		p.logger.WarnContext(ctx, "redis is not durable", "detail", w)
	}
}

func (p *platform) newServer(pool string, slots int, runner *job.Runner) (*queue.Server, error) {
	handle := func(ctx context.Context, d queue.Delivery) error {
		if p.guards.s3.State() == resilience.Open {
			return queue.ErrBusy // every kind of job needs files: it waits with the queue, and costs no attempt
		}
		err := runner.Handle(ctx, job.Delivery(d))
		if errors.Is(err, job.ErrDraining) || errors.Is(err, job.ErrNoRoom) {
			return queue.ErrBusy
		}
		return err
	}
	server, err := queue.NewServer(p.queueConfig(), pool, slots, handle, p.logger)
	if err != nil {
		return nil, err
	}
	server.OnHint(func(d queue.Delivery) { runner.Hint(d.JobID) })
	p.metrics.CollectSlots(pool, slots, server.Running)
	return server, nil
}

// drain lets the jobs that run save their work and hands them over.
func (p *platform) drain(ctx context.Context, runner *job.Runner, servers []*queue.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.config.Worker.DrainTimeout)
	defer cancel()
	for _, s := range servers {
		s.Drain()
	}
	runner.Drain()
	errs := []error{runner.Wait(ctx)}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() {
			err := s.Shutdown(ctx)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("drain worker: %w", err)
	}
	return nil
}
