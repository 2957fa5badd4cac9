package httpapi_test

import (
	"context"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/tabular"
)

func (f *datasets) Schema(ctx context.Context, tenant, id string) (*dataset.Dataset, []dataset.DescribedColumn, error) {
	if err := f.ready(ctx, tenant, id); err != nil {
		return nil, nil, err
	}
	d, err := f.Get(ctx, tenant, id)
	if err != nil {
		return nil, nil, err
	}
	var columns []dataset.DescribedColumn
	for _, c := range d.TableColumns() {
		columns = append(columns, dataset.DescribedColumn{
			Column: c, Agree: 2, Disagree: 1, Disagreeing: []tabular.Sample{{Row: 1, Value: "x"}},
			Suggestion: &tabular.Suggestion{Type: tabular.SemanticDate, Reason: tabular.ReasonMostly, Layouts: []tabular.Layout{tabular.DayFirst}, Agree: 2, Disagree: 1},
		})
	}
	return d, columns, nil
}

// ChangeSchema keeps roles and answers types with a job.
func (f *datasets) ChangeSchema(ctx context.Context, c dataset.SchemaChange) (*dataset.Dataset, *job.Job, error) {
	if err := f.ready(ctx, c.Tenant, c.ID); err != nil {
		return nil, nil, err
	}
	d, err := f.Get(ctx, c.Tenant, c.ID)
	if err != nil {
		return nil, nil, err
	}
	if c.Revision != nil && *c.Revision != d.Revision {
		return nil, nil, fault.Conflict(dataset.CodeSchemaChanged, "it was changed meanwhile")
	}
	var j *job.Job
	f.mu.Lock()
	defer f.mu.Unlock()
	d.Settings = map[string]dataset.Setting{}
	for _, change := range c.Columns {
		d.Settings[change.Name] = dataset.Setting{Role: tabular.Role(change.Role)}
		if change.Type != "" {
			j = f.jobs.add(c.Tenant, "retype", c.ID)
		}
	}
	d.Revision++
	return d, j, nil
}

func (f *datasets) Reprofile(ctx context.Context, tenant, _, id, key string) (*job.Job, bool, error) {
	if err := f.ready(ctx, tenant, id); err != nil {
		return nil, false, err
	}
	return f.jobs.submit(ctx, job.Submission{Tenant: tenant, Kind: job.Kind{Name: "profile"}, Subject: id, IdempotencyKey: key})
}

func (f *datasets) Chart(_ context.Context, d *dataset.Dataset, req chart.Request) (*chart.Chart, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.charts++
	return &chart.Chart{Kind: req.Kind, X: req.X, Rows: d.Version.Rows, RowsRead: 2, Bars: []chart.Bar{{From: 1.5, To: 2.5, Count: 2}}}, nil
}
