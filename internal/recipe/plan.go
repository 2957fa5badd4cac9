package recipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Plan is what can be said of steps and a data set without reading its table.
type Plan struct {
	Before tabular.Schema
	Steps  []PlannedStep
	Reads  int // how often the table is read at most, the last time to write the new one
	Report *Compatibility
}

// PlannedStep is one step of a Plan.
type PlannedStep struct {
	Spec        preprocess.Spec
	Operation   preprocess.Operation
	Explanation string
	After       preprocess.Schema
	Reads       []string
	Writes      []string
}

// Compatibility is how the columns of a data set differ from those that a recipe
// was made for, as far as its steps look at them.
type Compatibility struct {
	Missing []string // columns that steps need and that are gone
	Retyped []string // columns that steps need and that have another type
	Unused  []string // columns that no step looks at and that the recipe did not know
}

// Check checks steps against a data set and says what each would do. When a
// saved recipe does not fit, the error has what is missing as fields.
func (s *Service) Check(ctx context.Context, caller account.Caller, u Use) (*Plan, error) {
	d, steps, v, err := s.resolve(ctx, caller, u)
	if err != nil {
		return nil, err
	}
	b, err := bind(ctx, s.datasets, d, steps, s.budget, nil)
	if err != nil {
		return nil, err
	}
	p := planOf(b, d.Version.Schema)
	if v != nil && len(v.Schema) > 0 {
		p.Report = compatibility(b, v.Schema, d.Version.Schema)
	}
	return p, nil
}

func (s *Service) resolve(ctx context.Context, caller account.Caller, u Use) (*dataset.Dataset, []preprocess.Spec, *Version, error) {
	steps, v, err := s.steps(ctx, caller, u)
	if err != nil {
		return nil, nil, nil, err
	}
	d, err := s.datasets.Look(ctx, caller.Tenant, u.DatasetID, u.Version)
	return d, steps, v, err
}

func planOf(b *bound, before tabular.Schema) *Plan {
	p := &Plan{Before: before, Reads: 1}
	for i := range b.Len() {
		p.Steps = append(p.Steps, PlannedStep{
			Spec: b.Spec(i), Operation: b.Operation(i), Explanation: b.Explain(i), After: b.Schemas()[i+1], Reads: b.Reads(i), Writes: b.Writes(i),
		})
		if b.Operation(i).Runs != preprocess.Streaming {
			p.Reads++
		}
	}
	return p
}

// compatibility compares the columns that a recipe was made for with those of a
// table that it fits.
func compatibility(b *bound, made, have tabular.Schema) *Compatibility {
	c := &Compatibility{}
	read := map[string]bool{}
	for i := range b.Len() {
		for _, name := range b.Reads(i) {
			read[name] = true
		}
	}
	for _, f := range made {
		now, ok := have.Lookup(f.Name)
		switch {
		case !ok:
			c.Missing = append(c.Missing, f.Name)
		case now.Type != f.Type && read[f.Name]:
			c.Retyped = append(c.Retyped, f.Name)
		}
	}
	for _, f := range have {
		if _, ok := made.Lookup(f.Name); !ok && !read[f.Name] {
			c.Unused = append(c.Unused, f.Name)
		}
	}
	return c
}

// Preview is what steps do to a sample of a data set.
type Preview struct {
	Sampled    bool  // whether the rows were drawn from all; else they are the first
	SampleRows int64 // how many there are
	RowsTotal  int64 // of the table
	Steps      []StepPreview
	Before     *Rows
	After      *Rows
}

// StepPreview is what one step does to the sample.
type StepPreview struct {
	Name           string
	Explanation    string
	RowsBefore     int
	RowsAfter      int
	CellsChanged   int // of columns that were there before, in rows that stay; -1 when rows are others
	ColumnsAdded   []string
	ColumnsRemoved []string
}

// Rows are some rows of a table.
type Rows struct {
	Schema tabular.Schema
	Values [][]any
}

// MaxPreviewRows is how many rows a preview shows at most.
const MaxPreviewRows = 1000

