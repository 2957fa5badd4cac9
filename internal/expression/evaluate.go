package expression

import (
	"fmt"
	"math"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Expression is compiled and can be evaluated, also by several goroutines at
// once.
type Expression struct {
	typ       frame.Type
	program   cel.Program
	columns   []string
	variables []string // of columns
	types     []frame.Type
	vector    kernel // nil: row by row
	ast       celast.Expr
}

var _ preprocess.Expression = (*Expression)(nil)

// Type implements preprocess.Expression.
func (e *Expression) Type() frame.Type { return e.typ }

// Columns implements preprocess.Expression.
func (e *Expression) Columns() []string { return append([]string(nil), e.columns...) }

// row is the values of one row, by variable.
type row struct {
	names  []string
	values []any
}

// ResolveName implements the library's Activation.
func (r *row) ResolveName(name string) (any, bool) {
	for i, n := range r.names {
		if n == name {
			return r.values[i], true
		}
	}
	return nil, false
}

// Parent implements the library's Activation.
func (r *row) Parent() cel.Activation { return nil }

// Evaluate implements preprocess.Expression.
func (e *Expression) Evaluate(x *frame.Frame) (frame.Column, error) {
	columns := make([]frame.Column, len(e.columns))
	for i, name := range e.columns {
		c, ok := x.Column(name)
		if !ok {
			return c, &ml.InputError{Code: "missing_column", Column: name, Row: -1, Message: fmt.Sprintf("column %q is missing", name)}
		}
		if c.Type() != e.types[i] && (e.types[i] != frame.Float || c.Type() != frame.Int) {
			return c, &ml.InputError{Code: "column_type", Column: name, Row: -1, Message: fmt.Sprintf("column %q holds values of type %s, it should hold %s", name, c.Type(), e.types[i])}
		}
		columns[i] = c
	}
	if e.vector != nil {
		return e.vector(columns, x.Rows()).column(e.typ), nil
	}
	if len(columns) == 1 && columns[0].Type() == frame.String && len(columns[0].Dict()) < x.Rows() {
		return e.byDictionary(columns[0])
	}
	out := newBuilder(e.typ, x.Rows())
	at := &row{names: e.variables, values: make([]any, len(columns))}
	for i := range x.Rows() {
		for k, c := range columns {
			at.values[k] = e.value(k, c, i)
		}
		if err := e.evaluate(at, out, i); err != nil {
			return frame.Column{}, err
		}
	}
	return out.column(), nil
}

// byDictionary evaluates once for every text of the only column.
func (e *Expression) byDictionary(c frame.Column) (frame.Column, error) {
	dict := c.Dict()
	out := newBuilder(e.typ, len(dict)+1)
	at := &row{names: e.variables, values: make([]any, 1)}
	for k, s := range dict {
		at.values[0] = types.String(s)
		if err := e.evaluate(at, out, k); err != nil {
			return frame.Column{}, err
		}
	}
	at.values[0] = unknown()
	if err := e.evaluate(at, out, len(dict)); err != nil {
		return frame.Column{}, err
	}
	rows := make([]int, c.Len())
	for i, k := range c.Codes() {
		rows[i] = len(dict)
		if k >= 0 {
			rows[i] = int(k)
		}
	}
	return out.column().Take(rows), nil
}

// unknown stands for a missing value: CEL carries it through what needs it and
// passes over it where another operand decides.
func unknown() ref.Val { return types.NewUnknown(1, nil) }

func (e *Expression) value(k int, c frame.Column, i int) any {
	if c.Null(i) {
		return unknown()
	}
	switch e.types[k] {
	case frame.Float:
		return types.Double(c.Float(i))
	case frame.Int:
		return types.Int(c.Int(i))
	case frame.Bool:
		return types.Bool(c.Int(i) != 0)
	case frame.Time:
		return types.Timestamp{Time: time.UnixMicro(c.Int(i)).UTC()}
	default:
		return types.String(c.Text(i))
	}
}

// evaluate puts the value of one row into place i.
func (e *Expression) evaluate(at *row, out *builder, i int) error {
	v, _, err := e.program.Eval(at)
	if err != nil {
		if strings.Contains(err.Error(), "cost limit") {
			return wrong("expression_cost", "the expression takes too long for a row; make it simpler")
		}
		out.null(i) // as for a division by zero
		return nil
	}
	out.put(i, v)
	return nil
}

// builder collects values of one type.
type builder struct {
	typ    frame.Type
	floats []float64
	ints   []int64
	texts  []string
	nulls  frame.Bitmap
}

func newBuilder(t frame.Type, n int) *builder {
	b := &builder{typ: t}
	switch t {
	case frame.Float:
		b.floats = make([]float64, n)
	case frame.String:
		b.texts = make([]string, n)
	default:
		b.ints = make([]int64, n)
	}
	return b
}

func (b *builder) null(i int) {
	b.nulls.Set(i)
	if b.typ == frame.Float {
		b.floats[i] = math.NaN()
	}
}

func (b *builder) put(i int, v ref.Val) {
	switch v := v.(type) {
	case types.Double:
		if b.typ != frame.Float || math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			b.null(i)
			return
		}
		b.floats[i] = float64(v)
	case types.Int:
		b.ints[i] = int64(v)
	case types.Bool:
		if v {
			b.ints[i] = 1
		}
	case types.String:
		if len(v) > maxText {
			b.null(i)
			return
		}
		b.texts[i] = string(v)
	case types.Timestamp:
		if y := v.UTC().Year(); y < 1 || y > 9999 {
			b.null(i)
			return
		}
		b.ints[i] = v.UnixMicro()
	default:
		b.null(i)
	}
}

func (b *builder) column() frame.Column {
	const name = "value"
	switch b.typ {
	case frame.Float:
		return frame.NewFloat(name, b.floats)
	case frame.String:
		return frame.StringsOf(name, b.texts, b.nulls.Get)
	default:
		return frame.NewInt(name, b.typ, b.ints, b.nulls)
	}
}
