package metric_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// distinct are as many different scores of a class that is positive as often as
// they say.
func distinct(rows int) (ml.Target, []float64) {
	y := ml.Target{Task: ml.Binary, Values: make([]float64, rows), Classes: []string{"no", "yes"}}
	out := make([]float64, 2*rows)
	for i := range rows {
		p := (float64(i) + 0.5) / float64(rows)
		out[2*i], out[2*i+1] = 1-p, p
		if math.Mod(float64(i)*math.Phi, 1) < p {
			y.Values[i] = 1
		}
	}
	return y, out
}

// TestLongCurves checks the bound on points and that the shape is kept.
func TestLongCurves(t *testing.T) {
	t.Parallel()
	y, out := distinct(50_000)
	roc, err := metric.NewROCCurve(y, out, 1)
	if err != nil {
		t.Fatal(err)
	}
	first, last := roc.Points[0], roc.Points[len(roc.Points)-1]
	if n := len(roc.Points); n > metric.MaxPoints || n < metric.MaxPoints*9/10 {
		t.Errorf("%d points", n)
	}
	if first.FalsePositiveRate != 0 || first.TruePositiveRate != 0 || last.FalsePositiveRate != 1 || last.TruePositiveRate != 1 || first.Threshold <= 1 {
		t.Errorf("the ends are %+v and %+v", first, last)
	}
	area := 0.0
	for i, p := range roc.Points[1:] {
		before := roc.Points[i]
		if p.Threshold >= before.Threshold || p.FalsePositiveRate < before.FalsePositiveRate || p.TruePositiveRate < before.TruePositiveRate {
			t.Fatalf("%+v comes after %+v", p, before)
		}
		area += (p.FalsePositiveRate - before.FalsePositiveRate) * (p.TruePositiveRate + before.TruePositiveRate) / 2
	}
	if math.Abs(area-roc.AUC) > 1e-4 {
		t.Errorf("the area below the points is %v, of all %v", area, roc.AUC)
	}
	pr, err := metric.NewPrecisionRecallCurve(y, out, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(pr.Points); n > metric.MaxPoints || n < metric.MaxPoints/2 || pr.Points[n-1].Recall != 1 {
		t.Errorf("%d points, the last is %+v", n, pr.Points[n-1])
	}
	sum, before := 0.0, 0.0
	for _, p := range pr.Points {
		sum += (p.Recall - before) * p.Precision
		before = p.Recall
	}
	if math.Abs(sum-pr.AveragePrecision) > 2e-3 {
		t.Errorf("the average precision of the points is %v, of all %v", sum, pr.AveragePrecision)
	}
	want, err := metric.Score(metric.ROCAUC, y, out)
	if err != nil || want != roc.AUC {
		t.Errorf("the area is %v, roc_auc %v (%v)", roc.AUC, want, err)
	}
}

// TestCalibrated checks probabilities that come true, and some that do not.
func TestCalibrated(t *testing.T) {
	t.Parallel()
	y, out := distinct(20_000)
	for _, binning := range []metric.Binning{metric.EqualWidth, metric.EqualWeight} {
		p := metric.DefaultCalibrationParams()
		p.Binning = binning
		good, err := metric.NewCalibrationCurve(y, out, 1, p)
		if err != nil {
			t.Fatal(err)
		}
		if len(good.Bins) != 10 || good.ExpectedError > 0.01 || good.LargestError < good.ExpectedError || good.Bins[0].Low != 0 || good.Bins[9].High != 1 {
			t.Errorf("%+v", good)
		}
		shy := slices.Clone(out)
		for i := range y.Values {
			shy[2*i+1] = 0.5 + (out[2*i+1]-0.5)/2
			shy[2*i] = 1 - shy[2*i+1]
		}
		bad, err := metric.NewCalibrationCurve(y, shy, 1, p)
		if err != nil {
			t.Fatal(err)
		}
		// The distance is |p-1/2|/2, a quarter of 1/2 on average.
		if math.Abs(bad.ExpectedError-0.125) > 0.01 || math.Abs(bad.LargestError-0.25) > 0.03 {
			t.Errorf("expected error %v, largest %v", bad.ExpectedError, bad.LargestError)
		}
	}
	one := ml.Target{Task: ml.Binary, Values: []float64{1}, Classes: y.Classes}
	c, err := metric.NewCalibrationCurve(one, []float64{1, 0}, 1, metric.DefaultCalibrationParams())
	if err != nil || len(c.Bins) != 1 || c.ExpectedError != 1 {
		t.Errorf("one row that is certain and wrong gives %+v, %v", c, err)
	}
}

func TestObjectsRefuse(t *testing.T) {
	t.Parallel()
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 1}, Classes: []string{"no", "yes"}}
	value := ml.Target{Task: ml.Regression, Values: []float64{0, 1}}
	many := ml.Target{Task: ml.Multiclass, Values: []float64{0, 1}, Classes: make([]string, metric.MaxClasses+1)}
	for k := range many.Classes {
		many.Classes[k] = strconv.Itoa(k)
	}
	out := []float64{0.5, 0.5, 0.2, 0.8}
	p := metric.DefaultCalibrationParams()
	tests := map[string]struct {
		run  func() error
		code string
	}{
		"matrix of numbers":          {func() error { _, err := metric.NewConfusionMatrix(value, []int{0, 1}); return err }, "unknown_task"},
		"matrix of too many classes": {func() error { _, err := metric.NewConfusionMatrix(many, []int{0, 1}); return err }, "too_many_classes"},
		"matrix of other rows":       {func() error { _, err := metric.NewConfusionMatrix(y, []int{0}); return err }, "predicted_length"},
		"matrix of another class":    {func() error { _, err := metric.NewConfusionMatrix(y, []int{0, 2}); return err }, "unknown_class"},
		"matrix of a negative class": {func() error { _, err := metric.NewConfusionMatrix(y, []int{-1, 0}); return err }, "unknown_class"},
		"report of no rows": {func() error {
			_, err := metric.NewClassReport(ml.Target{Task: ml.Binary, Classes: y.Classes}, nil)
			return err
		}, "no_rows"},
		"report of too many classes": {func() error { _, err := metric.NewClassReport(many, []int{0, 1}); return err }, "too_many_classes"},
		"curve of numbers":           {func() error { _, err := metric.NewROCCurve(value, out[:2], 0); return err }, "unknown_task"},
		"curve of another class":     {func() error { _, err := metric.NewROCCurve(y, out, 2); return err }, "unknown_class"},
		"curve of a class without row": {func() error {
			_, err := metric.NewROCCurve(ml.Target{Task: ml.Multiclass, Values: []float64{0, 1}, Classes: []string{"a", "b", "c"}}, make([]float64, 6), 2)
			return err
		}, "one_class"},
		"curve of short outputs": {func() error { _, err := metric.NewPrecisionRecallCurve(y, out[:3], 1); return err }, "outputs_length"},
		"recall of one class": {func() error {
			_, err := metric.NewPrecisionRecallCurve(ml.Target{Task: ml.Binary, Values: []float64{0, 0}, Classes: y.Classes}, out, 1)
			return err
		}, "one_class"},
		"calibration of numbers": {func() error { _, err := metric.NewCalibrationCurve(value, out[:2], 0, p); return err }, "unknown_task"},
		"calibration in one bin": {func() error {
			_, err := metric.NewCalibrationCurve(y, out, 1, metric.CalibrationParams{Bins: 1})
			return err
		}, "bad_parameter"},
		"calibration in many bins": {func() error {
			_, err := metric.NewCalibrationCurve(y, out, 1, metric.CalibrationParams{Bins: 101})
			return err
		}, "bad_parameter"},
		"calibration by something": {func() error {
			_, err := metric.NewCalibrationCurve(y, out, 1, metric.CalibrationParams{Bins: 9, Binning: 7})
			return err
		}, "bad_parameter"},
		"beta of 0":                  {func() error { _, err := metric.FBeta(y, out, 0); return err }, "bad_parameter"},
		"infinite beta":              {func() error { _, err := metric.FBeta(y, out, math.Inf(1)); return err }, "bad_parameter"},
		"F of numbers":               {func() error { _, err := metric.FBeta(value, out[:2], 1); return err }, "unknown_metric"},
		"top 0":                      {func() error { _, err := metric.TopK(many, nil, 0); return err }, "bad_parameter"},
		"top k of two classes":       {func() error { _, err := metric.TopK(y, out, 1); return err }, "unknown_metric"},
		"quantile of 1":              {func() error { _, err := metric.Pinball(value, out[:2], 1); return err }, "bad_parameter"},
		"quantile that is no number": {func() error { _, err := metric.PinballD2(value, out[:2], math.NaN()); return err }, "bad_parameter"},
		"quantile of one row": {func() error {
			_, err := metric.PinballD2(ml.Target{Task: ml.Regression, Values: []float64{1}}, out[:1], 0.5)
			return err
		}, "too_few_rows"},
		"power without a distribution": {func() error { _, err := metric.Tweedie(value, out[:2], 0.5); return err }, "bad_parameter"},
		"power that is no number":      {func() error { _, err := metric.TweedieD2(value, out[:2], math.NaN()); return err }, "bad_parameter"},
		"negative for a power":         {func() error { _, err := metric.TweedieD2(value, []float64{-1, 1}, 1); return err }, "outputs_range"},
		"gamma of 0":                   {func() error { _, err := metric.Tweedie(value, []float64{1, 1}, 2); return err }, "target_range"},
		"all of malformed outputs":     {func() error { _, err := metric.All(y, out[:1]); return err }, "outputs_length"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var e *ml.InputError
			if err := test.run(); !errors.As(err, &e) || e.Code != test.code || e.Message == "" {
				t.Errorf("the error is %+v, want %s", err, test.code)
			}
		})
	}
}

