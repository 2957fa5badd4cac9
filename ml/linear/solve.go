package linear

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// solver searches for the minimum of the mean loss and its penalty, over a
// vector of variables.
//
// Without a penalty by absolute values it makes Newton's steps. With one, a
// proximal gradient step finds which variables are not 0, and of which sign;
// among those the function is smooth, and Newton's steps lead on. Every step
// lets the function fall.
type solver struct {
	design    *design
	objective *objective
	l1, l2    []float64 // of each variable: the penalty is l1*|v| + l2/2*v²; 0 for intercepts
	sparse    bool      // whether there is an l1
	tolerance float64
	limit     int          // of iterations
	err       func() error // not nil once the work is to stop
	report    func(fraction float64)

	iterations int
	at         []float64 // where the search is
	gradient   []float64 // there, without the l1
	curvature  []float64 // the diagonal of the second derivatives
	usual      []float64 // at the start, where there is an l1
	face       []bool    // variables that Newton's steps change
	live       []bool    // columns that have such
	step       []float64
	rate       float64 // of proximal steps
	damping    float64 // of Newton's steps, where there is an l1
	gain       float64 // by how much the function fell
	first      float64 // the largest derivative at the start
	fraction   float64 // of the work, done
	cg         conjugate
	terms      []term // room for centre
}

func newSolver(d *design, o *objective, l1, l2 []float64) *solver {
	n := d.size()
	return &solver{
		design: d, objective: o, l1: l1, l2: l2, sparse: floats.Max(l1) > 0, rate: 1, damping: startDamping,
		at: make([]float64, n), gradient: make([]float64, n), curvature: make([]float64, n),
		face: make([]bool, n), live: make([]bool, len(d.columns)), step: make([]float64, n),
		cg: newConjugate(n),
	}
}

// search walks to the minimum. It returns whether it came to the tolerance, or
// to the precision of the numbers, before the last iteration.
func (s *solver) search() (converged bool, err error) {
	best, idle, mark := math.Inf(1), 0, 0.0
	for {
		s.free(func(int) bool { return true })
		s.expand()
		if err := s.err(); err != nil {
			return false, err
		}
		worst := s.worst()
		s.progress(worst)
		// Where only rounding is left to go by, derivatives come no closer to 0.
		if idle++; worst < 0.9*best {
			best, idle, mark = worst, 0, s.gain
		}
		switch {
		case worst <= s.tolerance:
			return true, nil
		case idle >= 5 && s.gain-mark <= 1e-14*s.gain:
			return worst <= 1e-9*s.first, nil
		case s.iterations >= s.limit:
			return false, nil
		}
		s.shrink()
		s.descend(worst)
		if err := s.err(); err != nil {
			return false, err
		}
	}
}

// free chooses the variables of the face.
func (s *solver) free(in func(j int) bool) {
	for j := range s.face {
		s.face[j] = in(j)
	}
	s.live = s.design.touched(s.live, func(j int) bool { return s.face[j] })
}

// expand computes the first and second derivatives by the variables of the face.
func (s *solver) expand() {
	d, o := s.design, s.objective
	d.run(pass{from: s.at, live: s.live, rows: o.expand, into: s.gradient})
	for j, v := range s.at {
		s.gradient[j] += s.l2[j] * v
	}
	if o.loss == SquaredError && s.curvature[d.intercept(0)] > 0 {
		return // it is the same everywhere
	}
	d.run(pass{live: s.live, rows: o.curves, into: s.curvature, squares: true})
	for j, l := range s.l2 {
		if s.curvature[j] += l; s.curvature[j] < 1e-200 {
			s.curvature[j] = 1 // flat, or not of the face
		}
	}
	if s.sparse && s.usual == nil {
		s.usual = slices.Clone(s.curvature)
	}
}

// slope returns the element of the smallest subgradient.
func (s *solver) slope(j int) float64 {
	g, l := s.gradient[j], s.l1[j]
	switch {
	case s.at[j] > 0:
		return g + l
	case s.at[j] < 0:
		return g - l
	default:
		return soften(g, l)
	}
}

// soften returns v drawn to 0 by an amount.
func soften(v, by float64) float64 {
	switch {
	case v > by:
		return v - by
	case v < -by:
		return v + by
	default:
		return 0
	}
}

// worst returns the largest element of the smallest subgradient on the face.
func (s *solver) worst() float64 {
	largest := 0.0
	for j, in := range s.face {
		if in {
			largest = max(largest, math.Abs(s.slope(j)))
		}
	}
	return largest
}

