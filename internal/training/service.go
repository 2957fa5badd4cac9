package training

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Jobs takes submissions.
type Jobs interface {
	Submit(ctx context.Context, s job.Submission) (*job.Job, bool, error)
}

// Datasets finds data sets.
type Datasets interface {
	// Fixed returns the data set as it was with a version; 0: the first.
	Fixed(ctx context.Context, tenant, id string, number int) (*dataset.Dataset, error)
	recipe.Tables
}

// Recipes finds recipes.
type Recipes interface {
	// Steps returns the steps of a version of a recipe, 0 for the newest, and its
	// number.
	Steps(ctx context.Context, caller account.Caller, id string, version int) ([]preprocess.Spec, int, error)
}

// Service accepts training jobs.
type Service struct {
	jobs     Jobs
	datasets Datasets
	recipes  Recipes
	budget   int64
}

// NewService returns a Service; budget is how many bytes a step of a recipe may
// hold, 0 for the default.
func NewService(jobs Jobs, datasets Datasets, recipes Recipes, budget int64) *Service {
	return &Service{jobs: jobs, datasets: datasets, recipes: recipes, budget: budget}
}

// Kind declares the training job.
func Kind() job.Kind {
	return job.Kind{Name: "training", Pool: "training", Version: 4, Timeout: 24 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// Submit checks the request against the data set and submits a job. A repeated
// idempotency key gives the job it gave before; created tells which.
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
	d, err := s.datasets.Fixed(ctx, caller.Tenant, req.DatasetID, cmp.Or(req.Version, dataset.Newest))
	if err != nil {
		return job.Submission{}, err
	}
	if err := check(d, req); err != nil {
		return job.Submission{}, err
	}
	if err := s.resolve(ctx, caller, &req); err != nil {
		return job.Submission{}, err
	}
	also, err := s.bind(ctx, d, &req)
	if err != nil {
		return job.Submission{}, err
	}
	kind := Kind()
	// What is newer than the first version stays the table that was meant.
	req.Version = d.Version.Number // 0 or 1 is the first
	switch {
	case len(req.Steps) > 0:
	case req.Version > 1: // its steps go with the model
	case req.FoldsAsJobs:
		kind.Version, req.Version = 2, 0 // workers that know no versions can do it
	default:
		kind.Version, req.Version = 1, 0 // those that know no folds, too
	}
	limits, order := req.Limits, req.Order
	req.Limits, req.Order = job.Limits{}, job.Order{} // they are no part of what is to be done
	return job.Submission{
		Kind: kind, Tenant: caller.Tenant, User: caller.User, Subject: d.ID, Also: also,
		Payload: req,
		Memory:  needs(d.Version, req), Limits: limits, After: order.After, Priority: order.Priority,
	}, nil
}

// check says what can be said before the table is read.
func check(d *dataset.Dataset, req Request) error {
	if d.State != dataset.Ready || d.Version == nil {
		return fault.Conflict("dataset_not_ready", "data set %s is %s; training needs it ready: wait for its ingest job %s", d.ID, d.State, d.JobID)
	}
	schema := d.Version.Schema
	var wrong []fault.Field
	if _, ok := schema.Lookup(req.Target); !ok {
		wrong = append(wrong, unknownColumn("body.target", req.Target, schema))
	}
	for i, name := range req.Features {
		if _, ok := schema.Lookup(name); !ok {
			wrong = append(wrong, unknownColumn(fmt.Sprintf("body.features[%d]", i), name, schema))
		}
		if name == req.Target {
			wrong = append(wrong, fault.Field{Location: fmt.Sprintf("body.features[%d]", i), Message: "the target cannot be a feature", Value: name})
		}
	}
	for i, name := range req.Exclude {
		if _, ok := schema.Lookup(name); !ok {
			wrong = append(wrong, unknownColumn(fmt.Sprintf("body.exclude[%d]", i), name, schema))
		}
		if name == req.Target {
			wrong = append(wrong, fault.Field{Location: fmt.Sprintf("body.exclude[%d]", i), Message: "the target cannot be left out", Value: name})
		}
	}
	wrong = append(wrong, checkDivider("body.group_column", req.GroupColumn, req.Target, schema)...)
	wrong = append(wrong, checkDivider("body.time_column", req.TimeColumn, req.Target, schema)...)
	wrong = append(wrong, checkWeight(req, schema)...)
	if len(wrong) > 0 {
		return fault.Invalid("unknown_column", "the request names columns that data set %s does not have or cannot use so", d.ID).With(wrong...)
	}
	if req.PositiveClass != "" && req.Task != "" && req.Task != string(ml.Binary) {
		return fault.Invalid("positive_class_not_binary", "positive_class goes with a binary task only, and task is %q", req.Task).
			With(fault.Field{Location: "body.positive_class", Message: "leave it out, or ask for task binary", Value: req.PositiveClass})
	}
	if f, ok := schema.Lookup(req.TimeColumn); ok && (f.Type == tabular.String || f.Type == tabular.Boolean) {
		return fault.Invalid("column_type", "column %q of data set %s holds values of type %s; a time is a datetime or a number", f.Name, d.ID, f.Type).
			With(fault.Field{Location: "body.time_column", Message: "name a column of datetimes or numbers", Value: f.Name})
	}
	if f, ok := schema.Lookup(req.WeightColumn); ok && f.Type != tabular.Float && f.Type != tabular.Integer {
		return fault.Invalid("column_type", "column %q of data set %s holds values of type %s; a weight is a number", f.Name, d.ID, f.Type).
			With(fault.Field{Location: "body.weight_column", Message: "name a column of numbers", Value: f.Name})
	}
	if kind, private := d.Private()[req.Target]; private {
		return fault.Invalid("target_is_personal", "column %q of data set %s holds personal data (%s), and a model would tell its values as its classes; predict another column, or set its policy", req.Target, d.ID, kind).
			With(fault.Field{Location: "body.target", Message: "holds personal data", Value: req.Target})
	}
	p := params(req, schema)
	if len(p.Features) == 0 {
		return fault.Invalid("no_features", "no column of data set %s is left to learn from besides the target %q; at least one is needed", d.ID, req.Target).
			With(fault.Field{Location: "body.exclude", Message: "leave out fewer columns"})
	}
	return model.Invalid(p.Validate())
}

// checkDivider checks the column that rows are divided by, if one is named.
func checkDivider(location, name, target string, schema tabular.Schema) []fault.Field {
	_, ok := schema.Lookup(name)
	switch {
	case name == "":
		return nil
	case !ok:
		return []fault.Field{unknownColumn(location, name, schema)}
	case name == target:
		return []fault.Field{{Location: location, Message: "the rows cannot be divided by the target", Value: name}}
	default:
		return nil
	}
}

// checkWeight checks the column that rows are weighed by, if one is named.
func checkWeight(req Request, schema tabular.Schema) []fault.Field {
	name := req.WeightColumn
	_, ok := schema.Lookup(name)
	switch {
	case name == "":
		return nil
	case !ok:
		return []fault.Field{unknownColumn("body.weight_column", name, schema)}
	case name == req.Target:
		return []fault.Field{{Location: "body.weight_column", Message: "the rows cannot be weighed by the target", Value: name}}
	default:
		return nil
	}
}

// columns returns what of the table is read.
func columns(p automl.Params) []string {
	names := append(slices.Clone(p.Features), p.Target)
	for _, name := range []string{p.GroupColumn, p.TimeColumn, p.WeightColumn} {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// params turns a request into parameters; what it leaves open keeps its
// default.
func params(req Request, schema tabular.Schema) automl.Params {
	p := automl.DefaultParams()
	p.Target, p.PositiveClass, p.Metric = req.Target, req.PositiveClass, req.Metric
	p.Task = ml.Task(req.Task)
	p.Features = req.Features
	if len(p.Features) == 0 {
		for _, f := range schema {
			if f.Name != req.Target && f.Name != req.GroupColumn && f.Name != req.WeightColumn {
				p.Features = append(p.Features, f.Name)
			}
		}
	}
	p.Features = slices.DeleteFunc(slices.Clone(p.Features), func(name string) bool { return slices.Contains(req.Exclude, name) })
	if len(req.Algorithms) > 0 {
		p.Algorithms = req.Algorithms
	}
	if req.Encoding != "" {
		p.Encoding = req.Encoding
	}
	prepare(&p, req)
	if req.Folds != 0 {
		p.Folds = req.Folds
	}
	if req.TestFraction != 0 {
		p.TestFraction = req.TestFraction
	}
	if req.Seed != 0 {
		p.Seed = req.Seed
	}
	if req.Trees != 0 {
		p.Trees = req.Trees
	}
	if req.Split != "" {
		p.Split = req.Split
	}
	p.GroupColumn, p.TimeColumn, p.Gap, p.Window = req.GroupColumn, req.TimeColumn, req.Gap, req.Window
	if req.Repeats != 0 {
		p.Repeats = req.Repeats
	}
	if req.ClassWeight != "" {
		p.ClassWeight = req.ClassWeight
	}
	p.WeightColumn = req.WeightColumn
	return p
}

// prepare sets how rows are prepared.
func prepare(p *automl.Params, req Request) {
	p.Imputation, p.Scaling, p.DateCycles = req.Imputation, req.Scaling, req.DateCycles
	p.MinVariance, p.MaxCorrelation = req.MinVariance, req.MaxCorrelation
}

func unknownColumn(location, name string, schema tabular.Schema) fault.Field {
	const shown = 20
	var have []string
	for _, f := range schema[:min(len(schema), shown)] {
		have = append(have, strconv.Quote(f.Name))
	}
	message := "no such column; the data set has " + strings.Join(have, ", ")
	if len(schema) > shown {
		message += fmt.Sprintf(" and %d more", len(schema)-shown)
	}
	return fault.Field{Location: location, Message: message, Value: name}
}
