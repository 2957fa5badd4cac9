package account

import (
	"context"
	"slices"
)

// The roles that a caller may have.
const (
	// RoleAnalyst uploads, trains, tunes and predicts within a tenant.
	RoleAnalyst = "analyst"
	// RoleOperator watches the queues and cleans up for all tenants.
	RoleOperator = "operator"
	// RoleSteward sees personal data unmasked within a tenant, and who has seen it.
	RoleSteward = "steward"
)

// SystemTenant owns the jobs that nobody asked for, such as scheduled clean-ups.
// No caller is of it: [EncodeTenant] leaves no colon in a name.
const SystemTenant = ":system"

// Caller is who is asking.
type Caller struct {
	Tenant      string   // whose data it is; safe as a part of an object key, see [EncodeTenant]
	User        string   // who it is within the tenant, as the token says
	Roles       []string // of RoleAnalyst, RoleOperator and RoleSteward, in that order
	Development bool     // the one user of development mode: nobody was authenticated
}

// Has reports whether the caller has the role.
func (c Caller) Has(role string) bool { return slices.Contains(c.Roles, role) }

// Developer accepts every credential, and none, as the one user of
// development mode, who has all roles. It is never for production.
type Developer struct{}

// Verify returns the developer.
func (Developer) Verify(context.Context, string) (Caller, error) {
	return Caller{
		Tenant: "developer", User: "developer",
		Roles: []string{RoleAnalyst, RoleOperator, RoleSteward}, Development: true,
	}, nil
}
