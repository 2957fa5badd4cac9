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

const (
	maxPools = 1000 // that one pass looks at
	lotSize  = 64   // jobs that are marked by one call
)

// Dispatched is what one pass has done for one pool.
type Dispatched struct {
	Pool    string
	Jobs    int     // handed over
	Room    int     // for how many more the queue had room
	Tenants int     // with jobs that wait
	Error   float64 // by how many jobs a tenant's part differs from its share, at most
}

// refusal is a queue that answers and takes nothing, as Redis does when its disk
// is full. Every attempt costs the jobs an epoch and two writes, so it is made
// with one job and at growing intervals.
type refusal struct {
	err   error // nil while the queue takes jobs
	pause time.Duration
	until time.Time
}

const (
	firstRefusalPause = time.Second
	lastRefusalPause  = 30 * time.Second
)

func (r *refusal) record(err error, now time.Time) {
	if fault.CodeOf(err) != queueUnavailable {
		*r = refusal{}
		return
	}
	r.err = err
	r.pause = min(max(2*r.pause, firstRefusalPause), lastRefusalPause)
	r.until = now.Add(r.pause)
}

// Relay hands pending jobs to the queue, as many as every pool has room for, in
// turns between tenants by their weights and within a tenant by priority and
// age. It returns how many; when the queue does not answer it leaves them as
// they are and says so. After the queue refused jobs it tries a single one
// again, at most every 30 s.
func (k *Keeper) Relay(ctx context.Context) (int, error) {
	n, _, err := k.relay(ctx)
	return n, err
}

// relay also returns what the jobs wait for that are left.
func (k *Keeper) relay(ctx context.Context) (handed int, left waiting, err error) {
	k.relaying.Lock()
	defer k.relaying.Unlock()
	if k.refused.err != nil && k.cfg.Now().Before(k.refused.until) {
		return 0, nothingWaits, k.refused.err
	}
	if _, err := k.lines.wake(ctx, stamp(k.cfg.Now), k.cfg.Page, k.cfg.Limit); err != nil {
		return 0, nothingWaits, fmt.Errorf("relay: %w", err)
	}
	var errs []error
	pool := ""
	for range maxPools {
		next, err := k.lines.nextPool(ctx, pool)
		if err != nil || next == nil {
			errs = append(errs, err)
			break
		}
		pool = next.Pool
		n, more, err := k.relayPool(ctx, next)
		handed, left = handed+n, max(left, more)
		if err != nil {
			errs = append(errs, err)
			if fault.CodeOf(err) == queueUnavailable {
				break
			}
		}
	}
	if err = errors.Join(errs...); err != nil {
		err = fmt.Errorf("relay: %w", err)
	}
	return handed, left, err
}

// relayPool hands over what the pool of the job has room for, which is the first
// that waits in it.
func (k *Keeper) relayPool(ctx context.Context, head *Job) (handed int, left waiting, err error) {
	pool := head.Pool
	room, err := k.rooms.left(ctx, pool)
	if err != nil {
		return 0, nothingWaits, err
	}
	rule, err := k.rules.queue(ctx, pool)
	if err != nil || rule.paused {
		return 0, nothingWaits, err
	}
	if k.refused.err != nil {
		room = min(room, 1)
	}
	d := Dispatched{Pool: pool, Room: room}
	if room == 0 {
		k.cfg.Dispatched(d)
		return 0, waitsForSlot, nil
	}
	c := &choice{Keeper: k, pool: pool, head: head, rule: rule, room: min(room, k.cfg.Limit), now: stamp(k.cfg.Now), shares: k.shares[pool]}
	if c.shares == nil {
		c.shares = newShares()
		k.shares[pool] = c.shares
	}
	if err := c.find(ctx); err != nil {
		return 0, nothingWaits, err
	}
	if err := c.choose(ctx); err != nil {
		return 0, nothingWaits, err
	}
	c.goRound()
	chosen := len(c.chosen)
	d.Jobs, err = c.handOver(ctx)
	d.Tenants, d.Error = len(c.contenders), c.shares.err()
	k.cfg.Dispatched(d)
	return d.Jobs, c.left(chosen), err
}

// left returns what is waited for by those who are left. Whoever could have had
// nothing has to wait until some job of its own, or of its kind, ends; but for
// whom time alone helps.
func (c *choice) left(chosen int) waiting {
	timed := func(t *contender) bool { return t.rule.rate > 0 }
	switch {
	case len(c.contenders) == 0 && !c.crowded:
		return nothingWaits
	case chosen == 0 && !c.crowded && !slices.ContainsFunc(c.contenders, timed):
		return waitsForSlot
	default:
		return waitsForTurn
	}
}

