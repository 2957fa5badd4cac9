package job

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// State is where a job is on its way.
type State string

// The states of a job: pending → queued → running → succeeded | failed |
// cancelled. A failed attempt with attempts left goes back to pending. A job
// that waits for other jobs is waiting: before it is pending for those it comes
// after, after it was running for its children.
const (
	Awaiting  State = "waiting"   // for other jobs to end
	Pending   State = "pending"   // in the store, not yet handed to the queue
	Queued    State = "queued"    // handed to the queue
	Running   State = "running"   // claimed by a worker
	Succeeded State = "succeeded" // its result is committed
	Failed    State = "failed"    // no attempt is left, or none would help
	Cancelled State = "cancelled" // somebody asked, in time
)

// Terminal reports whether nothing will change any more.
func (s State) Terminal() bool { return s == Succeeded || s == Failed || s == Cancelled }

// Job is the record of one job.
type Job struct {
	store.Meta
	Tenant         string          `json:"tenant"`
	User           string          `json:"user"` // who submitted it
	Kind           string          `json:"kind"`
	Pool           string          `json:"pool"`
	Subject        string          `json:"subject,omitempty"` // what it is about: a data set's or model's identifier
	Also           []string        `json:"also,omitempty"`    // what else it is about, see Subjects
	IdempotencyKey string          `json:"idempotency_key"`   // the client's, else the job's identifier
	Fingerprint    string          `json:"fingerprint"`       // hash of kind and payload, to refuse a reused key
	Version        int             `json:"version"`           // of the payload's form
	Payload        json.RawMessage `json:"payload"`

	Urgency int `json:"urgency,omitempty"` // its priority, counted from DefaultPriority

	State           State             `json:"state"`
	Epoch           int               `json:"epoch"`   // counts hand-overs to the queue; fences stale workers
	Attempt         int               `json:"attempt"` // counts claims
	Failures        int               `json:"failures"`
	Outages         int               `json:"outages,omitempty"`     // attempts that ended since a part was away
	OutageSince     time.Time         `json:"outage_since,omitzero"` // the first of them
	Dead            string            `json:"dead,omitempty"`        // why a failed job is a dead letter, see DeadLetter
	Crashes         int               `json:"crashes"`
	CrashesBefore   int               `json:"crashes_before,omitempty"` // those of them before its checkpoints got further, see crashed
	MaxFailures     int               `json:"max_failures"`             // failures at which the job is given up
	MaxCrashes      int               `json:"max_crashes"`
	Timeout         time.Duration     `json:"timeout"` // of one attempt
	CancelRequested bool              `json:"cancel_requested,omitempty"`
	Committed       bool              `json:"committed,omitempty"` // Result is final, publishing may be under way
	Result          json.RawMessage   `json:"result,omitempty"`
	Files           map[string]string `json:"files,omitempty"`     // of the result: name → key, for download
	OwnFiles        []string          `json:"own_files,omitempty"` // those of Files that no published record takes over, by name
	Failure         *Failure          `json:"failure,omitempty"`   // of the last attempt that failed
	Waiting         *Reason           `json:"waiting,omitempty"`   // why the last attempt handed it back, if that was no failure
	Progress        Progress          `json:"progress"`
	Saved           float64           `json:"saved,omitempty"`        // its progress at the newest checkpoint, of all attempts
	SavedBefore     float64           `json:"saved_before,omitempty"` // Saved when CrashesBefore was noted
	Worker          string            `json:"worker,omitempty"`       // who claimed it
	LogLines        int               `json:"log_lines"`              // how many were written

	CreatedAt   time.Time `json:"created_at"`
	QueuedAt    time.Time `json:"queued_at,omitzero"`
	StartedAt   time.Time `json:"started_at,omitzero"` // of the current attempt
	HeartbeatAt time.Time `json:"heartbeat_at,omitzero"`
	FinishedAt  time.Time `json:"finished_at,omitzero"`
	NotBefore   time.Time `json:"not_before,omitzero"` // a pending job waits until then

	Memory      int64     `json:"memory_bytes,omitempty"`      // that an attempt is given; 0: not known
	MemoryAsked bool      `json:"memory_asked,omitempty"`      // by the request; otherwise it is an estimate
	MemoryPeak  int64     `json:"memory_peak_bytes,omitempty"` // the most that an attempt in a process of its own used
	ParkedAt    time.Time `json:"parked_at,omitzero"`          // since when no worker has the memory
	// UpgradeSince is since when every worker that took the job up was too old for it.
	UpgradeSince time.Time     `json:"upgrade_since,omitzero"`
	Deadline     time.Time     `json:"deadline,omitzero"`     // by which it has to have ended
	TimeBudget   time.Duration `json:"time_budget,omitempty"` // for which attempts may run in all
	TimeSpent    time.Duration `json:"time_spent,omitempty"`  // by the attempts that are over

	// What it is to other jobs: see FanOut and Submission.After.
	Parent   string    `json:"parent,omitempty"`   // the job that it is a child of
	Child    *Child    `json:"child,omitempty"`    // of a child: its place among its siblings
	Family   *Family   `json:"family,omitempty"`   // of a parent: its children
	Round    int       `json:"round,omitempty"`    // counts retries: each has children of its own
	After    []string  `json:"after,omitempty"`    // jobs that have to succeed before it runs
	Followed bool      `json:"followed,omitempty"` // others come after it
	Awaits   string    `json:"awaits,omitempty"`   // what it waits for while it is waiting
	TendAt   time.Time `json:"tend_at,omitzero"`   // when a waiting job is looked at

	History []Transition `json:"history"`         // of many, the first and the last; see Service.History
	Moved   int          `json:"moved,omitempty"` // how many of the history lie in rows of their own

	spill []*historyRow // what the next write moves there
}

