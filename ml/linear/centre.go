package linear

import (
	"math"
	"math/rand/v2"
)

// centre moves along the directions that change no loss to where the penalty is
// the least. Adding the same to the coefficients of all levels of a column
// changes no score but for the intercept, which is not penalised; adding the same
// to the coefficients of a variable for all classes changes no probability.
// Newton's method is blind along such directions, and an absolute value at a
// time is a long way.
func (s *solver) centre() {
	d := s.design
	n := d.variables()
	for c, col := range d.columns {
		if _, ok := col.(*levels); ok {
			for k := range d.classes {
				s.centreOver(k*n+d.first[c], 1, col.width())
			}
		}
	}
	if d.classes > 1 {
		for j := range n {
			s.centreOver(j, n, d.classes)
		}
	}
}

// centreOver does so for count variables, from the first on at equal distances.
func (s *solver) centreOver(first, distance, count int) {
	n := s.design.variables()
	s.terms = s.terms[:0]
	for i := range count {
		j := first + i*distance
		scale := s.design.scale[j%n]
		if scale == 0 {
			return
		}
		s.terms = append(s.terms, term{-s.at[j] * scale, s.l1[j] / scale, s.l2[j] / (scale * scale)})
	}
	by := least(s.terms)
	if by == 0 {
		return
	}
	for i := range count {
		j := first + i*distance
		scale := s.design.scale[j%n]
		old := s.at[j]
		if s.at[j] = old + by/scale; -old*scale == by {
			s.at[j] = 0
		}
		s.gain += s.l1[j]*(math.Abs(old)-math.Abs(s.at[j])) + s.l2[j]/2*(old-s.at[j])*(old+s.at[j])
	}
}

// term is l1*|x-kink| + l2/2*(x-kink)², as a function of x.
type term struct{ kink, l1, l2 float64 }

// slope returns the slope of the term to the left and to the right of x.
func (t term) slope(x float64) (left, right float64) {
	curve := t.l2 * (x - t.kink)
	switch {
	case x < t.kink:
		return curve - t.l1, curve - t.l1
	case x > t.kink:
		return curve + t.l1, curve + t.l1
	default:
		return curve - t.l1, curve + t.l1
	}
}

// least returns where the sum of the terms is the least; 0, if it is nowhere
// less than there. It reorders the terms. On average it takes linear time: each
// kink that is tried decides, for about half of the terms, on which side of the
// least they are.
func least(terms []term) float64 {
	var left, right, weight float64
	for _, t := range terms {
		l, r := t.slope(0)
		left, right, weight = left+l, right+r, weight+t.l1
	}
	if rounding := 1e-12 * weight; left <= rounding && right >= -rounding {
		return 0
	}
	random := rand.New(rand.NewPCG(uint64(len(terms)), 1))
	low, high := math.Inf(-1), math.Inf(1)
	var sign, curve float64 // the slope at x of the terms decided is sign + curve*x
	for len(terms) > 0 {
		x := terms[random.IntN(len(terms))].kink
		left, right = sign+curve*x, sign+curve*x
		for _, t := range terms {
			l, r := t.slope(x)
			left, right = left+l, right+r
		}
		if left <= 0 && right >= 0 {
			return x
		}
		rises := left > 0 // the least is to the left of x
		rest := terms[:0]
		for _, t := range terms {
			switch {
			case rises && t.kink >= x:
				sign, curve = sign-t.l1-t.l2*t.kink, curve+t.l2
			case !rises && t.kink <= x:
				sign, curve = sign+t.l1-t.l2*t.kink, curve+t.l2
			default:
				rest = append(rest, t)
			}
		}
		if rises {
			high = x
		} else {
			low = x
		}
		terms = rest
	}
	if curve == 0 {
		return max(low, min(0, high)) // flat between two kinks
	}
	return max(low, min(-sign/curve, high))
}
