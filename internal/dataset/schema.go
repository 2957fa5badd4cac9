package dataset

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// Setting is what people have set for a column; what is empty is found out.
type Setting struct {
	Type   tabular.Semantic `json:"type,omitempty"`
	Layout tabular.Layout   `json:"layout,omitempty"` // how its texts are read
	Role   tabular.Role     `json:"role,omitempty"`
}

// Column is a column of a data set as it is used.
type Column struct {
	tabular.Field
	Semantic tabular.Semantic // what it means: found out, or chosen
	Chosen   bool             // somebody has chosen it
	Role     tabular.Role
}

// TableColumns returns the columns of the newest version, none before there is one.
func (d *Dataset) TableColumns() []Column {
	if d.Version == nil {
		return nil
	}
	columns := make([]Column, len(d.Version.Schema))
	for i, f := range d.Version.Schema {
		set := d.Settings[f.Name]
		c := Column{Field: f, Semantic: d.Version.semantic(i), Role: set.Role}
		if set.Type != "" && set.Type.Holds(f.Type) {
			c.Semantic, c.Chosen = set.Type, true
		}
		columns[i] = c
	}
	return columns
}

// semantic returns what was found out about column i. Versions of before know
// how it is stored only.
func (v *Version) semantic(i int) tabular.Semantic {
	if i < len(v.Types) && v.Types[i].Holds(v.Schema[i].Type) {
		return v.Types[i]
	}
	return tabular.SemanticOf(v.Schema[i])
}

// What a change says to take something back.
const (
	TypeFound = "auto" // the type is the one that is found
	RoleNone  = "none"
)

// ColumnChange is what is to be set for a column; what is empty stays.
type ColumnChange struct {
	Name   string
	Type   string
	Layout string
	Role   string
}

// SchemaChange is a request to set the types and roles of columns.
type SchemaChange struct {
	Tenant   string
	User     string
	ID       string
	Columns  []ColumnChange
	Revision *int64 // of the data set that the change was made for; nil: any
}

const maxChanges = 10_000

// ChangeSchema sets types and roles of columns. What only says more about the
// columns as they are stored is kept at once. A type that is stored in another
// way takes a job, which reads the file again; its types are kept when it has
// succeeded. The job is nil when there is none.
//
// Mistakes are fault.Invalid with a place for each: schema_invalid. A data set
// that a job is about cannot be stored anew: fault.Conflict dataset_in_use.
func (s *Service) ChangeSchema(ctx context.Context, c SchemaChange) (*Dataset, *job.Job, error) {
	d, err := s.ready(ctx, c.Tenant, c.ID)
	if err != nil {
		return nil, nil, err
	}
	wanted, err := s.check(ctx, d, c)
	if err != nil {
		return nil, nil, err
	}
	var j *job.Job
	if stale := anew(d, wanted); len(stale) > 0 {
		if j, err = s.retype(ctx, d, c.User, wanted, stale); err != nil {
			return nil, nil, err
		}
	}
	d, err = s.table.Update(ctx, d.ID, func(d *Dataset) error {
		if c.Revision != nil && d.Revision != *c.Revision {
			return errChanged(d.ID)
		}
		kept := maps.Clone(wanted)
		for name, set := range kept {
			// A type that is not what is stored waits for its job.
			if f, ok := d.Version.Schema.Lookup(name); ok && set.Type != "" && (!set.Type.Holds(f.Type) || set.Layout != f.Layout && set.Layout != "") {
				before := d.Settings[name]
				set.Type, set.Layout = before.Type, before.Layout
				kept[name] = set
			}
			if kept[name] == (Setting{}) {
				delete(kept, name)
			}
		}
		if maps.Equal(kept, d.Settings) {
			return store.ErrUnchanged
		}
		d.Settings = kept
		return nil
	})
	return d, j, storeFault(err)
}

// CodeSchemaChanged says that the data set is not what the change was made for.
const CodeSchemaChanged = "schema_changed"

func errChanged(id string) error {
	return fault.Conflict(CodeSchemaChanged, "data set %s was changed meanwhile; read its schema again and decide on what it is now", id)
}

// check validates the change against the columns that there are and returns
// what is set for all columns then.
func (s *Service) check(ctx context.Context, d *Dataset, c SchemaChange) (map[string]Setting, error) {
	if c.Revision != nil && d.Revision != *c.Revision {
		return nil, errChanged(d.ID)
	}
	if len(c.Columns) == 0 || len(c.Columns) > maxChanges {
		return nil, fault.Invalid("schema_invalid", "the change names %d columns; name 1 to %d", len(c.Columns), maxChanges).
			With(fault.Field{Location: "body.columns", Message: "must name columns"})
	}
	described, err := s.described(ctx, d)
	if err != nil {
		return nil, err
	}
	k := &checker{dataset: d, described: described, wanted: maps.Clone(d.Settings), seen: map[string]bool{}}
	if k.wanted == nil {
		k.wanted = make(map[string]Setting)
	}
	for i, change := range c.Columns {
		k.at = "body.columns[" + strconv.Itoa(i) + "]"
		k.column(change)
	}
	k.roles(c.Columns)
	if len(k.mistakes) == 0 {
		return k.wanted, nil
	}
	const show = 50
	return nil, fault.Invalid("schema_invalid", "%d settings of columns cannot be: %s", len(k.mistakes), k.mistakes[0].Message).
		With(k.mistakes[:min(len(k.mistakes), show)]...)
}

