package pipeline

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Predict implements ml.Predictor for any table that has the columns of Inputs
// by name, in any order and among others. Whole numbers, floats and booleans
// stand for each other; whole numbers stand for strings that are written alike;
// a column without values stands for any. Categories that were not seen in
// training count as rare ones or as missing. A model that carries recipes does to
// the rows what those do in prediction before all else. It returns an
// *ml.InputError with the code missing_column, column_type or infinite_value.
func (m *Model) Predict(x *frame.Frame, out []float64) error {
	if len(out) != x.Rows()*m.Outputs() {
		return fmt.Errorf("pipeline: %d outputs for %d rows of %d", len(out), x.Rows(), m.Outputs())
	}
	ctx := context.Background()
	x, err := m.prepare(ctx, x)
	if err != nil {
		return err
	}
	in, err := inputsOf(m.parts.Inputs, x)
	if err != nil {
		return err
	}
	if err := checkFinite(ctx, in); err != nil {
		return err
	}
	if in, err = preprocess.Apply(ctx, m.parts.Steps, in); err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	return m.parts.Estimator.Predict(in, out)
}

// checkFinite refuses the first infinite value, by column.
func checkFinite(ctx context.Context, x *frame.Frame) error {
	for _, c := range x.Columns() {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i, v := range c.Floats() {
			if math.IsInf(v, 0) {
				return &ml.InputError{
					Code: "infinite_value", Column: c.Name(), Row: i,
					Message: fmt.Sprintf("column %q is infinite in row %d, it should be a finite number or missing", c.Name(), i+1),
				}
			}
		}
	}
	return nil
}

// Unseen returns, for each input of strings that has such, the number of rows
// whose category was not seen in training. Columns that x lacks count as seen. Of
// a model that carries recipes the inputs are the columns that those make; of rows
// that cannot go through them it returns none.
func (m *Model) Unseen(x *frame.Frame) map[string]int {
	unseen := map[string]int{}
	if !slices.ContainsFunc(m.parts.Inputs, func(in Input) bool { return in.Type == frame.String }) {
		return unseen
	}
	x, err := m.prepare(context.Background(), x)
	if err != nil {
		return unseen
	}
	for i, in := range m.parts.Inputs {
		c, ok := x.Column(in.Name)
		if !ok || in.Type != frame.String {
			continue
		}
		c, err := convert(c, in)
		if err != nil {
			continue
		}
		fresh := make([]bool, len(c.Dict()))
		for k, s := range c.Dict() {
			fresh[k] = !m.saw(i, s)
		}
		for _, k := range c.Codes() {
			if k >= 0 && fresh[k] {
				unseen[in.Name]++
			}
		}
	}
	return unseen
}

// saw reports whether training saw the category in input i.
func (m *Model) saw(i int, category string) bool {
	if known := m.known[i]; known != nil {
		_, ok := known[category]
		return ok
	}
	_, ok := slices.BinarySearch(m.parts.Inputs[i].Categories, category)
	return ok
}

// inputsOf returns the columns of x that a model needs, with the types they had
// in training, or Float instead of another numeric one.
func inputsOf(inputs []Input, x *frame.Frame) (*frame.Frame, error) {
	columns, err := columnsOf(inputs, x, convert)
	if err != nil {
		return nil, err
	}
	if len(columns) == 0 {
		return x.Without(x.Names()...), nil
	}
	in, err := frame.New(columns...)
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	return in, nil
}

// columnsOf returns the columns of x for the inputs as of gives them, or says
// which x lacks.
func columnsOf(inputs []Input, x *frame.Frame, of func(frame.Column, Input) (frame.Column, error)) ([]frame.Column, error) {
	columns := make([]frame.Column, 0, len(inputs))
	var lacks []string
	for _, in := range inputs {
		c, ok := x.Column(in.Name)
		if !ok {
			lacks = append(lacks, in.Name)
			continue
		}
		c, err := of(c, in)
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	if len(lacks) > 0 {
		return nil, &ml.InputError{Code: "missing_column", Column: lacks[0], Row: -1, Message: lacksMessage(lacks)}
	}
	return columns, nil
}

func lacksMessage(names []string) string {
	const most = 10
	quoted := make([]string, 0, most)
	for _, n := range names[:min(most, len(names))] {
		quoted = append(quoted, strconv.Quote(n))
	}
	text := strings.Join(quoted, ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	if len(names) == 1 {
		return "the table lacks the column " + text + ", which the model needs"
	}
	return "the table lacks the columns " + text + ", which the model needs"
}

// convert returns c as the model learned it.
func convert(c frame.Column, in Input) (frame.Column, error) {
	switch {
	case c.Type() == in.Type:
		return c, nil
	case c.Nulls() == c.Len():
		return missing(in, c.Len()), nil
	case isNumber(c.Type()) && isNumber(in.Type):
		values := make([]float64, c.Len())
		for i := range values {
			values[i] = c.Float(i)
		}
		return frame.NewFloat(in.Name, values), nil
	case c.Type() == frame.Int && in.Type == frame.String:
		values := make([]string, c.Len())
		for i := range values {
			values[i] = strconv.FormatInt(c.Int(i), 10)
		}
		return frame.StringsOf(in.Name, values, c.Null), nil
	}
	return c, &ml.InputError{
		Code: "column_type", Column: in.Name, Row: -1,
		Message: fmt.Sprintf("column %q holds values of type %s, the model learned from %s", in.Name, c.Type(), in.Type),
	}
}

func isNumber(t frame.Type) bool { return t == frame.Int || t == frame.Float || t == frame.Bool }

// missing returns a column of the input's type without values.
func missing(in Input, rows int) frame.Column {
	switch in.Type {
	case frame.Float:
		values := make([]float64, rows)
		for i := range values {
			values[i] = math.NaN()
		}
		return frame.NewFloat(in.Name, values)
	case frame.String:
		codes := make([]int32, rows)
		for i := range codes {
			codes[i] = -1
		}
		return frame.NewString(in.Name, codes, nil)
	default:
		var nulls frame.Bitmap
		for i := range rows {
			nulls.Set(i)
		}
		return frame.NewInt(in.Name, in.Type, make([]int64, rows), nulls)
	}
}
