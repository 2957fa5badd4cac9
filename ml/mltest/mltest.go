package mltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
)

// Estimator is an algorithm under test.
type Estimator struct {
	Train   func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error)
	Encode  func(p ml.Predictor) ([]byte, error)
	Decode  func(b []byte) (ml.Predictor, error)
	Tasks   []ml.Task
	Types   []frame.Type // of columns that it takes
	Missing bool         // whether it takes missing values
	Learns  bool         // whether it should do better than chance
}

// Run runs the suite.
func Run(t *testing.T, e Estimator) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, e Estimator, task ml.Task)
	}{
		{"learns", learns},
		{"outputs are proper", properOutputs},
		{"is deterministic on any number of threads", deterministic},
		{"takes missing values", missingValues},
		{"predicts rows alone as together", singleRows},
		{"takes constant columns", constantColumns},
		{"stops when cancelled", cancellation},
		{"comes back from its bytes", roundTrip},
		{"refuses cut bytes", cutBytes},
		{"changes no input", noMutation},
		{"predicts concurrently", concurrently},
		{"refuses a wrong output length", wrongLength},
	}
	for _, task := range e.Tasks {
		for _, test := range tests {
			t.Run(fmt.Sprintf("%s/%s", task, test.name), func(t *testing.T) {
				t.Parallel()
				test.run(t, e, task)
			})
		}
	}
}

func train(t *testing.T, e Estimator, x *frame.Frame, y ml.Target, threads int) ml.Predictor {
	t.Helper()
	m, err := e.Train(t.Context(), x, y, ml.Options{Threads: threads})
	if err != nil {
		t.Fatalf("train: %v", err)
	}
	return m
}

func predict(t *testing.T, m ml.Predictor, x *frame.Frame) []float64 {
	t.Helper()
	out := make([]float64, x.Rows()*m.Outputs())
	if err := m.Predict(x, out); err != nil {
		t.Fatalf("predict: %v", err)
	}
	return out
}

func encode(t *testing.T, e Estimator, m ml.Predictor) []byte {
	t.Helper()
	b, err := e.Encode(m)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return b
}

func learns(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	if !e.Learns {
		t.Skip("it need not")
	}
	x, y := table(e, task, false)
	out := predict(t, train(t, e, x, y, 2), x)
	name, least := metric.Accuracy, 0.85
	if task == ml.Regression {
		name, least = metric.R2, 0.85
	}
	got, err := metric.Score(name, y, out)
	if err != nil {
		t.Fatal(err)
	}
	if got < least {
		t.Errorf("%s is %.3f on the training rows, want at least %.2f", name, got, least)
	}
}

func properOutputs(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	x, y := table(e, task, e.Missing)
	m := train(t, e, x, y, 2)
	if got, want := m.Outputs(), y.Outputs(); got != want {
		t.Fatalf("%d outputs, want %d", got, want)
	}
	out := predict(t, m, x)
	for i := 0; i < len(out); i += m.Outputs() {
		sum := 0.0
		for _, v := range out[i : i+m.Outputs()] {
			if math.IsNaN(v) || math.IsInf(v, 0) || task != ml.Regression && (v < 0 || v > 1) {
				t.Fatalf("row %d has the output %v", i/m.Outputs(), v)
			}
			sum += v
		}
		if task != ml.Regression && math.Abs(sum-1) > 1e-9 {
			t.Fatalf("the probabilities of row %d sum to %v", i/m.Outputs(), sum)
		}
	}
}

func deterministic(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	x, y := table(e, task, e.Missing)
	want := encode(t, e, train(t, e, x, y, 1))
	for _, threads := range []int{1, 2, 8} {
		if got := encode(t, e, train(t, e, x, y, threads)); !bytes.Equal(got, want) {
			t.Errorf("with %d threads the model has other bytes", threads)
		}
	}
}

func missingValues(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	if !e.Missing {
		t.Skip("it takes none")
	}
	x, y := table(e, task, true)
	m := train(t, e, x, y, 2)
	columns := make([]frame.Column, 0, len(x.Columns()))
	for _, c := range x.Columns() {
		columns = append(columns, blank(c))
	}
	gone, err := frame.New(columns...)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range predict(t, m, gone) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("output %d of rows without any value is %v", i, v)
		}
	}
}

