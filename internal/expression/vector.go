package expression

import (
	"math"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/narrativeml/narrative/ml/frame"
)

// vector is a number or a truth value for each row, or one for all; NaN is
// missing. Truth values are 0 and 1.
type vector struct {
	values []float64
	one    bool
}

func (v vector) at(i int) float64 {
	if v.one {
		return v.values[0]
	}
	return v.values[i]
}

// column makes a column of the vector, which is of floats or truth values.
func (v vector) column(t frame.Type) frame.Column {
	const name = "value"
	if t == frame.Float {
		for i, f := range v.values {
			if math.IsInf(f, 0) {
				v.values[i] = math.NaN()
			}
		}
		return frame.NewFloat(name, v.values)
	}
	ints := make([]int64, len(v.values))
	var nulls frame.Bitmap
	for i, f := range v.values {
		switch {
		case math.IsNaN(f):
			nulls.Set(i)
		case f != 0:
			ints[i] = 1
		}
	}
	return frame.NewInt(name, frame.Bool, ints, nulls)
}

// kernel computes an expression for all rows of columns at once. Its vector has
// a value for each row, which nobody else has.
type kernel func(columns []frame.Column, rows int) vector

// vectorise returns a kernel of an expression that has only decimal numbers,
// truth values, comparisons with numbers and with texts; nil for any other. It
// gives what the library gives.
func vectorise(ast *celast.AST, e *Expression) kernel {
	if e.typ != frame.Float && e.typ != frame.Bool {
		return nil
	}
	c := &vectoriser{ast: ast, e: e}
	inner := c.compile(ast.Expr())
	if inner == nil {
		return nil
	}
	return func(columns []frame.Column, rows int) vector {
		v := inner(columns, rows)
		out := make([]float64, rows)
		for i := range out {
			out[i] = v.at(i)
		}
		return vector{values: out}
	}
}

type vectoriser struct {
	ast *celast.AST
	e   *Expression
}

func (c *vectoriser) position(variable string) int {
	for i, name := range c.e.variables {
		if name == variable {
			return i
		}
	}
	return -1
}

func (c *vectoriser) compile(x celast.Expr) kernel {
	switch x.Kind() {
	case celast.LiteralKind:
		switch v := x.AsLiteral().(type) {
		case types.Double:
			return constant(float64(v))
		case types.Bool:
			if v {
				return constant(1)
			}
			return constant(0)
		default:
			return nil
		}
	case celast.IdentKind:
		at := c.position(x.AsIdent())
		if at < 0 || c.e.types[at] != frame.Float && c.e.types[at] != frame.Bool {
			return nil
		}
		return func(columns []frame.Column, _ int) vector { return vector{values: numbers(columns[at])} }
	case celast.CallKind:
		return c.call(x.AsCall())
	default:
		return nil
	}
}

func constant(v float64) kernel {
	return func([]frame.Column, int) vector { return vector{values: []float64{v}, one: true} }
}

func numbers(c frame.Column) []float64 {
	if c.Type() == frame.Float {
		return c.Floats()
	}
	values := make([]float64, c.Len())
	for i, v := range c.Ints() {
		values[i] = float64(v)
		if c.Null(i) {
			values[i] = math.NaN()
		}
	}
	return values
}

func (c *vectoriser) call(call celast.CallExpr) kernel {
	args := call.Args()
	switch name := call.FunctionName(); {
	case call.IsMemberFunction():
		return nil
	case name == "missing" && len(args) == 1 && args[0].Kind() == celast.IdentKind:
		return c.missing(args[0].AsIdent())
	case name == operators.Conditional:
		return c.conditional(args)
	case len(args) == 2:
		return c.binary(name, args)
	case len(args) == 1:
		return c.unary(name, args[0])
	default:
		return nil
	}
}

func (c *vectoriser) missing(variable string) kernel {
	at := c.position(variable)
	if at < 0 {
		return nil
	}
	return func(columns []frame.Column, rows int) vector {
		out := make([]float64, rows)
		for i := range out {
			if columns[at].Null(i) {
				out[i] = 1
			}
		}
		return vector{values: out}
	}
}

func (c *vectoriser) conditional(args []celast.Expr) kernel {
	when, yes, no := c.compile(args[0]), c.compile(args[1]), c.compile(args[2])
	if when == nil || yes == nil || no == nil {
		return nil
	}
	return func(columns []frame.Column, rows int) vector {
		a, b, d := when(columns, rows), yes(columns, rows), no(columns, rows)
		out := make([]float64, rows)
		for i := range out {
			switch w := a.at(i); {
			case math.IsNaN(w):
				out[i] = w
			case w != 0:
				out[i] = b.at(i)
			default:
				out[i] = d.at(i)
			}
		}
		return vector{values: out}
	}
}

func (c *vectoriser) unary(name string, arg celast.Expr) kernel {
	var f func(float64) float64
	switch name {
	case operators.Negate:
		f = func(v float64) float64 { return -v }
	case operators.LogicalNot:
		f = func(v float64) float64 { return 1 - v }
	case "double":
		return c.double(arg)
	default:
		return nil
	}
	inner := c.compile(arg)
	if inner == nil {
		return nil
	}
	return func(columns []frame.Column, rows int) vector {
		v := inner(columns, rows)
		out := make([]float64, len(v.values))
		for i, k := range v.values {
			out[i] = f(k)
		}
		return vector{values: out, one: v.one}
	}
}

