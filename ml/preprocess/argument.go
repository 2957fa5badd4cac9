package preprocess

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/ml"
)

// arguments are the values of the parameters of a step, checked, with defaults
// where none were given: string, float64, int, bool, []string, []float64,
// map[string]string, or nil.
type arguments map[string]any

func (a arguments) text(name string) string       { s, _ := a[name].(string); return s }
func (a arguments) texts(name string) []string    { s, _ := a[name].([]string); return s }
func (a arguments) number(name string) float64    { v, _ := a[name].(float64); return v }
func (a arguments) numbers(name string) []float64 { v, _ := a[name].([]float64); return v }
func (a arguments) whole(name string) int         { v, _ := a[name].(int); return v }
func (a arguments) flag(name string) bool         { v, _ := a[name].(bool); return v }

func (a arguments) mapping(name string) map[string]string {
	m, _ := a[name].(map[string]string)
	return m
}

// given reports whether the parameter has a value.
func (a arguments) given(name string) bool { return a[name] != nil }

// maxItems bounds the lists and maps of a step.
const maxItems = 10_000

// maxText bounds a text in a step.
const maxText = 64 << 10

func (o *Operation) parameter(name string) (Parameter, bool) {
	for _, p := range o.Parameters {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}

// read checks the parameters of a step. Its error joins all that is wrong.
func (o *Operation) read(given map[string]any) (arguments, error) {
	a := make(arguments, len(o.Parameters))
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		p, ok := o.parameter(name)
		if !ok {
			wrong = append(wrong, o.unknownParameter(name))
			continue
		}
		if given[name] == nil {
			continue
		}
		v, err := p.read(given[name])
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		a[name] = v
	}
	for _, p := range o.Parameters {
		switch {
		case given[p.Name] != nil: // read above
		case p.Required:
			wrong = append(wrong, &ml.InputError{Code: "missing_parameter", Parameter: p.Name, Row: -1, Message: fmt.Sprintf("%s needs the parameter %s: %s", o.Name, p.Name, p.Doc)})
		case p.Default != nil:
			v, err := p.read(p.Default)
			if err != nil {
				return nil, fmt.Errorf("preprocess: the default of %s of %s: %w", p.Name, o.Name, err)
			}
			a[p.Name] = v
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return a, nil
}

func (o *Operation) unknownParameter(name string) error {
	var names []string
	for _, p := range o.Parameters {
		names = append(names, p.Name)
	}
	e := &ml.InputError{Code: "unknown_parameter", Parameter: name, Row: -1, Message: fmt.Sprintf("%s has no parameter %.60q; it has %s", o.Name, name, strings.Join(names, ", "))}
	if len(names) == 0 {
		e.Message = fmt.Sprintf("%s has no parameter %.60q; it has none", o.Name, name)
	}
	if near := Nearest(name, names); near != "" {
		e.Message += fmt.Sprintf("; did you mean %s?", near)
	}
	return e
}

// read checks a value as JSON gives it, or as Go code writes it.
func (p Parameter) read(v any) (any, error) {
	switch p.Type {
	case Text, ColumnName, Formula, Table, Choice, Pattern:
		s, ok := v.(string)
		if !ok {
			return nil, p.illTyped(v, "text")
		}
		return p.checkText(s)
	case Texts, ColumnNames, Choices:
		return p.readTexts(v)
	case Number, Whole:
		return p.readNumber(v)
	case Numbers:
		list, ok := listOf[float64](v)
		if !ok || len(list) > maxItems {
			return nil, p.illTyped(v, "a list of numbers")
		}
		for _, n := range list {
			if math.IsNaN(n) || math.IsInf(n, 0) {
				return nil, p.illTyped(v, "a list of finite numbers")
			}
		}
		return list, nil
	case Flag:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, p.illTyped(v, "true or false")
	case Mapping:
		return p.readMapping(v)
	default:
		switch s := v.(type) {
		case string:
			return p.checkText(s)
		case bool:
			return s, nil
		default:
			return p.readNumber(v)
		}
	}
}

func (p Parameter) illTyped(v any, want string) error {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte("something else")
	}
	return &ml.InputError{Code: "parameter_type", Parameter: p.Name, Row: -1, Message: fmt.Sprintf("%s is %.80s, it should be %s", p.Name, b, want)}
}

func (p Parameter) checkText(s string) (any, error) {
	if len(s) > maxText {
		return nil, invalid(p.Name, fmt.Sprintf("%s is %d bytes long, it may have %d", p.Name, len(s), maxText))
	}
	switch p.Type {
	case Choice:
		if !slices.Contains(p.Choices, s) {
			return nil, p.noChoice(s)
		}
	case ColumnName, Formula, Table, Pattern:
		if s == "" {
			return nil, invalid(p.Name, p.Name+" is empty")
		}
	default:
	}
	if p.Type == Pattern {
		if _, err := regexp.Compile(s); err != nil {
			return nil, invalid(p.Name, fmt.Sprintf("%s is %.80q, which is no regular expression: %s", p.Name, s, strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
		}
	}
	return s, nil
}

func (p Parameter) noChoice(s string) error {
	message := fmt.Sprintf("%s is %.60q, it should be one of %s", p.Name, s, strings.Join(p.Choices, ", "))
	if near := Nearest(s, p.Choices); near != "" {
		message += fmt.Sprintf("; did you mean %s?", near)
	}
	return invalid(p.Name, message)
}

func (p Parameter) readTexts(v any) (any, error) {
	list, ok := listOf[string](v)
	if !ok {
		return nil, p.illTyped(v, "a list of texts")
	}
	if len(list) > maxItems {
		return nil, invalid(p.Name, fmt.Sprintf("%s has %d items, it may have %d", p.Name, len(list), maxItems))
	}
	one := p
	switch p.Type {
	case ColumnNames:
		one.Type = ColumnName
	case Choices:
		one.Type = Choice
	default:
		one.Type = Text
	}
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if _, err := one.checkText(s); err != nil {
			return nil, err
		}
		if seen[s] {
			return nil, &ml.InputError{Code: "repeated_value", Parameter: p.Name, Row: -1, Message: fmt.Sprintf("%s names %.60q twice, once is enough", p.Name, s)}
		}
		seen[s] = true
	}
	return list, nil
}

func (p Parameter) readNumber(v any) (any, error) {
	var n float64
	switch k := v.(type) {
	case float64:
		n = k
	case int:
		n = float64(k)
	case json.Number:
		f, err := k.Float64()
		if err != nil {
			return nil, p.illTyped(v, "a number")
		}
		n = f
	default:
		return nil, p.illTyped(v, "a number")
	}
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return nil, p.illTyped(strconv.FormatFloat(n, 'g', -1, 64), "a finite number")
	}
	if p.Min != nil && n < *p.Min || p.Max != nil && n > *p.Max {
		return nil, invalid(p.Name, fmt.Sprintf("%s is %v, it should be %s", p.Name, n, p.limits()))
	}
	if p.Type != Whole {
		return n, nil
	}
	if n != math.Trunc(n) || math.Abs(n) > 1<<53 {
		return nil, p.illTyped(n, "a whole number")
	}
	return int(n), nil
}

// limits says between what a number has to be.
func (p Parameter) limits() string {
	switch {
	case p.Min != nil && p.Max != nil:
		return fmt.Sprintf("between %v and %v", *p.Min, *p.Max)
	case p.Min != nil:
		return fmt.Sprintf("at least %v", *p.Min)
	default:
		return fmt.Sprintf("at most %v", *p.Max)
	}
}

func (p Parameter) readMapping(v any) (any, error) {
	m := map[string]string{}
	switch given := v.(type) {
	case map[string]string:
		m = given
	case map[string]any:
		for k, item := range given {
			s, ok := item.(string)
			if !ok {
				return nil, p.illTyped(v, "an object of texts")
			}
			m[k] = s
		}
	default:
		return nil, p.illTyped(v, "an object of texts")
	}
	if len(m) == 0 || len(m) > maxItems {
		return nil, invalid(p.Name, fmt.Sprintf("%s has %d entries, it should have 1 to %d", p.Name, len(m), maxItems))
	}
	for k, s := range m {
		if len(k)+len(s) > maxText {
			return nil, invalid(p.Name, fmt.Sprintf("an entry of %s is longer than %d bytes", p.Name, maxText))
		}
	}
	return m, nil
}

// listOf makes a typed list of one that JSON gave, or that is typed already.
func listOf[T any](v any) ([]T, bool) {
	switch list := v.(type) {
	case []T:
		return list, true
	case []any:
		out := make([]T, len(list))
		for i, item := range list {
			t, ok := item.(T)
			if !ok {
				return nil, false
			}
			out[i] = t
		}
		return out, true
	default:
		return nil, false
	}
}

// Nearest returns the name that a mistyped one is most like, or "" when none is
// like it.
func Nearest(name string, names []string) string {
	const longest = 200
	if len(name) > longest {
		return ""
	}
	best, least := "", max(2, len(name)/3)+1
	for _, n := range names {
		if len(n) > longest {
			continue
		}
		d := distance(strings.ToLower(name), strings.ToLower(n))
		if d < least {
			best, least = n, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap
// (Damerau and Levenshtein, without later changes of what was swapped).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
