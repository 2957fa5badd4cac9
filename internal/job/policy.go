package job

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// The bounds of what operators may set.
const (
	DefaultWeight = 1
	MaxWeight     = 1000
	MaxPlaces     = 100_000     // of a limit on jobs at a time
	MaxRate       = 1_000_000   // of jobs a minute
	MaxWaitingCap = 100_000_000 // of jobs that wait
	maxKindLimits = 64
)

// TenantPolicy is what operators have set for one tenant. Its identifier is the
// tenant's name.
type TenantPolicy struct {
	store.Meta
	Weight     int            `json:"weight,omitempty"`      // of its share of every pool; 0: DefaultWeight
	MaxRunning *int           `json:"max_running,omitempty"` // jobs with the queue or a worker at a time; nil: the default, 0: no limit
	KindLimits map[string]int `json:"kind_limits,omitempty"` // the same for jobs of one kind
	RateLimit  *int           `json:"rate_limit,omitempty"`  // jobs handed over in a minute; nil: the default, 0: no limit
	MaxWaiting *int           `json:"max_waiting,omitempty"` // jobs that wait, above which submissions are refused; nil: the default, 0: no limit
	Paused     bool           `json:"paused,omitempty"`      // nothing of it is started
	UpdatedAt  time.Time      `json:"updated_at,omitzero"`   // zero: never set
	UpdatedBy  string         `json:"updated_by,omitempty"`  // the operator
}

// QueuePolicy is what operators have set for one pool. Its identifier is the
// pool's name.
type QueuePolicy struct {
	store.Meta
	KindLimits map[string]int `json:"kind_limits,omitempty"` // jobs of the kind with the queue or a worker at a time, of all tenants
	Paused     bool           `json:"paused,omitempty"`      // nothing of it is started
	UpdatedAt  time.Time      `json:"updated_at,omitzero"`
	UpdatedBy  string         `json:"updated_by,omitempty"`
}

// TenantDefaults hold for tenants whose policy does not say otherwise; 0 is no
// limit.
type TenantDefaults struct {
	MaxRunning int // jobs with the queue or a worker at a time
	RateLimit  int // jobs handed over in a minute
	MaxWaiting int // jobs that wait
}

type (
	tenantPolicyTable = store.Table[TenantPolicy, *TenantPolicy]
	queuePolicyTable  = store.Table[QueuePolicy, *QueuePolicy]
)

func tenantPolicyCollection() store.Collection {
	return store.Collection{Name: "tenant_policies", Indexes: []store.Index{
		{Name: "tenant", Fields: []store.IndexField{{Name: "tenant"}}},
	}}
}

func queuePolicyCollection() store.Collection { return store.Collection{Name: "queue_policies"} }

// Keys implements store.Entity.
func (p *TenantPolicy) Keys() map[string]any { return map[string]any{"tenant": p.ID} }

// Keys implements store.Entity.
func (p *QueuePolicy) Keys() map[string]any { return map[string]any{} }

// tenantForm is what names of tenants are made of; the system's own has no
// policy.
var tenantForm = regexp.MustCompile(`^[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,199}$`)

func checkTenant(tenant string) error {
	if tenantForm.MatchString(tenant) {
		return nil
	}
	return fault.Invalid("invalid_tenant", "%.40q is no tenant's name; it has 1 to 200 letters, digits and ~ - _ . as the jobs' log shows it.", tenant).
		With(fault.Field{Location: "path.tenant", Message: "not a tenant's name", Value: shorten(tenant, 64)})
}

// between refuses a number that is out of its range.
func between(name string, v, low, high int) error {
	if v >= low && v <= high {
		return nil
	}
	return fault.Invalid(name+"_out_of_range", "%s is %d; it must lie between %d and %d.", name, v, low, high).
		With(fault.Field{Location: "body." + name, Message: fmt.Sprintf("must be between %d and %d", low, high), Value: v})
}

// validate reports the first mistake in the policy.
func (p *TenantPolicy) validate(kinds []string) error {
	if p.Weight != 0 {
		if err := between("weight", p.Weight, 1, MaxWeight); err != nil {
			return err
		}
	}
	for _, n := range []struct {
		name string
		v    *int
		most int
	}{{"max_running", p.MaxRunning, MaxPlaces}, {"rate_limit", p.RateLimit, MaxRate}, {"max_waiting", p.MaxWaiting, MaxWaitingCap}} {
		if n.v == nil {
			continue
		}
		if err := between(n.name, *n.v, 0, n.most); err != nil {
			return err
		}
	}
	return checkKindLimits(p.KindLimits, kinds)
}

