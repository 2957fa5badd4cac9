package automl_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
	"github.com/narrativeml/narrative/ml/split"
)

// visits is a table of rows of some patients on some days, mixed. Half of the
// patients are ill, which the pulse tells something of; a scan tells nothing but
// who it is.
func visits(t *testing.T, patients, each int, target func(ill bool, day int) string) *frame.Frame {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	n := patients * each
	order := r.Perm(n)
	names, days := make([]string, n), make([]int64, n)
	who, pulse, ill := make([]float64, n), make([]float64, n), make([]string, n)
	for i, k := range order {
		p := k / each
		sick := p%2 == 0
		names[i], days[i] = fmt.Sprint("p", p), int64(k%each)*86_400_000_000*3+1_600_000_000_000_000
		who[i] = math.Mod(float64(p)*math.Phi, 1) + 0.001*r.Float64()
		pulse[i] = r.NormFloat64()
		if sick {
			pulse[i] += 1.5
		}
		ill[i] = target(sick, k%each)
	}
	return newFrame(t, frame.StringsOf("patient", names, nil), frame.NewInt("day", frame.Time, days, nil),
		frame.NewFloat("scan", who), frame.NewFloat("pulse", pulse), frame.StringsOf("target", ill, nil))
}

func byIllness(ill bool, _ int) string { return map[bool]string{true: "ill", false: "well"}[ill] }

func grouped() automl.Params {
	p := quick()
	p.Split, p.GroupColumn, p.PositiveClass = automl.Grouped, "patient", "ill"
	return p
}

func timed() automl.Params {
	p := quick()
	p.Split, p.TimeColumn, p.PositiveClass = automl.Time, "day", "ill"
	return p
}

// TestGrouped divides rows of patients that are easy to recognise: at random a
// model is thought to know the illness, by patients it is not.
func TestGrouped(t *testing.T) {
	t.Parallel()
	x := visits(t, 30, 40, byIllness)
	patient, _ := x.Column("patient")
	random := grouped()
	random.Split, random.GroupColumn, random.Features, random.Algorithms = "", "", []string{"scan"}, []string{"gbdt"}
	p := grouped()
	p.Features, p.Algorithms = random.Features, random.Algorithms
	known, unknown := train(t, random, x, automl.Options{}), train(t, p, x, automl.Options{})
	a, b := known.Leaderboard[0], unknown.Leaderboard[0]
	if a.CV["roc_auc"] < 0.95 || b.CV["roc_auc"] > 0.75 || a.Holdout["roc_auc"] < 0.95 || b.Holdout["roc_auc"] > 0.75 {
		t.Errorf("at random %v and %v, by patient %v and %v", a.CV["roc_auc"], a.Holdout["roc_auc"], b.CV["roc_auc"], b.Holdout["roc_auc"])
	}
	held := map[string]bool{}
	for _, row := range unknown.HoldoutRows {
		held[patient.Text(row)] = true
	}
	for _, row := range unknown.TrainRows {
		if held[patient.Text(row)] {
			t.Fatalf("%s is on both sides", patient.Text(row))
		}
	}
	if len(held) < 5 || len(held) > 7 || len(unknown.OutOfFold.Rows) != len(unknown.TrainRows) {
		t.Errorf("%d patients are held out, %d of %d rows have predictions", len(held), len(unknown.OutOfFold.Rows), len(unknown.TrainRows))
	}
	want := fmt.Sprintf(`Rows with the same "patient" stay together: of 30 groups %d are held out.`, len(held))
	if !slices.Contains(unknown.Notes, want) {
		t.Errorf("notes %q, want %q", unknown.Notes, want)
	}
}

// TestGroupsAreNoFeature leaves the features open.
func TestGroupsAreNoFeature(t *testing.T) {
	t.Parallel()
	p := grouped()
	p.Algorithms = []string{"linear"}
	r := train(t, p, visits(t, 30, 4, byIllness), automl.Options{})
	for _, in := range r.Model.Inputs() {
		if in.Name == "patient" {
			t.Error("the model reads the group")
		}
	}
	if len(r.Model.Inputs()) != 3 {
		t.Errorf("inputs %+v", r.Model.Inputs())
	}
}

