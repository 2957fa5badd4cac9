package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// MaxChildren is how many children a job may fan out to at a time.
const MaxChildren = 10_000

// maxChildPayload is how long the payload of a child may be, in bytes.
const maxChildPayload = 1 << 20

// Fan is the children that a handler asks for.
type Fan struct {
	Children []ChildSpec // at least one, MaxChildren at most
	Tolerate int         // how many may fail or be cancelled; 0: the first that does ends the job and its siblings
	Until    float64     // the job's progress when all have ended; 0 means 1
}

// ChildSpec asks for one child. It belongs to its parent's tenant and is about
// what its parent is about.
type ChildSpec struct {
	Name    string // of its own among its siblings, made of letters, digits and "._-"
	Kind    Kind
	Weight  float64 // in the parent's progress, relative to its siblings; 0 means 1
	Payload any     // encoded as JSON
	Memory  int64   // bytes that an attempt needs, as its kind estimates; 0: not known
}

// FanOutError asks for children.
type FanOutError struct{ Fan }

// Error implements error.
func (e *FanOutError) Error() string {
	return fmt.Sprintf("job: waits for %d children", len(e.Children))
}

// FanOut is returned by a handler that wants its work done by other jobs. The
// children are stored, the job gives its slot back and waits until all have
// ended; then its handler is called again, with Job.Family set, and finds by
// Task.Children what became of them. When more of them fail than are tolerated
// the others are cancelled and the job fails with the reason of the first.
//
// A handler that is called again before its job waits, since a worker died,
// has to ask for the same children: what it asks for depends on its payload
// and its checkpoints only. When a failed job is retried, children that are
// asked for again and have succeeded are not run again, if the files of their
// results are still there.
func FanOut(f Fan) error { return &FanOutError{f} }

// Child is what a child's record says about its place among its siblings.
type Child struct {
	Fan    string  `json:"fan"` // its siblings have the same
	Name   string  `json:"name"`
	Number int     `json:"number"` // from 1, in the order they were asked for
	Weight float64 `json:"weight,omitempty"`
}

// Family is what a parent's record says about its children.
type Family struct {
	Fan      string        `json:"fan"`
	Children int           `json:"children"`
	Tolerate int           `json:"tolerate,omitempty"`
	From     float64       `json:"from,omitempty"` // the parent's progress when it began to wait
	Until    float64       `json:"until"`          // and when all have ended
	Since    time.Time     `json:"since"`
	Spent    time.Duration `json:"spent,omitempty"`  // for how long the children's attempts ran, at the last look
	States   map[State]int `json:"states"`           // how many children were in which state at the last look
	Ending   *Ending       `json:"ending,omitempty"` // the parent ends as soon as its children are told
}

// Ending is how a parent ends whose children have to be told before.
type Ending struct {
	State  State  `json:"state"`
	Reason string `json:"reason"`
}

// What a job in the state Awaiting waits for.
const (
	awaitsChildren = "children" // to end; it is their parent
	awaitsRelease  = "release"  // its parent, that has to wait for it first
	awaitsJobs     = "jobs"     // those it comes after
)

// hold makes the job wait for other jobs; it is looked at again at the time
// given if nothing happens before.
func (j *Job) hold(at time.Time, awaits string, look time.Time, reason string) {
	j.Worker, j.NotBefore = "", time.Time{}
	j.Awaits, j.TendAt = awaits, look
	j.move(at, Awaiting, reason)
}

// detain reports whether the job cannot end in that state yet since its
// children have to be told first, and notes how it is to end.
func (j *Job) detain(at time.Time, to State, reason string) bool {
	if j.Awaits != awaitsChildren || to == Succeeded {
		return false
	}
	f := *j.Family
	if f.Ending == nil || f.Ending.State == Failed { // an acknowledged cancellation stays one
		f.Ending = &Ending{State: to, Reason: reason}
	}
	j.Family, j.TendAt = &f, at
	return true
}

// lister returns what lists of a tenant's jobs find the job by: children are in
// none but that of their siblings.
func (j *Job) lister() (owner string, order int64) {
	if j.Child != nil {
		return j.Child.Fan, int64(j.Child.Number)
	}
	return j.Tenant, nanos(j.CreatedAt)
}

// ChildResult is what became of a child.
type ChildResult struct {
	ID      string
	Name    string
	Number  int
	State   State // Succeeded, or one that the parent tolerates
	Result  json.RawMessage
	Failure *Failure
	Payload json.RawMessage // of one that did not succeed: what is missing
}

