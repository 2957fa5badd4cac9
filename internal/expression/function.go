package expression

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// functionNames are those of this package and the most used of CEL.
func functionNames() []string {
	return []string{
		"missing", "default", "lower", "upper", "trim", "replace", "substring", "abs", "round", "floor", "ceil", "sqrt", "exp", "log", "pow", "least", "greatest",
		"date", "year", "month", "day", "weekday", "hour", "days_between", "size", "contains", "startsWith", "endsWith", "matches", "double", "int", "string", "timestamp", "duration",
	}
}

// functions are the options that add our functions to the language.
func functions() []cel.EnvOption {
	any1 := cel.TypeParamType("T")
	return []cel.EnvOption{
		cel.Function("missing", cel.Overload("missing_any", []*cel.Type{any1}, cel.BoolType, cel.OverloadIsNonStrict(),
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.Bool(lost(v)) }))),
		cel.Function("default", cel.Overload("default_any_any", []*cel.Type{any1, any1}, any1, cel.OverloadIsNonStrict(),
			cel.BinaryBinding(func(v, other ref.Val) ref.Val {
				if lost(v) {
					return other
				}
				return v
			}))),
		text1("lower", strings.ToLower), text1("upper", strings.ToUpper), text1("trim", strings.TrimSpace),
		cel.Function("replace", cel.Overload("replace_string_string_string", []*cel.Type{cel.StringType, cel.StringType, cel.StringType}, cel.StringType,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				s, old, by := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
				if n := len(s) + strings.Count(s, old)*len(by); n > maxText {
					return types.NewErr("a text of %d bytes would be made, it may have %d", n, maxText)
				}
				return types.String(strings.ReplaceAll(s, old, by))
			}))),
		cel.Function("substring", cel.Overload("substring_string_int_int", []*cel.Type{cel.StringType, cel.IntType, cel.IntType}, cel.StringType,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				return types.String(substring(string(args[0].(types.String)), int64(args[1].(types.Int)), int64(args[2].(types.Int))))
			}))),
		number1("abs", math.Abs), number1("round", math.Round), number1("floor", math.Floor), number1("ceil", math.Ceil),
		number1("sqrt", math.Sqrt), number1("exp", math.Exp), number1("log", math.Log),
		number2("pow", math.Pow), number2("least", math.Min), number2("greatest", math.Max),
		cel.Function("date", cel.Overload("date_string", []*cel.Type{cel.StringType}, cel.TimestampType,
			cel.UnaryBinding(func(v ref.Val) ref.Val {
				t, err := time.Parse(time.DateOnly, string(v.(types.String)))
				if err != nil {
					return types.NewErr("%.40q is no day such as 2024-01-31", string(v.(types.String)))
				}
				return types.Timestamp{Time: t}
			}))),
		instant1("year", time.Time.Year), instant1("day", time.Time.Day), instant1("hour", time.Time.Hour),
		instant1("month", func(t time.Time) int { return int(t.Month()) }),
		instant1("weekday", func(t time.Time) int { return int(t.Weekday()) }),
		cel.Function("days_between", cel.Overload("days_between_timestamp_timestamp", []*cel.Type{cel.TimestampType, cel.TimestampType}, cel.DoubleType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val {
				const microsPerDay = 24 * 60 * 60 * 1e6
				from, to := a.(types.Timestamp).UnixMicro(), b.(types.Timestamp).UnixMicro()
				return types.Double((float64(to) - float64(from)) / microsPerDay)
			}))),
	}
}

// lost reports whether a value is missing, or will be: what could not be computed,
// and a number that is none, such as one divided by zero, are missing at the end.
func lost(v ref.Val) bool {
	f, ok := v.(types.Double)
	return types.IsUnknownOrError(v) || ok && (math.IsNaN(float64(f)) || math.IsInf(float64(f), 0))
}

func text1(name string, f func(string) string) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_string", []*cel.Type{cel.StringType}, cel.StringType,
		cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(f(string(v.(types.String)))) })))
}

// number1 takes whole numbers, too, and gives decimal ones.
func number1(name string, f func(float64) float64) cel.EnvOption {
	return cel.Function(name,
		cel.Overload(name+"_double", []*cel.Type{cel.DoubleType}, cel.DoubleType, cel.UnaryBinding(func(v ref.Val) ref.Val { return number(f(numberOf(v))) })),
		cel.Overload(name+"_int", []*cel.Type{cel.IntType}, cel.DoubleType, cel.UnaryBinding(func(v ref.Val) ref.Val { return number(f(numberOf(v))) })))
}

func number2(name string, f func(a, b float64) float64) cel.EnvOption {
	bind := cel.BinaryBinding(func(a, b ref.Val) ref.Val { return number(f(numberOf(a), numberOf(b))) })
	var options []cel.FunctionOpt
	for _, a := range []*cel.Type{cel.DoubleType, cel.IntType} {
		for _, b := range []*cel.Type{cel.DoubleType, cel.IntType} {
			options = append(options, cel.Overload(name+"_"+a.String()+"_"+b.String(), []*cel.Type{a, b}, cel.DoubleType, bind))
		}
	}
	return cel.Function(name, options...)
}

// number is what a function gives, an error when that is no number.
func number(v float64) ref.Val {
	if math.IsNaN(v) {
		return types.NewErr("the result is no number")
	}
	return types.Double(v)
}

func numberOf(v ref.Val) float64 {
	switch v := v.(type) {
	case types.Double:
		return float64(v)
	case types.Int:
		return float64(v)
	default:
		return math.NaN()
	}
}

func instant1(name string, f func(time.Time) int) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_timestamp", []*cel.Type{cel.TimestampType}, cel.IntType,
		cel.UnaryBinding(func(v ref.Val) ref.Val { return types.Int(f(v.(types.Timestamp).UTC())) })))
}

// substring returns the characters from one place on and before another, both
// counted from 0 and moved to where there are any.
func substring(s string, from, to int64) string {
	n := int64(utf8.RuneCountInString(s))
	from, to = max(0, min(from, n)), max(0, min(to, n))
	if from >= to {
		return ""
	}
	at, start := int64(0), 0
	for i := range s {
		if at == from {
			start = i
		}
		if at == to {
			return s[start:i]
		}
		at++
	}
	return s[start:]
}
