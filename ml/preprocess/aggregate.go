package preprocess

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/ml/frame"
)

func groupRowsEntry() entry {
	return entry{
		Operation: Operation{
			Name: "group_rows", Group: "rows", Runs: InMemory, Rows: Makes, Prediction: Skipped,
			Summary: "Makes one row of all that have the same values in some columns, with counts, sums, means and so on of others. The groups are held.",
			Parameters: []Parameter{
				{Name: "by", Type: ColumnNames, Required: true, Doc: "What the rows of a group have in common"},
				{Name: "values", Type: Mapping, Required: true, Doc: "The columns to make: name and one of count(), count(column), sum(column), mean(column), min(column), max(column), std(column)"},
			},
			Example: Example{Parameters: map[string]any{"by": []string{"city"}, "values": map[string]string{"people": "count()", "income": "mean(income)"}}, Before: people()},
		},
		kind: kindGroupRows, says: "Makes one row of all with the same {by}, with {values}.", bind: bindGroupRows,
	}
}

func aggregateEntry() entry {
	return entry{
		Operation: Operation{
			Name: "aggregate_by_group", Group: "tables", Runs: InMemory, Rows: Keeps, Prediction: Applied,
			Summary: "Adds to every row what is computed of all rows of its group. What was learned is held by group; a group that was not there has missing values.",
			Parameters: []Parameter{
				{Name: "by", Type: ColumnNames, Required: true, Doc: "What the rows of a group have in common"},
				{Name: "values", Type: Mapping, Required: true, Doc: "The columns to add, as for group_rows"},
			},
			Example: Example{Parameters: map[string]any{"by": []string{"city"}, "values": map[string]string{"city_income": "mean(income)", "city_people": "count()"}}, Before: people()},
		},
		kind: kindAggregateByGroup, says: "Adds {values} of all rows with the same {by}.", bind: bindAggregateByGroup,
	}
}

// aggregate is a column that is computed of groups.
type aggregate struct {
	name     string
	function string
	of       Field // no name: of the rows
}

func (a aggregate) field() Field {
	t := frame.Float
	if a.function == "count" {
		t = frame.Int
	}
	return Field{Name: a.name, Type: t, Nullable: a.function != "count"}
}

// aggregates reads the parameter values.
func (b *binding) aggregates() []aggregate {
	values := b.args.mapping("values")
	var all []aggregate
	functions := []string{"count", "sum", "mean", "min", "max", "std"}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		function, rest, ok := strings.Cut(values[name], "(")
		column, closed := strings.CutSuffix(rest, ")")
		function = strings.TrimSpace(function)
		if !ok || !closed || !slices.Contains(functions, function) || column == "" && function != "count" {
			b.fail(invalid("values", fmt.Sprintf("%.60q is %.60q, it should be one of %s with a column, such as mean(price), or count()", name, values[name], strings.Join(functions, ", "))))
			return nil
		}
		a := aggregate{name: name, function: function}
		if column != "" {
			fits, want := isQuantity, "numbers"
			if function == "count" {
				fits, want = anyType, "any type"
			}
			a.of = b.field("values", column, fits, want)
		}
		all = append(all, a)
	}
	return all
}

func readsOf(by []Field, all []aggregate) []string {
	names := namesOf(by)
	for _, a := range all {
		if a.of.Name != "" {
			names = append(names, a.of.Name)
		}
	}
	return names
}

// tally is what is seen of one column in one group.
type tally struct {
	count    float64
	sum      float64
	mean, m2 float64
	lo, hi   float64
}

func (t *tally) add(v float64) {
	if t.count == 0 {
		t.lo, t.hi = v, v
	}
	t.lo, t.hi = min(t.lo, v), max(t.hi, v)
	t.count++
	t.sum += v
	d := v - t.mean
	t.mean += d / t.count
	t.m2 += d * (v - t.mean)
}

func (t *tally) value(function string) float64 {
	switch {
	case function == "count":
		return t.count
	case t.count == 0:
		return math.NaN()
	}
	switch function {
	case "sum":
		return finite(t.sum)
	case "mean":
		return finite(t.mean)
	case "min":
		return t.lo
	case "max":
		return t.hi
	default:
		return finite(math.Sqrt(t.m2 / t.count))
	}
}

// groups computes aggregates by group.
type groups struct {
	name   string
	by     []Field
	all    []aggregate
	budget int64

	index   map[[2]uint64]int
	keys    []*frame.Frame // a row for each group, in order of appearance, in pieces
	tallies []tally        // len(all) for each group
	a, b    []uint64
	size    int64
}

var _ learner = (*groups)(nil)

func newGroups(b *binding, by []Field, all []aggregate) *groups {
	return &groups{name: b.op.Name, by: by, all: all, budget: b.env.budget(), index: map[[2]uint64]int{}}
}

