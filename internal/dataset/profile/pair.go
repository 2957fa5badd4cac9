package profile

import (
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
)

// pairColumns is how many columns of numbers are compared with each other: the
// first of the table.
const pairColumns = 50

// pairs gathers what the correlation of every two columns of numbers takes,
// over the rows that have both values. Numbers are taken from a base of their
// column, so that those that are large and close keep their digits.
type pairs struct {
	columns []int // in the collector
	base    []float64
	based   []bool

	n   [][]float64 // [i][j]: rows with both
	sum [][]float64 // [i][j]: of i, over these rows
	sq  [][]float64 // [i][j]: of the squares of i
	xy  [][]float64 // [i][j], i < j: of the products

	values  [][]float64 // of the chunk, from the base, 0 where missing
	valid   [][]bool    // nil where none is missing
	room    [][]bool    // for it
	missing [][]int32
}

func newPairs(columns []int) *pairs {
	k := min(len(columns), pairColumns)
	p := &pairs{columns: columns[:k], base: make([]float64, k), based: make([]bool, k)}
	for _, m := range []*[][]float64{&p.n, &p.sum, &p.sq, &p.xy} {
		*m = make([][]float64, k)
		for i := range k {
			(*m)[i] = make([]float64, k)
		}
	}
	p.values, p.valid, p.room, p.missing = make([][]float64, k), make([][]bool, k), make([][]bool, k), make([][]int32, k)
	return p
}

// add takes the columns of a chunk into account.
func (p *pairs) add(parts []frame.Column, rows int) {
	for i, at := range p.columns {
		p.load(i, parts[at], rows)
	}
	for i, x := range p.values {
		total, square := 0.0, 0.0
		for _, v := range x {
			total += v
			square += v * v
		}
		present := float64(rows - len(p.missing[i]))
		for j := range p.values {
			n, sum, sq := present, total, square
			for _, r := range p.missing[j] {
				v := x[r]
				sum -= v
				sq -= v * v
				if p.valid[i] == nil || p.valid[i][r] {
					n--
				}
			}
			p.n[i][j] += n
			p.sum[i][j] += sum
			p.sq[i][j] += sq
		}
		for j := i + 1; j < len(p.values); j++ {
			p.xy[i][j] += dot(x, p.values[j])
		}
	}
}

// load fills in the values of column i.
func (p *pairs) load(i int, part frame.Column, rows int) {
	if cap(p.values[i]) < rows {
		p.values[i] = make([]float64, rows)
	}
	x := p.values[i][:rows]
	p.values[i], p.missing[i], p.valid[i] = x, p.missing[i][:0], nil
	if part.Type() == frame.Float {
		copy(x, part.Floats())
	} else {
		for r, v := range part.Ints() {
			x[r] = float64(v)
		}
	}
	if part.Nulls() > 0 {
		p.valid[i] = slices.Grow(p.room[i][:0], rows)[:rows]
		p.room[i] = p.valid[i]
		for r := range x {
			p.valid[i][r] = !part.Null(r)
			if !p.valid[i][r] {
				p.missing[i] = append(p.missing[i], int32(r))
			}
		}
	}
	p.rebase(i, x)
}

// rebase takes the values from the base, which is the mean of the first chunk
// that has any.
func (p *pairs) rebase(i int, x []float64) {
	if !p.based[i] && len(p.missing[i]) < len(x) {
		n := 0.0
		for r, v := range x {
			if p.valid[i] == nil || p.valid[i][r] {
				n++
				p.base[i] += (v - p.base[i]) / n
			}
		}
		p.based[i] = true
	}
	base := p.base[i]
	for r := range x {
		x[r] -= base
	}
	for _, r := range p.missing[i] {
		x[r] = 0
	}
}

// dot returns the sum of the products.
func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return s0 + s1 + (s2 + s3)
}

// merge adds what o gathered of other rows.
func (p *pairs) merge(o *pairs) {
	shift := make([]float64, len(p.columns)) // from o's base to ours
	for i := range p.columns {
		if !p.based[i] {
			p.base[i], p.based[i] = o.base[i], o.based[i]
		}
		if o.based[i] {
			shift[i] = o.base[i] - p.base[i]
		}
	}
	for i := range p.columns {
		for j := range p.columns {
			n, sum := o.n[i][j], o.sum[i][j]
			p.n[i][j] += n
			p.sum[i][j] += sum + n*shift[i]
			p.sq[i][j] += o.sq[i][j] + 2*shift[i]*sum + n*shift[i]*shift[i]
			if i < j {
				p.xy[i][j] += o.xy[i][j] + shift[j]*sum + shift[i]*o.sum[j][i] + n*shift[i]*shift[j]
			}
		}
	}
}

// correlation returns Pearson's r of two columns, and whether there is one: two
// rows with both values, and neither column constant in these.
func (p *pairs) correlation(i, j int) (float64, bool) {
	i, j = min(i, j), max(i, j)
	n := p.n[i][j]
	if n < 2 {
		return 0, false
	}
	mi, mj := p.sum[i][j]/n, p.sum[j][i]/n
	si, sj := p.sq[i][j]/n-mi*mi, p.sq[j][i]/n-mj*mj
	// What rounding leaves of a constant is no spread.
	const noise = 1e-12
	if si <= noise*p.sq[i][j]/n || sj <= noise*p.sq[j][i]/n {
		return 0, false
	}
	r, ok := held((p.xy[i][j]/n - mi*mj) / math.Sqrt(si*sj))
	return min(max(r, -1), 1), ok
}
