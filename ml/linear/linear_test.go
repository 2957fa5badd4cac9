package linear_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
)

type reference struct {
	Name         string      `json:"name"`
	Task         ml.Task     `json:"task"`
	Alpha        float64     `json:"alpha"`
	X            [][]float64 `json:"x"`
	Y            []float64   `json:"y"`
	Weights      []float64   `json:"weights"`
	Coefficients [][]float64 `json:"coefficients"`
	Intercepts   []float64   `json:"intercepts"`
}

func references(t *testing.T) []reference {
	t.Helper()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []reference
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func (r reference) target() ml.Target {
	y := ml.Target{Task: r.Task, Values: r.Y, Weights: r.Weights}
	switch r.Task {
	case ml.Binary:
		y.Classes = []string{"no", "yes"}
	case ml.Multiclass:
		y.Classes = []string{"a", "b", "c"}
	case ml.Regression:
	}
	return y
}

func table(t *testing.T, values ...[]float64) *frame.Frame {
	t.Helper()
	columns := make([]frame.Column, len(values))
	for j, v := range values {
		columns[j] = frame.NewFloat("x"+strconv.Itoa(j), v)
	}
	x, err := frame.New(columns...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestReference(t *testing.T) {
	t.Parallel()
	for _, r := range references(t) {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			p := linear.DefaultParams()
			p.Alpha = r.Alpha
			p.Tolerance = 1e-10
			m, err := linear.Train(t.Context(), p, table(t, r.X...), r.target(), ml.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d iterations", m.Iterations())
			if !m.Converged() {
				t.Error("the fit did not converge")
			}
			for k := range r.Intercepts {
				for j, want := range r.Coefficients[k] {
					near(t, "coefficient "+strconv.Itoa(j), m.Coefficients(k)[j], want)
				}
				near(t, "intercept", m.Intercepts()[k], r.Intercepts[k])
			}
		})
	}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-5*math.Abs(want)+1e-7 {
		t.Errorf("%s of score is %v, want %v", what, got, want)
	}
}

func inputError(t *testing.T, err error, code, column string, row int) {
	t.Helper()
	var e *ml.InputError
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want an input error %s", err, code)
	}
	if e.Code != code || e.Column != column || e.Row != row || e.Message == "" {
		t.Errorf("the error is %+v, want %s of column %q, row %d", e, code, column, row)
	}
}

func TestParamsValidate(t *testing.T) {
	t.Parallel()
	tests := map[string][]linear.Params{
		"alpha":          {{Alpha: -1, MaxIterations: 1, Tolerance: 1}, {Alpha: math.NaN(), MaxIterations: 1, Tolerance: 1}, {Alpha: 1e13, MaxIterations: 1, Tolerance: 1}},
		"max_iterations": {{MaxIterations: 0, Tolerance: 1}, {MaxIterations: 1_000_001, Tolerance: 1}},
		"tolerance":      {{MaxIterations: 1}, {MaxIterations: 1, Tolerance: 2}, {MaxIterations: 1, Tolerance: math.Inf(1)}},
	}
	r := references(t)[0]
	for name, list := range tests {
		for _, p := range list {
			_, err := linear.Train(t.Context(), p, table(t, r.X...), r.target(), ml.Options{})
			inputError(t, err, "bad_parameter", "", -1)
			if e := (*ml.InputError)(nil); errors.As(err, &e) && e.Parameter != name {
				t.Errorf("parameter %q is blamed, want %q", e.Parameter, name)
			}
		}
	}
}

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	good := table(t, []float64{1, 2, 3, 4})
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 1, 0, 1}, Classes: []string{"no", "yes"}}
	with := func(change func(y *ml.Target)) ml.Target { c := y; change(&c); return c }
	texts, err := frame.New(frame.StringsOf("s", []string{"a", "b", "c", "d"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		x            *frame.Frame
		y            ml.Target
		code, column string
		row          int
	}{
		"no rows":         {table(t, []float64{}), with(func(y *ml.Target) { y.Values = nil }), "no_rows", "", -1},
		"no columns":      {good.Without("x0"), y, "no_columns", "", -1},
		"strings":         {texts, y, "column_type", "s", -1},
		"missing":         {table(t, []float64{1, 2, math.NaN(), 4}), y, "missing_value", "x0", 2},
		"infinite":        {table(t, []float64{1, math.Inf(1), 3, 4}), y, "infinite_value", "x0", 1},
		"enormous":        {table(t, []float64{1, 2, 3, -1e101}), y, "magnitude", "x0", 3},
		"one class":       {good, with(func(y *ml.Target) { y.Values = []float64{1, 1, 1, 1} }), "constant_target", "", -1},
		"weight of 0":     {good, with(func(y *ml.Target) { y.Weights = []float64{1, 0, 1, 1} }), "bad_weight", "", 1},
		"enormous weight": {good, with(func(y *ml.Target) { y.Weights = []float64{1, 1, 1, 1e101} }), "bad_weight", "", 3},
		"enormous target": {good, ml.Target{Task: ml.Regression, Values: []float64{1e200, 1, 2, 3}}, "target_magnitude", "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := linear.Train(t.Context(), linear.DefaultParams(), test.x, test.y, ml.Options{})
			inputError(t, err, test.code, test.column, test.row)
		})
	}
}

