package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// observeLimit is how long a process may take to tell how it is.
const observeLimit = 6 * time.Second

// dependencyOf is how a process names the part.
func dependencyOf(part string) string {
	switch part {
	case partRecords:
		return "store"
	case partFiles:
		return "s3"
	default:
		return part
	}
}

// look asks the process itself, past every proxy.
func (p *process) look(ctx context.Context, path string) (status int, body []byte, err error) {
	addr, _ := p.addr.Load().(string)
	if addr == "" {
		return 0, nil, fmt.Errorf("%s does not say where it answers", p.name)
	}
	ctx, cancel := context.WithTimeout(ctx, observeLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, http.NoBody)
	if err != nil {
		return 0, nil, fmt.Errorf("look at %s: %w", p.name, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("look at %s: %w", p.name, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	if body, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil, fmt.Errorf("look at %s: %w", p.name, err)
	}
	return resp.StatusCode, body, nil
}

// figures are metrics, by their names and labels as they are written.
type figures map[string]float64

// figures reads the metrics of the process.
func (p *process) figures(ctx context.Context) (figures, error) {
	status, body, err := p.look(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("the metrics of %s: status %d", p.name, status)
	}
	f := figures{}
	for line := range bytes.Lines(body) {
		text := strings.TrimSpace(string(line))
		i := strings.LastIndexByte(text, ' ')
		if i < 0 || text[0] == '#' {
			continue
		}
		if f[text[:i]], err = strconv.ParseFloat(text[i+1:], 64); err != nil {
			return nil, fmt.Errorf("the metrics of %s: %w", p.name, err)
		}
	}
	return f, nil
}

// The states of a circuit breaker, as metrics tell them.
const (
	breakerClosed = 0
	breakerOpen   = 2
)

// breaker returns the state of the circuit breaker of a dependency, -1 when it
// is not told.
func (f figures) breaker(dependency string) int {
	v, ok := f[`narrative_circuit_breaker_state{dependency="`+dependency+`"}`]
	if !ok {
		return -1
	}
	return int(v)
}

// turned returns how often the breaker came to the state.
func (f figures) turned(dependency, state string) int {
	return int(f[`narrative_circuit_breaker_transitions_total{dependency="`+dependency+`",state="`+state+`"}`])
}

// readiness is what a process says of itself and of its parts.
type readiness struct {
	Status string `json:"status"`
	Checks map[string]struct {
		Status  string `json:"status"`
		Breaker string `json:"breaker"`
	} `json:"checks"`
}

// ready asks the process whether it can work.
func (p *process) ready(ctx context.Context) (int, readiness, error) {
	var r readiness
	status, body, err := p.look(ctx, "/health/ready")
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	return status, r, err
}

// all returns every process that lives and is not stopped.
func (c *cluster) all() []*process {
	var found []*process
	for _, role := range []string{roleAPI, roleScheduler, roleWorker} {
		for _, p := range c.of(role) {
			if !p.paused.Load() {
				found = append(found, p)
			}
		}
	}
	return found
}

// watch looks at the circuit breakers of a part for a time and writes down which
// are told to be open.
func (c *cluster) watch(ctx context.Context, part string, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var mu sync.Mutex
	seen := map[*process]bool{}
	for ctx.Err() == nil {
		var wg sync.WaitGroup
		for _, p := range c.all() {
			wg.Go(func() {
				f, err := p.figures(ctx)
				if err != nil || f.breaker(dependencyOf(part)) != breakerOpen {
					return // it may be dead
				}
				mu.Lock()
				defer mu.Unlock()
				if !seen[p] {
					seen[p] = true
					c.history.Append(Event{What: Breaker, Process: p.name, PID: p.pid, Part: part, State: "open"})
				}
			})
		}
		wg.Wait()
		wait(ctx, time.Second)
	}
}

// closed waits until every process says that it can work and that its circuit
// breakers are closed.
func (c *cluster) closed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, upWithin)
	defer cancel()
	for {
		var errs []error
		for _, p := range c.all() {
			errs = append(errs, p.well(ctx))
		}
		err := errors.Join(errs...)
		if err == nil || ctx.Err() != nil {
			return err
		}
		wait(ctx, time.Second)
	}
}

// well returns what is wrong with the process after all faults have ended.
func (p *process) well(ctx context.Context) error {
	status, r, err := p.ready(ctx)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s is %s: %+v", p.name, r.Status, r.Checks)
	}
	f, err := p.figures(ctx)
	if err != nil {
		return err
	}
	for _, part := range []string{partRedis, partRecords, partFiles} {
		if state := f.breaker(dependencyOf(part)); state != breakerClosed {
			return fmt.Errorf("the circuit breaker of %s in %s is in state %d", part, p.name, state)
		}
	}
	return nil
}
