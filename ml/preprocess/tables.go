package preprocess

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

func appendInt(b []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v)) }

func tableEntries() []entry {
	return []entry{
		{
			Operation: Operation{
				Name: "join_table", Group: "tables", Runs: InMemory, Rows: Removes, Prediction: Applied,
				Summary: "Adds columns of another data set by a key. The other table is held, and goes with a model. When a model predicts, rows without a match stay, whatever the kind of join.",
				Parameters: []Parameter{
					{Name: "dataset", Type: Table, Required: true, Doc: "The other data set"},
					{Name: "on", Type: ColumnNames, Required: true, Doc: "The columns of the key in this table"},
					{Name: "other_on", Type: Texts, Doc: "The columns of the key in the other, in the same order; without it those of the same names"},
					{Name: "columns", Type: Texts, Doc: "The columns to add; without it all but the key"},
					{Name: "prefix", Type: Text, Default: "", Doc: "Put before the names of the columns that are added"},
					{Name: "how", Type: Choice, Default: "left", Choices: []string{"left", "inner"}, Doc: "Whether rows without a match stay (left) or go (inner)"},
					{Name: "repeated", Type: Choice, Default: "fail", Choices: []string{"fail", "first"}, Doc: "What is done when the other table has a key twice: an error, or its first row is taken"},
				},
				Example: Example{Parameters: map[string]any{"dataset": "cities", "on": []string{"city"}, "other_on": []string{"name"}, "prefix": "city_"}, Before: people()},
			},
			kind: kindJoinTable, says: "Adds {columns} of {dataset} where {on} is the same[other_on:  as {other_on}] ({how} join)[prefix: , with {prefix} before their names][repeated: ; of a key in several rows the first is taken].", bind: bindJoinTable,
		},
		aggregateEntry(),
	}
}

// joining is a join that is bound.
type joining struct {
	on, keys, other, made []Field // the key here and there, and what is added, as it is there and here
}

func bindJoinTable(b *binding) plan {
	if b.back {
		return bindJoinBack(b)
	}
	if b.env.Tables == nil {
		b.fail(&ml.InputError{Code: "no_tables", Parameter: "dataset", Row: -1, Message: "another table cannot be read here"})
		return plan{}
	}
	name := b.args.text("dataset")
	schema, rows, err := b.env.Tables.Describe(name)
	if err != nil {
		b.fail(err)
		return plan{}
	}
	j := b.joining(schema)
	if b.err != nil {
		return plan{}
	}
	if size := rows * (rowSize(slices.Concat(j.keys, j.other)) + 40); size > b.env.budget() {
		b.fail(tooLarge(b.op.Name, size, b.env.budget()))
	}
	p := j.plan(b)
	p.learn = func() learner {
		return &otherTable{tables: b.env.Tables, dataset: name, joining: j, strict: b.args.text("repeated") == "fail", budget: b.env.budget(), name: b.op.Name}
	}
	return p
}

// joining finds the columns of a join in both tables.
func (b *binding) joining(there Schema) joining {
	var j joining
	names := b.args.texts("other_on")
	if len(names) == 0 {
		names = b.args.texts("on")
	}
	j.on = b.columns("on", anyType, "any type")
	if len(names) != len(j.on) {
		b.fail(invalid("other_on", fmt.Sprintf("on names %d columns and other_on %d, they should be as many", len(j.on), len(names))))
		return j
	}
	other := &binding{op: b.op, schema: there}
	for i, name := range names {
		t := j.on[i].Type
		j.keys = append(j.keys, other.field("other_on", name, func(have frame.Type) bool { return have == t }, fmt.Sprintf("values of type %s like %q", t, j.on[i].Name)))
	}
	added := b.args.texts("columns")
	if len(added) == 0 {
		added = slices.DeleteFunc(there.Names(), func(name string) bool { return slices.Contains(names, name) })
		b.args["columns"] = added
	}
	for _, name := range added {
		f := other.field("columns", name, anyType, "any type")
		if f.Name == "" {
			continue
		}
		j.other = append(j.other, f)
		f.Name, f.Nullable = b.args.text("prefix")+f.Name, true
		b.free("columns", f.Name)
		j.made = append(j.made, f)
	}
	if wrong := other.wrong(); wrong != nil {
		b.fail(wrong)
	}
	if len(j.made) == 0 && other.err == nil {
		b.fail(invalid("columns", "the other table has no columns beside the key"))
	}
	return j
}

