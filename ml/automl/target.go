package automl

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

const (
	// fewIntegers is up to how many distinct whole numbers are taken for classes.
	fewIntegers = 20
	// maxClasses is how many classes a target may have.
	maxClasses = 1000
	// maxValue is how far from 0 a number to predict may be: its square is finite.
	maxValue = 1e100
	// minRows is how few rows can be learned from.
	minRows = 20
)

// target is the column to predict, understood.
type target struct {
	ml.Target       // of the rows that have one
	rows      []int // those rows in the table, ascending
	notes     []string
}

// takeTarget returns the target of some of its rows, by position.
func takeTarget(t ml.Target, positions []int) ml.Target {
	out := ml.Target{Task: t.Task, Values: make([]float64, len(positions)), Classes: t.Classes}
	if t.Weights != nil {
		out.Weights = make([]float64, len(positions))
	}
	for i, k := range positions {
		out.Values[i] = t.Values[k]
		if t.Weights != nil {
			out.Weights[i] = t.Weights[k]
		}
	}
	return out
}

// classIndexes returns the classes of a classification target as integers.
func classIndexes(t ml.Target) []int {
	out := make([]int, len(t.Values))
	for i, v := range t.Values {
		out[i] = int(v)
	}
	return out
}

// readTarget finds the target in the table and chooses the task.
func readTarget(p Params, data *frame.Frame) (target, error) {
	c, ok := data.Column(p.Target)
	if !ok {
		return target{}, input("target_missing", p.Target, "the table has no column %q to predict", p.Target)
	}
	if c.Type() == frame.Time {
		return target{}, input("target_type", p.Target, "the target %q holds dates, it should hold numbers, booleans or strings", p.Target)
	}
	t := target{}
	for i := range c.Len() {
		if !c.Null(i) {
			t.rows = append(t.rows, i)
		}
	}
	if err := t.checkValues(c); err != nil {
		return target{}, err
	}
	if n := c.Len() - len(t.rows); n > 0 {
		t.note("%s left out: the target %q is missing there.", plural(n, "row was", "rows were"), p.Target)
	}
	if err := t.weigh(p, data); err != nil {
		return target{}, err
	}
	v := valuesOf(c, t.rows)
	if err := t.choose(p, c, v); err != nil {
		return target{}, err
	}
	if t.Task == ml.Regression {
		if p.PositiveClass != "" {
			return target{}, parameter("positive_class_not_for_task", "positive_class", "a positive class was given, the target %q is a number to predict; ask for the task binary, or leave the class out", p.Target)
		}
		for _, row := range t.rows {
			v := c.Float(row)
			if math.Abs(v) > maxValue {
				e := input("target_magnitude", p.Target, "the target %q is %g in row %d, it should be between -1e100 and 1e100", p.Target, v, row+1)
				e.Row = row
				return target{}, e
			}
			t.Values = append(t.Values, v)
		}
		return t, t.checkRows(p)
	}
	if err := t.classify(p, v); err != nil {
		return target{}, err
	}
	return t, t.checkRows(p)
}

func (t *target) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *target) checkValues(c frame.Column) error {
	switch {
	case c.Len() == 0:
		return input("too_few_rows", "", "the table has no rows, at least %d are needed", minRows)
	case len(t.rows) == 0:
		return input("target_all_null", c.Name(), "the target %q is missing in every row, it should be known in at least %d", c.Name(), minRows)
	}
	for _, row := range t.rows {
		if c.Type() == frame.Float && math.IsInf(c.Float(row), 0) {
			return infinite(c.Name(), row)
		}
	}
	return nil
}

func infinite(name string, row int) error {
	e := input("infinite_value", name, "column %q is infinite in row %d, it should be a finite number or missing", name, row+1)
	e.Row = row
	return e
}

// checkRows asks for enough rows to learn from and to test on.
func (t *target) checkRows(p Params) error {
	need := max(minRows, 4*p.Folds)
	if len(t.rows) < need {
		return input("too_few_rows", "", "there are %d rows with a target, at least %d are needed for %d folds and a test", len(t.rows), need, p.Folds)
	}
	return nil
}

// value is a distinct value of the target.
type value struct {
	name   string
	number float64 // of a column of numbers
	rows   int
}

// distinct are the distinct values of a target in order.
type distinct struct {
	values []value
	of     []int // the index into values of each row
}

// valuesOf sorts the distinct values: numbers by size, strings by their bytes.
func valuesOf(c frame.Column, rows []int) distinct {
	d := distinct{of: make([]int, len(rows))}
	index := map[string]int{}
	numbers := map[float64]int{}
	for i, row := range rows {
		var at int
		var ok bool
		if c.Type() == frame.String {
			s := c.Text(row)
			if at, ok = index[s]; !ok {
				at = len(d.values)
				index[s] = at
				d.values = append(d.values, value{name: s})
			}
		} else {
			n := c.Float(row) + 0 // -0 is 0
			if at, ok = numbers[n]; !ok {
				at = len(d.values)
				numbers[n] = at
				d.values = append(d.values, value{name: numberName(c, row), number: n})
			}
		}
		d.values[at].rows++
		d.of[i] = at
	}
	order := make([]int, len(d.values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(d.values[a].number, d.values[b].number), cmp.Compare(d.values[a].name, d.values[b].name))
	})
	place := make([]int, len(order))
	sorted := make([]value, len(order))
	for k, old := range order {
		place[old], sorted[k] = k, d.values[old]
	}
	for i, old := range d.of {
		d.of[i] = place[old]
	}
	d.values = sorted
	return d
}

