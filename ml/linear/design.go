package linear

import (
	"gonum.org/v1/gonum/floats"

	"github.com/narrativeml/narrative/ml/internal/parallel"
)

const (
	// blockRows is the number of rows whose scores are held at a time.
	blockRows = 1024
	// stopRows is the number of rows between two looks at whether to stop.
	stopRows = 1 << 14
	// most bounds the numbers that the sums of all stretches take.
	most = 1 << 24
)

// column is a column of the table as the variables it stands for.
type column interface {
	// width is the number of variables.
	width() int
	// add adds the product of variables and coefficients to the scores, which
	// are those of the rows from low on.
	add(scores, coefficients []float64, low int)
	// sum adds the products of variables and values, of the rows from low on, to
	// the sum of each variable.
	sum(out, values []float64, low int)
	// squares does so with the squares of how much the variables differ from
	// their means, but for what centred does.
	squares(out, values []float64, low int)
	// centred completes a sum of squares of a variable of that mean.
	centred(square, mean float64) float64
}

// numbers is a column of numbers: one variable.
type numbers struct {
	values []float64
	mean   float64
}

var _ column = (*numbers)(nil)

func (*numbers) width() int { return 1 }

func (c *numbers) add(scores, coefficients []float64, low int) {
	if coefficients[0] != 0 {
		floats.AddScaled(scores, coefficients[0], c.values[low:low+len(scores)])
	}
}

func (c *numbers) sum(out, values []float64, low int) {
	out[0] += floats.Dot(values, c.values[low:low+len(values)])
}

func (c *numbers) squares(out, values []float64, low int) {
	total := 0.0
	for i, v := range c.values[low : low+len(values)] {
		d := v - c.mean
		total += values[i] * d * d
	}
	out[0] += total
}

func (*numbers) centred(square, _ float64) float64 { return square }

// design is the table as a matrix of centred and scaled variables, and a 1 for
// the intercept of each score. It is never written down: means and scales are
// applied to the coefficients before, and to the sums after, a pass over the
// columns as they are.
//
// A vector of variables holds, for each score, one number for each variable, and
// after them the intercepts.
type design struct {
	team      parallel.Team
	rows      int
	classes   int // scores a row
	total     float64
	columns   []column
	first     []int     // of each column its first variable; the last is their number
	shift     []float64 // of each column: what was subtracted from its values
	mean      []float64 // of each variable, after the shift
	scale     []float64 // of each variable, one by its deviation; 0 for a constant one
	wide      []bool    // of each column, whether it is summed by itself
	place     []int     // of each column that is not wide, where its sums are
	narrow    int       // variables that are not wide
	stretches []stretch
	raw       []float64   // coefficients of the columns as they are, as a vector of variables
	work      [][]float64 // a value for each row and score, for wide columns; else nil
}

// stretch is a run of rows that one goroutine sums.
type stretch struct {
	low, high int
	value     float64
	sums      []float64 // for each score those of the narrow variables, and of the values
}

// cut divides the rows into at most 64 stretches, fewer when there are very many
// variables. They depend on the shape of the table alone: the sum over them has
// the same rounding on any number of threads. A column of so many variables that
// adding up its sums would take longer than summing is wide.
func (d *design) cut() {
	count := max(1, min(64, (d.rows+4*blockRows-1)/(4*blockRows)))
	d.wide, d.place = make([]bool, len(d.columns)), make([]int, len(d.columns))
	anyWide := false
	for c, col := range d.columns {
		if d.wide[c] = col.width()*count > max(d.rows, 64); d.wide[c] {
			anyWide = true
			continue
		}
		d.place[c] = d.narrow
		d.narrow += col.width()
	}
	count = max(1, min(count, most/(d.classes*(d.narrow+1))))
	size := (d.rows + count - 1) / count
	size = (size + blockRows - 1) / blockRows * blockRows
	for low := 0; low < d.rows; low += size {
		d.stretches = append(d.stretches, stretch{
			low: low, high: min(d.rows, low+size), sums: make([]float64, d.classes*(d.narrow+1)),
		})
	}
	d.raw = make([]float64, d.size())
	if anyWide {
		d.work = d.scores(d.rows)
	}
}

// variables is their number, for one score.
func (d *design) variables() int { return d.first[len(d.columns)] }

// size is the length of a vector of variables.
func (d *design) size() int { return d.classes * (d.variables() + 1) }

// intercept is the place of the intercept of score k.
func (d *design) intercept(k int) int { return d.classes*d.variables() + k }

// scores makes room for the scores of some rows.
func (d *design) scores(rows int) [][]float64 {
	all := make([]float64, d.classes*rows)
	out := make([][]float64, d.classes)
	for k := range out {
		out[k] = all[k*rows : (k+1)*rows]
	}
	return out
}

