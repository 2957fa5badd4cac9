package prediction

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/tabular"
)

// The rows that may be predicted.
const (
	RowsAll     = "all"
	RowsHoldout = "holdout"
)

// MaxFailedShards is how many of them may be allowed to fail: the result names
// each.
const MaxFailedShards = 1000

// MaxShards is how many parts a file may be divided into.
const MaxShards = job.MaxChildren

// Jobs takes submissions.
type Jobs interface {
	Submit(ctx context.Context, s job.Submission) (*job.Job, bool, error)
}

// Datasets finds data sets.
type Datasets interface {
	// Input returns the data set with the file of a version; 0: the first.
	Input(ctx context.Context, tenant, id string, number int) (*dataset.Dataset, error)
}

// ModelFinder finds the records of models.
type ModelFinder interface {
	Get(ctx context.Context, tenant, id string) (*model.Model, error)
}

// Service accepts prediction jobs.
type Service struct {
	jobs     Jobs
	datasets Datasets
	models   ModelFinder
}

// NewService returns a Service.
func NewService(jobs Jobs, datasets Datasets, models ModelFinder) *Service {
	return &Service{jobs: jobs, datasets: datasets, models: models}
}

// Kind declares the prediction job.
func Kind() job.Kind {
	return job.Kind{Name: "prediction", Pool: "batch", Version: 4, Timeout: 12 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// memory is what a prediction takes: it streams, and holds the model and some
// blocks of rows.
const memory = 512 << 20

// Submit checks the request against the model and, as far as it has been
// ingested, the data set, and submits a job. created is false when the
// idempotency key was seen before.
func (s *Service) Submit(ctx context.Context, caller account.Caller, req Request, idempotencyKey string) (j *job.Job, created bool, err error) {
	sub, err := s.Prepare(ctx, caller, req)
	if err != nil {
		return nil, false, err
	}
	sub.IdempotencyKey = idempotencyKey
	return s.jobs.Submit(ctx, sub)
}

// Prepare checks the request as Submit does, and returns what would be
// submitted.
func (s *Service) Prepare(ctx context.Context, caller account.Caller, req Request) (job.Submission, error) {
	m, err := s.models.Get(ctx, caller.Tenant, req.ModelID)
	if err != nil {
		return job.Submission{}, err
	}
	number := dataset.Newest
	switch {
	case req.Version > 0:
		number = req.Version
	case m.DatasetID == req.DatasetID:
		number = m.DatasetVersion
	case len(m.Prepared) > 0 && !req.Prepared:
		number = dataset.FromFile // the model brings the steps along
	}
	d, err := s.datasets.Input(ctx, caller.Tenant, req.DatasetID, number)
	if err != nil {
		return job.Submission{}, err
	}
	if err := check(m, d, req); err != nil {
		return job.Submission{}, err
	}
	kind := Kind()
	if req.Version = 0; d.Version != nil && d.Version.Number > 1 {
		req.Version = d.Version.Number // 0 is the first
	}
	switch { // what older workers know they can do
	case len(m.Recipe) > 0, req.MaxFailedShards > 0:
	case req.Version > 1:
		kind.Version = 3
	case req.Shards != 0:
		kind.Version = 2 // workers that know no versions
	default:
		kind.Version = 1 // those that know no shards, too
	}
	limits, order := req.Limits, req.Order
	req.Limits, req.Order = job.Limits{}, job.Order{} // they are no part of what is to be done
	return job.Submission{
		Kind: kind, Tenant: caller.Tenant, User: caller.User, Subject: d.ID, Also: []string{m.ID},
		Payload: req,
		Memory:  memory, Limits: limits, After: order.After, Priority: order.Priority,
	}, nil
}

// prepared reports whether the table has been through the steps that the model
// carries of its data set.
func prepared(m *model.Model, d *dataset.Dataset, req Request) bool {
	if len(m.Prepared) == 0 {
		return false
	}
	return req.Prepared || m.DatasetID == d.ID && d.Version != nil && d.Version.Number == m.DatasetVersion
}

// inputs are the columns that the table must have.
func inputs(m *model.Model, d *dataset.Dataset, req Request) tabular.Schema {
	if prepared(m, d, req) {
		return m.Prepared
	}
	return m.Inputs
}

// check says what can be said before the file is read.
func check(m *model.Model, d *dataset.Dataset, req Request) error {
	switch req.Format {
	case "", tabular.KindCSV, tabular.KindJSONL, tabular.KindParquet:
	default:
		return fault.Invalid("unsupported_format", "the format is %.40q; it must be csv, jsonl or parquet", req.Format).
			With(fault.Field{Location: "body.format", Message: "must be csv, jsonl or parquet"})
	}
	if req.Shards < 0 || req.Shards > MaxShards {
		return fault.Invalid("shards_out_of_range", "shards is %d; it must be from 0 to %d", req.Shards, MaxShards).
			With(fault.Field{Location: "body.shards", Message: fmt.Sprintf("must be from 0 to %d", MaxShards), Value: req.Shards})
	}
	if req.Shards > 1 && req.Format == tabular.KindParquet {
		return fault.Invalid("shards_not_for_parquet", "the parts of a Parquet file cannot be joined to one; ask for csv or jsonl, or leave out shards").
			With(fault.Field{Location: "body.shards", Message: "not with format parquet", Value: req.Shards})
	}
	if req.Prepared && len(m.Prepared) == 0 {
		return fault.Invalid("nothing_prepared", "model %s carries no steps of its data set, so no table has been through them", m.ID).
			With(fault.Field{Location: "body.prepared", Message: "leave it out", Value: true})
	}
	if err := req.checkFailed(); err != nil {
		return err
	}
	switch req.Rows {
	case "", RowsAll:
	case RowsHoldout:
		if m.DatasetID != d.ID {
			return fault.Invalid("holdout_of_another_dataset", "model %s held out rows of data set %s, not of %s; ask for rows \"all\", or for that data set",
				m.ID, m.DatasetID, d.ID).
				With(fault.Field{Location: "body.rows", Message: "holdout goes with the model's own data set only"})
		}
		if d.Version != nil && max(d.Version.Number, 1) != max(m.DatasetVersion, 1) {
			return fault.Invalid("holdout_of_another_version", "model %s held out rows of version %d of data set %s, not of version %d; leave out version, or ask for rows \"all\"",
				m.ID, max(m.DatasetVersion, 1), d.ID, max(d.Version.Number, 1)).
				With(fault.Field{Location: "body.version", Message: "holdout goes with the version that the model learned from only", Value: req.Version})
		}
	default:
		return fault.Invalid("unsupported_rows", "rows is %.40q; it must be all or holdout", req.Rows).
			With(fault.Field{Location: "body.rows", Message: "must be all or holdout"})
	}
	if d.Version == nil {
		return nil // the job will look
	}
	schema := d.Version.Schema
	if req.IDColumn != "" {
		if _, ok := schema.Lookup(req.IDColumn); !ok {
			return fault.Invalid("unknown_id_column", "data set %s has no column %.100q to take identifiers from", d.ID, req.IDColumn).
				With(fault.Field{Location: "body.id_column", Message: "the data set has no such column"})
		}
	}
	var missing []fault.Field
	for _, in := range inputs(m, d, req) {
		if _, ok := schema.Lookup(in.Name); !ok {
			missing = append(missing, fault.Field{Location: fmt.Sprintf("column %q", in.Name), Message: "the data set has no such column"})
		}
	}
	if len(missing) > 0 {
		const show = 20
		names := make([]string, 0, show)
		for _, f := range missing[:min(len(missing), show)] {
			names = append(names, f.Location)
		}
		return fault.Invalid("missing_columns", "data set %s lacks %d of the columns that model %s needs, such as %s; add them, with exactly these names",
			d.ID, len(missing), m.ID, names[0]).With(slices.Clip(missing[:len(names)])...)
	}
	return nil
}
