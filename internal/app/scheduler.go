package app

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/health"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/telemetry"
)

// Scheduler runs the process that looks after the rest until ctx ends. Any
// number may run; one of them leads.
func Scheduler(ctx context.Context, c config.Config, program Program) error {
	return withOperations(ctx, c, program, false, func(ctx context.Context, p *platform) error {
		return p.schedule(ctx, p.services())
	})
}

// The tasks that are done at times.
const (
	taskCleanup = "cleanup"
	taskHealth  = "health"
)

// statsInterval is how often the leader counts the jobs.
const statsInterval = 5 * time.Second

// overseer is what a scheduler does while it leads.
type overseer struct {
	*platform
	keeper  *job.Keeper
	ticker  *job.Ticker
	checker *health.Checker
	cleanup *retention.Service
	history *health.History
	since   time.Time // when it began to lead
}

// schedule leads whenever no other scheduler does, until ctx ends.
func (p *platform) schedule(ctx context.Context, s *services) error {
	o := &overseer{platform: p, checker: p.checker(true), cleanup: s.retention, history: s.health}
	o.keeper = job.NewKeeper(job.KeeperConfig{
		Driver: p.store, Queue: p.ports.queue(delivery{p.queue}), Observer: p.observer(), Now: p.ports.now,
		DeadAfter: p.config.Scheduler.DeadAfter, RelayEvery: p.config.Scheduler.RelayInterval,
		Tenants: p.tenantDefaults(), Freed: p.queue.Freed(ctx),
		Dispatched: func(d job.Dispatched) {
			p.metrics.Jobs.JobsDispatched(d.Pool, telemetry.Dispatch{Jobs: d.Jobs, Room: d.Room, Tenants: d.Tenants, Error: d.Error})
		},
	})
	var err error
	o.ticker, err = job.NewTicker(job.TickerConfig{
		Driver: p.store, Observer: p.observer(), Now: p.ports.now,
		Schedules: []job.Schedule{
			{Name: taskCleanup, Spec: p.config.Scheduler.CleanupCron, Fire: o.counted(taskCleanup, o.submitCleanup)},
			{Name: taskHealth, Spec: p.config.Scheduler.HealthCron, Fire: o.counted(taskHealth, o.sweepHealth)},
		},
	})
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find the name of this machine: %w", err)
	}
	leader := job.NewLeader(job.LeaderConfig{
		Driver: p.store, Name: "scheduler", Holder: host + "/" + store.NewID("sch"), Observer: p.observer(), Now: p.ports.now,
		TTL: p.config.Scheduler.Lease,
	})
	p.logger.InfoContext(ctx, "scheduler ready")
	leader.Run(ctx, o.lead)
	p.logger.InfoContext(ctx, "scheduler stopped")
	return nil
}

// lead does the leader's work until ctx ends.
func (o *overseer) lead(ctx context.Context, token int64) {
	o.logger.InfoContext(ctx, "scheduler leads", "token", token)
	o.since = time.Now()
	o.metrics.Sweep.SetLeader(true)
	defer func() {
		o.metrics.Sweep.SetLeader(false)
		o.metrics.Jobs.SetBacklog(nil, nil)
		o.metrics.Jobs.ForgetDispatch()
	}()
	var wg sync.WaitGroup
	wg.Go(func() { o.keeper.Run(ctx) })
	wg.Go(func() { o.ticker.Run(ctx) })
	wg.Go(func() { o.count(ctx) })
	wg.Wait()
}

// counted counts the ticks of a task by their outcome.
func (o *overseer) counted(task string, fire func(context.Context, string, time.Time) error) func(context.Context, string, time.Time) error {
	return func(ctx context.Context, key string, at time.Time) error {
		err := fire(ctx, key, at)
		outcome := "done"
		if err != nil {
			outcome = "failed"
		}
		o.metrics.Sweep.Tick(task, outcome)
		return err
	}
}

func (o *overseer) submitCleanup(ctx context.Context, key string, _ time.Time) error {
	_, _, err := o.cleanup.Submit(ctx, account.Caller{Tenant: account.SystemTenant, User: "scheduler", Roles: []string{account.RoleOperator}}, retention.Request{}, key)
	return err
}

// sweepHealth looks at every part and at the workers' heartbeats.
func (o *overseer) sweepHealth(ctx context.Context, _ string, at time.Time) error {
	report := o.checker.Run(ctx)
	for name, r := range report.Checks {
		if r.Status != health.NotConfigured {
			o.metrics.Sweep.SetCheck(name, r.Status == health.OK, time.Duration(r.LatencyMS*float64(time.Millisecond)))
		}
	}
	// Who begins to lead, maybe since the store is back, does not know yet which
	// workers only had no means to sign.
	if time.Since(o.since) >= o.config.Scheduler.DeadAfter {
		lost, err := o.keeper.SweepWorkers(ctx)
		if err != nil {
			return fmt.Errorf("sweep workers: %w", err)
		}
		for _, w := range lost {
			o.logger.WarnContext(ctx, "worker lost", "worker", w.ID, "host", w.Host, "pid", w.PID, "last_heartbeat", w.HeartbeatAt)
		}
	}
	counts := map[string]int{}
	for _, state := range []string{job.WorkerAlive, job.WorkerDraining, job.WorkerLost} {
		found, err := o.keeper.Workers(ctx, state, store.MaxLimit)
		if err != nil {
			return fmt.Errorf("count workers: %w", err)
		}
		counts[state] = len(found)
	}
	o.metrics.Sweep.SetWorkers(counts[job.WorkerAlive]+counts[job.WorkerDraining], counts[job.WorkerLost])
	return o.history.Record(ctx, at, report)
}

// count sets the gauges of running and waiting jobs until ctx ends.
func (o *overseer) count(ctx context.Context) {
	ticker := time.NewTicker(statsInterval)
	defer ticker.Stop()
	for {
		stats, err := o.keeper.Stats(ctx)
		if err == nil {
			waiting := make(map[string]telemetry.Waiting, len(stats.Waiting))
			for pool, w := range stats.Waiting {
				oldest := time.Duration(0)
				if !w.Oldest.IsZero() {
					oldest = time.Since(w.Oldest)
				}
				waiting[pool] = telemetry.Waiting{Awaiting: w.Awaiting, Pending: w.Pending, Queued: w.Queued, Oldest: oldest}
			}
			o.metrics.Jobs.SetBacklog(stats.Running, waiting)
		} else if ctx.Err() == nil {
			o.observer().Trouble(ctx, "count_jobs", nil, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
