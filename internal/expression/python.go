package expression

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// NoPythonError says what of an expression has no counterpart in Python.
type NoPythonError struct{ What string }

// Error implements error.
func (e *NoPythonError) Error() string { return e.What + " has no counterpart in Python" }

// Python writes the expression in Python, as an expression of calls of functions
// that give None for what is missing. Each column that it reads is a variable, in
// the order of Columns. Its error is a *NoPythonError.
func (e *Expression) Python() (code string, variables []string, err error) {
	p := &pythonist{names: map[string]string{}}
	for i, v := range e.variables {
		name := "c_" + v
		if e.columns[i] != v { // a name in quotes
			name = "c_" + strconv.Itoa(i+1)
		}
		p.names[v] = name
		variables = append(variables, name)
	}
	code = p.write(e.ast)
	if p.err != nil {
		return "", nil, p.err
	}
	return code, variables, nil
}

// pythonist writes Python. After the first mistake it writes nothing of worth.
type pythonist struct {
	names map[string]string
	err   error
}

func (p *pythonist) fail(what string) string {
	if p.err == nil {
		p.err = &NoPythonError{what}
	}
	return ""
}

func (p *pythonist) write(x celast.Expr) string {
	switch x.Kind() {
	case celast.LiteralKind:
		return p.literal(x)
	case celast.IdentKind:
		if name, ok := p.names[x.AsIdent()]; ok {
			return name
		}
		return p.fail(x.AsIdent())
	case celast.ListKind:
		items := make([]string, len(x.AsList().Elements()))
		for i, item := range x.AsList().Elements() {
			items[i] = p.write(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case celast.CallKind:
		return p.call(x.AsCall())
	default:
		return p.fail("a value of several parts")
	}
}

func (p *pythonist) literal(x celast.Expr) string {
	switch v := x.AsLiteral().(type) {
	case types.Bool:
		if v {
			return "True"
		}
		return "False"
	case types.Int:
		return strconv.FormatInt(int64(v), 10)
	case types.Double:
		if math.IsInf(float64(v), 0) {
			return "math.copysign(math.inf, " + strconv.FormatFloat(math.Copysign(1, float64(v)), 'f', -1, 64) + ")"
		}
		s := strconv.FormatFloat(float64(v), 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case types.String:
		return pythonText(string(v))
	default:
		return p.fail(fmt.Sprintf("the value %v", v))
	}
}

// pythonText writes a text in Python, which reads it as JSON does.
func pythonText(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return strconv.Quote(s)
	}
	return string(b)
}

// pythonCalls are the functions of Python by those that they stand for.
func pythonCalls() map[string]string {
	return map[string]string{
		operators.Equals: "equal", operators.NotEquals: "equal", operators.Less: "less", operators.LessEquals: "at_most",
		operators.Greater: "more", operators.GreaterEquals: "at_least", operators.In: "among",
		operators.LogicalAnd: "both", operators.LogicalOr: "either", operators.LogicalNot: "opposite", operators.Conditional: "choice",
		operators.Add: "plus", operators.Subtract: "minus", operators.Multiply: "times", operators.Divide: "divided", operators.Modulo: "remainder", operators.Negate: "negative",
		"missing": "missing", "default": "default", "lower": "lowered", "upper": "raised", "trim": "trimmed", "replace": "replaced_text", "substring": "part_of_text", "size": "size",
		"contains": "contains", "startsWith": "starts_with", "endsWith": "ends_with",
		"abs": "absolute", "round": "rounded", "floor": "floor", "ceil": "ceiling", "sqrt": "root", "exp": "exponential", "log": "logarithm", "pow": "power", "least": "least", "greatest": "greatest",
		"date": "day_of_text", "year": "year", "month": "month", "day": "day", "hour": "hour", "weekday": "weekday", "days_between": "days_between",
		"double": "as_float", "int": "as_integer", "string": "as_text",
	}
}

func (p *pythonist) call(c celast.CallExpr) string {
	name, args := c.FunctionName(), c.Args()
	if c.IsMemberFunction() {
		args = append([]celast.Expr{c.Target()}, args...)
	}
	switch name {
	case "timestamp", "duration":
		return p.moment(name, args)
	case "matches":
		return p.matches(args)
	}
	function, ok := pythonCalls()[name]
	if !ok {
		return p.fail(strings.Trim(name, "_@"))
	}
	written := make([]string, len(args))
	for i, a := range args {
		written[i] = p.write(a)
	}
	code := function + "(" + strings.Join(written, ", ") + ")"
	if name == operators.NotEquals {
		code = "opposite(" + code + ")"
	}
	return code
}

// moment writes an instant or a span of time that is given as a text.
func (p *pythonist) moment(name string, args []celast.Expr) string {
	if len(args) != 1 || args[0].Kind() != celast.LiteralKind {
		return p.fail(name + " of what is no text")
	}
	s, ok := args[0].AsLiteral().(types.String)
	if !ok {
		return p.fail(name + " of what is no text")
	}
	if name == "duration" {
		d, err := time.ParseDuration(string(s))
		if err != nil || d%time.Microsecond != 0 {
			return p.fail(fmt.Sprintf("the span of time %.40q", string(s)))
		}
		return fmt.Sprintf("datetime.timedelta(microseconds=%d)", d.Microseconds())
	}
	v := s.ConvertToType(types.TimestampType)
	at, ok := v.(types.Timestamp)
	if !ok || at.Nanosecond()%int(time.Microsecond) != 0 || at.UTC().Year() < 1 || at.UTC().Year() > 9999 {
		return p.fail(fmt.Sprintf("the instant %.60q", string(s)))
	}
	return fmt.Sprintf("datetime.datetime.fromisoformat(%q)", at.UTC().Format("2006-01-02T15:04:05.000000+00:00"))
}

// matches writes a search for a regular expression that is given as a text.
func (p *pythonist) matches(args []celast.Expr) string {
	if len(args) != 2 || args[1].Kind() != celast.LiteralKind {
		return p.fail("a regular expression that is no text")
	}
	s, ok := args[1].AsLiteral().(types.String)
	if !ok {
		return p.fail("a regular expression that is no text")
	}
	pattern, ok := PythonPattern(string(s))
	if !ok {
		return p.fail(fmt.Sprintf("the regular expression %.60q", string(s)))
	}
	return "matches(" + p.write(args[0]) + ", " + pythonText(pattern) + ")"
}

// PythonPattern returns a regular expression of RE2 as Python has it, where the
// end of a text is nothing else. It is not ok when the expression has something
// that Python has not, or has otherwise.
func PythonPattern(pattern string) (python string, ok bool) {
	for _, only := range []string{`[[:`, `\p`, `\P`, `\z`, `\Q`, `\C`, `(?U`, `(?i-`, `(?m`} {
		if strings.Contains(pattern, only) {
			return "", false
		}
	}
	if strings.Contains(pattern, `(?<`) || strings.Contains(pattern, `\x{`) || strings.LastIndex(pattern, "(?i)") > 0 || strings.LastIndex(pattern, "(?s)") > 0 {
		return "", false
	}
	ascii := func(s string) bool {
		return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
	}
	if strings.Contains(pattern, "(?i") && !ascii(pattern) {
		return "", false // only letters of ASCII are the same in both cases there
	}
	var b strings.Builder
	class, escaped := false, false
	for _, r := range pattern {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '[':
			class = true
		case r == ']':
			class = false
		case r == '$' && !class:
			b.WriteString(`\Z`)
			continue
		}
		b.WriteRune(r)
	}
	return b.String(), true
}