// TestFewGroups has hardly enough: a fold learns from one group, of which some
// rows tell when to stop.
func TestFewGroups(t *testing.T) {
	t.Parallel()
	for _, task := range []ml.Task{ml.Binary, ml.Regression} {
		x := visits(t, 3, 40, func(_ bool, day int) string { return map[bool]string{true: "ill", false: "well"}[day%3 == 0] })
		p := grouped()
		p.Folds = 2
		if task == ml.Regression {
			pulse, _ := x.Column("pulse")
			p.Task, p.PositiveClass = task, ""
			x = with(t, x, pulse.Rename("target"))
		}
		if r := train(t, p, x, automl.Options{}); len(r.HoldoutRows) != 40 || len(r.OutOfFold.Rows) != 80 {
			t.Errorf("%d rows are held out, %d have predictions", len(r.HoldoutRows), len(r.OutOfFold.Rows))
		}
	}
}

// TestTimed checks that nothing is learned from what comes later.
func TestTimed(t *testing.T) {
	t.Parallel()
	x := visits(t, 40, 8, byIllness) // 8 days
	day, _ := x.Column("day")
	p := timed()
	p.Gap = 10
	r := train(t, p, x, automl.Options{})
	latest, first := int64(0), int64(math.MaxInt64)
	for _, row := range r.TrainRows {
		latest = max(latest, day.Int(row))
	}
	for _, row := range r.HoldoutRows {
		first = min(first, day.Int(row))
	}
	if latest >= first || len(r.HoldoutRows) != 80 || len(r.TrainRows) != 230 {
		t.Errorf("%d rows until %d, %d from %d", len(r.TrainRows), latest, len(r.HoldoutRows), first)
	}
	if note := `Rows are divided by "day": it is learned until 2020-09-28T12:26:40Z and tested from 2020-10-01T12:26:40Z on. The 10 rows in between are left out.`; !slices.Contains(r.Notes, note) {
		t.Errorf("notes %q", r.Notes)
	}
	if len(r.Model.Inputs()) != 4 { // the day is a feature, and so is the patient
		t.Errorf("inputs %+v", r.Model.Inputs())
	}
	// Six days are cut into four stretches; the last three are predicted.
	covered := map[int64]int{}
	for i, row := range r.OutOfFold.Rows {
		covered[(day.Int(row)-1_600_000_000_000_000)/86_400_000_000/3]++
		if math.Abs(r.OutOfFold.Outputs[2*i]+r.OutOfFold.Outputs[2*i+1]-1) > 1e-9 {
			t.Fatalf("row %d has the outputs %v", row, r.OutOfFold.Outputs[2*i:2*i+2])
		}
	}
	if len(r.OutOfFold.Rows) >= len(r.TrainRows) || !slices.IsSorted(r.OutOfFold.Rows) || len(r.OutOfFold.Labels) != len(r.OutOfFold.Rows) ||
		covered[0] != 0 || covered[1] != 40 || covered[4] != 40 {
		t.Errorf("%d of %d rows have predictions, by day %v", len(r.OutOfFold.Rows), len(r.TrainRows), covered)
	}
	// What the last fold is tested on is not known to those before.
	last := map[int]bool{}
	for _, row := range r.OutOfFold.Rows {
		if day.Int(row) >= latest-86_400_000_000*3 {
			last[row] = true
		}
	}
	pulse, _ := x.Column("pulse")
	values := slices.Clone(pulse.Floats())
	for row := range last {
		values[row] = 100 - values[row]
	}
	for _, algorithm := range automl.Algorithms() {
		p.Algorithms = []string{algorithm}
		a := train(t, p, x, automl.Options{})
		b := train(t, p, with(t, x, frame.NewFloat("pulse", values)), automl.Options{})
		changed := false
		for i, row := range a.OutOfFold.Rows {
			same := slices.Equal(a.OutOfFold.Outputs[2*i:2*i+2], b.OutOfFold.Outputs[2*i:2*i+2])
			if !same && !last[row] {
				t.Fatalf("%s predicts row %d by what comes later", algorithm, row)
			}
			changed = changed || !same
		}
		if !changed && algorithm != "baseline" {
			t.Errorf("%s: nothing was changed", algorithm)
		}
	}
}

