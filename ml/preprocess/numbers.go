package preprocess

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

func numberColumns() Parameter {
	return Parameter{Name: "columns", Type: ColumnNames, Doc: "Columns of numbers; without it all of those"}
}

func outlierParameters() []Parameter {
	return []Parameter{
		numberColumns(),
		{Name: "method", Type: Choice, Default: "iqr", Choices: []string{"iqr", "zscore", "quantile"}, Doc: "iqr: quartiles and factor times the range between them; zscore: factor standard deviations around the mean; quantile: between two quantiles"},
		{Name: "factor", Type: Number, Min: new(float64(0)), Max: new(float64(100)), Doc: "How far the bounds are; without it 1.5 for iqr and 3 for zscore"},
		{Name: "low", Type: Number, Default: 0.01, Min: new(float64(0)), Max: new(float64(1)), Doc: "The lower quantile"},
		{Name: "high", Type: Number, Default: 0.99, Min: new(float64(0)), Max: new(float64(1)), Doc: "The upper quantile"},
	}
}

func numberEntries() []entry {
	return []entry{
		{
			Operation: Operation{
				Name: "cap_outliers", Group: "numbers", Runs: TwoPass, Rows: Keeps, Prediction: Applied,
				Summary:    "Moves numbers outside of bounds, which are learned from the column, to the bounds. Whole numbers become decimal numbers.",
				Parameters: outlierParameters(),
				Example:    Example{Parameters: map[string]any{"columns": []string{"income"}, "method": "iqr", "factor": 1.5}, Before: people()},
			},
			kind: kindCapOutliers, says: "Moves outliers of {columns}, found by {method}[factor:  with the factor {factor}][low: , from the quantile {low}][high: , up to {high}], to the bounds.", bind: bindCapOutliers,
		},
		{
			Operation: Operation{
				Name: "scale_numbers", Group: "numbers", Runs: TwoPass, Rows: Keeps, Prediction: Applied,
				Summary: "Makes numbers comparable: standard (mean 0, deviation 1), minmax (0 to 1), robust (median and quartiles) or maxabs (largest magnitude 1).",
				Parameters: []Parameter{
					numberColumns(),
					{Name: "method", Type: Choice, Default: string(Standard), Choices: []string{string(Standard), string(MinMax), string(Robust), string(MaxAbs)}, Doc: "The scale"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"age"}, "method": "minmax"}, Before: people()},
			},
			kind: kindScaleNumbers, says: "Scales {columns} by {method}.", bind: bindScaleNumbers,
		},
		{
			Operation: Operation{
				Name: "bin_numbers", Group: "numbers", Runs: TwoPass, Rows: Keeps, Prediction: Applied,
				Summary: "Puts numbers into bins: of one width, with as many rows each (quantile), or between edges that are given. The outer bins are open, so that later values find theirs.",
				Parameters: []Parameter{
					numberColumns(),
					{Name: "method", Type: Choice, Default: "quantile", Choices: []string{"width", "quantile", "edges"}, Doc: "How the edges are found"},
					{Name: "bins", Type: Whole, Default: 5, Min: new(float64(2)), Max: new(float64(1000)), Doc: "How many bins there are, at most"},
					{Name: "edges", Type: Numbers, Doc: "Ascending edges between bins, for the method edges"},
					{Name: "labels", Type: Texts, Doc: "A name for each bin, one more than edges; without it the interval"},
					{Name: "suffix", Type: Text, Default: "", Doc: "Put behind the name of the column for the one that is made; without it the column is replaced"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"age"}, "method": "edges", "edges": []float64{18, 65}, "labels": []string{"young", "adult", "old"}, "suffix": "_group"}, Before: people()},
			},
			kind: kindBinNumbers, says: "Puts {columns} into bins by {method}[bins: , {bins} at most][edges: : {edges}][labels: , named {labels}].", bind: bindBinNumbers,
		},
		{
			Operation: Operation{
				Name: "round_numbers", Group: "numbers", Runs: Streaming, Rows: Keeps, Prediction: Applied,
				Summary: "Rounds numbers to a number of decimal places; halves go away from zero.",
				Parameters: []Parameter{
					numberColumns(),
					{Name: "digits", Type: Whole, Default: 0, Min: new(float64(-12)), Max: new(float64(12)), Doc: "Decimal places; below zero tens, hundreds and so on"},
				},
				Example: Example{Parameters: map[string]any{"columns": []string{"income"}, "digits": -2}, Before: people()},
			},
			kind: kindRoundNumbers, says: "Rounds {columns} to {digits} decimal places.", bind: bindRoundNumbers,
		},
	}
}

