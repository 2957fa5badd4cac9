package dataset

import (
	"context"
	"fmt"
	"strings"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
)

// The kinds of charts.
const (
	ChartHistogram  = "histogram"
	ChartBoxPlot    = "box_plot"
	ChartScatter    = "scatter"
	ChartLine       = "line"
	ChartTimeSeries = "time_series"
	ChartHeatMap    = "heat_map"
)

// ChartKinds returns all kinds of charts.
func ChartKinds() []string {
	return []string{ChartHistogram, ChartBoxPlot, ChartScatter, ChartLine, ChartTimeSeries, ChartHeatMap}
}

// ChartRequest says what is to be drawn.
type ChartRequest struct {
	Kind      string
	X, Y      string // columns
	By        string // a column whose values are told apart
	Bins      int    // of a histogram, and of each side of a heat map; 0: 30
	Points    int    // at most; 0: 1000
	Interval  string // of a time series; empty: what gives at most so many points
	Aggregate string // of a time series; empty: mean, or count without a column
}

// Limits of charts.
const (
	MaxChartBins   = 100
	MaxChartPoints = 10_000
	maxSeries      = 20 // values of By
	defaultBins    = 30
	defaultPoints  = 1000
)

// Chart is what is to be drawn: of its lists those that the kind has.
type Chart struct {
	Kind     string `json:"kind"`
	X        string `json:"x,omitempty"`
	Y        string `json:"y,omitempty"`
	By       string `json:"by,omitempty"`
	Rows     int64  `json:"rows"`      // of the table
	RowsRead int64  `json:"rows_read"` // that the chart is made of; all, or a part of a long table that is chosen evenly
	Sampled  bool   `json:"sampled"`   // not everything is drawn; the farthest outliers are, and sums and counts of a time series are estimates

	Bars     []Bar    `json:"bars,omitempty"`     // of a histogram
	Boxes    []Box    `json:"boxes,omitempty"`    // of a box plot
	Points   []Point  `json:"points,omitempty"`   // of a scatter plot and of a line
	Steps    []Step   `json:"steps,omitempty"`    // of a time series
	Interval string   `json:"interval,omitempty"` // of these
	Cells    []Cell   `json:"cells,omitempty"`    // of a heat map
	XLabels  []string `json:"x_labels,omitempty"` // of the cells
	YLabels  []string `json:"y_labels,omitempty"`
}

// Bar is a bin of numbers or instants, or a value.
type Bar struct {
	From  any   `json:"from,omitempty"` // with To a bin: up to it, but without it
	To    any   `json:"to,omitempty"`
	Value any   `json:"value,omitempty"` // a value; without it and without a bin all others
	Count int64 `json:"count"`
}

// Box is five numbers of a group of rows, and the numbers beyond the whiskers.
type Box struct {
	Group    string    `json:"group,omitempty"`
	Count    int64     `json:"count"`
	Low      float64   `json:"low"` // the whiskers: the last values within 1.5 times the distance of the quartiles
	Q1       float64   `json:"q1"`
	Median   float64   `json:"median"`
	Q3       float64   `json:"q3"`
	High     float64   `json:"high"`
	Outside  int64     `json:"outside"`  // values beyond the whiskers
	Outliers []float64 `json:"outliers"` // the farthest of them
}

// Point is a row, or the extreme of a stretch of a line.
type Point struct {
	X       any    `json:"x"`
	Y       any    `json:"y"`
	Group   string `json:"group,omitempty"`
	Row     int64  `json:"row"`               // from 1
	Outlier bool   `json:"outlier,omitempty"` // it is there since it is far from the others
}

// Step is an interval of a time series.
type Step struct {
	At    string   `json:"at"` // when it begins
	Group string   `json:"group,omitempty"`
	Count int64    `json:"count"` // rows with a value
	Value *float64 `json:"value,omitempty"`
	Low   *float64 `json:"low,omitempty"` // the smallest value, so that none hides in a mean
	High  *float64 `json:"high,omitempty"`
}

// Cell is a field of a heat map.
type Cell struct {
	X     int      `json:"x"` // which of the labels
	Y     int      `json:"y"`
	Value *float64 `json:"value"` // a number of rows, or a correlation
}

