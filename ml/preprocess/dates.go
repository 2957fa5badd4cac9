package preprocess

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// part is a piece of a date. The numbers are part of the format.
type part byte

const (
	partDays part = iota // since 1970-01-01, with a fraction
	partYear
	partMonth
	partDay
	partWeekday // Sunday is 0
	partHour
	parts // how many there are
)

func (p part) String() string {
	return [...]string{"days", "year", "month", "day", "weekday", "hour"}[p]
}

const microsPerDay = 24 * 60 * 60 * 1e6

// value returns the part of an instant in microseconds since 1970, in UTC.
func (p part) value(micros int64) float64 {
	t := time.UnixMicro(micros).UTC()
	switch p {
	case partYear:
		return float64(t.Year())
	case partMonth:
		return float64(t.Month())
	case partDay:
		return float64(t.Day())
	case partWeekday:
		return float64(t.Weekday())
	case partHour:
		return float64(t.Hour())
	default:
		return float64(micros) / microsPerDay
	}
}

// Dates maps each column of instants to Float columns: the days since 1970, and
// those of year, month, day, weekday and hour (UTC) that vary in training.
type Dates struct {
	columns []dateColumn
}

type dateColumn struct {
	column string
	parts  []part
	names  []string // of the columns made, as parts
}

var _ Step = (*Dates)(nil)

// FitDates fits a Dates on every column of instants of x.
func FitDates(ctx context.Context, x *frame.Frame) (*Dates, error) {
	d := &Dates{}
	names := newNamer(x)
	for _, c := range x.Columns() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if c.Type() != frame.Time {
			continue
		}
		dc := dateColumn{column: c.Name()}
		for p := range parts {
			if p == partDays || varies(c, p) {
				dc.parts = append(dc.parts, p)
				dc.names = append(dc.names, names.name(c.Name()+" "+p.String()))
			}
		}
		d.columns = append(d.columns, dc)
	}
	return d, nil
}

func varies(c frame.Column, p part) bool {
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
		entry[dc.column] = made
	}
	return replace(x, entry)
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
			p := part(r.Uint8())
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
