package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/embedded"
)

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

// Run is one run, or a part of it with a platform and a history of its own.
type Run struct {
	Options
	starter *starter
	gateway *embedded.S3 // one process can run only one
	console *console

	name    string // of the part, "" of the whole
	dir     string // of the part
	history *History
	began   time.Time

	mu      sync.Mutex
	said    bytes.Buffer
	outcome Outcome
}

// Outcome is what a run found.
type Outcome struct {
	Jobs, Kills, Hits int
	Violations        []Violation
	Recovery, Cancel  []time.Duration
}

// add adds what a part found.
func (o *Outcome) add(part Outcome) {
	o.Jobs, o.Kills, o.Hits = o.Jobs+part.Jobs, o.Kills+part.Kills, o.Hits+part.Hits
	o.Violations = append(o.Violations, part.Violations...)
	o.Recovery, o.Cancel = append(o.Recovery, part.Recovery...), append(o.Cancel, part.Cancel...)
}

// ErrViolated is returned when a promise was broken.
var ErrViolated = errors.New("chaos: a promise was broken")

// stage is a part of a run. Stages of one lane come one after the other, and the
// lanes run beside each other; lane 0 comes before the others, alone.
type stage struct {
	name  string
	lane  int
	run   func(r *Run, ctx context.Context) error
	lasts func(r *Run) time.Duration // on two processors, by estimate
}

func stages() []stage {
	always := func(d time.Duration) func(*Run) time.Duration { return func(*Run) time.Duration { return d } }
	return []stage{
		{"main", 0, (*Run).storm, func(r *Run) time.Duration { return 15*time.Second + time.Duration(r.Jobs)*170*time.Millisecond }},
		{"starved", 1, (*Run).starved, func(r *Run) time.Duration { return r.Tier.Starve + 4*r.Tier.Pace.DeadAfter }},
		{"points", 2, (*Run).sweep, func(r *Run) time.Duration {
			return 20*time.Second + time.Duration(r.Tier.Points+allPoints(r.Tier.Points))*7*time.Second/time.Duration(r.Tier.Platforms)
		}},
		{"outages", 3, (*Run).outages, func(r *Run) time.Duration { return 3 * (r.Tier.Outage + 15*time.Second) }},
		{"disks", 3, (*Run).disks, always(time.Minute)},
		{"redone", 4, (*Run).redone, always(40 * time.Second)},
		{"rows", 4, (*Run).divided, func(r *Run) time.Duration { return 30*time.Second + time.Duration(r.Tier.Rows)*100*time.Microsecond }},
		{"switches", 4, (*Run).mutants, always(2 * time.Minute)},
	}
}

// allPoints is about how many crash points there are, when all are tried.
func allPoints(tried int) int {
	if tried > 0 {
		return 0
	}
	return 260
}

// chosen returns the stages that are asked for, and refuses names that no stage
// has.
func chosen(names []string) ([]stage, error) {
	all, known := []stage{}, []string{}
	for _, s := range stages() {
		known = append(known, s.name)
		if len(names) == 0 || slices.Contains(names, s.name) {
			all = append(all, s)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("chaos: there is no stage %q; the stages are %s", name, strings.Join(known, ", "))
		}
	}
	return all, nil
}

