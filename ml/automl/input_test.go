package automl_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
)

// strs returns a column of n strings, "-" for a missing one.
func strs(name string, n int, value func(i int) string) frame.Column {
	values := make([]string, n)
	for i := range values {
		values[i] = value(i)
	}
	return frame.StringsOf(name, values, func(i int) bool { return values[i] == "-" })
}

func nums(name string, n int, value func(i int) float64) frame.Column {
	values := make([]float64, n)
	for i := range values {
		values[i] = value(i)
	}
	return frame.NewFloat(name, values)
}

func whole(name string, n int, value func(i int) int64) frame.Column {
	values := make([]int64, n)
	for i := range values {
		values[i] = value(i)
	}
	return frame.NewInt(name, frame.Int, values, nil)
}

// plain is a table of n rows whose target follows from x and y.
func plain(t *testing.T, n int, target frame.Column) *frame.Frame {
	t.Helper()
	return newFrame(t,
		nums("x", n, func(i int) float64 { return math.Sin(float64(i)) }),
		nums("y", n, func(i int) float64 { return math.Cos(float64(3 * i)) }), target)
}

func yesNo(i int) string {
	if math.Sin(float64(i)) > 0.4 {
		return "yes"
	}
	return "no"
}

func TestParams(t *testing.T) {
	t.Parallel()
	good := params("target")
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for code, change := range map[string]func(p *automl.Params){
		"unknown_task":                func(p *automl.Params) { p.Task = "guess" },
		"positive_class_not_for_task": func(p *automl.Params) { p.Task, p.PositiveClass = ml.Regression, "x" },
		"target_missing":              func(p *automl.Params) { p.Target = "" },
		"target_is_feature":           func(p *automl.Params) { p.Features = []string{"a", "target"} },
		"duplicate_feature":           func(p *automl.Params) { p.Features = []string{"a", "a"} },
		"unknown_algorithm":           func(p *automl.Params) { p.Algorithms = []string{"oracle"} },
		"duplicate_algorithm":         func(p *automl.Params) { p.Algorithms = []string{"gbdt", "gbdt"} },
		"unknown_encoding":            func(p *automl.Params) { p.Encoding = "hash" },
		"unknown_metric":              func(p *automl.Params) { p.Metric = "luck" },
		"metric_not_for_task":         func(p *automl.Params) { p.Metric, p.Task = "rmse", ml.Binary },
	} {
		p := good
		change(&p)
		wantCode(t, p.Validate(), code)
		if _, err := automl.Train(t.Context(), p, plain(t, 50, strs("target", 50, yesNo)), automl.Options{}); err == nil {
			t.Errorf("%s is trained", code)
		}
	}
	for name, change := range map[string]func(p *automl.Params){
		"folds":         func(p *automl.Params) { p.Folds = 1 },
		"test_fraction": func(p *automl.Params) { p.TestFraction = math.NaN() },
		"trees":         func(p *automl.Params) { p.Trees = 0 },
	} {
		p := good
		change(&p)
		if e := wantCode(t, p.Validate(), "invalid_parameter"); e.Parameter != name || e.Column != "" {
			t.Errorf("%q is blamed, want %q", e.Parameter, name)
		}
	}
}

// badInput is a table or parameters that cannot be used, and the error.
type badInput struct {
	name, code, column, parameter, text string
	row                                 int // from 1
	table                               func(t *testing.T) *frame.Frame
	change                              func(p *automl.Params)
}

func (c badInput) run(t *testing.T) {
	t.Helper()
	p := params("target")
	if c.change != nil {
		c.change(&p)
	}
	_, err := automl.Train(t.Context(), p, c.table(t), automl.Options{})
	e := wantCode(t, err, c.code)
	if c.column != "" && e.Column != c.column || e.Parameter != c.parameter || !strings.Contains(e.Message, c.text) || e.Row != c.row-1 {
		t.Errorf("%+v, want column %q, parameter %q, row %d and %q", e, c.column, c.parameter, c.row-1, c.text)
	}
}

