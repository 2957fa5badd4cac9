package preprocess

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

func rowEntries() []entry {
	return []entry{
		{
			Operation: Operation{
				Name: "remove_duplicates", Group: "rows", Runs: InMemory, Rows: Removes, Prediction: Skipped,
				Summary:    "Keeps the first of the rows that are the same in some columns. Missing values are the same as each other.",
				Parameters: []Parameter{{Name: "columns", Type: ColumnNames, Doc: "What has to be the same; without it every column"}},
				Example:    Example{Parameters: map[string]any{"columns": []string{"name", "city"}}, Before: people()},
			},
			kind: kindRemoveDuplicates, says: "Keeps the first of the rows that are the same in {columns}.", bind: bindRemoveDuplicates,
		},
		{
			Operation: Operation{
				Name: "filter_rows", Group: "rows", Runs: Streaming, Rows: Removes, Prediction: Skipped,
				Summary:    "Keeps the rows for which a condition is true. Where it cannot be told, since a value is missing, the row goes.",
				Parameters: []Parameter{{Name: "condition", Type: Formula, Required: true, Doc: "An expression that is true or false"}},
				Example:    Example{Parameters: map[string]any{"condition": `age >= 18 && city != "Rome"`}, Before: people()},
			},
			kind: kindFilterRows, says: "Keeps the rows for which {condition} is true.", bind: bindFilterRows,
		},
		{
			Operation: Operation{
				Name: "drop_missing_rows", Group: "rows", Runs: Streaming, Rows: Removes, Prediction: Skipped,
				Summary: "Removes rows that miss a value in any or in all of some columns.",
				Parameters: []Parameter{
					{Name: "columns", Type: ColumnNames, Doc: "Where values have to be; without it every column"},
					{Name: "missing", Type: Choice, Default: "any", Choices: []string{"any", "all"}, Doc: "Whether any missing value or only all of them remove a row"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"age", "income"}, "missing": "any"}, Before: people()},
			},
			kind: kindDropMissingRows, says: "Removes rows where {missing} of {columns} is missing.", bind: bindDropMissingRows,
		},
		{
			Operation: Operation{
				Name: "remove_outliers", Group: "rows", Runs: TwoPass, Rows: Removes, Prediction: Skipped,
				Summary:    "Removes rows with a number outside of bounds that are learned from its column.",
				Parameters: outlierParameters(),
				Example:    Example{Parameters: map[string]any{"columns": []string{"income"}, "method": "iqr"}, Before: people()},
			},
			kind: kindRemoveOutliers, says: "Removes rows with outliers in {columns}, found by {method}[factor:  with the factor {factor}][low: , below the quantile {low}][high: , above {high}].", bind: bindRemoveOutliers,
		},
		{
			Operation: Operation{
				Name: "sample_rows", Group: "rows", Runs: Streaming, Rows: Removes, Prediction: Skipped,
				Summary: "Keeps a share of the rows, drawn at random and the same each time for a seed.",
				Parameters: []Parameter{
					{Name: "fraction", Type: Number, Required: true, Min: new(float64(0)), Max: new(float64(1)), Doc: "The share of the rows that is kept, about"},
					{Name: "seed", Type: Whole, Default: 1, Min: new(float64(0)), Doc: "Another one draws other rows"},
				},
				Example: Example{Parameters: map[string]any{"fraction": 0.5, "seed": 7}, Before: people()},
			},
			kind: kindSampleRows, says: "Keeps about {fraction} of the rows, drawn with the seed {seed}.", bind: bindSampleRows,
		},
		{
			Operation: Operation{
				Name: "split_rows", Group: "rows", Runs: Streaming, Rows: Removes, Prediction: Skipped,
				Summary: "Divides the rows into those to train and those to test on: marks them in a column, or keeps one part.",
				Parameters: []Parameter{
					{Name: "test_fraction", Type: Number, Default: 0.2, Min: new(float64(0)), Max: new(float64(1)), Doc: "The share of the rows to test on, about"},
					{Name: "keep", Type: Choice, Default: "both", Choices: []string{"both", "train", "test"}, Doc: "Which part is kept; both are told apart by the column name"},
					{Name: "group", Type: ColumnName, Doc: "Rows with the same value stay together"},
					{Name: "name", Type: Text, Default: "split", Doc: "The column that says train or test, when both are kept"},
					{Name: "seed", Type: Whole, Default: 1, Min: new(float64(0)), Doc: "Another one draws other rows"},
				},
				Example: Example{Parameters: map[string]any{"test_fraction": 0.3, "group": "city"}, Before: people()},
			},
			kind: kindSplitRows, says: "Draws about {test_fraction} of the rows to test on with the seed {seed}, and keeps {keep}[group: ; rows with the same {group} stay together].", bind: bindSplitRows,
		},
		sortRowsEntry(),
		groupRowsEntry(),
	}
}

