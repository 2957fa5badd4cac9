package dataset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
)

// Policy says what is done about a column of personal data.
type Policy string

// The policies. Whatever it is but PolicyAllow, values are shown masked. The last
// three protect: a version is made that has the values no more, and what was before
// is sealed.
const (
	PolicyWarn    Policy = "warn"    // it is said
	PolicyConfirm Policy = "confirm" // nothing is done with the data set before somebody has confirmed it
	PolicyAllow   Policy = "allow"   // it is no personal data, and shown as it is

	// PolicyMask, PolicyHash and PolicyDrop protect: a version is made that has the
	// values no more, and what was before is sealed.
	PolicyMask Policy = "mask" // so little of each value stays that nobody learns it
	PolicyHash Policy = "hash" // hashes with a key of the tenant take their place
	PolicyDrop Policy = "drop" // the column goes
)

// Policies returns all policies.
func Policies() []Policy {
	return []Policy{PolicyWarn, PolicyConfirm, PolicyAllow, PolicyMask, PolicyHash, PolicyDrop}
}

// Protects reports whether the policy takes values away.
func (p Policy) Protects() bool { return p == PolicyMask || p == PolicyHash || p == PolicyDrop }

// What becomes of the file and of the versions that hold what a policy has taken
// away.
const (
	RemainsSealed = "seal"  // nobody but stewards has them
	RemainsErased = "erase" // their files are deleted
)

// Rules are what a tenant has set for columns of personal data for which nobody has
// set anything. The identifier is the tenant.
type Rules struct {
	store.Meta
	Default   Policy              `json:"default,omitempty"` // empty: the configured one
	Kinds     map[pii.Kind]Policy `json:"kinds,omitempty"`
	Remains   string              `json:"remains,omitempty"` // empty: RemainsSealed
	UpdatedAt time.Time           `json:"updated_at,omitzero"`
	UpdatedBy string              `json:"updated_by,omitempty"`

	standard Policy // the configured one
}

// NewRules returns rules as they are written; [Service.SetRules] checks them.
func NewRules(standard string, kinds map[string]string, remains string) Rules {
	r := Rules{Default: Policy(standard), Remains: remains, Kinds: make(map[pii.Kind]Policy, len(kinds))}
	for k, p := range kinds {
		r.Kinds[pii.Kind(k)] = Policy(p)
	}
	return r
}

// Keys implements store.Entity.
func (r *Rules) Keys() map[string]any { return map[string]any{} }

func rules() store.Collection { return store.Collection{Name: "dataset_pii_rules"} }

// Of returns the policy of columns of the kind for which nobody has set one.
func (r *Rules) Of(k pii.Kind) Policy {
	for _, p := range []Policy{r.Kinds[k], r.Default, r.standard} {
		if p != "" {
			return p
		}
	}
	return PolicyWarn
}

// Standard returns the configured policy.
func (r *Rules) Standard() Policy { return r.standard }

// protect reports whether any column may have a policy that takes values away.
func (r *Rules) protect() bool {
	return slices.ContainsFunc(append(pii.Kinds(), pii.Other), func(k pii.Kind) bool { return r.Of(k).Protects() })
}

// rulebook finds the rules of tenants.
type rulebook struct {
	table    *store.Table[Rules, *Rules]
	standard Policy
}

func newRulebook(driver store.Driver, standard Policy) rulebook {
	if standard == "" {
		standard = PolicyWarn
	}
	return rulebook{store.NewTable[Rules](driver, rules()), standard}
}

func (b rulebook) of(ctx context.Context, tenant string) (*Rules, error) {
	r, err := b.table.Get(ctx, tenant)
	if errors.Is(err, store.ErrNotFound) {
		r, err = &Rules{Meta: store.Meta{ID: tenant}}, nil
	}
	if err != nil {
		return nil, storeFault(err)
	}
	r.standard = b.standard
	return r, nil
}

// Rules returns what the tenant has set, which may be nothing.
func (s *Service) Rules(ctx context.Context, tenant string) (*Rules, error) {
	return s.rules.of(ctx, tenant)
}

