package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/job"
)

// outage is a part that is away while the platform runs, and what is promised
// meanwhile.
type outage struct {
	part  string
	proxy func(*parts) *Proxy
	code  string // of what is refused, and of what jobs wait for
	ready int    // the status of an API that is asked whether it can work
	takes bool   // predictions are accepted, otherwise they are refused with the code
	ends  bool   // a job that runs stays with its worker, unless it needs the part
}

func outagesOf() []outage {
	return []outage{
		{partRedis, func(p *parts) *Proxy { return p.toRedis }, "queue_unavailable", http.StatusOK, true, true},
		{partFiles, func(p *parts) *Proxy { return p.toFiles }, "storage_unavailable", http.StatusServiceUnavailable, true, false},
		{partRecords, func(p *parts) *Proxy { return p.toRecords }, "store_unavailable", http.StatusServiceUnavailable, false, true},
	}
}

const (
	outageAskers = 3  // clients that submit while a part is away
	outageMost   = 25 // submissions of each
	outageSlack  = 20 * time.Second
)

// outages takes away one part after the other from a platform that works, for
// longer than a worker may be silent, and looks: the circuit breakers open, say
// so in metrics and readiness, and close again by calls that are let through;
// jobs wait and lose nothing by it.
func (r *Run) outages(ctx context.Context) error {
	return r.with(ctx, r.Tier.Pace.unscheduled(), 1, func(ctx context.Context, c *cluster) error {
		if err := c.start(ctx, 2, 1); err != nil {
			return err
		}
		u, err := newUsers(ctx, c, "outages", 1)
		if err != nil {
			return err
		}
		steady := map[string]string{} // jobs that nobody may take from their worker, and the part that was away
		for i, o := range outagesOf() {
			r.progress("no way to %s", o.part)
			id, err := r.away(ctx, u, o, i)
			if err != nil {
				return fmt.Errorf("without %s: %w", o.part, err)
			}
			if o.ends {
				steady[id] = o.part
			}
		}
		_, f, err := r.quietly(ctx, c)
		if err != nil {
			return err
		}
		r.spared(f, steady)
		return nil
	})
}

// spared looks for jobs that an outage cost something.
func (r *Run) spared(f Final, steady map[string]string) {
	parked := 0
	for _, j := range f.Jobs {
		if j.Outages > 0 {
			parked++
		}
		if j.Failures > 0 || j.Crashes > 0 {
			r.broke(Violation{Promise: OutagesFree, Job: j.ID, What: fmt.Sprintf("%d failures and %d crashes are counted: %s", j.Failures, j.Crashes, failureOf(j))})
		}
		if part := steady[j.ID]; part != "" && j.Attempt > 1+j.Outages {
			r.broke(Violation{Promise: OutagesFree, Job: j.ID, What: fmt.Sprintf("it ran while %s was away, met that %d times, and took %d attempts", part, j.Outages, j.Attempt)})
		}
	}
	r.printf("%d jobs, %d of which waited for a part that was away; no failure or crash was counted\n", len(f.Jobs), parked)
	if parked == 0 {
		r.broke(Violation{Promise: OutagesFree, What: "no job had to wait for a part"})
	}
}

// seen is what was seen of a part that is away.
type seen struct {
	metrics, readiness bool // say that the circuit breaker is open
	status             int  // of the readiness then
}

// away takes one part away and gives it back, and returns a job that ran
// meanwhile.
func (r *Run) away(ctx context.Context, u *users, o outage, n int) (string, error) {
	tenant := tenantName(0)
	slow, err := u.slow(ctx, n)
	if err != nil {
		return "", err
	}
	before, err := u.of(roleAPI)[0].figures(ctx)
	if err != nil {
		return "", err
	}
	u.history.Append(Event{What: Fault, Fault: string(Refuse), Part: o.part, For: r.Tier.Outage})
	began := time.Now()
	o.proxy(u.parts).Set(Weather{Mode: Refuse})
	var accepted []string
	var mu sync.Mutex
	over, end := context.WithTimeout(ctx, r.Tier.Outage+outageSlack)
	var asking sync.WaitGroup
	for i := range outageAskers {
		asking.Go(func() {
			for k := range outageMost {
				if over.Err() != nil {
					return
				}
				if id := r.ask(ctx, u, o, fmt.Sprintf("%s-%s-%d-%d", u.prefix, o.part, i, k)); id != "" {
					mu.Lock()
					accepted = append(accepted, id)
					mu.Unlock()
				}
				wait(over, 300*time.Millisecond)
			}
		})
	}
	s := u.observe(over, o, began.Add(r.Tier.Outage))
	if o.part == partFiles { // a job has met it, so that it waits for it
		_ = u.witness.until(over, func() bool { return u.waiting(o.code) }) // else none is parked, which is told in the end
	}
	end()
	asking.Wait()
	o.proxy(u.parts).Set(Weather{Mode: Calm})
	took := time.Since(began)
	r.judgeOutage(o, s)
	if err := u.back(ctx, o, n); err != nil {
		return "", err
	}
	if err := r.closes(ctx, u, o, before); err != nil {
		return "", err
	}
	for _, id := range append(accepted, slow) {
		if err := u.succeed(ctx, tenant, id); err != nil {
			r.broke(Violation{Promise: OutagesFree, Job: id, What: err.Error()})
		}
	}
	r.printf("no way to %s for %s: readiness %d, the breaker opened and closed; %d jobs were submitted meanwhile and succeeded\n", o.part, took.Round(time.Second), s.status, len(accepted))
	return slow, nil
}