// TestLaterRowsOfOneClass scores by what is defined: no roc_auc of rows of one
// class.
func TestLaterRowsOfOneClass(t *testing.T) {
	t.Parallel()
	x := visits(t, 40, 10, func(ill bool, day int) string { return byIllness(ill && day < 5, day) })
	p := timed()
	r := train(t, p, x, automl.Options{})
	for _, e := range r.Leaderboard {
		_, cv := e.CV["roc_auc"]
		_, held := e.Holdout["roc_auc"]
		_, accuracy := e.Holdout["accuracy"]
		if !cv || held || !accuracy {
			t.Errorf("%s scores %v, held out %v", e.Algorithm, e.CV, e.Holdout)
		}
	}
	// No fold has rows of both classes: nothing tells which candidate is best.
	x = visits(t, 40, 10, func(ill bool, day int) string { return byIllness(ill && day < 2, day) })
	_, err := automl.Train(t.Context(), p, x, automl.Options{})
	if e := wantCode(t, err, "metric_undefined"); e.Parameter != "metric" || !strings.Contains(e.Message, "roc_auc is undefined when all rows are of one class") {
		t.Errorf("%+v", e)
	}
	p.Metric = "log_loss"
	if r := train(t, p, x, automl.Options{}); r.Leaderboard[0].CV["log_loss"] <= 0 {
		t.Errorf("%+v", r.Leaderboard[0])
	}
}

// TestWindow checks that a sliding window forgets.
func TestWindow(t *testing.T) {
	t.Parallel()
	const n = 200
	// The mean of the target rises; the baseline of a short window follows it.
	x := newFrame(t, whole("year", n, func(i int) int64 { return int64(n - i) }), nums("x", n, func(i int) float64 { return math.Sin(float64(i)) }),
		nums("target", n, func(i int) float64 { return float64(n - i) }))
	p := quick()
	p.Split, p.TimeColumn, p.Algorithms, p.Task = automl.Time, "year", []string{"baseline"}, ml.Regression
	all := train(t, p, x, automl.Options{})
	p.Window = 10
	few := train(t, p, x, automl.Options{})
	// 160 rows in 4 stretches: the mean of 1 … 40 k, or of the last ten of them.
	for i, row := range all.OutOfFold.Rows {
		k := (n - row - 1) / 40
		if want := float64(40*k+1) / 2; math.Abs(all.OutOfFold.Outputs[i]-want) > 1e-9 {
			t.Fatalf("year %d is predicted as %v, want %v", n-row, all.OutOfFold.Outputs[i], want)
		}
		if want := float64(40*k) - 4.5; math.Abs(few.OutOfFold.Outputs[i]-want) > 1e-9 {
			t.Fatalf("year %d is predicted as %v from ten years, want %v", n-row, few.OutOfFold.Outputs[i], want)
		}
	}
	if want := "Rows are divided by \"year\": it is learned until 160 and tested from 161 on."; !slices.Contains(few.Notes, want) {
		t.Errorf("notes %q", few.Notes)
	}
}

// TestRepeats recomputes the means over the repeats.
func TestRepeats(t *testing.T) {
	t.Parallel()
	x := readTable(t, "diabetes")
	p := quick()
	p.Algorithms, p.Repeats = []string{"baseline"}, 4
	m := newMemory()
	r := train(t, p, x, automl.Options{Checkpoint: m})
	if len(m.order) != 4*3+1 || m.order[0] != "baseline-repeat-1-fold-1" || m.order[11] != "baseline-repeat-4-fold-3" {
		t.Errorf("checkpoints %q", m.order)
	}
	y := r.OutOfFold.Labels
	fold, err := split.RepeatedKFold(len(y), p.Folds, p.Repeats, p.Seed)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, len(y))
	var errs []float64
	for _, of := range fold {
		for k := range p.Folds {
			outside, inside := split.Parts(of, k)
			mean := 0.0
			for _, row := range outside {
				mean += y[row] / float64(len(outside))
			}
			sum := 0.0
			for _, row := range inside {
				want[row] += mean / float64(p.Repeats)
				sum += math.Abs(y[row] - mean)
			}
			errs = append(errs, sum/float64(len(inside)))
		}
	}
	for i, v := range want {
		if math.Abs(r.OutOfFold.Outputs[i]-v) > 1e-9 {
			t.Fatalf("row %d has %v, want %v", i, r.OutOfFold.Outputs[i], v)
		}
	}
	mean, squares := 0.0, 0.0
	for _, e := range errs {
		mean += e / float64(len(errs))
	}
	for _, e := range errs {
		squares += (e - mean) * (e - mean)
	}
	e := r.Leaderboard[0]
	if deviation := math.Sqrt(squares / float64(len(errs)-1)); math.Abs(e.CV["mae"]-mean) > 1e-9 || math.Abs(e.CVStd["mae"]-deviation) > 1e-9 {
		t.Errorf("mae is %v ± %v, want %v ± %v", e.CV["mae"], e.CVStd["mae"], mean, deviation)
	}
	p.Repeats = 1
	once := train(t, p, x, automl.Options{})
	if !slices.Equal(once.HoldoutRows, r.HoldoutRows) || slices.Equal(once.OutOfFold.Outputs, r.OutOfFold.Outputs) {
		t.Error("repeats hold out other rows, or change nothing")
	}
}

