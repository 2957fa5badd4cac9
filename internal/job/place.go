package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// places is the record by which dispatchers agree on who may hand over the jobs
// of a tenant, or of a pool, that has limits. Only who replaces it at the
// revision that stood before the jobs were counted may hand them over; so a
// limit holds even while two of them believe that they lead.
type places struct {
	store.Meta
	Granted []grant   `json:"granted,omitempty"` // to the last hand-over
	NextAt  time.Time `json:"next_at,omitzero"`  // of the rate: when the next job is due if all come evenly
}

// grant is a job that may be handed over at the revision.
type grant struct {
	Job      string `json:"job"`
	Revision int64  `json:"revision"`
}

type placeTable = store.Table[places, *places]

func placeCollection() store.Collection { return store.Collection{Name: "places"} }

// Keys implements store.Entity.
func (p *places) Keys() map[string]any { return map[string]any{} }

// ledger counts the jobs of limited tenants and pools.
type ledger struct {
	jobs    *table
	places  *placeTable
	now     func() time.Time
	settled map[string]int64 // revision of places whose grants are known to be used, by identifier
}

func newLedger(cfg KeeperConfig, jobs *table) *ledger {
	return &ledger{
		jobs: jobs, now: cfg.Now, settled: map[string]int64{},
		places: store.NewTable[places](cfg.Driver, placeCollection()),
	}
}

// quota is what may still be handed over of a tenant or a pool. A nil one is
// without end.
type quota struct {
	places  *places
	rule    rule
	now     time.Time
	running int            // places left, of all kinds
	kinds   map[string]int // and of those that are limited
	granted []grant
}

// count says how many jobs, of the kind if one is named, are in the state.
type count func(state State, kind string) store.Query

func ofTenant(tenant string) count {
	return func(state State, kind string) store.Query {
		if kind == "" {
			return store.Query{Index: indexHeld, Equal: []any{tenant, string(state)}}
		}
		return store.Query{Index: indexHeld, Equal: []any{tenant, string(state), kind}}
	}
}

func ofPool(pool string) count {
	return func(state State, kind string) store.Query {
		return store.Query{Index: indexLine, Equal: []any{string(state), pool, kind}}
	}
}

// open reads the places and then counts. What an earlier dispatcher was granted
// and has not used is made void first, so that nothing is handed over that was
// not counted.
func (l *ledger) open(ctx context.Context, name string, r rule, of count) (*quota, error) {
	p, err := l.places.Get(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		p, err = &places{Meta: store.Meta{ID: name}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("places of %s: %w", name, err)
	}
	if l.settled[name] != p.Revision {
		for _, g := range p.Granted {
			if err := l.void(ctx, g); err != nil {
				return nil, fmt.Errorf("places of %s: %w", name, err)
			}
		}
	}
	b := &quota{places: p, rule: r, now: stamp(l.now), kinds: map[string]int{}}
	b.settle()
	if r.running > 0 {
		if b.running, err = l.left(ctx, r.running, "", of); err != nil {
			return nil, fmt.Errorf("places of %s: %w", name, err)
		}
	}
	for kind, most := range r.kinds {
		if b.kinds[kind], err = l.left(ctx, most, kind, of); err != nil {
			return nil, fmt.Errorf("places of %s: %w", name, err)
		}
	}
	return b, nil
}

// void makes sure that nobody hands over the job at the revision any more: it
// has another one now, or gets one.
func (l *ledger) void(ctx context.Context, g grant) error {
	j, err := l.jobs.Get(ctx, g.Job)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if j.Revision != g.Revision {
		return nil
	}
	return unlessRaced(l.jobs.Replace(ctx, j))
}

// left counts what is queued before what runs: a job that goes from one to the
// other meanwhile is counted twice rather than not at all.
func (l *ledger) left(ctx context.Context, most int, kind string, of count) (int, error) {
	left := most
	for _, state := range []State{Queued, Running} {
		n, err := l.jobs.Count(ctx, of(state, kind), int64(most))
		if err != nil {
			return 0, err
		}
		left -= int(n)
	}
	return max(left, 0), nil
}

// allows reports whether a job of the kind may be handed over.
func (b *quota) allows(kind string) bool {
	if b == nil {
		return true
	}
	if _, limited := b.rule.kinds[kind]; limited && b.kinds[kind] == 0 {
		return false
	}
	return (b.rule.running == 0 || b.running > 0) && (b.rule.rate == 0 || b.due())
}

// interval is what lies between two jobs that come evenly.
func (r rule) interval() time.Duration { return time.Minute / time.Duration(r.rate) }

// burst is how many jobs the rate allows together: as many as come in a second,
// and at least one.
func (r rule) burst() int { return max(r.rate/60, 1) }

// due reports whether the rate allows another job.
func (b *quota) due() bool {
	ahead := b.places.NextAt.Sub(b.now)
	return ahead <= time.Duration(b.rule.burst()-1)*b.rule.interval()
}

// settle forgets what no job of this rate can have caused: that the clock of an
// earlier dispatcher was ahead, or that the rate was a lower one.
func (b *quota) settle() {
	if b.rule.rate == 0 {
		return
	}
	burst := b.rule.burst()
	if b.places.NextAt.After(b.now.Add(time.Duration(burst) * b.rule.interval())) {
		b.places.NextAt = b.now.Add(time.Duration(burst-1) * b.rule.interval())
	}
}

// take counts the job.
func (b *quota) take(j *Job) {
	if b == nil || !b.rule.counted(j.Kind) {
		return
	}
	b.granted = append(b.granted, grant{Job: j.ID, Revision: j.Revision})
	b.running--
	if _, limited := b.rule.kinds[j.Kind]; limited {
		b.kinds[j.Kind]--
	}
	if b.rule.rate > 0 {
		next := b.places.NextAt
		if next.Before(b.now) {
			next = b.now
		}
		b.places.NextAt = next.Add(b.rule.interval())
	}
}

// reserve writes the grants down. It reports whether they hold: not when another
// dispatcher was faster.
func (l *ledger) reserve(ctx context.Context, b *quota) (bool, error) {
	if b == nil || len(b.granted) == 0 {
		return true, nil
	}
	b.places.Granted = b.granted
	delete(l.settled, b.places.ID)
	write := l.places.Replace
	if b.places.Revision == 0 {
		write = l.places.Insert
	}
	err := write(ctx, b.places)
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrDuplicate) || errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reserve places of %s: %w", b.places.ID, err)
	}
	return true, nil
}

// settle takes note that every job of the grants was handed over, or found
// changed.
func (l *ledger) settle(b *quota) {
	if b != nil && len(b.granted) > 0 {
		l.settled[b.places.ID] = b.places.Revision
	}
}
