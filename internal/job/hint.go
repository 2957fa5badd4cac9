package job

import (
	"context"
	"sync"
	"time"
)

// hints tell workers to look at a record now. Nobody waits for them: what counts
// is the record, and a worker that gets none looks a second later. So a queue
// that hangs does not hold up who asked for the job to stop.
type hints struct {
	queue    Queue
	timeout  time.Duration // of one
	observer Observer

	mu      sync.Mutex
	waiting []*Job
	sending int
}

const (
	hintSenders = 8      // hints that are under way together
	mostHints   = 20_000 // that wait; twice as many as a job has children
)

func newHints(queue Queue, timeout time.Duration, observer Observer) *hints {
	return &hints{queue: queue, timeout: timeout, observer: observer}
}

// tell sends the hint soon, and returns at once.
func (h *hints) tell(ctx context.Context, j *Job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) >= mostHints {
		return // those before it take longer than its worker's own look
	}
	h.waiting = append(h.waiting, j.copy()) // the job belongs to who asked
	if h.sending < hintSenders {
		h.sending++
		go h.send(context.WithoutCancel(ctx))
	}
}

// send sends until none waits. Behind one that the queue did not take the others
// would wait for the same.
func (h *hints) send(ctx context.Context) {
	for j := h.next(); j != nil; j = h.next() {
		call, cancel := context.WithTimeout(ctx, h.timeout)
		err := h.queue.HintCancel(call, j.Delivery())
		cancel()
		if err != nil {
			h.drop()
			h.observer.Trouble(ctx, "hint_cancel", j, err)
		}
	}
}

func (h *hints) next() *Job {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) == 0 {
		h.sending--
		return nil
	}
	j := h.waiting[0]
	h.waiting = h.waiting[1:]
	return j
}

func (h *hints) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = nil
}
