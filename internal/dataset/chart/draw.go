package chart

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/tabular"
)

// Table is what charts are drawn of.
type Table struct {
	Dataset string // its identifier, for messages
	Rows    int64
	Schema  tabular.Schema
	Profile *profile.Profile    // as profile.Decode returns it
	Private map[string]pii.Kind // columns that are not drawn, and what they hold
	// Open opens the table to read the columns, of which there is at least one.
	Open func(ctx context.Context, columns []string) (*tabular.ParquetReader, error)
	// Most is how many rows are read for a chart, and ten times as many for one
	// along an axis, of which stretches would be missing otherwise; 0: 1,000,000.
	Most int
}

const defaultMost = 1_000_000

// Draw returns the data of a chart of the table. It is the same for the same table.
// What is wrong with the request is a fault that names the parameter.
func Draw(ctx context.Context, t Table, req Request) (*Chart, error) {
	if t.Most <= 0 {
		t.Most = defaultMost
	}
	d := &drawing{table: t, req: req, chart: &Chart{Kind: req.Kind, X: req.X, Y: req.Y, By: req.By, Rows: t.Rows}}
	if err := d.prepare(); err != nil {
		return nil, err
	}
	draw := map[string]func(context.Context) error{
		Histogram: d.histogram, BoxPlot: d.boxPlot, Scatter: d.scatter,
		Line: d.line, TimeSeries: d.timeSeries, HeatMap: d.heatMap,
	}[req.Kind]
	if draw == nil {
		return nil, fault.NotFound("chart_not_found", "there is no chart %q; there are %s", req.Kind, strings.Join(Kinds(), ", "))
	}
	if err := draw(ctx); err != nil {
		return nil, err
	}
	return d.chart, nil
}

// drawing is one chart in work.
type drawing struct {
	table Table
	req   Request
	chart *Chart
}

func invalid(name, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return fault.Invalid("chart_invalid", "%s", message).With(fault.Field{Location: "query." + name, Message: message})
}

func (d *drawing) prepare() error {
	if d.req.Bins == 0 {
		d.req.Bins = defaultBins
	}
	if d.req.Points == 0 {
		d.req.Points = defaultPoints
	}
	if d.req.Bins < 2 || d.req.Bins > maxBins {
		return invalid("bins", "bins is %d; it must lie between 2 and %d", d.req.Bins, maxBins)
	}
	if d.req.Points < 10 || d.req.Points > maxPoints {
		return invalid("points", "points is %d; it must lie between 10 and %d", d.req.Points, maxPoints)
	}
	return nil
}

// column returns the field of the parameter's column, and its description.
func (d *drawing) column(parameter, name string) (tabular.Field, *profile.Column, error) {
	if name == "" {
		return tabular.Field{}, nil, invalid(parameter, "a chart of the kind %s needs a column for %s", d.req.Kind, parameter)
	}
	f, ok := d.table.Schema.Lookup(name)
	described := d.table.Profile.Column(name)
	if !ok || described == nil {
		return f, nil, fault.Invalid("unknown_column", "data set %s has no column %q", d.table.Dataset, name).
			With(fault.Field{Location: "query." + parameter, Message: "no such column", Value: name})
	}
	if kind, private := d.table.Private[name]; private {
		return f, nil, fault.New(fault.ClassForbidden, "column_is_personal", "column %q holds personal data (%s), which charts do not show", name, kind).
			With(fault.Field{Location: "query." + parameter, Message: "choose another column", Value: name})
	}
	return f, described, nil
}

// number is column for y, which is to be one of numbers.
func (d *drawing) number() (tabular.Field, *profile.Column, error) {
	f, described, err := d.column("y", d.req.Y)
	if err == nil && f.Type != tabular.Integer && f.Type != tabular.Float {
		err = invalid("y", "y must be a column of numbers; %q holds values of the type %s", f.Name, f.Type)
	}
	return f, described, err
}

// groups returns the values of By that are told apart, the most frequent.
func (d *drawing) groups() ([]string, error) {
	if d.req.By == "" {
		return nil, nil
	}
	f, described, err := d.column("by", d.req.By)
	if err != nil {
		return nil, err
	}
	if f.Type != tabular.String && f.Type != tabular.Boolean {
		return nil, invalid("by", "by must be a column of texts or booleans; %q holds values of the type %s", d.req.By, f.Type)
	}
	var names []string
	for _, v := range described.Top {
		names = append(names, fmt.Sprint(v.Value))
	}
	if names == nil {
		return nil, invalid("by", "by must be a column with values that come back; %q has %d different ones, and none often", d.req.By, described.Distinct)
	}
	return names, nil
}

// show returns a number as its column shows it.
func show(f tabular.Field, v float64) any {
	switch {
	case f.Type == tabular.Datetime:
		return instant(int64(v))
	case f.Layout == tabular.Clock:
		return tabular.ClockText(v)
	case f.Type == tabular.Integer:
		return int64(v)
	default:
		return v
	}
}

func instant(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano) }

// bound returns the end of a column's range as a number.
func bound(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return float64(at.UnixMicro())
		}
	}
	return 0
}

// distance returns how far beyond the fences of its column a number is, in
// distances of the fences.
func distance(c *profile.Column, v float64) float64 {
	o := c.Outliers
	if o == nil || o.Upper <= o.Lower {
		return 0
	}
	return max(v-o.Upper, o.Lower-v, 0) / (o.Upper - o.Lower)
}
