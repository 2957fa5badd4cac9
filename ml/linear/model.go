package linear

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Model is a fitted model. It is immutable and safe for concurrent use.
type Model struct {
	task         ml.Task
	loss         Loss
	inputs       []input
	coefficients []float64 // by score, then by feature
	intercepts   []float64 // of each score: one for each class of Multiclass, else one
	iterations   int
	converged    bool
}

var _ ml.Predictor = (*Model)(nil)

// input is a column that the model needs.
type input struct {
	name       string
	text       bool     // strings, not floats
	categories []string // ascending
	missing    bool     // whether missing values have a coefficient, after those of the categories
}

func inputsOf(names []string, columns []column) []input {
	inputs := make([]input, len(columns))
	for i, c := range columns {
		inputs[i] = input{name: names[i]}
		if l, ok := c.(*levels); ok {
			inputs[i] = input{name: names[i], text: true, categories: l.categories, missing: l.missing}
		}
	}
	return inputs
}

// width is the number of features.
func (in input) width() int {
	switch {
	case !in.text:
		return 1
	case in.missing:
		return len(in.categories) + 1
	default:
		return len(in.categories)
	}
}

// Outputs is the number of values a row: 2 for Binary, the number of classes
// for Multiclass, 1 for Regression.
func (m *Model) Outputs() int {
	if m.task == ml.Binary {
		return 2
	}
	return len(m.intercepts)
}

// Loss returns what was minimised.
func (m *Model) Loss() Loss { return m.loss }

// Columns returns the columns that the model needs.
func (m *Model) Columns() []string {
	names := make([]string, len(m.inputs))
	for i, in := range m.inputs {
		names[i] = in.name
	}
	return names
}

// Feature is what a coefficient is multiplied by: the value of a column of
// floats; of a column of strings 1 in the rows of a category and 0 in others.
type Feature struct {
	Column   string
	Text     bool   // a column of strings
	Category string // of a column of strings
	Missing  bool   // of a column of strings, its missing values instead of a category
}

// Features returns what the coefficients belong to, column by column: one for a
// column of floats; of a column of strings the categories, ascending by bytes,
// and its missing values last, if training had such.
func (m *Model) Features() []Feature {
	features := make([]Feature, 0, m.width())
	for _, in := range m.inputs {
		if !in.text {
			features = append(features, Feature{Column: in.name})
			continue
		}
		for _, s := range in.categories {
			features = append(features, Feature{Column: in.name, Text: true, Category: s})
		}
		if in.missing {
			features = append(features, Feature{Column: in.name, Text: true, Missing: true})
		}
	}
	return features
}

// width is the number of features.
func (m *Model) width() int {
	n := 0
	for _, in := range m.inputs {
		n += in.width()
	}
	return n
}

// Coefficients returns the coefficients of the features for score k, in the unit
// of the columns: for Multiclass of class k, for Binary of the log-odds of the
// second class with k = 0, for Poisson of the logarithm of the prediction. Do
// not change the slice.
func (m *Model) Coefficients(k int) []float64 {
	n := len(m.coefficients) / len(m.intercepts)
	return m.coefficients[k*n : (k+1)*n]
}

// Intercepts returns the constant of each score. Do not change the slice.
func (m *Model) Intercepts() []float64 { return m.intercepts }

// Iterations is how many the fit took.
func (m *Model) Iterations() int { return m.iterations }

// Converged reports whether the fit reached its tolerance, or the precision of
// the numbers, before its last iteration.
func (m *Model) Converged() bool { return m.converged }

// Predict writes the outputs of every row of x to out, row by row. Columns are
// found by name; others are ignored. A category that training did not have adds
// nothing to a score, and neither does a missing one where training had none
// missing. It returns an *ml.InputError when x lacks a column, or one has another
// type than in training, or a number is missing or infinite.
func (m *Model) Predict(x *frame.Frame, out []float64) error {
	width := m.Outputs()
	if len(out) != x.Rows()*width {
		return fmt.Errorf("linear: predict %d rows: %d outputs, want %d", x.Rows(), len(out), x.Rows()*width)
	}
	readers, err := m.readers(x)
	if err != nil {
		return err
	}
	scores := make([][]float64, len(m.intercepts))
	for k := range scores {
		scores[k] = make([]float64, min(x.Rows(), blockRows))
	}
	row := make([]float64, len(scores))
	for low := 0; low < x.Rows(); low += blockRows {
		n := min(blockRows, x.Rows()-low)
		for k, b := range m.intercepts {
			scores[k] = scores[k][:n]
			fill(scores[k], b)
		}
		for i := range readers {
			readers[i].add(scores, low)
		}
		for i := range n {
			for k := range row {
				row[k] = scores[k][i]
			}
			m.finish(row, out[(low+i)*width:(low+i+1)*width])
		}
	}
	return nil
}