// choice is the choice of the jobs of one pool that are handed over next.
type choice struct {
	*Keeper
	pool       string
	head       *Job // the first that waits in it; nil when that has been looked at
	rule       rule
	room       int
	now        time.Time
	shares     *shares
	quota      *quota // of the pool
	contenders []*contender
	crowded    bool   // more tenants wait than are looked at
	last       string // the last of those that were
	chosen     []*Job
}

// contender is a tenant with jobs in the pool that wait for their turn.
type contender struct {
	tenant string
	rule   rule
	quota  *quota
	kinds  []*kindLine
}

// kindLine is the line of a tenant's jobs of one kind.
type kindLine struct {
	kind  string
	query store.Query
	first string // the job that was found with the line
	read  []*Job // that are ready
	more  bool   // there may be others
}

// find finds the tenants that wait, and the first job of each of their kinds.
func (c *choice) find(ctx context.Context) error {
	adopted, err := c.lines.adopt(ctx, c.pool, c.cfg.Page, c.cfg.Limit)
	if err != nil {
		return fmt.Errorf("find the lines of pool %s: %w", c.pool, err)
	}
	after := c.rounds[c.pool]
	if adopted > 0 || after != "" {
		c.head = nil // another may be the first
	}
	err = c.step(ctx, after, "")
	if err == nil && after != "" && !c.crowded {
		err = c.step(ctx, "", after)
	}
	if err != nil {
		return fmt.Errorf("find the lines of pool %s: %w", c.pool, err)
	}
	// Whoever is paused, or waits for a time only, does not wait for a turn.
	waiting := c.contenders[:0]
	for _, t := range c.contenders {
		ready, err := c.anyReady(ctx, t)
		if err != nil {
			return err
		}
		if ready && !t.rule.paused {
			waiting = append(waiting, t)
		}
	}
	c.contenders = waiting
	c.shares.enter(c.contenders)
	return nil
}

// step steps from tenant to tenant, behind the first and up to the last that is
// named, and from kind to kind. It stops when enough have been found.
func (c *choice) step(ctx context.Context, behind, until string) error {
	var last *contender
	kind := ""
	for {
		var j *Job
		var err error
		switch {
		case c.head != nil:
			j, c.head = c.head, nil
		case last == nil:
			j, err = c.lines.nextTenant(ctx, c.pool, behind)
		default:
			j, err = c.lines.next(ctx, c.pool, last.tenant, kind)
		}
		if err != nil || j == nil || until != "" && j.Tenant > until {
			return err
		}
		if last == nil || j.Tenant != last.tenant {
			if c.crowded = len(c.contenders) == c.cfg.Contenders; c.crowded {
				return nil
			}
			r, err := c.rules.tenant(ctx, j.Tenant)
			if err != nil {
				return err
			}
			last = &contender{tenant: j.Tenant, rule: r}
			c.contenders, c.last = append(c.contenders, last), j.Tenant
		}
		kind = j.Kind
		l := &kindLine{more: true, kind: kind, query: store.Query{
			Index: indexTurn, Equal: []any{string(Pending), c.pool, j.Tenant, kind}, To: int64(notYet), Limit: min(c.cfg.Page, c.room),
		}}
		if j.ready(c.now) {
			l.first, l.read = j.ID, []*Job{j}
		}
		last.kinds = append(last.kinds, l)
	}
}

// goRound notes where the next pass is to begin when not everybody was looked at:
// behind the last one that had a turn, or all of them if none had. So turns go
// round, and each tenant has its own.
func (c *choice) goRound() {
	if !c.crowded {
		delete(c.rounds, c.pool)
		return
	}
	had := map[string]bool{}
	for _, j := range c.chosen {
		had[j.Tenant] = true
	}
	for _, t := range slices.Backward(c.contenders) {
		if had[t.tenant] {
			c.rounds[c.pool] = t.tenant
			return
		}
	}
	c.rounds[c.pool] = c.last
}