// double converts a column of integers.
func (c *vectoriser) double(arg celast.Expr) kernel {
	if arg.Kind() != celast.IdentKind {
		return nil
	}
	at := c.position(arg.AsIdent())
	if at < 0 || c.e.types[at] != frame.Int && c.e.types[at] != frame.Float {
		return nil
	}
	return func(columns []frame.Column, _ int) vector { return vector{values: numbers(columns[at])} }
}

func (c *vectoriser) binary(name string, args []celast.Expr) kernel {
	if k := c.textual(name, args); k != nil {
		return k
	}
	f, compares := arithmetic(name)
	if f == nil {
		return nil
	}
	var left, right kernel
	if compares {
		left, right = c.comparable(args[0], args[1]), c.comparable(args[1], args[0])
	} else {
		left, right = c.compile(args[0]), c.compile(args[1])
	}
	if left == nil || right == nil {
		return nil
	}
	return func(columns []frame.Column, rows int) vector {
		a, b := left(columns, rows), right(columns, rows)
		if a.one && b.one {
			return vector{values: []float64{f(a.values[0], b.values[0])}, one: true}
		}
		out := make([]float64, rows)
		for i := range out {
			out[i] = f(a.at(i), b.at(i))
		}
		return vector{values: out}
	}
}

// comparable compiles an operand of a comparison: beside decimal numbers a
// column of integers that is compared with a number, and a whole number that no
// float is too short for.
func (c *vectoriser) comparable(x, with celast.Expr) kernel {
	switch {
	case x.Kind() == celast.LiteralKind:
		if v, ok := x.AsLiteral().(types.Int); ok && v < 1<<53 && v > -1<<53 {
			return constant(float64(v))
		}
	case x.Kind() == celast.IdentKind:
		if at := c.position(x.AsIdent()); at >= 0 && c.e.types[at] == frame.Int && with.Kind() == celast.LiteralKind {
			return func(columns []frame.Column, _ int) vector { return vector{values: numbers(columns[at])} }
		}
	}
	return c.compile(x)
}

// arithmetic returns what an operator computes of two numbers, and whether it
// compares them. What is computed of a missing one is missing.
func arithmetic(name string) (f func(a, b float64) float64, compares bool) {
	truth := func(test func(a, b float64) bool) func(a, b float64) float64 {
		return func(a, b float64) float64 {
			switch {
			case a != a || b != b: // the quickest test for NaN
				return math.NaN()
			case test(a, b):
				return 1
			default:
				return 0
			}
		}
	}
	switch name {
	case operators.Add:
		return func(a, b float64) float64 { return a + b }, false
	case operators.Subtract:
		return func(a, b float64) float64 { return a - b }, false
	case operators.Multiply:
		return func(a, b float64) float64 { return a * b }, false
	case operators.Divide:
		return func(a, b float64) float64 { return a / b }, false
	case operators.Less:
		return truth(func(a, b float64) bool { return a < b }), true
	case operators.LessEquals:
		return truth(func(a, b float64) bool { return a <= b }), true
	case operators.Greater:
		return truth(func(a, b float64) bool { return a > b }), true
	case operators.GreaterEquals:
		return truth(func(a, b float64) bool { return a >= b }), true
	case operators.Equals:
		return truth(func(a, b float64) bool { return a == b }), true
	case operators.NotEquals:
		return truth(func(a, b float64) bool { return a != b }), true
	case "default":
		return func(a, b float64) float64 {
			if math.IsNaN(a) || math.IsInf(a, 0) {
				return b
			}
			return a
		}, false
	case operators.LogicalAnd:
		return and, false
	case operators.LogicalOr:
		return func(a, b float64) float64 { return 1 - and(1-a, 1-b) }, false
	default:
		return nil, false
	}
}

// and is false where one of two is, and missing where it cannot be told.
func and(a, b float64) float64 {
	switch {
	case a == 0 || b == 0:
		return 0
	case a == 1 && b == 1:
		return 1
	default:
		return math.NaN()
	}
}

// textual compares a column of texts with a text, or with a list of texts.
func (c *vectoriser) textual(name string, args []celast.Expr) kernel {
	column, other := args[0], args[1]
	if name != operators.In && column.Kind() != celast.IdentKind {
		column, other = other, column
	}
	if column.Kind() != celast.IdentKind {
		return nil
	}
	at := c.position(column.AsIdent())
	if at < 0 || c.e.types[at] != frame.String {
		return nil
	}
	wanted := map[string]bool{}
	switch {
	case name == operators.In && other.Kind() == celast.ListKind:
		for _, item := range other.AsList().Elements() {
			if item.Kind() != celast.LiteralKind {
				return nil
			}
			s, ok := item.AsLiteral().(types.String)
			if !ok {
				return nil
			}
			wanted[string(s)] = true
		}
	case (name == operators.Equals || name == operators.NotEquals) && other.Kind() == celast.LiteralKind:
		s, ok := other.AsLiteral().(types.String)
		if !ok {
			return nil
		}
		wanted[string(s)] = true
	default:
		return nil
	}
	yes, no := 1.0, 0.0
	if name == operators.NotEquals {
		yes, no = no, yes
	}
	return func(columns []frame.Column, rows int) vector {
		of := make([]float64, len(columns[at].Dict()))
		for k, s := range columns[at].Dict() {
			if of[k] = no; wanted[s] {
				of[k] = yes
			}
		}
		out := make([]float64, rows)
		for i, k := range columns[at].Codes() {
			if out[i] = math.NaN(); k >= 0 {
				out[i] = of[k]
			}
		}
		return vector{values: out}
	}
}