func sortRowsEntry() entry {
	return entry{
		Operation: Operation{
			Name: "sort_rows", Group: "rows", Runs: InMemory, Rows: Keeps, Prediction: Skipped,
			Summary: "Sorts the rows; equal ones stay in their order, and missing values come last.",
			Parameters: []Parameter{
				{Name: "columns", Type: ColumnNames, Required: true, Doc: "What to sort by, the most important first"},
				{Name: "descending", Type: Flag, Default: false, Doc: "The largest first"},
			},
			Example: Example{Parameters: map[string]any{"columns": []string{"city", "age"}}, Before: people()},
		},
		kind: kindSortRows, says: "Sorts the rows by {columns}[descending: , the largest first].", bind: bindSortRows,
	}
}

func bindRemoveDuplicates(b *binding) plan {
	var fields []Field
	reads := namesOf(b.schema)
	// Where only data tell which columns there are, every one is all that come.
	if unknown := slices.ContainsFunc(b.schema, func(f Field) bool { return f.Family || f.Uncertain }); b.args.given("columns") || !unknown && !b.back {
		fields = b.columns("columns", anyType, "any type")
		reads = namesOf(fields)
	}
	b.need(40)
	budget := b.env.budget()
	return plan{
		out: b.schema, reads: reads, removes: true,
		act: func([]byte) (action, error) {
			return action{stream: func() stream { return &distinctRows{name: b.op.Name, fields: fields, budget: budget} }}, nil
		},
	}
}

// distinctRows lets every row pass that was not there before. It knows rows by
// 128 bits.
type distinctRows struct {
	name   string
	fields []Field // nil: every column
	budget int64
	seen   map[[2]uint64]struct{}
	a, b   []uint64
}

var _ stream = (*distinctRows)(nil)

func (d *distinctRows) next(x *frame.Frame) (*frame.Frame, error) {
	if d.seen == nil {
		d.seen = map[[2]uint64]struct{}{}
	}
	fields := d.fields
	if fields == nil {
		fields = SchemaOf(x)
	}
	var err error
	if d.a, d.b, err = hashRows(x, fields, d.a, d.b); err != nil {
		return nil, err
	}
	out := filtered(x, func(i int) bool {
		key := [2]uint64{d.a[i], d.b[i]}
		if _, ok := d.seen[key]; ok {
			return false
		}
		d.seen[key] = struct{}{}
		return true
	})
	const perRow = 40
	if size := int64(len(d.seen)) * perRow; size > d.budget {
		return nil, tooLarge(d.name, size, d.budget)
	}
	return out, nil
}

func (d *distinctRows) end() (*frame.Frame, error) { return nil, nil }

// hashRows returns 128 bits for each row, in the slices given if they are long
// enough.
func hashRows(x *frame.Frame, fields []Field, a, b []uint64) (one, two []uint64, err error) {
	n := x.Rows()
	a, b = slices.Grow(a[:0], n)[:n], slices.Grow(b[:0], n)[:n]
	for i := range a {
		a[i], b[i] = 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f
	}
	for _, f := range fields {
		c, err := present(x, f)
		if err != nil {
			return nil, nil, err
		}
		hashColumn(c, a, b)
	}
	return a, b, nil
}

