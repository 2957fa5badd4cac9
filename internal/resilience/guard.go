package resilience

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/narrativeml/narrative/internal/fault"
)

// State is that of a circuit breaker.
type State string

// The states. An open breaker refuses calls; a half-open one lets a few
// through, to find out.
const (
	Closed   State = "closed"
	HalfOpen State = "half_open"
	Open     State = "open"
)

// Why a call was refused.
const (
	RefusedOpen = "open" // the breaker is open
	RefusedFull = "full" // too many calls are under way
)

// Config says how a dependency is guarded. Start from DefaultConfig.
type Config struct {
	Name string // of the dependency, for people
	Code string // of the fault of a call that was refused or not answered in time

	Rate   float64       // of failed calls at which the breaker opens, above 0 and at most 1
	Calls  uint          // that there must have been before the rate says anything
	Window time.Duration // over which calls are counted
	Delay  time.Duration // for which an open breaker refuses
	Probes uint          // calls that a half-open breaker lets through together

	Timeout      time.Duration // of one call; 0: the caller's alone
	ProbeTimeout time.Duration // of one that a half-open breaker lets through; 0: Timeout

	Concurrency uint          // calls under way together
	Wait        time.Duration // for which a call waits until there are fewer

	OnChange  func(State)         // when set, is told every new state; it must be quick
	OnRefused func(reason string) // when set, is told of every call that was refused
}

// DefaultConfig returns a configuration that lacks only Name and Code.
func DefaultConfig() Config {
	return Config{
		Rate: 0.5, Calls: 6, Window: 10 * time.Second, Delay: time.Second, Probes: 3,
		Concurrency: 128, Wait: 2 * time.Second,
	}
}

// Validate reports every mistake in the configuration, joined.
func (c Config) Validate() error {
	var errs []error
	if c.Name == "" || c.Code == "" {
		errs = append(errs, errors.New("resilience: a guard needs the name of its dependency and the code of its faults"))
	}
	if !(c.Rate > 0 && c.Rate <= 1) {
		errs = append(errs, fmt.Errorf("resilience: rate of %s is %v; it must lie above 0 and be at most 1", c.Name, c.Rate))
	}
	for _, n := range []struct {
		what  string
		value uint
	}{{"calls", c.Calls}, {"probes", c.Probes}, {"concurrency", c.Concurrency}} {
		if n.value < 1 {
			errs = append(errs, fmt.Errorf("resilience: %s of %s is 0; it must be at least 1", n.what, c.Name))
		}
	}
	for _, d := range []struct {
		what  string
		value time.Duration
		least time.Duration
	}{{"window", c.Window, time.Second}, {"delay", c.Delay, time.Millisecond}, {"timeout", c.Timeout, 0}, {"probe timeout", c.ProbeTimeout, 0}, {"wait", c.Wait, 0}} {
		if d.value < d.least {
			errs = append(errs, fmt.Errorf("resilience: %s of %s is %s; it must be at least %s", d.what, c.Name, d.value, d.least))
		}
	}
	return errors.Join(errs...)
}

// Guard guards the calls to one dependency. It is safe for concurrent use.
type Guard struct {
	config  Config
	breaker circuitbreaker.CircuitBreaker[any]
	places  bulkhead.Bulkhead[any]
}

// New returns a guard whose breaker is closed, or every mistake in the
// configuration.
func New(c Config) (*Guard, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &Guard{config: c, places: bulkhead.New[any](c.Concurrency)}
	b := circuitbreaker.NewBuilder[any]().
		WithFailureRateThreshold(c.Rate, c.Calls, c.Window).
		WithDelay(c.Delay).
		WithSuccessThresholdRatio(1, c.Probes)
	if c.OnChange != nil {
		b = b.OnStateChanged(func(e circuitbreaker.StateChangedEvent) { c.OnChange(stateOf(e.NewState)) })
	}
	g.breaker = b.Build()
	return g, nil
}

func stateOf(s circuitbreaker.State) State {
	switch s {
	case circuitbreaker.OpenState:
		return Open
	case circuitbreaker.HalfOpenState:
		return HalfOpen
	case circuitbreaker.ClosedState:
	}
	return Closed
}

// State returns that of the breaker. An open one whose delay is over is half
// open, since it lets the next call through.
func (g *Guard) State() State {
	if g.breaker.IsOpen() && g.breaker.RemainingDelay() == 0 {
		return HalfOpen
	}
	return stateOf(g.breaker.State())
}