func numberName(c frame.Column, row int) string {
	switch c.Type() {
	case frame.Bool:
		return strconv.FormatBool(c.Int(row) != 0)
	case frame.Int:
		return strconv.FormatInt(c.Int(row), 10)
	default:
		return strconv.FormatFloat(c.Float(row)+0, 'g', -1, 64)
	}
}

// smallest returns the value with the fewest rows, the last of equals.
func (d distinct) smallest() value {
	least := d.values[0]
	for _, v := range d.values {
		if v.rows <= least.rows {
			least = v
		}
	}
	return least
}

// choose sets the task, or returns what is wrong with the one asked for.
func (t *target) choose(p Params, c frame.Column, d distinct) error {
	n := len(d.values)
	if n == 1 {
		return input("target_constant", c.Name(), "the target %q is %q in every row that has one, it should take at least two values", c.Name(), d.values[0].name)
	}
	text := c.Type() == frame.String || c.Type() == frame.Bool
	if n > 2 && 2*n > len(t.rows) && (text || p.Task == ml.Binary || p.Task == ml.Multiclass) {
		return input("target_unique_per_row", c.Name(), "the target %q has %d different values in %d rows, like names or identifiers; classes should repeat", c.Name(), n, len(t.rows))
	}
	switch {
	case p.Task != "":
		t.Task = p.Task
		if why := mismatch(p.Task, text, n); why != "" {
			return input("task_not_for_target", c.Name(), "the task %s does not suit the target %q: %s", p.Task, c.Name(), why)
		}
		return nil
	case n == 2:
		t.Task = ml.Binary
	case text:
		t.Task = ml.Multiclass
	case wholeNumbers(d) && n <= fewIntegers && d.smallest().rows > p.Folds:
		t.Task = ml.Multiclass
	default:
		t.Task = ml.Regression
	}
	t.note("The task is %s: the target %q holds values of type %s, %d of them distinct.", t.Task, c.Name(), c.Type(), n)
	return nil
}

func mismatch(task ml.Task, text bool, values int) string {
	switch {
	case task == ml.Regression && text:
		return "its values are not numbers, the task should be binary or multiclass"
	case task == ml.Binary && values != 2:
		return fmt.Sprintf("it has %d distinct values, binary needs two", values)
	case task == ml.Multiclass && values == 2:
		return "it has two distinct values, the task should be binary"
	default:
		return ""
	}
}

func wholeNumbers(d distinct) bool {
	for _, v := range d.values {
		if v.number != math.Trunc(v.number) {
			return false
		}
	}
	return true
}

// classify sets the classes and the class of each row.
func (t *target) classify(p Params, d distinct) error {
	if n := len(d.values); n > maxClasses {
		return input("too_many_classes", p.Target, "the target %q has %d classes, at most %d can be told apart", p.Target, n, maxClasses)
	}
	if s := d.smallest(); s.rows <= p.Folds {
		return input("class_too_small", p.Target,
			"class %q of the target %q has %s, at least %d are needed for %d folds and a test: add rows of it, merge it with another class, leave it out, or use fewer folds",
			s.name, p.Target, plural(s.rows, "row", "rows"), p.Folds+1, p.Folds)
	}
	for _, v := range d.values {
		t.Classes = append(t.Classes, v.name)
	}
	t.Values = make([]float64, len(d.of))
	for i, k := range d.of {
		t.Values[i] = float64(k)
	}
	if t.Task == ml.Binary {
		return t.orient(p, d)
	}
	if p.PositiveClass != "" {
		return parameter("positive_class_not_for_task", "positive_class", "a positive class was given, the target %q has %d classes; only one with two has a positive one", p.Target, len(t.Classes))
	}
	return nil
}

// orient makes the positive class the second.
func (t *target) orient(p Params, d distinct) error {
	positive := d.smallest().name
	if p.PositiveClass != "" {
		positive = p.PositiveClass
	}
	switch positive {
	case t.Classes[1]:
	case t.Classes[0]:
		slices.Reverse(t.Classes)
		for i, v := range t.Values {
			t.Values[i] = 1 - v
		}
	default:
		return parameter("unknown_class", "positive_class", "the positive class is %q, it should be %q or %q", positive, t.Classes[0], t.Classes[1])
	}
	if p.PositiveClass == "" {
		t.note("The positive class is %q, the rarer of the two.", positive)
	}
	return nil
}

// plural returns a number with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