// TestClassWeight learns a rare class with and without weights.
func TestClassWeight(t *testing.T) {
	t.Parallel()
	const n = 600
	r := rand.New(rand.NewPCG(6, 6))
	rare, x1 := make([]string, n), make([]float64, n)
	for i := range rare {
		rare[i] = "usual"
		if i%12 == 0 {
			rare[i] = "rare"
			x1[i] = 1.5
		}
		x1[i] += r.NormFloat64()
	}
	x := newFrame(t, frame.NewFloat("x", x1), frame.StringsOf("target", rare, nil))
	p := quick()
	plain := train(t, p, x, automl.Options{})
	p.ClassWeight = automl.Balanced
	even := train(t, p, x, automl.Options{})
	line := func(r *automl.Result, algorithm string) automl.Entry {
		for _, e := range r.Leaderboard {
			if e.Algorithm == algorithm {
				return e
			}
		}
		t.Fatalf("no %s", algorithm)
		return automl.Entry{}
	}
	for _, algorithm := range []string{"linear", "gbdt"} {
		a, b := line(plain, algorithm), line(even, algorithm)
		if b.CV["recall"] < a.CV["recall"]+0.3 || b.CV["log_loss"] < a.CV["log_loss"] || math.Abs(a.CV["roc_auc"]-b.CV["roc_auc"]) > 0.05 {
			t.Errorf("%s without weights %v, with %v", algorithm, a.CV, b.CV)
		}
	}
	// The baseline believes in classes as frequent as each other.
	if got := line(even, "baseline").Holdout["log_loss"]; math.Abs(got-math.Ln2) > 1e-12 {
		t.Errorf("the baseline's log_loss is %v", got)
	}
	// Scores count every row the same.
	y := ml.Target{Task: ml.Binary, Classes: even.Model.Classes(), Values: even.Holdout.Labels}
	for name, want := range even.Leaderboard[0].Holdout {
		if got, err := metric.Score(name, y, even.Holdout.Outputs); err != nil || got != want {
			t.Errorf("%s is %v, %v, on the leaderboard %v", name, got, err, want)
		}
	}
}

