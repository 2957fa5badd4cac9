package chart_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/tabular"
)

// drawn is a table of 3,000 rows: a trend with two outliers, groups and days.
func drawn() string {
	var b strings.Builder
	b.WriteString("day,x,y,group,flag,note\n")
	for i := range 3000 {
		y := float64(i)/100 + math.Sin(float64(i))
		if i == 1234 {
			y = 500
		}
		if i == 2345 {
			y = -400
		}
		x := fmt.Sprint(i)
		if i%500 == 3 {
			x = ""
		}
		fmt.Fprintf(&b, "2024-%02d-%02d,%s,%.3f,%s,%v,note number %d\n", 1+i%12, 1+i%28, x, y, []string{"a", "b", "b"}[i%3], i%2 == 0, i)
	}
	return b.String()
}

func TestDraw(t *testing.T) {
	t.Parallel()
	table := tableOf(t, drawn())
	draw := func(req chart.Request) *chart.Chart {
		t.Helper()
		c, err := chart.Draw(t.Context(), table, req)
		if err != nil {
			t.Fatalf("%+v: %v", req, err)
		}
		again, err := chart.Draw(t.Context(), table, req)
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("%+v is drawn in two ways", req)
		}
		if c.Kind != req.Kind || c.Rows != 3000 || c.RowsRead != 3000 {
			t.Errorf("%+v: %d of %d rows", req, c.RowsRead, c.Rows)
		}
		return c
	}

	c := draw(chart.Request{Kind: "histogram", X: "y", Bins: 10})
	total := int64(0)
	for _, bar := range c.Bars {
		total += bar.Count
	}
	if total != 3000 || len(c.Bars) > 10 || len(c.Bars) < 3 {
		t.Errorf("histogram %+v", c.Bars)
	}
	if c = draw(chart.Request{Kind: "histogram", X: "group"}); len(c.Bars) != 2 || c.Bars[0].Value != "b" || c.Bars[0].Count != 2000 {
		t.Errorf("histogram %+v", c.Bars)
	}
	if c = draw(chart.Request{Kind: "histogram", X: "note"}); len(c.Bars) != 11 || c.Bars[10].Value != nil || c.Bars[10].Count != 2990 {
		t.Errorf("histogram %+v", c.Bars)
	}

	c = draw(chart.Request{Kind: "box_plot", Y: "y", By: "group"})
	if len(c.Boxes) != 2 || c.Boxes[0].Group != "b" || c.Boxes[0].Count != 2000 || c.Boxes[1].Count != 1000 {
		t.Fatalf("boxes %+v", c.Boxes)
	}
	if box := draw(chart.Request{Kind: "box_plot", Y: "y"}).Boxes[0]; box.Outside != 2 || !reflect.DeepEqual(box.Outliers, []float64{-400, 500}) ||
		math.Abs(box.Median-15) > 0.5 || math.Abs(box.Q1-7.5) > 0.5 || math.Abs(box.Q3-22.5) > 0.5 || box.Low < -2 || box.High > 32 {
		t.Errorf("box %+v", box)
	}

	c = draw(chart.Request{Kind: "scatter", X: "x", Y: "y", Points: 100})
	outliers := 0
	for i, p := range c.Points {
		if i > 0 && p.Row <= c.Points[i-1].Row {
			t.Error("rows do not ascend")
		}
		if p.Outlier {
			outliers++
			if p.Row != 1235 && p.Row != 2346 || p.X != p.Row-1 {
				t.Errorf("outlier %+v", p)
			}
		}
	}
	if len(c.Points) != 100 || outliers != 2 || !c.Sampled {
		t.Errorf("%d points, %d outliers", len(c.Points), outliers)
	}
	if c = draw(chart.Request{Kind: "scatter", X: "x", Y: "y", By: "group", Points: 5000}); len(c.Points) != 2994 || c.Sampled || c.Points[0].Group != "a" {
		t.Errorf("%d points, sampled %v", len(c.Points), c.Sampled)
	}

	c = draw(chart.Request{Kind: "line", Y: "y", Points: 50})
	peaks := 0
	for _, p := range c.Points {
		if p.Y == 500.0 || p.Y == -400.0 {
			peaks++
		}
	}
	if len(c.Points) > 50 || peaks != 2 || c.Points[0].X.(int64) > 60 || !c.Sampled {
		t.Errorf("a line of %d points, %d peaks", len(c.Points), peaks)
	}
	if c = draw(chart.Request{Kind: "line", X: "day", Y: "y", Points: 24}); len(c.Points) > 24 || !strings.HasPrefix(c.Points[0].X.(string), "2024-01") {
		t.Errorf("a line %+v", c.Points)
	}

	c = draw(chart.Request{Kind: "time_series", X: "day", Y: "y", Points: 14})
	if c.Interval != "month" || len(c.Steps) != 12 || c.Steps[0].At != "2024-01-01T00:00:00Z" || *c.Steps[10].High != 500 || *c.Steps[0].Value < 14 || *c.Steps[0].Value > 16 {
		t.Errorf("series by %s: %+v", c.Interval, c.Steps)
	}
	c = draw(chart.Request{Kind: "time_series", X: "day", By: "flag", Interval: "quarter"})
	sum := int64(0)
	for _, s := range c.Steps {
		sum += s.Count
		if s.Low != nil || *s.Value != float64(s.Count) || s.Group != "true" && s.Group != "false" {
			t.Errorf("step %+v", s)
		}
	}
	if sum != 3000 || len(c.Steps) != 8 {
		t.Errorf("%d rows in %d steps", sum, len(c.Steps))
	}
	for _, aggregate := range chart.Aggregates() {
		if c = draw(chart.Request{Kind: "time_series", X: "day", Y: "x", Aggregate: aggregate, Interval: "year"}); len(c.Steps) != 1 || c.Steps[0].Count != 2994 {
			t.Errorf("%s: %+v", aggregate, c.Steps)
		}
	}

	c = draw(chart.Request{Kind: "heat_map", X: "group", Y: "flag"})
	sums := 0.0
	for _, cell := range c.Cells {
		sums += *cell.Value
	}
	if sums != 3000 || len(c.Cells) != 4 || !reflect.DeepEqual(c.XLabels, []string{"b", "a"}) {
		t.Errorf("heat map %+v", c)
	}
	if c = draw(chart.Request{Kind: "heat_map", X: "x", Y: "day", Bins: 5}); len(c.XLabels) != 5 || len(c.YLabels) != 5 {
		t.Errorf("heat map %+v", c)
	}
	if c = draw(chart.Request{Kind: "heat_map"}); len(c.Cells) != 9 || *c.Cells[0].Value != 1 {
		t.Errorf("correlations %+v", c)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	table := tableOf(t, drawn())
	for _, tt := range []struct {
		req   chart.Request
		code  string
		where string
	}{
		{chart.Request{Kind: "pie"}, "chart_not_found", ""},
		{chart.Request{Kind: "histogram"}, "chart_invalid", "query.x"},
		{chart.Request{Kind: "histogram", X: "other"}, "unknown_column", "query.x"},
		{chart.Request{Kind: "histogram", X: "y", Bins: 1}, "chart_invalid", "query.bins"},
		{chart.Request{Kind: "line", Y: "y", Points: 9}, "chart_invalid", "query.points"},
		{chart.Request{Kind: "box_plot", Y: "group"}, "chart_invalid", "query.y"},
		{chart.Request{Kind: "box_plot", Y: "y", By: "x"}, "chart_invalid", "query.by"},
		{chart.Request{Kind: "scatter", X: "group", Y: "y"}, "chart_invalid", "query.x"},
		{chart.Request{Kind: "line", X: "group", Y: "y"}, "chart_invalid", "query.x"},
		{chart.Request{Kind: "time_series", X: "y"}, "chart_invalid", "query.x"},
		{chart.Request{Kind: "time_series", X: "day", Y: "note"}, "chart_invalid", "query.y"},
		{chart.Request{Kind: "time_series", X: "day", Interval: "fortnight"}, "chart_invalid", "query.interval"},
		{chart.Request{Kind: "time_series", X: "day", Interval: "second"}, "chart_invalid", "query.interval"},
		{chart.Request{Kind: "time_series", X: "day", Y: "y", Aggregate: "median"}, "chart_invalid", "query.aggregate"},
		{chart.Request{Kind: "heat_map", X: "y"}, "chart_invalid", "query.y"},
	} {
		_, err := chart.Draw(t.Context(), table, tt.req)
		f, ok := fault.As(err)
		if !ok || f.Code != tt.code || tt.where != "" && (len(f.Fields) == 0 || f.Fields[0].Location != tt.where) {
			t.Errorf("%+v: %v", tt.req, err)
		}
	}
}

