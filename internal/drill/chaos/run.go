package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Tier says how much of everything is done, and how quickly the platform of the
// run notices things.
type Tier struct {
	Pace       Pace
	Workers    int
	Schedulers int
	APIs       int
	Users      int           // that submit one job after another
	Points     int           // crash points of the sweep; 0: all of them
	Scenarios  []string      // of the sweep; nil: all of them
	Whole      bool          // what is switched off is also done to a platform that is whole
	Rows       int           // of the prediction that is divided
	Starve     time.Duration // for how long a worker gets 5 % of a core
	Strict     bool          // the percentiles are promises too
}

// TierFor returns the tier of a run of so many jobs: below 500 a short one,
// that notices the dead within seconds; from 10,000 on the long one, in which
// the percentiles count.
func TierFor(jobs int) Tier {
	const short, long = 500, 10_000
	switch {
	case jobs < short:
		return Tier{
			Pace:    Pace{Heartbeat: 700 * time.Millisecond, DeadAfter: 4 * time.Second, Lease: 3 * time.Second, Cleanup: "@every 4s", Health: "@every 1s"},
			Workers: 3, Schedulers: 2, APIs: 2, Users: 8, Points: 3, Scenarios: []string{"main"}, Rows: 30_000, Starve: 5 * time.Second,
		}
	case jobs < long:
		return Tier{Pace: defaultPace("@every 60s"), Workers: 4, Schedulers: 2, APIs: 2, Users: 16, Points: 24, Whole: true, Rows: 200_000, Starve: time.Minute}
	default:
		return Tier{Pace: defaultPace("@every 10m"), Workers: 4, Schedulers: 2, APIs: 2, Users: 16, Whole: true, Rows: 2_000_000, Starve: 10 * time.Minute, Strict: true}
	}
}

// defaultPace is that of a platform without settings.
func defaultPace(cleanup string) Pace {
	return Pace{Heartbeat: 3 * time.Second, DeadAfter: 15 * time.Second, Lease: 10 * time.Second, Cleanup: cleanup, Health: "@every 5s"}
}

// Options say what is run.
type Options struct {
	Program string // built as usual
	Tagged  string // built with the tag chaos: it has failpoints and switches
	Dir     string // gets histories, logs and data; made, and kept for reading
	Jobs    int
	Seed    uint64
	Tier    Tier
	Stages  []string  // nil: all of them
	Out     io.Writer // what a person follows
}

// Run is one run.
type Run struct {
	Options
	starter *starter
	history *History // of the stage under way
	outcome Outcome
}

// Outcome is what a run found.
type Outcome struct {
	Jobs, Kills, Hits int
	Violations        []Violation
	Recovery, Cancel  []time.Duration
}

// ErrViolated is returned when a promise was broken.
var ErrViolated = errors.New("chaos: a promise was broken")

// stage is a part of a run with a platform and a history of its own.
type stage struct {
	name string
	run  func(r *Run, ctx context.Context) error
}

func stages() []stage {
	return []stage{
		{"main", (*Run).storm},
		{"starved", (*Run).starved},
		{"redone", (*Run).redone},
		{"rows", (*Run).divided},
		{"points", (*Run).sweep},
		{"switches", (*Run).mutants},
	}
}

// known refuses names that no stage has.
func known(names []string) error {
	var all []string
	for _, s := range stages() {
		all = append(all, s.name)
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return fmt.Errorf("chaos: there is no stage %q; the stages are %s", name, strings.Join(all, ", "))
		}
	}
	return nil
}

// Start runs everything and prints what was found. It returns ErrViolated when
// a promise was broken, and any other error when the run itself went wrong.
func Start(ctx context.Context, o Options) (out Outcome, err error) {
	if o.Jobs < 1 {
		return out, fmt.Errorf("chaos: %d jobs were asked for; ask for at least one", o.Jobs)
	}
	for _, path := range []*string{&o.Dir, &o.Program, &o.Tagged} { // the file server changes the folder
		if *path, err = filepath.Abs(*path); err != nil {
			return out, fmt.Errorf("chaos: %w", err)
		}
	}
	r := &Run{Options: o, starter: newStarter()}
	defer r.starter.close()
	r.printf("chaos: %d jobs, seed %d, load %s\n", o.Jobs, o.Seed, loadAverage())
	started := time.Now()
	if err := known(o.Stages); err != nil {
		return out, err
	}
	for _, s := range stages() {
		if len(o.Stages) > 0 && !slices.Contains(o.Stages, s.name) {
			continue
		}
		if err := r.stage(ctx, s); err != nil {
			return r.outcome, fmt.Errorf("stage %s: %w", s.name, err)
		}
	}
	r.printf("\nload %s, took %s\n", loadAverage(), time.Since(started).Round(time.Second))
	return r.outcome, r.conclude()
}

