package profile

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/tabular"
)

// Profile returns what was gathered.
func (c *Collector) Profile() (*Profile, error) {
	p := &Profile{Version: Version, Rows: c.rows, Columns: make([]Column, len(c.columns))}
	for i, col := range c.columns {
		if col.settle(); col.err != nil {
			return nil, fmt.Errorf("profile column %q: %w", col.field.Name, col.err)
		}
		var err error
		if p.Columns[i], err = col.result(); err != nil {
			return nil, fmt.Errorf("profile column %q: %w", col.field.Name, err)
		}
		c.judge(col, &p.Columns[i])
		if c.options.Roles[col.field.Name] == tabular.RoleTarget {
			p.Target = col.field.Name
		}
	}
	c.describeRows(p)
	c.describeAssociations(p)
	c.describeQuality(p)
	c.describePrivate(p)
	p.Findings = c.findings(p)
	return p, nil
}

// describeRows fills in what is missing together, and which rows are repeated.
func (c *Collector) describeRows(p *Profile) {
	m := &Missing{CompleteRows: c.patterns.complete, Patterns: []Pattern{}, OtherRows: c.patterns.others}
	for _, col := range c.columns {
		m.Cells += col.missing
	}
	if all := c.rows * int64(len(c.columns)); all > 0 {
		m.Fraction = float64(m.Cells) / float64(all)
	}
	for i, found := range c.patterns.sorted() {
		if i >= topPatterns {
			m.OtherRows += found.rows
			continue
		}
		names := make([]string, len(found.columns))
		for k, at := range found.columns {
			names[k] = c.columns[at].field.Name
		}
		m.Patterns = append(m.Patterns, Pattern{Columns: names, Rows: found.rows})
	}
	p.Missing = m
	different, exact := c.rowSet.different()
	d := &Duplicates{Exact: exact, Rows: max(c.rows-different, 0)}
	if !exact {
		// What may be the error of the estimate is none.
		if d.Error = math.Round(rowError * float64(different)); float64(d.Rows) <= 3*d.Error {
			d.Rows = 0
		}
	}
	p.Duplicates = d
}

func (c *column) result() (Column, error) {
	out := Column{
		Name: c.field.Name, Type: tabular.SemanticOf(c.field), Storage: c.field.Type, Layout: c.field.Layout, Unit: c.field.Unit,
		Agree: c.count, Disagree: c.refused, Disagreeing: c.refusals, Count: c.count, Missing: c.missing, Distinct: int64(c.counts.used), DistinctExact: c.counts.exact(), Top: []Frequency{},
	}
	if all := c.count + c.missing; all > 0 {
		out.MissingFraction = float64(c.missing) / float64(all)
	}
	if c.count == 0 {
		return out, nil
	}
	if !c.counts.exact() {
		out.Distinct = min(c.distinct.estimate(), c.count)
		out.DistinctError = math.Round(1.04/math.Sqrt(float64(uint64(1)<<c.precision))*1e4) / 1e4
		out.TopError = c.counts.lost
		c.counts.each(func(i int) { out.again += c.counts.slots[i].count - 1 })
	}
	if c.ids != nil {
		n, exact := c.ids.different()
		out.Distinct, out.DistinctExact, out.DistinctError = min(n, c.count), exact, 0
		if !exact {
			out.DistinctError = math.Round(rowError*1e4) / 1e4
		}
	}
	c.describeTop(&out)
	if c.field.Type == tabular.String {
		out.Text = &TextLengths{Min: c.minLen, Max: c.maxLen, Mean: float64(c.sumLen) / float64(c.count)}
		out.Variants = c.variants()
		return out, nil
	}
	out.Min, out.Max = c.value(c.values.min), c.value(c.values.max)
	if c.field.Type == tabular.Integer {
		out.Min, out.Max = c.minInt, c.maxInt
	}
	if c.field.Type != tabular.Datetime {
		if mean := c.values.mean; !math.IsInf(mean, 0) && !math.IsNaN(mean) {
			out.Mean = &mean
		}
		if std, ok := c.values.std(); ok {
			out.Std = &std
		}
	}
	if c.field.Type == tabular.Boolean {
		return out, nil
	}
	if c.field.Type != tabular.Datetime {
		if skew, ok := c.values.skew(); ok {
			out.Skew = &skew
		}
		if kurtosis, ok := c.values.kurtosis(); ok {
			out.Kurtosis = &kurtosis
		}
	}
	edges, counts := c.hist.result(c.field.Type == tabular.Integer || c.field.Type == tabular.Datetime && !c.timed)
	out.Histogram = &Histogram{Counts: counts}
	for _, e := range edges {
		if c.field.Type == tabular.Datetime {
			e *= dayMicros
		}
		out.Histogram.Edges = append(out.Histogram.Edges, c.value(e))
	}
	if err := c.describeQuantiles(&out); err != nil {
		return out, err
	}
	if c.field.Type != tabular.Datetime {
		out.Outliers = c.outliers()
	}
	return out, nil
}

