package preprocess

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// Strategy is what a missing value becomes.
type Strategy string

// The strategies. Mean and Median are for numbers only. Mean, Median and Mode
// honour weights.
const (
	Mean     Strategy = "mean"
	Median   Strategy = "median"
	Mode     Strategy = "mode" // the most frequent value; among equals the smallest
	Constant Strategy = "constant"
)

// ImputeParams says how missing values are filled. Fit several steps to fill
// columns in several ways.
type ImputeParams struct {
	Columns   []string // empty: all that the strategy is for
	Strategy  Strategy
	Number    float64 // the constant of columns of numbers
	Text      string  // the constant of columns of strings
	Indicator bool    // add a column of 0 and 1 where training had missing values
}

// DefaultImputeParams fills numbers with their median and marks them.
func DefaultImputeParams() ImputeParams { return ImputeParams{Strategy: Median, Indicator: true} }

// Validate returns an error when a parameter is out of range.
func (p ImputeParams) Validate() error {
	switch p.Strategy {
	case Mean, Median, Mode, Constant:
	default:
		return invalid("strategy", fmt.Sprintf("strategy is %q, it should be mean, median, mode or constant", p.Strategy))
	}
	if math.IsNaN(p.Number) || math.IsInf(p.Number, 0) {
		return invalid("number", "the constant is not a finite number")
	}
	return nil
}

// Impute fills missing values. Columns of numbers become Float columns. A
// column without any value in training is filled with 0 or "".
type Impute struct {
	columns []fill
}

type fill struct {
	column    string
	text      bool // a column of strings
	number    float64
	word      string
	indicator string // the name of the column that marks missing values, or empty
}

var _ Step = (*Impute)(nil)

// FitImpute fits an Impute on the columns of numbers of x; with the strategies
// Mode and Constant on those of strings too. Weights are those of the rows. It
// returns an *ml.InputError for parameters or weights out of their limits,
// columns that are missing or hold what the strategy is not for, and infinite
// values.
func FitImpute(ctx context.Context, x *frame.Frame, p ImputeParams, weights ...float64) (*Impute, error) {
	if err := cmp.Or(p.Validate(), checkWeights(x, weights)); err != nil {
		return nil, err
	}
	fits, want := frame.Type.Numeric, "numbers to have a "+string(p.Strategy)
	if p.Strategy == Mode || p.Strategy == Constant {
		fits = anyType
	}
	columns, err := choose(ctx, x, p.Columns, fits, want)
	if err != nil {
		return nil, err
	}
	m := &Impute{}
	names := newNamer(x)
	for _, c := range columns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f := fill{column: c.Name(), text: c.Type() == frame.String}
		if f.text {
			f.word = p.fillText(c, weights)
		} else if f.number, err = p.fillNumber(c, weights); err != nil {
			return nil, err
		}
		if p.Indicator && c.Nulls() > 0 {
			f.indicator = names.name(c.Name() + " is missing")
		}
		m.columns = append(m.columns, f)
	}
	return m, nil
}

func (p ImputeParams) fillNumber(c frame.Column, weights []float64) (float64, error) {
	if p.Strategy == Constant {
		return p.Number, nil
	}
	s, err := newSample(c, weights)
	switch {
	case err != nil:
		return 0, err
	case len(s.values) == 0:
		return 0, nil
	case p.Strategy == Mean:
		mean, _ := s.moments()
		return mean, nil
	case p.Strategy == Median:
		return s.median(), nil
	default:
		return s.mode(), nil
	}
}

func (p ImputeParams) fillText(c frame.Column, weights []float64) string {
	if p.Strategy == Constant {
		return p.Text
	}
	return modeText(c, weights)
}

// Transform implements ml.Transformer.
func (m *Impute) Transform(x *frame.Frame) (*frame.Frame, error) {
	return m.transform(context.Background(), x)
}

func (m *Impute) transform(ctx context.Context, x *frame.Frame) (*frame.Frame, error) {
	entry := map[string][]frame.Column{}
	for _, f := range m.columns {
		fits, want := frame.Type.Numeric, "numbers"
		if f.text {
			fits, want = isString, "strings"
		}
		c, err := column(ctx, x, f.column, fits, want)
		if err != nil {
			return nil, err
		}
		made := []frame.Column{f.apply(c)}
		if f.indicator != "" {
			made = append(made, frame.NewFloat(f.indicator, marks(c)))
		}
		entry[f.column] = made
	}
	return replace(x, entry)
}

func (f fill) apply(c frame.Column) frame.Column {
	if f.text {
		return f.applyText(c)
	}
	if c.Type() == frame.Float && c.Nulls() == 0 {
		return c
	}
	values := make([]float64, c.Len())
	for i := range values {
		values[i] = c.Float(i)
		if math.IsNaN(values[i]) {
			values[i] = f.number
		}
	}
	return frame.NewFloat(f.column, values)
}

func (f fill) applyText(c frame.Column) frame.Column {
	if c.Nulls() == 0 {
		return c
	}
	dict := c.Dict()
	at := int32(-1)
	for k, s := range dict {
		if s == f.word {
			at = int32(k)
		}
	}
	if at < 0 {
		at = int32(len(dict))
		dict = append(append([]string(nil), dict...), f.word)
	}
	codes := make([]int32, c.Len())
	for i, k := range c.Codes() {
		codes[i] = k
		if c.Null(i) {
			codes[i] = at
		}
	}
	return frame.NewString(f.column, codes, dict)
}

func marks(c frame.Column) []float64 {
	values := make([]float64, c.Len())
	for i := range values {
		if c.Null(i) {
			values[i] = 1
		}
	}
	return values
}

func (m *Impute) kind() kind { return kindImpute }

func (m *Impute) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.columns)))
	for _, f := range m.columns {
		b = wire.AppendString(b, f.column)
		b = wire.AppendBool(b, f.text)
		if f.text {
			b = wire.AppendString(b, f.word)
		} else {
			b = wire.AppendFloats(b, f.number)
		}
		b = wire.AppendString(b, f.indicator)
	}
	return b
}

func decodeImpute(r *wire.Reader) *Impute {
	m := &Impute{}
	for range r.Count(13) {
		f := fill{column: r.String(), text: r.Bool()}
		if f.text {
			f.word = r.String()
		} else {
			f.number = r.Float()
		}
		f.indicator = r.String()
		if r.Err() != nil {
			break
		}
		m.columns = append(m.columns, f)
	}
	return m
}
