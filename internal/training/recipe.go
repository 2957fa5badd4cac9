package training

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// resolve puts the steps of a recipe into the request: what is trained does not
// change when the recipe does.
func (s *Service) resolve(ctx context.Context, caller account.Caller, req *Request) error {
	switch {
	case req.RecipeID == "" && req.RecipeVersion != 0:
		return fault.Invalid("no_recipe", "recipe_version is %d, and no recipe is named", req.RecipeVersion).
			With(fault.Field{Location: "body.recipe_version", Message: "goes with recipe_id", Value: req.RecipeVersion})
	case req.RecipeID == "":
		return nil
	case len(req.Steps) > 0:
		return fault.Invalid("steps_and_recipe", "the request has steps and names a recipe; it should have one of them").
			With(fault.Field{Location: "body.recipe_id", Message: "leave it out, or leave out steps"})
	}
	var err error
	req.Steps, req.RecipeVersion, err = s.recipes.Steps(ctx, caller, req.RecipeID, req.RecipeVersion)
	return err
}

// bind checks the steps of the request and fixes the tables that they join; it
// returns the data sets of those.
func (s *Service) bind(ctx context.Context, d *dataset.Dataset, req *Request) ([]string, error) {
	if len(req.Steps) == 0 {
		if len(req.Tables) > 0 {
			return nil, fault.Invalid("tables_without_steps", "the request names versions of tables to join, and no step joins any").
				With(fault.Field{Location: "body.tables", Message: "goes with steps"})
		}
		return nil, nil
	}
	var err error
	if _, req.Tables, err = inside(ctx, s.datasets, d, *req, s.budget); err != nil {
		return nil, err
	}
	var also []string
	for _, t := range req.Tables {
		if t.DatasetID != d.ID && !slices.Contains(also, t.DatasetID) && len(also) < job.MaxSubjects-1 {
			also = append(also, t.DatasetID)
		}
	}
	return also, nil
}

// inside binds the steps of the request to its features.
func inside(ctx context.Context, tables recipe.Tables, d *dataset.Dataset, req Request, budget int64) (*preprocess.Recipe, []dataset.TableRef, error) {
	in := recipe.Inside{Target: req.Target, Steps: req.Steps, Tables: req.Tables, Budget: budget}
	for _, name := range params(req, d.Version.Schema).Features {
		f, _ := d.Version.Schema.Lookup(name)
		in.Columns = append(in.Columns, f)
	}
	return recipe.Bind(ctx, tables, d, in)
}

// params are those of the request, with its steps.
func (r *Runner) params(ctx context.Context, d *dataset.Dataset, req Request) (automl.Params, error) {
	p := params(req, d.Version.Schema)
	if len(req.Steps) == 0 {
		return p, nil
	}
	var err error
	p.Recipe, _, err = inside(ctx, r.tables, d, req, r.budget)
	return p, err
}

// invalid says what the numeric core says as a fault, with the place: the step of
// a recipe, if it is about one. Values of personal data are not told.
func invalid(d *dataset.Dataset, r *preprocess.Recipe, err error) error {
	if r != nil {
		err = recipe.Hide(d, r, err)
	}
	return model.Invalid(err)
}

// trained is what was learned, with what goes before it.
type trained struct {
	*automl.Result
	inputs   tabular.Schema // the columns that a row must have
	prepared tabular.Schema // those of a row that has been through the steps of the data set
	recipe   []model.RecipeStep
}

// lineage is the steps that made the version that is learned from.
type lineage struct {
	root     tabular.Schema
	steps    []preprocess.Step
	versions []int // that each step was made with
	note     string
}

// lineage reads what the steps of the version have learned, and sees whether they
// can make the features of rows that are to be predicted.
func (r *Runner) lineage(ctx context.Context, d *dataset.Dataset, p automl.Params) (*lineage, error) {
	l := &lineage{root: d.Version.Schema}
	if d.Version.Number <= 1 {
		return l, nil
	}
	root, made, err := r.tables.Lineage(ctx, d.Tenant, d.ID, d.Version.Number)
	if err != nil {
		return nil, err
	}
	for _, v := range made {
		if v.Erased {
			l.steps, l.versions = nil, nil
			l.note = fmt.Sprintf("Version %d is erased, with what its steps have learned: the model takes rows as version %d has them, and carries no steps of the data set.",
				v.Version.Number, d.Version.Number)
			return l, nil
		}
		steps, err := r.fittedSteps(ctx, v)
		if err != nil {
			return nil, err
		}
		for _, s := range steps {
			if f, ok := s.(*preprocess.Fitted); ok && f.Operation().Rows == preprocess.Makes {
				l.steps, l.versions = nil, nil
				l.note = fmt.Sprintf("Version %d has rows that %s made of several: the model takes rows as version %d has them, and carries no steps of the data set.",
					v.Version.Number, f.Operation().Name, d.Version.Number)
				return l, nil
			}
			l.steps, l.versions = append(l.steps, s), append(l.versions, v.Version.Number)
		}
	}
	if len(l.steps) == 0 {
		return l, nil
	}
	l.root = root.Version.Schema
	c, err := pipeline.NewCarried(l.columns(), l.steps, p.Features)
	if err != nil {
		return nil, model.Invalid(err)
	}
	return l, l.leaks(c, p)
}