// stage runs one stage in a folder of its own.
func (r *Run) stage(ctx context.Context, s stage) (err error) {
	dir := filepath.Join(r.Dir, s.name)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	started := time.Now()
	r.printf("\n== %s\n", s.name)
	defer func() { r.printf("(%s)\n", time.Since(started).Round(time.Second)) }()
	if r.history, err = NewHistory(filepath.Join(dir, "history.jsonl")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.history.Close()) }()
	return s.run(r, ctx)
}

// dir is the folder of the stage under way.
func (r *Run) dir() string { return filepath.Dir(r.history.file.Name()) }

func (r *Run) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(r.Out, format, args...) // who does not listen misses it
}

// broke notes what a stage found broken.
func (r *Run) broke(found ...Violation) {
	for _, v := range found {
		r.printf("VIOLATION %s\n", v)
	}
	r.outcome.Violations = append(r.outcome.Violations, found...)
}

// with runs fn on a platform of its own, in the folder of the stage.
func (r *Run) with(ctx context.Context, pace Pace, apis int, fn func(ctx context.Context, c *cluster) error) (err error) {
	p, err := startParts(ctx, r.dir(), r.history)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop(ctx)) }()
	c, err := newCluster(ctx, r, p, pace, apis)
	if err != nil {
		return err
	}
	if err := fn(ctx, c); err != nil {
		c.abort()
		return errors.Join(err, c.stop())
	}
	return c.stop()
}

// quietly waits until everything is quiet, checks the history of the stage and
// returns it with what is left.
func (r *Run) quietly(ctx context.Context, c *cluster) ([]Event, Final, error) {
	c.settle(ctx, endPatience)
	f, err := c.final(ctx, false)
	if err != nil {
		return nil, f, err
	}
	events := r.history.Events()
	r.broke(Check(events, f)...)
	return events, f, nil
}

// storm is the main stage: every order of the plan, and every step of it.
func (r *Run) storm(ctx context.Context) error {
	plan := NewPlan(r.Jobs, r.Seed, r.Tier.Pace)
	return r.with(ctx, r.Tier.Pace, r.Tier.APIs, func(ctx context.Context, c *cluster) error {
		c.base = append(c.base, fmt.Sprint("NARRATIVE_LIMIT_TENANT_RUNNING=", tenantLimit))
		if err := c.start(ctx, r.Tier.Workers, r.Tier.Schedulers); err != nil {
			return err
		}
		u, err := newUsers(ctx, c, fmt.Sprintf("chaos-%d", r.Seed), tenants)
		if err != nil {
			return err
		}
		n := newNemesis(c, plan, r.Seed, r.Tier.Workers)
		if err := r.weather(ctx, u, n); err != nil {
			return err
		}
		// What waits longest: outages double their waits up to five minutes.
		c.settle(ctx, endPatience)
		if err := u.tidy(ctx); err != nil {
			r.broke(Violation{Promise: NoneStuck, What: err.Error()})
		}
		f, err := c.final(ctx, true)
		if err != nil {
			return err
		}
		f.Limit = tenantLimit
		r.judge(c, plan, f)
		return nil
	})
}

// tenantLimit is how many jobs of a tenant may be with the queue and the workers
// of the main stage: fewer than its clients would have there.
const tenantLimit = 5

// weather serves every order while the nemesis is at work.
func (r *Run) weather(ctx context.Context, u *users, n *nemesis) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bad := make(chan error, 1)
	go func() { bad <- n.run(ctx, u.until) }()
	orders := make(chan Order)
	errs := make([]error, r.Tier.Users)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for o := range orders {
				if err := n.admit(ctx, o.Index); err != nil {
					errs[i] = errors.Join(errs[i], err)
					continue
				}
				errs[i] = errors.Join(errs[i], u.serve(ctx, o))
			}
		})
	}
	said := time.Now()
	for _, o := range n.plan.Orders {
		orders <- o
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			r.printf("%s: %d of %d jobs submitted, %d ended, step %d of %d\n", r.history.Now().Round(time.Second), u.submitted.Load(), r.Jobs, u.witness.ends(), n.progress(), len(n.plan.Steps))
		}
	}
	close(orders)
	wg.Wait()
	return errors.Join(errors.Join(errs...), <-bad)
}

// progress returns how many steps are done.
func (n *nemesis) progress() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.done
}
