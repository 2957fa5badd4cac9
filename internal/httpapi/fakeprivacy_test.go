package httpapi_test

import (
	"context"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
)

func (f *datasets) Privacy(ctx context.Context, tenant, id string) (*dataset.Privacy, error) {
	if _, err := f.Look(ctx, tenant, id, 0); err != nil {
		return nil, err
	}
	return &dataset.Privacy{DatasetID: id, Version: 1, Scanned: true, Risk: pii.Medium, State: dataset.Ready, Columns: []dataset.PrivateColumn{
		{Finding: pii.Finding{Column: "x", Kind: pii.Email, Confidence: 0.97, Risk: pii.Medium, Matched: 2, LookedAt: 2, Check: "form"}, Policy: dataset.PolicyWarn, Found: true},
	}}, nil
}

func (f *datasets) SetPolicies(ctx context.Context, caller account.Caller, id string, changes []dataset.PolicyChange, revision *int64) (*dataset.Privacy, *job.Job, error) {
	p, err := f.Privacy(ctx, caller.Tenant, id)
	if err == nil && revision != nil && *revision != p.Revision {
		err = fault.Conflict(dataset.CodePrivacyChanged, "it was changed")
	}
	if err != nil || !changes[0].Policy.Protects() {
		return p, nil, err
	}
	return p, f.jobs.add(caller.Tenant, "protect", id), nil
}

func (f *datasets) Apply(ctx context.Context, caller account.Caller, id string) (*dataset.Privacy, *job.Job, error) {
	p, err := f.Privacy(ctx, caller.Tenant, id)
	return p, nil, err
}

func (f *datasets) Erase(ctx context.Context, caller account.Caller, id string) (*dataset.Privacy, error) {
	return f.Privacy(ctx, caller.Tenant, id)
}

func (f *datasets) Rules(_ context.Context, tenant string) (*dataset.Rules, error) {
	return &dataset.Rules{Meta: store.Meta{ID: tenant}}, nil
}

func (f *datasets) SetRules(_ context.Context, caller account.Caller, r dataset.Rules, _ *int64) (*dataset.Rules, error) {
	r.Meta, r.UpdatedBy = store.Meta{ID: caller.Tenant, Revision: 1}, caller.User
	return &r, nil
}

func (f *datasets) Confirm(ctx context.Context, caller account.Caller, id string) (*dataset.Privacy, error) {
	return f.Privacy(ctx, caller.Tenant, id)
}

func (f *datasets) Unmasked(ctx context.Context, caller account.Caller, id string, version, limit int) (*dataset.Preview, error) {
	d, err := f.Look(ctx, caller.Tenant, id, version)
	if err != nil {
		return nil, err
	}
	return f.Preview(ctx, d, limit)
}

func (f *datasets) Release(context.Context, account.Caller, dataset.Release) error { return nil }

func (f *datasets) Accesses(_ context.Context, caller account.Caller, _, _ string, _ int) (store.Page[*dataset.Access], error) {
	return store.Page[*dataset.Access]{Items: []*dataset.Access{{
		Meta:   store.Meta{ID: "acc_0123456789abcdef0123456789abcdef"},
		Tenant: caller.Tenant, User: caller.User, DatasetID: "ds_0123456789abcdef0123456789abcdef", Version: 1, Action: dataset.ActionRead,
		Details: []string{"x"}, At: time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC),
	}}}, nil
}
