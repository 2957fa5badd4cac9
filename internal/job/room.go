package job

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

const (
	reserveFor  = 40 * time.Millisecond  // of work, at least, stands ready beside what the slots hold
	mostReserve = 500 * time.Millisecond // and at most, where looks at the queue are slow to come
	slotsAge    = time.Second            // for which the workers that were found count
	workerFresh = 30 * time.Second       // the age of a heartbeat from which on a worker gets no more jobs
	rateOver    = 500 * time.Millisecond // the time over which the rate of ends is taken
)

// rooms knows how many jobs more the queue should hold. A pool has room for as
// many as its workers have slots, and for what they do in a moment beside: the
// queue is first come, first served, so whatever it holds beyond that is ahead
// of a tenant that has its turn next. It is safe for concurrent use.
type rooms struct {
	jobs    *table
	workers *workerTable
	queue   Queue
	now     func() time.Time
	timeout time.Duration // of one call to the queue
	age     time.Duration // for which a measure holds
	blind   int           // room of a pool whose workers are not known

	mu      sync.Mutex
	pools   map[string]*room
	slots   map[string]int
	slotsAt time.Time
}

// room is what is known of one pool.
type room struct {
	mu    sync.Mutex
	at    time.Time
	err   error   // of the last measure
	most  int     // jobs that the queue should hold
	held  int     // that it does hold, or was given since
	ended int64   // as the queue counts
	rate  float64 // of ends, in a second
}

func (r *rooms) of(pool string) *room {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pools == nil {
		r.pools = map[string]*room{}
	}
	p := r.pools[pool]
	if p == nil {
		p = &room{}
		r.pools[pool] = p
	}
	return p
}

// take reports whether there is room for one more job, and counts it as handed
// over.
func (r *rooms) take(ctx context.Context, pool string) (bool, error) {
	p := r.of(pool)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := r.measure(ctx, pool, p); err != nil || p.held >= p.most {
		return false, err
	}
	p.held++
	return true, nil
}

// give takes back that a job was counted.
func (r *rooms) give(pool string) {
	p := r.of(pool)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held--
}

// left returns how many jobs may be handed over.
func (r *rooms) left(ctx context.Context, pool string) (int, error) {
	p := r.of(pool)
	p.mu.Lock()
	defer p.mu.Unlock()
	err := r.measure(ctx, pool, p)
	return max(p.most-p.held, 0), err
}

// measure looks again when the last look is too old. Who calls it holds p.mu.
func (r *rooms) measure(ctx context.Context, pool string, p *room) error {
	if age := r.now().Sub(p.at); !p.at.IsZero() && age >= 0 && age < r.age {
		return p.err
	}
	p.err = r.look(ctx, pool, p)
	p.at = r.now() // those who waited for it need not ask again
	return p.err
}

func (r *rooms) look(ctx context.Context, pool string, p *room) error {
	slots, err := r.slotsOf(ctx, pool)
	if err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	waiting, active, ended, err := r.queue.Backlog(call, pool)
	if err != nil {
		return fault.Unavailable(queueUnavailable, "the queue does not answer; jobs wait in the store").Because(err)
	}
	since := r.now().Sub(p.at)
	p.most = r.blind
	if slots > 0 {
		p.most = slots
	}
	p.learn(ended, since)
	reserve := min(max(2*since, reserveFor), mostReserve)
	p.most += int(p.rate * reserve.Seconds())
	p.held = int(waiting + active)
	recorded, err := r.recorded(ctx, pool, p.most)
	p.held = min(p.held, recorded)
	return err
}

// learn keeps the rate at which jobs end. It is taken over some time, so that
// some long jobs that end together do not look like many short ones.
func (p *room) learn(ended int64, since time.Duration) {
	more := ended - p.ended
	first := p.at.IsZero() || since <= 0 || more < 0 // nothing to compare with, or the queue was emptied
	p.ended = ended
	if first {
		p.rate = 0
		return
	}
	fresh := 1 - math.Exp(-since.Seconds()/rateOver.Seconds())
	p.rate += fresh * (float64(more)/since.Seconds() - p.rate)
}

// recorded counts the jobs that are with the queue or a worker by the records,
// up to most. The queue may know fewer, when it was flushed, or more: what a
// dead worker held stands there for minutes, though it was handed over again.
func (r *rooms) recorded(ctx context.Context, pool string, most int) (int, error) {
	total := 0
	for _, state := range []State{Queued, Running} {
		n, err := r.jobs.Count(ctx, store.Query{Index: indexLine, Equal: []any{string(state), pool}}, int64(most)+1)
		if err != nil {
			return 0, fmt.Errorf("count jobs of pool %s: %w", pool, err)
		}
		total += int(n)
	}
	return total, nil
}

// slotsOf returns how many slots the live workers of the pool have.
func (r *rooms) slotsOf(ctx context.Context, pool string) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.now()
	if age := at.Sub(r.slotsAt); r.slots == nil || age < 0 || age >= slotsAge {
		_, slots, err := r.liveWorkers(ctx)
		if err != nil {
			return 0, err
		}
		r.slots, r.slotsAt = slots, at
	}
	return r.slots[pool], nil
}

// liveWorkers returns how many workers every pool has, and how many slots they
// have together.
func (r *rooms) liveWorkers(ctx context.Context) (workers, slots map[string]int, err error) {
	page, err := r.workers.Find(ctx, store.Query{
		Index: "state", Equal: []any{WorkerAlive}, From: nanos(r.now().Add(-workerFresh)), Limit: store.MaxLimit,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("find workers: %w", err)
	}
	workers, slots = map[string]int{}, map[string]int{}
	for _, w := range page.Items {
		for pool, n := range w.Pools {
			workers[pool]++
			slots[pool] += n
		}
	}
	return workers, slots, nil
}
