package linear_test

import (
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
)

// check computes derivatives at a model, row by row and without any of the
// solver's means.
type check struct {
	m        *linear.Model
	y        ml.Target
	features [][]entry // of each row those that are not 0
	mean     []float64 // of each feature
	variance []float64
	total    float64 // of the weights
}

type entry struct {
	feature int
	value   float64
}

func newCheck(m *linear.Model, x *frame.Frame, y ml.Target) *check {
	c := &check{m: m, y: y, features: make([][]entry, x.Rows())}
	index := map[linear.Feature]int{}
	for j, f := range m.Features() {
		index[f] = j
	}
	for _, column := range x.Columns() {
		for i := range c.features {
			f, v := linear.Feature{Column: column.Name()}, 1.0
			switch {
			case column.Type() == frame.Float:
				v = column.Float(i)
			case column.Null(i):
				f.Text, f.Missing = true, true
			default:
				f.Text, f.Category = true, column.Text(i)
			}
			c.features[i] = append(c.features[i], entry{index[f], v})
		}
	}
	c.mean, c.variance = make([]float64, len(index)), make([]float64, len(index))
	for i, row := range c.features {
		w := y.Weight(i)
		c.total += w
		for _, e := range row {
			c.mean[e.feature] += w * e.value
			c.variance[e.feature] += w * e.value * e.value
		}
	}
	for j := range c.mean {
		c.mean[j] /= c.total
		c.variance[j] = c.variance[j]/c.total - c.mean[j]*c.mean[j]
	}
	return c
}

// residuals are the derivatives of the loss of a row by its scores.
func (c *check) residuals(i int) []float64 {
	out := make([]float64, len(c.m.Intercepts()))
	for k, b := range c.m.Intercepts() {
		out[k] = b
		for _, e := range c.features[i] {
			out[k] += c.m.Coefficients(k)[e.feature] * e.value
		}
	}
	y := c.y.Values[i]
	switch {
	case len(out) > 1:
		sum := 0.0
		for k, s := range out {
			out[k] = math.Exp(s)
			sum += out[k]
		}
		for k := range out {
			out[k] /= sum
		}
		out[int(y)]--
	case c.m.Loss() == linear.LogLoss:
		out[0] = 1/(1+math.Exp(-out[0])) - y
	case c.m.Loss() == linear.Poisson:
		out[0] = math.Exp(out[0]) - y
	default:
		out[0] -= y
	}
	return out
}

// violation is the largest element of the smallest subgradient, as
// linear.Params.Tolerance defines it.
func (c *check) violation(p linear.Params) float64 {
	n := len(c.mean)
	sums := make([][]float64, len(c.m.Intercepts())) // by score: of each feature, then of the residuals
	for k := range sums {
		sums[k] = make([]float64, n+1)
	}
	var mean, square float64
	for i := range c.features {
		w := c.y.Weight(i)
		mean += w * c.y.Values[i] / c.total
		square += w * c.y.Values[i] * c.y.Values[i] / c.total
		for k, r := range c.residuals(i) {
			sums[k][n] += w * r
			for _, e := range c.features[i] {
				sums[k][e.feature] += w * r * e.value
			}
		}
	}
	unit := 1.0
	switch c.m.Loss() {
	case linear.SquaredError:
		unit = math.Sqrt(square - mean*mean)
	case linear.Poisson:
		unit = mean
	case linear.LogLoss:
	}
	worst := 0.0
	for k := range sums {
		worst = max(worst, math.Abs(sums[k][n]/c.total/unit))
		for j, v := range c.m.Coefficients(k) {
			deviation := math.Sqrt(c.variance[j])
			measure := 1.0
			if p.Standardize {
				measure = deviation
			}
			g := sums[k][j] - c.mean[j]*sums[k][n] + p.Alpha*(1-p.L1Ratio)*measure*measure*v
			l := p.Alpha * p.L1Ratio * measure
			switch {
			case v > 0:
				g += l
			case v < 0:
				g -= l
			default:
				g = max(0, math.Abs(g)-l)
			}
			worst = max(worst, math.Abs(g/deviation/c.total/unit))
		}
	}
	return worst
}
