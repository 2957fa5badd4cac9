package linear

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// conjugate is the room for the method of conjugate gradients.
type conjugate struct {
	solution []float64
	residual []float64
	scaled   []float64 // the residual, by the curvature
	along    []float64 // the direction of the search
	product  []float64 // of the second derivatives and the direction
}

func newConjugate(n int) conjugate {
	return conjugate{
		solution: make([]float64, n), residual: make([]float64, n), scaled: make([]float64, n),
		along: make([]float64, n), product: make([]float64, n),
	}
}

// exact reports whether Newton's first step leads to the minimum.
func (s *solver) exact() bool { return s.objective.loss == SquaredError && !s.sparse }

// direction solves for Newton's step on the face by conjugate gradients
// (Hestenes and Stiefel, 1952), preconditioned by the diagonal: the closer the
// minimum, the more exactly, so that the steps converge quadratically. Each
// iteration multiplies by the second derivatives in one pass over the table,
// without ever having them as a matrix.
func (s *solver) direction(worst float64) {
	target, most := s.effort(worst)
	c := &s.cg
	clear(c.solution)
	for j := range c.residual {
		c.residual[j] = 0
		if s.face[j] {
			c.residual[j] = -s.slope(j)
		}
	}
	floats.DivTo(c.scaled, c.residual, s.curvature)
	copy(c.along, c.scaled)
	product := floats.Dot(c.residual, c.scaled)
	for n := 0; n < most && s.iterations < s.limit && s.err() == nil; n++ {
		s.multiply()
		bend := floats.Dot(c.along, c.product)
		if !(bend > 1e-200) {
			// The function is flat along the direction, as far as numbers tell.
			if n == 0 {
				copy(c.solution, c.along)
			}
			return
		}
		length := product / bend
		floats.AddScaled(c.solution, length, c.along)
		floats.AddScaled(c.residual, -length, c.product)
		left := max(floats.Max(c.residual), -floats.Min(c.residual))
		if left <= target || math.IsNaN(left) {
			return
		}
		if s.exact() {
			s.progress(left)
		} else {
			s.report(s.fraction)
		}
		floats.DivTo(c.scaled, c.residual, s.curvature)
		next := floats.Dot(c.residual, c.scaled)
		floats.AddScaledTo(c.along, c.scaled, next/product, c.along)
		product = next
	}
}

// effort returns the derivative at which the system of Newton's step counts as
// solved, and after how many iterations to leave it.
func (s *solver) effort(worst float64) (target float64, most int) {
	most = 2*len(s.at) + 10
	switch {
	case s.exact():
	case s.objective.loss == SquaredError:
		target, most = worst/100, 40
	default:
		target = worst * min(0.1, worst)
	}
	if s.sparse {
		most = 40 // the signs will change
	}
	return max(target, s.tolerance/2), most
}

// multiply computes the product of the second derivatives, damped, and the
// direction.
func (s *solver) multiply() {
	s.iterations++
	c := &s.cg
	s.design.run(pass{from: c.along, live: s.live, rows: s.objective.bend, into: c.product})
	for j, v := range c.along {
		switch {
		case !s.face[j]:
			c.product[j] = 0
		case s.sparse:
			c.product[j] += (s.l2[j] + s.damping*s.metric(j)) * v
		default:
			c.product[j] += s.l2[j] * v
		}
	}
}