// Preview applies steps to the sample of a data set; limit is how many rows are
// shown, 0 means 100.
func (s *Service) Preview(ctx context.Context, caller account.Caller, u Use, limit int) (*Preview, error) {
	if limit <= 0 {
		limit = 100
	}
	d, steps, _, err := s.resolve(ctx, caller, u)
	if err != nil {
		return nil, err
	}
	hidden := newVeil(d)
	x, sampled, err := s.sample(ctx, d)
	if err != nil {
		return nil, err
	}
	b, err := bind(ctx, s.datasets, d, steps, s.budget, nil)
	if err != nil {
		return nil, err
	}
	fitted, err := b.Fit(ctx, preprocess.Frames{x}, nil, nil)
	if err != nil {
		return nil, hidden.fault(b, err)
	}
	p := &Preview{Sampled: sampled, SampleRows: int64(x.Rows()), RowsTotal: d.Version.Rows, Before: rowsOf(x, limit)}
	after, err := fitted.Trace(x, func(i int, before, after *frame.Frame) {
		p.Steps = append(p.Steps, traced(b, i, before, after))
	})
	if err != nil {
		return nil, hidden.fault(b, err)
	}
	p.After = rowsOf(after, limit)
	hidden.mask(p.Before)
	hidden.through(b, b.Len())
	hidden.mask(p.After)
	return p, nil
}

func traced(b *bound, i int, before, after *frame.Frame) StepPreview {
	s := StepPreview{Name: b.Operation(i).Name, Explanation: b.Explain(i), RowsBefore: before.Rows(), RowsAfter: after.Rows(), CellsChanged: -1}
	for _, c := range after.Columns() {
		if _, ok := before.Column(c.Name()); !ok {
			s.ColumnsAdded = append(s.ColumnsAdded, c.Name())
		}
	}
	for _, c := range before.Columns() {
		if _, ok := after.Column(c.Name()); !ok {
			s.ColumnsRemoved = append(s.ColumnsRemoved, c.Name())
		}
	}
	switch {
	case b.Operation(i).Rows == preprocess.Makes || b.Operation(i).Name == "sort_rows":
	case before.Rows() != after.Rows():
		s.CellsChanged = 0 // rows went, and those that stay are as they were
	default:
		s.CellsChanged = cellsChanged(before, after)
	}
	return s
}

// cellsChanged counts the values that are others in columns of both tables.
func cellsChanged(before, after *frame.Frame) int {
	n := 0
	for _, c := range after.Columns() {
		old, ok := before.Column(c.Name())
		if !ok {
			continue
		}
		for i := range c.Len() {
			if !sameValue(old, c, i) {
				n++
			}
		}
	}
	return n
}

func sameValue(a, b frame.Column, i int) bool {
	switch {
	case a.Null(i) || b.Null(i):
		return a.Null(i) == b.Null(i)
	case a.Type() == frame.String && b.Type() == frame.String:
		return a.Text(i) == b.Text(i)
	case a.Type() == frame.String || b.Type() == frame.String:
		return false
	case a.Type() != frame.Float && b.Type() != frame.Float:
		return a.Int(i) == b.Int(i) && (a.Type() == b.Type() || a.Type() != frame.Time && b.Type() != frame.Time)
	default:
		return a.Float(i) == b.Float(i) || math.IsNaN(a.Float(i)) && math.IsNaN(b.Float(i))
	}
}

// sample reads the sample of a version; of old records, which have none, the
// first rows.
func (s *Service) sample(ctx context.Context, d *dataset.Dataset) (*frame.Frame, bool, error) {
	r, sampled, err := s.datasets.OpenSample(ctx, d)
	if err != nil {
		return nil, false, err
	}
	defer r.Close() //nolint:errcheck // only read
	if sampled {
		x, err := tabular.ReadFrame(ctx, r)
		if err != nil {
			return nil, false, fmt.Errorf("read sample of data set %s: %w", d.ID, err)
		}
		return x, true, nil
	}
	c, err := r.Next(ctx)
	if errors.Is(err, io.EOF) {
		return nil, false, fmt.Errorf("read sample of data set %s: there are no rows", d.ID)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read sample of data set %s: %w", d.ID, err)
	}
	return c.Frame, false, nil
}

func rowsOf(x *frame.Frame, limit int) *Rows {
	out := &Rows{Schema: tabular.SchemaOf(x), Values: make([][]any, 0, min(limit, x.Rows()))}
	for i := range min(limit, x.Rows()) {
		row := make([]any, len(x.Columns()))
		for k, c := range x.Columns() {
			row[k] = tabular.Value(c, i)
		}
		out.Values = append(out.Values, row)
	}
	return out
}

// Label says what rows the counts of a preview are of.
func (p *Preview) Label() string {
	switch {
	case p.SampleRows >= p.RowsTotal:
		return fmt.Sprintf("All %d rows.", p.RowsTotal)
	case p.Sampled:
		return fmt.Sprintf("A sample of %d of %d rows, drawn at random. Counts, and what steps learn, are of the sample.", p.SampleRows, p.RowsTotal)
	default:
		return fmt.Sprintf("The first %d of %d rows: this version has no sample. Counts, and what steps learn, are of those.", p.SampleRows, p.RowsTotal)
	}
}
