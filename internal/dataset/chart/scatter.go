package chart

import (
	"cmp"
	"context"
	"slices"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
)

// scatter draws rows: the farthest outliers, and of the others those whose row
// numbers hash lowest, which is a sample that stays the same.
func (d *drawing) scatter(ctx context.Context) error {
	fx, dx, err := d.column("x", d.req.X)
	if err != nil {
		return err
	}
	fy, dy, err := d.number()
	if err != nil {
		return err
	}
	if fx.Type != tabular.Integer && fx.Type != tabular.Float && fx.Type != tabular.Datetime {
		return invalid("x", "x must be a column of numbers or instants; %q holds values of the type %s", fx.Name, fx.Type)
	}
	names, err := d.groups()
	if err != nil {
		return err
	}
	far := newSelection(d.req.Points / 4)
	near := newSelection(d.req.Points)
	seen := 0
	err = d.rows(ctx, []string{fx.Name, fy.Name, d.req.By}, []*profile.Column{dx, dy}, func(b block) {
		x, y := b.column(fx.Name), b.column(fy.Name)
		for i, row := range b.rows {
			group, ok := b.group(d.req.By, names, i)
			if x.Null(i) || y.Null(i) || !ok {
				continue
			}
			p := plotted{x: x.Float(i), y: y.Float(i), row: row, group: group}
			seen++
			if away := max(distance(dx, p.x), distance(dy, p.y)); away > 0 {
				p.outlier = true
				p.rank = -away
				far.offer(p)
			}
			if !b.far {
				p.rank = float64(spreadBits(uint64(row)) >> 11)
				near.offer(p)
			}
		}
	})
	if err != nil {
		return err
	}
	chosen := far.all()
	taken := make(map[int64]bool, len(chosen))
	for _, p := range chosen {
		taken[p.row] = true
	}
	for _, p := range near.all() {
		if len(chosen) < d.req.Points && !taken[p.row] {
			chosen = append(chosen, p)
		}
	}
	d.chart.Sampled = d.chart.Sampled || len(chosen) < seen
	slices.SortFunc(chosen, func(a, b plotted) int { return cmp.Compare(a.row, b.row) })
	d.chart.Points = make([]Point, 0, len(chosen))
	for _, p := range chosen {
		d.chart.Points = append(d.chart.Points, Point{X: show(fx, p.x), Y: show(fy, p.y), Group: p.group, Row: p.row, Outlier: p.outlier})
	}
	return nil
}

// plotted is a point that may be drawn.
type plotted struct {
	x, y, rank float64
	row        int64
	group      string
	outlier    bool
}

// selection keeps the points with the lowest ranks.
type selection struct {
	limit  int
	points []plotted
}

func newSelection(limit int) *selection { return &selection{limit: limit} }

func byRank(a, b plotted) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.row, b.row)) }

func (s *selection) offer(p plotted) {
	s.points = append(s.points, p)
	if len(s.points) >= 2*s.limit+16 {
		s.trim()
	}
}

func (s *selection) trim() {
	slices.SortFunc(s.points, byRank)
	s.points = s.points[:min(len(s.points), s.limit)]
}

func (s *selection) all() []plotted {
	s.trim()
	return s.points
}

// spreadBits is the finaliser of MurmurHash3.
func spreadBits(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
