package mltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
)

func learns(ctx context.Context, c Case, task ml.Task) error {
	if c.Blind {
		return errNotApplicable
	}
	m, x, y, err := trained(ctx, c, task, false)
	if err != nil {
		return err
	}
	out, err := predict(m, x)
	if err != nil {
		return err
	}
	const least = 0.85
	name := metric.Accuracy
	if task == ml.Regression {
		name = metric.R2
	}
	got, err := metric.Score(name, y, out)
	if err == nil && got < least {
		err = fmt.Errorf("%s is %.3f on the training rows, want at least %.2f", name, got, least)
	}
	return err
}

func properOutputs(ctx context.Context, c Case, task ml.Task) error {
	m, x, y, err := trained(ctx, c, task, c.Missing)
	if err != nil {
		return err
	}
	if got, want := m.Outputs(), y.Outputs(); got != want {
		return fmt.Errorf("%d outputs, want %d", got, want)
	}
	return proper(m, x, task)
}

// proper predicts and checks that outputs are probabilities or finite values.
func proper(m ml.Predictor, x *frame.Frame, task ml.Task) error {
	out, err := predict(m, x)
	if err != nil {
		return err
	}
	for i := 0; i < len(out); i += m.Outputs() {
		sum := 0.0
		for _, v := range out[i : i+m.Outputs()] {
			if math.IsNaN(v) || math.IsInf(v, 0) || task != ml.Regression && (v < 0 || v > 1) {
				return fmt.Errorf("row %d has the output %v", i/m.Outputs(), v)
			}
			sum += v
		}
		if task != ml.Regression && math.Abs(sum-1) > 1e-9 {
			return fmt.Errorf("the probabilities of row %d sum to %v", i/m.Outputs(), sum)
		}
	}
	return nil
}

func deterministic(ctx context.Context, c Case, task ml.Task) error {
	x, y := table(c, task, c.Missing)
	var want []byte
	for _, threads := range []int{1, 1, 2, 4, 8} {
		m, err := train(ctx, c, x, y, threads)
		if err != nil {
			return err
		}
		got, err := c.Encode(m)
		if err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("with %d threads the model has other bytes", threads)
		}
	}
	return nil
}

// repetition gives rows the weights 1 to 3, and learns from as many of each.
func repetition(ctx context.Context, c Case, task ml.Task) error {
	if !c.Weighted {
		return errNotApplicable
	}
	x, y := table(c, task, c.Missing)
	y.Weights = make([]float64, y.Len())
	repeated := ml.Target{Task: y.Task, Classes: y.Classes}
	var again []int
	for i, v := range y.Values {
		n := 1 + i*7%3
		y.Weights[i] = float64(n)
		for range n {
			again = append(again, i)
			repeated.Values = append(repeated.Values, v)
		}
	}
	weighted, err := train(ctx, c, x, y, 2)
	if err != nil {
		return err
	}
	plain, err := train(ctx, c, x.Take(again), repeated, 2)
	if err != nil {
		return err
	}
	a, err := predict(weighted, x)
	if err != nil {
		return err
	}
	b, err := predict(plain, x)
	if err != nil {
		return err
	}
	unit := 1.0
	if task == ml.Regression {
		unit = deviation(y.Values)
	}
	if d := distance(a, b) / unit; d > c.Repetition {
		return fmt.Errorf("outputs are %.3g from those of repeated rows, want at most %g", d, c.Repetition)
	}
	y.Weights = nil
	without, err := train(ctx, c, x, y, 2)
	if err != nil {
		return err
	}
	if a, err = predict(without, x); err != nil {
		return err
	}
	if slices.Equal(a, b) {
		return errors.New("the weights change nothing")
	}
	return nil
}

// distance is the root of the mean square.
func distance(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += (v - b[i]) * (v - b[i])
	}
	return math.Sqrt(sum / float64(len(a)))
}

func deviation(values []float64) float64 {
	mean := 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	return distance(values, slices.Repeat([]float64{mean}, len(values)))
}