// leaks refuses features that are computed from the target, which nobody has who
// predicts.
func (l *lineage) leaks(c pipeline.Carried, p automl.Params) error {
	if !slices.ContainsFunc(c.Inputs, func(in pipeline.Input) bool { return in.Name == p.Target }) {
		return nil
	}
	for _, name := range p.Features {
		if slices.Contains(preprocess.Sources(l.steps, []string{name}), p.Target) {
			return fault.Invalid("target_in_features", "column %q is computed from the target %q by the steps that made the version; leave it out of the features, or the target out of the steps", name, p.Target).
				With(fault.Field{Location: fmt.Sprintf("column %q", name), Message: "is computed from the target", Value: name})
		}
	}
	return nil
}

func (l *lineage) columns() []pipeline.Input {
	var columns []pipeline.Input
	for _, f := range recipe.Schema(l.root) {
		columns = append(columns, pipeline.Input{Name: f.Name, Type: f.Type})
	}
	return columns
}

// maxFitted bounds the file of fitted steps.
const maxFitted = 1 << 30

func (r *Runner) fittedSteps(ctx context.Context, v *dataset.Revision) ([]preprocess.Step, error) {
	file, err := r.files.Open(ctx, v.FittedKey)
	if fault.ClassOf(err) == fault.ClassNotFound {
		return nil, fault.Conflict("lineage_gone", "what the steps of version %d of data set %s have learned has been cleaned up; reproduce the version that is to be learned from and train on that", v.Version.Number, v.DatasetID)
	}
	if err != nil {
		return nil, fmt.Errorf("open the steps of version %d of data set %s: %w", v.Version.Number, v.DatasetID, err)
	}
	defer file.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(file, maxFitted))
	if err != nil {
		return nil, fmt.Errorf("read the steps of version %d of data set %s: %w", v.Version.Number, v.DatasetID, err)
	}
	steps, err := recipe.Decode(b, r.tables.Concealer(v.Tenant))
	if err != nil {
		return nil, fmt.Errorf("decode the steps of version %d of data set %s: %w", v.Version.Number, v.DatasetID, err)
	}
	return steps, nil
}

// carry gives the model the steps of the data set, and describes those that it
// carries.
func (l *lineage) carry(d *dataset.Dataset, p automl.Params, found *automl.Result) (*trained, error) {
	out := &trained{Result: found, inputs: inputs(found.Model, d.Version.Schema)}
	if l.note != "" {
		out.Notes = append(out.Notes, l.note)
	}
	if len(l.steps) > 0 {
		var names []string
		for _, in := range found.Model.Inputs() {
			names = append(names, in.Name)
		}
		c, err := pipeline.NewCarried(l.columns(), l.steps, names)
		if err != nil {
			return nil, model.Invalid(err)
		}
		out.prepared = out.inputs
		if out.Model, err = found.Model.Carry(c); err != nil {
			return nil, fmt.Errorf("carry the steps of data set %s: %w", d.ID, err)
		}
		out.inputs = inputs(out.Model, l.root)
	}
	for i, s := range l.steps {
		if f, ok := s.(*preprocess.Fitted); ok {
			out.recipe = append(out.recipe, describe(f.Spec(), f.Operation(), f.Explain(), l.versions[i]))
		}
	}
	if p.Recipe != nil {
		for i := range p.Recipe.Len() {
			out.recipe = append(out.recipe, describe(p.Recipe.Spec(i), p.Recipe.Operation(i), p.Recipe.Explain(i), 0))
		}
	}
	return out, nil
}

func describe(s preprocess.Spec, o preprocess.Operation, words string, version int) model.RecipeStep {
	return model.RecipeStep{Name: s.Name, Parameters: s.Parameters, Explanation: words, Skipped: o.Prediction == preprocess.Skipped, Version: version}
}