func TestSplitParams(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code, parameter string
		change          func(p *automl.Params)
	}{
		"unknown split":            {"unknown_split", "split", func(p *automl.Params) { p.Split = "stratified" }},
		"group without split":      {"parameter_not_for_split", "group_column", func(p *automl.Params) { p.GroupColumn = "a" }},
		"time without split":       {"parameter_not_for_split", "time_column", func(p *automl.Params) { p.Split, p.TimeColumn = automl.Random, "a" }},
		"time and groups":          {"parameter_not_for_split", "time_column", func(p *automl.Params) { p.Split, p.GroupColumn, p.TimeColumn = automl.Grouped, "a", "b" }},
		"gap without time":         {"parameter_not_for_split", "gap", func(p *automl.Params) { p.Gap = 1 }},
		"window without time":      {"parameter_not_for_split", "window", func(p *automl.Params) { p.Split, p.GroupColumn, p.Window = automl.Grouped, "a", 9 }},
		"no group column":          {"split_column_missing", "group_column", func(p *automl.Params) { p.Split = automl.Grouped }},
		"no time column":           {"split_column_missing", "time_column", func(p *automl.Params) { p.Split = automl.Time }},
		"target as group":          {"split_column_is_target", "group_column", func(p *automl.Params) { p.Split, p.GroupColumn = automl.Grouped, "target" }},
		"target as time":           {"split_column_is_target", "time_column", func(p *automl.Params) { p.Split, p.TimeColumn = automl.Time, "target" }},
		"group as feature":         {"group_is_feature", "group_column", func(p *automl.Params) { p.Split, p.GroupColumn, p.Features = automl.Grouped, "a", []string{"b", "a"} }},
		"negative gap":             {"invalid_parameter", "gap", func(p *automl.Params) { p.Split, p.TimeColumn, p.Gap = automl.Time, "a", -1 }},
		"negative window":          {"invalid_parameter", "window", func(p *automl.Params) { p.Split, p.TimeColumn, p.Window = automl.Time, "a", -1 }},
		"no repeats":               {"invalid_parameter", "repeats", func(p *automl.Params) { p.Repeats = 0 }},
		"many repeats":             {"invalid_parameter", "repeats", func(p *automl.Params) { p.Repeats = 21 }},
		"repeats by time":          {"parameter_not_for_split", "repeats", func(p *automl.Params) { p.Split, p.TimeColumn, p.Repeats = automl.Time, "a", 2 }},
		"unknown class weight":     {"unknown_class_weight", "class_weight", func(p *automl.Params) { p.ClassWeight = "heavy" }},
		"class weight of a number": {"class_weight_not_for_task", "class_weight", func(p *automl.Params) { p.Task, p.ClassWeight = ml.Regression, automl.Balanced }},
	} {
		p := params("target")
		c.change(&p)
		if e := wantCode(t, p.Validate(), c.code); e.Parameter != c.parameter {
			t.Errorf("%s: %q is blamed, want %q", name, e.Parameter, c.parameter)
		}
	}
	for name, p := range map[string]automl.Params{"grouped": grouped(), "timed": timed()} {
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadDivisions(t *testing.T) {
	t.Parallel()
	usual := func(t *testing.T) *frame.Frame { t.Helper(); return visits(t, 20, 6, byIllness) }
	replaced := func(c func(i int) string, name string) func(t *testing.T) *frame.Frame {
		return func(t *testing.T) *frame.Frame { t.Helper(); return with(t, usual(t), strs(name, 120, c)) }
	}
	gap := func(i int) string { return map[bool]string{true: "-", false: fmt.Sprint(i % 9)}[i == 17] }
	cases := []struct {
		name, code, column, parameter, text string
		row                                 int // from 1
		p                                   automl.Params
		table                               func(t *testing.T) *frame.Frame
		change                              func(p *automl.Params)
	}{
		{name: "no such group", code: "unknown_column", column: "clinic", parameter: "group_column", p: grouped(), table: usual, change: func(p *automl.Params) { p.GroupColumn = "clinic" }},
		{name: "no such time", code: "unknown_column", column: "hour", parameter: "time_column", p: timed(), table: usual, change: func(p *automl.Params) { p.TimeColumn = "hour" }},
		{name: "words as time", code: "column_type", column: "patient", parameter: "time_column", p: timed(), table: usual, change: func(p *automl.Params) { p.TimeColumn = "patient" }},
		{name: "missing group", code: "missing_value", column: "patient", row: 18, p: grouped(), table: replaced(gap, "patient")},
		{name: "one group", code: "too_few_groups", column: "patient", text: "has 1 value, at least 4 groups are needed for 3 folds and a test", p: grouped(), table: replaced(func(int) string { return "all" }, "patient")},
		{name: "three groups", code: "too_few_groups", column: "patient", text: "has 3 different values", p: grouped(), table: replaced(func(i int) string { return fmt.Sprint(i % 3) }, "patient")},
		{name: "few times", code: "too_few_times", column: "day", text: "has 4 different values, at least 5 times", p: timed(), table: func(t *testing.T) *frame.Frame { t.Helper(); return visits(t, 30, 4, byIllness) }},
		{name: "missing time", code: "missing_value", column: "day", row: 5, p: timed(), table: func(t *testing.T) *frame.Frame {
			t.Helper()
			return with(t, usual(t), nums("day", 120, func(i int) float64 { return map[bool]float64{true: math.NaN(), false: float64(i % 7)}[i == 4] }))
		}},
		{name: "gap over all", code: "gap_too_large", parameter: "gap", p: timed(), table: usual, change: func(p *automl.Params) { p.Gap = 200 }},
		{name: "gap over the first fold", code: "gap_too_large", parameter: "gap", text: "fold 1 of 3", p: timed(), table: usual, change: func(p *automl.Params) { p.Gap = 25 }},
		{
			name: "classes one after the other", code: "fold_of_one_class", parameter: "folds", text: `in fold 1 of 3 all 20 rows to learn from are of the class "well"`, p: timed(),
			table: func(t *testing.T) *frame.Frame {
				t.Helper()
				return visits(t, 20, 6, func(_ bool, day int) string { return map[bool]string{true: "ill", false: "well"}[day > 2] })
			},
		},
		{name: "balanced numbers", code: "class_weight_not_for_task", parameter: "class_weight", p: params("pulse"), table: usual, change: func(p *automl.Params) { p.ClassWeight = automl.Balanced }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := c.p
			if c.change != nil {
				c.change(&p)
			}
			_, err := automl.Train(t.Context(), p, c.table(t), automl.Options{})
			e := wantCode(t, err, c.code)
			if e.Column != c.column || e.Parameter != c.parameter || !strings.Contains(e.Message, c.text) || e.Row != c.row-1 {
				t.Errorf("%+v, want column %q, parameter %q, row %d and %q", e, c.column, c.parameter, c.row-1, c.text)
			}
		})
	}
}

