package job

import (
	"context"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// Stats is how many jobs there are, for gauges.
type Stats struct {
	Running map[string]int64   // by kind
	Waiting map[string]Waiting // by pool
}

// Waiting is the line of one pool.
type Waiting struct {
	Awaiting int64     // for other jobs: their children, or those they come after
	Pending  int64     // in the store, including those that wait for a later attempt
	Queued   int64     // with the queue
	Oldest   time.Time // since when the first of those whose time has come waits; zero when none does
}

const (
	statsLimit = 100_000 // more are counted as so many
	statsPairs = 1000    // pools and kinds
)

// Stats counts jobs. It reads no job but the oldest of each line: it steps from
// one pool and kind to the next by the index.
func (k *Keeper) Stats(ctx context.Context) (Stats, error) {
	s := Stats{Running: map[string]int64{}, Waiting: map[string]Waiting{}}
	at := stamp(k.cfg.Now)
	pool, kind := "", ""
	for range statsPairs {
		next, err := k.nextLine(ctx, pool, kind)
		if err != nil || next == nil {
			return s, err
		}
		pool, kind = next.Pool, next.Kind
		if err := k.count(ctx, s, pool, kind, at); err != nil {
			return s, err
		}
	}
	return s, nil
}

// nextLine returns a job of the pool and kind after the ones given.
func (k *Keeper) nextLine(ctx context.Context, pool, kind string) (*Job, error) {
	queries := []store.Query{
		{Index: indexLine, Equal: []any{pool}, From: kind + "\x00", Limit: 1},
		{Index: indexLine, From: pool + "\x00", Limit: 1},
	}
	for _, q := range queries {
		page, err := k.jobs.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		if len(page.Items) > 0 {
			return page.Items[0], nil
		}
	}
	return nil, nil
}

func (k *Keeper) count(ctx context.Context, s Stats, pool, kind string, at time.Time) error {
	w := s.Waiting[pool]
	counts := map[State]int64{}
	for _, state := range []State{Running, Queued, Pending, Awaiting} {
		n, err := k.jobs.Count(ctx, store.Query{Index: indexLine, Equal: []any{pool, kind, string(state)}}, statsLimit)
		if err != nil {
			return err
		}
		counts[state] = n
		if n == 0 || state == Running || state == Awaiting {
			continue
		}
		page, err := k.jobs.Find(ctx, store.Query{Index: indexLine, Equal: []any{pool, kind, string(state)}, Limit: 1})
		if err != nil {
			return err
		}
		for _, j := range page.Items {
			if since := j.waits(); !since.After(at) && (w.Oldest.IsZero() || since.Before(w.Oldest)) {
				w.Oldest = since
			}
		}
	}
	s.Running[kind] += counts[Running]
	w.Awaiting += counts[Awaiting]
	w.Queued += counts[Queued]
	w.Pending += counts[Pending]
	s.Waiting[pool] = w
	return nil
}
