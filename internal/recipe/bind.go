package recipe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Schema returns the columns of a table as recipes see them.
func Schema(s tabular.Schema) preprocess.Schema {
	out := make(preprocess.Schema, len(s))
	for i, f := range s {
		out[i] = preprocess.Field{Name: f.Name, Type: f.Type.Type(), Nullable: f.Nullable}
	}
	return out
}

// Table returns a schema as tables have it. Columns that only data tell are
// left out.
func Table(s preprocess.Schema) tabular.Schema {
	var out tabular.Schema
	for _, f := range s {
		if !f.Family {
			out = append(out, tabular.Field{Name: f.Name, Type: tabular.TypeOf(f.Type), Nullable: f.Nullable})
		}
	}
	return out
}

// Invalid says what is wrong with a recipe or with what it is applied to, as a
// fault with the place of every mistake: the step, its parameter, the column.
// Errors of other kinds pass through.
func Invalid(err error) error {
	all := []error{err}
	if m, ok := errors.AsType[*preprocess.MistakesError](err); ok {
		all = m.Unwrap()
	}
	var code, message string
	var fields []fault.Field
	for _, one := range all {
		e, ok := errors.AsType[*ml.InputError](one)
		if !ok {
			return err
		}
		f, prefix := place(one, e)
		if fields = append(fields, f); code == "" {
			code, message = e.Code, prefix+f.Message
		}
	}
	if more := len(fields) - 1; more > 0 {
		message += fmt.Sprintf("; and %d more", more)
	}
	return fault.Invalid(code, "%s", message).With(fields...)
}

// place says where a mistake is.
func place(err error, e *ml.InputError) (f fault.Field, prefix string) {
	location := "body.steps"
	if at, ok := errors.AsType[*preprocess.StepError](err); ok {
		location = fmt.Sprintf("body.steps[%d]", at.Step)
		prefix = fmt.Sprintf("step %d, %.60s: ", at.Step+1, at.Operation)
		switch e.Parameter {
		case "":
		case "name":
			if e.Code == "unknown_operation" {
				location += ".name"
			} else {
				location += ".parameters.name"
			}
		default:
			location += ".parameters." + e.Parameter
		}
	}
	if e.Code == "memory_needed" {
		told := *e
		told.Message = strings.Replace(e.Message, "allow it more", "allow it more (limits.step_bytes)", 1)
		e = &told
	}
	f = fault.Field{Location: location, Message: e.Message}
	if e.Column != "" {
		f.Value = e.Column
	}
	if e.Row >= 0 {
		f.Location += fmt.Sprintf(", row %d", e.Row+1)
	}
	return f, prefix
}

// others are the data sets that a recipe joins, as a tenant sees them.
type others struct {
	ctx      context.Context //nolint:containedctx // the vocabulary knows no contexts; one call's are one context's
	datasets Tables
	tenant   string
	pinned   []dataset.TableRef // versions that are to be read; others are the newest
	refs     []dataset.TableRef // what was read
	found    map[string]*dataset.Dataset
}

var _ preprocess.Tables = (*others)(nil)

func newOthers(ctx context.Context, datasets Tables, tenant string, pinned []dataset.TableRef) *others {
	return &others{ctx: ctx, datasets: datasets, tenant: tenant, pinned: pinned, found: make(map[string]*dataset.Dataset)}
}

// Describe implements preprocess.Tables.
func (o *others) Describe(id string) (preprocess.Schema, int64, error) {
	d, err := o.find(id)
	if err != nil {
		return nil, 0, err
	}
	return Schema(d.Version.Schema), d.Version.Rows, nil
}

func (o *others) find(id string) (*dataset.Dataset, error) {
	number := 0
	for _, r := range o.pinned {
		if r.DatasetID == id {
			number = r.Number
		}
	}
	d, _, err := o.datasets.At(o.ctx, o.tenant, id, number)
	if f, ok := fault.As(err); ok && (f.Class == fault.ClassNotFound || f.Class == fault.ClassConflict) {
		return nil, &ml.InputError{Code: f.Code, Parameter: "dataset", Row: -1, Message: f.Message}
	}
	if err != nil {
		return nil, err
	}
	o.found[id] = d
	ref := dataset.TableRef{DatasetID: id, Number: d.Version.Number, Hash: d.Version.Hash}
	if !slices.Contains(o.refs, ref) {
		o.refs = append(o.refs, ref)
	}
	return d, nil
}

