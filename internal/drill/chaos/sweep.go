package chaos

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/narrativeml/narrative/internal/client"
)

// quick is the pace of a platform on which one thing after another goes wrong.
func quick() Pace {
	return Pace{Heartbeat: 400 * time.Millisecond, DeadAfter: 2 * time.Second, Lease: 1500 * time.Millisecond, Cleanup: "@every 24h", Health: "@every 1s"}
}

// crashPoint is a call that a process makes: to the store, the queue or the
// files.
type crashPoint struct {
	scenario string
	role     string
	name     string
	when     string // before or after
}

// String implements fmt.Stringer.
func (p crashPoint) String() string {
	return fmt.Sprintf("%s %s: %s %s", p.scenario, p.role, p.when, p.name)
}

// sweeper kills one process at one point after the other.
type sweeper struct {
	*users
	r       *Run
	round   int // counts scenarios, for their keys
	reached int
	victim  *process    // that is to kill itself
	harmed  atomic.Bool // the scenario ended the victim before it could
}

// sweepScenarios are ways that jobs go, each with the calls that only it makes.
func sweepScenarios() map[string]func(s *sweeper, ctx context.Context) error {
	return map[string]func(s *sweeper, ctx context.Context) error{
		"main": (*sweeper).mainJob, "cancel": (*sweeper).cancelled, "crash": (*sweeper).crashed,
		"away": (*sweeper).away, "drain": (*sweeper).drained, "divided": (*sweeper).dividedJob,
	}
}

var sweepRoles = []string{roleAPI, roleScheduler, roleWorker} //nolint:gochecknoglobals // a list

// sweep finds every call that the processes make to their parts, in every
// scenario, and kills the one that makes it before and after it. Whatever was
// acknowledged comes to one end.
func (r *Run) sweep(ctx context.Context) error {
	return r.with(ctx, quick(), 1, func(ctx context.Context, c *cluster) error {
		if err := c.start(ctx, 1, 1); err != nil {
			return err
		}
		u, err := newUsers(ctx, c, "points", 1)
		if err != nil {
			return err
		}
		s := &sweeper{users: u, r: r}
		points, err := s.enumerate(ctx)
		if err != nil {
			return err
		}
		all := len(points)
		if r.Tier.Points > 0 && r.Tier.Points < all {
			dice := rand.New(rand.NewPCG(r.Seed, 11))
			dice.Shuffle(all, func(i, j int) { points[i], points[j] = points[j], points[i] })
			points = points[:r.Tier.Points]
		}
		r.printf("%d crash points, of which %d are tried\n", all, len(points))
		for _, p := range points {
			if err := s.try(ctx, p); err != nil {
				return fmt.Errorf("killed at %s: %w", p, err)
			}
		}
		return s.conclude(ctx, len(points))
	})
}

// conclude checks the history of all points together.
func (s *sweeper) conclude(ctx context.Context, tried int) error {
	s.settle(ctx, endPatience)
	if err := s.tidy(ctx); err != nil {
		s.r.broke(Violation{Promise: NoneStuck, What: err.Error()})
	}
	f, err := s.final(ctx, true)
	if err != nil {
		return err
	}
	s.r.broke(Check(s.history.Events(), f)...)
	s.r.printf("killed at %d of %d points; %d jobs ended\n", s.reached, tried, len(f.Jobs))
	if s.reached*10 < tried*8 {
		s.r.broke(Violation{Promise: EnoughKills, What: fmt.Sprintf("only %d of %d crash points were reached", s.reached, tried)})
	}
	return nil
}

// enumerate runs every scenario once, in peace, and returns the points that
// were passed, those of a scenario only if no other one before has them.
func (s *sweeper) enumerate(ctx context.Context) ([]crashPoint, error) {
	var points []crashPoint
	known := map[string]bool{}
	scenarios := s.r.Tier.Scenarios
	if scenarios == nil {
		scenarios = []string{"main", "divided", "cancel", "crash", "away", "drain"}
	}
	for _, scenario := range scenarios {
		traces := map[string]string{}
		for _, role := range sweepRoles {
			traces[role] = filepath.Join(s.logs, "trace-"+scenario+"-"+role)
			if err := s.replace(ctx, role, switches{"CHAOS_TRACE=" + traces[role]}); err != nil {
				return nil, err
			}
		}
		if err := s.scenario(ctx, scenario); err != nil {
			return nil, fmt.Errorf("scenario %s: %w", scenario, err)
		}
		for _, role := range sweepRoles {
			text, err := os.ReadFile(traces[role])
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("read the trace of %s: %w", role, err)
			}
			names := strings.Split(strings.TrimSpace(string(text)), "\n")
			slices.Sort(names)
			for _, name := range slices.Compact(names) {
				if name == "" || known[role+name] {
					continue
				}
				known[role+name] = true
				for _, when := range []string{"before", "after"} {
					points = append(points, crashPoint{scenario: scenario, role: role, name: name, when: when})
				}
			}
		}
	}
	for _, role := range sweepRoles { // without traces again
		if err := s.replace(ctx, role, nil); err != nil {
			return nil, err
		}
	}
	return points, nil
}

// replace ends the process of the role and starts another one.
func (s *sweeper) replace(ctx context.Context, role string, with switches) error {
	name := role + " 0"
	if p := s.get(name); p != nil && p.alive() {
		if err := p.end(); err != nil {
			return err
		}
	}
	_, err := s.spawnWith(ctx, name, with, "NARRATIVE_RETENTION_GRACE=0s")
	return err
}