func fit(t *testing.T, p linear.Params, x *frame.Frame, y ml.Target, o ml.Options) *linear.Model {
	t.Helper()
	m, err := linear.Train(t.Context(), p, x, y, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func encode(t *testing.T, m *linear.Model) []byte {
	t.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPredict(t *testing.T) {
	t.Parallel()
	for _, r := range references(t) {
		x := table(t, r.X...)
		m := fit(t, linear.DefaultParams(), x, r.target(), ml.Options{})
		out := make([]float64, x.Rows()*m.Outputs())
		if err := m.Predict(x, out); err != nil {
			t.Fatal(err)
		}
		for i := range x.Rows() {
			scores := make([]float64, len(m.Intercepts()))
			for k := range scores {
				scores[k] = m.Intercepts()[k]
				for j, c := range m.Coefficients(k) {
					scores[k] += c * r.X[j][i]
				}
			}
			want := scores
			switch r.Task {
			case ml.Binary:
				p := 1 / (1 + math.Exp(-scores[0]))
				want = []float64{1 - p, p}
			case ml.Multiclass:
				sum := 0.0
				for _, s := range scores {
					sum += math.Exp(s)
				}
				for k, s := range scores {
					want[k] = math.Exp(s) / sum
				}
			case ml.Regression:
			}
			for k, w := range want {
				if got := out[i*m.Outputs()+k]; math.Abs(got-w) > 1e-9*max(1, math.Abs(w)) {
					t.Fatalf("%s: output %d of row %d is %v, want %v", r.Name, k, i, got, w)
				}
			}
		}
	}
}

func TestPredictRefuses(t *testing.T) {
	t.Parallel()
	r := references(t)[0]
	x := table(t, r.X...)
	m := fit(t, linear.DefaultParams(), x, r.target(), ml.Options{})
	out := make([]float64, 2*x.Rows())
	inputError(t, m.Predict(x.Without("x1"), out), "missing_column", "x1", -1)
	holes := slices.Clone(r.X)
	holes[2] = slices.Clone(holes[2])
	holes[2][7] = math.NaN()
	inputError(t, m.Predict(table(t, holes...), out), "missing_value", "x2", 7)
	if err := m.Predict(x, out[1:]); err == nil {
		t.Error("an output slice that is too short is taken")
	}
}

// TestThreads checks that a model does not depend on the number of threads,
// where there are many stretches of rows.
func TestThreads(t *testing.T) {
	t.Parallel()
	x, targets := large(t, 30_000, 5)
	for _, y := range targets {
		var progress []ml.Progress
		one := fit(t, linear.DefaultParams(), x, y, ml.Options{Threads: 1, Recorder: ml.RecorderFunc(func(p ml.Progress) {
			progress = append(progress, p)
		})})
		if !one.Converged() || len(progress) < 3 || progress[len(progress)-1].Fraction != 1 {
			t.Errorf("converged: %t, progress %v", one.Converged(), progress)
		}
		for _, threads := range []int{2, 7} {
			if !bytes.Equal(encode(t, fit(t, linear.DefaultParams(), x, y, ml.Options{Threads: threads})), encode(t, one)) {
				t.Errorf("with %d threads the %s model has other bytes", threads, y.Task)
			}
		}
	}
}

// large makes a table and a target of each task.
func large(tb testing.TB, rows, columns int) (*frame.Frame, []ml.Target) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	list := make([]frame.Column, columns)
	value := make([]float64, rows)
	for j := range list {
		v := make([]float64, rows)
		for i := range v {
			v[i] = r.NormFloat64()*float64(j+1) + 10
			value[i] += (v[i] - 10) / float64(j+1)
		}
		list[j] = frame.NewFloat("x"+strconv.Itoa(j), v)
	}
	x, err := frame.New(list...)
	if err != nil {
		tb.Fatal(err)
	}
	two, three := make([]float64, rows), make([]float64, rows)
	for i := range value {
		value[i] += r.NormFloat64()
		if value[i] > 0 {
			two[i] = 1
		}
		three[i] = max(0, min(2, math.Floor(value[i]/2+1.5)))
	}
	return x, []ml.Target{
		{Task: ml.Binary, Values: two, Classes: []string{"no", "yes"}},
		{Task: ml.Multiclass, Values: three, Classes: []string{"a", "b", "c"}},
		{Task: ml.Regression, Values: value},
	}
}

func TestTrainStopsWithItsContext(t *testing.T) {
	t.Parallel()
	x, targets := large(t, 5000, 3)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := linear.Train(done, linear.DefaultParams(), x, targets[0], ml.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
	during, stop := context.WithCancel(t.Context())
	defer stop()
	calls := 0
	_, err := linear.Train(during, linear.DefaultParams(), x, targets[0], ml.Options{Recorder: ml.RecorderFunc(func(ml.Progress) {
		calls++
		stop()
	})})
	if !errors.Is(err, context.Canceled) || calls > 2 {
		t.Errorf("the error is %v after %d iterations, want %v at once", err, calls, context.Canceled)
	}
}

// TestOddTables fits what is legal but hard.
func TestOddTables(t *testing.T) {
	t.Parallel()
	regression := func(v ...float64) ml.Target { return ml.Target{Task: ml.Regression, Values: v} }
	ramp, ones, steps := make([]float64, 50), slices.Repeat([]float64{1}, 50), make([]float64, 50)
	huge := make([]float64, 50)
	for i := range ramp {
		ramp[i] = float64(i)
		huge[i] = float64(i) * 1e98
		if i >= 25 {
			steps[i] = 1
		}
	}
	binary := ml.Target{Task: ml.Binary, Values: steps, Classes: []string{"no", "yes"}}
	tests := map[string]struct {
		x     *frame.Frame
		y     ml.Target
		alpha float64
		want  float64 // the last output of the last row
	}{
		"one row":                  {table(t, []float64{3}), regression(5), 1, 5},
		"constant column":          {table(t, ones), regression(ramp...), 1, 24.5},
		"constant target":          {table(t, ramp), regression(slices.Repeat([]float64{7}, 50)...), 1, 7},
		"the same column twice":    {table(t, ramp, ramp), regression(ramp...), 0, 49},
		"more columns than rows":   {table(t, ramp[:2], ones[:2], steps[24:26]), regression(1, 2), 0, 2},
		"separable, no penalty":    {table(t, ramp), binary, 0, 1},
		"enormous and tiny":        {table(t, huge), regression(huge...), 0, 49e98},
		"enormous, one class rare": {table(t, huge), binary, 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := linear.DefaultParams()
			p.Alpha = test.alpha
			m := fit(t, p, test.x, test.y, ml.Options{})
			out := make([]float64, test.x.Rows()*m.Outputs())
			if err := m.Predict(test.x, out); err != nil {
				t.Fatal(err)
			}
			if got := out[len(out)-1]; math.IsNaN(got) || math.Abs(got-test.want) > 1e-3*max(1, math.Abs(test.want)) {
				t.Errorf("the last output is %v, want %v", got, test.want)
			}
		})
	}
}

func TestIterationsEnd(t *testing.T) {
	t.Parallel()
	r := references(t)[0]
	p := linear.DefaultParams()
	p.MaxIterations = 2
	m := fit(t, p, table(t, r.X...), r.target(), ml.Options{})
	if m.Converged() || m.Iterations() != 2 {
		t.Errorf("converged: %t after %d iterations, want false after 2", m.Converged(), m.Iterations())
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, r := range references(t) {
		x := table(t, r.X...)
		m := fit(t, linear.DefaultParams(), x, r.target(), ml.Options{})
		b := encode(t, m)
		back, err := linear.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encode(t, back), b) || !slices.Equal(back.Columns(), m.Columns()) {
			t.Error("the decoded model is another")
		}
		for n := range b {
			if _, err := linear.Decode(b[:n]); err == nil {
				t.Fatalf("the first %d of %d bytes decode", n, len(b))
			}
		}
		if _, err := linear.Decode(append(b, 0)); err == nil {
			t.Error("a byte too many decodes")
		}
	}
}

// FuzzDecode checks that what decodes predicts without a panic and has the same
// bytes again.
func FuzzDecode(f *testing.F) {
	x, targets := large(f, 50, 2)
	for _, y := range targets {
		m, err := linear.Train(f.Context(), linear.DefaultParams(), x, y, ml.Options{})
		if err != nil {
			f.Fatal(err)
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := linear.Decode(b)
		if err != nil {
			return
		}
		if !bytes.Equal(encode(t, m), b) {
			t.Fatal("the decoded model has other bytes")
		}
		if m.Outputs() < 1000 {
			_ = m.Predict(x, make([]float64, x.Rows()*m.Outputs())) // may lack columns
		}
	})
}

func BenchmarkTrain(b *testing.B) {
	x, targets := large(b, 100_000, 28)
	for _, y := range targets {
		b.Run(string(y.Task), func(b *testing.B) {
			for b.Loop() {
				if _, err := linear.Train(b.Context(), linear.DefaultParams(), x, y, ml.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPredict(b *testing.B) {
	x, targets := large(b, 100_000, 28)
	m, err := linear.Train(b.Context(), linear.DefaultParams(), x, targets[0], ml.Options{})
	if err != nil {
		b.Fatal(err)
	}
	out := make([]float64, 2*x.Rows())
	for b.Loop() {
		if err := m.Predict(x, out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(x.Rows())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
