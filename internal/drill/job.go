package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/drill/peer"
	"github.com/narrativeml/narrative/internal/embedded"
)

// JobPlan says how much is measured of jobs that do nothing. Zero means the
// default.
type JobPlan struct {
	Rounds  int // of which the median counts; 3
	Jobs    int // of one round, submitted as fast as they are taken; 8,000
	Samples int // of one round, submitted to an idle platform; 150
	Callers int // that submit one job after another, and the peer's; 128
	Slots   int // of the worker and of the peer's; 128
	Flood   int // of one tenant beside which another submits; 10,000
	Shares  int // started while tenants of different weights wait; 400
	Listed  int // in the store whose lists are measured; 1,000,000

	Peers   peer.Programs // that run the scripts of other queues
	Workers *WorkerPlan   // by which two workers are measured; nil: they are not
}

func (p JobPlan) withDefaults() JobPlan {
	positive := func(v, byDefault int) int {
		if v > 0 {
			return v
		}
		return byDefault
	}
	return JobPlan{
		Rounds: positive(p.Rounds, 3), Jobs: positive(p.Jobs, 8000), Samples: positive(p.Samples, 150),
		Callers: positive(p.Callers, 128), Slots: positive(p.Slots, 128), Workers: p.Workers,
		Flood: positive(p.Flood, 10_000), Shares: positive(p.Shares, 400), Listed: positive(p.Listed, 1_000_000),
		Peers: p.Peers,
	}
}

const (
	jobPatience = 2 * time.Minute
	idleSlots   = 4                     // of a worker that is mostly idle
	idleAtLeast = 25 * time.Millisecond // between two jobs for an idle platform
	idleSpread  = 40 * time.Millisecond
)

// JobsArea measures jobs that do nothing, from their submission to their
// recorded end, and beside them the same number of tasks on asynq alone and on
// other queues, where they are found. The parts are the real ones: a
// redis-server, records in SQLite, the service, a worker and a keeper. The
// records are reached directly, as by `dev`, and over the MongoDB protocol, as
// by separate processes.
func JobsArea(plan JobPlan) Area {
	plan = plan.withDefaults()
	return Area{Name: "jobs", Measure: func(ctx context.Context, out io.Writer) (figures []Figure, err error) {
		d := &jobDrill{plan: plan, out: out, random: rand.New(rand.NewPCG(1, 2))}
		if d.dir, err = os.MkdirTemp("", "narrative-bench-*"); err != nil {
			return nil, fmt.Errorf("measure jobs: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
		scripts, err := peer.Install(d.dir, plan.Peers)
		if err != nil {
			return nil, err
		}
		for _, q := range scripts.Queues() {
			d.rivals = append(d.rivals, &rival{queue: q})
		}
		if d.redis, err = embedded.StartRedis(ctx, embedded.RedisConfig{
			Dir: filepath.Join(d.dir, "redis"), Logger: slog.New(slog.DiscardHandler),
		}); err != nil {
			return nil, err
		}
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobPatience)
			defer cancel()
			err = errors.Join(err, d.redis.Stop(ctx))
		}()
		return d.measure(ctx)
	}}
}

// jobDrill is one run of the jobs area.
type jobDrill struct {
	plan   JobPlan
	out    io.Writer
	dir    string
	redis  *embedded.Redis
	random *rand.Rand
	rivals []*rival
}

// jobRound is what one round found about one way to the records.
type jobRound struct {
	perSecond  float64
	pickUp     []time.Duration // from the call that submits to the handler's start
	submit     []time.Duration // to an idle platform
	submitFull []time.Duration // beside all the others
}

// measure runs the rounds. The peers and both ways to the records take turns,
// so that whatever else the machine does falls on all of them.
func (d *jobDrill) measure(ctx context.Context) (figures []Figure, err error) {
	ways := []*recordsWay{
		{open: openDirect, note: "records in SQLite, opened directly"},
		{suffix: "-wire", open: openWire, note: "records in SQLite behind the MongoDB protocol on loopback"},
	}
	for i, w := range ways {
		if w.records, err = w.open(ctx, filepath.Join(d.dir, fmt.Sprintf("records%d.db", i))); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, w.records.close(ctx)) }()
	}
	var alone []float64
	for round := range d.plan.Rounds {
		perSecond, err := d.bare(ctx)
		if err != nil {
			return nil, err
		}
		alone = append(alone, perSecond)
		if err := d.others(ctx, round+1); err != nil {
			return nil, err
		}
		for _, w := range ways {
			r, err := d.round(ctx, w)
			if err != nil {
				return nil, err
			}
			w.rounds = append(w.rounds, r)
			if _, err := fmt.Fprintf(d.out, "round %d, %s: %.0f jobs/s, bare asynq %.0f/s\n", round+1, w.note, r.perSecond, alone[round]); err != nil {
				return nil, fmt.Errorf("print progress: %w", err)
			}
		}
	}
	for _, w := range ways {
		figures = append(figures, d.figures(w, median(alone))...)
	}
	for _, more := range []func(context.Context) ([]Figure, error){d.fair, d.lists} {
		found, err := more(ctx)
		if err != nil {
			return nil, err
		}
		figures = append(figures, found...)
	}
	if d.plan.Workers == nil {
		return figures, nil
	}
	workers, err := d.plan.Workers.Measure(ctx, d.out)
	return append(figures, workers...), err
}

