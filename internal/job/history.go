package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// Events that are no changes of state.
const (
	EventCancelRequested = "cancel_requested" // of a job that runs; its worker will stop it
	EventPriorityChanged = "priority_changed" // of a job that waits; the reason says from what to what
)

// The record holds a short form of the history: all of it while it is short,
// and the first and the last events otherwise. Those between lie in rows of
// their own, keptEvents fewer than maxEvents in each, so that most jobs have no
// row at all.
const (
	maxEvents  = 100 // on the record
	keptEvents = 25  // of either end that stay there
	maxHistory = 500 // of a page
)

// historyRow is some consecutive events of a job that are no longer on its
// record.
type historyRow struct {
	store.Meta
	Job    string       `json:"job"`
	First  int          `json:"first"` // number of the first event, from 1
	Events []Transition `json:"events"`
}

type historyTable = store.Table[historyRow, *historyRow]

func newHistoryTable(driver store.Driver) *historyTable {
	return store.NewTable[historyRow](driver, historyCollection())
}

func historyCollection() store.Collection {
	return store.Collection{Name: "job_history", Indexes: []store.Index{
		{Name: "first", Fields: []store.IndexField{{Name: "job"}, {Name: "first", Type: store.Int}}},
	}}
}

// Keys implements store.Entity.
func (r *historyRow) Keys() map[string]any {
	return map[string]any{"job": r.Job, "first": int64(r.First)}
}

// Event is one event of a job, by its number.
type Event struct {
	Seq int // from 1, without gaps within a job
	Transition
}

// remember adds an event to the history. It never writes into an array that a
// copy of the job shares. What leaves the record is written before the record
// is, see spill.
func (j *Job) remember(t Transition) {
	kept := j.History
	if len(kept) == 0 && j.Parent == "" && t.By == "" {
		t.By = j.User // who submitted it; a child was made by its parent
	}
	if len(kept) >= maxEvents {
		from, to := keptEvents, len(kept)-keptEvents
		first := kept[from]
		row := &historyRow{Job: j.ID, First: from + j.Moved + 1, Events: slices.Clone(kept[from:to])}
		// Events that were written have one row, whoever moves them there first.
		row.ID = fmt.Sprintf("%s-%08d-%d", j.ID, row.First, first.At.UnixMicro())
		j.spill = append(slices.Clip(j.spill), row)
		j.Moved += to - from
		kept = slices.Delete(slices.Clone(kept), from, to)
	}
	j.History = append(slices.Clip(kept), t)
}

// note adds an event that is no change of state.
func (j *Job) note(at time.Time, event, reason, by string) {
	j.remember(Transition{At: at, State: j.State, Epoch: j.Epoch, Event: event, Reason: reason, By: by})
}

// sign names the person who did what the last event tells, which was just
// added.
func (j *Job) sign(by string) { j.History[len(j.History)-1].By = by }

type actorKey struct{}

// As returns a context in which what is done to jobs is done by the person.
func As(ctx context.Context, user string) context.Context {
	return context.WithValue(ctx, actorKey{}, user)
}

func actorOf(ctx context.Context) string {
	user, _ := ctx.Value(actorKey{}).(string)
	return user
}

// spill writes the events that leave the records of jobs that are about to be
// written. A row that is there already was written by an attempt to do the same
// that did not get further.
func spill(ctx context.Context, histories *historyTable, jobs []*Job) error {
	for _, j := range jobs {
		if len(j.spill) == 0 {
			continue
		}
		errs, err := histories.InsertAll(ctx, j.spill...)
		for _, e := range errs {
			if e != nil && !errors.Is(e, store.ErrDuplicate) {
				err = errors.Join(err, e)
			}
		}
		if err != nil {
			return fmt.Errorf("keep the history of job %s: %w", j.ID, err)
		}
		j.spill = nil
	}
	return nil
}

// events returns those of the record with their numbers, and the numbers that
// rows have.
func (j *Job) events() (first, last []Event, from, to int) {
	split := len(j.History)
	if j.Moved > 0 {
		split = min(keptEvents, split)
	}
	for i, t := range j.History[:split] {
		first = append(first, Event{Seq: i + 1, Transition: t})
	}
	for i, t := range j.History[split:] {
		last = append(last, Event{Seq: split + j.Moved + i + 1, Transition: t})
	}
	return first, last, split + 1, split + j.Moved
}

// History returns the events of the tenant's job with numbers greater than
// after, at most limit of them; a limit of 0 means 500, which is also the
// largest.
func (s *Service) History(ctx context.Context, tenant, id string, after, limit int) ([]Event, error) {
	if limit < 0 || limit > maxHistory {
		return nil, fault.Invalid("limit_out_of_range", "A page has between 1 and %d events.", maxHistory).
			With(fault.Field{Location: "query.limit", Message: "out of range", Value: limit})
	}
	if after < 0 {
		return nil, fault.Invalid("invalid_after", "The events of a job are numbered from 1; after is the number of the last event that is known.").
			With(fault.Field{Location: "query.after", Message: "out of range", Value: after})
	}
	j, err := s.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return s.events(ctx, j, after, positive(limit, maxHistory))
}

func (s *Service) events(ctx context.Context, j *Job, after, limit int) ([]Event, error) {
	first, last, from, to := j.events()
	all := make([]Event, 0, min(limit, len(first)+len(last)))
	take := func(events []Event) bool {
		for _, e := range events {
			if e.Seq > after && len(all) < limit {
				all = append(all, e)
			}
		}
		return len(all) < limit
	}
	if take(first) && from <= to && after < to {
		moved, err := s.moved(ctx, j.ID, max(from, after+1), to, limit-len(all))
		if err != nil {
			return nil, err
		}
		take(moved)
	}
	take(last)
	return all, nil
}

// moved returns the events with numbers between from and to, at most limit of
// them, from the rows.
func (s *Service) moved(ctx context.Context, id string, from, to, limit int) ([]Event, error) {
	var all []Event
	q := store.Query{Index: "first", Equal: []any{id}, From: int64(max(1, from-maxEvents)), To: int64(to + 1), Limit: 20}
	for {
		page, err := s.history.Find(ctx, q)
		if err != nil {
			return nil, storeFault(err)
		}
		for _, row := range page.Items {
			for i, t := range row.Events {
				if n := row.First + i; n >= from && n <= to && len(all) < limit {
					all = append(all, Event{Seq: n, Transition: t})
				}
			}
		}
		if page.Next == "" || len(all) == limit {
			return all, nil
		}
		q.Cursor = page.Next
	}
}

// removeHistory deletes all rows of the job.
func (s *Service) removeHistory(ctx context.Context, id string) error {
	for {
		page, err := s.history.Find(ctx, store.Query{Index: "first", Equal: []any{id}})
		if err != nil {
			return err
		}
		for _, row := range page.Items {
			if err := s.history.Delete(ctx, row.ID, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
	}
}
