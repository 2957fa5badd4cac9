package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// tick is the record that a schedule came due.
type tick struct {
	store.Meta
	Name   string    `json:"name"`
	At     time.Time `json:"at"`
	Missed int       `json:"missed,omitempty"` // ticks before it that nobody was there for
	Fired  bool      `json:"fired"`
	Tries  int       `json:"tries"`
	NextAt time.Time `json:"next_at,omitzero"` // not fired again before
}

type tickTable = store.Table[tick, *tick]

func tickCollection() store.Collection {
	return store.Collection{Name: "ticks", Indexes: []store.Index{
		{Name: "at", Fields: []store.IndexField{{Name: "name"}, {Name: "at", Type: store.Int}}, Unique: true},
	}}
}

// Keys implements store.Entity.
func (t *tick) Keys() map[string]any { return map[string]any{"name": t.Name, "at": nanos(t.At)} }

// Schedule is something that is done at times.
type Schedule struct {
	Name string // unique, snake_case
	Spec string // five cron fields, or @hourly, @daily, "@every 15s" …
	// Fire does it. The key is the tick's own: with it as idempotency key a job
	// is submitted once. Fire is called again, with the same key, when it
	// returned an error or the process died in it.
	Fire func(ctx context.Context, key string, at time.Time) error
}

// TickerConfig is what a Ticker needs. Driver and Schedules are required.
type TickerConfig struct {
	Driver    store.Driver
	Schedules []Schedule
	Location  *time.Location   // of the cron expressions; default UTC
	Now       func() time.Time // default time.Now
	Observer  Observer         // default Unobserved

	Every     time.Duration // how often it looks; default 1 s
	FireAgain time.Duration // after which a tick that was begun and not ended is fired again; default 1 min, also the limit of one Fire
	KeepTicks time.Duration // default 30 days
}

const maxMissed = 100_000

// Ticker fires schedules. Every tick is a row with a unique key, so that it
// fires once however many tickers there are; a ticker that comes late fires
// only the newest tick it missed, and says how many there were before it.
type Ticker struct {
	cfg    TickerConfig
	ticks  *tickTable
	states *scheduleTable
	specs  []cron.Schedule
	told   map[string]time.Time // by schedule: the tick up to which its state is kept; of the one goroutine in Pass
}

// MissedError is reported to the observer's Trouble when ticks were missed.
type MissedError struct {
	Name  string
	Count int
	Until time.Time // the tick that is fired instead
}

// Error implements error.
func (m *MissedError) Error() string {
	return fmt.Sprintf("schedule %s missed %d ticks before %s", m.Name, m.Count, m.Until.Format(time.RFC3339))
}

// NewTicker parses the schedules; it returns a fault invalid_schedule about the
// first that is wrong.
func NewTicker(cfg TickerConfig) (*Ticker, error) {
	cfg.Now = defaultNow(cfg.Now)
	cfg.Observer = defaultObserver(cfg.Observer)
	if cfg.Location == nil {
		cfg.Location = time.UTC
	}
	cfg.Every = positive(cfg.Every, time.Second)
	cfg.FireAgain = positive(cfg.FireAgain, time.Minute)
	cfg.KeepTicks = positive(cfg.KeepTicks, 30*24*time.Hour)
	t := &Ticker{
		cfg: cfg, ticks: store.NewTable[tick](cfg.Driver, tickCollection()), states: newScheduleTable(cfg.Driver),
		told: map[string]time.Time{},
	}
	for _, s := range cfg.Schedules {
		spec, err := ParseSchedule(s.Spec)
		if err != nil {
			return nil, fmt.Errorf("schedule %s: %w", s.Name, err)
		}
		t.specs = append(t.specs, spec)
	}
	return t, nil
}

// ParseSchedule parses a cron expression: five fields (minute, hour, day of
// the month, month and day of the week) or a descriptor such as @daily or "@every 15s".
// A time zone is not part of it; see TickerConfig.Location.
func ParseSchedule(spec string) (cron.Schedule, error) {
	invalid := fault.Invalid("invalid_schedule", "%q is not a cron expression: it takes five fields, such as \"0 3 * * *\", or a descriptor such as @daily", shorten(spec, 100))
	if strings.Contains(spec, "=") { // the parser panics on a zone without fields
		return nil, invalid
	}
	parsed, err := cron.ParseStandard(spec)
	if err != nil {
		return nil, invalid.Because(err)
	}
	return parsed, nil
}

