package failpoint

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The variables of a program with failpoints.
const (
	VarTrace = "CHAOS_TRACE" // a file that takes the name of every point that is passed, once
	VarKill  = "CHAOS_KILL"  // "before NAME" or "after NAME": the process kills itself there
	VarOnce  = "CHAOS_ONCE"  // a file that the process makes before it does so; where it is, nobody dies
	VarClock = "CHAOS_CLOCK" // by how much the clock is wrong: "-1.5s"
	VarBreak = "CHAOS_BREAK" // what is switched off: fence, outbox or cancel
)

// What can be switched off.
const (
	BreakFence  = "fence"  // writes of jobs no longer look at the revision
	BreakOutbox = "outbox" // a job is acknowledged before it is stored
	BreakCancel = "cancel" // nobody sees that a cancel was asked for
)

// Switches say what is broken in a process.
type Switches struct {
	Trace string
	Kill  string
	Once  string
	Clock time.Duration
	Break string

	die   func()
	mu    sync.Mutex
	known map[string]bool
}

// Load reads the switches from the environment.
func Load(environ []string) (*Switches, error) {
	s := &Switches{known: map[string]bool{}, die: die}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		switch name {
		case VarTrace:
			s.Trace = value
		case VarKill:
			s.Kill = value
		case VarOnce:
			s.Once = value
		case VarBreak:
			s.Break = value
		case VarClock:
			var err error
			if s.Clock, err = time.ParseDuration(value); err != nil {
				return nil, fmt.Errorf("%s is %q: %w", VarClock, value, err)
			}
		}
	}
	if s.Break != "" && !slices.Contains([]string{BreakFence, BreakOutbox, BreakCancel}, s.Break) {
		return nil, fmt.Errorf("%s is %q; write %s, %s or %s", VarBreak, s.Break, BreakFence, BreakOutbox, BreakCancel)
	}
	when, _, _ := strings.Cut(s.Kill, " ")
	if s.Kill != "" && when != before && when != after {
		return nil, fmt.Errorf("%s is %q; write before or after, and the name of a point", VarKill, s.Kill)
	}
	return s, nil
}

// Environ returns the switches as variables, for a process that belongs to this
// one.
func (s *Switches) Environ() []string {
	var environ []string
	for name, value := range map[string]string{VarTrace: s.Trace, VarKill: s.Kill, VarOnce: s.Once, VarBreak: s.Break} {
		if value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	return append(environ, VarClock+"="+s.Clock.String())
}

// Die sets what is done at the point that is chosen, instead of dying.
func (s *Switches) Die(fn func()) { s.die = fn }

// Now is the time by a clock that is wrong.
func (s *Switches) Now() time.Time { return time.Now().Add(s.Clock) }

const (
	before = "before"
	after  = "after"
)

// pass notes that a point is passed, and dies at the one that is chosen.
func (s *Switches) pass(when, name string) {
	if s.Kill == when+" "+name && s.first() {
		s.die()
	}
	if s.Trace == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[name] {
		return
	}
	s.known[name] = true
	file, err := os.OpenFile(s.Trace, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return // the sweep sees that points are missing
	}
	_, _ = file.WriteString(name + "\n") // likewise
	_ = file.Close()                     // likewise
}

// first reports whether nobody has died at the point yet.
func (s *Switches) first() bool {
	if s.Once == "" {
		return true
	}
	file, err := os.OpenFile(s.Once, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	_ = file.Close() // it is there
	return true
}

// die ends the process as kill -9 does, with nothing done on the way out.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until the signal is here
}

// around calls fn between the two points of that name.
func (s *Switches) around(name string, fn func()) {
	s.pass(before, name)
	fn()
	s.pass(after, name)
}
