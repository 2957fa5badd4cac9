package preprocess

import (
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

func missingEntries() []entry {
	limit := Parameter{Name: "limit", Type: Whole, Default: 0, Min: new(float64(0)), Doc: "How many missing values in a row are filled at most; 0: all"}
	columns := Parameter{Name: "columns", Type: ColumnNames, Doc: "The columns to fill; without it every column"}
	return []entry{
		{
			Operation: Operation{
				Name: "fill_missing", Group: "missing values", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Fills missing values with a constant. Without columns, in all whose type is that of the value.",
				Parameters: []Parameter{
					{Name: "columns", Type: ColumnNames, Doc: "The columns to fill; without it all that the value is for"},
					{Name: "value", Type: Scalar, Required: true, Doc: "A number, a text, true or false; for instants a text such as 2024-01-31"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"age"}, "value": 0}, Before: people()},
			},
			kind: kindFillMissing, says: "Fills missing values of {columns} with {value}.", bind: bindFillMissing,
		},
		{
			Operation: Operation{
				Name: "impute_missing", Group: "missing values", Runs: TwoPass, Rows: Keeps, Prediction: Applied,
				Summary: "Fills missing values with the mean, the median or the most frequent value of the column; where a column has none, with 0 or an empty text. Columns of numbers hold decimal numbers then.",
				Parameters: []Parameter{
					{Name: "columns", Type: ColumnNames, Doc: "The columns to fill; without it all that the strategy is for"},
					{Name: "strategy", Type: Choice, Required: true, Choices: []string{string(Mean), string(Median), string(Mode)}, Doc: "What a missing value becomes; texts have a mode only"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"income"}, "strategy": "median"}, Before: people()},
			},
			kind: kindImputeMissing, says: "Fills missing values of {columns} with the {strategy} of each.", bind: bindImputeMissing,
		},
		{
			Operation: Operation{
				Name: "forward_fill", Group: "missing values", Runs: Streaming, Rows: Keeps, Prediction: Skipped,
				Summary:    "Fills a missing value with the last one before it, in the order of the rows.",
				Parameters: []Parameter{columns, limit},
				Example:    Example{Parameters: map[string]any{"columns": []string{"income"}}, Before: people()},
			},
			kind: kindForwardFill, says: "Fills missing values of {columns} with the last one before[limit: , {limit} in a row at most].", bind: bindForwardFill,
		},
		{
			Operation: Operation{
				Name: "backward_fill", Group: "missing values", Runs: InMemory, Rows: Keeps, Prediction: Skipped,
				Summary:    "Fills a missing value with the first one after it, in the order of the rows. The rows up to that are held.",
				Parameters: []Parameter{columns, limit},
				Example:    Example{Parameters: map[string]any{"columns": []string{"age"}}, Before: people()},
			},
			kind: kindBackwardFill, says: "Fills missing values of {columns} with the first one after[limit: , {limit} in a row at most].", bind: bindBackwardFill,
		},
		neighbourEntry(),
	}
}

func bindFillMissing(b *binding) plan {
	value := b.args["value"]
	fits := func(t frame.Type) bool { _, ok := constantOf(value, t); return ok }
	fields := b.columns("columns", fits, "values like "+describe(value))
	filled := func(f Field) Field {
		f.Nullable = false
		if v, ok := value.(float64); ok && f.Type == frame.Int && v != math.Trunc(v) {
			f.Type = frame.Float
		}
		return f
	}
	return b.changes(fields, filled, func(c frame.Column) (frame.Column, error) {
		if v, ok := value.(float64); ok && c.Type() == frame.Int && v != math.Trunc(v) {
			c = floatColumn(c)
		}
		constant, ok := constantOf(value, c.Type())
		if !ok {
			return c, &ml.InputError{Code: "column_type", Column: c.Name(), Row: -1, Message: fmt.Sprintf("column %q holds values of type %s, which %s is not", c.Name(), c.Type(), describe(value))}
		}
		return constant.fill(c), nil
	})
}

// constant is a value of a column's type.
type constant struct {
	float float64
	int   int64
	text  string
}

// constantOf returns the constant as a value of the type. A whole number of a
// float or a fraction for integers is one, too.
func constantOf(v any, t frame.Type) (constant, bool) {
	switch v := v.(type) {
	case float64:
		exact := t != frame.Int || math.Abs(v) <= 1<<53 // beyond, the number is not the one that was written
		return constant{float: v, int: int64(v)}, isQuantity(t) && t != frame.Bool && exact
	case bool:
		k := constant{}
		if v {
			k.int = 1
		}
		return k, t == frame.Bool
	case string:
		if t == frame.Time {
			at, ok := parseInstant(v, true)
			return constant{int: at}, ok
		}
		return constant{text: v}, t == frame.String
	default:
		return constant{}, false
	}
}

func (k constant) fill(c frame.Column) frame.Column {
	if c.Nulls() == 0 {
		return c
	}
	switch c.Type() {
	case frame.String:
		return fill{column: c.Name(), text: true, word: k.text}.applyText(c)
	case frame.Float:
		return fill{column: c.Name(), number: k.float}.apply(c)
	default:
		values := make([]int64, c.Len())
		for i, v := range c.Ints() {
			values[i] = v
			if c.Null(i) {
				values[i] = k.int
			}
		}
		return frame.NewInt(c.Name(), c.Type(), values, nil)
	}
}