// outlierBounds returns what learns the bounds of columns.
func outlierBounds(b *binding, fields []Field) (func() learner, bool) {
	method, low, high := b.args.text("method"), b.args.number("low"), b.args.number("high")
	factor := b.args.number("factor")
	if !b.args.given("factor") {
		factor = map[string]float64{"iqr": 1.5, "zscore": 3}[method]
	}
	if method == "quantile" && low >= high {
		b.fail(invalid("low", fmt.Sprintf("low is %v and high is %v, low should be less", low, high)))
		return nil, false
	}
	return learnNumbers(fields, method != "zscore", func(s *numberStats) (lo, hi float64) {
		if s.count == 0 {
			return -math.MaxFloat64, math.MaxFloat64
		}
		switch method {
		case "zscore":
			mean, deviation := s.moments()
			return finite(mean - factor*deviation), finite(mean + factor*deviation)
		case "quantile":
			q := s.values.at(low, high)
			return q[0], q[1]
		default:
			q := s.values.at(0.25, 0.75)
			d := finite(factor * finite(q[1]-q[0]))
			return finite(q[0] - d), finite(q[1] + d)
		}
	}), true
}

func bindCapOutliers(b *binding) plan {
	fields := b.columns("columns", isQuantity, "numbers")
	learn, ok := outlierBounds(b, fields)
	if !ok {
		return plan{}
	}
	p := b.changes(fields, asType(frame.Float), nil)
	p.learn = learn
	p.act = func(learned []byte) (action, error) {
		limits, err := pairs(learned, fields)
		if err != nil {
			return action{}, err
		}
		return action{frame: func(x *frame.Frame) (*frame.Frame, error) {
			made := make([]frame.Column, len(fields))
			for k, f := range fields {
				c, err := present(x, f)
				if err != nil {
					return nil, err
				}
				made[k] = capped(c, limits[k][0], limits[k][1])
			}
			return put(x, made...)
		}}, nil
	}
	return p
}

func capped(c frame.Column, lo, hi float64) frame.Column {
	values := slices.Clone(floatsOf(c))
	for i, v := range values {
		if v < lo {
			values[i] = lo
		} else if v > hi {
			values[i] = hi
		}
	}
	return frame.NewFloat(c.Name(), values)
}

func bindScaleNumbers(b *binding) plan {
	fields := b.columns("columns", isQuantity, "numbers")
	method := Method(b.args.text("method"))
	p := b.changes(fields, asType(frame.Float), nil)
	p.learn = func() learner {
		return &scaleLearner{numberLearner{fields: fields, stats: make([]numberStats, len(fields)), ranks: method == Robust}, method}
	}
	p.act = func(learned []byte) (action, error) { return decodeLearned(learned, decodeScale) }
	return p
}

// scaleLearner finds centers and units; what is learned is a Scale.
type scaleLearner struct {
	numberLearner
	method Method
}

func (l *scaleLearner) learned() ([]byte, error) {
	s := &Scale{}
	for i, f := range l.fields {
		at := scaling{column: f.Name}
		if seen := &l.stats[i]; seen.count > 0 {
			at.center, at.unit = seen.scale(l.method)
		}
		s.columns = append(s.columns, at)
	}
	return s.append(nil), nil
}

func (s *numberStats) scale(m Method) (center, unit float64) {
	switch m {
	case MinMax:
		return s.lo, min(s.hi-s.lo, math.MaxFloat64)
	case MaxAbs:
		return 0, max(s.hi, -s.lo)
	case Robust:
		if s.lo == s.hi {
			return s.lo, 0
		}
		q := s.values.at(0.5, 0.25, 0.75)
		unit = min(q[2]-q[1], math.MaxFloat64)
		if unit <= 0 {
			unit = 1
		}
		return q[0], unit
	default:
		center, unit = s.moments()
		if unit <= 1e-14*math.Abs(center) {
			unit = 0
		}
		return center, unit
	}
}

func bindBinNumbers(b *binding) plan {
	fields := b.columns("columns", isQuantity, "numbers")
	method, bins, edges, labels, suffix := b.args.text("method"), b.args.whole("bins"), b.args.numbers("edges"), b.args.texts("labels"), b.args.text("suffix")
	b.checkBins(method, edges, labels)
	p := plan{out: b.schema, reads: namesOf(fields), from: func(name string) []string { return []string{strings.TrimSuffix(name, suffix)} }}
	for _, f := range fields {
		name := f.Name + suffix
		if suffix != "" {
			b.free("suffix", name)
		}
		p.writes = append(p.writes, name)
		p.out = p.out.with(Field{Name: name, Type: frame.String, Nullable: f.Nullable})
	}
	if method == "edges" {
		p.act = func([]byte) (action, error) {
			return binning(fields, slices.Repeat([][]float64{edges}, len(fields)), labels, suffix), nil
		}
		return p
	}
	p.learn = func() learner {
		return &edgeLearner{numberLearner{fields: fields, stats: make([]numberStats, len(fields)), ranks: method == "quantile"}, bins}
	}
	p.act = func(learned []byte) (action, error) {
		r := wire.NewReader(learned)
		all := make([][]float64, len(fields))
		for i := range all {
			all[i] = r.Floats(r.Count(8))
			if !strictly(all[i]) {
				r.Fail("the edges of column %q do not ascend", fields[i].Name)
			}
		}
		if err := r.Close(); err != nil {
			return action{}, err
		}
		return binning(fields, all, labels, suffix), nil
	}
	return p
}

