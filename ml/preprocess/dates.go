package preprocess

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// Part is a number that is made of an instant, in UTC. The numbers are part of
// the format.
type Part uint8

// The parts. Those with a period come around and may be asked for as a cycle.
const (
	Days    Part = iota // since 1970-01-01, with a fraction
	Year                // of the calendar
	Month               // 1 to 12; its period is 12
	Day                 // of the month, 1 to 31
	Weekday             // 0 to 6 from Sunday; its period is 7
	Hour                // 0 to 23; its period is 24
	YearDay             // 1 to 366; its period is the year's own 365 or 366
	monthSin
	monthCos
	weekdaySin
	weekdayCos
	hourSin
	hourCos
	yearDaySin
	yearDayCos
	parts // how many there are
)

// String returns the name of the part, as it is in the names of columns.
func (p Part) String() string {
	if p >= parts {
		return fmt.Sprintf("Part(%d)", uint8(p))
	}
	return [...]string{
		"days", "year", "month", "day", "weekday", "hour", "day of year",
		"month sin", "month cos", "weekday sin", "weekday cos", "hour sin", "hour cos", "day of year sin", "day of year cos",
	}[p]
}

// cycle returns the sine and the cosine of a part that comes around.
func (p Part) cycle() (sin, cos Part, ok bool) {
	switch p {
	case Month:
		return monthSin, monthCos, true
	case Weekday:
		return weekdaySin, weekdayCos, true
	case Hour:
		return hourSin, hourCos, true
	case YearDay:
		return yearDaySin, yearDayCos, true
	default:
		return 0, 0, false
	}
}

const microsPerDay = 24 * 60 * 60 * 1e6

// value returns the part of an instant in microseconds since 1970.
func (p Part) value(micros int64) float64 {
	t := time.UnixMicro(micros).UTC()
	switch p {
	case Year:
		return float64(t.Year())
	case Month:
		return float64(t.Month())
	case Day:
		return float64(t.Day())
	case Weekday:
		return float64(t.Weekday())
	case Hour:
		return float64(t.Hour())
	case YearDay:
		return float64(t.YearDay())
	case monthSin, monthCos:
		return p.around(int(t.Month())-1, 12)
	case weekdaySin, weekdayCos:
		return p.around(int(t.Weekday()), 7)
	case hourSin, hourCos:
		return p.around(t.Hour(), 24)
	case yearDaySin, yearDayCos:
		return p.around(t.YearDay()-1, time.Date(t.Year(), time.December, 31, 0, 0, 0, 0, time.UTC).YearDay())
	default:
		return float64(micros) / microsPerDay
	}
}

// around returns the sine or cosine of the way around a circle.
func (p Part) around(at, period int) float64 {
	sin, cos := math.Sincos(2 * math.Pi * float64(at) / float64(period))
	switch p {
	case monthSin, weekdaySin, hourSin, yearDaySin:
		return sin
	default:
		return cos
	}
}

// DateParams says what instants become. Parts and Cycles may share parts.
type DateParams struct {
	Columns []string // empty: all of instants
	Parts   []Part   // that become a number
	Cycles  []Part   // of Month, Weekday, Hour and YearDay: that become a sine and a cosine
}

// DefaultDateParams makes the days since 1970, year, month, day, weekday and
// hour, and no cycles.
func DefaultDateParams() DateParams {
	return DateParams{Parts: []Part{Days, Year, Month, Day, Weekday, Hour}}
}

// Validate returns an error when a parameter is out of range.
func (p DateParams) Validate() error {
	if len(p.Parts)+len(p.Cycles) == 0 {
		return invalid("parts", "there are no parts and no cycles, at least one should be named")
	}
	for i, part := range p.Parts {
		switch {
		case part > YearDay:
			return invalid("parts", fmt.Sprintf("%s is no part of a date, it should be one of days, year, month, day, weekday, hour and day of year", part))
		case slices.Contains(p.Parts[:i], part):
			return invalid("parts", fmt.Sprintf("the part %s was named twice, once is enough", part))
		}
	}
	for i, part := range p.Cycles {
		if _, _, ok := part.cycle(); !ok {
			return invalid("cycles", fmt.Sprintf("%s does not come around, a cycle should be one of month, weekday, hour and day of year", part))
		}
		if slices.Contains(p.Cycles[:i], part) {
			return invalid("cycles", fmt.Sprintf("the cycle %s was named twice, once is enough", part))
		}
	}
	return nil
}