func progress(ctx context.Context, c Case, task ml.Task) error {
	x, y := table(c, task, false)
	var reports []ml.Progress
	_, err := c.Train(ctx, x, y, ml.Options{Threads: 2, Recorder: ml.RecorderFunc(func(p ml.Progress) { reports = append(reports, p) })})
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	last := 0.0
	for _, p := range reports {
		if !(p.Fraction >= last && p.Fraction <= 1) || p.Stage == "" {
			return fmt.Errorf("%+v comes after a fraction of %v", p, last)
		}
		last = p.Fraction
	}
	if last != 1 || !c.Blind && len(reports) < 3 {
		return fmt.Errorf("%d reports end at %v, want more and 1", len(reports), last)
	}
	return nil
}

// cancellation cancels before the call, and at its first report.
func cancellation(ctx context.Context, c Case, task ml.Task) error {
	x, y := table(c, task, false)
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Train(done, x, y, ml.Options{}); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("a cancelled call returns %w", orNone(err))
	}
	during, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped, after := false, 0
	_, err := c.Train(during, x, y, ml.Options{Recorder: ml.RecorderFunc(func(p ml.Progress) {
		switch {
		case stopped:
			after++
		case p.Fraction < 0.9:
			stopped = true
			cancel()
		}
	})})
	switch {
	case stopped && !errors.Is(err, context.Canceled):
		return fmt.Errorf("a call cancelled on its way returns %w", orNone(err))
	case after > 20:
		return fmt.Errorf("%d reports come after the cancellation", after)
	case !stopped && !c.Blind:
		return errors.New("it reports nothing before it has ended, so that nobody knows whether it can be cancelled")
	}
	return nil
}

func noMutation(ctx context.Context, c Case, task ml.Task) error {
	x, y := table(c, task, c.Missing)
	if c.Weighted {
		y.Weights = slices.Repeat([]float64{2}, y.Len())
	}
	before, values, weights := copyOf(x), slices.Clone(y.Values), slices.Clone(y.Weights)
	m, err := train(ctx, c, x, y, 2)
	if err != nil {
		return err
	}
	if _, err := predict(m, x); err != nil {
		return err
	}
	if d := difference(before, x); d != "" {
		return fmt.Errorf("the table was changed: %s", d)
	}
	if !slices.Equal(values, y.Values) || !slices.Equal(weights, y.Weights) {
		return errors.New("the target was changed")
	}
	return nil
}

func singleRows(ctx context.Context, c Case, task ml.Task) error {
	m, x, _, err := trained(ctx, c, task, c.Missing)
	if err != nil {
		return err
	}
	all, err := predict(m, x)
	if err != nil {
		return err
	}
	for i := 0; i < x.Rows(); i += 17 {
		got, err := predict(m, x.Take([]int{i}))
		if err != nil {
			return err
		}
		if want := all[i*m.Outputs() : (i+1)*m.Outputs()]; !slices.Equal(got, want) {
			return fmt.Errorf("row %d alone gives %v, among others %v", i, got, want)
		}
	}
	got, err := predict(m, x.Take(nil))
	if len(got) != 0 {
		return fmt.Errorf("no rows give %v", got)
	}
	return err
}

func concurrently(ctx context.Context, c Case, task ml.Task) error {
	m, x, _, err := trained(ctx, c, task, c.Missing)
	if err != nil {
		return err
	}
	want, err := predict(m, x)
	if err != nil {
		return err
	}
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			got, err := predict(m, x)
			if err == nil && !slices.Equal(got, want) {
				err = errors.New("another result beside others")
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func wrongLength(ctx context.Context, c Case, task ml.Task) error {
	m, x, _, err := trained(ctx, c, task, false)
	if err != nil {
		return err
	}
	for _, n := range []int{-1, 1} {
		if err := m.Predict(x, make([]float64, x.Rows()*m.Outputs()+n)); err == nil {
			return fmt.Errorf("an output slice with %+d values is taken", n)
		}
	}
	return nil
}
