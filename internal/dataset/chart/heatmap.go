package chart

import (
	"context"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// heatMap draws how often values of two columns meet, or, without columns, the
// correlations of the profile.
func (d *drawing) heatMap(ctx context.Context) error {
	if d.req.X == "" && d.req.Y == "" {
		return d.correlations()
	}
	x, err := d.axis("x", d.req.X)
	if err != nil {
		return err
	}
	y, err := d.axis("y", d.req.Y)
	if err != nil {
		return err
	}
	counts := make([]float64, len(x.labels)*len(y.labels))
	err = d.rows(ctx, []string{x.field.Name, y.field.Name}, nil, func(b block) {
		cx, cy := b.column(x.field.Name), b.column(y.field.Name)
		for i := range b.rows {
			if a, b := x.of(cx, i), y.of(cy, i); a >= 0 && b >= 0 {
				counts[b*len(x.labels)+a]++
			}
		}
	})
	if err != nil {
		return err
	}
	d.chart.XLabels, d.chart.YLabels, d.chart.Cells = x.labels, y.labels, []Cell{}
	for k, n := range counts {
		if n > 0 {
			d.chart.Cells = append(d.chart.Cells, Cell{X: k % len(x.labels), Y: k / len(x.labels), Value: &n})
		}
	}
	return nil
}

func (d *drawing) correlations() error {
	d.chart.RowsRead = d.chart.Rows
	d.chart.Cells = []Cell{}
	if d.table.Profile.Associations == nil || d.table.Profile.Associations.Pearson == nil {
		return invalid("x", "the table has fewer than two columns of numbers whose correlations are known; name two columns as x and y")
	}
	m := d.table.Profile.Associations.Pearson
	d.chart.XLabels, d.chart.YLabels = m.Columns, m.Columns
	for i, row := range m.Values {
		for j, v := range row {
			d.chart.Cells = append(d.chart.Cells, Cell{X: j, Y: i, Value: v})
		}
	}
	return nil
}

// axis is a side of a heat map: bins of a column, or its most frequent values.
type axis struct {
	field     tabular.Field
	labels    []string
	index     map[string]int // nil: bins
	low, high float64
}

func (d *drawing) axis(parameter, name string) (*axis, error) {
	f, described, err := d.column(parameter, name)
	if err != nil {
		return nil, err
	}
	a := &axis{field: f}
	if f.Type == tabular.String || f.Type == tabular.Boolean || described.Distinct <= int64(len(described.Top)) && described.DistinctExact && f.Type == tabular.Integer {
		a.index = make(map[string]int)
		for _, v := range described.Top[:min(len(described.Top), d.req.Bins)] {
			label := fmt.Sprint(v.Value)
			if f, ok := v.Value.(float64); ok && f == math.Trunc(f) {
				label = fmt.Sprintf("%.0f", f) // a whole number that JSON made a float of
			}
			a.index[label] = len(a.labels)
			a.labels = append(a.labels, label)
		}
		return a, nil
	}
	a.low, a.high = bound(described.Min), bound(described.Max)
	bins := d.req.Bins
	if a.high <= a.low {
		bins = 1
	}
	for k := range bins {
		a.labels = append(a.labels, fmt.Sprint(show(tabular.Field{Type: labelType(f), Layout: f.Layout}, a.low+(a.high-a.low)*float64(k)/float64(bins))))
	}
	return a, nil
}

// labelType is the type that the lower end of a bin is shown as.
func labelType(f tabular.Field) tabular.Type {
	if f.Type == tabular.Datetime {
		return tabular.Datetime
	}
	return tabular.Float
}

// of returns which label value i has, or -1.
func (a *axis) of(column frame.Column, i int) int {
	if column.Null(i) {
		return -1
	}
	if a.index != nil {
		if k, ok := a.index[tabular.Text(column, i)]; ok {
			return k
		}
		return -1
	}
	if a.high <= a.low {
		return 0
	}
	k := int(float64(len(a.labels)) * (column.Float(i)/2 - a.low/2) / (a.high/2 - a.low/2))
	return min(max(k, 0), len(a.labels)-1)
}
