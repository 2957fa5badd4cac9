package linear

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/floats"

	"github.com/narrativeml/narrative/ml"
)

// blockRows is the number of rows whose scores are held at a time.
const blockRows = 1024

// loss is the mean loss with its penalty, as a function of the coefficients of
// centred and scaled columns, by score and then by column, and the intercepts.
type loss struct {
	err      func() error // not nil once the work is to stop
	task     ml.Task
	values   [][]float64
	y        []float64 // for Regression standardised
	weights  []float64 // nil, or scaled to a mean of 1
	classes  int       // scores a row
	mean     []float64 // of each column
	scale    []float64 // of each column, so that all curve alike; 0 for a constant one
	penalty  float64   // of squared coefficients, for the mean loss
	yMean    float64
	yScale   float64 // deviation of the target
	parts    []*partial
	workers  int
	at       []float64 // where value and gradient belong to
	value    float64
	gradient []float64
}

// partial is the sum over one stretch of the rows.
type partial struct {
	low, high int
	value     float64
	gradient  []float64
}

func newLoss(err func() error, p Params, values [][]float64, y ml.Target, workers int) *loss {
	l := &loss{
		err: err, task: y.Task, values: values, y: y.Values, workers: workers, classes: 1,
		mean: make([]float64, len(values)), scale: make([]float64, len(values)), yScale: 1,
	}
	if y.Task == ml.Multiclass {
		l.classes = len(y.Classes)
	}
	total := l.weigh(y)
	l.penalty = p.Alpha / total
	if y.Task == ml.Regression {
		l.standardizeTarget()
	}
	l.each(len(values), func(j int) {
		mean, deviation := l.moments(values[j])
		l.mean[j] = mean
		if deviation > 1e-12*math.Abs(mean) {
			l.scale[j] = 1 / math.Sqrt(deviation*deviation+l.penalty)
		}
	})
	l.cut()
	l.gradient = make([]float64, l.size())
	return l
}

// weigh scales the weights to a mean of 1 and returns their sum before.
func (l *loss) weigh(y ml.Target) float64 {
	rows := float64(y.Len())
	if y.Weights == nil {
		return rows
	}
	total := floats.Sum(y.Weights)
	l.weights = slices.Clone(y.Weights)
	floats.Scale(rows/total, l.weights)
	return total
}

// moments returns the weighted mean and standard deviation.
func (l *loss) moments(values []float64) (mean, deviation float64) {
	n := float64(len(values))
	for i, v := range values {
		mean += l.weight(i) * v / n
	}
	for i, v := range values {
		deviation += l.weight(i) * (v - mean) * (v - mean) / n
	}
	return mean, math.Sqrt(deviation)
}

func (l *loss) weight(i int) float64 {
	if l.weights == nil {
		return 1
	}
	return l.weights[i]
}

func (l *loss) standardizeTarget() {
	l.yMean, l.yScale = l.moments(l.y)
	if l.yScale <= 1e-12*math.Abs(l.yMean) {
		l.yScale = 1
	}
	scaled := make([]float64, len(l.y))
	for i, v := range l.y {
		scaled[i] = (v - l.yMean) / l.yScale
	}
	l.y = scaled
}

// cut divides the rows into at most 64 stretches, fewer when there are very many
// variables. They depend on the shape of the table alone: the sum over them has
// the same rounding on any number of threads.
func (l *loss) cut() {
	const most = 1 << 24 // numbers in all gradients
	rows := len(l.y)
	stretches := max(1, min(64, most/l.size()))
	size := max(4*blockRows, (rows+stretches-1)/stretches)
	size = (size + blockRows - 1) / blockRows * blockRows
	for low := 0; low < rows; low += size {
		l.parts = append(l.parts, &partial{low: low, high: min(rows, low+size), gradient: make([]float64, l.size())})
	}
}

// size is the number of variables.
func (l *loss) size() int { return l.classes * (len(l.values) + 1) }