// TestUndefined checks that an error names its metric and the place.
func TestUndefined(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		y            []float64
		outputs      []float64
		code, reason string
		row          int
	}{
		{metric.RMSLE, []float64{1, -2}, []float64{1, 1}, metric.TargetRange, "rmsle is undefined when the true value is -2; it must be 0 or more", 1},
		{metric.MSLE, []float64{1, 2}, []float64{-1, 1}, metric.OutputRange, "msle is undefined when an output is -1; it must be 0 or more", 0},
		{metric.PoissonDeviance, []float64{1, 2}, []float64{1, 0}, metric.OutputRange, "poisson_deviance is undefined when an output is 0; it must be above 0", 1},
		{metric.GammaDeviance, []float64{0, 2}, []float64{1, 1}, metric.TargetRange, "gamma_deviance is undefined when the true value is 0; it must be above 0", 0},
		{metric.D2Tweedie, []float64{3}, []float64{1}, metric.TooFewRows, "d2_tweedie is undefined for one row; at least 2 are needed", -1},
	} {
		_, err := metric.Score(c.name, ml.Target{Task: ml.Regression, Values: c.y}, c.outputs)
		var e *ml.InputError
		if !errors.As(err, &e) || e.Code != c.code || e.Message != c.reason || e.Row != c.row {
			t.Errorf("the error is %+v, want %s: %s", err, c.code, c.reason)
		}
	}
}