// Start runs everything and prints what was found. It returns ErrViolated when
// a promise was broken, and any other error when the run itself went wrong.
func Start(ctx context.Context, o Options) (out Outcome, err error) {
	if o.Jobs < 1 {
		return out, fmt.Errorf("chaos: %d jobs were asked for; ask for at least one", o.Jobs)
	}
	all, err := chosen(o.Stages)
	if err != nil {
		return out, err
	}
	for _, path := range []*string{&o.Dir, &o.Program, &o.Tagged} { // the file server changes the folder
		if *path, err = filepath.Abs(*path); err != nil {
			return out, fmt.Errorf("chaos: %w", err)
		}
	}
	r := &Run{Options: o, starter: newStarter(), console: &console{to: o.Out}, began: time.Now()}
	defer r.starter.close()
	files := filepath.Join(o.Dir, "files")
	if err := os.RemoveAll(files); err != nil {
		return out, fmt.Errorf("make room: %w", err)
	}
	if r.gateway, err = embedded.StartS3(ctx, embedded.S3Config{Dir: files, Region: region, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return out, err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), partsPatience)
		defer cancel()
		err = errors.Join(err, r.gateway.Stop(stopping))
	}()
	r.printf("chaos: %d jobs, seed %d, load %s, %s by estimate\n", o.Jobs, o.Seed, loadAverage(), r.estimate(all).Round(time.Minute))
	first, others := byLane(all)
	r.together(ctx, first)
	r.together(ctx, others)
	if err := ctx.Err(); err != nil {
		return r.outcome, fmt.Errorf("chaos: %w", err)
	}
	r.printf("\nload %s, took %s\n", loadAverage(), time.Since(r.began).Round(time.Second))
	return r.outcome, r.conclude()
}

// byLane returns the stages that come first, as one lane, and the other lanes.
func byLane(all []stage) (first, others map[int][]stage) {
	first, others = map[int][]stage{}, map[int][]stage{}
	for _, s := range all {
		if s.lane == 0 {
			first[0] = append(first[0], s)
		} else {
			others[s.lane] = append(others[s.lane], s)
		}
	}
	return first, others
}

// estimate returns how long the stages take together.
func (r *Run) estimate(all []stage) time.Duration {
	var total, longest time.Duration
	first, others := byLane(all)
	for _, s := range first[0] {
		total += s.lasts(r)
	}
	for _, lane := range others {
		var d time.Duration
		for _, s := range lane {
			d += s.lasts(r)
		}
		longest = max(longest, d)
	}
	return total + longest
}

// together runs the lanes beside each other.
func (r *Run) together(ctx context.Context, lanes map[int][]stage) {
	var wg sync.WaitGroup
	for _, lane := range lanes {
		wg.Go(func() {
			for _, s := range lane {
				if ctx.Err() == nil {
					r.stage(ctx, s)
				}
			}
		})
	}
	wg.Wait()
}

// stage runs one stage, in a folder of its own. One that goes wrong has not
// shown what it is there for.
func (r *Run) stage(ctx context.Context, s stage) {
	one, err := r.part(s.name, filepath.Join(r.Dir, s.name))
	if err != nil {
		r.broke(Violation{Promise: StagesEnd, What: err.Error()})
		return
	}
	lasts := s.lasts(r)
	one.progress("begins, %s by estimate", lasts.Round(time.Second))
	limited, cancel := context.WithTimeout(ctx, 3*lasts+5*time.Minute)
	defer cancel()
	if err := errors.Join(s.run(one, limited), one.history.Close()); err != nil {
		one.broke(Violation{Promise: StagesEnd, What: s.name + ": " + err.Error()})
	}
	one.printf("(%s)\n", time.Since(one.began).Round(time.Second))
	r.console.write(append([]byte("\n== "+s.name+"\n"), one.told()...))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcome.add(one.outcome)
}

// part returns a part of the run with a folder and a history of its own.
func (r *Run) part(name, dir string) (*Run, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("make room: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make room: %w", err)
	}
	history, err := NewHistory(filepath.Join(dir, "history.jsonl"))
	if err != nil {
		return nil, err
	}
	return &Run{
		Options: r.Options, starter: r.starter, gateway: r.gateway, console: r.console,
		name: name, dir: dir, history: history, began: time.Now(),
	}, nil
}

// with runs fn on a platform of its own, in the folder of the part.
func (r *Run) with(ctx context.Context, pace Pace, apis int, fn func(ctx context.Context, c *cluster) error) (err error) {
	p, err := startParts(ctx, r)
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

// quietly waits until everything is quiet, checks the history of the part and
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
