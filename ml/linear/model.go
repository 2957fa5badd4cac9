package linear

import (
	"encoding/binary"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// Model is a fitted model. It is immutable and safe for concurrent use.
type Model struct {
	task         ml.Task
	columns      []string
	coefficients []float64 // by score, then by column
	intercepts   []float64 // of each score: one for each class of Multiclass, else one
	iterations   int
	converged    bool
}

var _ ml.Predictor = (*Model)(nil)

// Outputs is the number of values a row: 2 for Binary, the number of classes
// for Multiclass, 1 for Regression.
func (m *Model) Outputs() int {
	if m.task == ml.Binary {
		return 2
	}
	return len(m.intercepts)
}

// Columns returns the columns that the model needs. Do not change the slice.
func (m *Model) Columns() []string { return m.columns }

// Coefficients returns the coefficients of the columns for score k, in the unit
// of the columns: for Multiclass of class k, for Binary of the log-odds of the
// second class with k = 0. Do not change the slice.
func (m *Model) Coefficients(k int) []float64 {
	return m.coefficients[k*len(m.columns) : (k+1)*len(m.columns)]
}

// Intercepts returns the constant of each score. Do not change the slice.
func (m *Model) Intercepts() []float64 { return m.intercepts }

// Iterations is how many the fit took.
func (m *Model) Iterations() int { return m.iterations }

// Converged reports whether the fit reached its tolerance, or the precision of
// the numbers, before its last iteration.
func (m *Model) Converged() bool { return m.converged }

// Predict writes the outputs of every row of x to out, row by row. Columns are
// found by name; others are ignored. It returns an *ml.InputError when x lacks a
// column, or one is not of type Float, or a value is missing or infinite.
func (m *Model) Predict(x *frame.Frame, out []float64) error {
	width := m.Outputs()
	if len(out) != x.Rows()*width {
		return fmt.Errorf("linear: predict %d rows: %d outputs, want %d", x.Rows(), len(out), x.Rows()*width)
	}
	values, err := matrix(x, m.columns)
	if err != nil {
		return err
	}
	classes := len(m.intercepts)
	scores := make([]float64, classes*min(x.Rows(), blockRows))
	row := make([]float64, classes)
	for low := 0; low < x.Rows(); low += blockRows {
		n := min(blockRows, x.Rows()-low)
		for k, b := range m.intercepts {
			block := scores[k*n : (k+1)*n]
			for i := range block {
				block[i] = b
			}
			for j, c := range m.Coefficients(k) {
				floats.AddScaled(block, c, values[j][low:low+n])
			}
		}
		for i := range n {
			for k := range row {
				row[k] = scores[k*n+i]
			}
			m.finish(row, out[(low+i)*width:(low+i+1)*width])
		}
	}
	return nil
}

// finish turns the scores of a row into outputs.
func (m *Model) finish(scores, out []float64) {
	switch m.task {
	case ml.Binary:
		out[0], out[1] = sigmoid(-scores[0]), sigmoid(scores[0])
	case ml.Multiclass:
		softmax(scores)
		copy(out, scores)
	default:
		out[0] = scores[0]
	}
}

// matrix returns the values of the columns named.
func matrix(x *frame.Frame, names []string) ([][]float64, error) {
	out := make([][]float64, len(names))
	for j, name := range names {
		c, ok := x.Column(name)
		switch {
		case !ok:
			return nil, &ml.InputError{Code: "missing_column", Column: name, Row: -1, Message: fmt.Sprintf(
				"the table has no column %q, which the model needs", name)}
		case c.Type() != frame.Float:
			return nil, &ml.InputError{Code: "column_type", Column: name, Row: -1, Message: fmt.Sprintf(
				"the column %q is of type %s; a linear model needs floats, so encode it first", name, c.Type())}
		}
		out[j] = c.Floats()
		for i, v := range out[j] {
			switch {
			case math.IsNaN(v):
				return nil, &ml.InputError{Code: "missing_value", Column: name, Row: i, Message: fmt.Sprintf(
					"the column %q is missing in row %d; a linear model needs every value, so fill it first", name, i+1)}
			case math.IsInf(v, 0):
				return nil, &ml.InputError{Code: "infinite_value", Column: name, Row: i, Message: fmt.Sprintf(
					"the column %q is infinite in row %d; every value must be a finite number", name, i+1)}
			}
		}
	}
	return out, nil
}

// The bytes of a model, little-endian:
//
//	"NLIN", version u16, task u8 (0 binary, 1 multiclass, 2 regression)
//	columns u32, each a string
//	scores u32, each: intercept f64, then a coefficient f64 for each column
//	iterations u32, converged u8
//
// A string is its length as u32 and its bytes.
const (
	magic   = "NLIN"
	version = 1
)

// AppendBinary appends the bytes of the model, which Decode reads. The same
// model has the same bytes.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	b = wire.AppendMagic(b, magic, version)
	switch m.task {
	case ml.Binary:
		b = append(b, 0)
	case ml.Multiclass:
		b = append(b, 1)
	default:
		b = append(b, 2)
	}
	b = wire.AppendStrings(b, m.columns)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.intercepts)))
	for k, c := range m.intercepts {
		b = wire.AppendFloats(b, c)
		b = wire.AppendFloats(b, m.Coefficients(k)...)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(m.iterations))
	return wire.AppendBool(b, m.converged), nil
}

// Decode reads a model written by AppendBinary. It returns an error unless b is
// exactly such a model.
func Decode(b []byte) (*Model, error) {
	r := wire.NewReader(b)
	r.Magic(magic, version)
	m := &Model{}
	switch code := r.Uint8(); code {
	case 0:
		m.task = ml.Binary
	case 1:
		m.task = ml.Multiclass
	case 2:
		m.task = ml.Regression
	default:
		r.Fail("task %d is unknown", code)
	}
	m.columns = r.Strings()
	seen := make(map[string]bool, len(m.columns))
	for _, name := range m.columns {
		if name == "" || seen[name] {
			r.Fail("column name %q is empty or repeated", name)
		}
		seen[name] = true
	}
	scores := r.Count(8 * (1 + len(m.columns)))
	if m.task == ml.Multiclass && scores < 2 || m.task != ml.Multiclass && scores != 1 {
		r.Fail("%d scores for a %s model", scores, m.task)
	}
	for range scores {
		m.intercepts = append(m.intercepts, r.Float())
		m.coefficients = append(m.coefficients, r.Floats(len(m.columns))...)
	}
	m.iterations = int(r.Uint32())
	m.converged = r.Bool()
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode linear model: %w", err)
	}
	return m, nil
}
