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
// one pool and kind to the next by the index. Pools and kinds that had open jobs
// at an earlier count and have none now are there with zeros.
func (k *Keeper) Stats(ctx context.Context) (Stats, error) {
	k.counting.Lock()
	defer k.counting.Unlock()
	s := Stats{Running: map[string]int64{}, Waiting: map[string]Waiting{}}
	for kind := range k.counted.Running {
		s.Running[kind] = 0
	}
	for pool := range k.counted.Waiting {
		s.Waiting[pool] = Waiting{}
	}
	at := stamp(k.cfg.Now)
	for _, state := range []State{Running, Queued, Pending, Awaiting} {
		pool, kind := "", ""
		for range statsPairs {
			next, err := k.nextLine(ctx, state, pool, kind)
			if err != nil {
				return s, err
			}
			if next == nil {
				break
			}
			pool, kind = next.Pool, next.Kind
			n, err := k.jobs.Count(ctx, store.Query{Index: indexLine, Equal: []any{string(state), pool, kind}}, statsLimit)
			if err != nil {
				return s, err
			}
			s.add(next, n, at)
		}
	}
	k.counted = s
	return s, nil
}

// nextLine returns the first job in the state of the pool and kind after the ones
// given.
func (k *Keeper) nextLine(ctx context.Context, state State, pool, kind string) (*Job, error) {
	queries := []store.Query{
		{Index: indexLine, Equal: []any{string(state), pool}, From: kind + "\x00", Limit: 1},
		{Index: indexLine, Equal: []any{string(state)}, From: pool + "\x00", Limit: 1},
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

// add counts n jobs in the state, of the pool and of the kind of the first of
// them.
func (s Stats) add(first *Job, n int64, at time.Time) {
	w, running := s.Waiting[first.Pool], int64(0)
	switch first.State {
	case Running:
		running = n
	case Awaiting:
		w.Awaiting += n
	case Queued:
		w.Queued += n
	default:
		w.Pending += n
	}
	s.Running[first.Kind] += running
	if since := first.waits(); first.State != Running && first.State != Awaiting && !since.After(at) && (w.Oldest.IsZero() || since.Before(w.Oldest)) {
		w.Oldest = since
	}
	s.Waiting[first.Pool] = w
}
