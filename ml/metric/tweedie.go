package metric

import "math"

// deviance makes a metric of the mean deviance of a Tweedie distribution (B.
// Jørgensen, Exponential dispersion models, 1987): power 1 is Poisson, 2 is
// Gamma.
func deviance(name string, power float64) func(s *scoring) (float64, error) {
	return func(s *scoring) (float64, error) { return s.deviance(name, power) }
}

// d2 makes a metric of the share of the deviance that is saved.
func d2(name string, power float64) func(s *scoring) (float64, error) {
	return func(s *scoring) (float64, error) { return s.d2Tweedie(name, power) }
}

func (s *scoring) deviance(name string, power float64) (float64, error) {
	if err := s.checkTweedie(name, power); err != nil {
		return 0, err
	}
	return s.meanDeviance(power), nil
}

func (s *scoring) d2Tweedie(name string, power float64) (float64, error) {
	if err := s.checkTweedie(name, power); err != nil {
		return 0, err
	}
	return s.saved(name, func(s *scoring) float64 { return s.meanDeviance(power) }, meanValue)
}

func (s *scoring) meanDeviance(power float64) float64 {
	return s.meanOf(func(y, p float64) float64 { return unitDeviance(y, p, power) })
}

// checkTweedie looks whether the distribution can have the true values, and the
// outputs as means.
func (s *scoring) checkTweedie(name string, power float64) error {
	if power == 0 {
		return nil
	}
	for i, y := range s.y.Values {
		switch {
		case power >= 2 && y <= 0:
			return outside(TargetRange, name, "the true value", y, i, "above 0")
		case power >= 1 && y < 0:
			return outside(TargetRange, name, "the true value", y, i, "0 or more")
		}
		if p := s.outputs[i]; p <= 0 {
			return outside(OutputRange, name, "an output", p, i, "above 0")
		}
	}
	return nil
}

// unitDeviance is twice the log-likelihood that p lacks. It is worked out for
// the quotient of y and p and scaled: the deviance of c·y and c·p is that of y
// and p times c to the power of 2-power.
func unitDeviance(y, p, power float64) float64 {
	if power == 0 {
		return squared(y, p)
	}
	r := y / p
	var d float64
	switch power {
	case 1:
		if d = 1; r > 0 {
			d = r*math.Log(r) - r + 1
		}
	case 2:
		d = r - math.Log(r) - 1
	default:
		d = math.Pow(max(r, 0), 2-power)/((1-power)*(2-power)) - r/(1-power) + 1/(2-power)
	}
	d = 2 * max(d, 0) * math.Pow(p, 2-power)
	if math.IsNaN(d) { // of terms beyond the range of float64
		return math.Inf(1)
	}
	return d
}
