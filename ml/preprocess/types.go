package preprocess

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

func typeEntries() []entry {
	return []entry{{
		Operation: Operation{
			Name: "convert_type", Group: "types", Runs: Streaming, Rows: Keeps, Prediction: Applied,
			Summary: "Makes values of another type. Texts are read as people write numbers, truth values and dates; money and percentages become decimal numbers.",
			Parameters: []Parameter{
				{Name: "columns", Type: ColumnNames, Required: true, Doc: "The columns to convert"},
				{Name: "type", Type: Choice, Required: true, Choices: []string{"integer", "float", "boolean", "string", "datetime"}, Doc: "The type"},
				{Name: "unknown", Type: Choice, Default: "missing", Choices: []string{"missing", "fail"}, Doc: "Whether a value that is not of the type becomes missing or is an error"},
				{Name: "day_first", Type: Flag, Default: true, Doc: "Whether 01/02/2024 is in February"},
				{Name: "decimal", Type: Choice, Default: "auto", Choices: []string{"auto", "point", "comma"}, Doc: "What is before the fraction of a number"},
			},
			Example: Example{Parameters: map[string]any{"columns": []string{"price"}, "type": "float"}, Before: messy()},
		},
		kind: kindConvertType, says: "Converts {columns} to {type}[unknown: , and fails at a value that is none][day_first: , with the month before the day].", bind: bindConvertType,
	}}
}

func frameType(name string) (frame.Type, bool) {
	for t := frame.Float; t <= frame.Time; t++ {
		if t.String() == name {
			return t, true
		}
	}
	return frame.Float, false
}

func bindConvertType(b *binding) plan {
	fields := b.columns("columns", anyType, "any type")
	t, _ := frameType(b.args.text("type"))
	strict := b.args.text("unknown") == "fail"
	k := converter{to: t, dayFirst: b.args.flag("day_first"), decimal: b.args.text("decimal")}
	return b.changes(fields, func(f Field) Field { return Field{Name: f.Name, Type: t, Nullable: true} }, func(c frame.Column) (frame.Column, error) {
		out := k.convert(c)
		if !strict || out.Nulls() == c.Nulls() {
			return out, nil
		}
		for i := range c.Len() {
			if out.Null(i) && !c.Null(i) {
				return out, &ml.InputError{Code: "value_type", Column: c.Name(), Row: i, Message: fmt.Sprintf("column %q has the value %.60q, which is no %s", c.Name(), textOf(c, i), t)}
			}
		}
		return out, nil
	})
}

// converter makes values of another type.
type converter struct {
	to       frame.Type
	dayFirst bool
	decimal  string
}

func (k converter) convert(c frame.Column) frame.Column {
	switch {
	case c.Type() == k.to:
		return c
	case k.to == frame.String:
		texts := make([]string, c.Len())
		for i := range texts {
			texts[i] = textOf(c, i)
		}
		return frame.StringsOf(c.Name(), texts, c.Null)
	case k.to == frame.Float:
		if c.Type() == frame.Time {
			return secondsOf(c)
		}
		if c.Type() != frame.String {
			return floatColumn(c)
		}
		return frame.NewFloat(c.Name(), eachText(c, func(s string) (float64, bool) { return parseNumber(s, k.decimal) }))
	case c.Type() == frame.String:
		return intsOfTexts(c, k.to, k.parse)
	default:
		return k.ofNumbers(c)
	}
}

// parse reads an integer, a truth value or an instant.
func (k converter) parse(s string) (int64, bool) {
	switch k.to {
	case frame.Bool:
		v, ok := parseTruth(s)
		if v {
			return 1, ok
		}
		return 0, ok
	case frame.Time:
		return parseInstant(s, k.dayFirst)
	default:
		if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
			return n, true
		}
		v, ok := parseNumber(s, k.decimal)
		return int64(v), ok && v == math.Trunc(v) && math.Abs(v) <= 1<<53
	}
}

// secondsOf makes decimal numbers of instants: seconds since 1970, as whole
// numbers of them are, and as instants are made of numbers.
func secondsOf(c frame.Column) frame.Column {
	values := slices.Clone(floatsOf(c))
	for i := range values {
		values[i] /= microsPerSecond
	}
	return frame.NewFloat(c.Name(), values)
}

const microsPerSecond = 1e6

// ofNumbers makes integers, truth values or instants of numbers; instants are
// of seconds since 1970.
func (k converter) ofNumbers(c frame.Column) frame.Column {
	values := make([]int64, c.Len())
	var nulls frame.Bitmap
	for i := range values {
		ok := !c.Null(i)
		switch v := c.Float(i); {
		case !ok:
		case k.to == frame.Bool:
			ok = v == 0 || v == 1
			values[i] = int64(v)
		case k.to == frame.Time:
			ok = v >= -62135596800 && v < 253402300800 // the years 1 to 9999
			values[i] = int64(math.Round(v * microsPerSecond))
		case c.Type() == frame.Float:
			ok = v == math.Trunc(v) && math.Abs(v) <= 1<<53
			values[i] = int64(v)
		case c.Type() == frame.Time:
			values[i] = int64(math.Floor(v / microsPerSecond))
		default:
			values[i] = c.Int(i)
		}
		if !ok {
			values[i] = 0
			nulls.Set(i)
		}
	}
	return frame.NewInt(c.Name(), k.to, values, nulls)
}

// plainNumber writes a number without an exponent, unless it is so large or so
// small that nobody would write it out.
func plainNumber(v float64) string {
	const large, small = 1e21, 1e-6
	if a := math.Abs(v); a >= large || a < small && a > 0 {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// textOf writes value i as text.
func textOf(c frame.Column, i int) string {
	if c.Null(i) {
		return ""
	}
	switch c.Type() {
	case frame.String:
		return c.Text(i)
	case frame.Float:
		return plainNumber(c.Float(i))
	case frame.Bool:
		return strconv.FormatBool(c.Int(i) != 0)
	case frame.Time:
		t := time.UnixMicro(c.Int(i)).UTC()
		if c.Int(i)%(24*60*60*1e6) == 0 {
			return t.Format(time.DateOnly)
		}
		return t.Format("2006-01-02T15:04:05.999999Z07:00")
	default:
		return strconv.FormatInt(c.Int(i), 10)
	}
}
