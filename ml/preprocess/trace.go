package preprocess

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Sources returns, sorted, the columns of a table that the values of some columns
// come from when fitted steps of the vocabulary have done to its rows what they
// do in prediction. Names of columns that no step makes are among them.
func Sources(steps []Step, names []string) []string {
	need := map[string]bool{}
	for _, name := range names {
		need[name] = true
	}
	for _, s := range slices.Backward(steps) {
		if f, ok := s.(*Fitted); ok && f.entry.Prediction == Applied && !f.plan.drops {
			f.plan.trace(need)
		}
	}
	return slices.Sorted(maps.Keys(need))
}

// trace replaces the columns that the step makes by those that it makes them of.
func (p *plan) trace(need map[string]bool) {
	var of []string
	for name := range need {
		if !p.makes(name) {
			continue
		}
		delete(need, name)
		if p.from != nil {
			of = append(of, p.from(name)...)
		} else {
			of = append(of, p.reads...)
		}
	}
	for _, name := range of {
		need[name] = true
	}
}

func (p *plan) makes(name string) bool {
	return slices.Contains(p.writes, name) || slices.ContainsFunc(p.families, func(f string) bool { return strings.HasPrefix(name, f) })
}

// rowNumber is the name of a column that no table has.
const rowNumber = "\x00row"

// ApplyRows applies the steps to a whole table, as Apply does, and tells which of
// its rows are left: those come out in the order in which they were. A step that
// makes other rows is an *ml.InputError with the code rows_are_made.
func (f *FittedRecipe) ApplyRows(x *frame.Frame) (*frame.Frame, []int, error) {
	rows := make([]int64, x.Rows())
	for i := range rows {
		rows[i] = int64(i)
	}
	for i, s := range f.steps {
		if err := s.keepsRows(); err != nil {
			return nil, nil, &StepError{Step: i, Operation: s.entry.Name, Err: err}
		}
		one := &FittedRecipe{recipe: f.recipe, steps: []*Fitted{s}}
		moves := s.entry.Rows != Keeps || s.entry.Prediction == Skipped
		var err error
		if moves {
			if x, err = put(x, frame.NewInt(rowNumber, frame.Int, rows, nil)); err != nil {
				return nil, nil, err
			}
		}
		if x, err = one.Apply(x); err != nil {
			if at, ok := errors.AsType[*StepError](err); ok {
				at.Step = i
			}
			return nil, nil, err
		}
		if moves {
			c, _ := x.Column(rowNumber)
			rows, x = c.Ints(), x.Without(rowNumber)
		}
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(rows[a] - rows[b]) })
	left := make([]int, len(rows))
	for i, at := range order {
		left[i] = int(rows[at])
	}
	if !slices.IsSorted(rows) {
		x = x.Take(order)
	}
	return x, left, nil
}

func (f *Fitted) keepsRows() error {
	if f.entry.Rows != Makes {
		return nil
	}
	return &ml.InputError{Code: "rows_are_made", Row: -1, Message: f.entry.Name + " makes rows of several, and a row that is asked for has to be answered; apply it to the data set and learn from the version that it makes"}
}

// CheckRows refuses recipes that make other rows, which cannot be learned within
// a training.
func (r *Recipe) CheckRows() error {
	for i, s := range r.steps {
		if err := (&Fitted{entry: s.entry}).keepsRows(); err != nil {
			return &StepError{Step: i, Operation: s.entry.Name, Err: err}
		}
	}
	return nil
}
