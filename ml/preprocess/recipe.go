package preprocess

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Recipe is steps bound to the columns of a table: what can be said without
// data has been checked.
type Recipe struct {
	env     Environment
	steps   []boundStep
	schemas []Schema // before the first step, and after each
}

type boundStep struct {
	entry entry
	args  arguments
	needs Schema
	plan  plan
}

// MaxSteps is how many steps a recipe may have.
const MaxSteps = 200

// Bind checks the steps against the columns of a table. Its error is a
// *StepError, or *MistakesError of several, which wrap an *ml.InputError: unknown_operation, the codes of
// parameters (unknown_parameter, missing_parameter, parameter_type,
// repeated_value, invalid_parameter), those of columns (missing_column,
// column_type, name_taken, no_columns, no_columns_left, too_many_columns), memory_needed,
// no_expressions, and what the compiler says.
func Bind(specs []Spec, schema Schema, env Environment) (*Recipe, error) {
	if len(specs) == 0 || len(specs) > MaxSteps {
		return nil, &ml.InputError{Code: "recipe_length", Parameter: "steps", Row: -1, Message: fmt.Sprintf("the recipe has %d steps, it should have 1 to %d", len(specs), MaxSteps)}
	}
	r := &Recipe{env: env, schemas: []Schema{schema}}
	var wrong mistakes
	for i, s := range specs {
		step, err := bindSpec(s, schema, env)
		if err != nil {
			if err := wrong.add(i, s, err); err != nil {
				return nil, err
			}
			continue // later steps are checked as if this one did nothing
		}
		schema = step.plan.out
		r.steps = append(r.steps, step)
		r.schemas = append(r.schemas, schema)
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return r, nil
}

// Check checks the names and the parameters of steps, as Bind does, without the
// columns of a table.
func Check(specs []Spec) error {
	if len(specs) == 0 || len(specs) > MaxSteps {
		return &ml.InputError{Code: "recipe_length", Parameter: "steps", Row: -1, Message: fmt.Sprintf("the recipe has %d steps, it should have 1 to %d", len(specs), MaxSteps)}
	}
	var wrong mistakes
	for i, s := range specs {
		e, err := find(s.Name)
		if err == nil {
			_, err = e.read(s.Parameters)
		}
		if err != nil {
			if err := wrong.add(i, s, err); err != nil {
				return err
			}
		}
	}
	return wrong.err()
}

// find returns an entry of the vocabulary.
func find(name string) (entry, error) {
	e, ok := lookup(name)
	if !ok {
		message := fmt.Sprintf("there is no transformation %.60q", name)
		var names []string
		for _, o := range Vocabulary() {
			names = append(names, o.Name)
		}
		if near := Nearest(name, names); near != "" {
			message += fmt.Sprintf("; did you mean %s?", near)
		}
		return entry{}, &ml.InputError{Code: "unknown_operation", Parameter: "name", Row: -1, Message: message}
	}
	return e, nil
}

func bindSpec(s Spec, schema Schema, env Environment) (boundStep, error) {
	e, err := find(s.Name)
	if err != nil {
		return boundStep{}, err
	}
	args, err := e.read(s.Parameters)
	if err != nil {
		return boundStep{}, err
	}
	p, err := bindEntry(e, args, schema, env, nil, false)
	if err != nil {
		return boundStep{}, err
	}
	return boundStep{entry: e, args: args, needs: needed(schema, p), plan: p}, nil
}

// Schemas returns the columns before the first step and after each.
func (r *Recipe) Schemas() []Schema { return r.schemas }

// Environment returns what the steps were bound with.
func (r *Recipe) Environment() Environment { return r.env }

// Len returns the number of steps.
func (r *Recipe) Len() int { return len(r.steps) }

// Operation returns what step i does.
func (r *Recipe) Operation(i int) Operation { return r.steps[i].entry.Operation }

// Spec returns step i with every parameter, those that were left out too.
func (r *Recipe) Spec(i int) Spec {
	return Spec{Name: r.steps[i].entry.Name, Parameters: maps.Clone(r.steps[i].args)}
}

// Reads returns the columns that step i looks at, Writes those that it makes,
// changes or takes away.
func (r *Recipe) Reads(i int) []string { return slices.Clone(r.steps[i].plan.reads) }

// Writes returns the columns that step i makes, changes or takes away.
func (r *Recipe) Writes(i int) []string { return slices.Clone(r.steps[i].plan.writes) }

// Sources returns the columns, of those that step i reads, that it makes a column of
// which it writes.
func (r *Recipe) Sources(i int, name string) []string {
	p := &r.steps[i].plan
	if p.from == nil {
		return slices.Clone(p.reads)
	}
	return p.from(name)
}

// Learns reports whether any step learns from the rows.
func (r *Recipe) Learns() bool {
	return slices.ContainsFunc(r.steps, func(s boundStep) bool { return s.plan.learn != nil })
}

// Explain says in words what step i does.
func (r *Recipe) Explain(i int) string {
	s := r.steps[i]
	return explain(s.entry.says, &s.entry.Operation, s.args)
}

// explain puts the parameters into a sentence. What stands in brackets behind the
// name of a parameter is said when that is given and not as it is by itself.
func explain(says string, o *Operation, a arguments) string {
	says = regexp.MustCompile(`\[(\w+): ([^\]]*)\]`).ReplaceAllStringFunc(says, func(s string) string {
		name, text, _ := strings.Cut(s[1:len(s)-1], ": ")
		p, _ := o.parameter(name)
		if v := a[name]; v == nil || v == "" || fmt.Sprint(v) == fmt.Sprint(p.Default) {
			return ""
		}
		return text
	})
	var pairs []string
	for _, p := range o.Parameters {
		words := describe(a[p.Name])
		switch {
		case a[p.Name] == nil && p.Type == ColumnNames:
			words = "every column"
		case p.Type == Choice:
			words = a.text(p.Name)
		case p.Type == Choices:
			words = strings.Join(a.texts(p.Name), ", ")
		case p.Type == Formula:
			words = a.text(p.Name)
		}
		pairs = append(pairs, "{"+p.Name+"}", words)
	}
	return strings.NewReplacer(pairs...).Replace(says)
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return fmt.Sprintf("%q", v)
	case []string:
		const shown = 5
		quoted := make([]string, 0, shown)
		for _, s := range v[:min(len(v), shown)] {
			quoted = append(quoted, fmt.Sprintf("%q", s))
		}
		if more := len(v) - shown; more > 0 {
			return strings.Join(quoted, ", ") + fmt.Sprintf(" and %d more", more)
		}
		return strings.Join(quoted, ", ")
	case map[string]string:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		pairs := make([]string, len(keys))
		for i, k := range keys {
			pairs[i] = fmt.Sprintf("%q: %q", k, v[k])
		}
		return describeList(pairs)
	default:
		return fmt.Sprint(v)
	}
}