func (g *groups) observe(x *frame.Frame, _ int64) error {
	var err error
	if g.a, g.b, err = hashRows(x, g.by, g.a, g.b); err != nil {
		return err
	}
	of := make([]int, x.Rows())
	var fresh []int
	for i := range of {
		key := [2]uint64{g.a[i], g.b[i]}
		at, ok := g.index[key]
		if !ok {
			at = len(g.index)
			g.index[key] = at
			fresh = append(fresh, i)
			g.tallies = append(g.tallies, make([]tally, len(g.all))...)
		}
		of[i] = at
	}
	if len(fresh) > 0 {
		if err := g.keep(x, fresh); err != nil {
			return err
		}
	}
	for k, a := range g.all {
		if err := g.tally(k, a, x, of); err != nil {
			return err
		}
	}
	return nil
}

// keep keeps the keys of groups that were not there before.
func (g *groups) keep(x *frame.Frame, fresh []int) error {
	columns := make([]frame.Column, len(g.by))
	for i, f := range g.by {
		c, err := present(x, f)
		if err != nil {
			return err
		}
		if columns[i] = c.Take(fresh); c.Type() == frame.String {
			columns[i] = compacted(columns[i])
		}
	}
	piece, err := frame.New(columns...)
	if err != nil {
		return fmt.Errorf("preprocess: %w", err)
	}
	const perGroup, perTally = 64, 48
	g.size += frameSize(piece) + int64(len(fresh))*int64(perGroup+perTally*len(g.all))
	if g.size > g.budget {
		return tooLarge(g.name, g.size, g.budget)
	}
	g.keys = append(g.keys, piece)
	return nil
}

// compacted is the column with a dictionary of what it has.
func compacted(c frame.Column) frame.Column {
	texts := make([]string, c.Len())
	for i := range texts {
		texts[i] = c.Text(i)
	}
	return frame.StringsOf(c.Name(), texts, c.Null)
}

func (g *groups) tally(k int, a aggregate, x *frame.Frame, of []int) error {
	width := len(g.all)
	if a.of.Name == "" {
		for _, at := range of {
			g.tallies[at*width+k].count++
		}
		return nil
	}
	c, err := present(x, a.of)
	if err != nil {
		return err
	}
	if a.function == "count" {
		for i, at := range of {
			if !c.Null(i) {
				g.tallies[at*width+k].count++
			}
		}
		return nil
	}
	if err := checkFinite(c); err != nil {
		return err
	}
	for i, v := range floatsOf(c) {
		if !math.IsNaN(v) {
			g.tallies[of[i]*width+k].add(v)
		}
	}
	return nil
}

// table returns a row for each group: its key, and what was computed.
func (g *groups) table() (*frame.Frame, error) {
	if len(g.keys) == 0 {
		return nil, nil
	}
	keys, err := concat(g.keys)
	if err != nil {
		return nil, err
	}
	made := make([]frame.Column, len(g.all))
	for k, a := range g.all {
		values := make([]float64, keys.Rows())
		for at := range values {
			values[at] = g.tallies[at*len(g.all)+k].value(a.function)
		}
		c := frame.NewFloat(a.name, values)
		if a.function == "count" {
			c, _ = wholeColumn(c)
		}
		made[k] = c
	}
	return put(keys, made...)
}

func (g *groups) learned() ([]byte, error) {
	x, err := g.table()
	if err != nil || x == nil {
		return appendSchema(nil, nil), err
	}
	return appendFrame(nil, x), nil
}

// grouping gives a table of the groups when all rows are there.
type grouping struct {
	*groups
	rest []*frame.Frame
	done bool
}

var _ stream = (*grouping)(nil)

func (g *grouping) next(x *frame.Frame) (*frame.Frame, error) { return nil, g.observe(x, 0) }

func (g *grouping) end() (*frame.Frame, error) {
	if !g.done {
		g.done = true
		x, err := g.table()
		if err != nil || x == nil {
			return nil, err
		}
		g.rest = split(x)
	}
	if len(g.rest) == 0 {
		return nil, nil
	}
	x := g.rest[0]
	g.rest = g.rest[1:]
	return x, nil
}

func bindGroupRows(b *binding) plan {
	by := b.columns("by", anyType, "any type")
	all := b.aggregates()
	out := slices.Clone(Schema(by))
	for _, a := range all {
		if _, ok := out.Lookup(a.name); ok {
			b.failColumn("name_taken", "values", a.name, "column %.100q is one of those that rows are grouped by, and cannot be computed, too", a.name)
		}
		out = append(out, a.field())
	}
	return plan{out: out, reads: readsOf(by, all), writes: b.schema.Names(), removes: true, act: func([]byte) (action, error) {
		return action{stream: func() stream { return &grouping{groups: newGroups(b, by, all)} }}, nil
	}}
}

func bindAggregateByGroup(b *binding) plan {
	by := b.columns("by", anyType, "any type")
	all := b.aggregates()
	p := plan{out: b.schema, reads: readsOf(by, all)}
	var made []Field
	for _, a := range all {
		f := a.field()
		f.Nullable = true
		b.free("values", a.name)
		p.writes = append(p.writes, a.name)
		p.out = p.out.with(f)
		made = append(made, f)
	}
	p.learn = func() learner { return newGroups(b, by, all) }
	p.act = func(learned []byte) (action, error) {
		table, err := decodeFrame(learned)
		if err != nil {
			return action{}, err
		}
		l, err := newLookup(table, by, by, made)
		if err != nil {
			return action{}, err
		}
		return action{frame: l.add}, nil
	}
	return p
}
