package automl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/split"
)

// Splits are how rows are held out and divided into folds.
const (
	Random  = "random"  // stratified by class
	Grouped = "grouped" // rows of the same group stay together
	Time    = "time"    // what is learned from is earlier than what is tested on
)

// division divides rows as the parameters say. At most one of groups and times
// is there.
type division struct {
	params Params
	column frame.Column // that they are divided by
	groups []int        // of each row
	times  []int64      // of each row
}

// newDivision reads the column that the rows are divided by, for the rows that
// have a target.
func newDivision(p Params, data *frame.Frame, rows []int) (division, error) {
	d := division{params: p}
	var err error
	switch p.Split {
	case Grouped:
		if d.column, err = divider(p.GroupColumn, "group_column", data, rows); err != nil {
			return division{}, err
		}
		if d.groups, err = split.Groups(d.column); err != nil {
			return division{}, err
		}
		if n := slices.Max(d.groups) + 1; n < p.Folds+1 {
			return division{}, input("too_few_groups", p.GroupColumn, "column %q has %s, at least %d groups are needed for %d folds and a test",
				p.GroupColumn, plural(n, "value", "different values"), p.Folds+1, p.Folds)
		}
	case Time:
		if d.column, err = divider(p.TimeColumn, "time_column", data, rows); err != nil {
			return division{}, err
		}
		d.times, err = split.Times(d.column)
		if e, ok := errors.AsType[*ml.InputError](err); ok {
			e.Parameter = "time_column"
		}
		if err != nil {
			return division{}, err
		}
		if n := len(slices.Compact(slices.Sorted(slices.Values(d.times)))); n < p.Folds+2 {
			return division{}, input("too_few_times", p.TimeColumn, "column %q has %s, at least %d times are needed for %d folds and a test",
				p.TimeColumn, plural(n, "value", "different values"), p.Folds+2, p.Folds)
		}
	}
	return d, nil
}

// divider returns the rows of a column to divide by, none of which is missing.
func divider(name, param string, data *frame.Frame, rows []int) (frame.Column, error) {
	c, ok := data.Column(name)
	if !ok {
		e := parameter("unknown_column", param, "the table has no column %q to divide the rows by", name)
		e.Column = name
		return frame.Column{}, e
	}
	for _, row := range rows {
		if c.Null(row) {
			e := input("missing_value", name, "column %q is missing in row %d, every row with a target needs a value to be divided by", name, row+1)
			e.Row = row
			return frame.Column{}, e
		}
	}
	return c.Take(rows), nil
}

// take returns the division of some of the rows, without the column.
func (d division) take(rows []int) division {
	out := division{params: d.params}
	if d.groups != nil {
		out.groups = make([]int, len(rows))
		for i, row := range rows {
			out.groups[i] = d.groups[row]
		}
	}
	if d.times != nil {
		out.times = make([]int64, len(rows))
		for i, row := range rows {
			out.times[i] = d.times[row]
		}
	}
	return out
}

// holdout returns the rows to learn from and those held out.
func (d division) holdout(y ml.Target) (keep, held []int, err error) {
	p := d.params
	switch {
	case d.groups != nil && y.Task == ml.Regression:
		return split.GroupHoldout(d.groups, p.TestFraction, p.Folds, p.Seed)
	case d.groups != nil:
		return split.StratifiedGroupHoldout(classIndexes(y), len(y.Classes), d.groups, p.TestFraction, p.Folds, p.Seed)
	case d.times != nil:
		return split.TimeHoldout(d.times, p.TestFraction, p.Gap, p.Folds+1)
	case y.Task == ml.Regression:
		return split.Holdout(y.Len(), p.TestFraction, p.Seed)
	default:
		return split.StratifiedHoldout(classIndexes(y), y.Classes, p.TestFraction, p.Folds, p.Seed)
	}
}

// folds are the parts of a cross-validation: those of each repeat one after the
// other.
type folds struct {
	each int          // of a repeat
	fold [][]int      // by repeat, of each row; nil when divided by time
	time []split.Fold // of the only repeat
}

