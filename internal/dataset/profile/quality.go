package profile

import (
	"math"
	"time"

	"github.com/narrativeml/narrative/internal/tabular"
)

// Quality says how good the table is, from 0 to 1. docs/data.md defines each
// part. A part that the table has nothing to judge by is left out, and does not
// count for the score.
type Quality struct {
	Score        float64  `json:"score"` // the mean of the parts
	Completeness *float64 `json:"completeness,omitempty"`
	Consistency  *float64 `json:"consistency,omitempty"`
	Validity     *float64 `json:"validity,omitempty"`
	Uniqueness   *float64 `json:"uniqueness,omitempty"`
	Timeliness   *float64 `json:"timeliness,omitempty"`
	Column       string   `json:"timeliness_column,omitempty"` // by which the time is judged
}

// describeQuality fills in the score.
func (c *Collector) describeQuality(p *Profile) {
	if p.Rows == 0 || len(p.Columns) == 0 {
		return
	}
	q := &Quality{}
	var values, variants, disagree int64
	for i := range p.Columns {
		col := &p.Columns[i]
		values += col.Count
		variants += variantsOf(col)
		disagree += disagreeing(col)
		if c.columns[i].refused > 0 {
			values += c.columns[i].refused // they were values once
		}
	}
	q.Completeness = share(float64(p.Missing.Cells), float64(p.Rows)*float64(len(p.Columns)))
	if values > 0 {
		q.Consistency = share(float64(variants), float64(values))
		q.Validity = share(float64(disagree), float64(values))
	}
	unique := 1 - float64(p.Duplicates.Rows)/float64(p.Rows)
	for i := range p.Columns {
		if col := &p.Columns[i]; col.Role == tabular.RoleID && col.Count > 0 {
			n, _ := col.repeated()
			unique = min(unique, 1-float64(n)/float64(col.Count))
		}
	}
	q.Uniqueness = share(1-unique, 1)
	if k := c.timeColumn(p); k >= 0 {
		if v, ok := c.columns[k].fresh(c.options.Now); ok {
			q.Timeliness, q.Column = &v, p.Columns[k].Name
		}
	}
	n := 0.0
	for _, part := range []*float64{q.Completeness, q.Consistency, q.Validity, q.Uniqueness, q.Timeliness} {
		if part != nil {
			q.Score += *part
			n++
		}
	}
	q.Score = round4(q.Score / n)
	p.Quality = q
}

// repeated returns how many values of the column come back, and whether that is the
// least they can be. What may be the error of an estimate is none, unless some are
// known to have come back.
func (c *Column) repeated() (n int64, atLeast bool) {
	n = max(c.Count-c.Distinct, 0)
	if c.DistinctExact || float64(n) > 3*c.DistinctError*float64(c.Distinct) {
		return n, false
	}
	return c.again, c.again > 0
}

func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// share returns what is left of 1 when a part of all is bad.
func share(bad, all float64) *float64 {
	v := round4(max(1-bad/all, 0))
	return &v
}

// variantsOf counts the values that are written differently from their like: in
// case or spaces, or in another way than nearly all.
func variantsOf(c *Column) int64 {
	if c.Type != tabular.SemanticCategorical && c.Type != tabular.SemanticBoolean && c.Type != tabular.SemanticString {
		return 0
	}
	return c.Variants
}

// disagreeing counts the values that are not of the type that was chosen for
// their column, or that nearly all the others have.
func disagreeing(c *Column) int64 {
	if s := c.Suggestion; s != nil && s.Reason == tabular.ReasonMostly {
		return s.Disagree
	}
	return c.Disagree
}

// timeColumn returns the column that says when the rows were: the one with that
// role, or else the only one of dates or instants; -1 when there is none.
func (c *Collector) timeColumn(p *Profile) int {
	only := -1
	for k := range p.Columns {
		col := &p.Columns[k]
		if col.Storage != tabular.Datetime || col.Role == tabular.RoleIgnore {
			continue
		}
		if col.Role == tabular.RoleTime {
			return k
		}
		if only >= 0 {
			only = len(p.Columns) // more than one
			continue
		}
		only = k
	}
	if only == len(p.Columns) {
		return -1
	}
	return only
}

// fresh says how new a column of instants is: 1 when its newest value is from
// now, one half when that is as long ago as the column reaches back from there,
// and so on. Values of the future count as now.
func (c *column) fresh(now time.Time) (float64, bool) {
	if now.IsZero() || c.count == 0 || c.values.max <= c.values.min {
		return 0, false
	}
	span := c.values.max - c.values.min
	age := max(float64(now.UnixMicro())-c.values.max, 0)
	return round4(span / (span + age)), true
}
