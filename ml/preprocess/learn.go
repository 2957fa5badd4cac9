package preprocess

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// numberStats is what is seen of a column of numbers.
type numberStats struct {
	count    float64
	mean, m2 float64 // of the values divided by 2^scale
	lo, hi   float64
	values   quantiles
}

// observe adds the values of a chunk; first is the number of its first row.
func (s *numberStats) observe(c frame.Column, ranks bool) error {
	if err := checkFinite(c); err != nil {
		return err
	}
	for _, v := range floatsOf(c) {
		if math.IsNaN(v) {
			continue
		}
		if s.count == 0 {
			s.lo, s.hi = v, v
		}
		s.lo, s.hi = min(s.lo, v), max(s.hi, v)
		s.count++
		// An eighth of the value, so that differences of the largest are numbers.
		d := v/8 - s.mean
		s.mean += d / s.count
		s.m2 += d * (v/8 - s.mean)
		if ranks {
			s.values.add(v)
		}
	}
	return nil
}

// moments returns the mean and the standard deviation by the number of values.
func (s *numberStats) moments() (mean, deviation float64) {
	if s.count == 0 {
		return 0, 0
	}
	if s.lo == s.hi {
		return s.lo, 0
	}
	mean = max(s.lo, min(s.mean*8, s.hi))
	return mean, finite(min(math.Sqrt(s.m2/s.count)*8, s.hi/2-s.lo/2)) // no deviation is more than half the range
}

// exactly is how many values of a column are kept one by one.
const exactly = 1 << 18

// quantiles finds quantiles of a stream of numbers: exactly as long as there
// are not many, and from then on within one part in 8,192 of the value. It does
// not depend on the order of the values.
type quantiles struct {
	values []float64
	counts map[int32]uint64
	total  uint64
}

// cell is the part of the line that a number lies in: its sign, its exponent
// and the first 12 bits of its fraction, in the order of the numbers.
func cell(v float64) int32 {
	b := math.Float64bits(v + 0) // no negative zero
	if b>>63 != 0 {
		return -int32(b << 1 >> 41)
	}
	return int32(b >> 40)
}

// middle is the number in the middle of a cell.
func middle(k int32) float64 {
	if k < 0 {
		return -middle(-k)
	}
	if k == 0 {
		return 0
	}
	return min(math.Float64frombits(uint64(k)<<40|1<<39), math.MaxFloat64)
}

func (q *quantiles) add(v float64) {
	q.total++
	if q.counts != nil {
		q.counts[cell(v)]++
		return
	}
	q.values = append(q.values, v)
	if len(q.values) <= exactly {
		return
	}
	q.counts = make(map[int32]uint64)
	for _, v := range q.values {
		q.counts[cell(v)]++
	}
	q.values = nil
}

// at returns quantiles, each linear between two values as quantile is; there is
// at least one value.
func (q *quantiles) at(shares ...float64) []float64 {
	out := make([]float64, len(shares))
	if q.counts == nil {
		sorted := slices.Sorted(slices.Values(q.values))
		for i, share := range shares {
			out[i] = quantile(sorted, share)
		}
		return out
	}
	cells := make([]int32, 0, len(q.counts))
	for k := range q.counts {
		cells = append(cells, k)
	}
	slices.Sort(cells)
	for i, share := range shares {
		rank, sum := uint64(share*float64(q.total-1)), uint64(0)
		for _, k := range cells {
			if sum += q.counts[k]; sum > rank {
				out[i] = middle(k)
				break
			}
		}
	}
	return out
}

// numberLearner learns from columns of numbers and writes two numbers of each.
type numberLearner struct {
	fields []Field
	stats  []numberStats
	ranks  bool
	of     func(s *numberStats) (a, b float64)
}

var _ learner = (*numberLearner)(nil)

func learnNumbers(fields []Field, ranks bool, of func(s *numberStats) (a, b float64)) func() learner {
	return func() learner {
		return &numberLearner{fields: fields, stats: make([]numberStats, len(fields)), ranks: ranks, of: of}
	}
}

func (l *numberLearner) observe(x *frame.Frame, _ int64) error {
	for i, f := range l.fields {
		c, err := present(x, f)
		if err != nil {
			return err
		}
		if err := l.stats[i].observe(c, l.ranks); err != nil {
			return err
		}
	}
	return nil
}