func TestReportAsText(t *testing.T) {
	t.Parallel()
	y := ml.Target{Task: ml.Multiclass, Values: []float64{0, 0, 1, 2}, Classes: []string{"cat", "dog", "capybara"}}
	r, err := metric.NewClassReport(y, []int{0, 1, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	want := `     class  precision  recall     f1  support
       cat      1.000   0.500  0.667        2
       dog      0.500   1.000  0.667        1
  capybara      1.000   1.000  1.000        1
     macro      0.833   0.833  0.778        4
  weighted      0.875   0.750  0.750        4
  accuracy                     0.750        4
`
	if got := r.String(); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
}

// TestCounts checks the figures of a decision, and that nothing is divided by 0.
func TestCounts(t *testing.T) {
	t.Parallel()
	c := metric.Counts{TP: 6, FP: 2, TN: 9, FN: 3}
	for name, pair := range map[string][2]float64{
		"precision":         {c.Precision(), 0.75},
		"recall":            {c.Recall(), 2.0 / 3},
		"specificity":       {c.Specificity(), 9.0 / 11},
		"accuracy":          {c.Accuracy(), 0.75},
		"balanced accuracy": {c.BalancedAccuracy(), (2.0/3 + 9.0/11) / 2},
		"youden":            {c.Youden(), 2.0/3 + 9.0/11 - 1},
		"jaccard":           {c.Jaccard(), 6.0 / 11},
		"f1":                {c.F(1), 12.0 / 17},
		"f2":                {c.F(2), 30.0 / (30 + 12 + 2)},
		"all recall":        {c.F(1e200), 2.0 / 3},
		"all precision":     {c.F(1e-200), 0.75},
		"mcc":               {c.MCC(), (6.0*9 - 2*3) / math.Sqrt(8*9*11*12)},
	} {
		if !near(pair[0], pair[1]) {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
	var none metric.Counts
	for _, v := range []float64{none.Precision(), none.Recall(), none.Specificity(), none.Accuracy(), none.Jaccard(), none.F(1), none.MCC()} {
		if v != 0 {
			t.Errorf("a figure of nothing is %v", v)
		}
	}
}

func ExampleAll() {
	y := ml.Target{Task: ml.Regression, Values: []float64{3, 0, 8}}
	all, err := metric.All(y, []float64{2, 1, 8})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f %.3f\n", all.Values[metric.MAE], all.Values[metric.R2])
	fmt.Println(all.Undefined[metric.GammaDeviance])
	// Output:
	// 0.667 0.939
	// ml: gamma_deviance is undefined when the true value is 0; it must be above 0
}

func ExampleNewConfusionMatrix() {
	y := ml.Target{Task: ml.Multiclass, Values: []float64{0, 0, 1, 2}, Classes: []string{"cat", "dog", "cow"}}
	outputs := []float64{
		0.8, 0.1, 0.1,
		0.4, 0.5, 0.1,
		0.2, 0.7, 0.1,
		0.1, 0.3, 0.6,
	}
	m, err := metric.NewConfusionMatrix(y, metric.Likeliest(outputs, 3))
	if err != nil {
		fmt.Println(err)
		return
	}
	for k, line := range m.Counts {
		fmt.Println(m.Classes[k], line)
	}
	// Output:
	// cat [1 1 0]
	// dog [0 1 0]
	// cow [0 0 1]
}

func ExampleNewClassReport() {
	y := ml.Target{
		Task: ml.Binary, Values: []float64{0, 0, 1, 1}, Classes: []string{"stays", "leaves"},
		Weights: []float64{1, 1, 2, 1},
	}
	outputs := []float64{
		0.9, 0.1,
		0.7, 0.3,
		0.55, 0.45,
		0.2, 0.8,
	}
	for _, threshold := range []float64{0.5, 0.25} {
		r, err := metric.NewClassReport(y, metric.AtThreshold(outputs, threshold))
		if err != nil {
			fmt.Println(err)
			return
		}
		leaves := r.Classes[1]
		fmt.Printf("from %.2f: precision %.2f, recall %.2f\n", threshold, leaves.Precision, leaves.Recall)
	}
	// Output:
	// from 0.50: precision 1.00, recall 0.33
	// from 0.25: precision 0.75, recall 1.00
}

func ExampleNewROCCurve() {
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 0, 1, 1}, Classes: []string{"stays", "leaves"}}
	outputs := []float64{
		0.9, 0.1,
		0.6, 0.4,
		0.65, 0.35,
		0.2, 0.8,
	}
	c, err := metric.NewROCCurve(y, outputs, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("area", c.AUC)
	for _, p := range c.Points[1:] {
		fmt.Printf("from %.2f: %.1f of the positives, %.1f of the negatives\n", p.Threshold, p.TruePositiveRate, p.FalsePositiveRate)
	}
	// Output:
	// area 0.75
	// from 0.80: 0.5 of the positives, 0.0 of the negatives
	// from 0.40: 0.5 of the positives, 0.5 of the negatives
	// from 0.35: 1.0 of the positives, 0.5 of the negatives
	// from 0.10: 1.0 of the positives, 1.0 of the negatives
}

func ExampleNewCalibrationCurve() {
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 0, 0, 1, 1, 0, 1, 1}, Classes: []string{"dry", "rain"}}
	var outputs []float64
	for _, p := range []float64{0.2, 0.2, 0.2, 0.2, 0.9, 0.9, 0.9, 0.9} {
		outputs = append(outputs, 1-p, p)
	}
	c, err := metric.NewCalibrationCurve(y, outputs, 1, metric.CalibrationParams{Bins: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range c.Bins {
		fmt.Printf("predicted %.2f, seen %.2f of %g rows\n", b.Predicted, b.Observed, b.Weight)
	}
	fmt.Printf("%.2f off on average\n", c.ExpectedError)
	// Output:
	// predicted 0.20, seen 0.25 of 4 rows
	// predicted 0.90, seen 0.75 of 4 rows
	// 0.10 off on average
}