// Each implements preprocess.Tables.
func (o *others) Each(id string, columns []string, fn func(x *frame.Frame) error) error {
	d, err := o.find(id)
	if err != nil {
		return err
	}
	return table{o.datasets, d, columns}.Each(o.ctx, fn)
}

// table is the rows of a version as a source.
type table struct {
	datasets Tables
	dataset  *dataset.Dataset
	columns  []string // nil: all
}

var _ preprocess.Source = table{}

// Each implements preprocess.Source.
func (t table) Each(ctx context.Context, fn func(x *frame.Frame) error) error {
	r, err := t.datasets.Source(ctx, t.dataset, t.columns)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read
	return tabular.Stream(ctx, r, func(c *tabular.Chunk) error { return fn(c.Frame) })
}

// bound is a recipe bound to a version of a data set.
type bound struct {
	*preprocess.Recipe
	others *others
}

// bind checks steps against the columns of a version.
func bind(ctx context.Context, datasets Tables, d *dataset.Dataset, steps []preprocess.Spec, budget int64, pinned []dataset.TableRef) (*bound, error) {
	b, err := bindInside(ctx, datasets, d, Inside{Columns: d.Version.Schema, Steps: steps, Tables: pinned, Budget: budget})
	if err == nil {
		err = newVeil(d).names(b)
	}
	if err != nil {
		return nil, Invalid(err)
	}
	return b, nil
}

func bindInside(ctx context.Context, datasets Tables, d *dataset.Dataset, in Inside) (*bound, error) {
	o := newOthers(ctx, datasets, d.Tenant, in.Tables)
	r, err := preprocess.Bind(in.Steps, Schema(in.Columns), preprocess.Environment{
		Expressions: expression.Compiler{}, Tables: o, Concealer: datasets.Concealer(d.Tenant), Budget: in.Budget, Rows: d.Version.Rows,
	})
	if err != nil {
		return nil, err
	}
	return &bound{r, o}, nil
}

// Inside is steps that are learned within a training.
type Inside struct {
	Columns tabular.Schema // those that the steps see
	Target  string
	Steps   []preprocess.Spec
	Tables  []dataset.TableRef // versions of joined data sets; others are the newest
	Budget  int64              // as ServiceConfig has it
}

// Bind binds steps to columns of a data set for a training, and says which tables
// they join. Beside what is wrong with the steps, it refuses those that read the
// target (step_reads_target), which nobody has who predicts, and those that make
// other rows (rows_are_made).
func Bind(ctx context.Context, datasets Tables, d *dataset.Dataset, in Inside) (*preprocess.Recipe, []dataset.TableRef, error) {
	b, err := bindInside(ctx, datasets, d, in)
	if err == nil {
		err = b.CheckRows()
	}
	if err == nil {
		err = newVeil(d).names(b)
	}
	if err != nil {
		return nil, nil, Invalid(withoutTarget(err, in.Target))
	}
	return b.Recipe, b.others.refs, nil
}

// withoutTarget says of columns that are missing because they are the target that
// they are.
func withoutTarget(err error, target string) error {
	all := []error{err}
	if m, ok := errors.AsType[*preprocess.MistakesError](err); ok {
		all = m.Unwrap()
	}
	for _, one := range all {
		if e, ok := errors.AsType[*ml.InputError](one); ok && e.Code == "missing_column" && e.Column == target {
			e.Code, e.Message = "step_reads_target", fmt.Sprintf("the steps of a training cannot read its target %q: who predicts does not have it", target)
		}
	}
	return err
}

// Decode reads fitted steps, as a version of a data set has them.
func Decode(b []byte, c preprocess.Concealer) ([]preprocess.Step, error) {
	steps, err := preprocess.DecodeWith(b, preprocess.Environment{Expressions: expression.Compiler{}, Concealer: c})
	return steps, Changed(err)
}

// Changed says of steps that were read back, where that is so, that the key has changed
// that they hash with, as a fault.
func Changed(err error) error {
	e, ok := errors.AsType[*ml.InputError](err)
	if !ok || e.Code != "hash_key_changed" && e.Code != "hash_key_missing" {
		return err
	}
	return fault.Conflict(e.Code, "%s", e.Message)
}