// blank returns c with every value missing.
func blank(c frame.Column) frame.Column {
	switch c.Type() {
	case frame.Float:
		values := make([]float64, c.Len())
		for i := range values {
			values[i] = math.NaN()
		}
		return frame.NewFloat(c.Name(), values)
	case frame.String:
		codes := make([]int32, c.Len())
		for i := range codes {
			codes[i] = -1
		}
		return frame.NewString(c.Name(), codes, c.Dict())
	default:
		var nulls frame.Bitmap
		for i := range c.Len() {
			nulls.Set(i)
		}
		return frame.NewInt(c.Name(), c.Type(), make([]int64, c.Len()), nulls)
	}
}

func singleRows(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	x, y := table(e, task, e.Missing)
	m := train(t, e, x, y, 2)
	all := predict(t, m, x)
	for i := 0; i < x.Rows(); i += 17 {
		got := predict(t, m, x.Take([]int{i}))
		want := all[i*m.Outputs() : (i+1)*m.Outputs()]
		if !slices.Equal(got, want) {
			t.Fatalf("row %d alone gives %v, among others %v", i, got, want)
		}
	}
	if got := predict(t, m, x.Take(nil)); len(got) != 0 {
		t.Fatalf("no rows give %v", got)
	}
}

func constantColumns(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	x, y := table(e, task, false)
	ones := make([]float64, x.Rows())
	for i := range ones {
		ones[i] = 1
	}
	x, err := frame.New(append(slices.Clone(x.Columns()), frame.NewFloat("one", ones))...)
	if err != nil {
		t.Fatal(err)
	}
	m := train(t, e, x, y, 2)
	for i, v := range predict(t, m, x) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("output %d is %v", i, v)
		}
	}
}

func cancellation(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	x, y := table(e, task, false)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Train(done, x, y, ml.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call returns %v", err)
	}
	during, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped := false
	_, err := e.Train(during, x, y, ml.Options{Recorder: ml.RecorderFunc(func(p ml.Progress) {
		if p.Fraction < 0.9 {
			stopped = true
			cancel()
		}
	})})
	if stopped && !errors.Is(err, context.Canceled) {
		t.Errorf("a call cancelled on its way returns %v", err)
	}
}

func roundTrip(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	x, y := table(e, task, e.Missing)
	m := train(t, e, x, y, 2)
	b := encode(t, e, m)
	back, err := e.Decode(b)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	if got := encode(t, e, back); !bytes.Equal(got, b) {
		t.Error("the decoded model has other bytes")
	}
	if got, want := predict(t, back, x), predict(t, m, x); !slices.Equal(got, want) {
		t.Error("the decoded model predicts otherwise")
	}
}

func cutBytes(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	x, y := table(e, task, false)
	b := encode(t, e, train(t, e, x, y, 2))
	for n := 0; n < len(b); n += 1 + len(b)/97 {
		if _, err := e.Decode(b[:n]); err == nil {
			t.Errorf("the first %d of %d bytes decode", n, len(b))
		}
	}
	if _, err := e.Decode(append(slices.Clone(b), 0)); err == nil {
		t.Error("a byte too many decodes")
	}
}

func noMutation(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	x, y := table(e, task, e.Missing)
	before, values := copyOf(x), slices.Clone(y.Values)
	m := train(t, e, x, y, 2)
	predict(t, m, x)
	if d := difference(before, x); d != "" {
		t.Errorf("the table was changed: %s", d)
	}
	if !slices.Equal(values, y.Values) {
		t.Error("the target was changed")
	}
}

func concurrently(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	x, y := table(e, task, e.Missing)
	m := train(t, e, x, y, 2)
	want := predict(t, m, x)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			out := make([]float64, len(want))
			if err := m.Predict(x, out); err != nil || !slices.Equal(out, want) {
				t.Errorf("another result beside others, error %v", err)
			}
		})
	}
	wg.Wait()
}

func wrongLength(t *testing.T, e Estimator, task ml.Task) {
	t.Helper()
	x, y := table(e, task, false)
	m := train(t, e, x, y, 2)
	if err := m.Predict(x, make([]float64, x.Rows()*m.Outputs()+1)); err == nil {
		t.Error("an output slice that is too long is taken")
	}
}