// Name is that of the dependency.
func (g *Guard) Name() string { return g.config.Name }

// RefusedError is the cause of the fault of a call that was not made.
type RefusedError struct {
	Name   string // of the dependency
	Reason string // RefusedOpen or RefusedFull
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Reason == RefusedFull {
		return "resilience: too many calls to " + e.Name + " are under way"
	}
	return "resilience: the circuit breaker of " + e.Name + " is open"
}

// RetryableError tells clients that try again by themselves not to: the answer
// would be the same.
func (e *RefusedError) RetryableError() bool { return false }

type probeKey struct{}

// Probe marks calls that are made whatever the breaker says, and whose answers
// it learns from: those that look after the dependency itself.
func Probe(ctx context.Context) context.Context { return context.WithValue(ctx, probeKey{}, true) }

func isProbe(ctx context.Context) bool { return ctx.Value(probeKey{}) != nil }

// Do makes the call and returns its error, or refuses it. The call gets a
// context that ends with its timeout, and ctx itself when there is none.
func (g *Guard) Do(ctx context.Context, call func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller knows its context
	}
	if isProbe(ctx) {
		return g.probe(ctx, call)
	}
	if g.breaker.IsOpen() && g.breaker.RemainingDelay() > 0 {
		return g.refuse(RefusedOpen)
	}
	if err := g.places.AcquirePermitWithMaxWait(ctx, g.config.Wait); err != nil {
		if ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // likewise
		}
		return g.refuse(RefusedFull)
	}
	defer g.places.ReleasePermit()
	if !g.breaker.TryAcquirePermit() {
		return g.refuse(RefusedOpen)
	}
	trial := g.breaker.IsHalfOpen()
	limit := g.config.Timeout
	if trial && g.config.ProbeTimeout > 0 {
		limit = g.config.ProbeTimeout
	}
	start := time.Now()
	err := g.call(ctx, limit, call)
	switch g.verdict(ctx, err, time.Since(start)) {
	case answered:
		g.breaker.RecordSuccess()
	case failed:
		g.breaker.RecordFailure()
	case unknown:
		if trial { // its place has to be given back, and it has not shown that the dependency is there
			g.breaker.RecordFailure()
		}
	}
	return err
}

// probe makes a call that is not refused. An answer to it half-opens an open
// breaker before it is counted, and so closes it.
func (g *Guard) probe(ctx context.Context, call func(context.Context) error) error {
	start := time.Now()
	err := g.call(ctx, g.config.Timeout, call)
	switch g.verdict(ctx, err, time.Since(start)) {
	case answered:
		if g.breaker.IsOpen() {
			g.breaker.HalfOpen()
		}
		g.breaker.RecordSuccess()
	case failed:
		if g.breaker.IsClosed() {
			g.breaker.RecordFailure()
		}
	case unknown:
	}
	return err
}

// call makes the call within the limit.
func (g *Guard) call(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	if limit <= 0 {
		return call(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := call(limited)
	if err != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fault.Unavailable(g.config.Code, "%s does not answer in time; please try again in a moment", g.config.Name).Because(err)
	}
	return err
}

func (g *Guard) refuse(reason string) error {
	if g.config.OnRefused != nil {
		g.config.OnRefused(reason)
	}
	refused := &RefusedError{Name: g.config.Name, Reason: reason}
	if reason == RefusedFull {
		return fault.Unavailable(g.config.Code, "%s has more to do than it can; please try again in a moment", g.config.Name).Because(refused)
	}
	return fault.Unavailable(g.config.Code, "%s does not answer at the moment; please try again soon", g.config.Name).Because(refused)
}

// verdict is what a call tells about the dependency.
type verdict int

const (
	answered verdict = iota
	failed
	unknown
)

// patience is for how long a call must have waited before its caller's
// deadline is held against the dependency.
const patience = time.Second

func (g *Guard) verdict(ctx context.Context, err error, took time.Duration) verdict {
	switch {
	case err == nil:
		return answered
	case ctx.Err() != nil:
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && took >= patience {
			return failed
		}
		return unknown
	case errors.Is(err, context.Canceled):
		return unknown
	case fault.ClassOf(err) == fault.ClassUnavailable, errors.Is(err, context.DeadlineExceeded):
		return failed
	default:
		return answered
	}
}