// finish turns the scores of a row into outputs.
func (m *Model) finish(scores, out []float64) {
	switch {
	case m.task == ml.Binary:
		out[0], out[1] = sigmoid(-scores[0]), sigmoid(scores[0])
	case m.task == ml.Multiclass:
		softmax(scores)
		copy(out, scores)
	case m.loss == Poisson:
		out[0] = min(math.Exp(scores[0]), math.MaxFloat64)
	default:
		out[0] = scores[0]
	}
}

// reader reads a column of the table to predict.
type reader struct {
	input        input
	coefficients [][]float64 // of the column, for each score
	values       []float64   // of floats
	codes        []int32     // of strings
	dict         []string
	place        []int32 // of each code: the place of its coefficient and 1, 0 while that is not known
}

const nowhere = -1 // in reader.place: it has no coefficient

// readers finds the columns of the model in a table.
func (m *Model) readers(x *frame.Frame) ([]reader, error) {
	readers := make([]reader, len(m.inputs))
	first := 0
	for i, in := range m.inputs {
		r, err := in.read(x)
		if err != nil {
			return nil, err
		}
		last := first + in.width()
		for k := range m.intercepts {
			r.coefficients = append(r.coefficients, m.Coefficients(k)[first:last])
		}
		readers[i], first = r, last
	}
	return readers, nil
}

func (in input) read(x *frame.Frame) (reader, error) {
	c, ok := x.Column(in.name)
	if !ok {
		return reader{}, &ml.InputError{Code: "missing_column", Column: in.name, Row: -1, Message: fmt.Sprintf(
			"the table has no column %q, which the model needs", in.name)}
	}
	want := frame.Float
	if in.text {
		want = frame.String
	}
	if c.Type() != want {
		return reader{}, &ml.InputError{Code: "column_type", Column: in.name, Row: -1, Message: fmt.Sprintf(
			"the column %q is of type %s; the model learned from values of type %s", in.name, c.Type(), want)}
	}
	if in.text {
		return reader{input: in, codes: c.Codes(), dict: c.Dict(), place: make([]int32, len(c.Dict()))}, nil
	}
	for i, v := range c.Floats() {
		if err := finite(in.name, i, v); err != nil {
			return reader{}, err
		}
	}
	return reader{input: in, values: c.Floats()}, nil
}

// add adds what the column gives to the scores of the rows from low on.
func (r *reader) add(scores [][]float64, low int) {
	high := low + len(scores[0])
	if !r.input.text {
		for k, block := range scores {
			floats.AddScaled(block, r.coefficients[k][0], r.values[low:high])
		}
		return
	}
	for i, code := range r.codes[low:high] {
		if p := r.find(code); p != nowhere {
			for k, block := range scores {
				block[i] += r.coefficients[k][p]
			}
		}
	}
}

// find returns the place of the coefficient of a code. It looks only those up
// that a row has: a part of a table may have the dictionary of the whole.
func (r *reader) find(code int32) int32 {
	switch {
	case code < 0 && r.input.missing:
		return int32(len(r.input.categories))
	case code < 0:
		return nowhere
	case r.place[code] == 0:
		r.place[code] = nowhere
		if at, ok := slices.BinarySearch(r.input.categories, r.dict[code]); ok {
			r.place[code] = int32(at) + 1
		}
	}
	if r.place[code] == nowhere {
		return nowhere
	}
	return r.place[code] - 1
}

// finite refuses a number that is missing or infinite.
func finite(column string, row int, v float64) error {
	switch {
	case math.IsNaN(v):
		return &ml.InputError{Code: "missing_value", Column: column, Row: row, Message: fmt.Sprintf(
			"the column %q is missing in row %d; a linear model needs every number, so fill it first", column, row+1)}
	case math.IsInf(v, 0):
		return &ml.InputError{Code: "infinite_value", Column: column, Row: row, Message: fmt.Sprintf(
			"the column %q is infinite in row %d; every value must be a finite number", column, row+1)}
	default:
		return nil
	}
}
