package httpapi

import (
	"context"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/retention"
)

// Whose jobs there are: those of the caller's tenant, and those that the system
// gave itself, which operators may read.
const (
	scopeTenant = "tenant"
	scopeSystem = "system"
)

func scopeOf(j *job.Job) string {
	if j.Tenant == account.SystemTenant {
		return scopeSystem
	}
	return scopeTenant
}

// tenantOf returns whose jobs a list of that scope shows.
func tenantOf(caller account.Caller, scope string) (string, error) {
	switch {
	case scope != scopeSystem:
		return caller.Tenant, nil
	case !caller.Has(account.RoleOperator):
		return "", fault.New(fault.ClassForbidden, "role_required", "the system's own jobs need the role %s", account.RoleOperator)
	default:
		return account.SystemTenant, nil
	}
}

// forOperators reports whether a job works on the files of all tenants, so that
// only operators may see what it found and change its course, even when it is of
// the caller's own tenant.
func forOperators(j *job.Job) bool { return j.Kind == retention.Kind().Name }

const codeNoJob = "job_not_found"

// readJob reads something about a job as the caller's tenant; for an operator
// whose tenant has no such job, as the system. Whoever else's it is, it is not
// found.
func readJob[T any](ctx context.Context, read func(tenant string) (T, error)) (T, error) {
	caller := callerOf(ctx)
	v, err := read(caller.Tenant)
	if fault.CodeOf(err) == codeNoJob && caller.Has(account.RoleOperator) {
		return read(account.SystemTenant)
	}
	return v, err
}

// changeJob changes a job of the caller's tenant. To the system's own an
// operator can do nothing.
func (s *server) changeJob(ctx context.Context, id string, do func(ctx context.Context, tenant, id string) (*job.Job, error)) (*job.Job, error) {
	caller := callerOf(ctx)
	if !caller.Has(account.RoleOperator) {
		j, err := s.jobs.Get(ctx, caller.Tenant, id)
		if err == nil && forOperators(j) {
			err = fault.New(fault.ClassForbidden, "role_required", "to change a job of kind %s needs the role %s", j.Kind, account.RoleOperator)
		}
		if err != nil {
			return nil, err
		}
	}
	j, err := do(ctx, caller.Tenant, id)
	if fault.CodeOf(err) != codeNoJob || !caller.Has(account.RoleOperator) {
		return j, err
	}
	if _, failed := s.jobs.Get(ctx, account.SystemTenant, id); failed != nil {
		return nil, failed
	}
	return nil, fault.New(fault.ClassForbidden, "system_job_read_only", "job %s is the system's own: an operator may read it, and nobody may change it", id)
}
