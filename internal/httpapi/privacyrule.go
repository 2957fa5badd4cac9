package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
)

// PrivacySettings is what a tenant sets about personal data.
type PrivacySettings struct {
	Default string            `json:"default,omitempty" maxLength:"40" doc:"The policy of columns for which nobody has set one: warn, confirm, mask, hash or drop; left out: the configured one" example:"warn"`
	Kinds   map[string]string `json:"kinds,omitempty" doc:"The same of columns of one kind, such as email" example:"{\"email\": \"hash\", \"person_name\": \"mask\"}"`
	Remains string            `json:"remains,omitempty" maxLength:"40" doc:"What becomes of the file and of older versions when values were masked, hashed or dropped. seal: stewards have them; erase: their files are deleted. Left out: seal" example:"seal"`
}

// PrivacyRules is what holds for a tenant.
type PrivacyRules struct {
	PrivacySettings
	Standard  string     `json:"configured" doc:"The policy that holds where the tenant has set none" example:"warn"`
	UpdatedAt *time.Time `json:"updated_at,omitempty" doc:"When it was set last; missing: never"`
	UpdatedBy string     `json:"updated_by,omitempty"`
}

type rulesOutput struct {
	ETag string `header:"ETag" doc:"Of what is set; send it as If-Match" example:"W/\"3\""`
	Body PrivacyRules
}

type rulesInput struct {
	IfMatch
	Body PrivacySettings
}

func (s *server) registerPrivacyRules() {
	register(s, operation(tagDatasets, "GET /pii/policy", "get-pii-policy", "Look at the policies of your tenant",
		`What is done about columns of personal data for which nobody has set anything.`),
		func(ctx context.Context, _ *struct{}) (*rulesOutput, error) {
			r, err := s.datasets.Rules(ctx, callerOf(ctx).Tenant)
			if err != nil {
				return nil, err
			}
			return viewRules(r), nil
		})
	register(s, forStewards(replaces(operation(tagDatasets, "PUT /pii/policy", "put-pii-policy", "Set the policies of your tenant",
		`Replaces all that is set. It holds for what is read from then on; of data sets that are there already, POST /datasets/{id}/pii/apply applies it. It is written down. For stewards.`, http.StatusConflict))),
		func(ctx context.Context, in *rulesInput) (*rulesOutput, error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			set, err := s.datasets.SetRules(ctx, callerOf(ctx), dataset.NewRules(in.Body.Default, in.Body.Kinds, in.Body.Remains), revision)
			if err != nil {
				return nil, changedMeanwhile(err)
			}
			return viewRules(set), nil
		})
}

func viewRules(r *dataset.Rules) *rulesOutput {
	v := PrivacyRules{
		PrivacySettings: PrivacySettings{Default: string(r.Default), Remains: r.Remains}, Standard: string(r.Standard()),
		UpdatedAt: moment(r.UpdatedAt), UpdatedBy: r.UpdatedBy,
	}
	if v.Remains == "" {
		v.Remains = dataset.RemainsSealed
	}
	if len(r.Kinds) > 0 {
		v.Kinds = make(map[string]string, len(r.Kinds))
	}
	for k, p := range r.Kinds {
		v.Kinds[string(k)] = string(p)
	}
	return &rulesOutput{ETag: etag(r.Revision), Body: v}
}
