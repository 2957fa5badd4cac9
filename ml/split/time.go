package split

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Times returns numbers that order the rows as a column of instants, integers
// or floats does: its values, or for floats their ranks. A column of another
// type is an *ml.InputError column_type, a row without a value one missing_time.
func Times(c frame.Column) ([]int64, error) {
	if c.Type() == frame.String || c.Type() == frame.Bool {
		return nil, &ml.InputError{
			Code: "column_type", Column: c.Name(), Row: -1,
			Message: fmt.Sprintf("column %q holds values of type %s, a time should be a datetime or a number", c.Name(), c.Type()),
		}
	}
	for i := range c.Len() {
		if c.Null(i) {
			return nil, &ml.InputError{
				Code: "missing_time", Column: c.Name(), Row: i,
				Message: fmt.Sprintf("column %q is missing in row %d, every row needs a time to be ordered by", c.Name(), i+1),
			}
		}
	}
	if c.Type() != frame.Float {
		return c.Ints(), nil
	}
	values := c.Floats()
	distinct := slices.Compact(slices.Sorted(slices.Values(values)))
	ranks := make([]int64, len(values))
	for i, v := range values {
		k, _ := slices.BinarySearch(distinct, v)
		ranks[i] = int64(k)
	}
	return ranks, nil
}

// TimeHoldout holds out about the fraction of the rows, the last by time. Rows
// of the same time are on the same side: the cut is where the time changes,
// next to the fraction, with at least atLeast different times before it. The
// last gap rows before it are in neither result. Both results ascend by row. Too
// few times are an error, and a gap that leaves no rows.
func TimeHoldout(times []int64, fraction float64, gap, atLeast int) (keep, held []int, err error) {
	if err := checkFraction(fraction); err != nil {
		return nil, nil, err
	}
	if err := checkGap(gap); err != nil {
		return nil, nil, err
	}
	order := byTime(times)
	cuts := changes(times, order)
	atLeast = max(1, atLeast)
	if len(cuts) < atLeast {
		return nil, nil, invalid("too_few_times", "", "the rows are of %s, at least %d are needed to hold the last out", plural(min(len(times), len(cuts)+1), "time"), uint(atLeast)+1)
	}
	cuts = cuts[atLeast-1:]
	at := cuts[nearest(cuts, len(times)-int(math.Round(fraction*float64(len(times)))))]
	if at <= gap {
		return nil, nil, gapTooLarge(gap, at, "to learn from before those that are held out")
	}
	return rowsOf(order[:at-gap]), rowsOf(order[at:]), nil
}

// Fold is the rows to learn from and those to be tested on. Both ascend.
type Fold struct {
	Train, Test []int
}

// TimeParams are the parameters of TimeFolds.
type TimeParams struct {
	Folds  int // at least 2, default 5
	Gap    int // rows left out before each test, at least 0, default 0
	Window int // the most rows to learn from, the last ones; at least 0, default 0, which means all
}

// DefaultTimeParams returns the parameters to start from.
func DefaultTimeParams() TimeParams { return TimeParams{Folds: 5} }

// Validate returns an *ml.InputError that names the first parameter out of its
// limits, or nil.
func (p TimeParams) Validate() error {
	if err := checkFolds(p.Folds, p.Folds); err != nil {
		return err
	}
	if p.Window < 0 {
		return invalid("invalid_parameter", "window", "the window is %d rows, it should be at least 0", p.Window)
	}
	return checkGap(p.Gap)
}

// TimeFolds returns folds that are tested on one stretch of time after another,
// each after learning from what came before: from everything (an expanding
// window), or from the last p.Window rows (a sliding one). The rows are cut by
// time into one part more than there are folds, as even as rows of the same
// time, which stay together, allow; the first part is never tested on. Fewer
// times than parts are an error, and a gap that leaves nothing to learn from.
func TimeFolds(times []int64, p TimeParams) ([]Fold, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	order := byTime(times)
	cuts := changes(times, order)
	if len(cuts) < p.Folds {
		return nil, invalid("too_few_times", "", "the rows are of %s, at least %d are needed for %d folds", plural(min(len(times), len(cuts)+1), "time"), uint(p.Folds)+1, p.Folds)
	}
	starts := make([]int, 0, p.Folds+1)
	for k := range p.Folds {
		want := (k + 1) * len(times) / (p.Folds + 1)
		// Enough cuts are left for the folds that follow.
		last := len(cuts) - (p.Folds - k - 1)
		i := nearest(cuts[:last], want)
		starts = append(starts, cuts[i])
		cuts = cuts[i+1:]
	}
	starts = append(starts, len(times))
	folds := make([]Fold, p.Folds)
	for k := range folds {
		end := starts[k] - p.Gap
		if end <= 0 {
			return nil, gapTooLarge(p.Gap, starts[k], fmt.Sprintf("to learn from in fold %d of %d", k+1, p.Folds))
		}
		from := 0
		if p.Window > 0 {
			from = max(0, end-p.Window)
		}
		folds[k] = Fold{Train: rowsOf(order[from:end]), Test: rowsOf(order[starts[k]:starts[k+1]])}
	}
	return folds, nil
}

func checkGap(gap int) error {
	if gap < 0 {
		return invalid("invalid_parameter", "gap", "the gap is %d rows, it should be at least 0", gap)
	}
	return nil
}

func gapTooLarge(gap, rows int, what string) error {
	return invalid("gap_too_large", "gap", "a gap of %d rows leaves none of %s %s, it should be smaller", gap, rowCount(rows), what)
}

// byTime returns the rows by time, those of one time in their order.
func byTime(times []int64) []int {
	order := make([]int, len(times))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(times[a], times[b]) })
	return order
}

// changes returns where in the order the time changes, ascending.
func changes(times []int64, order []int) []int {
	var cuts []int
	for i := 1; i < len(order); i++ {
		if times[order[i]] != times[order[i-1]] {
			cuts = append(cuts, i)
		}
	}
	return cuts
}

// nearest returns the index of the cut that is nearest to the wanted one, of two
// the lower.
func nearest(cuts []int, want int) int {
	i, _ := slices.BinarySearch(cuts, want)
	if i == len(cuts) || i > 0 && want-cuts[i-1] <= cuts[i]-want {
		i--
	}
	return i
}

// rowsOf returns the rows in ascending order.
func rowsOf(order []int) []int { return slices.Sorted(slices.Values(order)) }