func describeList(list []string) string {
	const shown = 5
	if more := len(list) - shown; more > 0 {
		return strings.Join(list[:shown], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(list, ", ")
}

// Source gives the rows of a table from the beginning, a chunk at a time,
// whenever it is asked.
type Source interface {
	Each(ctx context.Context, fn func(x *frame.Frame) error) error
}

// Frames is a Source of frames that are there.
type Frames []*frame.Frame

// Each implements Source.
func (f Frames) Each(ctx context.Context, fn func(x *frame.Frame) error) error {
	for _, x := range f {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(x); err != nil {
			return err
		}
	}
	return nil
}

// FittedRecipe is a recipe with what its steps learned. It is immutable.
type FittedRecipe struct {
	recipe *Recipe
	steps  []*Fitted
}

// Learning is what the steps of a recipe have learned so far, by step; it can be
// kept, and Fit goes on from it.
type Learning [][]byte

// Fit reads the source as often as the steps need, at most once for each that
// learns, and once for several where none needs what another makes. before is
// what an earlier call has learned, or nil; keep, which may be nil, is given what
// is learned after each time that the source was read.
func (r *Recipe) Fit(ctx context.Context, source Source, before Learning, keep func(Learning) error) (*FittedRecipe, error) {
	known := make(Learning, len(r.steps))
	copy(known, before)
	f := &FittedRecipe{recipe: r, steps: make([]*Fitted, len(r.steps))}
	for {
		left := false
		for i, s := range r.steps {
			if f.steps[i] != nil {
				continue
			}
			if s.plan.learn != nil && known[i] == nil {
				left = true
				continue
			}
			var err error
			if f.steps[i], err = newFitted(s.entry, s.args, s.needs, s.plan, known[i]); err != nil {
				return nil, &StepError{Step: i, Operation: s.entry.Name, Err: err}
			}
		}
		if !left {
			return f, nil
		}
		if err := r.pass(ctx, source, f, known); err != nil {
			return nil, err
		}
		if keep != nil {
			if err := keep(known); err != nil {
				return nil, err
			}
		}
	}
}

// pass reads the source once and lets those steps learn that can.
func (r *Recipe) pass(ctx context.Context, source Source, f *FittedRecipe, known Learning) error {
	run := &Pass{}
	var students []int
	learners := map[int]learner{}
	var dirty dirt
	for i, s := range r.steps {
		clean := dirty.spares(s.plan)
		if clean && f.steps[i] != nil {
			run.add(i, f.steps[i])
			continue
		}
		if clean {
			learners[i] = s.plan.learn()
			students = append(students, i)
			run.learn(i, learners[i], s.entry.Name)
		}
		dirty.add(s.plan)
	}
	run.trim()
	discard := func(*frame.Frame) error { return nil }
	if err := source.Each(ctx, func(x *frame.Frame) error { return run.feed(0, x, discard) }); err != nil {
		return err
	}
	if err := run.finish(discard); err != nil {
		return err
	}
	for _, i := range students {
		learned, err := learners[i].learned()
		if err != nil {
			return &StepError{Step: i, Operation: r.steps[i].entry.Name, Err: err}
		}
		known[i] = append([]byte{}, learned...) // never nil
	}
	return nil
}

// dirt is what steps that cannot run yet would have changed.
type dirt struct {
	columns  []string
	families []string
	rows     bool
}

func (d *dirt) add(p plan) {
	d.columns = append(d.columns, p.writes...)
	d.families = append(d.families, p.families...)
	d.rows = d.rows || p.removes
}

// spares reports whether a step would see the rows as it should.
func (d *dirt) spares(p plan) bool {
	return !d.rows && !slices.ContainsFunc(p.reads, func(name string) bool {
		return slices.Contains(d.columns, name) || slices.ContainsFunc(d.families, func(f string) bool { return strings.HasPrefix(name, f) })
	})
}

// Steps returns the fitted steps, to be written and to be applied to the rows of
// predictions.
func (f *FittedRecipe) Steps() []Step {
	steps := make([]Step, len(f.steps))
	for i, s := range f.steps {
		steps[i] = s
	}
	return steps
}

// Recipe returns what was fitted.
func (f *FittedRecipe) Recipe() *Recipe { return f.recipe }

// Start begins to apply the steps to a table, whose chunks are then given to
// Next in their order.
func (f *FittedRecipe) Start() *Pass {
	p := &Pass{}
	for i, s := range f.steps {
		p.add(i, s)
	}
	return p
}

// Trace applies the steps to a whole table one by one and tells what each makes
// of it.
func (f *FittedRecipe) Trace(x *frame.Frame, visit func(step int, before, after *frame.Frame)) (*frame.Frame, error) {
	for i, s := range f.steps {
		one := &FittedRecipe{recipe: f.recipe, steps: []*Fitted{s}}
		after, err := one.Apply(x)
		if err != nil {
			if at, ok := errors.AsType[*StepError](err); ok {
				at.Step = i
			}
			return nil, err
		}
		visit(i, x, after)
		x = after
	}
	return x, nil
}

// Apply applies the steps to a whole table.
func (f *FittedRecipe) Apply(x *frame.Frame) (*frame.Frame, error) {
	p := f.Start()
	var parts []*frame.Frame
	take := func(x *frame.Frame) error {
		parts = append(parts, x)
		return nil
	}
	if err := p.Next(x, take); err != nil {
		return nil, err
	}
	if err := p.End(take); err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return x.Take(nil), nil
	}
	return concat(parts)
}