func (s *sweeper) scenario(ctx context.Context, name string) error {
	s.round++
	return sweepScenarios()[name](s, ctx)
}

// try kills the process at the point, while the scenario runs, and starts it
// again.
func (s *sweeper) try(ctx context.Context, p crashPoint) error {
	once := filepath.Join(s.logs, fmt.Sprintf("died-%d", s.round))
	err := s.replace(ctx, p.role, switches{"CHAOS_KILL=" + p.when + " " + p.name, "CHAOS_ONCE=" + once})
	victim := s.get(p.role + " 0")
	if victim == nil || err != nil && victim.alive() {
		return err
	}
	s.victim = victim
	s.harmed.Store(false)
	over := make(chan struct{})
	revived := make(chan error, 1)
	go func() {
		select {
		case <-victim.ended:
			if !s.harmed.Load() {
				s.history.Append(Event{What: Kill, Process: victim.name, PID: victim.pid, Worker: s.witness.worker(victim.pid), Fault: "SIGKILL", Text: p.String()})
			}
			revived <- s.replace(ctx, p.role, nil)
		case <-over:
			revived <- s.replace(ctx, p.role, nil)
		}
	}()
	err = s.scenario(ctx, p.scenario)
	close(over)
	err = errors.Join(err, <-revived)
	if _, missing := os.Stat(once); missing == nil { // the process, or that of one of its jobs
		s.reached++
	}
	return err
}

// key is a new idempotency key.
func (s *sweeper) key(what string) string { return fmt.Sprintf("%s-%d-%s", s.prefix, s.round, what) }

// order submits an order and returns its job.
func (s *sweeper) order(ctx context.Context, kind string) (string, error) {
	kind2, do, err := s.call(tenantName(0), Order{Kind: kind, Seed: uint64(s.round)})
	if err != nil {
		return "", err
	}
	a, err := s.submit(ctx, tenantName(0), s.key(kind), kind2, do)
	return a.job, err
}

// mainJob is everything that a user does, one thing after the other.
func (s *sweeper) mainJob(ctx context.Context) error {
	for _, kind := range []string{kindIngest, kindTraining, kindPrediction, kindTuning} {
		id, err := s.order(ctx, kind)
		if err != nil {
			return err
		}
		if err := s.succeed(ctx, tenantName(0), id); err != nil {
			return err
		}
	}
	a, err := s.submit(ctx, tenantName(0), s.key("cleanup"), "cleanup", func(ctx context.Context, c *client.Client, key string) (string, string, error) {
		j, err := c.Cleanup(ctx, client.CleanupRequest{}, key)
		return idOf(j), "", err
	})
	if err != nil {
		return err
	}
	return s.succeed(ctx, tenantName(0), a.job)
}

// started submits a slow training and returns it when it runs.
func (s *sweeper) started(ctx context.Context) (string, error) {
	id, err := s.order(ctx, kindSlow)
	if err != nil {
		return "", err
	}
	return id, s.runs(ctx, id, 1)
}

// dividedJob is a prediction with children.
func (s *sweeper) dividedJob(ctx context.Context) error {
	id, err := s.order(ctx, kindSharded)
	if err != nil {
		return err
	}
	if err := s.succeed(ctx, tenantName(0), id); err != nil {
		return err
	}
	return s.count(ctx, tenantName(0), id, largeRows)
}

func (s *sweeper) cancelled(ctx context.Context) error {
	id, err := s.started(ctx)
	if err != nil {
		return err
	}
	if err := s.cancel(ctx, tenantName(0), id); err != nil {
		return err
	}
	_, err = s.wait(ctx, tenantName(0), id)
	return err
}

// crashed kills the worker, unless it is dead already.
func (s *sweeper) crashed(ctx context.Context) error { return s.ended(ctx, syscall.SIGKILL) }

func (s *sweeper) drained(ctx context.Context) error { return s.ended(ctx, syscall.SIGTERM) }

func (s *sweeper) ended(ctx context.Context, sig syscall.Signal) error {
	id, err := s.started(ctx)
	if err != nil {
		return err
	}
	worker := s.worker(id)
	if worker == nil { // it is dead already
		return s.succeed(ctx, tenantName(0), id)
	}
	if worker == s.victim {
		s.harmed.Store(true) // and whoever waits for its end starts another one
	}
	if err := s.kill(worker, sig); err != nil {
		return err
	}
	<-worker.ended
	if worker != s.victim {
		if err := s.replace(ctx, roleWorker, nil); err != nil {
			return err
		}
	}
	return s.succeed(ctx, tenantName(0), id)
}

// worker returns the process that runs the job, or nil.
func (s *sweeper) worker(id string) *process {
	e := s.witness.last(id)
	for _, p := range s.of(roleWorker) {
		if e.Worker != "" && s.witness.worker(p.pid) == e.Worker {
			return p
		}
	}
	return nil
}

// away submits while there is no way to Redis.
func (s *sweeper) away(ctx context.Context) error {
	s.toRedis.Set(Weather{Mode: Refuse})
	id, err := s.order(ctx, kindTraining)
	s.toRedis.Set(Weather{Mode: Calm})
	if err != nil {
		return err
	}
	return s.succeed(ctx, tenantName(0), id)
}