// TestPersonalData is refused wherever a request names it.
func TestPersonalData(t *testing.T) {
	t.Parallel()
	table := tableOf(t, drawn())
	table.Private = map[string]pii.Kind{"group": pii.PersonName}
	for where, req := range map[string]chart.Request{
		"query.x":  {Kind: chart.Histogram, X: "group"},
		"query.y":  {Kind: chart.HeatMap, X: "y", Y: "group"},
		"query.by": {Kind: chart.BoxPlot, Y: "y", By: "group"},
	} {
		_, err := chart.Draw(t.Context(), table, req)
		if f, ok := fault.As(err); !ok || f.Class != fault.ClassForbidden || f.Code != "column_is_personal" || f.Fields[0].Location != where {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// TestATableThatCannotBeRead gives its own error, and a histogram needs no rows.
func TestATableThatCannotBeRead(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	table := tableOf(t, drawn())
	table.Open = func(context.Context, []string) (*tabular.ParquetReader, error) { return nil, away }
	for _, kind := range chart.Kinds() {
		req := chart.Request{Kind: kind, X: "x", Y: "y"}
		if kind == chart.TimeSeries {
			req.X = "day"
		}
		c, err := chart.Draw(t.Context(), table, req)
		if kind == chart.Histogram {
			if err != nil || len(c.Bars) == 0 {
				t.Errorf("%s: %+v, %v", kind, c, err)
			}
		} else if !errors.Is(err, away) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
