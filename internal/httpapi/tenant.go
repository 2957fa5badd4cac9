package httpapi

import (
	"context"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// TenantSettings is what operators set for a tenant.
type TenantSettings struct {
	Weight     int            `json:"weight,omitempty" minimum:"1" maximum:"1000" doc:"Of its share of every queue in which others wait, too; 1 where none is set" example:"3"`
	MaxRunning *int           `json:"max_running,omitempty" minimum:"0" maximum:"100000" doc:"How many of its jobs may be with the queue or a worker at a time; 0: no limit; left out: the configured default"`
	KindLimits map[string]int `json:"kind_limits,omitempty" doc:"The same for jobs of one kind" example:"{\"training\": 1}"`
	RateLimit  *int           `json:"rate_limit,omitempty" minimum:"0" maximum:"1000000" doc:"How many of its jobs are started in a minute; 0: no limit; left out: the configured default"`
	MaxWaiting *int           `json:"max_waiting,omitempty" minimum:"0" maximum:"100000000" doc:"How many of its jobs may wait before further ones are refused; 0: no limit; left out: the configured default"`
	Paused     bool           `json:"paused,omitempty" doc:"Start nothing of it. What runs goes on, and it may submit"`
}

// Tenant is a tenant as operators see it.
type Tenant struct {
	Tenant string `json:"tenant" doc:"Its name" example:"acme"`
	TenantSettings
	UpdatedAt *time.Time `json:"updated_at,omitempty" doc:"When it was set last; missing: never"`
	UpdatedBy string     `json:"updated_by,omitempty"`
}

// TenantRef names a tenant in a path.
type TenantRef struct {
	Tenant string `path:"tenant" pattern:"^[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,199}$" patternDescription:"a tenant's name; characters other than letters, digits and - _ . are written ~ and two hexadecimal digits" doc:"The tenant's name" example:"acme"`
}

type tenantOutput struct {
	ETag string `header:"ETag" doc:"Of what is set; send it as If-Match" example:"W/\"3\""`
	Body Tenant
}

type tenantInput struct {
	TenantRef
	IfMatch
	Body TenantSettings
}

func (s *server) registerTenants(tenants TenantKeeper) {
	register(s, forOperatorsOnly(operation(tagQueues, "GET /tenants", "list-tenants", "List what is set for tenants",
		`The tenants for which something is set, by name. For operators.`)),
		func(ctx context.Context, in *struct{ Paging }) (*pageOutput[Tenant], error) {
			page, err := tenants.TenantPolicies(ctx, in.Cursor, in.Limit)
			if err != nil {
				return nil, err
			}
			return pageOf(ctx, page.Items, page.Next, viewTenant), nil
		})
	register(s, forOperatorsOnly(operation(tagQueues, "GET /tenants/{tenant}", "get-tenant", "Look at what is set for a tenant",
		`Its share, its limits, and whether it is paused. For operators.`)),
		func(ctx context.Context, in *TenantRef) (*tenantOutput, error) {
			p, err := tenants.TenantPolicy(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			return &tenantOutput{ETag: etag(p.Revision), Body: viewTenant(p)}, nil
		})
	register(s, replaces(forOperatorsOnly(operation(tagQueues, "PUT /tenants/{tenant}", "put-tenant", "Set what holds for a tenant",
		`Replaces all that is set for it; every process follows within a fraction of a second. A lower limit stops nothing that was handed over already. For operators.`))),
		func(ctx context.Context, in *tenantInput) (*tenantOutput, error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			b := in.Body
			p := job.TenantPolicy{
				Weight: b.Weight, MaxRunning: b.MaxRunning, KindLimits: b.KindLimits, RateLimit: b.RateLimit,
				MaxWaiting: b.MaxWaiting, Paused: b.Paused, UpdatedBy: callerOf(ctx).User,
			}
			p.ID = in.Tenant
			set, err := tenants.SetTenantPolicy(ctx, p, revision)
			if err != nil {
				return nil, changedMeanwhile(err)
			}
			return &tenantOutput{ETag: etag(set.Revision), Body: viewTenant(set)}, nil
		})
}

func viewTenant(p *job.TenantPolicy) Tenant {
	return Tenant{
		Tenant: p.ID, UpdatedAt: moment(p.UpdatedAt), UpdatedBy: p.UpdatedBy,
		TenantSettings: TenantSettings{
			Weight: max(p.Weight, job.DefaultWeight), MaxRunning: p.MaxRunning, KindLimits: p.KindLimits,
			RateLimit: p.RateLimit, MaxWaiting: p.MaxWaiting, Paused: p.Paused,
		},
	}
}