// breed makes the records of the children, in the order asked for.
func breed(parent *Job, f Fan, at time.Time) ([]*Job, error) {
	if err := checkFan(f); err != nil {
		return nil, err
	}
	all := sha256.New()
	children := make([]*Job, len(f.Children))
	for i, spec := range f.Children {
		payload, err := json.Marshal(spec.Payload)
		if err != nil {
			return nil, Permanent(fmt.Errorf("encode payload of child %s: %w", spec.Name, err))
		}
		if len(payload) > maxChildPayload {
			return nil, Permanent(fmt.Errorf("the payload of child %s takes %d bytes; at most %d are allowed", spec.Name, len(payload), maxChildPayload))
		}
		kind := spec.Kind.withDefaults()
		c := &Job{
			Tenant: parent.Tenant, User: parent.User, Kind: kind.Name, Pool: kind.Pool,
			Subject: parent.Subject, Also: slices.Clone(parent.Also), Parent: parent.ID,
			Child:          &Child{Name: spec.Name, Number: i + 1, Weight: spec.Weight},
			IdempotencyKey: spec.Name, Fingerprint: fingerprint(kind.Name, payload, bounds{}), Version: kind.Version, Payload: payload,
			MaxFailures: kind.MaxFailures, MaxCrashes: kind.MaxCrashes, Timeout: kind.Timeout, CreatedAt: at, Urgency: parent.Urgency,
		}
		c.limit(bounds{}, spec.Memory)
		if parent.MemoryAsked {
			c.Memory, c.MemoryAsked = parent.Memory, true
		}
		c.ID = childID(parent.ID, c)
		_, _ = all.Write([]byte(c.ID)) // a hash never fails
		c.hold(at, awaitsRelease, at.Add(releasePatience), "")
		children[i] = c
	}
	fan := fanID(parent, hex.EncodeToString(all.Sum(nil)[:4]))
	for _, c := range children {
		c.Child.Fan = fan
	}
	return children, nil
}

func checkFan(f Fan) error {
	if n := len(f.Children); n > MaxChildren {
		return fault.Invalid("too_many_children", "The job would be divided into %d jobs; at most %d are allowed.", n, MaxChildren)
	}
	if len(f.Children) == 0 || f.Tolerate < 0 || f.Until < 0 || f.Until > 1 {
		return Permanent(fmt.Errorf("fan out to %d children, %d of which may fail, until %v", len(f.Children), f.Tolerate, f.Until))
	}
	names := make(map[string]bool, len(f.Children))
	for _, c := range f.Children {
		if names[c.Name] || !checkpointName.MatchString(c.Name) || c.Kind.Name == "" || c.Kind.Pool == "" || c.Weight < 0 {
			return Permanent(fmt.Errorf("child %q of kind %q for pool %q: it needs a name of its own, made of letters, digits and ._-, a kind and a pool", c.Name, c.Kind.Name, c.Kind.Pool))
		}
		names[c.Name] = true
	}
	return nil
}

// childID is the same for the same request of the same parent, and sorts with
// its parent's time.
func childID(parent string, c *Job) string {
	const prefix, clock, digits = "job_", 12, 32
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", parent, c.Child.Name, c.Fingerprint))
	head := parent[min(len(prefix), len(parent)):min(len(prefix)+clock, len(parent))]
	return prefix + head + hex.EncodeToString(sum[:])[:digits-len(head)]
}

// fanID names a set of siblings. No tenant can have the name.
func fanID(parent *Job, plan string) string {
	return ":fan/" + parent.ID + "/" + strconv.Itoa(parent.Round) + "-" + plan
}

// eachChild calls fn for all children of the fan, in their order.
func eachChild(ctx context.Context, jobs *table, fan string, fn func(page []*Job) error) error {
	q := store.Query{Index: indexCreated, Equal: []any{fan}, Limit: familyPage}
	for {
		page, err := jobs.Find(ctx, q)
		if err != nil {
			return storeFault(err)
		}
		if err := fn(page.Items); err != nil || page.Next == "" {
			return err
		}
		q.Cursor = page.Next
	}
}

const familyPage = 500 // children read or written at a time

// listChildren returns a page of the children of the tenant's job, in their
// order.
func (s *Service) listChildren(ctx context.Context, tenant string, f Filter, cursor string, limit int) (store.Page[*Job], error) {
	empty := store.Page[*Job]{Items: []*Job{}}
	parent, err := s.Get(ctx, tenant, f.Parent)
	if isNotFound(err) {
		return empty, nil // as there are no jobs about a subject that does not exist
	}
	if err != nil {
		return empty, err
	}
	if parent.Family == nil || f.Subject != "" && !slices.Contains(parent.Subjects(), f.Subject) {
		return empty, nil
	}
	q := f.query(parent.Family.Fan)
	q.Descending, q.Cursor, q.Limit = false, cursor, limit
	page, err := s.jobs.Find(ctx, q)
	return page, storeFault(err)
}
