package preprocess

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/narrativeml/narrative/ml/frame"
)

// CorrelationParams says which columns are told from each other.
type CorrelationParams struct {
	Columns []string // empty: all of floats, whole numbers and booleans
	Limit   float64  // one of two columns goes when their |r| is above it; 0 to 1
	MaxRows int      // the rows looked at, evenly spread over the table; 0: all
}

// DefaultCorrelationParams drops one of two columns with |r| above 0.95, by
// 10,000 rows, which tell r to about 0.001 there.
func DefaultCorrelationParams() CorrelationParams {
	return CorrelationParams{Limit: 0.95, MaxRows: 10_000}
}

// Validate returns an error when a parameter is out of range.
func (p CorrelationParams) Validate() error {
	return cmp.Or(
		inLimits(limit{"limit", p.Limit, 0, 1}),
		inRange(bound{"max_rows", p.MaxRows, 0, 1 << 40}),
	)
}

const (
	// tileColumns is how many columns are compared with as many others at a
	// time: memory is that of some tiles, however many columns there are.
	tileColumns = 64
	// tileRows is how many rows of them are looked at before the next.
	tileRows = 256
	// fewCommon is how few rows two columns may have in common; two always
	// lie on a line.
	fewCommon = 3
)

// FitCorrelation fits a Drop of the columns of x that say what another one says:
// in the order of the table, or of p.Columns, a column goes when its correlation
// (Pearson's r) with one that was kept before is above the limit, whatever the
// sign. Of two columns the first thus stays, and one that went drops no other.
//
// The rows where either value is missing do not count for a pair, which needs
// three others. Weights are those of the rows. Time grows with rows and the
// square of the columns. It returns an *ml.InputError for parameters or weights
// out of their limits, columns that are missing or hold something else, and
// infinite values.
func FitCorrelation(ctx context.Context, x *frame.Frame, p CorrelationParams, weights ...float64) (*Drop, error) {
	if err := cmp.Or(p.Validate(), checkWeights(x, weights)); err != nil {
		return nil, err
	}
	columns, err := choose(ctx, x, p.Columns, isQuantity, "numbers")
	if err != nil {
		return nil, err
	}
	s := newSelection(p, x.Rows(), weights)
	for _, c := range columns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := s.member(c)
		if err != nil {
			return nil, err
		}
		if m.unit > 0 { // what does not vary is correlated with nothing
			s.members = append(s.members, m)
		}
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return newDrop(s.why), nil
}

// spread returns most of n rows, evenly spread, or all of them.
func spread(n, most int) []int {
	if most == 0 || n < most {
		most = n
	}
	rows := make([]int, most)
	for i := range rows {
		rows[i] = i * n / most
	}
	return rows
}

// selection is one call of FitCorrelation.
type selection struct {
	limit       float64
	rows        []int
	weights     []float64 // of the rows, at most 1; nil: all are 1
	members     []member
	why         []Dropped
	left, right *panel
	tile        *tile
}

func newSelection(p CorrelationParams, rows int, weights []float64) *selection {
	s := &selection{limit: p.Limit, rows: spread(rows, p.MaxRows), left: &panel{}, right: &panel{}, tile: &tile{}}
	if len(weights) == 0 {
		return s
	}
	s.weights = make([]float64, len(s.rows))
	largest := slices.Max(weights)
	for i, row := range s.rows {
		s.weights[i] = weights[row] / largest
	}
	return s
}

// member is a column that takes part, and how it is standardised, so that sums
// of products keep their digits.
type member struct {
	frame.Column
	scaling
	rows   int     // that have a value
	weight float64 // of those
	gaps   bool    // some rows have none
}

func (m member) hasGaps() bool { return m.gaps }

// member returns a column as a member; its unit is 0 when it does not vary.
func (s *selection) member(c frame.Column) (member, error) {
	m := member{Column: c}
	if err := checkFinite(c); err != nil {
		return m, err
	}
	values, err := newSample(c.Take(s.rows), s.weights)
	if err != nil {
		return m, err
	}
	m.rows = len(values.values)
	m.gaps = m.rows < len(s.rows)
	for i := range m.rows {
		m.weight += values.weight(i)
	}
	if !values.isConstant() {
		m.center, m.unit = values.moments()
	}
	return m, nil
}

// run compares the columns, a block of them with the kept ones, block by block,
// and then with each other.
func (s *selection) run(ctx context.Context) error {
	var kept []member
	for lo := 0; lo < len(s.members); lo += tileColumns {
		block := s.members[lo:min(lo+tileColumns, len(s.members))]
		why := make([]*Dropped, len(block)) // nil: it stays
		for from := 0; from < len(kept); from += tileColumns {
			others := kept[from:min(from+tileColumns, len(kept))]
			if err := s.compare(ctx, block, others); err != nil {
				return err
			}
			for i := range block {
				for j := 0; j < len(others) && why[i] == nil; j++ {
					why[i] = s.verdict(block[i], others[j], &s.tile[i][j])
				}
			}
		}
		if err := s.compare(ctx, block, block); err != nil {
			return err
		}
		for i, m := range block {
			for j := 0; j < i && why[i] == nil; j++ {
				if why[j] == nil {
					why[i] = s.verdict(m, block[j], &s.tile[i][j])
				}
			}
			if why[i] == nil {
				kept = append(kept, m)
			} else {
				s.why = append(s.why, *why[i])
			}
		}
	}
	return nil
}

