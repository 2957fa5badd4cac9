package health

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// Status is what was found out, about a part or the whole.
type Status string

// The states. The whole is unavailable when a critical part is, degraded when
// another one is.
const (
	OK            Status = "ok"
	Degraded      Status = "degraded"
	Unavailable   Status = "unavailable"
	NotConfigured Status = "not_configured" // only of a part; it is none the worse for it
)

// CodeNotConfigured is the code of the fault that a check returns when its
// part is optional and was not asked for.
const CodeNotConfigured = "not_configured"

// Check looks after one part.
type Check struct {
	Name     string
	Critical bool // the process cannot work without the part
	// Timeout bounds the look; zero means as long as all looks together.
	Timeout time.Duration
	// Breaker, when set, tells the state of the circuit breaker that calls to the
	// part go through.
	Breaker func() string
	// Func returns nil when the part can be used. It should obey its context.
	Func func(ctx context.Context) error
}

// Result is what was found out about one part.
type Result struct {
	Status    Status  `json:"status"`
	LatencyMS float64 `json:"latency_ms"`
	Breaker   string  `json:"breaker,omitempty"` // closed, half_open or open
	Error     string  `json:"error,omitempty"`
}

// Report is what was found out about all.
type Report struct {
	Status Status            `json:"status"`
	Checks map[string]Result `json:"checks"`
}

// Config sets the bounds of a checker.
type Config struct {
	// Timeout bounds all looks together.
	Timeout time.Duration
	// KeepFor is how long a report is good.
	KeepFor time.Duration
	// OnFailure, when set, is told the whole of every error, once a look.
	OnFailure func(ctx context.Context, check string, err error)
}

// DefaultConfig returns five seconds and one.
func DefaultConfig() Config { return Config{Timeout: 5 * time.Second, KeepFor: time.Second} }

// Checker looks after parts. It is safe for concurrent use.
type Checker struct {
	config Config
	checks []Check

	mu      sync.Mutex
	report  Report
	made    time.Time
	look    chan struct{}   // closed when the look that is under way ends; nil when none is
	pending map[string]bool // checks that have not returned since an earlier look
}

// New returns a checker.
func New(c Config, checks ...Check) *Checker {
	return &Checker{config: c, checks: checks, pending: make(map[string]bool)}
}

// Run returns a report that is at most Config.KeepFor old when the caller
// asks. It takes Config.Timeout at most, whatever the checks do; when ctx ends
// before that, everything is unavailable in the report.
func (c *Checker) Run(ctx context.Context) Report {
	c.mu.Lock()
	if !c.made.IsZero() && time.Since(c.made) < c.config.KeepFor {
		defer c.mu.Unlock()
		return c.report.clone()
	}
	if c.look == nil {
		c.look = make(chan struct{})
		go c.lookAll(context.WithoutCancel(ctx), c.look)
	}
	look := c.look
	c.mu.Unlock()
	select {
	case <-look:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.report.clone()
	case <-ctx.Done():
		r := Report{Status: Unavailable, Checks: make(map[string]Result, len(c.checks))}
		for _, check := range c.checks {
			r.Checks[check.Name] = Result{Status: Unavailable, Error: "the caller did not wait for the answer"}
		}
		return r
	}
}

func (r Report) clone() Report {
	r.Checks = maps.Clone(r.Checks)
	return r
}

// lookAll looks after all parts and keeps the report.
func (c *Checker) lookAll(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	results := make([]Result, len(c.checks))
	var wg sync.WaitGroup
	for i, check := range c.checks {
		wg.Go(func() { results[i] = c.lookAfter(ctx, check) })
	}
	wg.Wait()
	report := Report{Status: OK, Checks: make(map[string]Result, len(results))}
	for i, check := range c.checks {
		report.Checks[check.Name] = results[i]
		switch {
		case results[i].Status != Unavailable:
		case check.Critical:
			report.Status = Unavailable
		case report.Status == OK:
			report.Status = Degraded
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report, c.made, c.look = report, time.Now(), nil
	close(done)
}

// errStuck means that the check of an earlier look has not returned.
var errStuck = errors.New("health: an earlier look has not ended")

// lookAfter looks after one part, no longer than it may.
func (c *Checker) lookAfter(ctx context.Context, check Check) Result {
	if check.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, check.Timeout)
		defer cancel()
	}
	start := time.Now()
	err := c.call(ctx, check)
	r := Result{Status: OK, LatencyMS: float64(time.Since(start).Microseconds()) / 1000}
	switch {
	case err == nil:
	case fault.CodeOf(err) == CodeNotConfigured:
		r.Status = NotConfigured
	default:
		r.Status, r.Error = Unavailable, public(err)
		if c.config.OnFailure != nil {
			c.config.OnFailure(ctx, check.Name, err)
		}
	}
	if check.Breaker == nil {
		return r
	}
	r.Breaker = check.Breaker()
	if r.Breaker == breakerOpen && r.Status == OK {
		r.Status, r.Error = Unavailable, "it answers again, and calls to it are let through in a moment"
	}
	return r
}

// breakerOpen is the state in which calls are refused.
const breakerOpen = "open"

// call calls the check, unless it is still at an earlier call: one that does
// not obey its context must not pile up.
func (c *Checker) call(ctx context.Context, check Check) error {
	c.mu.Lock()
	stuck := c.pending[check.Name]
	c.pending[check.Name] = true
	c.mu.Unlock()
	if stuck {
		return errStuck
	}
	answer := make(chan error, 1)
	go func() {
		err := protect(ctx, check)
		c.mu.Lock()
		delete(c.pending, check.Name)
		c.mu.Unlock()
		answer <- err
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("health: check %s: %w", check.Name, ctx.Err())
	}
}

// protect calls the check and turns a panic into an error.
func protect(ctx context.Context, check Check) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("health: check %s panicked: %v", check.Name, v)
		}
	}()
	return check.Func(ctx)
}

// public returns what may be shown of an error.
func public(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	if errors.Is(err, errStuck) {
		return "no answer to an earlier question"
	}
	if e, ok := fault.As(err); ok && e.Class != fault.ClassInternal && e.Message != "" {
		return e.Message
	}
	return "it does not work; the log has the reason"
}
