package job

import (
	"context"
	"errors"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/narrativeml/narrative/internal/store"
)

// ScheduleState is what is known of a schedule: when it came due, and what was
// missed. The scheduler that leads keeps it.
type ScheduleState struct {
	store.Meta
	Name     string    `json:"name"`
	Spec     string    `json:"spec"`
	LastAt   time.Time `json:"last_at,omitzero"` // the newest tick
	NextAt   time.Time `json:"next_at,omitzero"` // the one after it; zero: never
	Missed   int       `json:"missed,omitempty"` // ticks that no scheduler was there for, since ever
	MissedAt time.Time `json:"missed_at,omitzero"`
	Counted  time.Time `json:"counted,omitzero"` // the last tick whose misses are in Missed
	At       time.Time `json:"updated_at"`

	// Of the newest tick; they are not kept here.
	Done  bool `json:"-"`
	Tries int  `json:"-"`
}

type scheduleTable = store.Table[ScheduleState, *ScheduleState]

func newScheduleTable(driver store.Driver) *scheduleTable {
	return store.NewTable[ScheduleState](driver, scheduleCollection())
}

func scheduleCollection() store.Collection {
	return store.Collection{Name: "schedules", Indexes: []store.Index{{Name: "name", Fields: []store.IndexField{{Name: "name"}}}}}
}

// Keys implements store.Entity.
func (s *ScheduleState) Keys() map[string]any { return map[string]any{"name": s.Name} }

// describe keeps the state of the schedule after its newest tick. What was
// missed is counted from the rows of the ticks, so that a ticker that died
// before it came to this loses nothing.
func (t *Ticker) describe(ctx context.Context, s Schedule, spec cron.Schedule, last, at time.Time) error {
	apply := func(state *ScheduleState) error {
		ticks, err := t.since(ctx, s.Name, state.Counted)
		if err != nil {
			return err
		}
		for _, row := range ticks {
			if row.Missed > 0 {
				state.Missed += row.Missed
				state.MissedAt = row.At
			}
			state.Counted = row.At
		}
		state.Name, state.Spec, state.LastAt, state.At = s.Name, s.Spec, last, at
		state.NextAt = spec.Next(last.In(t.cfg.Location)).UTC()
		if state.NextAt.Unix() <= 0 {
			state.NextAt = time.Time{}
		}
		return nil
	}
	_, err := t.states.Update(ctx, s.Name, apply)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	fresh := &ScheduleState{Meta: store.Meta{ID: s.Name}}
	if err := apply(fresh); err != nil {
		return err
	}
	if err := t.states.Insert(ctx, fresh); !errors.Is(err, store.ErrDuplicate) {
		return err
	}
	return nil // another ticker was faster, and knows the same
}

// since returns the ticks of the schedule after the time.
func (t *Ticker) since(ctx context.Context, name string, after time.Time) ([]*tick, error) {
	q := store.Query{Index: "at", Equal: []any{name}, Limit: store.MaxLimit}
	if !after.IsZero() {
		q.From = nanos(after) + 1
	}
	var all []*tick
	for {
		page, err := t.ticks.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		q.Cursor = page.Next
	}
}

// Schedules returns a page of the states of schedules, by their names. The
// cursor is Next of the page before; a limit of 0 means 50, the largest is 500.
func (s *Service) Schedules(ctx context.Context, cursor string, limit int) (store.Page[*ScheduleState], error) {
	if err := (Filter{}).validate(limit); err != nil {
		return store.Page[*ScheduleState]{}, err
	}
	states := newScheduleTable(s.cfg.Driver)
	ticks := store.NewTable[tick](s.cfg.Driver, tickCollection())
	page, err := states.Find(ctx, store.Query{Index: "name", Cursor: cursor, Limit: positive(limit, defaultPage)})
	if err != nil {
		return page, storeFault(err)
	}
	for _, state := range page.Items {
		last, err := ticks.Find(ctx, store.Query{Index: "at", Equal: []any{state.Name}, Descending: true, Limit: 1})
		if err != nil {
			return page, storeFault(err)
		}
		for _, row := range last.Items {
			state.Done, state.Tries = row.Fired, row.Tries
		}
	}
	return page, nil
}
