package batch

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrClosed means that the queue takes nothing any more.
var ErrClosed = errors.New("batch: closed")

// Limit bounds one group. A single item may pass it alone.
type Limit struct {
	Items int // at least 1
	Size  int // in the unit of the items' sizes
	// Wait is how long a group waits at most until it has as many items as those
	// before it had, which is worth it where a group costs much more than an
	// item. A caller that is alone does not wait; 0 is no waiting.
	Wait time.Duration
}

// company is how many items are worth waiting for.
const company = 4

// Queue hands items to its workers in groups.
type Queue[T any] struct {
	run   func([]T)
	limit Limit

	mu      sync.Mutex
	arrived *sync.Cond    // items, or closed
	hurry   chan struct{} // a group is full, or closed
	peak    int           // items that the next group may have, judging by the last ones
	left    *sync.Cond    // fewer items
	items   []sized[T]
	size    int
	closed  bool
	workers sync.WaitGroup
}

type sized[T any] struct {
	item T
	size int
}

// New starts workers that call run with a group of items, in the order of their
// arrival. Every item that Add accepted is handed to run once.
func New[T any](workers int, limit Limit, run func(group []T)) *Queue[T] {
	q := &Queue[T]{run: run, limit: limit, hurry: make(chan struct{}, 1)}
	q.arrived, q.left = sync.NewCond(&q.mu), sync.NewCond(&q.mu)
	for range workers {
		q.workers.Go(q.work)
	}
	return q
}

// Add puts the item into the queue. While the queue holds two full groups it
// waits, until the context ends.
func (q *Queue[T]) Add(ctx context.Context, item T, size int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full() && !q.closed {
		stop := context.AfterFunc(ctx, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.left.Broadcast()
		})
		defer stop()
		for q.full() && !q.closed {
			if err := ctx.Err(); err != nil {
				return err
			}
			q.left.Wait()
		}
	}
	if q.closed {
		return ErrClosed
	}
	q.items = append(q.items, sized[T]{item, size})
	q.size += size
	q.arrived.Signal()
	if len(q.items) >= q.peak || q.filled() {
		q.hasten()
	}
	return nil
}

func (q *Queue[T]) full() bool {
	return len(q.items) >= 2*q.limit.Items || q.size >= 2*q.limit.Size
}

// filled reports whether the items make a full group.
func (q *Queue[T]) filled() bool {
	return len(q.items) >= q.limit.Items || q.size >= q.limit.Size
}

// hasten ends the wait of a worker.
func (q *Queue[T]) hasten() {
	select {
	case q.hurry <- struct{}{}:
	default:
	}
}

// Len returns how many items wait for a worker.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// Close refuses further items and waits until the accepted ones were run or the
// context ends.
func (q *Queue[T]) Close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	q.hasten()
	q.arrived.Broadcast()
	q.left.Broadcast()
	q.mu.Unlock()
	done := make(chan struct{})
	go func() {
		q.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *Queue[T]) work() {
	for {
		group := q.next()
		if group == nil {
			return
		}
		q.run(group)
	}
}

// next waits for items and takes as many as the limit allows, at least one. It
// returns nil when the queue is closed and empty.
func (q *Queue[T]) next() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	waited := false
	for len(q.items) == 0 || !waited && q.expects() {
		switch {
		case len(q.items) > 0:
			q.await()
			waited = true
		case q.closed:
			return nil
		default:
			q.arrived.Wait()
		}
	}
	group := q.take(q.limit.Items)
	q.peak = max(len(group), q.peak-(q.peak+3)/4)
	return group
}

// More returns items that have come since the group was handed to run, which has
// so many by now, as soon as there are some. It returns nil when enough reports
// true, when the group is full or the queue is closed. It is for a worker that
// has to wait for something anyway; whoever changes what enough reports calls
// Wake.
func (q *Queue[T]) More(group int, enough func() bool) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	for group < q.limit.Items && !enough() {
		if len(q.items) > 0 {
			more := q.take(q.limit.Items - group)
			q.peak = max(q.peak, group+len(more))
			return more
		}
		if q.closed {
			return nil
		}
		q.arrived.Wait()
	}
	return nil
}

// Wake makes More look again whether it is enough.
func (q *Queue[T]) Wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.arrived.Broadcast()
}

// take removes as many items as the limit allows, at most so many. Who calls it
// holds q.mu.
func (q *Queue[T]) take(most int) []T {
	size, n := 0, 0
	for n < len(q.items) && n < most {
		if n > 0 && size+q.items[n].size > q.limit.Size {
			break
		}
		size += q.items[n].size
		n++
	}
	group := make([]T, n)
	for i := range group {
		group[i] = q.items[i].item
	}
	rest := copy(q.items, q.items[n:])
	clear(q.items[rest:])
	q.items = q.items[:rest]
	q.size -= size
	q.left.Broadcast()
	return group
}

// expects reports whether it is worth to wait for more items.
func (q *Queue[T]) expects() bool {
	return q.limit.Wait > 0 && q.peak >= company && len(q.items) < q.peak && !q.closed && !q.filled()
}

// await lets others add items, for the time of the limit at most.
func (q *Queue[T]) await() {
	select {
	case <-q.hurry: // it was meant for an earlier group
	default:
	}
	q.mu.Unlock()
	defer q.mu.Lock()
	timer := time.NewTimer(q.limit.Wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.hurry:
	}
}