func (b *binding) checkBins(method string, edges []float64, labels []string) {
	switch {
	case method == "edges" && len(edges) == 0:
		b.fail(invalid("edges", "the method edges needs edges"))
	case method != "edges" && len(edges) > 0:
		b.fail(invalid("edges", "edges go with the method edges only"))
	case !strictly(edges):
		b.fail(invalid("edges", fmt.Sprintf("the edges %v do not ascend", edges)))
	case method != "edges" && len(labels) > 0:
		b.fail(invalid("labels", "labels go with the method edges only, since other bins may be fewer than asked for"))
	case len(labels) > 0 && len(labels) != len(edges)+1:
		b.fail(invalid("labels", fmt.Sprintf("there are %d labels for the %d bins that %d edges make", len(labels), len(edges)+1, len(edges))))
	}
}

func strictly(edges []float64) bool {
	for i := 1; i < len(edges); i++ {
		if edges[i-1] >= edges[i] {
			return false
		}
	}
	return true
}

// edgeLearner finds the edges between bins.
type edgeLearner struct {
	numberLearner
	bins int
}

func (l *edgeLearner) learned() ([]byte, error) {
	var b []byte
	for i := range l.stats {
		s := &l.stats[i]
		var edges []float64
		for k := 1; k < l.bins && s.count > 0; k++ {
			share := float64(k) / float64(l.bins)
			edge := s.lo*(1-share) + s.hi*share
			if l.ranks {
				edge = s.values.at(share)[0]
			}
			if edge > s.lo && (len(edges) == 0 || edge > edges[len(edges)-1]) {
				edges = append(edges, edge)
			}
		}
		b = wire.AppendFloats(appendCount(b, len(edges)), edges...)
	}
	return b, nil
}

// binning is the action of putting columns into bins; the lower edge belongs to
// a bin.
func binning(fields []Field, edges [][]float64, labels []string, suffix string) action {
	names := make([][]string, len(fields))
	for i := range fields {
		names[i] = labels
		if len(labels) == 0 {
			names[i] = intervals(edges[i])
		}
	}
	return action{frame: func(x *frame.Frame) (*frame.Frame, error) {
		made := make([]frame.Column, len(fields))
		for k, f := range fields {
			c, err := present(x, f)
			if err != nil {
				return nil, err
			}
			codes := make([]int32, c.Len())
			for i, v := range floatsOf(c) {
				if math.IsNaN(v) {
					codes[i] = -1
					continue
				}
				at, found := slices.BinarySearch(edges[k], v)
				if found {
					at++
				}
				codes[i] = int32(at)
			}
			made[k] = frame.NewString(f.Name+suffix, codes, names[k])
		}
		return put(x, made...)
	}}
}

func intervals(edges []float64) []string {
	if len(edges) == 0 {
		return []string{"all"}
	}
	text := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	if len(edges) > 1 {
		for i := 1; i < len(edges); i++ {
			if text(edges[i-1]) == text(edges[i]) { // too near to be told apart
				text = func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
				break
			}
		}
	}
	names := []string{"below " + text(edges[0])}
	for i := 1; i < len(edges); i++ {
		names = append(names, text(edges[i-1])+" to "+text(edges[i]))
	}
	return append(names, "from "+text(edges[len(edges)-1]))
}

func bindRoundNumbers(b *binding) plan {
	fields := b.columns("columns", func(t frame.Type) bool { return t == frame.Float || t == frame.Int }, "numbers")
	digits := b.args.whole("digits")
	unit := math.Pow(10, math.Abs(float64(digits)))
	return b.changes(fields, same, func(c frame.Column) (frame.Column, error) {
		if c.Type() == frame.Int {
			if digits >= 0 {
				return c, nil
			}
			values := make([]int64, c.Len())
			for i, v := range c.Ints() {
				values[i] = int64(math.Round(float64(v)/unit) * unit)
			}
			return frame.NewInt(c.Name(), frame.Int, values, nullsOf(c)), nil
		}
		values := make([]float64, c.Len())
		for i, v := range c.Floats() {
			switch scaled := v * unit; {
			case digits < 0:
				values[i] = math.Round(v/unit) * unit
			case math.Abs(scaled) < 1<<52:
				values[i] = math.Round(scaled) / unit
			default:
				values[i] = v // it has no more places than that
			}
		}
		return frame.NewFloat(c.Name(), values), nil
	})
}
