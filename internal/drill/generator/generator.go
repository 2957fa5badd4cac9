package generator

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Kind is how the columns of a table are distributed and what its target
// depends on.
type Kind string

// The kinds. In all of them a row has latent normal values z_j, of which four
// common factors make those of columns of equal j mod 4 correlate at 0.26.
const (
	// Hard spreads the signal over 28 columns: a slowly falling weight for each,
	// on a line, a step, a wave or a bowl; a product with the fifth column
	// after it; and a box with the third after it. Marginals are normal,
	// log-normal, hyperbolic sine, uniform angle, exponential, small counts and
	// chi-square in turn, hence skewed and heavy-tailed. Columns beyond 28 are
	// noise of the same kinds. With more than two classes each class has its own
	// weights.
	Hard Kind = "hard"
	// Easy has six strong columns, most of them added up, and for the rest
	// noise; every third column is rounded and so has few values.
	Easy Kind = "easy"
	// Mixed is Hard with a category of ten sizes, from 2 to 1,000, in every
	// fifth column and a tenth of the values missing: at random, but in every
	// fifth column of numbers only from the upper half.
	Mixed Kind = "mixed"
	// OneHot has a group of twenty columns for each latent category, of which
	// one is 1 and the others are 0.
	OneHot Kind = "one-hot"
)

const (
	usualColumns = 28
	mixedColumns = 50
	blockRows    = 1024 // made from one seed
	factors      = 4
	factorWeight = 0.6
	groupSize    = 20 // columns of a group of OneHot
	// MissingShare is the share of values that Mixed leaves out.
	MissingShare = 0.1
)

// categories are the numbers of categories of the columns 4, 9, 14 … of Mixed.
func categories() []int { return []int{2, 3, 6, 12, 25, 50, 100, 150, 250, 1000} }

// Table says which table is made. Rows do not depend on their number: a table
// of fewer rows is the beginning of one of more.
type Table struct {
	Kind    Kind
	Rows    int
	Columns int // 0: 28, of Mixed 50
	Classes int // 0: 2; more only of Hard
	Seed    uint64
	Held    bool // other rows of the same distribution, to measure a model on
}

func (t Table) withDefaults() Table {
	if t.Columns == 0 {
		t.Columns = usualColumns
		if t.Kind == Mixed {
			t.Columns = mixedColumns
		}
	}
	if t.Classes == 0 {
		t.Classes = 2
	}
	return t
}

func (t Table) check() error {
	switch {
	case t.Kind != Hard && t.Kind != Easy && t.Kind != Mixed && t.Kind != OneHot:
		return fmt.Errorf("there is no kind of table %q", t.Kind)
	case t.Rows < 1:
		return fmt.Errorf("a table has at least one row, not %d", t.Rows)
	case t.Columns < factors+strong:
		return fmt.Errorf("a table has at least %d columns, not %d", factors+strong, t.Columns)
	case t.Classes < 2 || t.Classes > 2 && t.Kind != Hard:
		return fmt.Errorf("a table of the kind %s cannot have %d classes", t.Kind, t.Classes)
	}
	return nil
}

// Categories returns for each column the number of its categories, whose codes
// are its values, or 0 for a column of numbers.
func (t Table) Categories() []int {
	t = t.withDefaults()
	all := make([]int, t.Columns)
	if t.Kind == Mixed {
		for i, n := range categories() {
			if at := 5*i + 4; at < len(all) {
				all[at] = n
			}
		}
	}
	return all
}

// maker makes the rows of a table.
type maker struct {
	table      Table
	categories []int
	z          []float64 // latent values of a row
	s          []float64 // what the target sees of them
	scores     []float64 // of each class
	random     *rand.Rand
}

func newMaker(t Table) *maker {
	return &maker{
		table: t, categories: t.Categories(), z: make([]float64, t.Columns), s: make([]float64, t.Columns),
		scores: make([]float64, t.Classes),
	}
}

// block makes the rows of a block: x has a row after another, y the class of
// each row.
func (m *maker) block(number int, x, y []float32) {
	stream := uint64(number) << 1
	if m.table.Held {
		stream |= 1
	}
	m.random = rand.New(rand.NewPCG(m.table.Seed, stream))
	for r := range y {
		m.latent()
		row := x[r*m.table.Columns:][:m.table.Columns]
		switch m.table.Kind {
		case Easy:
			y[r] = m.easy(row)
		case OneHot:
			y[r] = m.oneHot(row)
		case Mixed:
			y[r] = m.mixed(row)
		default:
			y[r] = m.hard(row)
		}
	}
}

func (m *maker) latent() {
	var common [factors]float64
	for i := range common {
		common[i] = m.random.NormFloat64()
	}
	norm := 1 / math.Sqrt(1+factorWeight*factorWeight)
	for j := range m.z {
		m.z[j] = (m.random.NormFloat64() + factorWeight*common[j%factors]) * norm
	}
}

// draw returns 1 with the probability of a logit, else 0.
func (m *maker) draw(logit float64) float32 {
	if m.random.Float64() < 1/(1+math.Exp(-logit)) {
		return 1
	}
	return 0
}
