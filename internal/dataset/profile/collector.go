package profile

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

const (
	exactValues   = 4096    // distinct values that a column is described exactly with
	exactTotal    = 1 << 17 // of all columns together
	minExact      = 64
	quantileError = 0.01 // of a fine cut
	topValues     = 10
	maxText       = 200 // bytes of a text that are kept
	manyColumns   = 500 // more get smaller sketches
)

// Options say what is known of the table beside its schema. The zero value is
// that of a table about which nobody has said anything.
type Options struct {
	Roles map[string]tabular.Role     // by column
	Types map[string]tabular.Semantic // that people have chosen, by column
	Now   time.Time                   // what the newest value is compared with; zero: the time is not judged
	PII   map[string]pii.Kind         // columns that people have said to be personal, and of which kind; empty: that they are not
}

// Collector gathers the profile of a table. It is not safe for concurrent use.
type Collector struct {
	options  Options
	rows     int64
	before   int64 // rows of the table before those of this collector
	columns  []*column
	parts    []frame.Column // of the chunk in work
	hashes   []uint64       // of its rows
	hashed   []uint64       // of the texts of a column
	rowSet   rowSet
	patterns patterns
	pairs    *pairs
	tables   *tables
	aim      *aim // nil without a target that can be compared
}

// column gathers one column.
type column struct {
	field   tabular.Field
	missing int64
	count   int64
	values  moment
	hist    bins
	counts  *counter

	// Beyond exact counting:
	precision uint8
	cut       cut // of the bins of the sketch
	distinct  *distinct
	sketch    *ddsketch.DDSketch // of the distances from base
	base      float64

	ids *rowSet // of a column that is to name the rows: its values, told apart as rows are

	evidence tabular.Evidence // of texts
	private  *pii.Column
	sights   []sight          // of texts, by their hash
	unseen   int              // texts that were not among them since they are so many
	timed    bool             // an instant is not midnight
	refused  int64            // values that are missing since they disagree
	refusals []tabular.Sample // the first of them

	minInt, maxInt         int64 // of whole numbers, which a float may round
	minLen, maxLen, sumLen int64
	scratch                []float64 // the numbers of a chunk
	pending                []uint64  // keys of numbers that are not counted yet
	tallies                []int64
	err                    error
}

// New returns a collector of the columns.
func New(schema tabular.Schema, o Options) *Collector {
	c, shared := &Collector{options: o}, new(spare)
	for _, f := range schema {
		precision, parts := uint8(14), fine
		if len(schema) > manyColumns {
			precision, parts = 10, coarse
		}
		col := &column{
			field:     f,
			precision: precision,
			cut:       parts,
			private:   pii.NewColumn(f.Name),
			counts:    newCounter(max(minExact, min(exactValues, exactTotal/len(schema))), f.Type == tabular.String, shared),
		}
		col.counts.spilled = col.spill
		if o.Roles[f.Name] == tabular.RoleID {
			col.ids = new(rowSet)
		}
		c.columns = append(c.columns, col)
	}
	c.compare()
	return c
}

// compare prepares what is found out about columns together: the target first,
// so that it is among those that are compared.
func (c *Collector) compare() {
	var numbers, texts []int
	target := -1
	for k, col := range c.columns {
		if c.options.Roles[col.field.Name] == tabular.RoleTarget {
			target = k
		}
	}
	put := func(list []int, k int) []int {
		if k == target {
			return append([]int{k}, list...)
		}
		return append(list, k)
	}
	for k, col := range c.columns {
		switch col.field.Type {
		case tabular.Integer, tabular.Float:
			numbers = put(numbers, k)
		case tabular.Boolean:
			if k != target { // a target of two classes
				numbers = put(numbers, k)
			}
			texts = put(texts, k)
		case tabular.String:
			texts = put(texts, k)
		default:
		}
	}
	var few []*levels
	for _, k := range texts {
		few = append(few, newLevels(k, c.columns[k].field.Type == tabular.Boolean))
	}
	c.pairs, c.tables = newPairs(numbers), newTables(few)
	if target < 0 || c.columns[target].field.Type == tabular.Datetime {
		return
	}
	class := c.columns[target].field.Type == tabular.String || c.columns[target].field.Type == tabular.Boolean
	c.aim = newAim(target, class, c.pairs, c.tables)
}

// Refuse notes values that are missing in the frames since they disagree with
// the type that was chosen for their column.
func (c *Collector) Refuse(bad []tabular.BadRow) {
	for _, b := range bad {
		for _, col := range c.columns {
			if col.field.Name != b.Column {
				continue
			}
			col.refused++
			if len(col.refusals) < maxRefusals {
				col.refusals = append(col.refusals, tabular.Sample{Row: b.Row, Value: b.Reason})
			}
		}
	}
}