func bindImputeMissing(b *binding) plan {
	strategy := Strategy(b.args.text("strategy"))
	fits := func(t frame.Type) bool { return isQuantity(t) || strategy == Mode && t == frame.String }
	fields := b.columns("columns", fits, "values to have a "+string(strategy))
	p := plan{out: b.schema, reads: namesOf(fields), writes: namesOf(fields), from: itself}
	for _, f := range fields {
		f.Nullable = false
		if f.Type != frame.String {
			f.Type = frame.Float
		}
		p.out = p.out.with(f)
	}
	p.learn = func() learner { return newFillLearner(fields, strategy) }
	p.act = func(learned []byte) (action, error) { return decodeLearned(learned, decodeImpute) }
	return p
}

// fillLearner finds what missing values become; what is learned is an Impute.
type fillLearner struct {
	fields   []Field
	strategy Strategy
	numbers  []numberStats
	counts   []numberCounter
	texts    []counter
}

var _ learner = (*fillLearner)(nil)

func newFillLearner(fields []Field, strategy Strategy) *fillLearner {
	l := &fillLearner{fields: fields, strategy: strategy, numbers: make([]numberStats, len(fields)), texts: newCounters(fields)}
	for range fields {
		l.counts = append(l.counts, numberCounter{})
	}
	return l
}

func (l *fillLearner) observe(x *frame.Frame, _ int64) error {
	for i, f := range l.fields {
		c, err := present(x, f)
		switch {
		case err != nil:
		case f.Type == frame.String:
			err = l.texts[i].observe(c)
		case l.strategy == Mode:
			err = l.count(i, c)
		default:
			err = l.numbers[i].observe(c, l.strategy == Median)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *fillLearner) count(i int, c frame.Column) error {
	if err := checkFinite(c); err != nil {
		return err
	}
	for _, v := range floatsOf(c) {
		if !math.IsNaN(v) {
			l.counts[i][v]++
		}
	}
	if len(l.counts[i]) > maxDistinct {
		return tooManyValues(c.Name())
	}
	return nil
}

func (l *fillLearner) learned() ([]byte, error) {
	m := &Impute{}
	for i, f := range l.fields {
		to := fill{column: f.Name, text: f.Type == frame.String}
		s := &l.numbers[i]
		switch {
		case to.text:
			to.word = l.texts[i].mode()
		case l.strategy == Mode:
			to.number = l.counts[i].mode()
		case s.count == 0:
		case l.strategy == Median:
			to.number = s.values.at(0.5)[0]
		default:
			to.number, _ = s.moments()
		}
		m.columns = append(m.columns, to)
	}
	return m.append(nil), nil
}

func bindForwardFill(b *binding) plan {
	fields := b.columns("columns", anyType, "any type")
	limit := b.args.whole("limit")
	return plan{out: b.schema, reads: namesOf(fields), writes: namesOf(fields), act: func([]byte) (action, error) {
		return action{stream: func() stream {
			return &forward{fields: fields, limit: limit, last: make([]frame.Column, len(fields)), run: make([]int, len(fields))}
		}}, nil
	}}
}

// forward fills with the last value before.
type forward struct {
	fields []Field
	limit  int
	last   []frame.Column // one row with the last value; no row: none yet
	run    []int          // how many were missing since
}

var _ stream = (*forward)(nil)

func (w *forward) next(x *frame.Frame) (*frame.Frame, error) {
	made := make([]frame.Column, 0, len(w.fields))
	for k, f := range w.fields {
		c, err := present(x, f)
		if err != nil {
			return nil, err
		}
		made = append(made, w.fill(k, c))
	}
	return put(x, made...)
}

func (w *forward) fill(k int, c frame.Column) frame.Column {
	before, first := c, 0
	if w.last[k].Len() > 0 {
		before, first = concatColumns([]frame.Column{w.last[k].Rename(c.Name()), c}), 1
	}
	rows := make([]int, c.Len())
	at := first - 1 // of the last value
	for i := range rows {
		rows[i] = first + i
		if !before.Null(first + i) {
			at, w.run[k] = first+i, 0
			continue
		}
		w.run[k]++
		if at >= 0 && (w.limit == 0 || w.run[k] <= w.limit) {
			rows[i] = at
		}
	}
	if at >= 0 {
		w.last[k] = before.Take([]int{at})
	}
	return before.Take(rows)
}

func (w *forward) end() (*frame.Frame, error) { return nil, nil }

func bindBackwardFill(b *binding) plan {
	fields := b.columns("columns", anyType, "any type")
	b.need(rowSize(b.schema))
	limit := b.args.whole("limit")
	filled := func(x *frame.Frame) (*frame.Frame, error) {
		made := make([]frame.Column, 0, len(fields))
		for _, f := range fields {
			c, err := present(x, f)
			if err != nil {
				return nil, err
			}
			rows := make([]int, c.Len())
			at, run := -1, 0
			for i := len(rows) - 1; i >= 0; i-- {
				rows[i] = i
				if !c.Null(i) {
					at, run = i, 0
					continue
				}
				run++
				if at >= 0 && (limit == 0 || run <= limit) {
					rows[i] = at
				}
			}
			made = append(made, c.Take(rows))
		}
		return put(x, made...)
	}
	return plan{out: b.schema, reads: namesOf(fields), writes: namesOf(fields), act: func([]byte) (action, error) {
		return action{stream: func() stream { return &held{name: b.op.Name, budget: b.env.budget(), finish: filled} }}, nil
	}}
}
