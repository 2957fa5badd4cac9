package preprocess

import (
	"cmp"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

func neighbourEntry() entry {
	return entry{
		Operation: Operation{
			Name: "impute_neighbours", Group: "missing values", Runs: InMemory, Rows: Keeps, Prediction: Applied,
			Summary: "Fills missing numbers with the mean of the nearest rows that have one (KNN). Rows are compared by all of the columns that both have, each scaled to deviation 1. The rows to compare with are held.",
			Parameters: []Parameter{
				{Name: "columns", Type: ColumnNames, Required: true, Doc: "Columns of numbers to fill, which are compared, too"},
				{Name: "features", Type: ColumnNames, Doc: "More columns of numbers to compare by"},
				{Name: "neighbours", Type: Whole, Default: 5, Min: new(float64(1)), Max: new(float64(1000)), Doc: "How many rows are taken"},
				{Name: "max_rows", Type: Whole, Default: 5000, Min: new(float64(1)), Max: new(float64(10_000_000)), Doc: "How many rows, drawn at random, are compared with at most"},
			},
			Example: Example{Parameters: map[string]any{"columns": []string{"income"}, "features": []string{"age"}, "neighbours": 2}, Before: people()},
		},
		kind: kindImputeNeighbours, says: "Fills missing values of {columns} with the mean of the {neighbours} nearest rows[features: , compared by {features}, too].", bind: bindImputeNeighbours,
	}
}

func bindImputeNeighbours(b *binding) plan {
	fields := b.columns("columns", isQuantity, "numbers")
	compared := slices.Clone(fields)
	for _, name := range b.args.texts("features") {
		f := b.field("features", name, isQuantity, "numbers")
		if slices.ContainsFunc(fields, func(g Field) bool { return g.Name == name }) {
			b.failColumn("repeated_value", "features", name, "column %q is one of those to fill, and compared by as it is", name)
		}
		compared = append(compared, f)
	}
	most := b.args.whole("max_rows")
	perRow := int64(8*len(compared) + 16)
	if held := int64(most) * perRow; !b.back && held > b.env.budget() && (b.env.Rows <= 0 || b.env.Rows*perRow > b.env.budget()) {
		if b.env.Rows > 0 {
			held = min(held, b.env.Rows*perRow)
		}
		b.fail(tooLarge(b.op.Name, held, b.env.budget()))
	}
	k := b.args.whole("neighbours")
	p := plan{out: b.schema, reads: namesOf(compared), writes: namesOf(fields)}
	for _, f := range fields {
		p.out = p.out.with(Field{Name: f.Name, Type: frame.Float, Nullable: true})
	}
	p.learn = func() learner {
		return &neighbourLearner{compared: compared, most: most, stats: make([]numberStats, len(compared))}
	}
	p.act = func(learned []byte) (action, error) {
		n, err := decodeNeighbours(learned, compared, len(fields), k)
		if err != nil {
			return action{}, err
		}
		return action{frame: n.fill}, nil
	}
	return p
}

// neighbourLearner keeps the rows whose numbers, mixed, are the smallest: as
// good as drawn, and the same however the table is cut into chunks.
type neighbourLearner struct {
	compared []Field
	most     int
	stats    []numberStats
	rows     []drawnRow
}

type drawnRow struct {
	rank   uint64
	values []float64
}

var _ learner = (*neighbourLearner)(nil)

func (l *neighbourLearner) observe(x *frame.Frame, first int64) error {
	columns := make([][]float64, len(l.compared))
	for k, f := range l.compared {
		c, err := present(x, f)
		if err != nil {
			return err
		}
		if err := l.stats[k].observe(c, false); err != nil {
			return err
		}
		columns[k] = floatsOf(c)
	}
	for i := range x.Rows() {
		row := drawnRow{rank: mix(0x2545f4914f6cdd1d, uint64(first)+uint64(i)), values: make([]float64, len(columns))}
		for k := range columns {
			row.values[k] = columns[k][i]
		}
		l.rows = append(l.rows, row)
		if len(l.rows) >= 2*l.most+1024 {
			l.cut()
		}
	}
	return nil
}

func (l *neighbourLearner) cut() {
	slices.SortFunc(l.rows, func(a, b drawnRow) int { return cmp.Compare(a.rank, b.rank) })
	l.rows = l.rows[:min(len(l.rows), l.most)]
}

func (l *neighbourLearner) learned() ([]byte, error) {
	l.cut()
	var b []byte
	for k := range l.stats {
		mean, deviation := l.stats[k].moments()
		if deviation == 0 {
			deviation = 1
		}
		b = wire.AppendFloats(b, mean, deviation)
	}
	b = appendCount(b, len(l.rows))
	for _, row := range l.rows {
		for _, v := range row.values {
			b = wire.AppendBool(b, math.IsNaN(v))
			if !math.IsNaN(v) {
				b = wire.AppendFloats(b, v)
			}
		}
	}
	return b, nil
}

// neighbours fills missing numbers by rows that are alike.
type neighbours struct {
	compared []Field
	filled   int // how many of those, from the first on
	k        int
	mean     []float64
	unit     []float64
	rows     [][]float64
	scaled   [][]float64 // rows in units
}

func decodeNeighbours(learned []byte, compared []Field, filled, k int) (*neighbours, error) {
	n := &neighbours{compared: compared, filled: filled, k: k}
	r := wire.NewReader(learned)
	for _, f := range compared {
		mean, unit := r.Float(), r.Float()
		if unit <= 0 {
			r.Fail("the unit of column %q is %v", f.Name, unit)
		}
		n.mean, n.unit = append(n.mean, mean), append(n.unit, unit)
	}
	for range r.Count(len(compared)) {
		row := make([]float64, len(compared))
		for i := range row {
			if row[i] = math.NaN(); !r.Bool() {
				row[i] = r.Float()
			}
		}
		if r.Err() != nil {
			break
		}
		scaled := make([]float64, len(row))
		for i, v := range row {
			scaled[i] = v / n.unit[i]
		}
		n.rows, n.scaled = append(n.rows, row), append(n.scaled, scaled)
	}
	return n, r.Close()
}

func (n *neighbours) fill(x *frame.Frame) (*frame.Frame, error) {
	columns := make([][]float64, len(n.compared))
	for k, f := range n.compared {
		c, err := present(x, f)
		if err != nil {
			return nil, err
		}
		if err := checkFinite(c); err != nil {
			return nil, err
		}
		columns[k] = slices.Clone(floatsOf(c))
	}
	row, found := make([]float64, len(columns)), make([][]near, n.filled)
	for i := range x.Rows() {
		gap := false
		for k := range columns {
			row[k] = columns[k][i]
			gap = gap || k < n.filled && math.IsNaN(row[k])
		}
		if !gap {
			continue
		}
		n.nearest(row, found)
		for k := range n.filled {
			if math.IsNaN(row[k]) {
				columns[k][i] = n.value(found[k], k)
			}
		}
	}
	made := make([]frame.Column, n.filled)
	for k := range made {
		made[k] = frame.NewFloat(n.compared[k].Name, columns[k])
	}
	return put(x, made...)
}

// nearest finds, for each column of the row that is to be filled and is missing,
// the k nearest rows that have it, the nearest first. The distance is the mean
// square of the differences in the columns that both rows have.
func (n *neighbours) nearest(row []float64, found [][]near) {
	scaled := make([]float64, len(row))
	for k, v := range row {
		scaled[k] = v / n.unit[k]
	}
	for k := range found {
		found[k] = found[k][:0]
	}
	for at, other := range n.scaled {
		sum, shared := 0.0, 0
		for k, v := range scaled {
			d := v - other[k]
			if math.IsNaN(d) {
				continue
			}
			sum += d * d
			shared++
		}
		if shared == 0 {
			continue
		}
		candidate := near{sum / float64(shared), at}
		for k := range found {
			if math.IsNaN(row[k]) && !math.IsNaN(other[k]) {
				found[k] = n.insert(found[k], candidate)
			}
		}
	}
}

type near struct {
	distance float64
	row      int
}

// insert puts the candidate, whose row comes after those that are there, in its
// place among the k nearest.
func (n *neighbours) insert(best []near, candidate near) []near {
	if len(best) == n.k {
		if candidate.distance >= best[n.k-1].distance {
			return best
		}
		best = best[:n.k-1]
	}
	best = append(best, candidate)
	for i := len(best) - 1; i > 0 && best[i-1].distance > candidate.distance; i-- {
		best[i-1], best[i] = best[i], best[i-1]
	}
	return best
}

// value is the mean of column k in the rows; of none that of the column.
func (n *neighbours) value(by []near, k int) float64 {
	if len(by) == 0 {
		return n.mean[k]
	}
	mean := 0.0
	for i, at := range by {
		mean += (n.rows[at.row][k] - mean) / float64(i+1)
	}
	return mean
}