const maxRefusals = 5

// Carry takes over what an earlier profile of the same table knows of values that
// were refused and are not in the table.
func (c *Collector) Carry(p *Profile) {
	for _, col := range c.columns {
		before := p.Column(col.field.Name)
		if before == nil || col.field.Type == tabular.String || before.Storage != col.field.Type {
			continue
		}
		col.refused += before.Disagree
		col.refusals = append(col.refusals, before.Disagreeing...)
	}
}

// Add takes a chunk into account, which has the columns of the schema.
func (c *Collector) Add(f *frame.Frame) error {
	rows := f.Rows()
	c.parts = c.parts[:0]
	c.hashes = append(c.hashes[:0], make([]uint64, rows)...)
	for _, col := range c.columns {
		part, ok := f.Column(col.field.Name)
		if !ok || part.Type() != col.field.Type.Type() {
			return fmt.Errorf("profile: the frame has no %s column %q", col.field.Type, col.field.Name)
		}
		c.parts = append(c.parts, part)
		if part.Type() == frame.String {
			c.hashed = col.addText(part, c.before+c.rows, c.hashed[:0])
		} else {
			col.addNumbers(part)
		}
		if col.err != nil {
			return fmt.Errorf("profile column %q: %w", col.field.Name, col.err)
		}
		c.hashRows(part)
	}
	for _, h := range c.hashes {
		c.rowSet.add(mix(h))
	}
	c.patterns.add(c.parts, rows)
	c.pairs.add(c.parts, rows)
	c.tables.add(c.parts)
	if c.aim != nil {
		c.aim.add(c.parts, rows)
	}
	c.rows += int64(rows)
	return nil
}

// hashRows takes a column into the hashes of the rows.
func (c *Collector) hashRows(part frame.Column) {
	const missing, odd = 0x2545f4914f6cdd1d, 0xff51afd7ed558ccd
	switch part.Type() {
	case frame.String:
		for i, k := range part.Codes() {
			h := uint64(missing)
			if k >= 0 {
				h = c.hashed[k]
			}
			c.hashes[i] = (c.hashes[i]<<5 | c.hashes[i]>>59) ^ h*odd
			c.hashes[i] *= seed
		}
	case frame.Float:
		for i, v := range part.Floats() {
			h := uint64(missing)
			if v == v { // not NaN
				h = key(v)
			}
			c.hashes[i] = (c.hashes[i]<<5 | c.hashes[i]>>59) ^ h*odd
			c.hashes[i] *= seed
		}
	default:
		for i, v := range part.Ints() {
			h := uint64(v)
			if part.Null(i) {
				h = missing
			}
			c.hashes[i] = (c.hashes[i]<<5 | c.hashes[i]>>59) ^ h*odd
			c.hashes[i] *= seed
		}
	}
}

// key returns the bits that stand for a number; -0 is 0.
func key(v float64) uint64 { return math.Float64bits(v + 0) }

const dayMicros = 24 * 60 * 60 * 1_000_000

// seed keeps the hash of the distinct counter apart from that of the table.
const seed = 0x9e3779b97f4a7c15

// spill starts the sketches with what was counted exactly so far.
func (c *column) spill(k uint64, n int64) {
	if c.distinct == nil {
		if c.distinct, c.err = newDistinct(c.precision); c.err != nil {
			return
		}
	}
	c.distinct.add(mix(k ^ seed))
	if c.field.Type == tabular.String {
		return
	}
	if c.sketch == nil {
		c.base = c.centre()
		if c.sketch, c.err = newSketch(c.cut); c.err != nil {
			return
		}
	}
	if c.err == nil {
		c.err = c.sketchSome(c.number(k)-c.base, n)
	}
}

// number returns the number that a key stands for.
func (c *column) number(k uint64) float64 {
	if c.field.Type == tabular.Float {
		return math.Float64frombits(k)
	}
	return float64(int64(k))
}

// StartAt says that the chunks that follow begin after so many rows of the table,
// for the rows of samples in collectors of parts.
func (c *Collector) StartAt(rows int64) { c.before = rows }

