package mltest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// missingValues predicts rows without any value after learning from some with.
func missingValues(ctx context.Context, c Case, task ml.Task) error {
	x, y := table(c, task, true)
	if !c.Missing {
		_, err := c.Train(ctx, x, y, ml.Options{})
		return wantCode("missing values", err, "missing_value")
	}
	m, err := train(ctx, c, x, y, 2)
	if err != nil {
		return err
	}
	gone, err := eachColumn(x, blank)
	if err != nil {
		return err
	}
	return proper(m, gone, task)
}

// emptyColumn adds columns without a value, one of each type.
func emptyColumn(ctx context.Context, c Case, task ml.Task) error {
	x, y := table(c, task, c.Missing)
	columns := slices.Clone(x.Columns())
	for _, old := range x.Columns() {
		columns = append(columns, blank(old).Rename("empty "+old.Name()))
	}
	x, err := frame.New(columns...)
	if err != nil {
		return err
	}
	m, err := c.Train(ctx, x, y, ml.Options{})
	if !c.Missing {
		return wantCode("a column without values", err, "missing_value")
	}
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return proper(m, x, task)
}

// eachColumn replaces every column.
func eachColumn(x *frame.Frame, f func(c frame.Column) frame.Column) (*frame.Frame, error) {
	columns := make([]frame.Column, 0, len(x.Columns()))
	for _, c := range x.Columns() {
		columns = append(columns, f(c))
	}
	return frame.New(columns...)
}

// blank returns c with every value missing.
func blank(c frame.Column) frame.Column {
	switch c.Type() {
	case frame.Float:
		return frame.NewFloat(c.Name(), slices.Repeat([]float64{math.NaN()}, c.Len()))
	case frame.String:
		return frame.NewString(c.Name(), slices.Repeat([]int32{-1}, c.Len()), c.Dict())
	default:
		var nulls frame.Bitmap
		for i := range c.Len() {
			nulls.Set(i)
		}
		return frame.NewInt(c.Name(), c.Type(), make([]int64, c.Len()), nulls)
	}
}

// constantColumns adds columns of one value, and then learns from such alone.
func constantColumns(ctx context.Context, c Case, task ml.Task) error {
	x, y := table(c, task, false)
	first := make([]int, x.Rows())
	same, err := eachColumn(x.Take(first), func(old frame.Column) frame.Column { return old.Rename("same " + old.Name()) })
	if err != nil {
		return err
	}
	both, err := frame.New(append(slices.Clone(x.Columns()), same.Columns()...)...)
	if err != nil {
		return err
	}
	m, err := train(ctx, c, both, y, 2)
	if err != nil {
		return err
	}
	if err := proper(m, both, task); err != nil || c.OneRow != "" { // a whole pipeline refuses to learn from nothing
		return err
	}
	if m, err = train(ctx, c, same, y, 2); err != nil {
		return err
	}
	return proper(m, same, task)
}

// oneRow learns from one row; of classes that is one class.
func oneRow(ctx context.Context, c Case, task ml.Task) error {
	x, y := table(c, task, false)
	x = x.Take([]int{3})
	y.Values = y.Values[3:4]
	m, err := c.Train(ctx, x, y, ml.Options{})
	switch {
	case task != ml.Regression:
		return wantCode("one row", err, c.oneClass(), orElse(c.OneRow, c.oneClass()))
	case c.OneRow != "":
		return wantCode("one row", err, c.OneRow)
	case err != nil:
		return fmt.Errorf("train on one row: %w", err)
	}
	return predictsConstant(m, x, y.Values[0])
}

func (c Case) oneClass() string { return orElse(c.OneClass, "constant_target") }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// predictsConstant checks that every output is about the value.
func predictsConstant(m ml.Predictor, x *frame.Frame, value float64) error {
	out, err := predict(m, x)
	if err != nil {
		return err
	}
	for i, v := range out {
		if !(math.Abs(v-value) <= 1e-6*max(1, math.Abs(value))) {
			return fmt.Errorf("row %d is predicted as %v, all that was learned from is %v", i, v, value)
		}
	}
	return nil
}

func oneClass(ctx context.Context, c Case, task ml.Task) error {
	if task == ml.Regression {
		return errNotApplicable
	}
	x, y := table(c, task, false)
	y.Values = slices.Repeat([]float64{1}, y.Len())
	_, err := c.Train(ctx, x, y, ml.Options{})
	return wantCode("one class", err, c.oneClass())
}

func oneValue(ctx context.Context, c Case, task ml.Task) error {
	if task != ml.Regression {
		return errNotApplicable
	}
	x, y := table(c, task, false)
	y.Values = slices.Repeat([]float64{-2.5}, y.Len())
	m, err := c.Train(ctx, x, y, ml.Options{})
	if c.Constant != "" {
		return wantCode("one value", err, c.Constant)
	}
	if err != nil {
		return fmt.Errorf("train on one value: %w", err)
	}
	return predictsConstant(m, x, -2.5)
}

