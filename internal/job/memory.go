package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// maxPassed is how often a job that waits for memory may be passed by later
// ones that need less: then nobody passes it any more, so that it does not
// starve.
const maxPassed = 8

// budget is the memory that a worker gives to its attempts. Those that wait
// stand in a line.
type budget struct {
	total int64 // 0: no limit

	mu   sync.Mutex
	used int64
	line []*claimant
}

// claimant waits for memory.
type claimant struct {
	need   int64
	passed int
	in     chan struct{} // closed when it has the memory
}

// join stands in the line, at its end.
func (b *budget) join(need int64) *claimant {
	c := &claimant{need: need, in: make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.line = append(b.line, c)
	b.admit()
	return c
}

// leave gives up waiting, and reports whether the claimant was still waiting.
func (b *budget) leave(c *claimant) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.line {
		if other == c {
			b.line = append(b.line[:i:i], b.line[i+1:]...)
			b.admit()
			return true
		}
	}
	return false
}

// admit lets in whoever fits, the first first. Who does not fit may be passed
// by those behind, maxPassed times. The lock is held.
func (b *budget) admit() {
	waiting := b.line[:0:0]
	shut := false
	for _, c := range b.line {
		if shut || b.used+c.need > b.total {
			waiting = append(waiting, c)
			shut = shut || c.passed >= maxPassed
			continue
		}
		b.used += c.need
		close(c.in)
		for _, w := range waiting {
			w.passed++
			shut = shut || w.passed >= maxPassed
		}
	}
	b.line = waiting
}

// give gives memory back.
func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.admit()
}

// take takes as much more as there is room for, n at most.
func (b *budget) take(n int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = max(min(n, b.total-b.used), 0)
	b.used += n
	return n
}

// state returns what is taken and how many wait.
func (b *budget) state() (used int64, waiting int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used, len(b.line)
}

// Allowance is the memory that an attempt may use. A nil Allowance has no
// limit. It is safe for concurrent use.
type Allowance struct {
	budget *budget
	fixed  bool // as asked for: it does not grow

	bytes atomic.Int64
	peak  atomic.Int64
}

// Bytes returns how much the attempt may use now; 0 means that there is no
// limit.
func (a *Allowance) Bytes() int64 {
	if a == nil {
		return 0
	}
	return a.bytes.Load()
}

// Used notes that the attempt uses so much.
func (a *Allowance) Used(bytes int64) {
	for a != nil {
		peak := a.peak.Load()
		if bytes <= peak || a.peak.CompareAndSwap(peak, bytes) {
			return
		}
	}
}

// Grow asks for more, so that the attempt may use as many bytes, and returns
// what it may use then: an estimate grows into what its worker has left, and
// what was asked for stays as it is.
func (a *Allowance) Grow(bytes int64) int64 {
	had := a.Bytes()
	if a == nil || a.fixed || had == 0 || bytes <= had {
		return had
	}
	return a.bytes.Add(a.budget.take(bytes - had))
}

// Exceeded returns the error of an attempt that used more than it may.
func (a *Allowance) Exceeded(used int64) error {
	return &MemoryError{Used: used, Had: a.Bytes(), Budget: a.budget.total, Asked: a.fixed}
}

// release gives everything back.
func (a *Allowance) release() {
	if n := a.bytes.Swap(0); n > 0 && a.budget.total > 0 {
		a.budget.give(n)
	}
}

// MemoryError is a handler's error when its attempt used more memory than it
// may and was stopped. It says nothing about the jobs beside it.
type MemoryError struct {
	Used   int64 // when it was stopped; it may have needed more
	Had    int64
	Budget int64 // of the worker, for all its jobs; 0: none is set
	Asked  bool  // Had is what was asked for, not an estimate

	// Largest is the largest budget of a live worker of the pool, as far as
	// somebody looked; Unlimited is whether one has no limit.
	Largest   int64
	Unlimited bool
}

// Error implements error.
func (e *MemoryError) Error() string {
	return fmt.Sprintf("job: used %d bytes of memory and had %d, of the worker's %d", e.Used, e.Had, e.Budget)
}

// most is the most that an attempt could have anywhere; 0: there is no limit.
func (e *MemoryError) most() int64 {
	if e.Unlimited {
		return 0
	}
	return max(e.Budget, e.Largest)
}

// spent reports whether the attempt had all that its worker may give.
func (e *MemoryError) spent() bool { return !e.Asked && e.Had >= e.Budget }

