package pipeline

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Input is a column that a row must have.
type Input struct {
	Name       string
	Type       frame.Type
	Categories []string // of a column of strings: those seen in training, sorted
}

// InputOf describes a column of a training table.
func InputOf(c frame.Column) Input {
	in := Input{Name: c.Name(), Type: c.Type()}
	if c.Type() != frame.String {
		return in
	}
	seen := make([]bool, len(c.Dict()))
	for _, k := range c.Codes() {
		if k >= 0 && !seen[k] {
			seen[k] = true
			in.Categories = append(in.Categories, c.Dict()[k])
		}
	}
	slices.Sort(in.Categories)
	return in
}

// Estimator is a fitted algorithm that can be written.
type Estimator interface {
	ml.Predictor
	AppendBinary(b []byte) ([]byte, error)
}

// Streamer is an Estimator that may be so large that its bytes should not be
// held at once.
type Streamer interface {
	Estimator
	// Pieces returns what AppendBinary appends, the same each time, in pieces
	// that are there until the next.
	Pieces() iter.Seq[[]byte]
}

// Parts are what a Model is made of.
type Parts struct {
	Algorithm string // linear, forest, gbdt, baseline
	Task      ml.Task
	Target    string    // the column that is predicted
	Classes   []string  // classification only; for Binary the second is the positive class
	Recipes   []Carried // in order, what is done to a row first; most models have none
	Inputs    []Input   // of what the recipes make of it
	Steps     []preprocess.Step
	Estimator Estimator
}

// Model is a fitted whole. It is immutable and safe for concurrent use.
type Model struct {
	parts Parts
	known []map[string]struct{} // the categories of each input that has no more than mapped; else nil
}

// mapped is how many categories of an input are looked up in a map. Of more
// the map would be a burden, and they are looked up in the sorted ones.
const mapped = 1 << 16

var _ ml.Predictor = (*Model)(nil)

// New returns a Model of the parts, which it keeps. It returns an error when
// they do not fit each other; to find out, it predicts a row of missing values.
func New(p Parts) (*Model, error) {
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	m := &Model{parts: p, known: make([]map[string]struct{}, len(p.Inputs))}
	for i, in := range p.Inputs {
		if len(in.Categories) > mapped {
			continue
		}
		m.known[i] = make(map[string]struct{}, len(in.Categories))
		for _, s := range in.Categories {
			m.known[i][s] = struct{}{}
		}
	}
	if err := m.try(); err != nil {
		return nil, fmt.Errorf("pipeline: the parts do not fit each other: %w", err)
	}
	return m, nil
}

func (p Parts) validate() error {
	if p.Algorithm == "" || p.Target == "" || p.Estimator == nil {
		return fmt.Errorf("algorithm %q, target %q and estimator must be given", p.Algorithm, p.Target)
	}
	want := len(p.Classes)
	switch {
	case p.Task == ml.Regression && want == 0:
		want = 1
	case p.Task == ml.Binary && want == 2, p.Task == ml.Multiclass && want >= 2:
	default:
		return fmt.Errorf("the task %q cannot have %d classes", p.Task, want)
	}
	if n := p.Estimator.Outputs(); n != want {
		return fmt.Errorf("the estimator has %d outputs, the task %q needs %d", n, p.Task, want)
	}
	if repeated(p.Classes) {
		return errors.New("a class occurs twice")
	}
	for i := range p.Recipes {
		if err := p.Recipes[i].validate(); err != nil {
			return err
		}
	}
	return validateInputs(p.Inputs)
}

func repeated(list []string) bool {
	sorted := slices.Sorted(slices.Values(list))
	return len(slices.Compact(sorted)) < len(list)
}

// try predicts a row of missing values.
func (m *Model) try() error {
	inputs := m.inputs()
	columns := make([]frame.Column, len(inputs))
	for i, in := range inputs {
		columns[i] = missing(in, 1)
	}
	x, err := frame.New(columns...)
	if err != nil {
		return err
	}
	if len(columns) == 0 {
		x = x.Take([]int{0})
	}
	out := make([]float64, m.Outputs())
	if err := m.Predict(x, out); err != nil {
		return err
	}
	for _, v := range out {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("a row of missing values gives %v", v)
		}
	}
	return nil
}

// Algorithm returns the name of the algorithm.
func (m *Model) Algorithm() string { return m.parts.Algorithm }

// Task returns what the model was asked to learn.
func (m *Model) Task() ml.Task { return m.parts.Task }

// Target returns the name of the column that is predicted.
func (m *Model) Target() string { return m.parts.Target }

// Classes returns the classes in the order of the outputs; for Binary the
// second is the positive one. It is empty for Regression.
func (m *Model) Classes() []string { return slices.Clone(m.parts.Classes) }

// Outputs implements ml.Predictor.
func (m *Model) Outputs() int { return m.parts.Estimator.Outputs() }

// inputs are the columns that a row must have.
func (m *Model) inputs() []Input {
	if len(m.parts.Recipes) > 0 {
		return m.parts.Recipes[0].Inputs
	}
	return m.parts.Inputs
}

// Inputs returns the columns that a row must have. Those of a recipe that the
// model carries have no categories.
func (m *Model) Inputs() []Input {
	inputs := slices.Clone(m.inputs())
	for i := range inputs {
		inputs[i].Categories = slices.Clone(inputs[i].Categories)
	}
	return inputs
}

// Parts returns what the model is made of. Do not change it.
func (m *Model) Parts() Parts { return m.parts }