// each runs fn for every item below n on the workers.
func (l *loss) each(n int, fn func(item int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(l.workers, n) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	wait.Wait()
}

// evaluate computes the value and the gradient, unless they are known. What it
// computes after it is to stop is of no use.
func (l *loss) evaluate(at []float64) float64 {
	if l.at != nil && slices.Equal(l.at, at) {
		return l.value
	}
	l.at = append(l.at[:0], at...)
	l.each(len(l.parts), func(i int) { l.sum(l.parts[i]) })
	clear(l.gradient)
	l.value = 0
	for _, p := range l.parts {
		l.value += p.value
		floats.Add(l.gradient, p.gradient)
	}
	rows := float64(len(l.y))
	l.value /= rows
	floats.Scale(1/rows, l.gradient)
	columns := len(l.values)
	for k := range l.classes {
		for j, s := range l.scale {
			v := at[k*columns+j]
			l.value += l.penalty / 2 * v * s * v * s
			l.gradient[k*columns+j] += l.penalty * v * s * s
		}
	}
	return l.value
}

// sum adds up a stretch of rows, block by block.
func (l *loss) sum(p *partial) {
	columns := len(l.values)
	p.value = 0
	clear(p.gradient)
	centred := make([]float64, blockRows)
	scores := make([]float64, l.classes*blockRows)
	for low := p.low; low < p.high && l.err() == nil; low += blockRows {
		n := min(blockRows, p.high-low)
		x := centred[:n]
		for k := range l.classes {
			fill(scores[k*n:(k+1)*n], l.at[l.classes*columns+k])
		}
		for j := range columns {
			l.centre(x, j, low)
			for k := range l.classes {
				floats.AddScaled(scores[k*n:(k+1)*n], l.at[k*columns+j], x)
			}
		}
		p.value += l.residuals(scores, low, n)
		for j := range columns {
			l.centre(x, j, low)
			for k := range l.classes {
				p.gradient[k*columns+j] += floats.Dot(x, scores[k*n:(k+1)*n])
			}
		}
		for k := range l.classes {
			p.gradient[l.classes*columns+k] += floats.Sum(scores[k*n : (k+1)*n])
		}
	}
}

func fill(values []float64, v float64) {
	for i := range values {
		values[i] = v
	}
}

// centre writes centred and scaled values of column j.
func (l *loss) centre(out []float64, j, low int) {
	mean, scale := l.mean[j], l.scale[j]
	for i, v := range l.values[j][low : low+len(out)] {
		out[i] = (v - mean) * scale
	}
}

// residuals replaces scores by the weighted derivatives of the loss by them, and
// returns the sum of the losses.
func (l *loss) residuals(scores []float64, low, n int) float64 {
	total := 0.0
	row := make([]float64, l.classes)
	for i := range n {
		w, y := l.weight(low+i), l.y[low+i]
		switch l.task {
		case ml.Regression:
			d := scores[i] - y
			total += w * d * d / 2
			scores[i] = w * d
		case ml.Binary:
			s := scores[i]
			total += w * softplus(s*(1-2*y))
			scores[i] = w * (sigmoid(s) - y)
		default:
			for k := range row {
				row[k] = scores[k*n+i]
			}
			own := row[int(y)]
			total += w * (softmax(row) - own)
			for k, p := range row {
				if k == int(y) {
					p--
				}
				scores[k*n+i] = w * p
			}
		}
	}
	return total
}

// unscale writes the solution to a model, in the units of the columns.
func (l *loss) unscale(at []float64, m *Model) {
	columns := len(l.values)
	m.coefficients = make([]float64, l.classes*columns)
	m.intercepts = make([]float64, l.classes)
	for k := range l.classes {
		b := at[l.classes*columns+k]
		for j, s := range l.scale {
			c := at[k*columns+j] * s
			b -= c * l.mean[j]
			m.coefficients[k*columns+j] = c * l.yScale
		}
		m.intercepts[k] = b*l.yScale + l.yMean
	}
	if l.task == ml.Multiclass {
		// The same constant on every intercept changes nothing: let them sum to 0.
		floats.AddConst(-floats.Sum(m.intercepts)/float64(l.classes), m.intercepts)
	}
}

// sigmoid returns 1/(1+exp(-s)).
func sigmoid(s float64) float64 { return 1 / (1 + math.Exp(-s)) }

// softplus returns log(1+exp(s)).
func softplus(s float64) float64 { return max(s, 0) + math.Log1p(math.Exp(-math.Abs(s))) }

// softmax replaces scores by probabilities and returns the logarithm of the sum
// of their exponentials.
func softmax(row []float64) float64 {
	top := slices.Max(row)
	sum := 0.0
	for k, s := range row {
		row[k] = math.Exp(s - top)
		sum += row[k]
	}
	for k := range row {
		row[k] /= sum
	}
	return top + math.Log(sum)
}
