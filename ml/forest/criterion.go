package forest

import "math"

// Criterion is the impurity that splits lower.
type Criterion string

// The criteria.
const (
	Gini         Criterion = "gini"          // classification: how often two rows of a node differ
	Entropy      Criterion = "entropy"       // classification: the information that the class of a row gives
	SquaredError Criterion = "squared_error" // regression: the variance
)

// logTable is the number of whole numbers whose logarithm is looked up.
const logTable = 1 << 12

// logs is x log x for the first whole numbers.
type logs []float64

func newLogs() logs {
	l := make(logs, logTable)
	for i := 1; i < len(l); i++ {
		l[i] = float64(i) * math.Log(float64(i))
	}
	return l
}

// of returns x log x, of 0 it is 0.
func (l logs) of(x int64) float64 {
	if x < int64(len(l)) {
		return l[x]
	}
	return float64(x) * math.Log(float64(x))
}

// entropy is the weight times the entropy of two classes, of which all weigh so
// much and the second so much.
func (l logs) entropy(all, second int64) float64 {
	return l.of(all) - l.of(second) - l.of(all-second)
}

// score returns the score of a split with these sums on the left.
func (g *grower) score(left, all uint64) float64 {
	if g.logs == nil {
		return scoreOf(left, all)
	}
	t, w := unpack(all)
	a, x := unpack(left)
	return max(0, g.logs.entropy(w, t)-g.logs.entropy(x, a)-g.logs.entropy(w-x, t-a))
}

// scanEntropy is scanSums for entropy.
func (g *grower) scanEntropy(cells []cell, nd *node, there *cell) uint64 {
	left, rows := uint64(0), int32(0)
	if there != nil {
		left, rows = there.sums, there.rows
	}
	best := uint64(0)
	for i := range len(cells) - 1 {
		left += cells[i].sums
		if rows += cells[i].rows; min(rows, nd.n-rows) >= g.least {
			best = max(best, rank(g.score(left, nd.sums), i))
		}
	}
	return best
}

// entropy is the weight times the entropy that the split of a tally saves.
func (t *tally) entropy() float64 {
	x, y := int64(t.leftWeight), int64(t.weight-t.leftWeight)
	saved := t.logs.of(x+y) - t.logs.of(x) - t.logs.of(y)
	for _, k := range t.seen {
		all, left := int64(t.all[k]), int64(t.left[k])
		saved += t.logs.of(left) + t.logs.of(all-left) - t.logs.of(all)
	}
	return max(0, saved)
}
