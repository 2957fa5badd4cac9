package metric_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// reference is what another implementation says of some predictions.
type reference struct {
	Name       string             `json:"name"`
	Task       ml.Task            `json:"task"`
	Classes    []string           `json:"classes"`
	Y          []float64          `json:"y"`
	Outputs    []float64          `json:"outputs"`
	Weights    []float64          `json:"weights"`
	Scores     map[string]float64 `json:"scores"` // those that are defined
	Parameters []parametrised     `json:"parameters"`
	Tables     *struct {
		Confusion   [][]float64 `json:"confusion"`
		OfTrue      [][]float64 `json:"of_true"`
		OfPredicted [][]float64 `json:"of_predicted"`
		OfAll       [][]float64 `json:"of_all"`
		Report      [][]float64 `json:"report"` // of each class: precision, recall, F1, support
		Weighted    []float64   `json:"weighted"`
	} `json:"tables"`
	Curves map[string][][]float64 `json:"curves"`
}

// parametrised is a score that takes a parameter.
type parametrised struct {
	function         string
	parameter, score float64
}

func (p *parametrised) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&p.function, &p.parameter, &p.score})
}

func (r reference) target() ml.Target {
	return ml.Target{Task: r.Task, Values: r.Y, Classes: r.Classes, Weights: r.Weights}
}

func references(tb testing.TB) []reference {
	tb.Helper()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		tb.Fatal(err)
	}
	var list []reference
	if err := json.Unmarshal(raw, &list); err != nil {
		tb.Fatal(err)
	}
	return list
}

func near(got, want float64) bool {
	return got == want || math.Abs(got-want) <= 1e-12*max(1, math.Abs(want))
}

// TestReference compares every metric with that of another implementation; what
// is not defined there must not be here.
func TestReference(t *testing.T) {
	t.Parallel()
	compared := map[string]int{}
	for _, r := range references(t) {
		names := metric.Names(r.Task)
		for _, name := range names {
			got, err := metric.Score(name, r.target(), r.Outputs)
			want, ok := r.Scores[name]
			switch {
			case !ok:
				if !undefined(err) {
					t.Errorf("%s: %s is %v, %v; it is not defined", r.Name, name, got, err)
				}
			case err != nil:
				t.Errorf("%s: %s: %v", r.Name, name, err)
			case !near(got, want):
				t.Errorf("%s: %s is %v, want %v", r.Name, name, got, want)
			default:
				compared[name]++
			}
		}
		for name := range r.Scores {
			if !slices.Contains(names, name) {
				t.Errorf("%s: there is no %s", r.Name, name)
			}
		}
	}
	for _, task := range []ml.Task{ml.Binary, ml.Multiclass, ml.Regression} {
		for _, name := range metric.Names(task) {
			if compared[name] < 2 {
				t.Errorf("%s is compared %d times", name, compared[name])
			}
		}
	}
}

func TestParametersReference(t *testing.T) {
	t.Parallel()
	compared := map[string]int{}
	for _, r := range references(t) {
		for _, p := range r.Parameters {
			var got float64
			var err error
			switch p.function {
			case "fbeta":
				got, err = metric.FBeta(r.target(), r.Outputs, p.parameter)
			case "topk":
				got, err = metric.TopK(r.target(), r.Outputs, int(p.parameter))
			case "pinball":
				got, err = metric.Pinball(r.target(), r.Outputs, p.parameter)
			case "pinballd2":
				got, err = metric.PinballD2(r.target(), r.Outputs, p.parameter)
			case "tweedie":
				got, err = metric.Tweedie(r.target(), r.Outputs, p.parameter)
			case "tweedied2":
				got, err = metric.TweedieD2(r.target(), r.Outputs, p.parameter)
			}
			if err != nil || !near(got, p.score) {
				t.Errorf("%s: %s of %v is %v, want %v (%v)", r.Name, p.function, p.parameter, got, p.score, err)
			}
			compared[p.function]++
		}
	}
	for name, least := range map[string]int{"fbeta": 20, "topk": 10, "pinball": 30, "pinballd2": 30, "tweedie": 30, "tweedied2": 30} {
		if compared[name] < least {
			t.Errorf("%s is compared %d times", name, compared[name])
		}
	}
}

