package chart_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/fault"
)

// TestALongTable has more rows than are read for a chart, and outliers in what
// is left out.
func TestALongTable(t *testing.T) {
	t.Parallel()
	const rows, group = 300_000, 64 << 10
	const high, low = group + group - 100, 3*group + group - 7 // rows at the end of row groups
	var in strings.Builder
	in.Grow(20 * rows)
	in.WriteString("at,x,y,side\n")
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		y := i%10 + 1
		switch i {
		case high:
			y = 5000
		case low:
			y = -4000
		}
		fmt.Fprintf(&in, "%s,%d,%d,%s\n", start.Add(time.Duration(i)*time.Minute).Format("2006-01-02T15:04:05"), i, y, []string{"l", "r"}[i%2])
	}
	table := tableOf(t, in.String())
	table.Most = 20_000
	draw := func(req chart.Request) *chart.Chart {
		t.Helper()
		c, err := chart.Draw(t.Context(), table, req)
		if err != nil {
			t.Fatalf("%+v: %v", req, err)
		}
		most := int64(20_000)
		if req.Kind == chart.Line || req.Kind == chart.TimeSeries {
			most = 200_000
		}
		if c.Rows != rows || c.RowsRead < most || c.RowsRead > most+most/10 || !c.Sampled {
			t.Errorf("%+v: %d of %d rows, sampled %v", req, c.RowsRead, c.Rows, c.Sampled)
		}
		return c
	}
	box := draw(chart.Request{Kind: "box_plot", Y: "y"}).Boxes[0]
	if !slices.Equal(box.Outliers, []float64{-4000, 5000}) || box.Low != 1 || box.High != 10 || box.Median < 5 || box.Median > 6 {
		t.Errorf("box %+v", box)
	}
	boxes := draw(chart.Request{Kind: "box_plot", Y: "y", By: "side"}).Boxes
	if len(boxes) != 2 || len(boxes[0].Outliers) != 1 || len(boxes[1].Outliers) != 1 {
		t.Errorf("boxes %+v", boxes)
	}
	var far []int64
	for _, p := range draw(chart.Request{Kind: "scatter", X: "x", Y: "y", Points: 50}).Points {
		if p.Outlier {
			far = append(far, p.Row)
		}
	}
	if !slices.Equal(far, []int64{high + 1, low + 1}) {
		t.Errorf("outliers in rows %v", far)
	}
	var peaks []any
	for _, p := range draw(chart.Request{Kind: "line", Y: "y", Points: 20}).Points {
		if p.Y == int64(5000) || p.Y == int64(-4000) {
			peaks = append(peaks, p.Y)
		}
	}
	if len(peaks) != 2 {
		t.Errorf("peaks %v", peaks)
	}
	c := draw(chart.Request{Kind: "time_series", X: "at", Y: "y", Interval: "day", Aggregate: "sum"})
	sum, lowest, highest, alone := 0.0, 0.0, 0.0, 0
	for _, s := range c.Steps {
		lowest, highest = min(lowest, *s.Low), max(highest, *s.High)
		if s.Value == nil {
			alone++
			continue
		}
		sum += *s.Value
	}
	if want := 5.5 * rows; math.Abs(sum-want) > 0.01*want || lowest != -4000 || highest != 5000 || alone == 0 {
		t.Errorf("sum %v, from %v to %v, %d intervals of outliers", sum, lowest, highest, alone)
	}
	c = draw(chart.Request{Kind: "time_series", X: "at", Y: "y", Interval: "month"})
	for _, s := range c.Steps {
		if s.Value == nil || *s.Value < 5 || *s.Value > 6 {
			t.Errorf("step %+v", s)
		}
	}
	count := 0.0
	for _, s := range draw(chart.Request{Kind: "time_series", X: "at", Interval: "month"}).Steps {
		count += *s.Value
	}
	if math.Abs(count-rows) > 20 {
		t.Errorf("%v rows", count)
	}
	cells := 0.0
	for _, cell := range draw(chart.Request{Kind: "heat_map", X: "side", Y: "y", Bins: 5}).Cells {
		cells += *cell.Value
	}
	if cells < 20_000 || cells > 22_000 {
		t.Errorf("%v values in the heat map", cells)
	}
}

// TestAColumnWithoutFrequentValues has nothing that could be told apart.
func TestAColumnWithoutFrequentValues(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	in.WriteString("y,name,one\n")
	for i := range 20_000 {
		fmt.Fprintf(&in, "%d,name %d,7\n", i, i)
	}
	table := tableOf(t, in.String())
	_, err := chart.Draw(t.Context(), table, chart.Request{Kind: "box_plot", Y: "y", By: "name"})
	if f, ok := fault.As(err); !ok || f.Code != "chart_invalid" || !strings.Contains(f.Message, "come back") {
		t.Errorf("error %v", err)
	}
	c, err := chart.Draw(t.Context(), table, chart.Request{Kind: "heat_map", X: "one", Y: "y", Bins: 4})
	if err != nil || !slices.Equal(c.XLabels, []string{"7"}) || len(c.Cells) != 4 {
		t.Errorf("%+v, error %v", c, err)
	}
}

// TestTimesOfDay has times along an axis.
func TestTimesOfDay(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	in.WriteString("at,y\n")
	for i := range 500 {
		fmt.Fprintf(&in, "%02d:%02d,%d\n", i%24, i%60, i)
	}
	table := tableOf(t, in.String())
	c, err := chart.Draw(t.Context(), table, chart.Request{Kind: "histogram", X: "at"})
	if err != nil || c.Bars[0].From != "00:00:00" || !strings.Contains(fmt.Sprint(c.Bars[len(c.Bars)-1].From), "23:") && !strings.Contains(fmt.Sprint(c.Bars[len(c.Bars)-1].From), "22:") {
		t.Errorf("%+v, error %v", c, err)
	}
	c, err = chart.Draw(t.Context(), table, chart.Request{Kind: "heat_map", X: "at", Y: "y", Bins: 4})
	if err != nil || c.XLabels[0] != "00:00:00" || c.XLabels[2] != "11:59:30" {
		t.Errorf("%+v, error %v", c.XLabels, err)
	}
}