// verdict says why m goes besides another column, or nil.
func (s *selection) verdict(m, other member, of *sums) *Dropped {
	r := of.correlation()
	if math.Abs(r) <= s.limit {
		return nil
	}
	return &Dropped{
		Column: m.Name(), Reason: "correlated",
		Note: fmt.Sprintf("Column %q was left out: its correlation with %q is %.3f.", m.Name(), other.Name(), r),
	}
}

// panel is some rows of a tile's columns: standardised values z and their
// squares, 0 where there is none, and where there is one, as numbers and as bits.
type panel struct {
	z, square, there [tileColumns][tileRows]float64
	bits             [tileColumns][tileRows / 64]uint64
}

// fill loads rows of the columns, times weights unless those are nil. Only z is
// needed where no column has gaps.
func (p *panel) fill(columns []member, rows []int, weights []float64, gaps bool) {
	for k, m := range columns {
		clear(p.bits[k][:])
		for i, row := range rows {
			z, there, w := m.apply(m.Float(row)), 1.0, 1.0
			if math.IsNaN(z) {
				z, there = 0, 0
			}
			if weights != nil {
				w = weights[i]
			}
			p.z[k][i] = w * z
			if gaps && there > 0 {
				p.bits[k][i>>6] |= 1 << (i & 63)
			}
			if gaps {
				p.square[k][i], p.there[k][i] = w*z*z, w*there
			}
		}
	}
}

// sums are those of two columns x and y over the rows where both have a value.
type sums struct {
	rows             int
	weight           float64
	x, y, xx, yy, xy float64
}

// correlation returns Pearson's r, 0 where there is none.
func (s *sums) correlation() float64 {
	if s.rows < fewCommon {
		return 0
	}
	varX, varY := s.xx-s.x*s.x/s.weight, s.yy-s.y*s.y/s.weight
	// What is left of a constant by rounding is no variance.
	if varX <= 1e-12*s.xx || varY <= 1e-12*s.yy {
		return 0
	}
	r := (s.xy - s.x*s.y/s.weight) / math.Sqrt(varX) / math.Sqrt(varY)
	return max(-1, min(r, 1))
}

// tile is the sums of each left with each right column.
type tile [tileColumns][tileColumns]sums

// compare sums over all rows.
func (s *selection) compare(ctx context.Context, left, right []member) error {
	gaps := slices.ContainsFunc(left, member.hasGaps) || slices.ContainsFunc(right, member.hasGaps)
	clear(s.tile[:])
	for lo := 0; lo < len(s.rows); lo += tileRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(lo+tileRows, len(s.rows))
		var weights []float64
		if s.weights != nil {
			weights = s.weights[lo:hi]
		}
		s.left.fill(left, s.rows[lo:hi], weights, gaps)
		s.right.fill(right, s.rows[lo:hi], nil, gaps)
		for i := range left {
			for j := range right {
				s.add(&s.tile[i][j], i, j, hi-lo, [2]bool{left[i].gaps, right[j].gaps})
			}
		}
	}
	for i := range left {
		for j := range right {
			s.tile[i][j].complete(&left[i], &right[j], s.weights != nil)
		}
	}
	return nil
}

// add sums over the first n rows of the panels what the gaps of the two columns
// make necessary.
func (s *selection) add(to *sums, i, j, n int, gaps [2]bool) {
	z, other := s.left.z[i][:n], s.right.z[j][:n]
	to.xy += floats.Dot(z, other)
	there, otherThere := s.left.there[i][:n], s.right.there[j][:n]
	if gaps[0] {
		to.y += floats.Dot(there, other)
		to.yy += floats.Dot(there, s.right.square[j][:n])
	}
	if gaps[1] {
		to.x += floats.Dot(z, otherThere)
		to.xx += floats.Dot(s.left.square[i][:n], otherThere)
	}
	if !gaps[0] || !gaps[1] {
		return
	}
	if s.weights != nil {
		to.weight += floats.Dot(there, otherThere)
	}
	for k, word := range s.left.bits[i] {
		to.rows += bits.OnesCount64(word & s.right.bits[j][k])
	}
}

// complete fills in what need not be summed: over all the values that a column
// has it was standardised.
func (s *sums) complete(left, right *member, weighted bool) {
	switch {
	case !left.gaps:
		s.rows, s.weight = right.rows, right.weight
		s.y, s.yy = 0, right.weight
	case !right.gaps:
		s.rows, s.weight = left.rows, left.weight
	case !weighted:
		s.weight = float64(s.rows)
	}
	if !right.gaps {
		s.x, s.xx = 0, left.weight
	}
}