// value returns a number as the column's type shows it.
func (c *column) value(v float64) any {
	switch c.field.Type {
	case tabular.Datetime:
		return time.UnixMicro(int64(v)).UTC().Format(time.RFC3339Nano)
	case tabular.Boolean:
		return v != 0
	case tabular.Integer:
		if math.Abs(v) < 1<<63 {
			return int64(v)
		}
	default:
	}
	if math.IsInf(v, 0) { // the edge beyond the largest number
		return math.Copysign(math.MaxFloat64, v)
	}
	return v
}

// valueOf returns the number of a key as the column's type shows it.
func (c *column) valueOf(key uint64) any {
	if c.field.Type == tabular.Integer {
		return int64(key)
	}
	return c.value(c.number(key))
}

// between returns the number that lies a share of the way from one key's to
// another's.
func (c *column) between(low, high uint64, share float64) any {
	dates := c.field.Type == tabular.Datetime && !c.timed // between which no day may lie
	if low == high || share == 0 || dates {
		return c.valueOf(low)
	}
	a, b := c.number(low), c.number(high)
	v := a + share*(b-a)
	switch {
	case math.IsInf(b-a, 0):
		v = (1-share)*a + share*b
	case share >= 0.5:
		v = b - (1-share)*(b-a)
	}
	if c.field.Type == tabular.Integer { // which may lie between two whole numbers
		return v
	}
	return c.value(v)
}

// compare orders keys by the numbers they stand for.
func (c *column) compare(a, b uint64) int {
	if c.field.Type == tabular.Float {
		return cmp.Compare(math.Float64frombits(a), math.Float64frombits(b))
	}
	return cmp.Compare(int64(a), int64(b))
}

// describeTop fills in the most frequent values.
func (c *column) describeTop(out *Column) {
	less := func(a, b int) int {
		if c.counts.texts != nil {
			return cmp.Or(cmp.Compare(c.counts.texts[a], c.counts.texts[b]), cmp.Compare(c.counts.slots[a].key, c.counts.slots[b].key))
		}
		return c.compare(c.counts.slots[a].key, c.counts.slots[b].key)
	}
	for _, i := range c.counts.top(topValues, less) {
		s := c.counts.slots[i]
		f := Frequency{Value: c.valueOf(s.key), Count: s.count}
		if c.counts.texts != nil {
			f.Value = c.counts.texts[i]
		}
		out.Top = append(out.Top, f)
	}
}

// describeQuantiles fills in the quantiles.
func (c *column) describeQuantiles(out *Column) error {
	found, exact, err := c.quantiles(0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
	if err != nil {
		return err
	}
	out.QuantilesExact = exact
	if !exact {
		out.QuantilesError = c.cut.off()
	}
	out.Quantiles = &Quantiles{found[0], found[1], found[2], found[3], found[4], found[5], found[6]}
	return nil
}

// quantiles returns for each share, which ascend, the value that so many of all lie
// below, between the two nearest if it is between them, as pandas does; or the
// sketch's.
func (c *column) quantiles(shares ...float64) (found []any, exact bool, err error) {
	found = make([]any, len(shares))
	if c.counts.exact() {
		var all []slot
		c.counts.each(func(i int) { all = append(all, c.counts.slots[i]) })
		slices.SortFunc(all, func(a, b slot) int { return c.compare(a.key, b.key) })
		count := int64(0) // of the column, but for what waits to be counted
		for _, s := range all {
			count += s.count
		}
		at, end := 0, int64(0) // of the values up to all[at]
		for k, share := range shares {
			place := share * float64(count-1)
			below := int64(place)
			for end+all[at].count <= below {
				end += all[at].count
				at++
			}
			next := at
			if end+all[at].count == below+1 && below+1 < count {
				next++
			}
			found[k] = c.between(all[at].key, all[next].key, place-float64(below))
		}
		return found, true, nil
	}
	values, err := c.sketch.GetValuesAtQuantiles(shares)
	if err != nil {
		return nil, false, err
	}
	for k, v := range values {
		v = min(max(v+c.base, c.values.min), c.values.max)
		if c.field.Type == tabular.Integer || c.field.Type == tabular.Datetime {
			v = math.Round(v)
		}
		found[k] = c.value(v)
	}
	return found, false, nil
}
