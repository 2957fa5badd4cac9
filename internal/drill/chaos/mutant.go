package chaos

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
)

// mutant is a platform of which one thing is switched off, and what happens to
// it: something that goes wrong for certain when nobody looks.
type mutant struct {
	off      string // fence, outbox or cancel
	promises []string
	happens  func(ctx context.Context, r *Run, u *users, off switches) error
}

func mutantsOf() []mutant {
	return []mutant{
		{"fence", []string{Fenced, LegalSteps, NoneDoubled, EpochsGrow}, fenceOff},
		{"outbox", []string{NoneLost}, outboxOff},
		{"cancel", []string{CancelsHold}, cancelOff},
	}
}

// Noticed is the promise of the suite itself.
const Noticed = "the suite notices what is switched off"

// mutants switches off one thing after the other and requires that the checker
// says so; the same things happen to a platform that is whole, where it must
// not.
func (r *Run) mutants(ctx context.Context) error {
	for _, m := range mutantsOf() {
		for _, whole := range []bool{true, false} {
			if whole && !r.Tier.Whole {
				continue
			}
			r.progress("the %s, switched off: %t", m.off, !whole)
			found, err := r.mutate(ctx, m, whole)
			if err != nil {
				return fmt.Errorf("without %s: %w", m.off, err)
			}
			if whole {
				r.broke(found...)
				continue
			}
			r.printf("without the %s: %d violations", m.off, len(found))
			if len(found) > 0 {
				r.printf(", the first %s", found[0])
			}
			r.printf("\n")
			if !names(found, m.promises) {
				r.broke(Violation{Promise: Noticed, What: fmt.Sprintf("the %s was off, and the checker found %v", m.off, found)})
			}
		}
	}
	return nil
}

// names reports whether one of the violations is of the promises.
func names(found []Violation, promises []string) bool {
	for _, v := range found {
		if slices.Contains(promises, v.Promise) {
			return true
		}
	}
	return false
}

// mutate runs the scenario once, in a folder and with a history of its own, and
// returns what the checker says.
func (r *Run) mutate(ctx context.Context, m mutant, whole bool) (found []Violation, err error) {
	name := m.off + "-off"
	var off switches
	if whole {
		name = m.off + "-on"
	} else {
		off = switches{"CHAOS_BREAK=" + m.off}
	}
	one, err := r.part(name, filepath.Join(r.dir, name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, one.history.Close()) }()
	err = one.with(ctx, quick(), 1, func(ctx context.Context, c *cluster) error {
		if err := c.start(ctx, 1, 1); err != nil {
			return err
		}
		u, err := newUsers(ctx, c, "switches", 1)
		if err != nil {
			return err
		}
		if err := m.happens(ctx, one, u, off); err != nil {
			return err
		}
		f, err := c.final(ctx, false)
		if err != nil {
			return err
		}
		found = Check(one.history.Events(), f)
		return nil
	})
	return found, err
}

// fenceOff stops a worker until its job is another's and has ended, and lets it
// go on.
func fenceOff(ctx context.Context, _ *Run, u *users, off switches) error {
	if err := u.exchange(ctx, "worker 0", off); err != nil {
		return err
	}
	stopped := u.get("worker 0")
	id, err := u.slow(ctx, 0)
	if err != nil {
		return err
	}
	if err := u.wrote(ctx, id); err != nil {
		return err
	}
	if err := u.kill(stopped, syscall.SIGSTOP); err != nil {
		return err
	}
	if _, err := u.spawn(ctx, "worker 1"); err != nil {
		return err
	}
	if err := u.runs(ctx, id, 2); err != nil {
		return err
	}
	if err := u.succeed(ctx, tenantName(0), id); err != nil {
		return err
	}
	if err := u.kill(stopped, syscall.SIGCONT); err != nil {
		return err
	}
	wait(ctx, 2*u.pace.DeadAfter) // many heartbeats
	u.settle(ctx, 10*u.pace.DeadAfter)
	return nil
}

// wrote waits until the attempt has written to the record after its claim: it
// knows then that the job is its own.
func (u *users) wrote(ctx context.Context, id string) error {
	claimed := u.witness.last(id).Revision
	ctx, cancel := context.WithTimeout(ctx, userPatience)
	defer cancel()
	if err := u.witness.until(ctx, func() bool { return u.witness.last(id).Revision > claimed }); err != nil {
		return fmt.Errorf("wait until job %s reports: %w", id, err)
	}
	if e := u.witness.last(id); e.State != running {
		return fmt.Errorf("job %s is %s before anything could happen to it; give it more to do", id, e.State)
	}
	return nil
}

// outboxOff kills the API when it has just acknowledged a job.
func outboxOff(ctx context.Context, _ *Run, u *users, off switches) error {
	if err := u.exchange(ctx, "api 0", off); err != nil {
		return err
	}
	tenant := tenantName(0)
	kind, do, err := u.call(tenant, Order{Kind: kindPrediction})
	if err != nil {
		return err
	}
	if _, err := u.submit(ctx, tenant, u.prefix+"-outbox", kind, do); err != nil {
		return err
	}
	p := u.get("api 0")
	if err := u.kill(p, syscall.SIGKILL); err != nil {
		return err
	}
	<-p.ended
	if _, err := u.spawn(ctx, "api 0"); err != nil {
		return err
	}
	u.settle(ctx, 10*u.pace.DeadAfter)
	return nil
}

// cancelOff cancels a job that runs.
func cancelOff(ctx context.Context, _ *Run, u *users, off switches) error {
	if err := u.exchange(ctx, "worker 0", off); err != nil {
		return err
	}
	id, err := u.slow(ctx, 0)
	if err != nil {
		return err
	}
	if err := u.cancel(ctx, tenantName(0), id); err != nil {
		return err
	}
	_, err = u.wait(ctx, tenantName(0), id)
	return err
}

// exchange replaces a process by one with switches.
func (c *cluster) exchange(ctx context.Context, name string, with switches) error {
	if len(with) == 0 {
		return nil
	}
	if p := c.get(name); p != nil {
		if err := p.end(); err != nil {
			return err
		}
	}
	_, err := c.spawnWith(ctx, name, with)
	return err
}
