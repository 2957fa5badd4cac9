package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// storm is the main stage: every order of the plan, and every step of it.
func (r *Run) storm(ctx context.Context) error {
	plan := NewPlan(r.Jobs, r.Seed, r.Tier.Pace)
	return r.with(ctx, r.Tier.Pace, r.Tier.APIs, func(ctx context.Context, c *cluster) error {
		// Slots enough that a job which is revived is seen to be claimed, and does not
		// wait for a long training to end.
		c.base = append(c.base, fmt.Sprint("NARRATIVE_LIMIT_TENANT_RUNNING=", r.Tier.Limit), "NARRATIVE_POOLS=data=2,training=3,batch=2,maintenance=1")
		if err := c.start(ctx, r.Tier.Workers, r.Tier.Schedulers); err != nil {
			return err
		}
		u, err := newUsers(ctx, c, fmt.Sprintf("chaos-%d", r.Seed), tenants)
		if err != nil {
			return err
		}
		if err := u.weigh(ctx, tenantName(heavyTenant)); err != nil {
			return err
		}
		n := newNemesis(u, plan)
		r.weather(ctx, u, n)
		if err := ctx.Err(); err != nil {
			return err //nolint:wrapcheck // the stage took too long
		}
		// What waits longest: outages double their waits up to five minutes.
		r.progress("all jobs are submitted, %d have not ended", len(c.witness.open()))
		c.settle(ctx, endPatience)
		if err := c.closed(ctx); err != nil {
			r.broke(Violation{Promise: BreakersWork, What: err.Error()})
		}
		if err := u.tidy(ctx); err != nil {
			r.broke(Violation{Promise: NoneStuck, What: err.Error()})
		}
		f, err := c.final(ctx, true)
		if err != nil {
			return err
		}
		f.Limit = r.Tier.Limit
		r.judge(c, plan, f)
		return nil
	})
}

// sayEvery is how often a long stage says how far it is.
const sayEvery = 15 * time.Second

// weather serves every order while the nemesis is at work, and notes what could
// not be done.
func (r *Run) weather(ctx context.Context, u *users, n *nemesis) {
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
	said, began := time.Now(), time.Now()
	for _, o := range n.plan.Orders {
		orders <- o
		if time.Since(said) > sayEvery {
			said = time.Now()
			done := int(u.submitted.Load())
			r.progress("%d of %d jobs submitted, %d ended, step %d of %d, %d hits; %s left", done, r.Jobs, u.witness.ends(), n.progress(), len(n.plan.Steps), n.hits.Load(), left(began, done, r.Jobs))
		}
	}
	close(orders)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		r.broke(Violation{Promise: ClientsServed, What: err.Error()})
	}
	if err := <-bad; err != nil {
		r.broke(Violation{Promise: PlanKept, What: err.Error()})
	}
}