// judgeOutage says what was not seen.
func (r *Run) judgeOutage(o outage, s seen) {
	if !s.metrics || !s.readiness {
		r.broke(Violation{Promise: BreakersWork, What: fmt.Sprintf("without %s the API did not tell that its breaker is open: in metrics %t, in its readiness %t", o.part, s.metrics, s.readiness)})
	}
	if s.status != o.ready {
		r.broke(Violation{Promise: BreakersWork, What: fmt.Sprintf("without %s the API answers %d when it is asked whether it can work; want %d", o.part, s.status, o.ready)})
	}
}

// waiting reports whether a job that has not ended was handed back for the code.
func (u *users) waiting(code string) bool {
	for _, e := range u.witness.open() {
		if e.State == string(job.Pending) && e.Reason == code {
			return true
		}
	}
	return false
}

// ask submits something once, and returns its job if it was accepted. What the
// outage refuses has to be refused with its code.
func (r *Run) ask(ctx context.Context, u *users, o outage, key string) string {
	limited, cancel := context.WithTimeout(ctx, 2*callLimit)
	defer cancel()
	tenant := tenantName(0)
	if o.part == partFiles { // the table cannot be stored
		_, _, err := upload(limited, u.clients[tenant][0], key+"-table", generated(1))
		r.refusedAs(o, err)
	}
	kind, do, err := u.call(tenant, Order{Kind: kindPrediction})
	if err != nil {
		return ""
	}
	u.history.Append(Event{What: Asked, Key: key, Kind: kind, Tenant: tenant})
	id, _, err := do(limited, u.clients[tenant][0], key)
	switch {
	case err == nil:
		u.history.Append(Event{What: Accepted, Job: id, Key: key, Kind: kind, Tenant: tenant})
	case o.takes:
		r.broke(Violation{Promise: TakenAway, What: fmt.Sprintf("without %s: %v", o.part, err)})
	default:
		r.refusedAs(o, err)
	}
	return id
}

// refusedAs notes a refusal that does not say what is away.
func (r *Run) refusedAs(o outage, err error) {
	e, ok := errors.AsType[*client.Error](err)
	if err != nil && (!ok || e.Status != http.StatusServiceUnavailable || e.Code != o.code) {
		r.broke(Violation{Promise: SaidClearly, What: fmt.Sprintf("without %s: want status 503 and code %s: %v", o.part, o.code, err)})
	}
}

// observe looks at the API until the time, and longer when it has not told yet
// that its circuit breaker is open.
func (u *users) observe(ctx context.Context, o outage, until time.Time) seen {
	var s seen
	api := u.of(roleAPI)[0]
	dependency := dependencyOf(o.part)
	for ctx.Err() == nil && (time.Now().Before(until) || !s.metrics || !s.readiness) {
		if f, err := api.figures(ctx); err == nil && f.breaker(dependency) == breakerOpen && !s.metrics {
			s.metrics = true
			u.history.Append(Event{What: Breaker, Process: api.name, PID: api.pid, Part: o.part, State: "open"})
		}
		if status, told, err := api.ready(ctx); err == nil && told.Checks[dependency].Status == "unavailable" {
			s.status = status
			s.readiness = s.readiness || told.Checks[dependency].Breaker == "open" || told.Checks[dependency].Breaker == "half_open"
		}
		wait(ctx, betweenAsking)
	}
	return s
}

// back makes the API use the part again, until that succeeds: some calls are let
// through, and close the breaker.
func (u *users) back(ctx context.Context, o outage, n int) error {
	tenant := tenantName(0)
	kind, do := kindIngest, call(func(ctx context.Context, c *client.Client, key string) (string, string, error) {
		return upload(ctx, c, key, generated(2))
	})
	if o.part == partRedis {
		var err error
		if kind, do, err = u.call(tenant, Order{Kind: kindPrediction}); err != nil {
			return err
		}
	}
	a, err := u.submit(ctx, tenant, fmt.Sprintf("%s-back-%d", u.prefix, n), kind, do)
	if err != nil {
		return err
	}
	return u.succeed(ctx, tenant, a.job)
}

// closes waits until the API tells that its breaker is closed, by way of half
// open. What it tells in one answer is not of one moment.
func (r *Run) closes(ctx context.Context, u *users, o outage, before figures) error {
	api, dependency := u.of(roleAPI)[0], dependencyOf(o.part)
	limited, cancel := context.WithTimeout(ctx, upWithin)
	defer cancel()
	var now figures
	var err error
	for limited.Err() == nil {
		if now, err = api.figures(limited); err == nil && now.breaker(dependency) == breakerClosed && now.turned(dependency, "closed") > before.turned(dependency, "closed") {
			break
		}
		wait(limited, betweenAsking)
	}
	if ctx.Err() != nil {
		return ctx.Err() //nolint:wrapcheck // the stage took too long
	}
	if err != nil || now.breaker(dependency) != breakerClosed {
		r.broke(Violation{Promise: BreakersWork, What: fmt.Sprintf("%s is back, and the breaker is in state %d (%v)", o.part, now.breaker(dependency), err)})
		return nil
	}
	var counts bytes.Buffer
	for _, state := range []string{"open", "half_open", "closed"} {
		times := now.turned(dependency, state) - before.turned(dependency, state)
		fmt.Fprintf(&counts, " %s %d", state, times)
		if times < 1 {
			r.broke(Violation{Promise: BreakersWork, What: fmt.Sprintf("the breaker of %s never came to be %s", o.part, state)})
		}
	}
	r.printf("the breaker of %s in the API, changes of state:%s\n", o.part, counts.String())
	return nil
}