func (j joining) plan(b *binding) plan {
	inner := b.args.text("how") == "inner"
	return plan{
		out: b.schema.with(j.made...), reads: namesOf(j.on), writes: namesOf(j.made), removes: inner,
		act: func(learned []byte) (action, error) {
			table, err := decodeFrame(learned)
			if err != nil {
				return action{}, err
			}
			// In what is learned the columns have the names that they get here, and
			// the key those that no column can have.
			l, err := newLookup(table, j.on, keyFields(j.on), j.made)
			if err != nil {
				return action{}, err
			}
			if !inner {
				return action{frame: l.add}, nil
			}
			return action{predict: l.add, frame: func(x *frame.Frame) (*frame.Frame, error) {
				rows, err := l.find(x)
				if err != nil {
					return nil, err
				}
				out, err := l.put(x, rows)
				if err != nil {
					return nil, err
				}
				return filtered(out, func(i int) bool { return rows[i] < l.rows }), nil
			}}, nil
		},
	}
}

func keyFields(on []Field) []Field {
	keys := make([]Field, len(on))
	for i, f := range on {
		keys[i] = Field{Name: fmt.Sprintf("\x00key %d", i), Type: f.Type, Nullable: f.Nullable}
	}
	return keys
}

// bindJoinBack binds a join that has its table with it.
func bindJoinBack(b *binding) plan {
	j := joining{on: b.columns("on", anyType, "any type")}
	table, err := decodeFrame(b.learned)
	if err != nil {
		b.fail(err)
		return plan{}
	}
	for _, name := range b.args.texts("columns") {
		f := Field{Name: b.args.text("prefix") + name, Nullable: true}
		if table != nil {
			c, ok := table.Column(f.Name)
			if !ok {
				b.failColumn("missing_column", "columns", name, "the other table lacks column %q", name)
				return plan{}
			}
			f.Type = c.Type()
		}
		j.made = append(j.made, f)
	}
	p := j.plan(b)
	p.learn = func() learner { return nil }
	return p
}

// otherTable reads the other table of a join.
type otherTable struct {
	tables  Tables
	dataset string
	joining joining
	strict  bool
	budget  int64
	name    string
}

var _ learner = (*otherTable)(nil)

func (*otherTable) observe(*frame.Frame, int64) error { return nil }

func (o *otherTable) learned() ([]byte, error) {
	d := &distinctRows{name: o.name, fields: o.joining.keys, budget: o.budget}
	var parts []*frame.Frame
	size, keys := int64(0), keyFields(o.joining.on)
	err := o.tables.Each(o.dataset, namesOf(slices.Concat(o.joining.keys, o.joining.other)), func(x *frame.Frame) error {
		first, err := d.next(x)
		if err != nil {
			return err
		}
		if o.strict && first.Rows() < x.Rows() {
			return &ml.InputError{Code: "key_repeated", Parameter: "on", Column: o.joining.keys[0].Name, Row: -1, Message: fmt.Sprintf("the other table has the same key in several rows; make them one before, or take the first with repeated: %q", "first")}
		}
		var columns []frame.Column
		for i, f := range slices.Concat(o.joining.keys, o.joining.other) {
			c, err := present(first, f)
			if err != nil {
				return err
			}
			if i < len(keys) {
				columns = append(columns, c.Rename(keys[i].Name))
			} else {
				columns = append(columns, c.Rename(o.joining.made[i-len(keys)].Name))
			}
		}
		part, err := frame.New(columns...)
		if err != nil {
			return fmt.Errorf("preprocess: %w", err)
		}
		if size += frameSize(part); size > o.budget {
			return tooLarge(o.name, size, o.budget)
		}
		parts = append(parts, part)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return appendSchema(nil, nil), nil
	}
	all, err := concat(parts)
	if err != nil {
		return nil, err
	}
	return appendFrame(nil, all), nil
}
