package generator

import "math"

const (
	strong    = 6   // columns that matter in Easy
	hardScale = 0.6 // of the logit; it sets how much can be learned
	mixScale  = 0.5
	hotScale  = 0.9
	manyScale = 0.9 // of the scores of more than two classes
)

// marginal returns what is in column j when its latent value is z, and what the
// target sees of it: z itself, but where the sign of z is lost a standardised
// z².
func marginal(j int, z float64) (x, seen float64) {
	switch j % 7 {
	case 1:
		return math.Exp(0.8 * z), z
	case 2:
		return math.Sinh(1.2 * z), z
	case 3:
		return math.Pi * math.Erf(z/math.Sqrt2), z
	case 4:
		return -math.Log(0.5 * math.Erfc(z/math.Sqrt2)), z
	case 5:
		return math.Floor(3 * math.Exp(z/2)), z
	case 6:
		return z * z, (z*z - 1) / math.Sqrt2
	default:
		return z, z
	}
}

// shape is the effect of column j alone, of unit size.
func shape(j int, s float64) float64 {
	switch j % 4 {
	case 1:
		return math.Tanh(2 * s)
	case 2:
		return math.Sin(2 * s)
	case 3:
		return min(s*s, 4) - 1
	default:
		return max(-2.5, min(s, 2.5))
	}
}

// weight falls from 1 in the first column to a third in the 28th.
func weight(j int) float64 { return 1 / math.Sqrt(1+0.3*float64(j)) }

// sign is 1 or -1, without a pattern.
func sign(j int) float64 {
	if scatter(uint64(j), 0)&1 == 0 {
		return 1
	}
	return -1
}

// scatter mixes two numbers (the finalizer of SplitMix64).
func scatter(a, b uint64) uint64 {
	v := a*0x9e3779b97f4a7c15 + b*0xd1b54a32d192ed03 + 1
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// effect is a fixed number between -1 and 1 for a category or a class.
func effect(a, b int) float64 {
	return float64(scatter(uint64(a)+1, uint64(b)+1)>>11)/(1<<52) - 1
}

// logit adds up what the columns contribute.
func logit(s []float64) float64 {
	n := len(s)
	sum := 0.0
	for j := range n {
		w := weight(j)
		sum += sign(j) * w * shape(j, s[j])
		sum += 0.5 * sign(j+n) * w * max(-3, min(s[j]*s[(j+5)%n], 3))
		if s[j] > 0.3 && s[(j+3)%n] < 0 {
			sum += 0.8 * sign(j+2*n) * w
		}
	}
	return sum
}

func (m *maker) numbers(row []float32) {
	for j, z := range m.z {
		x, seen := marginal(j, z)
		row[j], m.s[j] = float32(x), seen
	}
}

func (m *maker) hard(row []float32) float32 {
	m.numbers(row)
	if len(m.scores) == 2 {
		return m.draw(hardScale * logit(m.s[:min(len(m.s), usualColumns)]))
	}
	best := 0
	for k := range m.scores {
		sum := 0.0
		for j := range min(len(m.s), usualColumns) {
			sum += effect(j, k) * (shape(j+k, m.s[j]) + 0.3*m.s[j]*m.s[(j+5)%len(m.s)])
		}
		// A draw from the softmax of the scores (Gumbel).
		m.scores[k] = manyScale*sum - math.Log(m.random.ExpFloat64())
		if m.scores[k] > m.scores[best] {
			best = k
		}
	}
	return float32(best)
}

func (m *maker) easy(row []float32) float32 {
	for j, z := range m.z {
		m.s[j] = z
		if j%3 == 2 {
			m.s[j] = math.Round(8*z) / 8
		}
		row[j] = float32(m.s[j])
	}
	s := m.s
	sum := 2.5*s[0] + 2*math.Tanh(2*s[1]) - 1.8*s[2] + 1.5*math.Abs(s[3])
	if s[4] > 0 {
		sum += 2 * s[5]
	}
	return m.draw(1.3 * (sum - 1.2))
}

// category turns a latent value into one of n categories, frequent ones first:
// a share of (k/n)^(1/3) of the rows are in the first k.
func category(z float64, n int) int {
	u := 0.5 * math.Erfc(z/math.Sqrt2)
	return min(int(u*u*u*float64(n)), n-1)
}

func (m *maker) mixed(row []float32) float32 {
	m.numbers(row)
	sum := logit(m.s)
	for j, n := range m.categories {
		if n == 0 {
			continue
		}
		code := category(m.z[j], n)
		row[j] = float32(code)
		sum += 0.8*effect(j, code) + 0.8*effect(j+m.table.Columns, code)*m.s[j-1]
	}
	y := m.draw(mixScale * sum)
	nan := float32(math.NaN())
	for j, n := range m.categories {
		missing := m.random.Float64() < MissingShare
		if n == 0 && j%5 == 0 {
			missing = m.z[j] > 0 && m.random.Float64() < 2*MissingShare
		}
		if missing {
			row[j] = nan
		}
	}
	return y
}

func (m *maker) oneHot(row []float32) float32 {
	clear(row)
	sum := 0.0
	for first := 0; first < len(row); first += groupSize {
		size := min(groupSize, len(row)-first)
		code := category(m.z[first], size)
		row[first+code] = 1
		sum += effect(first, code) / math.Sqrt(1+float64(first/groupSize))
	}
	return m.draw(hotScale * 2 * sum)
}