// round measures one way to the records once, first flooded, then idle.
func (d *jobDrill) round(ctx context.Context, w *recordsWay) (r jobRound, err error) {
	ctx, cancel := context.WithTimeout(ctx, jobPatience)
	defer cancel()
	if err := d.with(ctx, w, d.plan.Slots, func(p *jobPlatform) error {
		took, submits, err := p.flood(ctx, d.plan.Jobs, d.plan.Callers)
		r.perSecond, r.submitFull = float64(d.plan.Jobs)/took.Seconds(), submits
		return err
	}); err != nil {
		return r, err
	}
	return r, d.with(ctx, w, idleSlots, func(p *jobPlatform) error {
		for range d.plan.Samples {
			if err := pause(ctx, idleAtLeast+time.Duration(d.random.Int64N(int64(idleSpread)))); err != nil {
				return err
			}
			submit, pickUp, err := p.sample(ctx)
			if err != nil {
				return err
			}
			r.submit, r.pickUp = append(r.submit, submit), append(r.pickUp, pickUp)
		}
		return nil
	})
}

// with runs measure on a platform whose worker has so many slots.
func (d *jobDrill) with(ctx context.Context, w *recordsWay, slots int, measure func(*jobPlatform) error) (err error) {
	p, err := startJobs(w.records.driver, d.redis.URL(), slots)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop(ctx)) }()
	return measure(p)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// figures makes the figures of one way to the records.
func (d *jobDrill) figures(w *recordsWay, alone float64) []Figure {
	parts := "redis-server with an append-only file"
	if !d.redis.Durable() {
		parts = "in-memory stand-in for Redis"
	}
	parts += "; " + w.note + "; service, worker and keeper in one process"
	idle := fmt.Sprintf("%d jobs, one at a time, on an idle platform of %d slots, median of %d; %s", d.plan.Samples, idleSlots, d.plan.Rounds, parts)
	full := fmt.Sprintf("%d no-op jobs by %d callers, %d slots, median of %d; %s", d.plan.Jobs, d.plan.Callers, d.plan.Slots, d.plan.Rounds, parts)
	ms := func(name, note string, at float64, of func(jobRound) []time.Duration) Figure {
		var values []float64
		for _, r := range w.rounds {
			values = append(values, float64(percentile(of(r), at))/float64(time.Millisecond))
		}
		return Alone(name+w.suffix, median(values), "ms", note)
	}
	var speeds []float64
	for _, r := range w.rounds {
		speeds = append(speeds, r.perSecond)
	}
	ours := Alone("jobs-end-to-end"+w.suffix, median(speeds), "jobs/s",
		fmt.Sprintf("from the first submission to the last recorded end; bare asynq, without records, did %.0f/s; %s%s", alone, full, d.leftOut()))
	return append([]Figure{
		ms("pick-up-p50", "from the call that submits to the start of the handler; "+idle, 0.50, func(r jobRound) []time.Duration { return r.pickUp }),
		ms("pick-up-p99", "from the call that submits to the start of the handler; "+idle, 0.99, func(r jobRound) []time.Duration { return r.pickUp }),
		ms("submit-p99", "stored and enqueued; "+idle, 0.99, func(r jobRound) []time.Duration { return r.submit }),
		ms("submit-loaded-p99", "stored and enqueued; "+full, 0.99, func(r jobRound) []time.Duration { return r.submitFull }),
		Against(ours, "bare asynq", alone, false),
	}, d.against(ours, full)...)
}

// median returns the middle of the values, the lower one of two.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// percentile returns the smallest of the values that is no less than the
// share of them.
func percentile(values []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	rank := int(share*float64(len(sorted))+0.9999) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}
