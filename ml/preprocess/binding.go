package preprocess

import (
	"errors"
	"fmt"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// plan is an operation bound to the columns it will see.
type plan struct {
	out    Schema   // the columns after it
	reads  []string // the columns whose values it looks at
	writes []string // the columns that it makes, changes or takes away
	// families are the beginnings of the names of columns that it makes of data.
	families []string
	// from says of which columns, of those that it reads, a column that it makes
	// or changes is made; nil: of all.
	from func(name string) []string
	// drops says that it does nothing but take columns away.
	drops bool
	learn func() learner
	// act makes the action of what was learned, which is nothing when learn is
	// nil.
	act func(learned []byte) (action, error)
	// removes says that this step takes rows away or makes others, whatever the
	// operation may do.
	removes bool
}

// learner sees all rows of a table, a chunk at a time.
type learner interface {
	// observe is given the number of the first row of x.
	observe(x *frame.Frame, first int64) error
	// learned returns what the action needs, the same for the same rows.
	learned() ([]byte, error)
}

// action is what a step does to rows.
type action struct {
	// frame changes a chunk without regard to others; nil when stream is given.
	frame func(x *frame.Frame) (*frame.Frame, error)
	// stream starts a pass over the chunks of a table in their order.
	stream func() stream
	// predict is what is done to rows of a prediction, if not frame.
	predict func(x *frame.Frame) (*frame.Frame, error)
}

// stream is one pass over the chunks of a table.
type stream interface {
	// next returns the rows that are ready, nil when there are none.
	next(x *frame.Frame) (*frame.Frame, error)
	// end returns what was held back, chunk by chunk, until nil.
	end() (*frame.Frame, error)
}

// statelessly makes an action of a function of a chunk.
func statelessly(f func(x *frame.Frame) (*frame.Frame, error)) func([]byte) (action, error) {
	return func([]byte) (action, error) { return action{frame: f}, nil }
}

// binding binds one step. After the first mistake its methods do nothing, and
// err tells the mistake; more tells those of other columns that are named.
type binding struct {
	op      *Operation
	args    arguments
	schema  Schema
	env     Environment
	learned []byte // of a step that is read back
	back    bool   // it is read back
	err     error
	more    []error
}

func (b *binding) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// wrong returns all mistakes, nil when there are none.
func (b *binding) wrong() error {
	if len(b.more) == 0 {
		return b.err
	}
	return errors.Join(append([]error{b.err}, b.more...)...)
}

// failColumn says what is wrong with a column that a parameter names.
func (b *binding) failColumn(code, parameter, column, format string, args ...any) {
	b.fail(&ml.InputError{Code: code, Parameter: parameter, Column: column, Row: -1, Message: fmt.Sprintf(format, args...)})
}

// failField is failColumn for a mistake that no other one leads to.
func (b *binding) failField(code, parameter, column, message string) {
	e := &ml.InputError{Code: code, Parameter: parameter, Column: column, Row: -1, Message: message}
	if b.err == nil {
		b.err = e
	} else {
		b.more = append(b.more, e)
	}
}

// field returns a column that a parameter names.
func (b *binding) field(parameter, name string, fits func(frame.Type) bool, want string) Field {
	f, ok := b.schema.Lookup(name)
	if !ok {
		message := fmt.Sprintf("there is no column %.100q", name)
		if near := Nearest(name, b.schema.Names()); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		b.failField("missing_column", parameter, name, message)
		return Field{}
	}
	if !fits(f.Type) {
		b.failField("column_type", parameter, name, fmt.Sprintf("column %.100q holds values of type %s, it should hold %s", name, f.Type, want))
		return Field{}
	}
	return f
}

// columns returns the columns that the parameter of that name lists, or without
// a list all that fit; the names are written to the arguments.
func (b *binding) columns(parameter string, fits func(frame.Type) bool, want string) []Field {
	var fields []Field
	names := b.args.texts(parameter)
	if len(names) > 0 {
		for _, name := range names {
			fields = append(fields, b.field(parameter, name, fits, want))
		}
		return fields
	}
	for _, f := range b.schema {
		if fits(f.Type) && !f.Family && !f.Uncertain {
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 {
		b.failColumn("no_columns", parameter, "", "there is no column of %s that %s could work on", want, b.op.Name)
	}
	b.args[parameter] = namesOf(fields)
	return fields
}

func namesOf(fields []Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// free checks that a column that is made has a name of its own.
func (b *binding) free(parameter string, names ...string) {
	for i, name := range names {
		if name == "" {
			b.fail(invalid(parameter, parameter+" is empty, a column needs a name"))
		}
		if _, ok := b.schema.Lookup(name); ok || slices.Contains(names[:i], name) {
			b.failColumn("name_taken", parameter, name, "a column %.100q is to be made, and there is one of that name already; drop or rename that one before", name)
		}
	}
}

// compile compiles an expression for the columns of the table.
func (b *binding) compile(parameter, source string) Expression {
	if b.err != nil {
		return nil
	}
	if b.env.Expressions == nil {
		b.fail(&ml.InputError{Code: "no_expressions", Parameter: parameter, Row: -1, Message: "expressions cannot be compiled here; give the reader of the step a compiler"})
		return nil
	}
	e, err := b.env.Expressions.Compile(source, b.schema)
	if err != nil {
		if wrong, ok := err.(*ml.InputError); ok && wrong.Parameter == "" { //nolint:errorlint // a copy is changed, never what is wrapped
			named := *wrong
			named.Parameter = parameter
			err = &named
		}
		b.fail(err)
		return nil
	}
	return e
}

// need refuses a step that would hold more than the budget; perRow is what it
// holds of a row.
func (b *binding) need(perRow int64) {
	if b.back || b.env.Rows <= 0 || b.env.Rows <= b.env.budget()/max(perRow, 1) {
		return
	}
	b.fail(tooLarge(b.op.Name, b.env.Rows*perRow, b.env.budget()))
}

func tooLarge(name string, need, budget int64) error {
	const mib = 1 << 20
	return &ml.InputError{Code: "memory_needed", Row: -1, Message: fmt.Sprintf("%s would hold about %d MiB of this table in memory, and may hold %d MiB; allow it more, or make the table smaller before", name, (need+mib-1)/mib, budget/mib)}
}

// rowSize is about how many bytes a row of the columns takes.
func rowSize(s Schema) int64 {
	size := int64(0)
	for _, f := range s {
		if f.Type == frame.String {
			size += 24 // a code, and a share of the dictionary
		} else {
			size += 9
		}
	}
	return size
}

// changes is the plan of an operation that changes columns one by one, each on
// its own; typ says what type each has then.
func (b *binding) changes(fields []Field, typ func(Field) Field, change func(c frame.Column) (frame.Column, error)) plan {
	names := namesOf(fields)
	p := plan{reads: names, writes: names, from: itself, out: b.schema}
	for _, f := range fields {
		p.out = p.out.with(typ(f))
	}
	p.act = statelessly(func(x *frame.Frame) (*frame.Frame, error) { return changed(x, fields, change) })
	return p
}

// changed returns x with columns changed.
func changed(x *frame.Frame, fields []Field, change func(c frame.Column) (frame.Column, error)) (*frame.Frame, error) {
	made := make([]frame.Column, len(fields))
	for i, f := range fields {
		c, err := present(x, f)
		if err != nil {
			return nil, err
		}
		if made[i], err = change(c); err != nil {
			return nil, err
		}
	}
	return put(x, made...)
}

// present returns the column of a field, which has to be of its type; any
// number may stand for a float.
func present(x *frame.Frame, f Field) (frame.Column, error) {
	c, ok := x.Column(f.Name)
	if !ok {
		return c, &ml.InputError{Code: "missing_column", Column: f.Name, Row: -1, Message: fmt.Sprintf("column %q is missing", f.Name)}
	}
	if c.Type() == f.Type {
		return c, nil
	}
	if f.Type == frame.Float && isQuantity(c.Type()) {
		return floatColumn(c), nil
	}
	if f.Type == frame.Int && c.Type() == frame.Float {
		if whole, ok := wholeColumn(c); ok {
			return whole, nil
		}
	}
	return c, &ml.InputError{Code: "column_type", Column: f.Name, Row: -1, Message: fmt.Sprintf("column %q holds values of type %s, it should hold %s", f.Name, c.Type(), f.Type)}
}

// put returns x with the columns in the place of those of the same name, or
// behind.
func put(x *frame.Frame, made ...frame.Column) (*frame.Frame, error) {
	columns := slices.Clone(x.Columns())
	at := make(map[string]int, len(columns))
	for i, c := range columns {
		at[c.Name()] = i
	}
	for _, c := range made {
		if i, ok := at[c.Name()]; ok {
			columns[i] = c
			continue
		}
		at[c.Name()] = len(columns)
		columns = append(columns, c)
	}
	out, err := frame.New(columns...)
	if err != nil {
		return nil, fmt.Errorf("preprocess: %w", err)
	}
	return out, nil
}

// filtered returns the rows of x that are kept; x itself when those are all.
func filtered(x *frame.Frame, keep func(i int) bool) *frame.Frame {
	rows := make([]int, 0, x.Rows())
	for i := range x.Rows() {
		if keep(i) {
			rows = append(rows, i)
		}
	}
	if len(rows) == x.Rows() {
		return x
	}
	return x.Take(rows)
}

// itself says that each column is made of what it was before.
func itself(name string) []string { return []string{name} }

func same(f Field) Field { return f }

func asType(t frame.Type) func(Field) Field {
	return func(f Field) Field {
		f.Type = t
		return f
	}
}

func nullable(f Field) Field {
	f.Nullable = true
	return f
}
