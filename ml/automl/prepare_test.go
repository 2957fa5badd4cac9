package automl_test

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
	"github.com/narrativeml/narrative/ml/preprocess"
)

func TestPreparationParams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, parameter string
		change          func(p *automl.Params)
	}{
		{"unknown_imputation", "imputation", func(p *automl.Params) { p.Imputation = "most_frequent" }},
		{"unknown_imputation", "imputation", func(p *automl.Params) { p.Imputation = "constant" }},
		{"unknown_scaling", "scaling", func(p *automl.Params) { p.Scaling = "log" }},
		{"invalid_parameter", "min_variance", func(p *automl.Params) { p.MinVariance = -1 }},
		{"invalid_parameter", "min_variance", func(p *automl.Params) { p.MinVariance = math.NaN() }},
		{"invalid_parameter", "min_variance", func(p *automl.Params) { p.MinVariance = math.Inf(1) }},
		{"invalid_parameter", "max_correlation", func(p *automl.Params) { p.MaxCorrelation = 1.01 }},
		{"invalid_parameter", "max_correlation", func(p *automl.Params) { p.MaxCorrelation = math.NaN() }},
	} {
		p := params("target")
		c.change(&p)
		if e := wantCode(t, p.Validate(), c.code); e.Parameter != c.parameter {
			t.Errorf("%q is blamed, want %q", e.Parameter, c.parameter)
		}
	}
	for _, list := range [][]string{automl.Imputations(), automl.Scalings()} {
		for _, name := range list {
			p := params("target")
			if slices.Contains(automl.Scalings(), name) {
				p.Scaling = name
			} else {
				p.Imputation = name
			}
			if err := p.Validate(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// prepared returns parameters with each way to prepare the rows in turn.
func prepared() map[string]automl.Params {
	all := map[string]automl.Params{"default": quick()}
	add := func(name string, change func(p *automl.Params)) {
		p := quick()
		change(&p)
		all[name] = p
	}
	for _, by := range []string{"mean", "mode"} {
		add(by, func(p *automl.Params) { p.Imputation = by })
	}
	for _, by := range []string{"minmax", "robust", "maxabs", "none"} {
		add(by, func(p *automl.Params) { p.Scaling = by })
	}
	add("cycles", func(p *automl.Params) { p.DateCycles = true })
	add("min_variance", func(p *automl.Params) { p.MinVariance = 15 })
	add("max_correlation", func(p *automl.Params) { p.MaxCorrelation = 0.25 })
	return all
}

// TestPreparations trains with each: every one makes another linear model, which
// does well, and a call does not take up what another one left.
func TestPreparations(t *testing.T) {
	t.Parallel()
	x := mixedTable(t)
	models := map[string][]byte{}
	first := newMemory()
	usual := prepared()["default"]
	usual.Algorithms = []string{"linear"}
	train(t, usual, x, automl.Options{Checkpoint: first})
	for name, p := range prepared() {
		p.Algorithms = []string{"linear"}
		left := newMemory()
		maps.Copy(left.data, first.data)
		stale := 0
		r := train(t, p, x, automl.Options{Checkpoint: left, Recorder: ml.RecorderFunc(func(q ml.Progress) {
			if strings.Contains(q.Message, "is not used") {
				stale++
			}
		})})
		want := left.loaded
		if name == "default" {
			want = 0
		}
		if left.loaded == 0 || stale != want {
			t.Errorf("%s: of %d fits of the default %d are not used, want %d", name, left.loaded, stale, want)
		}
		least := 0.9
		if name == "min_variance" {
			least = 0.75 // what says most goes
		}
		if got := r.Leaderboard[0].Holdout[metric.ROCAUC]; got < least {
			t.Errorf("%s scores %v", name, got)
		}
		b := write(t, r.Model)
		for other, model := range models {
			if bytes.Equal(b, model) {
				t.Errorf("%s makes the model of %s", name, other)
			}
		}
		models[name] = b
		again := newMemory()
		equalResults(t, train(t, p, x, automl.Options{Checkpoint: again, Threads: 8}), r)
		equalResults(t, train(t, p, x, automl.Options{Checkpoint: again}), r)
	}
	p := quick()
	p.Algorithms, p.Imputation, p.Scaling = []string{"linear"}, "median", "standard"
	if !bytes.Equal(write(t, train(t, p, x, automl.Options{}).Model), models["default"]) {
		t.Error("the defaults have other names than median and standard")
	}
}

// TestSelection leaves columns out of every model but the baseline, says so, and
// asks nobody for them who predicts.
func TestSelection(t *testing.T) {
	t.Parallel()
	const n = 300
	x := newFrame(t,
		nums("x", n, func(i int) float64 { return math.Sin(float64(i)) }),
		nums("x again", n, func(i int) float64 { return 3 - 100*math.Sin(float64(i)) }),
		nums("small", n, func(i int) float64 { return 1e-3 * math.Cos(float64(7*i)) }),
		strs("target", n, yesNo),
	)
	p := quick()
	p.MinVariance, p.MaxCorrelation = 1e-4, 0.99
	for _, algorithm := range automl.Algorithms() {
		p.Algorithms = []string{algorithm}
		r := train(t, p, x, automl.Options{})
		var names []string
		for _, in := range r.Model.Inputs() {
			names = append(names, in.Name)
		}
		want, told := []string{"x"}, true
		if algorithm == "baseline" {
			want, told = []string{"x", "x again", "small"}, false
		}
		note := `were left out of the model: "x again", "small".`
		if !slices.Equal(names, want) || strings.Contains(strings.Join(r.Notes, " "), note) != told {
			t.Errorf("%s: inputs %q, notes %q", algorithm, names, r.Notes)
		}
		for _, s := range r.Model.Parts().Steps {
			if _, ok := s.(*preprocess.Drop); ok {
				t.Errorf("%s drops columns that are no inputs", algorithm)
			}
		}
		if err := r.Model.Predict(x.Without("x again", "small"), make([]float64, 2*n)); algorithm != "baseline" && err != nil {
			t.Error(err)
		}
	}
	// A column that only rows held out vary in is none that varies.
	p.Algorithms, p.MinVariance = []string{"linear"}, 10_000
	_, err := automl.Train(t.Context(), p, x, automl.Options{})
	if e := wantCode(t, err, "no_features"); e.Parameter != "min_variance" {
		t.Errorf("%+v", e)
	}
}

// TestManyColumnsLeftOut names some and counts the rest.
func TestManyColumnsLeftOut(t *testing.T) {
	t.Parallel()
	const n = 100
	columns := []frame.Column{strs("target", n, yesNo)}
	for k := range 26 {
		columns = append(columns, nums(string(rune('a'+k)), n, func(i int) float64 { return float64(k+1) * math.Sin(float64(i)) }))
	}
	p := quick()
	p.Algorithms, p.MaxCorrelation = []string{"linear"}, 0.9
	r := train(t, p, newFrame(t, columns...), automl.Options{})
	if all := strings.Join(r.Notes, " "); !strings.Contains(all, `"b", "c"`) || !strings.Contains(all, `"u" and 5 more.`) {
		t.Errorf("notes %q", r.Notes)
	}
}

// TestDateCycles has targets that go around with the months, the year, the week
// and the day: only with cycles can a linear model follow.
func TestDateCycles(t *testing.T) {
	t.Parallel()
	const n = 600
	const hour = 60 * 60 * 1e6
	for name, c := range map[string]struct {
		step   int64   // between rows, hours
		period float64 // of the target, hours
	}{
		"year": {3 * 24, 365.25 * 24},
		"week": {24, 7 * 24},
		"day":  {5, 24},
	} {
		at := make([]int64, n)
		for i := range at {
			at[i] = int64(i) * c.step * hour
		}
		x := newFrame(t,
			frame.NewInt("at", frame.Time, at, nil),
			nums("target", n, func(i int) float64 { return math.Cos(2 * math.Pi * float64(int64(i)*c.step) / c.period) }),
		)
		p := quick()
		p.Algorithms, p.Metric = []string{"linear"}, metric.R2
		plain := train(t, p, x, automl.Options{}).Leaderboard[0].Holdout[metric.R2]
		p.DateCycles = true
		around := train(t, p, x, automl.Options{}).Leaderboard[0].Holdout[metric.R2]
		if plain > 0.7 || around < 0.95 {
			t.Errorf("%s: R² is %.3f without cycles and %.3f with them", name, plain, around)
		}
	}
}

// TestThePenaltyOfCategories follows the scaling of numbers: with the standard
// one common and rare categories are drawn to 0 alike, with another one not.
func TestThePenaltyOfCategories(t *testing.T) {
	t.Parallel()
	x := newFrame(t,
		strs("kind", 400, func(i int) string {
			if i%10 == 0 {
				return "rare"
			}
			return "common"
		}),
		strs("target", 400, func(i int) string { return yesNo(i + i%10) }),
	)
	score := map[string]float64{}
	for _, scaling := range append(automl.Scalings(), "") {
		p := quick()
		p.Algorithms, p.Scaling = []string{"linear"}, scaling
		score[scaling] = train(t, p, x, automl.Options{}).Leaderboard[0].Holdout[metric.LogLoss]
	}
	for scaling, got := range score {
		want := score[automl.NoScaling]
		if scaling == "" || scaling == "standard" {
			want = score["standard"]
		}
		if got != want {
			t.Errorf("scaling %q: log loss %v, want %v", scaling, got, want)
		}
	}
	if score["standard"] == score[automl.NoScaling] {
		t.Errorf("the penalty does not depend on the scaling: log loss %v", score["standard"])
	}
}
