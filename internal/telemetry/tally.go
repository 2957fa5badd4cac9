package telemetry

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Call is one call to a part, on its way from the process that made it to the
// one whose metrics it counts in.
type Call struct {
	Operation string  `json:"operation"`
	Seconds   float64 `json:"seconds"`
	Reason    string  `json:"reason,omitempty"` // why it failed; empty: it was answered
}

// Record counts calls that another process has made.
func (d *Dependency) Record(calls ...Call) {
	for _, c := range calls {
		operation := d.operations.value(c.Operation)
		d.duration.WithLabelValues(operation).Observe(c.Seconds)
		if c.Reason != "" {
			d.errors.WithLabelValues(operation, known(c.Reason)).Inc()
		}
	}
}

// Tally keeps the calls of a process whose metrics nobody scrapes, until they
// are told to one that is. It is safe for concurrent use.
type Tally struct {
	tell func([]Call)

	mu    sync.Mutex
	calls []Call
}

// NewTally returns a tally that tells calls to the function, which is not called
// twice at the same time.
func NewTally(tell func([]Call)) *Tally { return &Tally{tell: tell} }

// Observe notes a call that took that long; err is nil when it was answered.
func (t *Tally) Observe(operation string, elapsed time.Duration, err error) {
	c := Call{Operation: operation, Seconds: elapsed.Seconds()}
	if err != nil {
		c.Reason = reason(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, c)
}

// told is how many calls are told at a time, at most.
const told = 1000

// Run tells what was noted at intervals, and the rest when ctx ends.
func (t *Tally) Run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.flush()
		case <-ctx.Done():
			t.flush()
			return
		}
	}
}

func (t *Tally) flush() {
	t.mu.Lock()
	calls := t.calls
	t.calls = nil
	t.mu.Unlock()
	for some := range slices.Chunk(calls, told) {
		t.tell(some)
	}
}
