package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// rulesAge is for how long a process follows what it has read of the policies:
// within that time it notices that one was changed.
const rulesAge = 200 * time.Millisecond

// maxRules bounds the policies that a process remembers.
const maxRules = 10_000

// rules are the policies as a process follows them.
type rules struct {
	tenants  *tenantPolicyTable
	queues   *queuePolicyTable
	defaults TenantDefaults
	now      func() time.Time

	mu   sync.Mutex
	seen map[string]*seenRule // by "tenant:" or "queue:" and the name
}

// seenRule is what was read of a policy. Who holds its turn may read it again;
// the others wait for that rather than to read the same.
type seenRule struct {
	turn chan struct{}
	rule rule
	at   time.Time // zero: nothing was read yet
}

// rule is what a policy comes to: 0 is no limit.
type rule struct {
	paused  bool
	weight  int
	running int
	kinds   map[string]int
	rate    int
	waiting int
}

func newRules(driver store.Driver, defaults TenantDefaults, now func() time.Time) *rules {
	return &rules{
		tenants:  store.NewTable[TenantPolicy](driver, tenantPolicyCollection()),
		queues:   store.NewTable[QueuePolicy](driver, queuePolicyCollection()),
		defaults: defaults, now: now, seen: map[string]*seenRule{},
	}
}

// counted reports whether jobs of the kind may be handed over only after they
// were counted.
func (r rule) counted(kind string) bool { return r.running > 0 || r.rate > 0 || r.kinds[kind] > 0 }

// limited reports whether there is any limit on what is handed over.
func (r rule) limited() bool { return r.running > 0 || r.rate > 0 || len(r.kinds) > 0 }

// tenant returns the rule of the tenant. The system's own jobs have no limits.
func (r *rules) tenant(ctx context.Context, tenant string) (rule, error) {
	return r.look(ctx, tenantRule+tenant, func() (rule, error) {
		out := rule{weight: DefaultWeight}
		if tenantForm.MatchString(tenant) {
			out.running, out.rate, out.waiting = r.defaults.MaxRunning, r.defaults.RateLimit, r.defaults.MaxWaiting
		}
		p, err := r.tenants.Get(ctx, tenant)
		if errors.Is(err, store.ErrNotFound) {
			return out, nil
		}
		if err != nil {
			return rule{}, fmt.Errorf("policy of tenant %s: %w", tenant, err)
		}
		out.paused, out.weight, out.kinds = p.Paused, max(p.Weight, DefaultWeight), p.KindLimits
		for at, set := range map[*int]*int{&out.running: p.MaxRunning, &out.rate: p.RateLimit, &out.waiting: p.MaxWaiting} {
			if set != nil {
				*at = *set
			}
		}
		return out, nil
	})
}

// queue returns the rule of the pool.
func (r *rules) queue(ctx context.Context, pool string) (rule, error) {
	return r.look(ctx, queueRule+pool, func() (rule, error) {
		p, err := r.queues.Get(ctx, pool)
		if errors.Is(err, store.ErrNotFound) {
			return rule{}, nil
		}
		if err != nil {
			return rule{}, fmt.Errorf("policy of queue %s: %w", pool, err)
		}
		return rule{paused: p.Paused, kinds: p.KindLimits}, nil
	})
}

// The parts of names that tell whose rule, or whose places, they are.
const (
	tenantRule = "tenant:"
	queueRule  = "queue:"
)

func (r *rules) look(ctx context.Context, name string, read func() (rule, error)) (rule, error) {
	known := r.of(name)
	select {
	case known.turn <- struct{}{}:
		defer func() { <-known.turn }()
	case <-ctx.Done():
		return rule{}, fmt.Errorf("policy of %s: %w", name, ctx.Err())
	}
	at := r.now()
	if !known.at.IsZero() && at.Sub(known.at).Abs() < rulesAge {
		return known.rule, nil
	}
	fresh, err := read()
	if err != nil {
		return rule{}, err
	}
	known.rule, known.at = fresh, at
	return fresh, nil
}

func (r *rules) of(name string) *seenRule {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.seen[name]
	if known == nil {
		if len(r.seen) >= maxRules {
			clear(r.seen)
		}
		known = &seenRule{turn: make(chan struct{}, 1)}
		r.seen[name] = known
	}
	return known
}

// forget makes the next look read the policies again.
func (r *rules) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.seen)
}

// paused says what keeps jobs of the tenant and the pool from being started,
// if anything does.
func (r *rules) paused(ctx context.Context, pool, tenant string) (reason string, err error) {
	q, err := r.queue(ctx, pool)
	if err != nil || q.paused {
		return reasonQueuePaused, err
	}
	t, err := r.tenant(ctx, tenant)
	if err != nil || t.paused {
		return reasonTenantPaused, err
	}
	return "", nil
}

// The reasons for which a job that was handed over is put back.
const (
	reasonQueuePaused  = "queue_paused"
	reasonTenantPaused = "tenant_paused"
)

// open reports whether a job of the kind may be handed over without asking the
// dispatcher: nothing is paused, and nothing has to be counted.
func (r *rules) open(ctx context.Context, pool, tenant, kind string) (bool, error) {
	if reason, err := r.paused(ctx, pool, tenant); err != nil || reason != "" {
		return false, err
	}
	q, err := r.queue(ctx, pool)
	if err != nil {
		return false, err
	}
	t, err := r.tenant(ctx, tenant)
	return err == nil && !q.counted(kind) && !t.counted(kind), err
}
