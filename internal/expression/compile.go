package expression

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Bounds of an expression.
const (
	maxSource = 4096
	maxDepth  = 50
	maxCost   = 100_000 // for one row, in the units of CEL
	maxText   = 64 << 10
)

// Compiler compiles expressions. The zero value is ready.
type Compiler struct{}

var _ preprocess.Compiler = Compiler{}

// Compile implements preprocess.Compiler. Its errors are *ml.InputError:
// expression_too_long, expression_syntax, missing_column, expression_type.
func (Compiler) Compile(source string, columns preprocess.Schema) (preprocess.Expression, error) {
	if len(source) > maxSource {
		return nil, wrong("expression_too_long", fmt.Sprintf("the expression has %d bytes, it may have %d", len(source), maxSource))
	}
	if !utf8.ValidString(source) {
		return nil, wrong("expression_syntax", "the expression is not UTF-8 text")
	}
	plain, quoted, err := unquote(source)
	if err != nil {
		return nil, err
	}
	names := variables(columns, quoted)
	env, err := environment(names, columns)
	if err != nil {
		return nil, fmt.Errorf("expression: prepare the language: %w", err)
	}
	ast, issues := env.Compile(plain)
	if issues != nil && issues.Err() != nil {
		return nil, explain(issues, source, columns, quoted)
	}
	t, ok := typeOf(ast.OutputType())
	if !ok {
		what := "a " + ast.OutputType().String()
		if ast.OutputType().IsExactType(cel.DurationType) {
			what = "a span of time (days_between(a, b) makes a number of it)"
		}
		return nil, wrong("expression_type", fmt.Sprintf("the expression gives %s, it should give a number, a text, true or false, or an instant", what))
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, wrong("expression_syntax", fmt.Sprintf("the expression cannot be used: %v", err))
	}
	e := &Expression{typ: t, program: program, ast: ast.NativeRep().Expr()}
	used := map[string]bool{}
	celast.PreOrderVisit(ast.NativeRep().Expr(), celast.NewExprVisitor(func(x celast.Expr) {
		if x.Kind() == celast.IdentKind {
			used[x.AsIdent()] = true
		}
	}))
	for _, f := range columns {
		if name, ok := names[f.Name]; ok && used[name] && !f.Family {
			e.columns = append(e.columns, f.Name)
			e.variables = append(e.variables, name)
			e.types = append(e.types, f.Type)
		}
	}
	for name := range quoted {
		// A column that only data tell is no field of its own.
		if f, ok := columns.Lookup(name); ok && f.Uncertain && used[names[name]] && !slices.Contains(e.columns, name) {
			e.columns = append(e.columns, name)
			e.variables = append(e.variables, names[name])
			e.types = append(e.types, f.Type)
		}
	}
	e.vector = vectorise(ast.NativeRep(), e)
	return e, nil
}

func wrong(code, message string) error {
	return &ml.InputError{Code: code, Row: -1, Message: message}
}

