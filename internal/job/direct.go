package job

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

const (
	defaultBlind = 16
	roomAge      = 50 * time.Millisecond // for which a submission takes what the queue holds as known
	behindFor    = 25 * time.Millisecond // for which it takes as known that jobs of the tenant wait
)

// direct reports whether the job goes to the queue at once, without the
// dispatcher: when the queue answers and has room, nothing is paused, no limit
// has to be kept, and no job of the tenant waits for its turn in that pool.
func (s *Service) direct(ctx context.Context, j *Job) bool {
	if s.cfg.Now().UnixNano() < s.pause.Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.EnqueueTimeout)
	defer cancel()
	ok, err := s.rules.open(ctx, j.Pool, j.Tenant, j.Kind)
	if ok && err == nil {
		if ok, err = s.rooms.take(ctx, j.Pool); ok && err == nil {
			var waits bool
			if waits, err = s.waits(ctx, j); waits || err != nil {
				s.rooms.give(j.Pool)
				ok = false
			}
		}
	}
	if err != nil {
		s.leaveQueue(ctx, j, err)
	}
	return ok && err == nil
}

// waits reports whether a job of the tenant waits for its turn in the pool. That
// one does holds for a moment: in a flood not every submission has to look, and
// of those that come at the same time one looks for all.
func (s *Service) waits(ctx context.Context, j *Job) (bool, error) {
	b := s.behindOf(j.Pool + ":" + j.Tenant)
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return false, fmt.Errorf("look at the line of pool %s: %w", j.Pool, ctx.Err())
	}
	at := s.cfg.Now()
	if at.Before(b.until) && b.until.Sub(at) <= behindFor {
		return true, nil
	}
	waits, err := s.lines.anyReady(ctx, j.Pool, j.Tenant, at)
	if b.until = (time.Time{}); waits && err == nil {
		b.until = at.Add(behindFor)
	}
	return waits, err
}

// behind is until when jobs of a tenant are known to wait for their turn. It
// belongs to who holds its turn.
type behind struct {
	turn  chan struct{}
	until time.Time
}

func (s *Service) behindOf(line string) *behind {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.behind[line]
	if b == nil {
		if len(s.behind) >= maxTenants {
			clear(s.behind)
		}
		b = &behind{turn: make(chan struct{}, 1)}
		s.behind[line] = b
	}
	return b
}

// leaveQueue leaves the queue alone for a while, in which the dispatcher takes
// what is submitted.
func (s *Service) leaveQueue(ctx context.Context, j *Job, err error) {
	s.pause.Store(s.cfg.Now().Add(s.cfg.QueuePause).UnixNano())
	s.cfg.Observer.Trouble(ctx, "enqueue_job", j, err)
}

// enqueue hands a stored job over; if the queue does not answer the job waits
// for the dispatcher instead.
func (s *Service) enqueue(ctx context.Context, j *Job) {
	if err := s.dispatch.enqueue(ctx, j); err != nil {
		s.leaveQueue(ctx, j, err)
	}
}

// admit refuses the job when too many of its tenant's wait already.
func (s *Service) admit(ctx context.Context, j *Job) error {
	r, err := s.rules.tenant(ctx, j.Tenant)
	if err != nil {
		return storeFault(err)
	}
	if r.waiting == 0 {
		return nil
	}
	ok, err := s.crowd.admit(ctx, j.Tenant, r.waiting)
	if err != nil {
		return storeFault(err)
	}
	if !ok {
		return errCrowded(r.waiting)
	}
	return nil
}

func errCrowded(most int) error {
	return fault.New(fault.ClassExhausted, "too_many_waiting_jobs", "%d jobs of your tenant wait already, as many as may; submit more when some have been started, or cancel some.", most)
}

// CheckRoom refuses, as Submit does, while too many of the tenant's jobs wait: for
// whoever wants to know before it does what takes long. It takes no place.
func (s *Service) CheckRoom(ctx context.Context, tenant string) error {
	r, err := s.rules.tenant(ctx, tenant)
	if err != nil {
		return storeFault(err)
	}
	if r.waiting == 0 {
		return nil
	}
	room, err := s.crowd.room(ctx, tenant, r.waiting)
	if err != nil {
		return storeFault(err)
	}
	if !room {
		return errCrowded(r.waiting)
	}
	return nil
}

// replayed returns the job that stands under the key of one that was refused,
// if there is one: nothing is added then.
func (s *Service) replayed(ctx context.Context, j *Job, refused error) (*Job, bool, error) {
	found, err := s.existing(ctx, j)
	if err != nil {
		return nil, false, err
	}
	if found == nil {
		return nil, false, refused
	}
	s.cfg.Observer.Submitted(found, false)
	return found, false, nil
}

const (
	crowdAge   = 250 * time.Millisecond // for which a count holds, at least
	crowdShare = 20                     // a count that took long holds for so many times that
	maxTenants = 10_000                 // that are remembered
)

// crowd knows about how many jobs of each tenant wait. A count is as long as
// the line, so what comes in between is added to the last one.
type crowd struct {
	jobs *table
	now  func() time.Time

	mu      sync.Mutex
	tenants map[string]*headcount
}

type headcount struct {
	mu    sync.Mutex
	n     int
	until time.Time // it is counted again from then on
}

func (c *crowd) of(tenant string) *headcount {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenants == nil || len(c.tenants) >= maxTenants {
		c.tenants = map[string]*headcount{}
	}
	h := c.tenants[tenant]
	if h == nil {
		h = &headcount{}
		c.tenants[tenant] = h
	}
	return h
}

// admit reports whether fewer jobs than most wait, and counts one more if so.
func (c *crowd) admit(ctx context.Context, tenant string, most int) (bool, error) {
	h := c.of(tenant)
	h.mu.Lock()
	defer h.mu.Unlock()
	room, err := c.count(ctx, h, tenant, most)
	if room {
		h.n++
	}
	return room, err
}

// room reports whether fewer jobs than most wait.
func (c *crowd) room(ctx context.Context, tenant string, most int) (bool, error) {
	h := c.of(tenant)
	h.mu.Lock()
	defer h.mu.Unlock()
	return c.count(ctx, h, tenant, most)
}

// count counts again when it is time. The caller holds h.
func (c *crowd) count(ctx context.Context, h *headcount, tenant string, most int) (bool, error) {
	if began := c.now(); !began.Before(h.until) {
		n := 0
		for _, state := range []State{Pending, Awaiting} { // for their turn, and for other jobs
			some, err := c.jobs.Count(ctx, store.Query{Index: indexState, Equal: []any{tenant, string(state)}}, int64(most))
			if err != nil {
				return false, err
			}
			n += int(some)
		}
		took := c.now().Sub(began)
		h.n, h.until = n, began.Add(max(crowdAge, crowdShare*took))
	}
	return h.n < most, nil
}
