package linear_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
)

func TestParamsValidate(t *testing.T) {
	t.Parallel()
	nan, inf := math.NaN(), math.Inf(1)
	tests := map[string]struct {
		limits string
		change []func(p *linear.Params)
	}{
		"alpha": {"0 to 1e12", []func(p *linear.Params){
			func(p *linear.Params) { p.Alpha = -1 }, func(p *linear.Params) { p.Alpha = nan }, func(p *linear.Params) { p.Alpha = 1e13 },
		}},
		"l1_ratio": {"0 to 1", []func(p *linear.Params){
			func(p *linear.Params) { p.L1Ratio = -0.1 }, func(p *linear.Params) { p.L1Ratio = 1.1 }, func(p *linear.Params) { p.L1Ratio = nan },
		}},
		"loss": {"log_loss", []func(p *linear.Params){
			func(p *linear.Params) { p.Loss = "hinge" },
			func(p *linear.Params) { p.Loss = linear.SquaredError }, // the task is binary
			func(p *linear.Params) { p.Loss = linear.Poisson },
		}},
		"max_iterations": {"1 to 1000000", []func(p *linear.Params){
			func(p *linear.Params) { p.MaxIterations = 0 }, func(p *linear.Params) { p.MaxIterations = 1_000_001 },
		}},
		"tolerance": {"1e-14 to 1", []func(p *linear.Params){
			func(p *linear.Params) { p.Tolerance = 0 }, func(p *linear.Params) { p.Tolerance = 2 }, func(p *linear.Params) { p.Tolerance = inf },
		}},
	}
	r := references(t)[0]
	for name, test := range tests {
		for _, change := range test.change {
			p := linear.DefaultParams()
			change(&p)
			_, err := linear.Train(t.Context(), p, r.x, r.target(), ml.Options{})
			inputError(t, err, "bad_parameter", "", -1)
			if e := (*ml.InputError)(nil); errors.As(err, &e) && (e.Parameter != name || !strings.Contains(e.Message, test.limits)) {
				t.Errorf("%q is blamed: %s; want %q with its limits %s", e.Parameter, e.Message, name, test.limits)
			}
		}
	}
	p := linear.DefaultParams()
	p.Loss = linear.LogLoss
	_, err := linear.Train(t.Context(), p, r.x, ml.Target{Task: ml.Regression, Values: r.Y}, ml.Options{})
	inputError(t, err, "bad_parameter", "", -1)
	if err := linear.DefaultParams().Validate(); err != nil {
		t.Error(err)
	}
}

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	good := table(t, []float64{1, 2, 3, 4})
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 1, 0, 1}, Classes: []string{"no", "yes"}}
	with := func(change func(y *ml.Target)) ml.Target { c := y; change(&c); return c }
	regression := func(v ...float64) ml.Target { return ml.Target{Task: ml.Regression, Values: v} }
	tests := map[string]struct {
		x            *frame.Frame
		y            ml.Target
		loss         linear.Loss
		code, column string
		row          int
	}{
		"no rows":           {table(t, []float64{}), with(func(y *ml.Target) { y.Values = nil }), "", "no_rows", "", -1},
		"no columns":        {good.Without("x0"), y, "", "no_columns", "", -1},
		"integers":          {newFrame(t, frame.NewInt("n", frame.Int, []int64{1, 2, 3, 4}, nil)), y, "", "column_type", "n", -1},
		"missing":           {table(t, []float64{1, 2, math.NaN(), 4}), y, "", "missing_value", "x0", 2},
		"all missing":       {table(t, []float64{math.NaN(), math.NaN(), math.NaN(), math.NaN()}), y, "", "missing_value", "x0", 0},
		"infinite":          {table(t, []float64{1, math.Inf(1), 3, 4}), y, "", "infinite_value", "x0", 1},
		"second column":     {table(t, []float64{1, 2, 3, 4}, []float64{1, 2, 3, math.Inf(-1)}), y, "", "infinite_value", "x1", 3},
		"enormous":          {table(t, []float64{1, 2, 3, -1e101}), y, "", "magnitude", "x0", 3},
		"one class":         {good, with(func(y *ml.Target) { y.Values = []float64{1, 1, 1, 1} }), "", "constant_target", "", -1},
		"no such class":     {good, with(func(y *ml.Target) { y.Values = []float64{0, 1, 2, 1} }), "", "unknown_class", "", 2},
		"weight of 0":       {good, with(func(y *ml.Target) { y.Weights = []float64{1, 0, 1, 1} }), "", "bad_weight", "", 1},
		"negative weight":   {good, with(func(y *ml.Target) { y.Weights = []float64{1, 1, -1, 1} }), "", "bad_weight", "", 2},
		"enormous weight":   {good, with(func(y *ml.Target) { y.Weights = []float64{1, 1, 1, 1e101} }), "", "bad_weight", "", 3},
		"tiny weight":       {good, with(func(y *ml.Target) { y.Weights = []float64{1e-101, 1, 1, 1} }), "", "bad_weight", "", 0},
		"missing target":    {good, regression(1, 2, math.NaN(), 3), "", "missing_target", "", 2},
		"enormous target":   {good, regression(1e200, 1, 2, 3), "", "target_magnitude", "", 0},
		"negative count":    {good, regression(0, 1, 2, -1), linear.Poisson, "negative_target", "", 3},
		"nothing to count":  {good, regression(0, 0, 0, 0), linear.Poisson, "zero_target", "", -1},
		"a row, one class":  {table(t, []float64{1}), with(func(y *ml.Target) { y.Values = []float64{1} }), "", "constant_target", "", -1},
		"weights too short": {good, with(func(y *ml.Target) { y.Weights = []float64{1} }), "", "weights_length", "", -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := linear.DefaultParams()
			p.Loss = test.loss
			_, err := linear.Train(t.Context(), p, test.x, test.y, ml.Options{})
			inputError(t, err, test.code, test.column, test.row)
		})
	}
}