// CodePrivacyChanged says that policies are not those that a change was made for.
const CodePrivacyChanged = "pii_changed"

// SetRules replaces what the caller's tenant has set; revision is that of what is
// replaced, 0 for nothing, nil for any. It takes the right to see personal data. It
// holds for what is read or applied from then on.
func (s *Service) SetRules(ctx context.Context, caller account.Caller, r Rules, revision *int64) (*Rules, error) {
	if !caller.Has(account.RoleSteward) {
		return nil, errSteward("to set what is done about the personal data of a tenant")
	}
	if err := s.checkRules(caller.Tenant, &r); err != nil {
		return nil, err
	}
	before, err := s.rules.of(ctx, caller.Tenant)
	if err != nil {
		return nil, err
	}
	changed := fault.Conflict(CodePrivacyChanged, "somebody else has changed the policies meanwhile; read them again and decide on what they are now")
	if revision != nil && *revision != before.Revision {
		return nil, changed
	}
	details := []string{"default=" + string(r.Default), "remains=" + r.Remains}
	for _, k := range slices.Sorted(maps.Keys(r.Kinds)) {
		details = append(details, string(k)+"="+string(r.Kinds[k]))
	}
	if err := s.noteOf(ctx, caller, "", 0, ActionRules, details); err != nil {
		return nil, err
	}
	r.Meta, r.standard = before.Meta, before.standard
	r.UpdatedAt, r.UpdatedBy = s.now().UTC(), caller.User
	if before.Revision == 0 {
		err = s.rules.table.Insert(ctx, &r)
	} else {
		err = s.rules.table.Replace(ctx, &r)
	}
	if errors.Is(err, store.ErrDuplicate) || errors.Is(err, store.ErrStale) {
		return nil, changed
	}
	return &r, storeFault(err)
}

// checkRules refuses what cannot be set.
func (s *Service) checkRules(tenant string, r *Rules) error {
	allowed := slices.DeleteFunc(Policies(), func(p Policy) bool { return p == PolicyAllow })
	var wrong []fault.Field
	check := func(at string, p Policy) {
		switch {
		case !slices.Contains(allowed, p):
			wrong = append(wrong, fault.Field{Location: at, Message: "must be one of " + list(allowed), Value: string(p)})
		case p == PolicyHash:
			wrong = append(wrong, s.hashes(tenant, at)...)
		}
	}
	if r.Default != "" {
		check("body.default", r.Default)
	}
	for _, k := range slices.Sorted(maps.Keys(r.Kinds)) {
		at := fmt.Sprintf("body.kinds.%.60s", k)
		if !slices.Contains(pii.Kinds(), k) {
			wrong = append(wrong, fault.Field{Location: at, Message: "is no kind of personal data; there are " + list(pii.Kinds())})
			continue
		}
		check(at, r.Kinds[k])
	}
	switch r.Remains {
	case "":
		r.Remains = RemainsSealed
	case RemainsSealed, RemainsErased:
	default:
		wrong = append(wrong, fault.Field{Location: "body.remains", Message: "must be seal or erase", Value: r.Remains})
	}
	return wrongPolicies(wrong)
}

// hashes says what is wrong with hashing values of the tenant.
func (s *Service) hashes(tenant, at string) []fault.Field {
	if _, err := s.keys.Of(tenant).Key(); err != nil {
		return []fault.Field{{Location: at, Message: err.Error(), Value: string(PolicyHash)}}
	}
	return nil
}

// wrongPolicies is the fault of wrong policies, nil when there are none.
func wrongPolicies(wrong []fault.Field) error {
	if len(wrong) == 0 {
		return nil
	}
	const show = 50
	return fault.Invalid("pii_invalid", "%d policies cannot be: %s %s", len(wrong), wrong[0].Location, wrong[0].Message).With(wrong[:min(len(wrong), show)]...)
}

// Concealer returns what hides values of the tenant.
func (s *Service) Concealer(tenant string) *pii.Concealer { return s.keys.Of(tenant) }