func hashColumn(c frame.Column, a, b []uint64) {
	const missing = 0x632be59bd9b4e019
	switch c.Type() {
	case frame.String:
		codes := make([]uint64, len(c.Dict()))
		for k, s := range c.Dict() {
			codes[k] = hashText(s)
		}
		for i, k := range c.Codes() {
			v := uint64(missing)
			if k >= 0 {
				v = codes[k]
			}
			a[i], b[i] = mix(a[i], v), mix(b[i], v+1)
		}
	case frame.Float:
		for i, f := range c.Floats() {
			v := math.Float64bits(f + 0)
			if math.IsNaN(f) {
				v = missing
			}
			a[i], b[i] = mix(a[i], v), mix(b[i], v+1)
		}
	default:
		for i, k := range c.Ints() {
			v := uint64(k)
			if c.Null(i) {
				v = missing
			}
			a[i], b[i] = mix(a[i], v), mix(b[i], v+1)
		}
	}
}

// mix folds the product of two numbers, which spreads their bits.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^0xa0761d6478bd642f, v^0xe7037ed1a0b428db)
	return hi ^ lo ^ bits.RotateLeft64(h, 23)
}

func hashText(s string) uint64 {
	h := uint64(len(s)) * 0x9e3779b97f4a7c15
	for i := 0; i < len(s); i += 8 {
		v := uint64(0)
		for k := i; k < min(i+8, len(s)); k++ {
			v = v<<8 | uint64(s[k])
		}
		h = mix(h, v)
	}
	return h
}

func bindFilterRows(b *binding) plan {
	e := b.compile("condition", b.args.text("condition"))
	if e == nil {
		return plan{}
	}
	if e.Type() != frame.Bool {
		b.fail(&ml.InputError{Code: "expression_type", Parameter: "condition", Row: -1, Message: fmt.Sprintf("the condition gives values of type %s, it should be true or false", e.Type())})
	}
	return plan{out: b.schema, reads: e.Columns(), removes: true, act: statelessly(func(x *frame.Frame) (*frame.Frame, error) {
		c, err := e.Evaluate(x)
		if err != nil {
			return nil, err
		}
		return filtered(x, func(i int) bool { return !c.Null(i) && c.Int(i) != 0 }), nil
	})}
}

func bindDropMissingRows(b *binding) plan {
	fields := b.columns("columns", anyType, "any type")
	all := b.args.text("missing") == "all"
	out := b.schema
	if !all {
		for _, f := range fields {
			f.Nullable = false
			out = out.with(f)
		}
	}
	return plan{out: out, reads: namesOf(fields), removes: true, act: statelessly(func(x *frame.Frame) (*frame.Frame, error) {
		gaps := make([]int, x.Rows())
		for _, f := range fields {
			c, err := present(x, f)
			if err != nil {
				return nil, err
			}
			if c.Nulls() == 0 {
				continue
			}
			for i := range gaps {
				if c.Null(i) {
					gaps[i]++
				}
			}
		}
		return filtered(x, func(i int) bool { return gaps[i] == 0 || all && gaps[i] < len(fields) }), nil
	})}
}

func bindRemoveOutliers(b *binding) plan {
	fields := b.columns("columns", isQuantity, "numbers")
	learn, ok := outlierBounds(b, fields)
	if !ok {
		return plan{}
	}
	return plan{out: b.schema, reads: namesOf(fields), removes: true, learn: learn, act: func(learned []byte) (action, error) {
		limits, err := pairs(learned, fields)
		return action{frame: func(x *frame.Frame) (*frame.Frame, error) {
			out := make([]bool, x.Rows())
			for k, f := range fields {
				c, err := present(x, f)
				if err != nil {
					return nil, err
				}
				lo, hi := limits[k][0], limits[k][1]
				for i, v := range floatsOf(c) {
					if v < lo || v > hi {
						out[i] = true
					}
				}
			}
			return filtered(x, func(i int) bool { return !out[i] }), nil
		}}, err
	}}
}

// drawn keeps rows by their numbers.
type drawn struct {
	seed uint64
	at   uint64
	do   func(x *frame.Frame, share func(i int) float64) (*frame.Frame, error)
}

var _ stream = (*drawn)(nil)

func (d *drawn) next(x *frame.Frame) (*frame.Frame, error) {
	first := d.at
	d.at += uint64(x.Rows())
	return d.do(x, func(i int) float64 { return share(d.seed, first+uint64(i)) })
}

func (d *drawn) end() (*frame.Frame, error) { return nil, nil }

// share returns a number from 0 to 1 that seems drawn at random.
func share(seed, v uint64) float64 {
	return float64(mix(mix(seed, 0x51ed2701), v)>>11) / (1 << 53)
}

