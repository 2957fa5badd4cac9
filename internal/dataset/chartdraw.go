package dataset

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

func instant(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano) }

// histogram draws what the profile has counted, of all rows.
func (c *charting) histogram(context.Context) error {
	f, described, err := c.column("x", c.req.X)
	if err != nil {
		return err
	}
	c.chart.RowsRead = c.chart.Rows
	c.chart.Bars = []Bar{}
	if described.Histogram == nil {
		rest := described.Count
		for _, v := range described.Top {
			c.chart.Bars = append(c.chart.Bars, Bar{Value: v.Value, Count: v.Count})
			rest -= v.Count
		}
		if rest > 0 {
			c.chart.Bars = append(c.chart.Bars, Bar{Count: rest})
		}
		return nil
	}
	h := described.Histogram
	// Bins are joined in pairs until they are few enough; their edges stay.
	join := 1
	for (len(h.Counts)+join-1)/join > c.req.Bins {
		join *= 2
	}
	for k := 0; k < len(h.Counts); k += join {
		end := min(k+join, len(h.Counts))
		bar := Bar{From: edge(f, h.Edges[k]), To: edge(f, h.Edges[end])}
		for _, n := range h.Counts[k:end] {
			bar.Count += n
		}
		c.chart.Bars = append(c.chart.Bars, bar)
	}
	return nil
}

// edge returns the edge of a bin as its column shows values.
func edge(f tabular.Field, at any) any {
	if v, ok := at.(float64); ok && f.Layout == tabular.Clock && v >= 0 && v < lastSecond {
		return tabular.ClockText(v)
	}
	return at
}

const (
	maxOutliers = 200 // of a box
	lastSecond  = 24 * 60 * 60
)

// boxPlot draws the numbers of y, by the values of a column.
func (c *charting) boxPlot(ctx context.Context) error {
	f, described, err := c.number()
	if err != nil {
		return err
	}
	names, err := c.groups()
	if err != nil {
		return err
	}
	values, far := make(map[string][]float64), make(map[string][]float64)
	err = c.rows(ctx, []string{f.Name, c.req.By}, []*profile.Column{described}, func(b block) {
		y := b.column(f.Name)
		for i := range b.rows {
			group, ok := b.group(c.req.By, names, i)
			switch {
			case y.Null(i), !ok:
			case !b.far:
				values[group] = append(values[group], y.Float(i))
			case distance(described, y.Float(i)) > 0:
				far[group] = append(far[group], y.Float(i))
			}
		}
	})
	if err != nil {
		return err
	}
	if names == nil {
		names = []string{""}
	}
	c.chart.Boxes = []Box{}
	for _, name := range names {
		if len(values[name]) > 0 {
			c.chart.Boxes = append(c.chart.Boxes, boxOf(name, values[name], far[name]))
		}
	}
	return nil
}

// boxOf describes the values, which it sorts, with those outliers of others that are
// far enough.
func boxOf(name string, values, far []float64) Box {
	slices.Sort(values)
	at := func(share float64) float64 { // between the two values that are nearest
		x := share * float64(len(values)-1)
		k := int(x)
		if k+1 == len(values) {
			return values[k]
		}
		return values[k] + (x-float64(k))*(values[k+1]-values[k])
	}
	b := Box{Group: name, Count: int64(len(values)), Q1: at(0.25), Median: at(0.5), Q3: at(0.75), Outliers: []float64{}}
	fence := 1.5 * (b.Q3 - b.Q1)
	low := sort.SearchFloat64s(values, b.Q1-fence)
	high := sort.Search(len(values), func(i int) bool { return values[i] > b.Q3+fence })
	b.Low, b.High = values[low], values[high-1]
	outside := append(slices.Clone(values[:low]), values[high:]...)
	b.Outside = int64(len(outside))
	for _, v := range far {
		if v < b.Q1-fence || v > b.Q3+fence {
			outside = append(outside, v)
		}
	}
	slices.SortStableFunc(outside, func(x, y float64) int {
		return cmp.Compare(math.Abs(y-b.Median), math.Abs(x-b.Median))
	})
	b.Outliers = append(b.Outliers, outside[:min(len(outside), maxOutliers)]...)
	slices.Sort(b.Outliers)
	return b
}