// TestGroupsOfRowsWithoutTarget do not need a value.
func TestGroupsOfRowsWithoutTarget(t *testing.T) {
	t.Parallel()
	x := visits(t, 20, 6, byIllness)
	target, _ := x.Column("target")
	patient, _ := x.Column("patient")
	x = with(t, x,
		strs("target", 120, func(i int) string { return map[bool]string{true: "-", false: target.Text(i)}[i == 7] }),
		strs("patient", 120, func(i int) string { return map[bool]string{true: "-", false: patient.Text(i)}[i == 7] }))
	p := grouped()
	p.Algorithms = []string{"baseline"}
	if r := train(t, p, x, automl.Options{}); len(r.TrainRows)+len(r.HoldoutRows) != 119 {
		t.Errorf("%d rows are used", len(r.TrainRows)+len(r.HoldoutRows))
	}
}

// TestDividedResume interrupts divided calls and lets others go on, and offers
// the checkpoints of one division to another.
func TestDividedResume(t *testing.T) {
	t.Parallel()
	x := visits(t, 40, 8, byIllness)
	repeated, weighted, windowed := grouped(), grouped(), timed()
	repeated.Repeats, weighted.ClassWeight, windowed.Window = 2, automl.Balanced, 60
	random := quick()
	random.PositiveClass = "ill"
	all := map[string]automl.Params{"random": random, "grouped": grouped(), "repeated": repeated, "weighted": weighted, "timed": timed(), "windowed": windowed}
	kept, wants := map[string]*memory{}, map[string]*automl.Result{}
	for name, p := range all {
		p.Algorithms = []string{"linear"}
		all[name] = p
		whole := newMemory()
		want := train(t, p, x, automl.Options{Checkpoint: whole, Threads: 1})
		equalResults(t, train(t, p, x, automl.Options{Threads: 8}), want)
		half := newMemory()
		for _, key := range whole.order[:len(whole.order)/2] {
			half.data[key] = whole.data[key]
		}
		equalResults(t, train(t, p, x, automl.Options{Checkpoint: half, Threads: 2}), want)
		if half.loaded != len(whole.order)/2 {
			t.Errorf("%s: %d of %d checkpoints are used", name, half.loaded, len(whole.order)/2)
		}
		kept[name], wants[name] = whole, want
	}
	for name, p := range all {
		for other, m := range kept {
			if other == name {
				continue
			}
			borrowed := newMemory()
			maps.Copy(borrowed.data, m.data)
			equalResults(t, train(t, p, x, automl.Options{Checkpoint: borrowed}), wants[name])
			if slices.ContainsFunc(borrowed.order, func(key string) bool { return m.data[key] != nil && slices.Equal(borrowed.data[key], m.data[key]) }) {
				t.Errorf("%s takes a checkpoint of %s", name, other)
			}
		}
	}
}