// described returns the profile of the data set.
func (s *Service) described(ctx context.Context, d *Dataset) (*profile.Profile, error) {
	raw, err := s.ProfileOf(ctx, d)
	if err != nil {
		return nil, err
	}
	p, err := profile.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", d.ID, err)
	}
	return p, nil
}

// DescribedColumn is a column with what the profile says about its type.
type DescribedColumn struct {
	Column
	Agree       int64            // values that are of the type
	Disagree    int64            // values that are not
	Disagreeing []tabular.Sample // the first of those
	Suggestion  *tabular.Suggestion
}

// Schema returns the data set, and its columns with the evidence for their types.
func (s *Service) Schema(ctx context.Context, tenant, id string) (*Dataset, []DescribedColumn, error) {
	d, err := s.ready(ctx, tenant, id)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.described(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	columns := make([]DescribedColumn, 0, len(d.Version.Schema))
	for _, c := range d.TableColumns() {
		described := DescribedColumn{Column: c}
		if found := p.Column(c.Name); found != nil {
			described.Agree, described.Disagree, described.Disagreeing, described.Suggestion = found.Agree, found.Disagree, found.Disagreeing, found.Suggestion
		}
		columns = append(columns, described)
	}
	return d, columns, nil
}

// checker collects the mistakes of a change.
type checker struct {
	dataset   *Dataset
	described *profile.Profile
	wanted    map[string]Setting
	seen      map[string]bool
	at        string
	mistakes  []fault.Field
}

func (k *checker) wrong(where string, value any, format string, args ...any) {
	k.mistakes = append(k.mistakes, fault.Field{Location: k.at + where, Message: fmt.Sprintf(format, args...), Value: value})
}

func (k *checker) column(c ColumnChange) {
	f, ok := k.dataset.Version.Schema.Lookup(c.Name)
	if !ok {
		k.wrong(".name", c.Name, "there is no column %q", c.Name)
		return
	}
	if k.seen[c.Name] {
		k.wrong(".name", c.Name, "the column %q was named before", c.Name)
		return
	}
	k.seen[c.Name] = true
	set := k.wanted[c.Name]
	k.typ(&set, f, c)
	switch role := tabular.Role(c.Role); {
	case c.Role == "":
	case c.Role == RoleNone:
		set.Role = ""
	case !slices.Contains(tabular.Roles(), role):
		k.wrong(".role", c.Role, "%q is no role; give one of %s, or none", c.Role, list(tabular.Roles()))
	default:
		set.Role = role
	}
	k.wanted[c.Name] = set
}

func (k *checker) typ(set *Setting, f tabular.Field, c ColumnChange) {
	typ, layout := tabular.Semantic(c.Type), tabular.Layout(c.Layout)
	switch {
	case c.Type == "" && c.Layout == "":
		return
	case c.Type == TypeFound:
		if c.Layout != "" {
			k.wrong(".layout", c.Layout, "a layout goes with a type that is chosen")
			return
		}
		set.Type, set.Layout = "", ""
		return
	case c.Type == "":
		described := k.described.Column(c.Name)
		switch {
		case set.Type != "":
			typ = set.Type
		case described != nil && described.Suggestion != nil:
			typ = described.Suggestion.Type
		default:
			typ = k.semantic(f)
		}
	case !slices.Contains(tabular.Semantics(), typ):
		k.wrong(".type", c.Type, "%q is no type; give one of %s, or auto", c.Type, list(tabular.Semantics()))
		return
	}
	layouts := typ.LayoutsOf()
	if layout != "" && !slices.Contains(layouts, layout) {
		if len(layouts) == 0 {
			k.wrong(".layout", c.Layout, "values of the type %s have no layouts", typ)
		} else {
			k.wrong(".layout", c.Layout, "%q is no layout of the type %s; give one of %s", c.Layout, typ, list(layouts))
		}
		return
	}
	if described := k.described.Column(c.Name); layout == "" && described != nil && described.Suggestion != nil && !typ.Holds(f.Type) {
		s := described.Suggestion
		if s.Reason == tabular.ReasonAmbiguous && (s.Type == typ || s.Type == tabular.SemanticDate && typ == tabular.SemanticDatetime) {
			k.wrong(".layout", "", "the values of %q can be read in more than one way; say which layout they have: %s", c.Name, list(s.Layouts))
			return
		}
	}
	set.Type, set.Layout = typ, layout
}

// semantic returns the type that was found for the field.
func (k *checker) semantic(f tabular.Field) tabular.Semantic {
	for i, other := range k.dataset.Version.Schema {
		if other.Name == f.Name {
			return k.dataset.Version.semantic(i)
		}
	}
	return tabular.SemanticOf(f)
}

// roles sees to it that each role is on columns that can have it, and on no more
// than one where that is so. A column that gets a role takes it from the one that
// had it before.
func (k *checker) roles(changes []ColumnChange) {
	holder := make(map[tabular.Role]string)
	for i, c := range changes {
		role := k.wanted[c.Name].Role
		if c.Role == "" || c.Role == RoleNone || role == "" || string(role) != c.Role {
			continue
		}
		k.at = "body.columns[" + strconv.Itoa(i) + "]"
		if first, ok := holder[role]; ok && role.Single() {
			k.wrong(".role", c.Role, "only one column can be the %s; %q is to be it, too", role, first)
			continue
		}
		holder[role] = c.Name
		k.fits(c.Name, role)
	}
	for name, set := range k.wanted {
		if first, ok := holder[set.Role]; ok && set.Role.Single() && name != first {
			set.Role = ""
			k.wanted[name] = set
		}
	}
}

// fits refuses roles that a column of its type cannot have.
func (k *checker) fits(name string, role tabular.Role) {
	f, _ := k.dataset.Version.Schema.Lookup(name)
	storage := f.Type
	if set := k.wanted[name]; set.Type != "" && !set.Type.Holds(storage) {
		storage = set.Type.Storage()[0]
	}
	number := storage == tabular.Integer || storage == tabular.Float
	switch {
	case role == tabular.RoleWeight && !number:
		k.wrong(".role", role, "weights are numbers, and %q holds values of the type %s", name, storage)
	case role == tabular.RoleTime && !number && storage != tabular.Datetime:
		k.wrong(".role", role, "a time is a date, an instant or a number, and %q holds values of the type %s", name, storage)
	case role == tabular.RoleTarget && storage == tabular.Datetime:
		k.wrong(".role", role, "a target is a number, a boolean or text, and %q holds instants", name)
	}
}

func list[T ~string](all []T) string {
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// anew returns the columns that have to be read again for what is wanted, in
// order.
func anew(d *Dataset, wanted map[string]Setting) []string {
	var names []string
	for _, f := range d.Version.Schema {
		set := wanted[f.Name]
		switch {
		case set.Type == "" && f.Lenient: // somebody had chosen what it is now
			names = append(names, f.Name)
		case set.Type != "" && (!set.Type.Holds(f.Type) || set.Layout != "" && set.Layout != f.Layout):
			names = append(names, f.Name)
		}
	}
	return names
}

// retype submits the job that reads the file again.
func (s *Service) retype(ctx context.Context, d *Dataset, user string, wanted map[string]Setting, columns []string) (*job.Job, error) {
	newest, err := s.Revision(ctx, d.Tenant, d.ID, 0)
	if err != nil {
		return nil, err
	}
	if newest.ofSteps() {
		return nil, fault.Conflict("retype_after_recipe", "version %d of data set %s was made by a recipe, and its file holds something else; convert the types of %s by a step convert_type",
			newest.Version.number(), d.ID, strings.Join(columns[:min(len(columns), 3)], ", "))
	}
	active, err := s.jobs.Active(ctx, d.ID)
	if err != nil {
		return nil, fmt.Errorf("look for jobs of data set %s: %w", d.ID, err)
	}
	if active {
		return nil, fault.Conflict("dataset_in_use", "a job about data set %s has not ended; the types of %s can be changed after it", d.ID, strings.Join(columns[:min(len(columns), 3)], ", "))
	}
	j, _, err := s.jobs.Submit(ctx, job.Submission{
		Kind: RetypeKind(), Tenant: d.Tenant, User: user, Subject: d.ID,
		Payload: RetypeRequest{DatasetID: d.ID, Reading: d.Version.Reading + 1, Columns: wanted, Parent: d.Version.number()}, Memory: ingestMemory,
	})
	if err != nil {
		return nil, fmt.Errorf("submit the reading of data set %s: %w", d.ID, err)
	}
	return j, nil
}

// Reprofile submits a job that makes the profile anew, by the roles and types
// that are set now.
func (s *Service) Reprofile(ctx context.Context, tenant, user, id, key string) (*job.Job, bool, error) {
	if _, err := s.ready(ctx, tenant, id); err != nil {
		return nil, false, err
	}
	j, created, err := s.jobs.Submit(ctx, job.Submission{
		Kind: ProfileKind(), Tenant: tenant, User: user, Subject: id, IdempotencyKey: key,
		Payload: ProfileRequest{DatasetID: id}, Memory: ingestMemory,
	})
	if err != nil {
		return nil, false, fmt.Errorf("submit the profile of data set %s: %w", id, err)
	}
	return j, created, nil
}

// publish changes the data set of a result, unless it is gone, and sees to it that
// policies are applied to what it is then.
func (r *Runner) publish(ctx context.Context, j *job.Job, id string, change func(d *Dataset, rules *Rules) error) error {
	rules, err := r.rules.of(ctx, j.Tenant)
	if err != nil {
		return err
	}
	d, err := r.table.Update(ctx, id, func(d *Dataset) error {
		if d.Deleted {
			return store.ErrUnchanged
		}
		return change(d, rules)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // gone for good meanwhile
	}
	if err != nil {
		return storeFault(err)
	}
	return r.published(ctx, d, rules)
}