// Run looks for ticks until ctx ends. Errors go to the observer.
func (t *Ticker) Run(ctx context.Context) {
	repeat(ctx, t.cfg.Every, t.cfg.Now, t.Pass, func(err error) { t.cfg.Observer.Trouble(ctx, "fire_ticks", nil, err) })
}

// Pass fires what is due.
func (t *Ticker) Pass(ctx context.Context) error {
	var errs []error
	for i := range t.cfg.Schedules {
		if err := t.pass(ctx, t.cfg.Schedules[i], t.specs[i]); err != nil {
			errs = append(errs, fmt.Errorf("schedule %s: %w", t.cfg.Schedules[i].Name, err))
		}
	}
	return errors.Join(errs...)
}

func (t *Ticker) pass(ctx context.Context, s Schedule, spec cron.Schedule) error {
	at := stamp(t.cfg.Now)
	last, err := t.last(ctx, s.Name, at)
	if err != nil {
		return err
	}
	if last != nil && !t.told[s.Name].Equal(last.At) { // this ticker has just begun, or somebody's tick is new
		if err := t.describe(ctx, s, spec, last.At, at); err != nil {
			return err
		}
		t.told[s.Name] = last.At
	}
	if last == nil { // the first time ever: what is to come counts from now
		_, err := t.insert(ctx, &tick{Name: s.Name, At: at, Fired: true})
		return err
	}
	due, n := t.due(spec, last.At, at)
	switch {
	case n > 0:
		next := &tick{Name: s.Name, At: due, Missed: n - 1, Tries: 1, NextAt: at.Add(t.cfg.FireAgain)}
		ours, err := t.insert(ctx, next)
		if err != nil || !ours {
			return err
		}
		if next.Missed > 0 {
			t.cfg.Observer.Trouble(ctx, "missed_ticks", nil, &MissedError{Name: s.Name, Count: next.Missed, Until: due})
		}
		return errors.Join(t.fire(ctx, s, next), t.forget(ctx, s.Name, at))
	case !last.Fired && !at.Before(last.NextAt):
		last.Tries++
		last.NextAt = at.Add(t.cfg.FireAgain)
		if err := t.ticks.Replace(ctx, last); err != nil {
			return unlessRaced(err)
		}
		return t.fire(ctx, s, last)
	}
	return nil
}

// due returns the newest tick in (last, at] and how many there are. After
// maxMissed it goes on counting only a day before the end.
func (t *Ticker) due(spec cron.Schedule, last, at time.Time) (newest time.Time, n int) {
	from := last.In(t.cfg.Location)
	for {
		next := spec.Next(from)
		if next.IsZero() || next.After(at) {
			return newest, n
		}
		newest, from = next.UTC(), next
		n++
		if late := at.Add(-24 * time.Hour).In(t.cfg.Location); n == maxMissed && late.After(from) {
			from = late
		}
	}
}

// fire calls Fire and notes that it is done.
func (t *Ticker) fire(ctx context.Context, s Schedule, due *tick) error {
	call, cancel := context.WithTimeout(ctx, t.cfg.FireAgain)
	defer cancel()
	if err := s.Fire(call, due.ID, due.At); err != nil {
		return fmt.Errorf("fire tick %s: %w", due.At.Format(time.RFC3339), err)
	}
	due.Fired, due.NextAt = true, time.Time{}
	return unlessRaced(t.ticks.Replace(ctx, due))
}

// insert adds the row and reports whether nobody had before.
func (t *Ticker) insert(ctx context.Context, row *tick) (bool, error) {
	row.ID = row.Name + "@" + row.At.UTC().Format("20060102T150405Z")
	err := t.ticks.Insert(ctx, row)
	if errors.Is(err, store.ErrDuplicate) {
		return false, nil
	}
	return err == nil, err
}

// last returns the newest tick of the schedule that is not to come, or nil. Those
// to come, which a ticker whose clock was ahead has fired, are not fired again.
func (t *Ticker) last(ctx context.Context, name string, at time.Time) (*tick, error) {
	page, err := t.ticks.Find(ctx, store.Query{Index: "at", Equal: []any{name}, To: nanos(at) + 1, Descending: true, Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	return page.Items[0], nil
}

// forget deletes old ticks, a page at a time.
func (t *Ticker) forget(ctx context.Context, name string, at time.Time) error {
	page, err := t.ticks.Find(ctx, store.Query{Index: "at", Equal: []any{name}, To: nanos(at.Add(-t.cfg.KeepTicks))})
	if err != nil {
		return err
	}
	for _, row := range page.Items {
		if err := t.ticks.Delete(ctx, row.ID, row.Revision); unlessRaced(err) != nil {
			return err
		}
	}
	return nil
}