// folds divides the rows to learn from.
func (d division) folds(y ml.Target) (folds, error) {
	p := d.params
	f := folds{each: p.Folds}
	var err error
	if d.times != nil {
		f.time, err = split.TimeFolds(d.times, split.TimeParams{Folds: p.Folds, Gap: p.Gap, Window: p.Window})
		return f, err
	}
	f.fold, err = split.Repeat(p.Repeats, p.Seed, func(seed uint64) ([]int, error) {
		switch {
		case d.groups != nil && y.Task == ml.Regression:
			return split.GroupKFold(d.groups, p.Folds, seed)
		case d.groups != nil:
			return split.StratifiedGroupKFold(classIndexes(y), len(y.Classes), d.groups, p.Folds, seed)
		case y.Task == ml.Regression:
			return split.KFold(y.Len(), p.Folds, seed)
		default:
			return split.StratifiedKFold(classIndexes(y), y.Classes, p.Folds, seed)
		}
	})
	return f, err
}

// count returns how many parts there are.
func (f folds) count() int {
	if f.fold == nil {
		return len(f.time)
	}
	return f.each * len(f.fold)
}

// part returns the rows to learn from and those to be scored on.
func (f folds) part(k int) (outside, inside []int) {
	if f.fold == nil {
		return f.time[k].Train, f.time[k].Test
	}
	return split.Parts(f.fold[k/f.each], k%f.each)
}

// covered returns the rows that are scored, ascending, of so many.
func (f folds) covered(rows int) []int {
	tested := make([]bool, rows)
	for k := range f.each { // each repeat covers the same
		_, inside := f.part(k)
		for _, row := range inside {
			tested[row] = true
		}
	}
	var out []int
	for row, ok := range tested {
		if ok {
			out = append(out, row)
		}
	}
	return out
}

// repeat returns which repeat a part belongs to.
func (f folds) repeat(k int) int { return k / f.each }

// name returns what part k is called, or the fit on all rows when there is no
// such part.
func (f folds) name(k int) string {
	switch {
	case k == f.count():
		return "on all training rows"
	case len(f.fold) > 1:
		return fmt.Sprintf("repeat %d fold %d of %d", k/f.each+1, k%f.each+1, f.each)
	default:
		return fmt.Sprintf("fold %d of %d", k+1, f.each)
	}
}

// key returns the same for the name of a checkpoint.
func (f folds) key(k int) string {
	switch {
	case k == f.count():
		return "final"
	case len(f.fold) > 1:
		return fmt.Sprintf("repeat-%d-fold-%d", k/f.each+1, k%f.each+1)
	default:
		return fmt.Sprintf("fold-%d", k+1)
	}
}

// checkClasses looks whether the rows of every fit are of two classes at least,
// which only a division at random promises.
func (f folds) checkClasses(y ml.Target, p Params) error {
	if y.Task == ml.Regression {
		return nil
	}
	for k := range f.count() {
		outside, _ := f.part(k)
		if class, one := oneClass(y, outside); one {
			return parameter("fold_of_one_class", "folds", "in %s all %d rows to learn from are of the class %q, there should be at least two: use fewer folds, or another split than %s",
				f.name(k), len(outside), class, p.Split)
		}
	}
	return nil
}

func oneClass(y ml.Target, rows []int) (class string, one bool) {
	for _, row := range rows {
		if y.Values[row] != y.Values[rows[0]] {
			return "", false
		}
	}
	return y.Classes[int(y.Values[rows[0]])], true
}

// note says how the rows were divided.
func (d division) note(train, holdout []int) string {
	switch {
	case d.groups != nil:
		all, held := slices.Max(d.groups)+1, map[int]bool{}
		for _, k := range holdout {
			held[d.groups[k]] = true
		}
		return fmt.Sprintf("Rows with the same %q stay together: of %d groups %d are held out.", d.params.GroupColumn, all, len(held))
	case d.times != nil:
		earlier := func(a, b int) int { return cmp.Compare(d.times[a], d.times[b]) }
		text := fmt.Sprintf("Rows are divided by %q: it is learned until %s and tested from %s on.", d.params.TimeColumn,
			moment(d.column, slices.MaxFunc(train, earlier)), moment(d.column, slices.MinFunc(holdout, earlier)))
		if n := len(d.times) - len(train) - len(holdout); n > 0 {
			text += fmt.Sprintf(" The %s in between %s left out.", plural(n, "row", "rows"), map[bool]string{true: "is", false: "are"}[n == 1])
		}
		return text
	default:
		return ""
	}
}

// moment returns a value of the column that the rows are divided by.
func moment(c frame.Column, row int) string {
	switch c.Type() {
	case frame.Time:
		return time.UnixMicro(c.Int(row)).UTC().Format(time.RFC3339Nano)
	case frame.Int:
		return strconv.FormatInt(c.Int(row), 10)
	default:
		return strconv.FormatFloat(c.Float(row), 'g', -1, 64)
	}
}
