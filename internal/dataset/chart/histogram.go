package chart

import (
	"context"

	"github.com/narrativeml/narrative/internal/tabular"
)

// histogram draws what the profile has counted, of all rows.
func (d *drawing) histogram(context.Context) error {
	f, described, err := d.column("x", d.req.X)
	if err != nil {
		return err
	}
	d.chart.RowsRead = d.chart.Rows
	d.chart.Bars = []Bar{}
	if described.Histogram == nil {
		rest := described.Count
		for _, v := range described.Top {
			d.chart.Bars = append(d.chart.Bars, Bar{Value: v.Value, Count: v.Count})
			rest -= v.Count
		}
		if rest > 0 {
			d.chart.Bars = append(d.chart.Bars, Bar{Count: rest})
		}
		return nil
	}
	h := described.Histogram
	// Bins are joined in pairs until they are few enough; their edges stay.
	join := 1
	for (len(h.Counts)+join-1)/join > d.req.Bins {
		join *= 2
	}
	for k := 0; k < len(h.Counts); k += join {
		end := min(k+join, len(h.Counts))
		bar := Bar{From: edge(f, h.Edges[k]), To: edge(f, h.Edges[end])}
		for _, n := range h.Counts[k:end] {
			bar.Count += n
		}
		d.chart.Bars = append(d.chart.Bars, bar)
	}
	return nil
}

const lastSecond = 24 * 60 * 60

// edge returns the edge of a bin as its column shows values.
func edge(f tabular.Field, at any) any {
	if v, ok := at.(float64); ok && f.Layout == tabular.Clock && v >= 0 && v < lastSecond {
		return tabular.ClockText(v)
	}
	return at
}