// unquote replaces names in backquotes by variables, since a column may have a
// name that is none. It leaves texts in quotes as they are.
func unquote(source string) (plain string, quoted map[string]string, err error) {
	quoted = map[string]string{}
	var out strings.Builder
	for i := 0; i < len(source); {
		c := source[i]
		switch c {
		case '"', '\'':
			end := endOfText(source, i)
			out.WriteString(source[i:end])
			i = end
		case '`':
			end := strings.IndexByte(source[i+1:], '`')
			if end <= 0 {
				return "", nil, wrong("expression_syntax", fmt.Sprintf("the expression has a ` at place %d that does not enclose a name", i+1))
			}
			name := source[i+1 : i+1+end]
			if quoted[name] == "" {
				quoted[name] = "column_in_quotes_" + strconv.Itoa(len(quoted)+1)
			}
			out.WriteString(quoted[name])
			i += end + 2
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String(), quoted, nil
}

// endOfText returns where a text in quotes ends that begins at i.
func endOfText(source string, i int) int {
	quote := source[i : i+1]
	raw := i > 0 && (source[i-1] == 'r' || source[i-1] == 'R')
	if strings.HasPrefix(source[i:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	for k := i + len(quote); k < len(source); k++ {
		switch {
		case source[k] == '\\' && !raw:
			k++
		case strings.HasPrefix(source[k:], quote):
			return k + len(quote)
		}
	}
	return len(source)
}

// variables returns the variable of every column that can have one.
func variables(columns preprocess.Schema, quoted map[string]string) map[string]string {
	names := map[string]string{}
	for _, f := range columns {
		if !f.Family && identifier(f.Name) {
			names[f.Name] = f.Name
		}
	}
	for name, variable := range quoted {
		if _, ok := columns.Lookup(name); ok {
			names[name] = variable
		}
	}
	return names
}

// identifier reports whether a name can stand in an expression as it is.
func identifier(name string) bool {
	if reserved(name) {
		return false
	}
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

func reserved(name string) bool {
	switch name {
	case "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while",
		"int", "uint", "double", "bool", "string", "bytes", "list", "map", "type", "null_type", "timestamp", "duration", "dyn", "google", "optional_type":
		return true
	default:
		return false
	}
}

func environment(names map[string]string, columns preprocess.Schema) (*cel.Env, error) {
	options := []cel.EnvOption{cel.ClearMacros(), cel.CrossTypeNumericComparisons(true), cel.ParserRecursionLimit(maxDepth), cel.ParserExpressionSizeLimit(maxSource)}
	for name, variable := range names {
		f, ok := columns.Lookup(name)
		if ok {
			options = append(options, cel.Variable(variable, celType(f.Type)))
		}
	}
	return cel.NewEnv(append(options, functions()...)...)
}

func celType(t frame.Type) *cel.Type {
	switch t {
	case frame.Float:
		return cel.DoubleType
	case frame.Int:
		return cel.IntType
	case frame.Bool:
		return cel.BoolType
	case frame.Time:
		return cel.TimestampType
	default:
		return cel.StringType
	}
}

func typeOf(t *cel.Type) (frame.Type, bool) {
	for _, have := range []frame.Type{frame.Float, frame.Int, frame.Bool, frame.String, frame.Time} {
		if t.IsExactType(celType(have)) {
			return have, true
		}
	}
	return frame.Float, false
}

// explain makes an error that a person can use of what the library says.
func explain(issues *cel.Issues, source string, columns preprocess.Schema, quoted map[string]string) error {
	for name := range quoted {
		if _, ok := columns.Lookup(name); !ok {
			return unknownColumn(name, columns)
		}
	}
	all := issues.Errors()
	if len(all) == 0 {
		return wrong("expression_syntax", fmt.Sprintf("the expression %.200q cannot be understood", source))
	}
	message := all[0].Message
	for name, variable := range quoted {
		message = strings.ReplaceAll(message, variable, "`"+name+"`")
	}
	if name, ok := strings.CutPrefix(message, "undeclared reference to '"); ok {
		name, _, _ = strings.Cut(name, "'")
		if function := preprocess.Nearest(name, functionNames()); strings.Contains(source, name+"(") {
			message = fmt.Sprintf("there is no function %.60q", name)
			if function != "" {
				message += "; did you mean " + function + "?"
			}
			return wrong("expression_syntax", "the expression cannot be understood: "+message)
		}
		return unknownColumn(name, columns)
	}
	if strings.Contains(message, "recursion limit") {
		return wrong("expression_syntax", fmt.Sprintf("the expression is nested more than %d deep; compute a part of it as a column of its own", maxDepth))
	}
	code := "expression_syntax"
	if strings.Contains(message, "no matching overload") {
		code = "expression_type"
		message = asWritten().Replace(message) + mixing(message)
	}
	if plain, _, err := unquote(source); err == nil && foreign(plain) {
		message += "; names of columns with other than the letters a to z, digits and _ stand in backquotes"
	}
	at := all[0].Location
	return wrong(code, fmt.Sprintf("the expression cannot be understood at line %d, place %d: %s", at.Line(), at.Column()+1, message))
}

// asWritten writes the library's names of operators as people write them.
func asWritten() *strings.Replacer {
	return strings.NewReplacer("'_?_:_'", "'? :'", "'!_'", "'!'", "'-_'", "'-'", "'_[_]'", "'[ ]'", "'@in'", "'in'", "'_", "'", "_'", "'")
}

// mixing says how numbers are made alike when those that do not mix are the
// mistake, and else that both values of a choice have to be of one type.
func mixing(message string) string {
	switch {
	case strings.Contains(message, "'_?_:_'"):
		return "; both values have to be of the same type: write 2.0 for 2, or string(column)"
	case strings.Contains(message, "int") && strings.Contains(message, "double"):
		return "; whole and decimal numbers do not mix: write 2.0 for 2, or double(column)"
	default:
		return ""
	}
}

// foreign reports whether there are letters that no name can have, outside of
// texts in quotes.
func foreign(source string) bool {
	for i := 0; i < len(source); i++ {
		switch c := source[i]; {
		case c == '"', c == '\'':
			i = endOfText(source, i) - 1
		case c >= utf8.RuneSelf:
			return true
		}
	}
	return false
}

func unknownColumn(name string, columns preprocess.Schema) error {
	e := &ml.InputError{Code: "missing_column", Column: name, Row: -1, Message: fmt.Sprintf("the expression names %.100q, which is no column", name)}
	if near := preprocess.Nearest(name, columns.Names()); near != "" {
		if !identifier(near) {
			near = "`" + near + "`"
		}
		e.Message += "; did you mean " + near + "?"
	}
	return e
}
