package chart

import (
	"cmp"
	"context"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
)

// line draws y along x, or along the rows: of every stretch of x the smallest and
// the largest y, so that no peak is lost.
func (d *drawing) line(ctx context.Context) error {
	fy, dy, err := d.number()
	if err != nil {
		return err
	}
	fx := tabular.Field{Name: "", Type: tabular.Integer}
	low, high := 1.0, float64(d.chart.Rows)
	if d.req.X != "" {
		var described *profile.Column
		if fx, described, err = d.column("x", d.req.X); err != nil {
			return err
		}
		if fx.Type != tabular.Integer && fx.Type != tabular.Float && fx.Type != tabular.Datetime {
			return invalid("x", "x must be a column of numbers or instants; %q holds values of the type %s", fx.Name, fx.Type)
		}
		low, high = bound(described.Min), bound(described.Max)
	}
	stretches := make([]stretch, max(d.req.Points/2, 1))
	seen := 0
	err = d.rows(ctx, []string{fx.Name, fy.Name}, []*profile.Column{dy}, func(b block) {
		x, y := b.column(fx.Name), b.column(fy.Name)
		for i, row := range b.rows {
			p := plotted{x: float64(row), row: row}
			if fx.Name != "" {
				if x.Null(i) {
					continue
				}
				p.x = x.Float(i)
			}
			if y.Null(i) {
				continue
			}
			p.y = y.Float(i)
			seen++
			k := 0
			if high > low {
				k = int(float64(len(stretches)) * (p.x/2 - low/2) / (high/2 - low/2))
			}
			stretches[min(max(k, 0), len(stretches)-1)].add(p)
		}
	})
	if err != nil {
		return err
	}
	d.chart.Points = []Point{}
	for _, s := range stretches {
		for _, p := range s.extremes() {
			d.chart.Points = append(d.chart.Points, Point{X: show(fx, p.x), Y: show(fy, p.y), Row: p.row})
		}
	}
	d.chart.Sampled = d.chart.Sampled || len(d.chart.Points) < seen
	return nil
}

// stretch is a part of a line.
type stretch struct {
	used      bool
	low, high plotted
}

func (s *stretch) add(p plotted) {
	if !s.used || p.y < s.low.y {
		s.low = p
	}
	if !s.used || p.y > s.high.y {
		s.high = p
	}
	s.used = true
}

// extremes returns the points to draw, along x.
func (s *stretch) extremes() []plotted {
	switch {
	case !s.used:
		return nil
	case s.low.row == s.high.row:
		return []plotted{s.low}
	case cmp.Or(cmp.Compare(s.low.x, s.high.x), cmp.Compare(s.low.row, s.high.row)) < 0:
		return []plotted{s.low, s.high}
	default:
		return []plotted{s.high, s.low}
	}
}
