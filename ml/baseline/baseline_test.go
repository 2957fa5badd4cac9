package baseline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/baseline"
	"github.com/narrativeml/narrative/ml/frame"
)

func rows(tb testing.TB, n int) *frame.Frame {
	tb.Helper()
	x, err := frame.New(frame.NewFloat("a", make([]float64, n)))
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

func TestTrain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		y    ml.Target
		want []float64
	}{
		"binary":     {ml.Target{Task: ml.Binary, Values: []float64{0, 1, 1, 1}, Classes: []string{"no", "yes"}}, []float64{0.25, 0.75}},
		"weights":    {ml.Target{Task: ml.Binary, Values: []float64{0, 1}, Classes: []string{"no", "yes"}, Weights: []float64{9e307, 9e307}}, []float64{0.5, 0.5}},
		"multiclass": {ml.Target{Task: ml.Multiclass, Values: []float64{0, 2, 0, 0}, Classes: []string{"a", "b", "c"}}, []float64{0.75, 0, 0.25}},
		"regression": {ml.Target{Task: ml.Regression, Values: []float64{1, 2, 6}}, []float64{3}},
		"weighted":   {ml.Target{Task: ml.Regression, Values: []float64{1, 5}, Weights: []float64{3, 1}}, []float64{2}},
		"large":      {ml.Target{Task: ml.Regression, Values: []float64{math.MaxFloat64, math.MaxFloat64}}, []float64{math.MaxFloat64}},
		"one row":    {ml.Target{Task: ml.Regression, Values: []float64{4}}, []float64{4}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var last ml.Progress
			m, err := baseline.Train(t.Context(), baseline.DefaultParams(), rows(t, test.y.Len()), test.y, ml.Options{
				Recorder: ml.RecorderFunc(func(p ml.Progress) { last = p }),
			})
			if err != nil {
				t.Fatal(err)
			}
			if last.Fraction != 1 {
				t.Errorf("the last progress is %+v", last)
			}
			b, err := m.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			back, err := baseline.Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []*baseline.Model{m, back} {
				out := make([]float64, 3*m.Outputs())
				if err := m.Predict(rows(t, 3), out); err != nil {
					t.Fatal(err)
				}
				if want := slices.Repeat(test.want, 3); !slices.EqualFunc(out, want, func(a, b float64) bool {
					return math.Abs(a-b) <= 1e-12*math.Abs(b)
				}) {
					t.Errorf("predictions are %v, want %v", out, want)
				}
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	one := ml.Target{Task: ml.Binary, Values: []float64{1, 1}, Classes: []string{"no", "yes"}}
	var e *ml.InputError
	if _, err := baseline.Train(t.Context(), baseline.Params{}, rows(t, 2), one, ml.Options{}); !errors.As(err, &e) || e.Code != "constant_target" {
		t.Errorf("the error of one class is %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	y := ml.Target{Task: ml.Regression, Values: []float64{1, 2}}
	if _, err := baseline.Train(done, baseline.Params{}, rows(t, 2), y, ml.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
	m, err := baseline.Train(t.Context(), baseline.Params{}, rows(t, 2), y, ml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Predict(rows(t, 2), make([]float64, 3)); err == nil {
		t.Error("an output slice that is too long is taken")
	}
	if err := baseline.DefaultParams().Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzDecode checks that what decodes has the same bytes again.
func FuzzDecode(f *testing.F) {
	m, err := baseline.Train(f.Context(), baseline.Params{}, rows(f, 2), ml.Target{Task: ml.Regression, Values: []float64{1, 2}}, ml.Options{})
	if err != nil {
		f.Fatal(err)
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add(append(bytes.Clone(b[:6]), 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := baseline.Decode(b)
		if err != nil {
			return
		}
		if again, err := m.AppendBinary(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("the decoded model has other bytes (%v)", err)
		}
		if err := m.Predict(rows(t, 2), make([]float64, 2*m.Outputs())); err != nil {
			t.Fatal(err)
		}
	})
}

func ExampleTrain() {
	x, err := frame.New(frame.NewFloat("age", []float64{20, 30, 40, 50}))
	if err != nil {
		fmt.Println(err)
		return
	}
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 0, 0, 1}, Classes: []string{"stays", "leaves"}}
	m, err := baseline.Train(context.Background(), baseline.DefaultParams(), x, y, ml.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	out := make([]float64, 8)
	if err := m.Predict(x, out); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out[:2])
	// Output: [0.75 0.25]
}
