package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// What an event is about.
type What string

// What the history tells. Clients write what they asked for and were told, the
// record server what was stored, the file server what was put, the nemesis what
// it did.
const (
	Asked     What = "asked"     // a client is about to submit
	Accepted  What = "accepted"  // and was told that it was accepted
	Cancelled What = "cancelled" // a client was told that its cancel was accepted
	Ended     What = "ended"     // a client saw the job's end
	Written   What = "written"   // a change of a job's record was stored
	Refused   What = "refused"   // a change of a job's record was refused: the revision was not the last
	Signed    What = "signed"    // a worker's record was inserted
	Ticked    What = "ticked"    // a tick's row was inserted
	Made      What = "made"      // a record of another collection was stored
	Put       What = "put"       // a file was stored
	Fault     What = "fault"     // a part was hurt, for a time
	Kill      What = "kill"      // a process got a signal
	Up        What = "up"        // a process is up
	Expected  What = "expected"  // a client asked for a job that must fail, with the code in Reason
	Ranked    What = "ranked"    // a client was told that the priority was changed
	Held      What = "held"      // an operator was told that a queue (Part) or a tenant is paused
	Freed     What = "freed"     // and is about to end that
	Breaker   What = "breaker"   // a process told the State of the circuit breaker of the Part
	Rows      What = "rows"      // a client read a result row by row; Text says what is wrong with them
	Note      What = "note"      // anything else
)

// Event is one line of the history. At counts from the start of the run.
type Event struct {
	At    time.Duration `json:"at"`
	Since time.Duration `json:"since,omitempty"` // when the record server was asked for the change
	What  What          `json:"what"`

	Job    string `json:"job,omitempty"`
	Parent string `json:"parent,omitempty"`
	Key    string `json:"key,omitempty"` // the idempotency key; of a file its name
	Kind   string `json:"kind,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	State  string `json:"state,omitempty"`

	Revision  int64   `json:"revision,omitempty"`
	Epoch     int     `json:"epoch,omitempty"`
	Attempt   int     `json:"attempt,omitempty"`
	Crashes   int     `json:"crashes,omitempty"`
	Worker    string  `json:"worker,omitempty"`
	Cancel    bool    `json:"cancel,omitempty"` // it was asked for
	Committed bool    `json:"committed,omitempty"`
	Result    string  `json:"result,omitempty"` // its checksum
	Fraction  float64 `json:"fraction,omitempty"`
	Reason    string  `json:"reason,omitempty"`
	Priority  int     `json:"priority,omitempty"`

	Process string        `json:"process,omitempty"`
	PID     int           `json:"pid,omitempty"`
	Fault   string        `json:"fault,omitempty"` // its name; of a kill the signal
	Part    string        `json:"part,omitempty"`  // that was hurt; of a made record its collection
	For     time.Duration `json:"for,omitempty"`
	Holding []string      `json:"holding,omitempty"` // jobs that a killed worker ran
	Status  int           `json:"status,omitempty"`  // of HTTP
	Text    string        `json:"text,omitempty"`
}

// History is a file of events that only grows. Every event is on disk before
// the next one that its writer causes: Append returns when it is.
type History struct {
	start time.Time
	file  *os.File
	out   *bufio.Writer

	mu     sync.Mutex
	events []Event
	wait   chan struct{} // closed when what is buffered now has reached the disk
	dirty  bool          // something is buffered
	// flushing is closed when what was buffered before has.
	flushing chan struct{}
	err      error
	wake     chan struct{}
	done     chan struct{}
}

// NewHistory creates the file.
func NewHistory(path string) (*History, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // in the run's own folder
	if err != nil {
		return nil, fmt.Errorf("create the history: %w", err)
	}
	h := &History{
		start: time.Now(), file: file, out: bufio.NewWriter(file),
		wait: make(chan struct{}), flushing: make(chan struct{}), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	close(h.flushing)
	go h.flush()
	return h, nil
}

// Now is the time since the start.
func (h *History) Now() time.Duration { return time.Since(h.start) }

// Append writes the event and returns when it is on disk. Events of many
// writers share one flush.
func (h *History) Append(e Event) {
	h.Add(e)
	h.Sync()
}

// Sync returns when everything that was added before is on disk.
func (h *History) Sync() {
	h.mu.Lock()
	wait := h.flushing
	if h.dirty {
		wait = h.wait
	}
	h.mu.Unlock()
	<-wait
}

// Add writes the event; Sync brings it to the disk.
func (h *History) Add(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.At = h.Now()
	h.events = append(h.events, e)
	line, err := json.Marshal(e)
	if err == nil {
		_, err = h.out.Write(append(line, '\n'))
	}
	h.err = errors.Join(h.err, err)
	h.dirty = true
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// flush brings to the disk what was appended, as often as there is something.
func (h *History) flush() {
	defer close(h.done)
	for range h.wake {
		h.mu.Lock()
		err := h.out.Flush()
		written := h.wait
		h.wait, h.dirty, h.flushing = make(chan struct{}), false, written
		h.mu.Unlock()
		err = errors.Join(err, h.file.Sync())
		close(written)
		if err != nil {
			h.mu.Lock()
			h.err = errors.Join(h.err, err)
			h.mu.Unlock()
		}
	}
}

// Events returns what was written so far.
func (h *History) Events() []Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

// Close ends the history. Nobody appends any more.
func (h *History) Close() error {
	close(h.wake)
	<-h.done
	h.mu.Lock()
	defer h.mu.Unlock()
	return errors.Join(h.err, h.out.Flush(), h.file.Sync(), h.file.Close())
}

// ReadHistory reads the events of a file.
func ReadHistory(path string) ([]Event, error) {
	file, err := os.Open(path) //nolint:gosec // the caller names it
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	var all []Event
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("read line %d of the history: %w", len(all)+1, err)
		}
		all = append(all, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	return all, nil
}
