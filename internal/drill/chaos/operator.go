package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/client"
)

// rank changes the priority of a job until that is accepted, or too late.
func (u *users) rank(ctx context.Context, tenant, id string, priority int) error {
	ctx, cancel := context.WithTimeout(ctx, userPatience)
	defer cancel()
	for try := len(id); ; try++ {
		c := u.clients[tenant][try%len(u.clients[tenant])]
		limited, cancel := context.WithTimeout(ctx, callLimit)
		_, err := c.Prioritise(limited, id, priority)
		cancel()
		if err == nil {
			u.history.Append(Event{What: Ranked, Job: id, Tenant: tenant, Priority: priority})
			return nil
		}
		if e, ok := errors.AsType[*client.Error](err); ok && e.Code == "job_not_waiting" {
			return nil
		}
		if refused(err) || ctx.Err() != nil {
			return fmt.Errorf("change the priority of job %s: %w", id, err)
		}
		wait(ctx, betweenAsking)
	}
}

// pools are the queues that an operator pauses.
var pools = []string{"data", "training", "batch"} //nolint:gochecknoglobals // a list

// hold pauses a queue or a tenant, as an operator does, and lets it go on later.
func (n *nemesis) hold(ctx context.Context, s Step) error {
	held := Event{What: Held, For: s.For}
	if s.Action == PauseQueue {
		held.Part = pools[s.Target%len(pools)]
	} else {
		held.Tenant = tenantName(s.Target % tenants)
	}
	name := "pause of " + held.Part + held.Tenant
	if !n.await(ctx, func() bool { return n.take(name) }) {
		return n.skip(s)
	}
	if err := n.users.set(ctx, held, true); err != nil {
		n.giveBack(name)
		return err
	}
	n.history.Append(held)
	n.background.Go(func() {
		defer n.giveBack(name)
		wait(ctx, s.For)
		freed := held
		freed.What = Freed
		n.history.Append(freed)
		if err := n.users.set(context.WithoutCancel(ctx), held, false); err != nil {
			n.fail(err)
		}
	})
	return nil
}

// set pauses a queue or a tenant, or ends that, until it is accepted.
func (u *users) set(ctx context.Context, held Event, paused bool) error {
	ctx, cancel := context.WithTimeout(ctx, userPatience)
	defer cancel()
	for try := 0; ; try++ {
		c := u.clients[tenantName(0)][try%len(u.clients[tenantName(0)])]
		limited, cancel := context.WithTimeout(ctx, callLimit)
		var err error
		if held.Part != "" {
			_, err = c.ChangeQueue(limited, held.Part, func(q *client.QueueSettings) { q.Paused = paused })
		} else {
			_, err = c.ChangeTenant(limited, held.Tenant, func(t *client.TenantSettings) { t.Paused = paused })
		}
		cancel()
		if err == nil {
			return nil
		}
		if refused(err) && !raced(err) || ctx.Err() != nil {
			return fmt.Errorf("pause %s%s (%t): %w", held.Part, held.Tenant, paused, err)
		}
		wait(ctx, betweenAsking)
	}
}

// raced reports whether somebody else was faster, be it an earlier try of which
// nobody heard.
func raced(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && e.Status == http.StatusPreconditionFailed
}

// takePatience is how long the nemesis waits until something may be hurt that is
// being hurt already.
const takePatience = 45 * time.Second

// await waits until something can be done; clients go on meanwhile.
func (n *nemesis) await(ctx context.Context, can func() bool) bool {
	if can() {
		return true
	}
	n.tell(func() { n.hunting = true })
	defer n.tell(func() { n.hunting = false })
	for limit := time.Now().Add(takePatience); time.Now().Before(limit) && ctx.Err() == nil; {
		wait(ctx, betweenAsking/2)
		if can() {
			return true
		}
	}
	return false
}

// skip writes down that a step could not be done.
func (n *nemesis) skip(s Step) error {
	n.skipped.Add(1)
	n.history.Append(Event{What: Note, Text: "not done: " + s.String()})
	return nil
}