// rowsFunc looks at, and may change, the scores of the rows from low to high.
type rowsFunc func(scores [][]float64, low, high int) float64

// pass is one pass over the table.
type pass struct {
	from    []float64 // scores are those of this vector of variables; nil: 0
	live    []bool    // columns that take part; nil: all
	rows    rowsFunc  // called with all scores, block by block
	into    []float64 // sums of the products of variables and scores; nil: none
	squares bool      // of the squared variables instead
}

// run makes the pass and returns the mean of what rows returned, by weight. The
// result is of no use after the team is to stop.
func (d *design) run(p pass) float64 {
	if p.from != nil {
		d.unscale(p.from)
	}
	d.team.Each(len(d.stretches), func(_, i int) { d.stretch(&d.stretches[i], p) })
	if p.into != nil {
		d.collect(p)
	}
	value := 0.0
	for i := range d.stretches {
		value += d.stretches[i].value
	}
	return value / d.total
}

// unscale computes the coefficients of the columns as they are.
func (d *design) unscale(from []float64) {
	n := d.variables()
	for k := range d.classes {
		b := from[d.intercept(k)]
		raw := d.raw[k*n : (k+1)*n]
		for j, v := range from[k*n : (k+1)*n] {
			raw[j] = v * d.scale[j]
			b -= raw[j] * d.mean[j]
		}
		d.raw[d.intercept(k)] = b
	}
}

func (d *design) lives(p pass, c int) bool { return p.live == nil || p.live[c] }

// stretch makes the pass over a stretch, block by block.
func (d *design) stretch(s *stretch, p pass) {
	s.value = 0
	clear(s.sums)
	var buffer [][]float64
	if d.work == nil {
		buffer = d.scores(blockRows)
	}
	block := make([][]float64, d.classes)
	n := d.variables()
	for low := s.low; low < s.high && !d.team.Stopped(); low += blockRows {
		high := min(low+blockRows, s.high)
		for k := range block {
			if d.work != nil {
				block[k] = d.work[k][low:high]
			} else {
				block[k] = buffer[k][:high-low]
			}
			if p.from != nil {
				fill(block[k], d.raw[d.intercept(k)])
			}
		}
		for c, col := range d.columns {
			if p.from == nil || !d.lives(p, c) {
				continue
			}
			for k := range block {
				col.add(block[k], d.raw[k*n+d.first[c]:k*n+d.first[c+1]], low)
			}
		}
		s.value += p.rows(block, low, high)
		if p.into != nil {
			d.add(s, p, block, low)
		}
	}
}

// add adds the products of the narrow variables of a block with its scores.
func (d *design) add(s *stretch, p pass, block [][]float64, low int) {
	for c, col := range d.columns {
		if d.wide[c] || !d.lives(p, c) {
			continue
		}
		for k := range block {
			d.sum(col, p, s.sums[k*(d.narrow+1)+d.place[c]:], block[k], low)
		}
	}
	for k := range block {
		s.sums[k*(d.narrow+1)+d.narrow] += floats.Sum(block[k])
	}
}

func (d *design) sum(col column, p pass, out, values []float64, low int) {
	if p.squares {
		col.squares(out, values, low)
	} else {
		col.sum(out, values, low)
	}
}

// collect adds up the stretches, in their order, sums the wide columns, and
// centres, scales and averages the sums.
func (d *design) collect(p pass) {
	total := d.stretches[0].sums
	for i := 1; i < len(d.stretches); i++ {
		floats.Add(total, d.stretches[i].sums)
	}
	n := d.variables()
	for k := range d.classes {
		p.into[d.intercept(k)] = total[k*(d.narrow+1)+d.narrow]
	}
	d.team.Each(len(d.columns)*d.classes, func(_, item int) {
		c, k := item/d.classes, item%d.classes
		out := p.into[k*n+d.first[c] : k*n+d.first[c+1]]
		clear(out)
		switch {
		case !d.lives(p, c):
			return
		case d.wide[c]:
			for low := 0; low < d.rows && !d.team.Stopped(); low += stopRows {
				d.sum(d.columns[c], p, out, d.work[k][low:min(low+stopRows, d.rows)], low)
			}
		default:
			copy(out, total[k*(d.narrow+1)+d.place[c]:])
		}
		values := p.into[d.intercept(k)]
		for i := range out {
			j := d.first[c] + i
			if p.squares {
				out[i] = d.columns[c].centred(out[i], d.mean[j]) * d.scale[j] * d.scale[j] / d.total
			} else {
				out[i] = (out[i] - d.mean[j]*values) * d.scale[j] / d.total
			}
		}
	})
	for k := range d.classes {
		p.into[d.intercept(k)] /= d.total
	}
}

func fill(values []float64, v float64) {
	for i := range values {
		values[i] = v
	}
}
