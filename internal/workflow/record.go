package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// record is what people have decided about a data set.
type record struct {
	store.Meta
	Tenant    string            `json:"tenant"`
	DatasetID string            `json:"dataset_id"`
	Skipped   map[Name]Decision `json:"skipped,omitempty"`
}

// Collections declares what the package keeps in the store. Records are found by
// their identifiers alone.
func Collections() []store.Collection { return []store.Collection{collection()} }

func collection() store.Collection { return store.Collection{Name: "workflows"} }

// Keys implements store.Entity.
func (r *record) Keys() map[string]any { return nil }

func recordID(datasetID string) string { return "wfl_" + strings.TrimPrefix(datasetID, "ds_") }

// Change says of a stage whether it is left out.
type Change struct {
	Stage   Name
	Skipped bool
	Note    string
}

// Decisions are what somebody says about the stages of a data set.
type Decisions struct {
	Tenant   string
	User     string
	ID       string // of the data set
	Changes  []Change
	Revision *int64 // of what they change; nil: any
}

// CodeChanged says that something else was decided meanwhile.
const CodeChanged = "workflow_changed"

func errChanged(id string) error {
	return fault.Conflict(CodeChanged, "something else was decided about data set %s meanwhile; read its workflow again and decide on what it is now", id)
}

const maxNote = 500

func (d Decisions) check() error {
	var wrong []fault.Field
	for i, c := range d.Changes {
		at := fmt.Sprintf("body.stages[%d]", i)
		switch {
		case !slices.Contains(Names(), c.Stage):
			wrong = append(wrong, fault.Field{Location: at + ".name", Message: fmt.Sprintf("there is no stage %.40q", string(c.Stage)), Value: string(c.Stage)})
		case !c.Stage.Optional():
			wrong = append(wrong, fault.Field{Location: at + ".name", Message: fmt.Sprintf("the stage %s cannot be left out; %s and %s can", c.Stage, Prepare, Engineer), Value: string(c.Stage)})
		case slices.ContainsFunc(d.Changes[:i], func(o Change) bool { return o.Stage == c.Stage }):
			wrong = append(wrong, fault.Field{Location: at + ".name", Message: fmt.Sprintf("the stage %s was named before", c.Stage), Value: string(c.Stage)})
		}
		if utf8.RuneCountInString(c.Note) > maxNote {
			wrong = append(wrong, fault.Field{Location: at + ".note", Message: fmt.Sprintf("must have at most %d characters", maxNote)})
		}
	}
	if len(d.Changes) == 0 {
		wrong = append(wrong, fault.Field{Location: "body.stages", Message: "must name stages"})
	}
	if len(wrong) > 0 {
		return fault.Invalid("workflow_invalid", "it cannot be decided so: %s", wrong[0].Message).With(wrong...)
	}
	return nil
}

// apply returns what is decided then; changed is whether that is something else.
func (d Decisions) apply(r *record, now time.Time) (changed bool) {
	if r.Skipped == nil {
		r.Skipped = make(map[Name]Decision)
	}
	for _, c := range d.Changes {
		before, was := r.Skipped[c.Stage]
		switch {
		case !c.Skipped && was:
			delete(r.Skipped, c.Stage)
			changed = true
		case c.Skipped && (!was || before.Note != c.Note):
			r.Skipped[c.Stage] = Decision{User: d.User, At: now, Note: c.Note}
			changed = true
		}
	}
	return changed
}

// Decide keeps what somebody says, and returns the workflow as it is then. Mistakes
// are fault.Invalid "workflow_invalid"; fault.Conflict [CodeChanged] says that
// Revision is not what there is.
func (s *Service) Decide(ctx context.Context, d Decisions) (*Flow, error) {
	if _, err := s.datasets.Get(ctx, d.Tenant, d.ID); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	change := func(r *record) error {
		if d.Revision != nil && *d.Revision != r.Revision {
			return errChanged(d.ID)
		}
		if !d.apply(r, s.now().UTC()) {
			return store.ErrUnchanged
		}
		return nil
	}
	id := recordID(d.ID)
	_, err := s.table.Update(ctx, id, change)
	if errors.Is(err, store.ErrNotFound) {
		first := &record{Meta: store.Meta{ID: id}, Tenant: d.Tenant, DatasetID: d.ID}
		switch err = change(first); {
		case errors.Is(err, store.ErrUnchanged):
			err = nil
		case err == nil:
			if err = s.table.Insert(ctx, first); errors.Is(err, store.ErrDuplicate) {
				_, err = s.table.Update(ctx, id, change) // somebody else was first
			}
		}
	}
	if err != nil {
		return nil, storeFault(err)
	}
	return s.Show(ctx, d.Tenant, d.ID)
}

// decided returns what people have decided, nothing when they have not.
func (s *Service) decided(ctx context.Context, datasetID string) (*record, error) {
	r, err := s.table.Get(ctx, recordID(datasetID))
	if errors.Is(err, store.ErrNotFound) {
		return &record{}, nil
	}
	return r, storeFault(err)
}

// storeFault says that the store did not answer. Faults pass through.
func storeFault(err error) error {
	if _, ok := fault.As(err); ok || err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Unavailable("store_unavailable", "the workflow cannot be reached; please try again in a moment").Because(err)
}