func (l *numberLearner) learned() ([]byte, error) {
	var b []byte
	for i := range l.stats {
		lo, hi := l.of(&l.stats[i])
		b = wire.AppendFloats(b, lo, hi)
	}
	return b, nil
}

// pairs reads what a numberLearner wrote.
func pairs(learned []byte, fields []Field) ([][2]float64, error) {
	r := wire.NewReader(learned)
	values := r.Floats(2 * len(fields))
	if err := r.Close(); err != nil {
		return nil, err
	}
	out := make([][2]float64, len(fields))
	for i := range out {
		out[i] = [2]float64{values[2*i], values[2*i+1]}
	}
	return out, nil
}

// maxDistinct is how many different values of a column a step counts.
const maxDistinct = 1 << 20

// counter counts the rows of every text of a column, and the missing ones.
type counter struct {
	column string
	rows   map[string]*int
	nulls  int
}

func newCounters(fields []Field) []counter {
	all := make([]counter, len(fields))
	for i, f := range fields {
		all[i] = counter{column: f.Name, rows: map[string]*int{}}
	}
	return all
}

func (k *counter) observe(c frame.Column) error {
	of := make([]int, len(c.Dict()))
	for _, code := range c.Codes() {
		if code >= 0 {
			of[code]++
		} else {
			k.nulls++
		}
	}
	for code, s := range c.Dict() {
		if of[code] == 0 {
			continue
		}
		n, ok := k.rows[s]
		if !ok {
			n = new(int)
			k.rows[strings.Clone(s)] = n // s would keep the texts of its chunk in memory
		}
		*n += of[code]
	}
	if len(k.rows) > maxDistinct {
		return tooManyValues(k.column)
	}
	return nil
}

func tooManyValues(column string) error {
	return &ml.InputError{Code: "too_many_values", Column: column, Row: -1, Message: fmt.Sprintf("column %q has more than %d different values, and each has to be counted; choose another column or another way", column, maxDistinct)}
}

// sorted returns the texts in order.
func (k *counter) sorted() []string {
	texts := make([]string, 0, len(k.rows))
	for s := range k.rows {
		texts = append(texts, s)
	}
	slices.Sort(texts)
	return texts
}

// mode returns the most frequent text, the first in order among equals.
func (k *counter) mode() string {
	best, most := "", 0
	for _, s := range k.sorted() {
		if *k.rows[s] > most {
			best, most = s, *k.rows[s]
		}
	}
	return best
}

func (k *counter) vocabulary(p CategoryParams) vocabulary {
	all := make([]category, 0, len(k.rows))
	for s, n := range k.rows {
		all = append(all, category{s, *n})
	}
	return chooseCategories(k.column, all, p)
}

func (k *counter) shares() shares {
	s := shares{column: k.column}
	total := 0
	for _, n := range k.rows {
		total += *n
	}
	for _, text := range k.sorted() {
		s.categories = append(s.categories, text)
		s.share = append(s.share, float64(*k.rows[text])/float64(total))
	}
	return s
}

// countLearner counts texts, and makes an existing step of the counts.
type countLearner struct {
	fields   []Field
	counters []counter
	make     func(all []counter) Step
}

var _ learner = (*countLearner)(nil)

func learnTexts(fields []Field, of func(all []counter) Step) func() learner {
	return func() learner { return &countLearner{fields: fields, counters: newCounters(fields), make: of} }
}

func (l *countLearner) observe(x *frame.Frame, _ int64) error {
	for i, f := range l.fields {
		c, err := present(x, f)
		if err != nil {
			return err
		}
		if err := l.counters[i].observe(c); err != nil {
			return err
		}
	}
	return nil
}

func (l *countLearner) learned() ([]byte, error) { return l.make(l.counters).append(nil), nil }

// numberCounter counts the rows of every number.
type numberCounter map[float64]int

func (k numberCounter) mode() float64 {
	best, most := 0.0, 0
	for v, n := range k {
		if n > most || n == most && cmp.Less(v, best) {
			best, most = v, n
		}
	}
	return best
}
