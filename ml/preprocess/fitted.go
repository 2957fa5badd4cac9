package preprocess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// Fitted is a step of a recipe with what it learned. As a transformer it does
// what is done to rows of a prediction: a step that is skipped then returns
// them as they are.
type Fitted struct {
	entry   entry
	args    arguments
	needs   Schema // the columns that it was bound to and reads
	learned []byte
	plan    plan // as far as the columns that it reads tell
	action  action
}

var _ Step = (*Fitted)(nil)

// Operation returns what the step does.
func (f *Fitted) Operation() Operation { return f.entry.Operation }

// Spec returns the step as people write it, with every parameter.
func (f *Fitted) Spec() Spec { return Spec{Name: f.entry.Name, Parameters: maps.Clone(f.args)} }

// Explain says in words what the step does.
func (f *Fitted) Explain() string { return explain(f.entry.says, &f.entry.Operation, f.args) }

// Transform implements ml.Transformer.
func (f *Fitted) Transform(x *frame.Frame) (*frame.Frame, error) {
	return f.transform(context.Background(), x)
}

func (f *Fitted) transform(ctx context.Context, x *frame.Frame) (*frame.Frame, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch {
	case f.entry.Prediction == Skipped:
		return x, nil
	case f.action.predict != nil:
		return f.action.predict(x)
	case f.action.frame == nil:
		return nil, fmt.Errorf("preprocess: %s cannot be applied to single rows", f.entry.Name)
	default:
		return f.action.frame(x)
	}
}

func (f *Fitted) kind() kind { return f.entry.kind }

func (f *Fitted) append(b []byte) []byte {
	args, err := json.Marshal(f.args)
	if err != nil {
		panic("preprocess: arguments that were read cannot be written: " + err.Error())
	}
	b = wire.AppendString(b, string(args))
	b = appendSchema(b, f.needs)
	return wire.AppendString(b, string(f.learned))
}

func appendSchema(b []byte, s Schema) []byte {
	names := s.Names()
	b = wire.AppendStrings(b, names)
	for _, f := range s {
		if f.Family {
			continue
		}
		flags := byte(f.Type)
		if f.Nullable {
			flags |= 0x80
		}
		b = append(b, flags)
	}
	return b
}

func decodeSchema(r *wire.Reader) Schema {
	var s Schema
	seen := map[string]bool{}
	for _, name := range r.Strings() {
		flags := r.Uint8()
		f := Field{Name: name, Type: frame.Type(flags &^ 0x80), Nullable: flags&0x80 != 0}
		if f.Type > frame.Time {
			r.Fail("column %q has the type %d, which there is not", name, f.Type)
		}
		if seen[name] || name == "" {
			r.Fail("a column has no name, or that of another: %q", name)
		}
		seen[name] = true
		s = append(s, f)
	}
	return s
}

// decodeFitted reads a step of the vocabulary.
func decodeFitted(e entry, r *wire.Reader, env Environment) (Step, error) {
	args, needs, learned := r.String(), decodeSchema(r), r.String()
	if r.Err() != nil {
		return nil, r.Err()
	}
	var given map[string]any
	if err := json.Unmarshal([]byte(args), &given); err != nil {
		return nil, fmt.Errorf("parameters of %s: %w", e.Name, err)
	}
	f, err := bindFitted(e, given, needs, []byte(learned), env)
	if err != nil {
		return nil, err
	}
	// What is read has to be as it would be written, so that equal steps have
	// equal bytes.
	if written, err := json.Marshal(f.args); err != nil || string(written) != args {
		return nil, fmt.Errorf("the parameters of %s are not as they are written", e.Name)
	}
	return f, nil
}

func bindFitted(e entry, given map[string]any, needs Schema, learned []byte, env Environment) (*Fitted, error) {
	args, err := e.read(given)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	p, err := bindEntry(e, args, needs, env, learned, true)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	return newFitted(e, args, needs, p, learned)
}

func newFitted(e entry, args arguments, needs Schema, p plan, learned []byte) (*Fitted, error) {
	if p.learn == nil && len(learned) > 0 {
		return nil, fmt.Errorf("%s has learned something, and there is nothing to learn", e.Name)
	}
	a, err := p.act(learned)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	return &Fitted{entry: e, args: args, needs: needs, learned: learned, plan: p, action: a}, nil
}

func bindEntry(e entry, args arguments, schema Schema, env Environment, learned []byte, back bool) (plan, error) {
	b := &binding{op: &e.Operation, args: args, schema: schema, env: env, learned: learned, back: back}
	p := e.bind(b)
	if b.err != nil {
		return plan{}, b.wrong()
	}
	if len(p.out) == 0 && !back {
		return plan{}, &ml.InputError{Code: "no_columns_left", Row: -1, Message: e.Name + " leaves no column; keep at least one"}
	}
	if len(p.out) > max(maxColumns, len(schema)) && !back {
		return plan{}, &ml.InputError{Code: "too_many_columns", Row: -1, Message: fmt.Sprintf("there would be %d columns after %s, and a table may have %d; name fewer", len(p.out), e.Name, maxColumns)}
	}
	return p, nil
}

// maxColumns is how many columns steps may bring a table to.
const maxColumns = 10_000

// decodeLearned reads what an existing step wrote, as what was learned.
func decodeLearned[S Step](learned []byte, decode func(r *wire.Reader) S) (action, error) {
	r := wire.NewReader(learned)
	s := decode(r)
	if err := r.Close(); err != nil {
		return action{}, err
	}
	return action{frame: s.Transform}, nil
}

// StepError says which step of a recipe cannot be used, and wraps why.
type StepError struct {
	Step      int // from 0
	Operation string
	Err       error
}

// Error implements error.
func (e *StepError) Error() string {
	return fmt.Sprintf("step %d, %s: %s", e.Step+1, e.Operation, e.Reason())
}

// Reason says what is wrong, without where.
func (e *StepError) Reason() string {
	if wrong, ok := errors.AsType[*ml.InputError](e.Err); ok {
		return wrong.Message
	}
	return e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *StepError) Unwrap() error { return e.Err }

// needed is the part of a schema that a step needs to be bound again.
func needed(s Schema, p plan) Schema {
	var out Schema
	for _, name := range slices.Compact(slices.Sorted(slices.Values(p.reads))) {
		if f, ok := s.Lookup(name); ok {
			f.Uncertain = false
			out = append(out, f)
		}
	}
	return out
}