// Transition is one event in the life of a job: a change of state or, with
// Event, something else that was done to it.
type Transition struct {
	At     time.Time `json:"at"`
	State  State     `json:"state"` // from then on
	Epoch  int       `json:"epoch"`
	Event  string    `json:"event,omitempty"` // EventCancelRequested …; empty: a change of state
	Worker string    `json:"worker,omitempty"`
	By     string    `json:"by,omitempty"`     // the person who did it, if it was one
	Reason string    `json:"reason,omitempty"` // why, when it is not plain progress
}

// Progress is how far a running job is.
type Progress struct {
	Stage    string    `json:"stage,omitempty"`
	Fraction float64   `json:"fraction"` // of the whole job, 0 to 1, never falls within an attempt
	Rows     int64     `json:"rows,omitempty"`
	RowsAll  int64     `json:"rows_total,omitempty"`
	ETA      time.Time `json:"eta,omitzero"`
	At       time.Time `json:"updated_at,omitzero"`
}

// Failure is why an attempt failed, as a client may see it.
type Failure struct {
	Class   fault.Class   `json:"class"`
	Code    string        `json:"code"`
	Message string        `json:"message"`
	Fields  []fault.Field `json:"errors,omitempty"`
}

// Reason is why a job waits though nothing failed, as a client may see it.
type Reason struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// LogLine is one line that a job wrote.
type LogLine struct {
	Seq     int       `json:"seq"` // from 1, without gaps within a job
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`
	Level   string    `json:"level"` // info, warn or error
	Message string    `json:"message"`
}

// Kind declares one kind of job: everything about it but what it does.
type Kind struct {
	Name        string // "training"
	Pool        string // which workers run it
	Version     int    // of the payload's form that is written now
	Timeout     time.Duration
	MaxFailures int
	MaxCrashes  int
}

// Submission asks for a job.
type Submission struct {
	Kind           Kind
	Tenant         string
	User           string
	Subject        string   // may be empty: it is about nothing
	Also           []string // what else it is about, MaxSubjects with Subject
	After          []string // jobs of the tenant that have to succeed before it runs, MaxAfter at most
	IdempotencyKey string   // empty: none
	Priority       *int     // MinPriority to MaxPriority; nil: DefaultPriority
	Payload        any      // encoded as JSON
	Memory         int64    // bytes that an attempt needs, as its kind estimates; 0: not known
	Limits         Limits   // what the request says its job may take
}

// MaxSubjects is how many things a job may be about: as many as there are
// indexes to find it by.
const MaxSubjects = 2

// Subjects returns everything that the job is about, the subject first: none of
// it can be deleted before the job has ended.
func (j *Job) Subjects() []string {
	if j.Subject == "" {
		return nil
	}
	return append([]string{j.Subject}, j.Also...)
}

// Owns reports whether the key is a file of the job's result that belongs to
// the job alone. What belongs to a record that the job published is not.
func (j *Job) Owns(key string) bool {
	for name, k := range j.Files {
		if k == key {
			return !j.Committed || slices.Contains(j.OwnFiles, name)
		}
	}
	return false
}

// Prefix is where an attempt of the job keeps its files.
func (j *Job) Prefix() string { return AttemptPrefix(j.ID, j.Epoch) }
