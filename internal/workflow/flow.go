package workflow

import (
	"slices"
	"time"
)

// Name names a stage.
type Name string

// The stages, in order.
const (
	Load     Name = "load"
	Profile  Name = "profile"
	Prepare  Name = "prepare"
	Engineer Name = "engineer_features"
	Train    Name = "train"
	Evaluate Name = "evaluate"
	Predict  Name = "predict"
	Deploy   Name = "deploy"
)

// Names returns all stages, in order.
func Names() []Name {
	return []Name{Load, Profile, Prepare, Engineer, Train, Evaluate, Predict, Deploy}
}

// Optional reports whether people may leave the stage out.
func (n Name) Optional() bool { return n == Prepare || n == Engineer }

// State is where a stage is.
type State string

// The states.
const (
	Locked     State = "locked"      // something has to be so before, see its gates
	Ready      State = "ready"       // it can begin
	InProgress State = "in_progress" // a job is at it
	Done       State = "done"
	Failed     State = "failed" // the last job failed, and nothing shows that it was done
	Stale      State = "stale"  // it was done, and what it was done for has changed since
)

// States returns all states.
func States() []State { return []State{Locked, Ready, InProgress, Done, Failed, Stale} }

// Flow is the way of one data set.
type Flow struct {
	DatasetID string
	Version   int   // the newest; 0: there is none yet
	Revision  int64 // of what people have decided; 0: nothing
	Target    string
	Stages    []Stage
	Next      *Action // nil: nothing is left to do
}

// Stage is one step of the way.
type Stage struct {
	Name     Name
	State    State
	Skipped  *Decision // somebody has said that it is left out
	Gates    []Gate
	Evidence []Evidence
}

// Stage returns the stage of that name.
func (f *Flow) Stage(n Name) *Stage {
	i := slices.IndexFunc(f.Stages, func(s Stage) bool { return s.Name == n })
	if i < 0 {
		return nil
	}
	return &f.Stages[i]
}

// Open reports whether the stage can begin, or has.
func (s *Stage) Open() bool { return s.State != Locked }

// Gate is something that has to be so before a stage begins.
type Gate struct {
	Code    string // stable, snake_case
	Met     bool
	Message string // what has to be so, or what is wrong
	Remedy  string // what to do about it; empty when it is met
}

// The kinds of evidence.
const (
	EvidenceJob      = "job"
	EvidenceVersion  = "version"
	EvidenceProfile  = "profile"
	EvidenceFinding  = "finding"
	EvidenceModel    = "model"
	EvidenceDecision = "decision"
)

// Evidence is something that shows what was done, or that something is left to do.
type Evidence struct {
	Kind   string
	ID     string // of a job or a model
	Number int    // of a version
	Code   string // of a finding, stable
	Text   string
	At     time.Time
}

// Action is what is best done next, as a request that can be sent as it is once
// every one of its choices is made.
type Action struct {
	Stage     Name
	Operation string // as the API's description names it
	Method    string
	Path      string
	Body      map[string]any
	Choices   []Choice // what only the caller can say
	Command   string   // that does the same
	Reason    string
}

// Choice is a place of a request that the caller has to fill in.
type Choice struct {
	Location   string // such as body.columns[0].name
	Candidates []string
}

// Decision is what somebody has said about a stage.
type Decision struct {
	User string    `json:"user"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
}