func (c *choice) anyReady(ctx context.Context, t *contender) (bool, error) {
	for _, l := range t.kinds {
		if err := c.fill(ctx, l); err != nil {
			return false, err
		}
		if len(l.read) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// choose fills the room.
func (c *choice) choose(ctx context.Context) (err error) {
	if c.rule.limited() {
		if c.quota, err = c.ledger.open(ctx, queueRule+c.pool, c.rule, ofPool(c.pool)); err != nil {
			return err
		}
	}
	able := make([]*contender, 0, len(c.contenders))
	for _, t := range c.contenders {
		if t.rule.limited() {
			if t.quota, err = c.ledger.open(ctx, tenantRule+t.tenant, t.rule, ofTenant(t.tenant)); err != nil {
				return err
			}
		}
		able = append(able, t)
	}
	for len(c.chosen) < c.room && len(able) > 0 {
		t := c.shares.first(able)
		l, err := c.nextOf(ctx, t)
		if err != nil {
			return err
		}
		if l == nil {
			able = slices.DeleteFunc(able, func(a *contender) bool { return a == t })
			continue
		}
		j := l.read[0]
		l.read = l.read[1:]
		c.chosen = append(c.chosen, j)
		t.quota.take(j)
		c.quota.take(j)
		c.shares.charge(t, able)
	}
	return nil
}

// nextOf returns the line of the tenant's next job, nil when none of its jobs
// can be handed over now.
func (c *choice) nextOf(ctx context.Context, t *contender) (*kindLine, error) {
	var next *kindLine
	for _, l := range t.kinds {
		if !t.quota.allows(l.kind) || !c.quota.allows(l.kind) {
			continue
		}
		if err := c.fill(ctx, l); err != nil {
			return nil, err
		}
		if len(l.read) > 0 && (next == nil || l.read[0].before(next.read[0])) {
			next = l
		}
	}
	return next, nil
}

func (j *Job) before(other *Job) bool {
	a, b := j.turn(), other.turn()
	return a < b || a == b && j.ID < other.ID
}

// fill reads on in the line when nothing that was read is left. A job that is
// not ready stands there only if a program wrote it that knew of no turns: it is
// written again, and so leaves the line.
func (c *choice) fill(ctx context.Context, l *kindLine) error {
	for len(l.read) == 0 && l.more {
		page, err := c.jobs.Find(ctx, l.query)
		if err != nil {
			return fmt.Errorf("read the line of pool %s: %w", c.pool, err)
		}
		l.more, l.query.Cursor = page.Next != "", page.Next
		for _, j := range page.Items {
			switch {
			case j.ID == l.first: // it was found with the line
			case j.ready(c.now):
				l.read = append(l.read, j)
			default:
				if err := unlessRaced(c.jobs.Replace(ctx, j)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// handOver hands over what was chosen and may be. What another dispatcher was
// faster with waits for the next pass.
func (c *choice) handOver(ctx context.Context) (int, error) {
	for _, t := range c.contenders {
		held, err := c.ledger.reserve(ctx, t.quota)
		if err != nil {
			return 0, err
		}
		if !held {
			c.chosen = slices.DeleteFunc(c.chosen, func(j *Job) bool { return j.Tenant == t.tenant })
		}
	}
	held, err := c.ledger.reserve(ctx, c.quota)
	if err != nil {
		return 0, err
	}
	if !held {
		c.chosen = slices.DeleteFunc(c.chosen, func(j *Job) bool { return c.rule.counted(j.Kind) })
	}
	handed, err := c.hand(ctx)
	if err != nil {
		return handed, err
	}
	c.ledger.settle(c.quota)
	for _, t := range c.contenders {
		c.ledger.settle(t.quota)
	}
	return handed, nil
}

// hand marks what was chosen, some at a time, and enqueues each lot while the
// next one is being marked: the first jobs need not wait for the last ones.
func (c *choice) hand(ctx context.Context) (handed int, err error) {
	lots, refused := make(chan []*Job, 1), make(chan error, 1)
	go func() {
		defer close(refused)
		for lot := range lots {
			err := c.dispatch.enqueue(ctx, lot...)
			c.refused.record(err, c.cfg.Now())
			if err != nil {
				refused <- err
				for lot := range lots { // what is marked already goes back to the line
					_ = c.dispatch.putBack(ctx, lot...)
				}
				return
			}
			handed += len(lot)
		}
	}()
	for some := range slices.Chunk(c.chosen, min(c.cfg.Page, lotSize)) {
		marked, failed := c.dispatch.mark(ctx, "", some...)
		if len(marked) > 0 {
			lots <- marked
		}
		if err = failed; err != nil || len(refused) > 0 {
			break
		}
	}
	close(lots)
	for e := range refused {
		err = errors.Join(err, e)
	}
	return handed, err
}
