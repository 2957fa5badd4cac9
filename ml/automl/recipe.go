package automl

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

func (p Params) validateRecipe() error {
	if p.Recipe == nil {
		return nil
	}
	return p.Recipe.CheckRows()
}

// environment is what steps that are read back need.
func (p Params) environment() preprocess.Environment {
	if p.Recipe == nil {
		return preprocess.Environment{}
	}
	return p.Recipe.Environment()
}

// recipe lets the steps of the recipe learn of the rows of the fit and applies
// them. It returns what there is to learn from then.
func (f fitting) recipe(ctx context.Context) (fitting, []preprocess.Step, error) {
	if f.params.Recipe == nil {
		return f, nil, nil
	}
	fitted, err := f.params.Recipe.Fit(ctx, preprocess.Frames{f.x}, nil, nil)
	if err != nil {
		return f, nil, err
	}
	x, rows, err := fitted.ApplyRows(f.x)
	if err != nil {
		return f, nil, err
	}
	if len(rows) == 0 {
		return f, nil, parameter("no_rows_left", "steps", "the steps leave none of the %d rows to learn from, remove fewer", f.x.Rows())
	}
	if len(rows) < f.x.Rows() && f.y.Task != ml.Regression {
		if class, one := oneClass(f.y, rows); one {
			return f, nil, parameter("fold_of_one_class", "steps", "the steps leave %d of %d rows to learn from, all of the class %q, there should be at least two: remove fewer", len(rows), f.x.Rows(), class)
		}
	}
	f.x, f.y, f.division = x, takeTarget(f.y, rows), f.division.take(rows)
	return f, fitted.Steps(), nil
}

// carry gives the model the steps that its rows went through; x is the rows
// before.
func carry(m *pipeline.Model, x *frame.Frame, steps []preprocess.Step) (*pipeline.Model, error) {
	if steps == nil {
		return m, nil
	}
	var columns []pipeline.Input
	for _, c := range x.Columns() {
		columns = append(columns, pipeline.Input{Name: c.Name(), Type: c.Type()})
	}
	var names []string
	for _, in := range m.Inputs() {
		names = append(names, in.Name)
	}
	c, err := pipeline.NewCarried(columns, steps, names)
	if err != nil {
		return nil, err
	}
	return m.Carry(c)
}

// tryRecipe applies the recipe to all training rows, so that what is wrong with
// it is told before the first fit, and returns what screen makes of them.
func (r *run) tryRecipe(ctx context.Context, x *frame.Frame) ([]string, error) {
	f, steps, err := fitting{params: r.params, x: x, y: takeTarget(r.target.Target, r.train)}.recipe(ctx)
	if err != nil {
		return nil, err
	}
	var columns []pipeline.Input
	for _, c := range x.Columns() {
		columns = append(columns, pipeline.Input{Name: c.Name(), Type: c.Type()})
	}
	kept, notes, err := screen(ctx, f.x)
	if err != nil {
		return nil, err
	}
	if _, err := pipeline.NewCarried(columns, steps, kept.Names()); err != nil {
		return nil, err
	}
	if gone := x.Rows() - f.x.Rows(); gone > 0 {
		notes = append(notes, fmt.Sprintf("The steps leave %s of those that are learned from out; rows that are tested on all stay.", plural(gone, "row", "rows")))
	}
	return notes, nil
}

// recipe writes the steps to the fingerprint.
func (d *digest) recipe(p Params) error {
	if p.Recipe == nil {
		return nil
	}
	for i := range p.Recipe.Len() {
		b, err := json.Marshal(p.Recipe.Spec(i))
		if err != nil {
			return fmt.Errorf("automl: step %d: %w", i+1, err)
		}
		d.text("step", string(b))
	}
	return nil
}
