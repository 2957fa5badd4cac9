package recipe

import (
	"context"
	"maps"
	"slices"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Protector runs protect jobs.
type Protector struct{ *Runner }

// Run applies policies to the newest version of a data set as steps of a recipe, so
// that what they make is a version like others. A version that is not the newest any
// more is a fault.Conflict: the policies are applied to that one.
func (p Protector) Run(ctx context.Context, t *job.Task, req dataset.ProtectRequest) (*Result, error) {
	d, err := p.datasets.Protectable(ctx, t.Job.Tenant, req.DatasetID, req.Version)
	if err != nil {
		return nil, err
	}
	steps, err := protection(req.Columns, p.datasets.Concealer(t.Job.Tenant))
	if err != nil {
		return nil, err
	}
	return p.run(ctx, t, &applying{
		dataset: d, protects: true, request: Payload{Use: Use{DatasetID: d.ID, Version: d.Version.Number, Steps: steps}},
	})
}

// protection returns the steps that do to columns what policies say.
func protection(columns map[string]dataset.Concealment, c *pii.Concealer) ([]preprocess.Spec, error) {
	masked := make(map[pii.Kind][]string)
	var hashed, dropped []string
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		switch what := columns[name]; what.Policy {
		case dataset.PolicyMask:
			masked[what.Kind] = append(masked[what.Kind], name)
		case dataset.PolicyHash:
			hashed = append(hashed, name)
		case dataset.PolicyDrop:
			dropped = append(dropped, name)
		case dataset.PolicyWarn, dataset.PolicyConfirm, dataset.PolicyAllow:
			return nil, fault.Invalid("invalid_payload", "the policy of column %q is %q, which changes nothing", name, what.Policy)
		default:
			return nil, fault.Invalid("invalid_payload", "the policy of column %q is %.40q, which is none", name, what.Policy)
		}
	}
	var steps []preprocess.Spec
	for _, kind := range slices.Sorted(maps.Keys(masked)) {
		steps = append(steps, preprocess.Spec{Name: stepMask, Parameters: map[string]any{"columns": masked[kind], "kind": string(kind)}})
	}
	if len(hashed) > 0 {
		key, err := c.Key()
		if err != nil {
			return nil, fault.Invalid("hash_key_missing", "columns are to be hashed: %s", err)
		}
		steps = append(steps, preprocess.Spec{Name: stepHash, Parameters: map[string]any{"columns": hashed, "key": key}})
	}
	if len(dropped) > 0 {
		steps = append(steps, preprocess.Spec{Name: "drop_columns", Parameters: map[string]any{"columns": dropped}})
	}
	return steps, nil
}