// scatter draws rows: the farthest outliers, and of the others those whose row
// numbers hash lowest, which is a sample that stays the same.
func (c *charting) scatter(ctx context.Context) error {
	fx, dx, err := c.column("x", c.req.X)
	if err != nil {
		return err
	}
	fy, dy, err := c.number()
	if err != nil {
		return err
	}
	if fx.Type != tabular.Integer && fx.Type != tabular.Float && fx.Type != tabular.Datetime {
		return invalidChart("x", "x must be a column of numbers or instants; %q holds values of the type %s", fx.Name, fx.Type)
	}
	names, err := c.groups()
	if err != nil {
		return err
	}
	far := newSelection(c.req.Points / 4)
	near := newSelection(c.req.Points)
	seen := 0
	err = c.rows(ctx, []string{fx.Name, fy.Name, c.req.By}, []*profile.Column{dx, dy}, func(b block) {
		x, y := b.column(fx.Name), b.column(fy.Name)
		for i, row := range b.rows {
			group, ok := b.group(c.req.By, names, i)
			if x.Null(i) || y.Null(i) || !ok {
				continue
			}
			p := plotted{x: x.Float(i), y: y.Float(i), row: row, group: group}
			seen++
			if d := max(distance(dx, p.x), distance(dy, p.y)); d > 0 {
				p.outlier = true
				p.rank = -d
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
		if len(chosen) < c.req.Points && !taken[p.row] {
			chosen = append(chosen, p)
		}
	}
	c.chart.Sampled = c.chart.Sampled || len(chosen) < seen
	slices.SortFunc(chosen, func(a, b plotted) int { return cmp.Compare(a.row, b.row) })
	c.chart.Points = make([]Point, 0, len(chosen))
	for _, p := range chosen {
		c.chart.Points = append(c.chart.Points, Point{X: show(fx, p.x), Y: show(fy, p.y), Group: p.group, Row: p.row, Outlier: p.outlier})
	}
	return nil
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

// line draws y along x, or along the rows: of every stretch of x the smallest and
// the largest y, so that no peak is lost.
func (c *charting) line(ctx context.Context) error {
	fy, dy, err := c.number()
	if err != nil {
		return err
	}
	fx := tabular.Field{Name: "", Type: tabular.Integer}
	low, high := 1.0, float64(c.chart.Rows)
	if c.req.X != "" {
		var described *profile.Column
		if fx, described, err = c.column("x", c.req.X); err != nil {
			return err
		}
		if fx.Type != tabular.Integer && fx.Type != tabular.Float && fx.Type != tabular.Datetime {
			return invalidChart("x", "x must be a column of numbers or instants; %q holds values of the type %s", fx.Name, fx.Type)
		}
		low, high = bound(described.Min), bound(described.Max)
	}
	stretches := make([]stretch, max(c.req.Points/2, 1))
	seen := 0
	err = c.rows(ctx, []string{fx.Name, fy.Name}, []*profile.Column{dy}, func(b block) {
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
	c.chart.Points = []Point{}
	for _, s := range stretches {
		for _, p := range s.extremes() {
			c.chart.Points = append(c.chart.Points, Point{X: show(fx, p.x), Y: show(fy, p.y), Row: p.row})
		}
	}
	c.chart.Sampled = c.chart.Sampled || len(c.chart.Points) < seen
	return nil
}

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

// heatMap draws how often values of two columns meet, or, without columns, the
// correlations of the profile.
func (c *charting) heatMap(ctx context.Context) error {
	if c.req.X == "" && c.req.Y == "" {
		return c.correlations()
	}
	x, err := c.axis("x", c.req.X)
	if err != nil {
		return err
	}
	y, err := c.axis("y", c.req.Y)
	if err != nil {
		return err
	}
	counts := make([]float64, len(x.labels)*len(y.labels))
	err = c.rows(ctx, []string{x.field.Name, y.field.Name}, nil, func(b block) {
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
	c.chart.XLabels, c.chart.YLabels, c.chart.Cells = x.labels, y.labels, []Cell{}
	for k, n := range counts {
		if n > 0 {
			c.chart.Cells = append(c.chart.Cells, Cell{X: k % len(x.labels), Y: k / len(x.labels), Value: &n})
		}
	}
	return nil
}

func (c *charting) correlations() error {
	c.chart.RowsRead = c.chart.Rows
	c.chart.Cells = []Cell{}
	if c.profile.Associations == nil || c.profile.Associations.Pearson == nil {
		return invalidChart("x", "the table has fewer than two columns of numbers whose correlations are known; name two columns as x and y")
	}
	m := c.profile.Associations.Pearson
	c.chart.XLabels, c.chart.YLabels = m.Columns, m.Columns
	for i, row := range m.Values {
		for j, v := range row {
			c.chart.Cells = append(c.chart.Cells, Cell{X: j, Y: i, Value: v})
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

func (c *charting) axis(parameter, name string) (*axis, error) {
	f, described, err := c.column(parameter, name)
	if err != nil {
		return nil, err
	}
	a := &axis{field: f}
	if f.Type == tabular.String || f.Type == tabular.Boolean || described.Distinct <= int64(len(described.Top)) && described.DistinctExact && f.Type == tabular.Integer {
		a.index = make(map[string]int)
		for _, v := range described.Top[:min(len(described.Top), c.req.Bins)] {
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
	bins := c.req.Bins
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