// manyCategories has as many rows as categories, drawn at random, and predicts
// some that were never there. One task says it for all.
func manyCategories(ctx context.Context, c Case, task ml.Task) error {
	if !slices.Contains(c.Types, frame.String) || task != c.Tasks[0] {
		return errNotApplicable
	}
	const many = 100_000
	dict := make([]string, many)
	for k := range dict {
		dict[k] = "category " + strconv.Itoa(k)
	}
	codes, signal := make([]int32, many), make([]float64, many)
	y := ml.Target{Task: task, Values: make([]float64, many), Classes: classesOf(task)}
	state := uint64(1)
	for i := range codes {
		state = state*6364136223846793005 + 1442695040888963407
		codes[i] = int32(state >> 33 % many)
		signal[i] = float64(i%1000) / 1000
		y.Values[i] = float64(i % 1000 / 500)
	}
	x, err := frame.New(frame.NewFloat("signal", signal), frame.NewString("category", codes, dict))
	if err != nil {
		return err
	}
	m, err := train(ctx, c, x, y, 2)
	if err != nil {
		return err
	}
	fresh, err := frame.New(
		frame.NewFloat("signal", []float64{0.1, 0.9, 0.9}),
		frame.NewString("category", []int32{0, 1, -1}, []string{"never seen", dict[codes[0]]}))
	if err != nil {
		return err
	}
	if !c.Missing {
		fresh = fresh.Take([]int{0, 1})
	}
	return proper(m, fresh, task)
}

// otherTypes gives it a column of each type that it does not take.
func otherTypes(ctx context.Context, c Case, task ml.Task) error {
	found := errNotApplicable
	for _, typ := range []frame.Type{frame.Int, frame.Bool, frame.String, frame.Time} {
		if slices.Contains(c.Types, typ) {
			continue
		}
		found = nil
		x, y := table(c, task, false)
		odd := frame.NewString("odd", make([]int32, x.Rows()), []string{"a"})
		if typ != frame.String {
			odd = frame.NewInt("odd", typ, make([]int64, x.Rows()), nil)
		}
		x, err := frame.New(append(slices.Clone(x.Columns()), odd)...)
		if err != nil {
			return err
		}
		_, err = c.Train(ctx, x, y, ml.Options{})
		if err := wantCode(typ.String(), err, "column_type"); err != nil {
			return err
		}
	}
	return found
}

// infinities are refused in a column, with its place; in one to predict from
// they are refused too or give proper outputs.
func infinities(ctx context.Context, c Case, task ml.Task) error {
	if c.Blind {
		return errNotApplicable
	}
	x, y := table(c, task, false)
	for _, v := range []float64{math.Inf(1), math.Inf(-1)} {
		signal, _ := x.Column("signal")
		values := slices.Clone(signal.Floats())
		values[5] = v
		bad, err := frame.New(append([]frame.Column{frame.NewFloat("signal", values)}, x.Without("signal").Columns()...)...)
		if err != nil {
			return err
		}
		_, err = c.Train(ctx, bad, y, ml.Options{})
		if err := wantCode("an infinite value", err, "infinite_value"); err != nil {
			return err
		}
		if e, _ := errors.AsType[*ml.InputError](err); e.Column != "signal" || e.Row != 5 {
			return fmt.Errorf("the place of an infinite value is column %q, row %d, want signal, 5", e.Column, e.Row)
		}
		m, err := train(ctx, c, x, y, 2)
		if err != nil {
			return err
		}
		err = proper(m, bad, task)
		if _, ok := errors.AsType[*ml.InputError](err); err != nil && !ok {
			return fmt.Errorf("predicting from an infinite value: %w", err)
		}
	}
	return nil
}

func badWeights(ctx context.Context, c Case, task ml.Task) error {
	if !c.Weighted {
		return errNotApplicable
	}
	x, y := table(c, task, false)
	for _, w := range []float64{-1, 0, math.NaN(), math.Inf(1)} {
		y.Weights = slices.Repeat([]float64{1}, y.Len())
		y.Weights[4] = w
		_, err := c.Train(ctx, x, y, ml.Options{})
		if err := wantCode(fmt.Sprintf("a weight of %v", w), err, "bad_weight"); err != nil {
			return err
		}
		if e, _ := errors.AsType[*ml.InputError](err); e.Row != 4 {
			return fmt.Errorf("the place of a bad weight is row %d, want 4", e.Row)
		}
	}
	y.Weights = []float64{1}
	_, err := c.Train(ctx, x, y, ml.Options{})
	return wantCode("a weight for one row of all", err, "weights_length")
}

func badLabels(ctx context.Context, c Case, task ml.Task) error {
	if !c.Weighted {
		return errNotApplicable
	}
	x, y := table(c, task, false)
	labels := map[float64]string{math.NaN(): "missing_target", math.Inf(1): "infinite_target", math.Inf(-1): "infinite_target"}
	if task != ml.Regression {
		for _, v := range []float64{-1, 0.5, float64(len(y.Classes))} {
			labels[v] = "unknown_class"
		}
	}
	for v, code := range labels {
		bad := y
		bad.Values = slices.Clone(y.Values)
		bad.Values[6] = v
		_, err := c.Train(ctx, x, bad, ml.Options{})
		if err := wantCode(fmt.Sprintf("a label of %v", v), err, code); err != nil {
			return err
		}
		if e, _ := errors.AsType[*ml.InputError](err); e.Row != 6 {
			return fmt.Errorf("the place of a bad label is row %d, want 6", e.Row)
		}
	}
	y.Values = y.Values[1:]
	_, err := c.Train(ctx, x, y, ml.Options{})
	return wantCode("labels of other rows", err, "target_length")
}

func noRows(ctx context.Context, c Case, task ml.Task) error {
	x, y := table(c, task, false)
	y.Values = nil
	_, err := c.Train(ctx, x.Take(nil), y, ml.Options{})
	return wantCode("no rows", err, "no_rows", "too_few_rows")
}
