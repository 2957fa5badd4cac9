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
	"sync"
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

// sweeper kills one process at one point after the other, on one platform.
type sweeper struct {
	*users
	r      *Run
	all    *crashPoints
	round  int         // counts scenarios, for their keys
	victim *process    // that is to kill itself
	harmed atomic.Bool // the scenario ended the victim before it could
}

// crashPoints are those that are to be tried, by all sweepers together.
type crashPoints struct {
	feed  chan crashPoint
	found int // in all
	began time.Time

	tried, reached, wrong, jobs atomic.Int64
	chosen                      atomic.Int64 // to be tried
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
// acknowledged comes to one end. Most of the time is spent waiting until a death
// is noticed, so that several platforms share the points.
func (r *Run) sweep(ctx context.Context) error {
	all := &crashPoints{feed: make(chan crashPoint)}
	errs := make([]error, max(r.Tier.Platforms, 1))
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = r.sweepOne(ctx, all, i) })
	}
	wg.Wait()
	tried, reached := all.tried.Load(), all.reached.Load()
	r.printf("%d crash points, of which %d are tried on %d platforms\n", all.found, tried, len(errs))
	r.printf("killed at %d of %d points; %d jobs ended\n", reached, tried, all.jobs.Load())
	if tried == 0 || tried < all.chosen.Load() || reached*10 < tried*8 {
		r.broke(Violation{Promise: EnoughKills, What: fmt.Sprintf("of %d crash points %d were tried and %d reached", all.chosen.Load(), tried, reached)})
	}
	return errors.Join(errs...)
}

// sweepOne tries crash points on a platform of its own. The first one also finds
// them.
func (r *Run) sweepOne(ctx context.Context, all *crashPoints, i int) (err error) {
	finds := i == 0
	defer func() {
		if finds {
			close(all.feed) // nobody waits for what does not come
		}
	}()
	name := fmt.Sprint("points-", i+1)
	one, err := r.part(name, filepath.Join(r.dir, name))
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, one.history.Close())
		r.broke(one.outcome.Violations...)
	}()
	return one.with(ctx, quick(), 1, func(ctx context.Context, c *cluster) error {
		s, err := newSweeper(ctx, one, c, all)
		if err != nil {
			return err
		}
		if finds {
			points, err := s.choose(ctx)
			if err != nil {
				return err
			}
			finds = false
			go all.give(ctx, points)
		}
		return s.work(ctx)
	})
}

func newSweeper(ctx context.Context, r *Run, c *cluster, all *crashPoints) (*sweeper, error) {
	c.base = append(c.base, noGrace) // what nothing names goes at once
	if err := c.start(ctx, 1, 1); err != nil {
		return nil, err
	}
	u, err := newUsers(ctx, c, r.name, 1)
	if err != nil {
		return nil, err
	}
	return &sweeper{users: u, r: r, all: all}, nil
}

const noGrace = "NARRATIVE_RETENTION_GRACE=0s"

// choose finds the points and returns those that are to be tried.
func (s *sweeper) choose(ctx context.Context) ([]crashPoint, error) {
	points, err := s.enumerate(ctx)
	if err != nil {
		return nil, err
	}
	s.all.found, s.all.began = len(points), time.Now()
	dice := rand.New(rand.NewPCG(s.r.Seed, 11))
	dice.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	if n := s.r.Tier.Points; n > 0 {
		points = points[:min(n, len(points))]
	}
	s.all.chosen.Store(int64(len(points)))
	return points, nil
}

// give hands the points out until nobody takes them any more.
func (all *crashPoints) give(ctx context.Context, points []crashPoint) {
	defer close(all.feed)
	for _, p := range points {
		select {
		case all.feed <- p:
		case <-ctx.Done():
			return
		}
	}
}

// mostWrong is how many points may go wrong before a sweeper gives up.
const mostWrong = 5

// work tries points until none is left, and checks the history of all together.
func (s *sweeper) work(ctx context.Context) error {
	for p := range s.all.feed {
		if ctx.Err() != nil || s.all.wrong.Load() >= mostWrong {
			continue // they count as not tried
		}
		if err := s.try(ctx, p); err != nil {
			s.all.wrong.Add(1)
			s.r.broke(Violation{Promise: StagesEnd, What: fmt.Sprintf("killed at %s: %v", p, err)})
		}
		if tried := s.all.tried.Add(1); tried%10 == 0 {
			s.r.progress("%d of %d crash points; %s left", tried, s.all.chosen.Load(), left(s.all.began, int(tried), int(s.all.chosen.Load())))
		}
	}
	s.settle(ctx, endPatience)
	if err := s.tidy(ctx); err != nil {
		s.r.broke(Violation{Promise: NoneStuck, What: err.Error()})
	}
	f, err := s.final(ctx, true)
	if err != nil {
		return err
	}
	s.all.jobs.Add(int64(len(f.Jobs)))
	s.r.broke(Check(s.history.Events(), f)...)
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
	_, err := s.spawnWith(ctx, name, with)
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
		s.all.reached.Add(1)
	} else {
		s.r.progress("nobody passed %s", p)
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
