package preprocess

import (
	"fmt"
	"maps"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

func columnEntries() []entry {
	return []entry{
		{
			Operation: Operation{
				Name: "select_columns", Group: "columns", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary:    "Keeps some columns, in the order in which they are named.",
				Parameters: []Parameter{{Name: "columns", Type: ColumnNames, Required: true, Doc: "The columns to keep"}},
				Example:    Example{Parameters: map[string]any{"columns": []string{"city", "age"}}, Before: people()},
			},
			kind: kindSelectColumns, says: "Keeps {columns} and drops all other columns.", bind: bindSelectColumns,
		},
		{
			Operation: Operation{
				Name: "drop_columns", Group: "columns", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary:    "Drops some columns.",
				Parameters: []Parameter{{Name: "columns", Type: ColumnNames, Required: true, Doc: "The columns to drop"}},
				Example:    Example{Parameters: map[string]any{"columns": []string{"name"}}, Before: people()},
			},
			kind: kindDropColumns, says: "Drops {columns}.", bind: bindDropColumns,
		},
		{
			Operation: Operation{
				Name: "rename_columns", Group: "columns", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary:    "Gives columns other names.",
				Parameters: []Parameter{{Name: "names", Type: Mapping, Required: true, Doc: "The new name of each column, by the old one"}},
				Example:    Example{Parameters: map[string]any{"names": map[string]string{"name": "customer", "city": "town"}}, Before: people()},
			},
			kind: kindRenameColumns, says: "Renames columns: {names}.", bind: bindRenameColumns,
		},
		{
			Operation: Operation{
				Name: "derive_column", Group: "columns", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Computes a column by an expression. Where a value is missing that it needs, the result is missing.",
				Parameters: []Parameter{
					{Name: "name", Type: Text, Required: true, Doc: "The column to make, or to replace"},
					{Name: "expression", Type: Formula, Required: true, Doc: "How its values are computed"},
				},
				Example: Example{Parameters: map[string]any{"name": "monthly", "expression": "income / 12.0"}, Before: people()},
			},
			kind: kindDeriveColumn, says: "Computes {name} as {expression}.", bind: bindDeriveColumn,
		},
		{
			Operation: Operation{
				Name: "choose_value", Group: "columns", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Sets a column by a condition: to one value where it is true and to another where it is not.",
				Parameters: []Parameter{
					{Name: "name", Type: Text, Required: true, Doc: "The column to make, or to change"},
					{Name: "condition", Type: Formula, Required: true, Doc: "An expression that is true or false"},
					{Name: "then", Type: Formula, Required: true, Doc: "An expression for the value where the condition is true"},
					{Name: "otherwise", Type: Formula, Doc: "An expression for the value elsewhere; without it the column keeps its own"},
				},
				Example: Example{Parameters: map[string]any{"name": "ticket", "condition": "age < 18", "then": `"child"`, "otherwise": `"adult"`}, Before: people()},
			},
			kind: kindChooseValue, says: "Sets {name} to {then} where {condition} is true[otherwise: , and to {otherwise} elsewhere].", bind: bindChooseValue,
		},
		{
			Operation: Operation{
				Name: "drop_constant_columns", Group: "columns", Runs: TwoPass, Rows: Keeps, Prediction: Applied,
				Summary: "Drops columns that have the same value in every row that has one, and those that miss too many.",
				Parameters: []Parameter{
					{Name: "columns", Type: ColumnNames, Doc: "The columns to look at; without it every column"},
					{Name: "max_missing", Type: Number, Default: 1.0, Min: new(float64(0)), Max: new(float64(1)), Doc: "The share of missing values above which a column goes"},
				},
				Example: Example{Parameters: map[string]any{"max_missing": 0.4}, Before: people()},
			},
			kind: kindDropConstantColumns, says: "Drops those of {columns} that are constant, or miss more than {max_missing} of their values.", bind: bindDropConstantColumns,
		},
	}
}

func bindSelectColumns(b *binding) plan {
	fields := b.columns("columns", anyType, "any type")
	names := namesOf(fields)
	var gone []string
	for _, f := range b.schema {
		if !slices.Contains(names, f.Name) {
			gone = append(gone, f.Name)
		}
	}
	return plan{out: slices.Clone(Schema(fields)), reads: names, writes: gone, drops: true, act: statelessly(func(x *frame.Frame) (*frame.Frame, error) {
		columns := make([]frame.Column, len(names))
		for i, name := range names {
			c, ok := x.Column(name)
			if !ok {
				return nil, &ml.InputError{Code: "missing_column", Column: name, Row: -1, Message: fmt.Sprintf("column %q is missing", name)}
			}
			columns[i] = c
		}
		return frame.New(columns...)
	})}
}

func bindDropColumns(b *binding) plan {
	names := namesOf(b.columns("columns", anyType, "any type"))
	return plan{out: b.schema.without(names...), reads: names, writes: names, drops: true, act: statelessly(func(x *frame.Frame) (*frame.Frame, error) {
		return x.Without(names...), nil
	})}
}

func bindRenameColumns(b *binding) plan {
	names := b.args.mapping("names")
	old := slices.Sorted(maps.Keys(names))
	out := slices.Clone(b.schema)
	taken := map[string]bool{}
	for _, f := range b.schema {
		if _, ok := names[f.Name]; !ok || f.Family {
			taken[f.Name] = true
		}
	}
	writes := slices.Clone(old)
	for _, name := range old {
		f := b.field("names", name, anyType, "any type")
		to := names[name]
		switch {
		case to == "":
			b.failColumn("invalid_parameter", "names", name, "the new name of column %.100q is empty", name)
		case taken[to]:
			b.failColumn("name_taken", "names", to, "column %.100q is to be named %.100q, and there is one of that name already", name, to)
		}
		taken[to] = true
		writes = append(writes, to)
		if at := slices.IndexFunc(out, func(g Field) bool { return g.Name == f.Name && !g.Family }); at >= 0 {
			out[at].Name = to
		} else {
			f.Name = to
			out = append(out, f)
		}
	}
	return plan{out: out, reads: old, writes: writes, from: renamed(names), act: statelessly(func(x *frame.Frame) (*frame.Frame, error) {
		columns := slices.Clone(x.Columns())
		for i, c := range columns {
			if to, ok := names[c.Name()]; ok {
				columns[i] = c.Rename(to)
			}
		}
		out, err := frame.New(columns...)
		if err != nil {
			return nil, &ml.InputError{Code: "name_taken", Row: -1, Message: "after renaming two columns would have the same name"}
		}
		return out, nil
	})}
}

// renamed says which name a column had before.
func renamed(names map[string]string) func(name string) []string {
	return func(name string) []string {
		for old, to := range names {
			if to == name {
				return []string{old}
			}
		}
		return nil // the old name of a column: nothing has it afterwards
	}
}

// computes is the plan of a column that an expression gives.
func computes(b *binding, name string, e Expression) plan {
	if e == nil {
		return plan{}
	}
	if name == "" {
		b.fail(invalid("name", "name is empty, a column needs a name"))
	}
	return plan{
		out: b.schema.with(Field{Name: name, Type: e.Type(), Nullable: true}), reads: e.Columns(), writes: []string{name},
		act: statelessly(func(x *frame.Frame) (*frame.Frame, error) {
			c, err := e.Evaluate(x)
			if err != nil {
				return nil, err
			}
			return put(x, c.Rename(name))
		}),
	}
}

func bindDeriveColumn(b *binding) plan {
	return computes(b, b.args.text("name"), b.compile("expression", b.args.text("expression")))
}

func bindChooseValue(b *binding) plan {
	name, otherwise := b.args.text("name"), b.args.text("otherwise")
	// Each alone first, so that a mistake is told where it is.
	condition := b.compile("condition", b.args.text("condition"))
	then := b.compile("then", b.args.text("then"))
	keep, exists := b.schema.Lookup(name)
	var other Expression
	if otherwise != "" {
		other = b.compile("otherwise", otherwise)
	}
	if b.err != nil {
		return plan{}
	}
	t := keep.Type
	switch {
	case condition.Type() != frame.Bool:
		b.fail(&ml.InputError{Code: "expression_type", Parameter: "condition", Row: -1, Message: fmt.Sprintf("the condition gives values of type %s, it should be true or false", condition.Type())})
	case other == nil && !exists:
		b.fail(&ml.InputError{Code: "missing_parameter", Parameter: "otherwise", Row: -1, Message: fmt.Sprintf("there is no column %.100q whose values could stay, so otherwise has to say what they are", name)})
	case other != nil:
		t = other.Type()
	}
	if b.err == nil && t != then.Type() && (!isQuantity(t) || !isQuantity(then.Type())) {
		b.fail(&ml.InputError{Code: "expression_type", Parameter: "then", Row: -1, Message: fmt.Sprintf("then gives values of type %s and otherwise of type %s, they should be the same", then.Type(), t)})
	}
	if t != then.Type() {
		t = frame.Float
	}
	p := plan{out: b.schema.with(Field{Name: name, Type: t, Nullable: true}), writes: []string{name}}
	p.reads = slices.Concat(condition.Columns(), then.Columns())
	if other != nil {
		p.reads = append(p.reads, other.Columns()...)
	} else {
		p.reads = append(p.reads, name)
	}
	p.act = statelessly(func(x *frame.Frame) (*frame.Frame, error) {
		when, err := condition.Evaluate(x)
		if err != nil {
			return nil, err
		}
		yes, err := then.Evaluate(x)
		if err != nil {
			return nil, err
		}
		var no frame.Column
		if other != nil {
			no, err = other.Evaluate(x)
		} else {
			no, err = present(x, keep)
		}
		if err != nil {
			return nil, err
		}
		return put(x, chosen(when, yes, no, t).Rename(name))
	})
	return p
}

// chosen takes each value from one column or the other; where the condition is
// missing, from the other.
func chosen(when, yes, no frame.Column, t frame.Type) frame.Column {
	if t == frame.Float {
		yes, no = floatColumn(yes), floatColumn(no)
	}
	n := when.Len()
	both := concatColumns([]frame.Column{yes, no})
	rows := make([]int, n)
	for i := range rows {
		rows[i] = n + i
		if !when.Null(i) && when.Int(i) != 0 {
			rows[i] = i
		}
	}
	return both.Take(rows)
}

func bindDropConstantColumns(b *binding) plan {
	fields := b.columns("columns", anyType, "any type")
	limit := b.args.number("max_missing")
	out := slices.Clone(b.schema)
	for i, f := range out {
		if slices.ContainsFunc(fields, func(g Field) bool { return g.Name == f.Name }) {
			out[i].Uncertain = true
		}
	}
	return plan{
		out: out, reads: namesOf(fields), writes: namesOf(fields), drops: true,
		learn: func() learner {
			return &constantLearner{fields: fields, limit: limit, seen: make([]onlyValue, len(fields))}
		},
		act: func(learned []byte) (action, error) {
			r := wire.NewReader(learned)
			names := r.Strings()
			if err := r.Close(); err != nil {
				return action{}, err
			}
			return action{frame: func(x *frame.Frame) (*frame.Frame, error) { return x.Without(names...), nil }}, nil
		},
	}
}

// onlyValue is what is seen of a column that may have a single value.
type onlyValue struct {
	some, several bool
	number        float64
	whole         int64 // of all but floats, exactly
	text          string
	nulls, rows   int
}

// constantLearner finds columns that say nothing.
type constantLearner struct {
	fields []Field
	limit  float64
	seen   []onlyValue
}

var _ learner = (*constantLearner)(nil)

func (l *constantLearner) observe(x *frame.Frame, _ int64) error {
	for k, f := range l.fields {
		c, err := present(x, f)
		if err != nil {
			return err
		}
		l.seen[k].observe(c)
	}
	return nil
}

func (o *onlyValue) observe(c frame.Column) {
	o.rows += c.Len()
	o.nulls += c.Nulls()
	if o.several {
		return
	}
	for i := range c.Len() {
		if c.Null(i) {
			continue
		}
		number, whole, text := 0.0, int64(0), ""
		switch c.Type() {
		case frame.String:
			text = c.Text(i)
		case frame.Float:
			number = c.Float(i)
		default:
			whole = c.Int(i)
		}
		if o.some && (number != o.number || whole != o.whole || text != o.text) {
			o.several = true
			return
		}
		o.some, o.number, o.whole, o.text = true, number, whole, text
	}
}

func (l *constantLearner) learned() ([]byte, error) {
	var names []string
	for k, f := range l.fields {
		o := l.seen[k]
		if !o.several || float64(o.nulls) > l.limit*float64(o.rows) {
			names = append(names, f.Name)
		}
	}
	if len(names) == len(l.fields) && len(l.fields) > 0 {
		names = names[:len(names)-1] // a table needs a column
	}
	return wire.AppendStrings(nil, names), nil
}