// checkKindLimits refuses limits on kinds that do not exist, as far as those
// that do are known.
func checkKindLimits(limits map[string]int, kinds []string) error {
	if len(limits) > maxKindLimits {
		return fault.Invalid("too_many_kind_limits", "There are %d limits on kinds of jobs; at most %d are kept.", len(limits), maxKindLimits).
			With(fault.Field{Location: "body.kind_limits", Message: "too many", Value: len(limits)})
	}
	for _, kind := range slices.Sorted(maps.Keys(limits)) {
		if !kindForm.MatchString(kind) || len(kinds) > 0 && !slices.Contains(kinds, kind) {
			return fault.Invalid("unknown_kind", "There is no kind of job %.64q; the kinds are %s.", kind, strings.Join(kinds, ", ")).
				With(fault.Field{Location: "body.kind_limits", Message: "not a kind of job", Value: shorten(kind, 64)})
		}
		if n := limits[kind]; n < 1 || n > MaxPlaces {
			return fault.Invalid("kind_limit_out_of_range", "The limit on %s jobs is %d; it must lie between 1 and %d, and is left out where there is none.", kind, n, MaxPlaces).
				With(fault.Field{Location: "body.kind_limits." + kind, Message: fmt.Sprintf("must be between 1 and %d", MaxPlaces), Value: n})
		}
	}
	return nil
}

// TenantPolicy returns what is set for the tenant; revision 0 means that nothing
// is.
func (s *Service) TenantPolicy(ctx context.Context, tenant string) (*TenantPolicy, error) {
	if err := checkTenant(tenant); err != nil {
		return nil, err
	}
	p, err := s.rules.tenants.Get(ctx, tenant)
	if errors.Is(err, store.ErrNotFound) {
		return &TenantPolicy{Meta: store.Meta{ID: tenant}}, nil
	}
	return p, storeFault(err)
}

// TenantPolicies returns a page of all that is set for tenants, by name.
func (s *Service) TenantPolicies(ctx context.Context, cursor string, limit int) (store.Page[*TenantPolicy], error) {
	page, err := s.rules.tenants.Find(ctx, store.Query{Index: "tenant", Cursor: cursor, Limit: positive(limit, defaultPage)})
	return page, storeFault(err)
}

// SetTenantPolicy replaces what is set for the tenant that p names. A revision
// that is not nil has to be the one that is replaced, 0 for none; else it is the
// conflict policy_changed. Every process follows the policy within rulesAge.
func (s *Service) SetTenantPolicy(ctx context.Context, p TenantPolicy, revision *int64) (*TenantPolicy, error) {
	if err := checkTenant(p.ID); err != nil {
		return nil, err
	}
	if err := p.validate(s.cfg.Kinds); err != nil {
		return nil, err
	}
	p.UpdatedAt = stamp(s.cfg.Now)
	err := put(ctx, s.rules.tenants, &p, revision)
	s.rules.forget()
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// QueuePolicy returns what is set for the pool.
func (s *Service) QueuePolicy(ctx context.Context, pool string) (*QueuePolicy, error) {
	if err := s.checkPool(pool); err != nil {
		return nil, err
	}
	p, err := s.rules.queues.Get(ctx, pool)
	if errors.Is(err, store.ErrNotFound) {
		return &QueuePolicy{Meta: store.Meta{ID: pool}}, nil
	}
	return p, storeFault(err)
}

// SetQueuePolicy replaces what is set for the pool that p names, as
// SetTenantPolicy does.
func (s *Service) SetQueuePolicy(ctx context.Context, p QueuePolicy, revision *int64) (*QueuePolicy, error) {
	if err := s.checkPool(p.ID); err != nil {
		return nil, err
	}
	if err := checkKindLimits(p.KindLimits, s.cfg.Kinds); err != nil {
		return nil, err
	}
	p.UpdatedAt = stamp(s.cfg.Now)
	err := put(ctx, s.rules.queues, &p, revision)
	s.rules.forget()
	if err != nil {
		return nil, err
	}
	return &p, nil
}

func (s *Service) checkPool(pool string) error {
	if slices.Contains(s.cfg.Pools, pool) {
		return nil
	}
	return fault.NotFound("queue_not_found", "There is no queue %.64q; the queues are %s.", pool, strings.Join(s.cfg.Pools, ", "))
}

// put writes the record over what is there, if that has the revision.
func put[T any, P store.Entity[T]](ctx context.Context, t *store.Table[T, P], p P, revision *int64) error {
	for range 3 { // without a revision, somebody may be faster
		m := p.Metadata()
		old, err := t.Get(ctx, m.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			m.Revision = 0
		case err != nil:
			return storeFault(err)
		default:
			m.Revision = old.Metadata().Revision
		}
		if revision != nil && *revision != m.Revision {
			return policyChanged()
		}
		if m.Revision == 0 {
			err = t.Insert(ctx, p)
		} else {
			err = t.Replace(ctx, p)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrStale) && !errors.Is(err, store.ErrDuplicate) && !errors.Is(err, store.ErrNotFound) {
			return storeFault(err)
		}
	}
	return policyChanged()
}

// CodePolicyChanged is the code of a policy that somebody else has changed.
const CodePolicyChanged = "policy_changed"

func policyChanged() error {
	return fault.Conflict(CodePolicyChanged, "Somebody else has changed it meanwhile; read it again and decide on what it is now.").
		With(fault.Field{Location: "header.If-Match", Message: "not the present ETag"})
}