// TestAll compares All with Score of each.
func TestAll(t *testing.T) {
	t.Parallel()
	for _, r := range references(t) {
		all, err := metric.All(r.target(), r.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		names := metric.Names(r.Task)
		if len(all.Values)+len(all.Undefined) != len(names) {
			t.Errorf("%s: %d values and %d reasons for %d metrics", r.Name, len(all.Values), len(all.Undefined), len(names))
		}
		for _, name := range names {
			want, err := metric.Score(name, r.target(), r.Outputs)
			got, ok := all.Values[name]
			why, missing := all.Undefined[name]
			if ok == missing || ok != (err == nil) || got != want {
				t.Errorf("%s: %s is %v, %v, want %v, %v", r.Name, name, got, why, want, err)
			}
			if missing && why.Error() != err.Error() {
				t.Errorf("%s: %s is undefined by %q, want %q", r.Name, name, why, err)
			}
		}
	}
}

func TestTablesReference(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, r := range references(t) {
		if r.Tables == nil {
			continue
		}
		compared++
		predicted := metric.Likeliest(r.Outputs, len(r.Classes))
		if r.Task == ml.Binary && !slices.Equal(predicted, metric.AtThreshold(r.Outputs, math.Nextafter(0.5, 1))) {
			t.Errorf("%s: the likeliest class is not that above one half", r.Name)
		}
		m, err := metric.NewConfusionMatrix(r.target(), predicted)
		if err != nil {
			t.Fatal(err)
		}
		for name, pair := range map[string][2][][]float64{
			"counts":       {m.Counts, r.Tables.Confusion},
			"of true":      {m.Shares(metric.OfTrue), r.Tables.OfTrue},
			"of predicted": {m.Shares(metric.OfPredicted), r.Tables.OfPredicted},
			"of all":       {m.Shares(metric.OfAll), r.Tables.OfAll},
		} {
			if !nearLines(pair[0], pair[1]) {
				t.Errorf("%s: %s are %v, want %v", r.Name, name, pair[0], pair[1])
			}
		}
		report, err := metric.NewClassReport(r.target(), predicted)
		if err != nil {
			t.Fatal(err)
		}
		var lines [][]float64
		for k, c := range report.Classes {
			if c.Class != r.Classes[k] {
				t.Errorf("%s: line %d is of %q", r.Name, k, c.Class)
			}
			lines = append(lines, []float64{c.Precision, c.Recall, c.F1, c.Support})
		}
		if !nearLines(lines, r.Tables.Report) {
			t.Errorf("%s: the report is %v, want %v", r.Name, lines, r.Tables.Report)
		}
		w := report.Weighted
		if got := []float64{w.Precision, w.Recall, w.F1, w.Support}; !slices.EqualFunc(got, r.Tables.Weighted, near) {
			t.Errorf("%s: by support %v, want %v", r.Name, got, r.Tables.Weighted)
		}
		if !near(report.Accuracy, r.Scores[metric.Accuracy]) || !near(report.Macro.F1, r.Scores[metric.F1Macro]) {
			t.Errorf("%s: accuracy %v and macro %+v differ from the scores", r.Name, report.Accuracy, report.Macro)
		}
	}
	if compared < 10 {
		t.Errorf("%d tables are compared", compared)
	}
}

func nearLines(got, want [][]float64) bool {
	return slices.EqualFunc(got, want, func(a, b []float64) bool { return slices.EqualFunc(a, b, near) })
}

func TestCurvesReference(t *testing.T) {
	t.Parallel()
	compared := map[string]int{}
	for _, r := range references(t) {
		for name, want := range r.Curves {
			compared[name]++
			if got := curvePoints(t, r, name); !nearLines(got, want) {
				t.Errorf("%s: %s is %v, want %v", r.Name, name, got, want)
			}
		}
	}
	for _, name := range []string{"roc", "precision_recall", "calibration_uniform_5", "calibration_uniform_10", "calibration_quantile_5", "calibration_quantile_10"} {
		if compared[name] < 4 {
			t.Errorf("%s is compared %d times", name, compared[name])
		}
	}
}

// curvePoints returns the named curve as the reference writes it.
func curvePoints(t *testing.T, r reference, name string) [][]float64 {
	t.Helper()
	var points [][]float64
	switch name {
	case "roc":
		c, err := metric.NewROCCurve(r.target(), r.Outputs, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range c.Points {
			points = append(points, []float64{p.Threshold, p.FalsePositiveRate, p.TruePositiveRate})
		}
		if !near(c.AUC, r.Scores[metric.ROCAUC]) {
			t.Errorf("%s: the area is %v", r.Name, c.AUC)
		}
	case "precision_recall":
		c, err := metric.NewPrecisionRecallCurve(r.target(), r.Outputs, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range c.Points {
			points = append(points, []float64{p.Threshold, p.Precision, p.Recall})
		}
		if !near(c.AveragePrecision, r.Scores[metric.AveragePrecision]) {
			t.Errorf("%s: the average precision is %v", r.Name, c.AveragePrecision)
		}
	default:
		p := metric.CalibrationParams{Bins: 5}
		if name[len(name)-1] == '0' {
			p.Bins = 10
		}
		if name[len("calibration_")] == 'q' {
			p.Binning = metric.EqualWeight
		}
		c, err := metric.NewCalibrationCurve(r.target(), r.Outputs, 1, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range c.Bins {
			points = append(points, []float64{b.Predicted, b.Observed})
		}
	}
	return points
}