// Chart returns the data of a chart of a data set that is ready. It is the same
// for the same record.
func (s *Service) Chart(ctx context.Context, d *Dataset, req ChartRequest) (*Chart, error) {
	described, err := s.described(ctx, d)
	if err != nil {
		return nil, err
	}
	c := &charting{service: s, dataset: d, profile: described, req: req, chart: &Chart{Kind: req.Kind, X: req.X, Y: req.Y, By: req.By, Rows: d.Version.Rows}}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	draw := map[string]func(context.Context) error{
		ChartHistogram: c.histogram, ChartBoxPlot: c.boxPlot, ChartScatter: c.scatter,
		ChartLine: c.line, ChartTimeSeries: c.timeSeries, ChartHeatMap: c.heatMap,
	}[req.Kind]
	if draw == nil {
		return nil, fault.NotFound("chart_not_found", "there is no chart %q; there are %s", req.Kind, strings.Join(ChartKinds(), ", "))
	}
	if err := draw(ctx); err != nil {
		return nil, err
	}
	return c.chart, nil
}

// charting is one chart in work.
type charting struct {
	service *Service
	dataset *Dataset
	profile *profile.Profile
	req     ChartRequest
	chart   *Chart
}

func invalidChart(name, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return fault.Invalid("chart_invalid", "%s", message).With(fault.Field{Location: "query." + name, Message: message})
}

func (c *charting) prepare() error {
	if c.req.Bins == 0 {
		c.req.Bins = defaultBins
	}
	if c.req.Points == 0 {
		c.req.Points = defaultPoints
	}
	if c.req.Bins < 2 || c.req.Bins > MaxChartBins {
		return invalidChart("bins", "bins is %d; it must lie between 2 and %d", c.req.Bins, MaxChartBins)
	}
	if c.req.Points < 10 || c.req.Points > MaxChartPoints {
		return invalidChart("points", "points is %d; it must lie between 10 and %d", c.req.Points, MaxChartPoints)
	}
	return nil
}

// column returns the field of the parameter's column, and its description.
func (c *charting) column(parameter, name string) (tabular.Field, *profile.Column, error) {
	if name == "" {
		return tabular.Field{}, nil, invalidChart(parameter, "a chart of the kind %s needs a column for %s", c.req.Kind, parameter)
	}
	f, ok := c.dataset.Version.Schema.Lookup(name)
	described := c.profile.Column(name)
	if !ok || described == nil {
		return f, nil, fault.Invalid("unknown_column", "data set %s has no column %q", c.dataset.ID, name).
			With(fault.Field{Location: "query." + parameter, Message: "no such column", Value: name})
	}
	if kind, private := c.dataset.Private()[name]; private {
		return f, nil, fault.New(fault.ClassForbidden, "column_is_personal", "column %q holds personal data (%s), which charts do not show", name, kind).
			With(fault.Field{Location: "query." + parameter, Message: "choose another column", Value: name})
	}
	return f, described, nil
}

// number is column for y, which is to be one of numbers.
func (c *charting) number() (tabular.Field, *profile.Column, error) {
	f, described, err := c.column("y", c.req.Y)
	if err == nil && f.Type != tabular.Integer && f.Type != tabular.Float {
		err = invalidChart("y", "y must be a column of numbers; %q holds values of the type %s", f.Name, f.Type)
	}
	return f, described, err
}

// groups returns the values of By that are told apart, the most frequent.
func (c *charting) groups() ([]string, error) {
	if c.req.By == "" {
		return nil, nil
	}
	f, described, err := c.column("by", c.req.By)
	if err != nil {
		return nil, err
	}
	if f.Type != tabular.String && f.Type != tabular.Boolean {
		return nil, invalidChart("by", "by must be a column of texts or booleans; %q holds values of the type %s", c.req.By, f.Type)
	}
	var names []string
	for _, v := range described.Top[:min(len(described.Top), maxSeries)] {
		names = append(names, fmt.Sprint(v.Value))
	}
	if names == nil {
		return nil, invalidChart("by", "by must be a column with values that come back; %q has %d different ones, and none often", c.req.By, described.Distinct)
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