// hopeless reports whether the next attempt could have no more, on any worker.
func (e *MemoryError) hopeless() bool {
	return e.Asked || e.most() > 0 && e.Had >= e.most()
}

// elsewhere reports whether it could have more, but not on that worker.
func (e *MemoryError) elsewhere() bool { return e.spent() && !e.hopeless() }

func (e *MemoryError) failure() *Failure {
	f := &Failure{Class: fault.ClassExhausted, Code: "memory_exceeded"}
	switch {
	case e.Asked:
		f.Message = fmt.Sprintf("The job needed at least %s of memory and had %s, as much as was asked for: ask for more with memory, leave it out to have it estimated, or give the job fewer rows or columns.",
			Size(e.Used), Size(e.Had))
	case e.hopeless():
		f.Message = fmt.Sprintf("The job needed at least %s of memory and had %s, all that its worker may give; the largest budget of a worker of its pool is %s: give it fewer rows or columns, or run a worker with a larger worker.memory and try again.",
			Size(e.Used), Size(e.Had), Size(e.most()))
	case e.elsewhere():
		f.Message = fmt.Sprintf("The job needed at least %s of memory and had %s, all that its worker may give: it goes on with a worker that may give more.",
			Size(e.Used), Size(e.Had))
	default:
		f.Message = fmt.Sprintf("The job needed at least %s of memory and had %s of its worker's %s, beside the other jobs: it is tried again with more.",
			Size(e.Used), Size(e.Had), Size(e.Budget))
	}
	return f
}

// CrashError is a handler's error when the process that the attempt ran in died
// of itself, as when the machine was out of memory. It is counted as a crash.
type CrashError struct{ Err error }

// Error implements error.
func (e *CrashError) Error() string { return "job: the process of the attempt died: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *CrashError) Unwrap() error { return e.Err }

// crashedTooOften is the failure of a job whose processes died.
func crashedTooOften(j *Job) *Failure {
	return &Failure{
		Class: fault.ClassInternal, Code: "job_crashed",
		Message: fmt.Sprintf("The process that ran this job died, %d crashes in all, and the job was given up; most often the data needs more memory than the machine has. Please quote %s when you report it.", j.Crashes, j.ID),
	}
}

// raise is how much more memory than it used an attempt gets after one that
// used too much.
const raise = 1.5

// account notes on the job what the attempt used, and what the next one needs.
func (s *session) account(j *Job, err error) {
	j.MemoryPeak = max(j.MemoryPeak, s.memory.peak.Load())
	if e, ok := errors.AsType[*MemoryError](err); ok && !e.hopeless() {
		j.Memory = max(j.Memory, int64(raise*float64(e.Used)))
		if most := e.most(); most > 0 {
			j.Memory = min(j.Memory, most)
		}
	}
}

// measure finds out whether a job that used all that its worker may give could
// have more elsewhere. The work is done, and the answer decides whether it was in
// vain: so it waits for the store as long as for the outcome to be recorded.
func (s *session) measure(err error) error {
	e, ok := errors.AsType[*MemoryError](err)
	if !ok || !e.spent() {
		return nil
	}
	return s.persist(func(ctx context.Context) (bool, error) {
		call, cancel := context.WithTimeout(store.Vital(ctx), s.cfg.CallTimeout)
		defer cancel()
		workers, err := s.others(call, s.seen().Pool)
		if err != nil {
			return false, err
		}
		e.Largest, e.Unlimited = largest(workers)
		return true, nil
	})
}

// route sends a job back to the line that needs more memory than this worker may
// give, for one that may give more. Nothing is counted: each time the job is given
// more, until no worker has as much.
func (j *Job) route(at time.Time, e *MemoryError) string {
	j.Waiting = &Reason{Code: codeWaitsForBigger, Message: e.failure().Message}
	j.wait(at, at, codeWaitsForBigger)
	return OutcomeSnoozed
}

// crash counts that the process of the attempt died, as revive does when a
// worker did: the first time costs no waiting.
func (s *session) crash(j *Job, at time.Time, err *CrashError) string {
	crashes := j.crashed()
	j.Failure = failureOf(err, j)
	if crashes >= limit(j, j.MaxCrashes) {
		j.Failure, j.Dead = crashedTooOften(j), DeadCrashes
		j.giveUp(at, j.Failure.Code)
		return OutcomeFailed
	}
	var delay time.Duration
	if crashes > 1 {
		delay = s.cfg.Backoff.after(crashes-1, s.dice.roll())
	}
	j.wait(at, at.Add(delay), "process_died")
	return OutcomeRetried
}