// Dates maps each column of instants to Float columns, one for each part and
// two for each cycle: sin(2πk/period) and cos(2πk/period), where k counts from 0.
// The last of a cycle is thus as near to the first as that is to the second.
// Missing instants stay missing.
type Dates struct {
	columns []dateColumn
}

type dateColumn struct {
	column string
	parts  []Part
	names  []string // of the columns made, as parts
}

var _ Step = (*Dates)(nil)

// FitDates fits a Dates on columns of instants of x. Parts and cycles that do
// not vary in training are left out, except for Days. It returns an
// *ml.InputError for parameters out of their limits and columns that are missing
// or hold something else. Weights change nothing.
func FitDates(ctx context.Context, x *frame.Frame, p DateParams, _ ...float64) (*Dates, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	columns, err := choose(ctx, x, p.Columns, isTime, "dates")
	if err != nil {
		return nil, err
	}
	d := &Dates{}
	names := newNamer(x)
	for _, c := range columns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		dc := dateColumn{column: c.Name()}
		for _, part := range p.Parts {
			if part == Days || varies(c, part) {
				dc.parts = append(dc.parts, part)
			}
		}
		for _, part := range p.Cycles {
			if sin, cos, _ := part.cycle(); varies(c, part) {
				dc.parts = append(dc.parts, sin, cos)
			}
		}
		for _, part := range dc.parts {
			dc.names = append(dc.names, names.name(c.Name()+" "+part.String()))
		}
		d.columns = append(d.columns, dc)
	}
	return d, nil
}

func varies(c frame.Column, p Part) bool {
	first, seen := 0.0, false
	for i, v := range c.Ints() {
		switch {
		case c.Null(i):
		case !seen:
			first, seen = p.value(v), true
		case p.value(v) != first:
			return true
		}
	}
	return false
}

// Transform implements ml.Transformer.
func (d *Dates) Transform(x *frame.Frame) (*frame.Frame, error) {
	return d.transform(context.Background(), x)
}

func (d *Dates) transform(ctx context.Context, x *frame.Frame) (*frame.Frame, error) {
	entry := map[string][]frame.Column{}
	for _, dc := range d.columns {
		c, err := column(ctx, x, dc.column, isTime, "dates")
		if err != nil {
			return nil, err
		}
		entry[dc.column] = dc.numbers(c)
	}
	return replace(x, entry)
}

// numbers returns the columns that are made of c.
func (dc dateColumn) numbers(c frame.Column) []frame.Column {
	made := make([]frame.Column, len(dc.parts))
	for k, p := range dc.parts {
		values := make([]float64, c.Len())
		for i, v := range c.Ints() {
			values[i] = p.value(v)
			if c.Null(i) {
				values[i] = math.NaN()
			}
		}
		made[k] = frame.NewFloat(dc.names[k], values)
	}
	return made
}

func (d *Dates) kind() kind { return kindDates }

func (d *Dates) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(d.columns)))
	for _, dc := range d.columns {
		b = wire.AppendString(b, dc.column)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dc.parts)))
		for k, p := range dc.parts {
			b = append(b, byte(p))
			b = wire.AppendString(b, dc.names[k])
		}
	}
	return b
}

func decodeDates(r *wire.Reader) *Dates {
	d := &Dates{}
	for range r.Count(8) {
		dc := dateColumn{column: r.String()}
		for range r.Count(5) {
			p := Part(r.Uint8())
			if p >= parts {
				r.Fail("%d is no part of a date", p)
			}
			dc.parts = append(dc.parts, p)
			dc.names = append(dc.names, r.String())
		}
		if r.Err() != nil {
			break
		}
		d.columns = append(d.columns, dc)
	}
	return d
}
