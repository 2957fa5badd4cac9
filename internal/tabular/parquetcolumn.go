package tabular

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/ml/frame"
)

// parquetColumn is a flat column of a Parquet file and how its values become
// ours. put returns why a value cannot be one of ours, or "".
type parquetColumn struct {
	name     string
	index    int
	kind     parquet.Kind
	optional bool // in the file
	typ      Type
	nullable bool
	empty    bool   // it has no values, and no type either
	layout   Layout // that says what the values mean
	put      func(b *columnBuilder, i int, v parquet.Value) string
	bulk     func(s *columnStream) bulkReader // reads whole pages of values that are ours; nil: none are
}

func newParquetColumn(c *parquet.Column) (parquetColumn, error) {
	p := parquetColumn{name: c.Name(), index: c.Index(), kind: c.Type().Kind(), optional: c.Optional(), nullable: c.Optional()}
	var logical any
	if l := c.Type().LogicalType(); l != nil {
		logical = l.Value
	}
	ok := false
	switch kind := c.Type().Kind(); kind {
	case kindOfNull:
		_, p.empty = logical.(*format.NullType)
		p.typ, p.nullable, ok = String, true, p.empty
	case parquet.Boolean:
		p.typ, p.put, p.bulk, ok = Boolean, putBool, bulkBools, true
	case parquet.Int32, parquet.Int64:
		p.typ, p.put, ok = intColumn(logical, kind == parquet.Int32)
		if _, clock := logical.(*format.TimeType); clock {
			p.layout = Clock
		}
		if kind == parquet.Int64 {
			p.bulk = bulkOf(logical)
		}
	case parquet.Int96:
		p.typ, p.put, ok = Datetime, putInt96, true
	case parquet.Float, parquet.Double:
		p.typ, p.put, ok = Float, putFloat, true
		p.nullable = true // NaN is a missing value
		if kind == parquet.Double {
			p.bulk = bulkFloats
		}
	case parquet.ByteArray:
		switch d := logical.(type) {
		case *format.DecimalType:
			p.typ, p.put, ok = Float, putDecimal(d.Scale), true
		case nil, *format.StringType, *format.EnumType, *format.JsonType:
			p.typ, p.put, ok = String, putText, true
			p.bulk = bulkTexts
		}
	case parquet.FixedLenByteArray:
		switch d := logical.(type) {
		case *format.DecimalType:
			p.typ, p.put, ok = Float, putDecimal(d.Scale), true
		case *format.UUIDType:
			p.typ, p.put, ok = String, putUUID, true
		}
	}
	if !ok {
		return p, fault.Invalid("parquet_unsupported_type", "column %q has the type %s, which is not supported; store it as a number, a boolean, a timestamp or text, or leave it out",
			shorten(p.name, 100), c.Type()).
			With(fault.Field{Location: location(0, 0, p.name), Message: "unsupported type " + c.Type().String()})
	}
	return p, nil
}

// kindOfNull is the kind of columns without a type, which writers make of columns
// without values.
const kindOfNull = parquet.Kind(-1)

// intColumn chooses what an INT32 or INT64 stands for.
func intColumn(logical any, narrow bool) (Type, func(*columnBuilder, int, parquet.Value) string, bool) {
	read := parquet.Value.Int64
	if narrow {
		read = func(v parquet.Value) int64 { return int64(v.Int32()) }
	}
	switch l := logical.(type) {
	case nil:
	case *format.IntType:
		if !l.IsSigned {
			return Integer, putUnsigned(narrow), true
		}
	case *format.DecimalType:
		return Float, func(b *columnBuilder, i int, v parquet.Value) string {
			b.floats[i] = scaled(big.NewInt(read(v)), l.Scale)
			return ""
		}, true
	case *format.DateType:
		return Datetime, putTime(read, day, 1), true
	case *format.TimeType:
		return Float, putClock(read, l.Unit.Value.Duration()), true
	case *format.TimestampType:
		unit := l.Unit.Value.Duration()
		if unit < time.Microsecond {
			return Datetime, putTime(read, 1, int64(time.Microsecond/unit)), true
		}
		return Datetime, putTime(read, int64(unit/time.Microsecond), 1), true
	default:
		return "", nil, false
	}
	return Integer, func(b *columnBuilder, i int, v parquet.Value) string {
		b.ints[i] = read(v)
		return ""
	}, true
}

// bulkOf returns what reads whole pages of an INT64, if its values are those of
// frames.
func bulkOf(logical any) func(*columnStream) bulkReader {
	switch l := logical.(type) {
	case nil:
		return bulkInts
	case *format.IntType:
		if l.IsSigned {
			return bulkInts
		}
	case *format.TimestampType:
		if l.Unit.Value.Duration() == time.Microsecond {
			return bulkTimes
		}
	}
	return nil
}

// putClock reads a time of day, of which there are so many units since midnight, as
// seconds.
func putClock(read func(parquet.Value) int64, unit time.Duration) func(*columnBuilder, int, parquet.Value) string {
	return func(b *columnBuilder, i int, v parquet.Value) string {
		n := read(v)
		if n < 0 || n >= int64(24*time.Hour/unit) {
			return reasonClock
		}
		b.floats[i] = float64(n) / float64(time.Second/unit)
		return ""
	}
}

