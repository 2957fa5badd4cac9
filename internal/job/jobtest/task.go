package jobtest

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/narrativeml/narrative/internal/job"
)

// Task is an attempt of a job and what became of it.
type Task struct {
	*job.Task
	Report *Report
	Saved  *Checkpoints
	once   sync.Once
	drain  chan struct{}
}

// NewTask returns an attempt of the job that finds the checkpoints of an
// earlier one; nil means none.
func NewTask(j *job.Job, saved *Checkpoints) *Task {
	if saved == nil {
		saved = NewCheckpoints()
	}
	t := &Task{Report: &Report{}, Saved: saved, drain: make(chan struct{})}
	t.Task = &job.Task{Job: j, Prefix: j.Prefix(), Report: t.Report, Saved: saved, Draining: t.drain}
	return t
}

// Drain tells the handler that the worker wants to stop.
func (t *Task) Drain() { t.once.Do(func() { close(t.drain) }) }

// Step is one report of progress.
type Step struct {
	Stage         string
	Fraction      float64
	Rows, RowsAll int64
}

// Report keeps what a handler reports. It is safe for concurrent use.
type Report struct {
	mu    sync.Mutex
	steps []Step
	lines []string
	on    func(Step)
}

var _ job.Reporter = (*Report)(nil)

// On makes fn hear of every later step.
func (r *Report) On(fn func(Step)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = fn
}

// Progress implements job.Reporter.
func (r *Report) Progress(stage string, fraction float64, rows, rowsAll int64) {
	s := Step{Stage: stage, Fraction: fraction, Rows: rows, RowsAll: rowsAll}
	r.mu.Lock()
	r.steps = append(r.steps, s)
	on := r.on
	r.mu.Unlock()
	if on != nil {
		on(s)
	}
}

// Logf implements job.Reporter.
func (r *Report) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

// Steps returns the progress, in order.
func (r *Report) Steps() []Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Step(nil), r.steps...)
}

// Lines returns the lines, in order.
func (r *Report) Lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}

// Checkpoints keeps what attempts save. It is safe for concurrent use.
type Checkpoints struct {
	mu     sync.Mutex
	data   map[string][]byte
	saves  int
	loads  int // that found something
	onSave func(saves int)
}

var _ job.Checkpoint = (*Checkpoints)(nil)

// NewCheckpoints returns an empty keeper of checkpoints.
func NewCheckpoints() *Checkpoints { return &Checkpoints{data: map[string][]byte{}} }

// OnSave makes fn hear of every later save, with how many there have been.
func (c *Checkpoints) OnSave(fn func(saves int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onSave = fn
}

// Saves returns how often something was saved.
func (c *Checkpoints) Saves() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.saves
}

// Found returns how many loads found something.
func (c *Checkpoints) Found() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loads
}

// Load implements job.Checkpoint.
func (c *Checkpoints) Load(ctx context.Context, name string) ([]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.data[name]
	if ok {
		c.loads++
	}
	return bytes.Clone(b), ok, ctx.Err()
}

// Save implements job.Checkpoint.
func (c *Checkpoints) Save(ctx context.Context, name string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	c.data[name] = bytes.Clone(data)
	c.saves++
	n, on := c.saves, c.onSave
	c.mu.Unlock()
	if on != nil {
		on(n)
	}
	return nil
}