// badRows is how many rows the tables of bad input have.
const badRows = 60

func badTarget(value func(i int) string) frame.Column { return strs("target", badRows, value) }

func same(c frame.Column) func(*testing.T) *frame.Frame {
	return func(t *testing.T) *frame.Frame {
		t.Helper()
		return plain(t, c.Len(), c)
	}
}

func TestBadTarget(t *testing.T) {
	t.Parallel()
	const n = badRows
	target := badTarget
	cases := []badInput{
		{
			name: "no such column", code: "target_missing", column: "nothing", table: same(target(yesNo)),
			change: func(p *automl.Params) { p.Target = "nothing" },
		},
		{name: "constant", code: "target_constant", text: `"yes" in every row`, table: same(target(func(int) string { return "yes" }))},
		{name: "constant but for gaps", code: "target_constant", table: same(target(func(i int) string { return []string{"yes", "-"}[i%2] }))},
		{name: "constant number", code: "target_constant", text: `"7"`, table: same(nums("target", n, func(int) float64 { return 7 }))},
		{name: "all missing", code: "target_all_null", table: same(target(func(int) string { return "-" }))},
		{name: "no rows", code: "too_few_rows", table: same(strs("target", 0, yesNo))},
		{name: "few rows", code: "too_few_rows", text: "at least 20", table: same(nums("target", 19, func(i int) float64 { return float64(i) }))},
		{name: "names", code: "target_unique_per_row", text: "60 different values in 60 rows", table: same(target(func(i int) string { return fmt.Sprint("n", i) }))},
		{name: "names with a few repeated", code: "target_unique_per_row", table: same(target(func(i int) string { return fmt.Sprint("n", i/3*2+i%3/2) }))},
		{
			name: "numbers as classes", code: "target_unique_per_row", table: same(whole("target", n, func(i int) int64 { return int64(i) })),
			change: func(p *automl.Params) { p.Task = ml.Multiclass },
		},
		{
			name: "class of one row", code: "class_too_small", text: `class "rare" of the target "target" has 1 row, at least 6`,
			table: same(target(func(i int) string {
				if i == 5 {
					return "rare"
				}
				return yesNo(i)
			})),
		},
		{
			name: "class smaller than the folds", code: "class_too_small", text: "has 5 rows",
			table: same(target(func(i int) string {
				if i < 5 {
					return "rare"
				}
				return "usual"
			})),
		},
		{name: "dates", code: "target_type", table: same(frame.NewInt("target", frame.Time, make([]int64, n), nil))},
		{name: "regression of words", code: "task_not_for_target", table: same(target(yesNo)), change: func(p *automl.Params) { p.Task = ml.Regression }},
		{
			name: "binary of three", code: "task_not_for_target", text: "3 distinct", table: same(target(func(i int) string { return strconv.Itoa(i % 3) })),
			change: func(p *automl.Params) { p.Task = ml.Binary },
		},
		{name: "multiclass of two", code: "task_not_for_target", table: same(target(yesNo)), change: func(p *automl.Params) { p.Task = ml.Multiclass }},
		{name: "too many classes", code: "too_many_classes", table: same(strs("target", 2500, func(i int) string { return strconv.Itoa(i % 1001) }))},
		{
			name: "infinite target", code: "infinite_value", column: "target", row: 8,
			table: same(nums("target", n, func(i int) float64 { return 1 / math.Abs(float64(i-7)) })),
		},
		{
			name: "enormous target", code: "target_magnitude", column: "target", row: 8,
			table: same(nums("target", n, func(i int) float64 {
				if i == 7 {
					return -1e101
				}
				return float64(i)
			})),
			change: func(p *automl.Params) { p.Algorithms = []string{"baseline"} },
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func TestBadFeaturesAndChoices(t *testing.T) {
	t.Parallel()
	const n = badRows
	target := badTarget
	cases := []badInput{
		{name: "infinite feature", code: "infinite_value", column: "z", row: 3, table: func(t *testing.T) *frame.Frame {
			t.Helper()
			return with(t, plain(t, n, target(yesNo)), nums("z", n, func(i int) float64 { return 1 / float64(i-2) }))
		}},
		{name: "no features", code: "no_features", table: func(t *testing.T) *frame.Frame { t.Helper(); return newFrame(t, target(yesNo)) }},
		{name: "no useful features", code: "no_features", text: `Column "x" was left out`, table: func(t *testing.T) *frame.Frame {
			t.Helper()
			return newFrame(t, nums("x", n, func(int) float64 { return 1 }), target(yesNo))
		}},
		{name: "unknown feature", code: "unknown_feature", column: "w", table: same(target(yesNo)), change: func(p *automl.Params) { p.Features = []string{"x", "w"} }},
		{name: "metric of another task", code: "metric_not_for_task", parameter: "metric", table: same(target(yesNo)), change: func(p *automl.Params) { p.Metric = "rmse" }},
		{name: "unknown class", code: "unknown_class", parameter: "positive_class", text: `should be "no" or "yes"`, table: same(target(yesNo)), change: func(p *automl.Params) { p.PositiveClass = "maybe" }},
		{
			name: "positive of numbers", code: "positive_class_not_for_task", parameter: "positive_class", text: "ask for the task binary",
			table:  same(nums("target", n, func(i int) float64 { return float64(i) / 7 })),
			change: func(p *automl.Params) { p.PositiveClass = "1" },
		},
		{
			name: "positive of three", code: "positive_class_not_for_task", parameter: "positive_class", table: same(target(func(i int) string { return strconv.Itoa(i % 3) })),
			change: func(p *automl.Params) { p.PositiveClass = "1" },
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func TestTasks(t *testing.T) {
	t.Parallel()
	const n = 120
	for _, c := range []struct {
		name    string
		target  frame.Column
		task    ml.Task
		metric  string
		classes []string
	}{
		{"words, the rarer positive", strs("target", n, yesNo), ml.Binary, "roc_auc", []string{"no", "yes"}},
		{"words, the first rarer", strs("target", n, func(i int) string { return map[bool]string{true: "a", false: "b"}[i%4 == 0] }), ml.Binary, "roc_auc", []string{"b", "a"}},
		{"words alike", strs("target", n, func(i int) string { return []string{"b", "a"}[i%2] }), ml.Binary, "roc_auc", []string{"a", "b"}},
		{"booleans", frame.NewInt("target", frame.Bool, slices.Repeat([]int64{1, 1, 0}, n/3), nil), ml.Binary, "roc_auc", []string{"true", "false"}},
		{"two numbers", nums("target", n, func(i int) float64 { return []float64{2.5, -1, 2.5}[i%3] }), ml.Binary, "roc_auc", []string{"2.5", "-1"}},
		{"three words", strs("target", n, func(i int) string { return []string{"c", "b", "a"}[i%3] }), ml.Multiclass, "log_loss", []string{"a", "b", "c"}},
		{"few integers", whole("target", n, func(i int) int64 { return int64(9 + i%3) }), ml.Multiclass, "log_loss", []string{"9", "10", "11"}},
		{"few integers, one rare", whole("target", n, func(i int) int64 { return int64(9 + i%3 + i/(n-1)) }), ml.Regression, "rmse", nil},
		{"many integers", whole("target", n, func(i int) int64 { return int64(i % 30) }), ml.Regression, "rmse", nil},
		{"fractions", nums("target", n, func(i int) float64 { return float64(i%3) / 2 }), ml.Regression, "rmse", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := params("target")
			p.Algorithms = []string{"baseline"}
			r := train(t, p, plain(t, n, c.target), automl.Options{})
			if r.Task != c.task || r.Metric != c.metric || !slices.Equal(r.Model.Classes(), c.classes) {
				t.Errorf("%s by %s with classes %q, want %s by %s with %q", r.Task, r.Metric, r.Model.Classes(), c.task, c.metric, c.classes)
			}
			if !strings.Contains(strings.Join(r.Notes, " "), "The task is "+string(c.task)) {
				t.Errorf("the choice is not told: %q", r.Notes)
			}
		})
	}
}

func TestPositiveClass(t *testing.T) {
	t.Parallel()
	p := params("target")
	x := plain(t, 90, strs("target", 90, yesNo))
	p.Algorithms = []string{"linear"}
	rare := train(t, p, x, automl.Options{})
	p.PositiveClass = "no"
	usual := train(t, p, x, automl.Options{})
	if !slices.Equal(usual.Model.Classes(), []string{"yes", "no"}) {
		t.Errorf("classes %q", usual.Model.Classes())
	}
	for i, y := range usual.OutOfFold.Labels {
		if y != 1-rare.OutOfFold.Labels[i] {
			t.Fatalf("label %d is %v", i, y)
		}
	}
	if a, b := rare.Leaderboard[0].Holdout["roc_auc"], usual.Leaderboard[0].Holdout["roc_auc"]; math.Abs(a-b) > 1e-9 {
		t.Errorf("roc_auc depends on which class is positive: %v and %v", a, b)
	}
}

func TestRowsAndColumnsLeftOut(t *testing.T) {
	t.Parallel()
	const n = 100
	x := newFrame(t,
		nums("x", n, func(i int) float64 { return math.Sin(float64(i)) }),
		strs("name", n, func(i int) string { return fmt.Sprint("n", i) }),
		nums("one", n, func(int) float64 { return 1 }),
		nums("gone", n, func(int) float64 { return math.NaN() }),
		whole("number", n, func(i int) int64 { return int64(i) }),
		strs("target", n, func(i int) string {
			if i%10 == 3 {
				return "-"
			}
			return yesNo(i)
		}),
	)
	r := train(t, params("target"), x, automl.Options{})
	all := strings.Join(r.Notes, "\n")
	for _, want := range []string{
		"10 rows were left out", `Column "name" was left out`, `Column "one" was left out`, `Column "gone" was left out`,
		`Column "number" counts the rows`, `The positive class is "yes"`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no note %q in\n%s", want, all)
		}
	}
	if got := len(r.TrainRows) + len(r.HoldoutRows); got != 90 {
		t.Errorf("%d rows are used", got)
	}
	for _, row := range append(slices.Clone(r.TrainRows), r.HoldoutRows...) {
		if row%10 == 3 {
			t.Fatalf("row %d has no target", row)
		}
	}
	var names []string
	for _, in := range r.Model.Inputs() {
		names = append(names, in.Name)
	}
	if !slices.Equal(names, []string{"x", "number"}) {
		t.Errorf("inputs %q", names)
	}
}

func TestFeatures(t *testing.T) {
	t.Parallel()
	p := quick()
	p.Features = []string{"wine", "s"}
	x := with(t, mixedTable(t), nums("wine", 569, func(i int) float64 { return float64(i % 5) }))
	r := train(t, p, x, automl.Options{})
	if in := r.Model.Inputs(); len(in) != 2 || in[0].Name != "wine" || in[1].Name != "s" || len(in[1].Categories) != 7 {
		t.Errorf("inputs %+v", in)
	}
}

// TestBaselineWins gives columns that say nothing.
func TestBaselineWins(t *testing.T) {
	t.Parallel()
	const n = 200
	r := rand.New(rand.NewPCG(1, 1))
	draw := func(int) float64 { return r.NormFloat64() }
	p := params("target")
	p.Algorithms = []string{"linear", "baseline"}
	columns := []frame.Column{nums("target", n, draw)}
	for k := range 30 {
		columns = append(columns, nums(fmt.Sprint("noise", k), n, draw))
	}
	got := train(t, p, newFrame(t, columns...), automl.Options{})
	if got.Leaderboard[0].Algorithm != "baseline" || !strings.Contains(strings.Join(got.Notes, " "), "No algorithm did better") {
		t.Errorf("the best is %s, notes %q", got.Leaderboard[0].Algorithm, got.Notes)
	}
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	x := mixedTable(t)
	for _, encoding := range []string{"", automl.OneHot, automl.Ordinal} {
		p := quick()
		p.Encoding, p.Algorithms = encoding, []string{"linear"}
		r := train(t, p, x, automl.Options{})
		if got := r.Leaderboard[0].Holdout["roc_auc"]; got < 0.9 {
			t.Errorf("encoding %q gives %v", encoding, got)
		}
	}
}

// TestUndefinedMetrics trains where some metrics have no value: they are left
// out, and nothing fails.
func TestUndefinedMetrics(t *testing.T) {
	t.Parallel()
	const n = 90
	counts := newFrame(t,
		nums("x", n, func(i int) float64 { return math.Sin(float64(i)) }),
		whole("target", n, func(i int) int64 { return max(0, int64(40*math.Sin(float64(i)))) }))
	p := quick()
	p.Task, p.Metric = ml.Regression, metric.PoissonDeviance
	p.Algorithms = []string{"baseline", "linear", "gbdt"} // a forest may say 0, of which there is no deviance either
	r := train(t, p, counts, automl.Options{})
	last := r.Leaderboard[2]
	if last.Algorithm != "linear" || !strings.Contains(strings.Join(r.Notes, " "), "The candidate linear comes last: poisson_deviance is undefined when an output is -") {
		t.Errorf("%s comes last, notes %q", last.Algorithm, r.Notes)
	}
	for _, e := range r.Leaderboard {
		_, poisson := e.CV[metric.PoissonDeviance]
		_, gamma := e.CV[metric.GammaDeviance]
		_, mae := e.CV[metric.MAE]
		if poisson != (e.Algorithm != "linear") || gamma || !mae || len(e.CV) != len(e.CVStd) {
			t.Errorf("%s has the metrics %v", e.Algorithm, e.CV)
		}
		if _, gamma := e.Holdout[metric.GammaDeviance]; gamma {
			t.Errorf("%s has a gamma deviance of %v", e.Algorithm, e.Holdout)
		}
	}
	p.Algorithms = []string{"linear"}
	_, err := automl.Train(t.Context(), p, counts, automl.Options{})
	if e := wantCode(t, err, "metric_undefined"); e.Parameter != "metric" {
		t.Errorf("%+v", e)
	}
	signed := newFrame(t, nums("x", n, func(i int) float64 { return float64(i) }), nums("target", n, func(i int) float64 { return math.Sin(float64(i)) }))
	p.Algorithms, p.Metric = nil, metric.RMSLE
	started := false
	_, err = automl.Train(t.Context(), p, signed, automl.Options{Recorder: ml.RecorderFunc(func(q ml.Progress) { started = started || q.Stage != "preparing" })})
	if e := wantCode(t, err, "metric_undefined"); e.Parameter != "metric" || !strings.Contains(e.Message, "rmsle is undefined when the true value is") || started {
		t.Errorf("%+v, started %t", e, started)
	}
}

// TestLeaderboardOrder orders by a metric of which less is better.
func TestLeaderboardOrder(t *testing.T) {
	t.Parallel()
	p := quick()
	p.Metric = "mae"
	r := train(t, p, readTable(t, "diabetes"), automl.Options{})
	if len(r.Leaderboard) != len(automl.Algorithms()) || r.Metric != "mae" || r.Model.Algorithm() != r.Leaderboard[0].Algorithm {
		t.Fatalf("%d lines by %s, the model is %s", len(r.Leaderboard), r.Metric, r.Model.Algorithm())
	}
	for i := 1; i < len(r.Leaderboard); i++ {
		if r.Leaderboard[i-1].CV["mae"] > r.Leaderboard[i].CV["mae"] {
			t.Errorf("line %d is better than the one before", i+1)
		}
	}
	if r.Leaderboard[0].CVStd["rmse"] <= 0 || r.Leaderboard[0].FitSeconds <= 0 {
		t.Errorf("%+v", r.Leaderboard[0])
	}
}