// scaled returns the float that is nearest to a decimal number of so many places.
func scaled(n *big.Int, places int32) float64 {
	const exact = 1 << 53
	if places >= 0 && int(places) < len(powers) && n.IsInt64() && n.Int64() <= exact && n.Int64() >= -exact {
		return float64(n.Int64()) / powers[places] // both are exact, so that one rounding follows
	}
	text := append(n.Append(nil, 10), 'e')
	f, err := strconv.ParseFloat(string(strconv.AppendInt(text, -int64(places), 10)), 64)
	if err != nil {
		return math.Inf(1)
	}
	return f
}

func putBool(b *columnBuilder, i int, v parquet.Value) string {
	if v.Boolean() {
		b.ints[i] = 1
	}
	return ""
}

func putUnsigned(narrow bool) func(*columnBuilder, int, parquet.Value) string {
	return func(b *columnBuilder, i int, v parquet.Value) string {
		if narrow {
			b.ints[i] = int64(v.Uint32())
			return ""
		}
		if v.Uint64() > math.MaxInt64 {
			return reasonRange
		}
		b.ints[i] = int64(v.Uint64())
		return ""
	}
}

// The instants that a datetime column may hold: the years 1 to 9999.
var (
	minTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()         //nolint:gochecknoglobals // a constant
	maxTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1 //nolint:gochecknoglobals // a constant
)

// putTime reads a count of times/per microseconds.
func putTime(read func(parquet.Value) int64, times, per int64) func(*columnBuilder, int, parquet.Value) string {
	return func(b *columnBuilder, i int, v parquet.Value) string {
		n := read(v)
		if per == 1 && (n > maxTime/times || n < minTime/times) {
			return reasonRange // nanoseconds of 64 bits are always within
		}
		b.ints[i] = floorDiv(n, per) * times
		return ""
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// putInt96 reads the instants of old writers: nanoseconds of a Julian day.
func putInt96(b *columnBuilder, i int, v parquet.Value) string {
	w := v.Int96()
	nanos := int64(uint64(w[0]) | uint64(w[1])<<32)
	const julian1970 = 2_440_588
	days := int64(w[2]) - julian1970
	if days < minTime/day-1 || days > maxTime/day || nanos < 0 || nanos > int64(24*time.Hour) {
		return reasonRange
	}
	b.ints[i] = days*day + nanos/int64(time.Microsecond)
	return ""
}

func putFloat(b *columnBuilder, i int, v parquet.Value) string {
	var f float64
	if v.Kind() == parquet.Float {
		f = float64(v.Float())
	} else {
		f = v.Double()
	}
	if math.IsInf(f, 0) {
		return reasonInfinite
	}
	b.floats[i] = f
	return ""
}

// putDecimal reads a big-endian two's complement number.
func putDecimal(scale int32) func(*columnBuilder, int, parquet.Value) string {
	return func(b *columnBuilder, i int, v parquet.Value) string {
		digits := v.ByteArray()
		n := new(big.Int).SetBytes(digits)
		if len(digits) > 0 && digits[0]&0x80 != 0 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(digits))*8))
		}
		f := scaled(n, scale)
		if math.IsInf(f, 0) {
			return reasonInfinite
		}
		b.floats[i] = f
		return ""
	}
}

func putText(b *columnBuilder, i int, v parquet.Value) string {
	s := v.ByteArray()
	if !utf8.Valid(s) {
		return reasonUTF8
	}
	b.text(i, s)
	return ""
}

func putUUID(b *columnBuilder, i int, v parquet.Value) string {
	u := v.ByteArray()
	if len(u) != 16 {
		return reasonUTF8
	}
	b.text(i, fmt.Appendf(nil, "%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]))
	return ""
}

// conform returns the column as that of the field, and notes the values that
// are not of it.
func (d *decoded) conform(c frame.Column, f Field) frame.Column {
	if TypeOf(c.Type()) == f.Type {
		return c
	}
	b := newColumnBuilder(f.Type, c.Len())
	b.read(f)
	for i := range c.Len() {
		if c.Null(i) {
			b.null(i)
			continue
		}
		if !b.convert(c, i) {
			b.null(i)
			problem := fieldProblem(f, Text(c, i), d.rows[i], 0, d.index)
			if f.Lenient {
				d.refused = append(d.refused, problem.refused(d.names, Text(c, i)))
			} else if d.problems[i] == nil {
				d.problems[i] = problem
			}
		}
	}
	return b.column(c.Name())
}

// convert puts value i of a column of another type.
func (b *columnBuilder) convert(c frame.Column, i int) (ok bool) {
	from := c.Type()
	switch {
	case b.typ == String:
		b.text(i, []byte(Text(c, i)))
		return true
	case from == frame.String:
		return b.parse(i, []byte(c.Text(i)))
	case b.typ == Float && from == frame.Int:
		b.floats[i] = float64(c.Int(i))
		return true
	case b.typ == Boolean && from == frame.Int:
		b.ints[i] = c.Int(i)
		return c.Int(i) == 0 || c.Int(i) == 1
	case b.typ == Integer && from == frame.Float:
		b.ints[i], ok = wholeOf(c.Float(i))
		return ok
	default:
		return false
	}
}

// parse puts the value that a text stands for.
func (b *columnBuilder) parse(i int, text []byte) (ok bool) {
	if missing(text) {
		b.null(i)
		return true
	}
	if b.typ == Float {
		b.floats[i], ok = b.readFloat(text)
		return ok
	}
	b.ints[i], ok = b.readInt(text)
	return ok
}