// Merge adds what o gathered of other rows of the same table. o is not to be
// used any more.
func (c *Collector) Merge(o *Collector) error {
	if len(c.columns) != len(o.columns) {
		return fmt.Errorf("profile: merge %d columns with %d", len(c.columns), len(o.columns))
	}
	if (c.aim == nil) != (o.aim == nil) {
		return errors.New("profile: merge parts with different targets")
	}
	for i, col := range c.columns {
		other := o.columns[i]
		if col.field.Name != other.field.Name || col.field.Type != other.field.Type {
			return fmt.Errorf("profile: merge column %q with column %q", col.field.Name, other.field.Name)
		}
		if err := col.merge(other); err != nil {
			return fmt.Errorf("profile column %q: %w", col.field.Name, err)
		}
	}
	c.rows += o.rows
	c.patterns.merge(&o.patterns)
	if err := c.rowSet.merge(&o.rowSet); err != nil {
		return fmt.Errorf("profile: merge the rows: %w", err)
	}
	c.pairs.merge(o.pairs)
	c.tables.merge(o.tables)
	if c.aim != nil && o.aim != nil {
		c.aim.merge(o.aim)
	}
	return nil
}

func (c *column) merge(o *column) error {
	c.settle()
	o.settle()
	if err := errors.Join(c.err, o.err); err != nil {
		return err
	}
	if o.count > 0 && (c.count == 0 || o.minLen < c.minLen) {
		c.minLen = o.minLen
	}
	switch {
	case c.count == 0:
		c.minInt, c.maxInt = o.minInt, o.maxInt
	case o.count > 0:
		c.minInt, c.maxInt = min(c.minInt, o.minInt), max(c.maxInt, o.maxInt)
	}
	c.maxLen = max(c.maxLen, o.maxLen)
	c.sumLen += o.sumLen
	c.count += o.count
	c.missing += o.missing
	c.values.merge(o.values)
	c.hist.merge(&o.hist)
	if c.ids != nil && o.ids != nil {
		if err := c.ids.merge(o.ids); err != nil {
			return err
		}
	}
	c.evidence.Merge(&o.evidence)
	c.private.Merge(o.private)
	c.timed = c.timed || o.timed
	c.refused += o.refused
	c.refusals = append(c.refusals, o.refusals...)
	slices.SortFunc(c.refusals, func(a, b tabular.Sample) int { return cmp.Compare(a.Row, b.Row) })
	c.refusals = c.refusals[:min(len(c.refusals), maxRefusals)]

	// What the other counted inexactly makes this inexact too: start the
	// sketches, and let the sketches of the other speak for its values.
	if !o.counts.exact() {
		if c.counts.exact() {
			c.counts.each(func(i int) { c.spill(c.counts.slots[i].key, c.counts.slots[i].count) })
		}
		if err := c.mergeSketches(o); err != nil {
			return err
		}
		c.counts.lost += o.counts.lost
	}
	o.counts.each(func(i int) {
		s := o.counts.slots[i]
		switch {
		case c.field.Type == tabular.String && o.counts.exact():
			c.tallyText(s.key, s.count, o.counts.texts[i])
		case o.counts.exact():
			c.tally(s.key, s.count, c.number(s.key))
		default:
			at := c.counts.add(s.key, s.count)
			for at < 0 {
				c.counts.shrink()
				at = c.counts.add(s.key, s.count)
			}
			if c.counts.texts != nil {
				c.counts.texts[at] = o.counts.texts[i]
			}
		}
	})
	return c.err
}

func (c *column) mergeSketches(o *column) error {
	if c.distinct == nil {
		c.distinct = o.distinct.clone()
	} else if err := c.distinct.merge(o.distinct); err != nil {
		return err
	}
	if o.sketch == nil {
		return nil
	}
	if c.sketch == nil {
		c.sketch, c.base = o.sketch.Copy(), o.base
		return nil
	}
	if c.base == o.base {
		return c.sketch.MergeWith(o.sketch)
	}
	var failed error
	o.sketch.ForEach(func(v, n float64) (stop bool) {
		failed = c.sketchSome(v+o.base-c.base, int64(math.Round(n)))
		return failed != nil
	})
	return failed
}

// closeValues is how near to each other the quartiles are, beside the median, of
// a column whose values are taken from its centre.
const closeValues = 0.25

// centre returns what the sketch takes values from: a number near the median of
// what was counted exactly, when the values are close to each other and far from
// zero; else 0. It is a rounded one, so that parts of a table have the same.
func (c *column) centre() float64 {
	found, _, err := c.quantiles(0.25, 0.5, 0.75)
	if err != nil || c.field.Type == tabular.Datetime {
		return 0
	}
	spread, median := asFloat(found[2])-asFloat(found[0]), asFloat(found[1])
	if spread <= 0 || spread > closeValues*math.Abs(median) {
		return 0
	}
	grain := math.Ldexp(1, exponent(spread)+1)
	return math.Round(median/grain) * grain
}
