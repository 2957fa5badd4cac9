package tabular

import (
	"fmt"
	"math"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/ml/frame"
)

// Layout says how the texts of a column become values where that is not by the
// plain grammar of its type. All texts of a column have one layout.
type Layout string

// The layouts. Those of dates and times of day read what the plain grammar
// reads, too, since a year that comes first leaves no doubt.
const (
	Plain         Layout = ""
	YearFirst     Layout = "ymd"              // 2024.1.31, 2024-1-5
	DayFirst      Layout = "dmy"              // 31.01.2024, 31/1/2024
	MonthFirst    Layout = "mdy"              // 01/31/2024
	NamedMonth    Layout = "named_month"      // 31 Jan 2024, January 31, 2024
	Clock         Layout = "time"             // 14:05, 2:05 PM: seconds since midnight
	PointDecimal  Layout = "decimal_point"    // 1,234.56
	CommaDecimal  Layout = "decimal_comma"    // 1.234,56
	PointCurrency Layout = "currency_point"   // $1,234.56
	CommaCurrency Layout = "currency_comma"   // 1.234,56 €
	PointPercent  Layout = "percentage_point" // 12.5 %
	CommaPercent  Layout = "percentage_comma" // 12,5 %
)

// longestNumeral bounds the texts that are read with a layout, in bytes.
const longestNumeral = 64

func layouts() []Layout {
	return []Layout{
		YearFirst, DayFirst, MonthFirst, NamedMonth, Clock, PointDecimal, CommaDecimal, PointCurrency, CommaCurrency, PointPercent, CommaPercent,
	}
}

// layoutForm returns the form that every text of the layout has, and the type of
// its values.
func layoutForm(l Layout) (Forms, Type) {
	switch l {
	case YearFirst:
		return FormYearFirst, Datetime
	case DayFirst:
		return FormDayFirst, Datetime
	case MonthFirst:
		return FormMonthFirst, Datetime
	case NamedMonth:
		return FormNamedMonth, Datetime
	case Clock:
		return FormClock, Float
	case PointDecimal:
		return FormPoint, Float
	case CommaDecimal:
		return FormComma, Float
	case PointCurrency:
		return FormPointCurrency, Float
	case CommaCurrency:
		return FormCommaCurrency, Float
	case PointPercent:
		return FormPointPercent, Float
	case CommaPercent:
		return FormCommaPercent, Float
	default:
		return 0, ""
	}
}

// Validate refuses a field whose layout is none, or is one of another type.
func (f Field) Validate() error {
	if f.Layout == Plain {
		return nil
	}
	form, typ := layoutForm(f.Layout)
	whole := f.Type == Integer && (f.Layout == PointDecimal || f.Layout == CommaDecimal)
	if form == 0 || f.Type != typ && !whole {
		return fault.Invalid("invalid_layout", "column %q has the layout %q, which is none of the type %s", shorten(f.Name, 100), shorten(string(f.Layout), 40), f.Type).
			With(fault.Field{Location: location(0, 0, f.Name), Message: "not a layout of this type"})
	}
	return nil
}

// floatReader returns how a field of floats with a layout reads its texts.
func floatReader(f Field) func(b []byte) (float64, bool) {
	comma := f.Layout == CommaDecimal || f.Layout == CommaCurrency || f.Layout == CommaPercent
	switch f.Layout {
	case Clock:
		return parseClock
	case PointDecimal, CommaDecimal:
		return func(b []byte) (float64, bool) { return localeFloat(b, comma) }
	case PointCurrency, CommaCurrency:
		return func(b []byte) (float64, bool) {
			unit, amount, negative, ok := cutCurrency(b)
			if !ok || f.Unit != "" && unit != f.Unit {
				return 0, false
			}
			v, ok := localeFloat(amount, comma)
			if negative {
				v = -v
			}
			return v, ok
		}
	case PointPercent, CommaPercent:
		return func(b []byte) (float64, bool) {
			amount, ok := cutPercent(b)
			if !ok {
				return 0, false
			}
			return localeFloat(amount, comma)
		}
	default:
		return plainFloat
	}
}

func plainFloat(b []byte) (float64, bool) {
	n := scanNumber(b)
	if n.kind == notNumber || n.kind == infiniteNumber {
		return 0, false
	}
	return finite(n.float(b))
}

// intReader returns how a field of whole numbers, booleans or instants reads
// its texts.
func intReader(f Field) func(b []byte) (int64, bool) {
	switch {
	case f.Type == Boolean:
		return looseBool
	case f.Type == Datetime && f.Layout == Plain:
		return parseTime
	case f.Type == Datetime:
		return func(b []byte) (int64, bool) { return parseDate(b, f.Layout) }
	case f.Layout == PointDecimal || f.Layout == CommaDecimal:
		comma := f.Layout == CommaDecimal
		return func(b []byte) (int64, bool) {
			var buf [longestNumeral]byte
			plain, ok := plainNumeral(buf[:0], b, comma)
			if !ok {
				return 0, false
			}
			return parseInt(plain)
		}
	default:
		return parseInt
	}
}

// exampleOf shows a text that is a value of the field.
func exampleOf(f Field) string {
	switch f.Layout {
	case YearFirst:
		return "a date such as 2024-1-31"
	case DayFirst:
		return "a date such as 31.01.2024, the day first"
	case MonthFirst:
		return "a date such as 01/31/2024, the month first"
	case NamedMonth:
		return "a date such as 31 Jan 2024"
	case Clock:
		return "a time of day such as 14:05 or 2:05 PM"
	case PointDecimal:
		return "a number such as 1,234.56"
	case CommaDecimal:
		return "a number such as 1.234,56"
	case PointCurrency, CommaCurrency:
		amount := "1,234.56"
		if f.Layout == CommaCurrency {
			amount = "1.234,56"
		}
		if f.Unit == "" {
			return fmt.Sprintf("an amount such as %s EUR", amount)
		}
		return fmt.Sprintf("an amount such as %s %s", amount, f.Unit)
	case PointPercent:
		return "a percentage such as 12.5 %"
	case CommaPercent:
		return "a percentage such as 12,5 %"
	default:
		return example(f.Type)
	}
}

// FieldValue returns value i of the column of the field as [Value] does, but times
// of day as texts such as 14:05:00.
func FieldValue(f Field, c frame.Column, i int) any {
	if f.Layout == Clock && c.Type() == frame.Float && !c.Null(i) {
		return ClockText(c.Float(i))
	}
	return Value(c, i)
}

// ClockText returns the time of day that is so many seconds after midnight.
func ClockText(seconds float64) string {
	return time.UnixMicro(int64(math.Round(seconds * second))).UTC().Format("15:04:05.999999")
}
