package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Carried is the fitted steps of a recipe that a model brings along: it predicts
// rows as they were before the recipe. NewCarried makes one.
type Carried struct {
	Inputs []Input // the columns that a row must have
	Others []Input // the columns that the steps were bound to, beside those; nothing that the model reads comes of them, and they count as missing
	Steps  []preprocess.Step
}

// NewCarried finds out which columns of a table the features come from, when the
// steps are applied to its rows as in prediction. It returns an *ml.InputError
// with the code not_in_prediction when a feature does not come out.
func NewCarried(columns []Input, steps []preprocess.Step, features []string) (Carried, error) {
	c := Carried{Steps: steps}
	needed := preprocess.Sources(steps, features)
	for _, in := range columns {
		in.Categories = nil // the values of the features are what a model has seen
		if slices.Contains(needed, in.Name) {
			c.Inputs = append(c.Inputs, in)
		} else {
			c.Others = append(c.Others, in)
		}
	}
	x, err := c.apply(context.Background(), lacking(c.Inputs))
	if e, ok := errors.AsType[*ml.InputError](err); ok && e.Code == "missing_column" {
		return Carried{}, notMade(e.Column)
	}
	if err != nil {
		return Carried{}, fmt.Errorf("pipeline: a row of missing values: %w", err)
	}
	for _, name := range features {
		if _, ok := x.Column(name); !ok {
			return Carried{}, notMade(name)
		}
	}
	return c, nil
}

func notMade(name string) error {
	return &ml.InputError{Code: "not_in_prediction", Column: name, Row: -1, Message: fmt.Sprintf(
		"column %q is made by a step that is skipped when rows are predicted, so it cannot be learned from; leave it out", name)}
}

// lacking is a row of missing values.
func lacking(inputs []Input) *frame.Frame {
	columns := make([]frame.Column, len(inputs))
	for i, in := range inputs {
		columns[i] = missing(in, 1)
	}
	x, err := frame.New(columns...)
	if err != nil || len(columns) == 0 { // a name that is there twice is told by validate
		x, _ = frame.New()
		x = x.Take([]int{0})
	}
	return x
}

// Carry returns the model with steps before it.
func (m *Model) Carry(c Carried) (*Model, error) {
	p := m.parts
	p.Recipes = slices.Concat([]Carried{c}, p.Recipes)
	return New(p)
}

// Recipes returns how many recipes the model carries.
func (m *Model) Recipes() int { return len(m.parts.Recipes) }

// Prepared returns the model without the first recipe that it carries: for
// tables that have been through it. Without any it is the model itself.
func (m *Model) Prepared() (*Model, error) {
	if len(m.parts.Recipes) == 0 {
		return m, nil
	}
	p := m.parts
	p.Recipes = p.Recipes[1:]
	return New(p)
}

// prepare applies the recipes to rows.
func (m *Model) prepare(ctx context.Context, x *frame.Frame) (*frame.Frame, error) {
	for i := range m.parts.Recipes {
		var err error
		if x, err = m.parts.Recipes[i].apply(ctx, x); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (c *Carried) apply(ctx context.Context, x *frame.Frame) (*frame.Frame, error) {
	columns, err := columnsOf(c.Inputs, x, exactly)
	if err != nil {
		return nil, err
	}
	for _, in := range c.Others {
		columns = append(columns, missing(in, x.Rows()))
	}
	in := x.Without(x.Names()...)
	if len(columns) > 0 {
		if in, err = frame.New(columns...); err != nil {
			return nil, fmt.Errorf("pipeline: %w", err)
		}
	}
	if err := checkFinite(ctx, in); err != nil {
		return nil, err
	}
	out, err := preprocess.Apply(ctx, c.Steps, in)
	if err != nil {
		return nil, fmt.Errorf("pipeline: recipe: %w", err)
	}
	return out, nil
}

// exactly returns c with the type that the steps were bound to.
func exactly(c frame.Column, in Input) (frame.Column, error) {
	c, err := convert(c, in)
	if err != nil || c.Type() == in.Type || c.Type() != frame.Float {
		return c, err
	}
	values := make([]int64, c.Len())
	var nulls frame.Bitmap
	for i, v := range c.Floats() {
		switch {
		case math.IsNaN(v):
			nulls.Set(i)
		case v != math.Trunc(v) || math.Abs(v) >= 1<<63, in.Type == frame.Bool && v != 0 && v != 1:
			return c, &ml.InputError{Code: "column_type", Column: in.Name, Row: i, Message: fmt.Sprintf(
				"column %q is %s in row %d, and the recipe of the model needs values of type %s", in.Name, strconv.FormatFloat(v, 'g', -1, 64), i+1, in.Type)}
		default:
			values[i] = int64(v)
		}
	}
	return frame.NewInt(in.Name, in.Type, values, nulls), nil
}

func validateInputs(inputs []Input) error {
	for _, in := range inputs {
		if in.Name == "" || in.Type > frame.Time {
			return fmt.Errorf("input %q of %s is no column", in.Name, in.Type)
		}
		if in.Type != frame.String && len(in.Categories) > 0 {
			return fmt.Errorf("input %q of type %s has categories", in.Name, in.Type)
		}
		for i := 1; i < len(in.Categories); i++ {
			if in.Categories[i-1] >= in.Categories[i] {
				return fmt.Errorf("the categories of input %q are not in order", in.Name)
			}
		}
	}
	return nil
}

// validate checks the columns of a recipe: none is there twice.
func (c *Carried) validate() error {
	if len(c.Steps) == 0 {
		return errors.New("a recipe has no steps")
	}
	all := slices.Concat(c.Inputs, c.Others)
	names := make([]string, len(all))
	for i, in := range all {
		names[i] = in.Name
		if len(in.Categories) > 0 {
			return fmt.Errorf("the column %q of a recipe has categories", in.Name)
		}
	}
	if repeated(names) {
		return fmt.Errorf("a recipe has a column twice, of %s", strings.Join(names[:min(len(names), 10)], ", "))
	}
	return validateInputs(all)
}