// TestThreads checks that a model does not depend on the number of threads,
// where there are many stretches of rows, and columns that are summed by
// themselves.
func TestThreads(t *testing.T) {
	t.Parallel()
	numbers, list := dense(t, 30_000, 5)
	texts, of := sparse(t, 20_000, 2, 6000)
	for i := range list {
		for _, ratio := range []float64{0, 0.5} {
			for _, c := range []struct {
				x *frame.Frame
				problem
			}{{numbers, list[i]}, {texts, of[i]}} {
				p := c.params()
				p.Alpha, p.L1Ratio, p.Tolerance = 10, ratio, 1e-5
				one := encode(t, fit(t, p, c.x, c.y, ml.Options{Threads: 1}))
				for _, threads := range []int{2, 7} {
					if !bytes.Equal(encode(t, fit(t, p, c.x, c.y, ml.Options{Threads: threads})), one) {
						t.Errorf("with %d threads the %s model has other bytes", threads, c.name)
					}
				}
			}
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	x, list := sparse(t, 3000, 3, 50)
	for _, problem := range list {
		for _, ratio := range []float64{0, 1} {
			p := problem.params()
			p.L1Ratio = ratio
			var all []ml.Progress
			m := fit(t, p, x, problem.y, ml.Options{Recorder: ml.RecorderFunc(func(p ml.Progress) { all = append(all, p) })})
			last := 0.0
			for _, p := range all {
				if p.Fraction < last || p.Fraction > 1 || p.Stage == "" {
					t.Fatalf("%+v after %v", p, last)
				}
				last = p.Fraction
			}
			middle := all[len(all)/2].Fraction
			if !m.Converged() || len(all) < 5 || last != 1 || middle < 0.05 || middle > 0.95 || all[len(all)-1].Message == "" {
				t.Errorf("%s: %d reports, half of them at %v, the last %+v", problem.name, len(all), middle, all[len(all)-1])
			}
		}
	}
}

func TestTrainStopsWithItsContext(t *testing.T) {
	t.Parallel()
	x, list := dense(t, 5000, 3)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	p := linear.DefaultParams()
	if _, err := linear.Train(done, p, x, list[0].y, ml.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
	for _, p.L1Ratio = range []float64{0, 1} {
		during, stop := context.WithCancel(t.Context())
		calls := 0
		_, err := linear.Train(during, p, x, list[0].y, ml.Options{Recorder: ml.RecorderFunc(func(ml.Progress) {
			calls++
			stop()
		})})
		if !errors.Is(err, context.Canceled) || calls > 2 {
			t.Errorf("the error is %v after %d iterations, want %v at once", err, calls, context.Canceled)
		}
	}
}

// TestStopsWithinAPass checks that no further block of rows is looked at once the
// team is to stop.
func TestStopsWithinAPass(t *testing.T) {
	t.Parallel()
	x, list := sparse(t, 20_000, 3, 10)
	seen, all, err := linear.BlocksAfterStop(t.Context(), x, list[0].y)
	if err != nil || seen != 1 || all < 10 {
		t.Errorf("%d of %d blocks are looked at, %v; want the one of them that stops", seen, all, err)
	}
}

// TestOddTables fits what is legal but hard.
func TestOddTables(t *testing.T) {
	t.Parallel()
	regression := func(v ...float64) ml.Target { return ml.Target{Task: ml.Regression, Values: v} }
	ramp, ones, steps, turns := make([]float64, 50), slices.Repeat([]float64{1}, 50), make([]float64, 50), make([]float64, 50)
	huge, tiny, far := make([]float64, 50), make([]float64, 50), make([]float64, 50)
	none := make([]*string, 50)
	for i := range ramp {
		ramp[i] = float64(i)
		huge[i], tiny[i], far[i] = float64(i)*1e98, float64(i)*1e-98, 1e9+float64(i)
		turns[i] = float64(i % 2)
		if i >= 25 {
			steps[i] = 1
		}
	}
	binary := ml.Target{Task: ml.Binary, Values: steps, Classes: []string{"no", "yes"}}
	three := ml.Target{Task: ml.Multiclass, Values: steps, Classes: []string{"no", "yes", "never"}}
	ids := frame.StringsOf("id", strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H I J K L M N O P Q R S T U V W X"), nil)
	extremes := slices.Repeat([]float64{1e-90, 1e90}, 25)
	tests := map[string]struct {
		x           *frame.Frame
		y           ml.Target
		loss        linear.Loss
		alpha, want float64 // the last output of the last row
	}{
		"one row":                   {table(t, []float64{3}), regression(5), "", 1, 5},
		"one row of strings":        {newFrame(t, frame.StringsOf("s", []string{"a"}, nil)), regression(5), "", 1, 5},
		"one count":                 {table(t, []float64{3}), regression(5), linear.Poisson, 1, 5},
		"constant column":           {table(t, ones), regression(ramp...), "", 1, 24.5},
		"constant, no penalty":      {table(t, slices.Repeat([]float64{0.1}, 50)), regression(ramp...), "", 0, 24.5},
		"constant, very many rows":  {table(t, slices.Repeat([]float64{0.1}, 100_000)), regression(slices.Repeat(turns, 2000)...), "", 0, 0.5},
		"constant strings":          {newFrame(t, frame.NewString("s", make([]int32, 50), []string{"a"})), regression(ramp...), "", 1, 24.5},
		"strings, all missing":      {newFrame(t, words("s", none)), regression(ramp...), "", 1, 24.5},
		"constant target":           {table(t, ramp), regression(slices.Repeat([]float64{7}, 50)...), "", 1, 7},
		"constant counts":           {table(t, ramp), regression(slices.Repeat([]float64{7}, 50)...), linear.Poisson, 1, 7},
		"the same column twice":     {table(t, ramp, ramp), regression(ramp...), "", 0, 49},
		"twice, binary":             {table(t, turns, turns, ramp, ramp), binary, "", 1e-9, 1},
		"twice, counts":             {table(t, ramp, ramp), regression(ramp...), linear.Poisson, 0, 59.304682},
		"more columns than rows":    {table(t, ramp[:2], ones[:2], steps[24:26]), regression(1, 2), "", 0, 2},
		"separable, no penalty":     {table(t, ramp), binary, "", 0, 1},
		"separable by strings":      {newFrame(t, ids), binary, "", 0, 1},
		"a category of noughts":     {newFrame(t, frame.NewString("s", []int32{0, 0, 1, 1}, []string{"a", "b"})), regression(3, 5, 0, 0), linear.Poisson, 0, 0},
		"three classes, one absent": {table(t, ramp), three, "", 0.1, 0},
		"a category for each row":   {newFrame(t, ids), regression(ramp...), "", 0, 49},
		"enormous":                  {table(t, huge), regression(huge...), "", 0, 49e98},
		"enormous counts":           {table(t, ramp), regression(huge...), linear.Poisson, 0, 59.304682e98},
		"tiny":                      {table(t, tiny), regression(ramp...), "", 0, 49},
		"far from 0":                {table(t, far), regression(ramp...), "", 0, 49},
		"enormous, binary":          {table(t, huge), binary, "", 0, 1},
		"enormous and tiny weights": {table(t, ramp), ml.Target{Task: ml.Regression, Values: ramp, Weights: extremes}, "", 0, 49},
		"the strongest penalty":     {table(t, ramp), regression(ramp...), "", 1e12, 24.5},
	}
	for name, test := range tests {
		for _, ratio := range []float64{0, 0.5, 1} {
			if ratio > 0 && (test.alpha == 0 || test.loss == linear.Poisson) {
				continue // nothing to divide, or to divide it draws the counts to their mean
			}
			t.Run(fmt.Sprint(name, ratio), func(t *testing.T) {
				t.Parallel()
				p := linear.DefaultParams()
				p.Alpha, p.L1Ratio, p.Loss = test.alpha, ratio, test.loss
				m := fit(t, p, test.x, test.y, ml.Options{})
				out := predict(t, m, test.x)
				t.Logf("%d iterations", m.Iterations())
				if got := out[len(out)-1]; math.IsNaN(got) || math.Abs(got-test.want) > 1e-3*max(1, math.Abs(test.want)) && ratio == 0 {
					t.Errorf("the last output is %v, want %v", got, test.want)
				}
				if !m.Converged() {
					t.Error("the fit did not converge")
				}
			})
		}
	}
}

func TestIterationsEnd(t *testing.T) {
	t.Parallel()
	r := references(t)[0]
	for _, ratio := range []float64{0, 1} {
		p := linear.DefaultParams()
		p.MaxIterations, p.L1Ratio = 2, ratio
		m := fit(t, p, r.x, r.target(), ml.Options{})
		if m.Converged() || m.Iterations() != 2 {
			t.Errorf("converged: %t after %d iterations, want false after 2", m.Converged(), m.Iterations())
		}
	}
}

// TestManyCategories trains on a column of 100,000 categories, most of them in
// one row, and on such a one beside which the target says nothing.
func TestManyCategories(t *testing.T) {
	t.Parallel()
	const n = 120_000
	text, y := make([]string, n), ml.Target{Task: ml.Binary, Values: make([]float64, n), Classes: []string{"no", "yes"}}
	for i := range text {
		text[i] = strconv.Itoa(i * 7919 % 100_000)
		y.Values[i] = float64((i * 7919 % 100_000) % 2)
	}
	x := newFrame(t, frame.StringsOf("s", text, nil))
	m := fit(t, linear.DefaultParams(), x, y, ml.Options{})
	right := 0
	for i, p := range predict(t, m, x) {
		if i%2 == 1 && (p > 0.5) == (y.Values[i/2] == 1) {
			right++
		}
	}
	if len(m.Coefficients(0)) != 100_000 || !m.Converged() || right != n {
		t.Errorf("%d coefficients, converged: %t, %d rows of %d are right", len(m.Coefficients(0)), m.Converged(), right, n)
	}
}
