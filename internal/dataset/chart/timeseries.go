package chart

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
)

// Intervals returns the intervals of time series, the shortest first.
func Intervals() []string {
	return []string{"second", "minute", "hour", "day", "week", "month", "quarter", "year"}
}

// Aggregates returns what can be shown of an interval.
func Aggregates() []string { return []string{"mean", "sum", "count", "min", "max"} }

// begin returns when the interval begins that the instant lies in.
func begin(interval string, at time.Time) time.Time {
	y, m, d := at.Date()
	switch interval {
	case "second":
		return at.Truncate(time.Second)
	case "minute":
		return at.Truncate(time.Minute)
	case "hour":
		return at.Truncate(time.Hour)
	case "day":
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	case "week": // from Monday
		return time.Date(y, m, d-(int(at.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	case "month":
		return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	case "quarter":
		return time.Date(y, (m-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
	default:
		return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
	}
}

// lengths are about how long the intervals are, in microseconds.
func lengthOf(interval string) float64 {
	const second = 1e6
	return map[string]float64{
		"second": second, "minute": 60 * second, "hour": 3600 * second, "day": 86400 * second, "week": 7 * 86400 * second,
		"month": 30.4 * 86400 * second, "quarter": 91 * 86400 * second, "year": 365 * 86400 * second,
	}[interval]
}

// interval chooses the interval: the one that was asked for, or the shortest
// that gives no more points than asked for.
func (d *drawing) interval(low, high float64) (string, error) {
	most := float64(d.req.Points)
	if d.req.Interval != "" {
		if !slices.Contains(Intervals(), d.req.Interval) {
			return "", invalid("interval", "interval is %q; it must be one of %s", d.req.Interval, strings.Join(Intervals(), ", "))
		}
		if n := (high - low) / lengthOf(d.req.Interval); n > most {
			return "", invalid("interval", "the table has about %.0f intervals of a %s; choose a longer one, or more points", n, d.req.Interval)
		}
		return d.req.Interval, nil
	}
	for _, name := range Intervals() {
		if (high-low)/lengthOf(name) <= most-2 {
			return name, nil
		}
	}
	return "year", nil
}

// sums are what is known of an interval.
type sums struct {
	used      bool
	count     int64
	sum       float64
	low, high float64
}

func (s *sums) add(v float64) {
	s.reach(v)
	s.sum += v
	s.count++
}

// reach takes into account that there is a value, which nothing else is known of.
func (s *sums) reach(v float64) {
	if !s.used {
		s.used, s.low, s.high = true, v, v
	}
	s.low, s.high = min(s.low, v), max(s.high, v)
}

// place is where a row belongs in a time series.
type place struct {
	at    int64
	group string
}

// valueAt returns y of the row, and whether it has one; without a column all have 0.
func (d *drawing) valueAt(b block, i int) (float64, bool) {
	if d.req.Y == "" {
		return 0, true
	}
	y := b.column(d.req.Y)
	if y.Null(i) {
		return 0, false
	}
	return y.Float(i), true
}

// timeSeries draws an aggregate of y, or the number of rows, over time.
func (d *drawing) timeSeries(ctx context.Context) error {
	fx, described, err := d.column("x", d.req.X)
	if err != nil {
		return err
	}
	if fx.Type != tabular.Datetime {
		return invalid("x", "x must be a column of dates or instants; %q holds values of the type %s", fx.Name, fx.Type)
	}
	aggregate := cmp.Or(d.req.Aggregate, "mean")
	var watched []*profile.Column
	if d.req.Y == "" {
		aggregate = "count"
	} else {
		_, y, err := d.number()
		if err != nil {
			return err
		}
		watched = append(watched, y)
	}
	if !slices.Contains(Aggregates(), aggregate) {
		return invalid("aggregate", "aggregate is %q; it must be one of %s", aggregate, strings.Join(Aggregates(), ", "))
	}
	names, err := d.groups()
	if err != nil {
		return err
	}
	d.chart.Steps = []Step{}
	if described.Count == 0 {
		return nil
	}
	interval, err := d.interval(bound(described.Min), bound(described.Max))
	if err != nil {
		return err
	}
	d.chart.Interval = interval
	all := make(map[place]*sums)
	err = d.rows(ctx, []string{fx.Name, d.req.Y, d.req.By}, watched, func(b block) {
		x := b.column(fx.Name)
		for i := range b.rows {
			group, ok := b.group(d.req.By, names, i)
			v, known := d.valueAt(b, i)
			if x.Null(i) || !known || !ok || b.far && distance(watched[0], v) == 0 {
				continue
			}
			p := place{at: begin(interval, time.UnixMicro(x.Int(i)).UTC()).UnixMicro(), group: group}
			if all[p] == nil {
				all[p] = new(sums)
			}
			if b.far {
				all[p].reach(v)
			} else {
				all[p].add(v)
			}
		}
	})
	if err != nil {
		return err
	}
	places := make([]place, 0, len(all))
	for p := range all {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.group, b.group)) })
	for _, p := range places {
		d.chart.Steps = append(d.chart.Steps, all[p].step(instant(p.at), p.group, aggregate, d.share(), d.req.Y != ""))
	}
	return nil
}

// share returns how many rows of the table one that was read stands for.
func (d *drawing) share() float64 {
	if !d.chart.Sampled {
		return 1
	}
	return float64(d.chart.Rows) / float64(d.chart.RowsRead)
}

func (s *sums) step(at, group, aggregate string, share float64, numbers bool) Step {
	out := Step{At: at, Group: group, Count: s.count}
	if numbers {
		out.Low, out.High = &s.low, &s.high
	}
	v := math.Round(float64(s.count) * share)
	switch aggregate {
	case "mean":
		if s.count == 0 {
			return out // only an outlier is known
		}
		v = s.sum / float64(s.count)
	case "sum":
		if s.count == 0 {
			return out
		}
		v = s.sum * share
	case "min":
		v = s.low
	case "max":
		v = s.high
	}
	out.Value = &v
	return out
}