func draw(seed int, do func(x *frame.Frame, share func(i int) float64) (*frame.Frame, error)) func([]byte) (action, error) {
	return func([]byte) (action, error) {
		return action{stream: func() stream { return &drawn{seed: uint64(seed), do: do} }}, nil
	}
}

func bindSampleRows(b *binding) plan {
	fraction := b.args.number("fraction")
	return plan{out: b.schema, removes: true, act: draw(b.args.whole("seed"), func(x *frame.Frame, share func(i int) float64) (*frame.Frame, error) {
		return filtered(x, func(i int) bool { return share(i) < fraction }), nil
	})}
}

func bindSplitRows(b *binding) plan {
	fraction, keep, name, seed := b.args.number("test_fraction"), b.args.text("keep"), b.args.text("name"), b.args.whole("seed")
	var groups []Field
	if b.args.given("group") {
		groups = []Field{b.field("group", b.args.text("group"), anyType, "any type")}
	}
	out := b.schema
	if keep == "both" {
		b.free("name", name)
		out = out.with(Field{Name: name, Type: frame.String})
	}
	p := plan{out: out, reads: namesOf(groups), removes: keep != "both"}
	if keep == "both" {
		p.writes = []string{name}
	}
	p.act = draw(seed, func(x *frame.Frame, drawn func(i int) float64) (*frame.Frame, error) {
		if len(groups) > 0 {
			a, _, err := hashRows(x, groups, nil, nil)
			if err != nil {
				return nil, err
			}
			drawn = func(i int) float64 { return share(uint64(seed), a[i]) }
		}
		if keep != "both" {
			return filtered(x, func(i int) bool { return (drawn(i) < fraction) == (keep == "test") }), nil
		}
		codes := make([]int32, x.Rows())
		for i := range codes {
			if drawn(i) < fraction {
				codes[i] = 1
			}
		}
		return put(x, frame.NewString(name, codes, []string{"train", "test"}))
	})
	return p
}

func bindSortRows(b *binding) plan {
	fields := b.columns("columns", anyType, "any type")
	b.need(rowSize(b.schema))
	sign := 1
	if b.args.flag("descending") {
		sign = -1
	}
	sorted := func(x *frame.Frame) (*frame.Frame, error) {
		order := make([]int, x.Rows())
		for i := range order {
			order[i] = i
		}
		var by []func(a, b int) int
		for _, f := range fields {
			c, err := present(x, f)
			if err != nil {
				return nil, err
			}
			by = append(by, comparing(c, sign))
		}
		slices.SortStableFunc(order, func(a, b int) int {
			for _, compare := range by {
				if d := compare(a, b); d != 0 {
					return d
				}
			}
			return 0
		})
		return x.Take(order), nil
	}
	// The rows are the same, and their order is not: what counts rows sees others.
	return plan{out: b.schema, reads: namesOf(fields), removes: true, act: func([]byte) (action, error) {
		return action{stream: func() stream { return &held{name: b.op.Name, budget: b.env.budget(), finish: sorted} }}, nil
	}}
}

// comparing compares two rows by a column, with missing values last.
func comparing(c frame.Column, sign int) func(a, b int) int {
	var compare func(a, b int) int
	switch c.Type() {
	case frame.String:
		rank := ranks(c.Dict())
		compare = func(a, b int) int { return cmp.Compare(rank[c.Code(a)], rank[c.Code(b)]) }
	case frame.Float:
		compare = func(a, b int) int { return cmp.Compare(c.Floats()[a], c.Floats()[b]) }
	default:
		compare = func(a, b int) int { return cmp.Compare(c.Ints()[a], c.Ints()[b]) }
	}
	return func(a, b int) int {
		switch x, y := c.Null(a), c.Null(b); {
		case x && y:
			return 0
		case x:
			return 1
		case y:
			return -1
		default:
			return sign * compare(a, b)
		}
	}
}

// ranks returns the place of each text among all in order.
func ranks(dict []string) []int {
	order := make([]int, len(dict))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(dict[a], dict[b]) })
	rank := make([]int, len(dict))
	for at, k := range order {
		rank[k] = at
	}
	return rank
}
