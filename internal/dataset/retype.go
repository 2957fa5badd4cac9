package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// RetypeKind declares the job that reads a file again with types that people
// have chosen.
func RetypeKind() job.Kind {
	return job.Kind{Name: "retype", Pool: "data", Version: 2, Timeout: 6 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// RetypeRequest is the payload of a retype job.
type RetypeRequest struct {
	DatasetID string             `json:"dataset_id"`
	Reading   int                `json:"reading"` // what the version will be of
	Columns   map[string]Setting `json:"columns"`
	Parent    int                `json:"parent,omitempty"` // the version whose types were changed; 0: the first
	// Reproduces is the version that is made again, and Expect the hash that it
	// must have.
	Reproduces int    `json:"reproduces,omitempty"`
	Expect     string `json:"expect,omitempty"`
}

// Retyper runs retype jobs.
type Retyper struct{ *Runner }

// Run makes a typed table and a profile of the data set's file, with the types
// of the request. Values that are not of a chosen type are missing then, and are
// counted. Beside what is wrong with a file, its mistakes are type_unfit, when
// no value is of the type, and layout_required, when values can be read in two
// ways.
func (r Retyper) Run(ctx context.Context, t *job.Task, req RetypeRequest) (*IngestResult, error) {
	for name, set := range req.Columns {
		if set.Type != "" && !slices.Contains(tabular.Semantics(), set.Type) {
			return nil, fault.Invalid("invalid_payload", "the type of column %q is %q, which is none", name, set.Type)
		}
	}
	d, err := r.find(ctx, t, req.DatasetID)
	if err != nil {
		return nil, err
	}
	if d.SealedBefore > 0 {
		return nil, ErrSealed(d, 1)
	}
	made, err := r.run(ctx, t, req.DatasetID, func(in *ingest) { in.settings, in.reading = req.Columns, req.Reading })
	if err == nil && req.Expect != "" && made.Version.Hash != req.Expect {
		return nil, job.Permanent(fault.New(fault.ClassInternal, "other_content", "version %d of data set %s was made again and holds something else: its hash was %s and is %s",
			req.Reproduces, req.DatasetID, req.Expect, made.Version.Hash))
	}
	return made, err
}

// Publish makes the result a version of the data set, behind those there are, and
// keeps the types it was made with; roles stay as they are by now.
func (r Retyper) Publish(ctx context.Context, j *job.Job, result json.RawMessage) error {
	var made IngestResult
	var req RetypeRequest
	if err := json.Unmarshal(result, &made); err != nil {
		return fmt.Errorf("decode result of job %s: %w", j.ID, err)
	}
	if err := json.Unmarshal(j.Payload, &req); err != nil {
		return fmt.Errorf("decode payload of job %s: %w", j.ID, err)
	}
	d, err := r.table.Get(ctx, made.DatasetID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // gone for good meanwhile
	}
	if err != nil {
		return storeFault(err)
	}
	if d.Deleted || d.Version == nil || made.Version.Reading <= d.Version.Reading {
		return nil
	}
	number, err := r.history.insert(ctx, d, r.reread(j, d, &made, &req))
	if err != nil {
		return err
	}
	return r.publish(ctx, j, made.DatasetID, func(d *Dataset, rules *Rules) error {
		if d.Version == nil || d.Version.number() >= number || d.SealedBefore > 0 {
			return store.ErrUnchanged
		}
		settings := make(map[string]Setting)
		for _, f := range made.Version.Schema {
			set, now := req.Columns[f.Name], d.Settings[f.Name]
			if set.Role = now.Role; set != (Setting{}) {
				settings[f.Name] = set
			}
		}
		v := made.Version
		v.Number = number
		d.FileFormat, d.Version, d.Settings = &made.Version.Format, &v, settings
		if state := d.settled(rules); state == NeedsPolicy {
			d.State = state
		}
		return nil
	})
}

// reread is the record of what a retype job made.
func (r Retyper) reread(j *job.Job, d *Dataset, made *IngestResult, req *RetypeRequest) *Revision {
	rev := &Revision{
		Tenant: d.Tenant, DatasetID: d.ID, Version: made.Version, User: j.User,
		Parent: max(req.Parent, 1), Columns: req.Columns, RowsBefore: d.Version.Rows, ReproducedFrom: req.Reproduces,
	}
	rev.Added, rev.Removed, rev.Retyped = Difference(d.Version.Schema, made.Version.Schema)
	return rev
}

// choose gives the columns of the table the types that were chosen for them.
func (in *ingest) choose(ctx context.Context, table *tabular.Table) error {
	var unclear []int
	for i := range table.Schema {
		f := &table.Schema[i]
		set := in.settings[f.Name]
		if set.Type == "" || set.Type.Holds(f.Type) && (set.Layout == "" || set.Layout == f.Layout) {
			continue
		}
		storage := set.Type.Storage()
		*f = tabular.Field{Name: f.Name, Type: storage[0], Nullable: true, Layout: set.Layout, Lenient: true}
		if set.Layout == "" && len(set.Type.LayoutsOf()) > 0 || set.Type == tabular.SemanticCurrency {
			unclear = append(unclear, i)
		}
	}
	if len(unclear) == 0 {
		return nil
	}
	found, err := in.evidence(ctx, table, unclear)
	if err != nil {
		return err
	}
	for k, i := range unclear {
		f := &table.Schema[i]
		set := in.settings[f.Name]
		layout, unit, err := found[k].Choose(set.Type, set.Layout)
		if err != nil {
			return fault.Invalid(fault.CodeOf(err), "column %q: %s", f.Name, messageOf(err)).
				With(fault.Field{Location: fmt.Sprintf("column %q", f.Name), Message: messageOf(err)})
		}
		f.Layout, f.Unit = layout, unit
	}
	return nil
}

func messageOf(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Message
	}
	return err.Error()
}

// evidence reads the columns as text and says what forms their values have.
func (in *ingest) evidence(ctx context.Context, table *tabular.Table, columns []int) ([]*tabular.Evidence, error) {
	var wanted tabular.Schema
	found := make([]*tabular.Evidence, len(columns))
	for k, i := range columns {
		wanted = append(wanted, tabular.Field{Name: table.Schema[i].Name, Type: tabular.String, Nullable: true})
		found[k] = new(tabular.Evidence)
	}
	r, src, _, err := in.reader(ctx, table, wanted)
	if err != nil {
		return nil, err
	}
	defer src.Close() //nolint:errcheck // only read
	err = tabular.Stream(ctx, r, func(c *tabular.Chunk) error {
		for k, column := range c.Frame.Columns() {
			found[k].AddColumn(column, c.Rows)
		}
		in.task.Report.Progress("compare", inferredAt, c.Rows[len(c.Rows)-1], table.Rows)
		return nil
	})
	return found, err
}

// unfit refuses types that no value of a column has.
func (in *ingest) unfit(table *tabular.Table, p *profile.Profile) error {
	for _, c := range p.Columns {
		f, _ := table.Schema.Lookup(c.Name)
		if f.Lenient && c.Count == 0 && c.Disagree > 0 {
			return fault.Invalid("type_unfit", "no value of column %q is of the type %s; %q in row %d is none, for example", c.Name, in.settings[c.Name].Type, c.Disagreeing[0].Value, c.Disagreeing[0].Row).
				With(fault.Field{Location: fmt.Sprintf("column %q", c.Name), Message: "choose another type, or another layout", Value: in.settings[c.Name].Type})
		}
	}
	return nil
}