// metric measures steps of a variable where there is an l1. Where the loss has
// become flat its curvature tells too little of what lies around: it counts as
// no less than a quarter of that at the start.
func (s *solver) metric(j int) float64 { return max(s.curvature[j], s.usual[j]/4) }

// shrink makes a proximal gradient step in the metric of the curvature, which
// makes some variables 0 and others not.
func (s *solver) shrink() {
	if !s.sparse {
		return
	}
	s.iterations++
	s.rate = min(1, 2*s.rate)
	for range 60 {
		predicted := 0.0
		for j, v := range s.at {
			r := s.rate / s.metric(j)
			to := soften(v-r*s.gradient[j], r*s.l1[j])
			s.step[j] = to - v
			predicted += s.gradient[j]*s.step[j] + s.l1[j]*(math.Abs(to)-math.Abs(v))
		}
		if !(predicted < 0) || s.err() != nil {
			return
		}
		if s.take(predicted / 4) {
			s.centre()
			return
		}
		s.rate /= 2
	}
	s.rate = 1
}

// descend makes Newton's steps: one, or where signs are kept as many as it takes
// for the variables that are not 0 to come to rest.
func (s *solver) descend(worst float64) {
	if !s.sparse {
		s.newton(worst)
		return
	}
	for range 8 {
		s.free(func(j int) bool { return s.at[j] != 0 || s.l1[j] == 0 })
		s.expand()
		left := s.worst()
		if s.err() != nil || s.iterations >= s.limit || left <= max(s.tolerance/2, worst/10) || !s.newton(left) {
			return
		}
		s.centre()
	}
}

const (
	startDamping = 1e-2
	leastDamping = 1e-10
	mostDamping  = 1e3
)

// newton makes a step of Newton's method on the face, as long as lets the
// function fall. Where a variable would change its sign it becomes 0.
func (s *solver) newton(worst float64) bool {
	s.direction(worst)
	for t := 1.0; t > 1e-18 && s.err() == nil; t /= 2 {
		predicted := 0.0
		for j, v := range s.at {
			s.step[j] = t * s.cg.solution[j]
			if s.l1[j] > 0 && v*(v+s.step[j]) <= 0 {
				s.step[j] = -v
			}
			if s.step[j] != 0 {
				predicted += s.slope(j) * s.step[j]
			}
		}
		if predicted < 0 && s.take(1e-4*predicted) {
			s.damp(t)
			return true
		}
	}
	s.damp(0)
	return false
}

// damp adapts the damping (Levenberg, "A method for the solution of certain
// non-linear problems in least squares", 1944) to which part of a step was good.
// Without it a step would be far too long in a direction in which the function
// is flat but for absolute values, as where two categories have the same rows.
func (s *solver) damp(part float64) {
	switch {
	case part == 1:
		s.damping = max(s.damping/10, leastDamping)
	case part > 0.01:
		s.damping = max(s.damping*10, 1e-3)
	default:
		s.damping = min(max(s.damping*100, 1e-2), mostDamping)
	}
}

// take makes the step if the function falls by it as far as the bound.
func (s *solver) take(bound float64) bool {
	live := s.design.touched(nil, func(j int) bool { return s.step[j] != 0 })
	change := s.design.run(pass{from: s.step, live: live, rows: s.objective.change})
	for j, d := range s.step {
		if d != 0 {
			v := s.at[j]
			change += s.l2[j]*d*(v+d/2) + s.l1[j]*(math.Abs(v+d)-math.Abs(v))
		}
	}
	if !(change <= bound) {
		return false
	}
	s.gain -= change
	floats.Add(s.at, s.step)
	return true
}

// touched returns, for each column, whether there is such a variable among its
// own. It overwrites out.
func (d *design) touched(out []bool, has func(j int) bool) []bool {
	out = slices.Grow(out[:0], len(d.columns))
	n := d.variables()
	for c := range d.columns {
		found := false
		for k := range d.classes {
			for j := k*n + d.first[c]; j < k*n+d.first[c+1] && !found; j++ {
				found = has(j)
			}
		}
		out = append(out, found)
	}
	return out
}

// progress reports how far the search is: what part of the way from the first
// derivatives to the tolerance lies behind it, in orders of magnitude.
func (s *solver) progress(worst float64) {
	if s.first == 0 {
		s.first = worst
	}
	done := float64(s.iterations) / float64(s.limit+1)
	if worst > 0 && s.first > s.tolerance {
		done = max(done, math.Log(s.first/worst)/math.Log(s.first/s.tolerance))
	}
	s.fraction = max(s.fraction, min(done, 0.99))
	s.report(s.fraction)
}
