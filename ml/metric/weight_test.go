package metric_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// drawn makes a target and outputs that know something of it, many of them
// equal.
func drawn(rows, classes int) (ml.Target, []float64) {
	r := rand.New(rand.NewPCG(5, uint64(classes)))
	y := ml.Target{Task: ml.Multiclass, Values: make([]float64, rows)}
	if classes == 2 {
		y.Task = ml.Binary
	}
	for k := range classes {
		y.Classes = append(y.Classes, strconv.Itoa(k))
	}
	out := make([]float64, rows*classes)
	for i := range rows {
		k := i % classes
		y.Values[i] = float64(k)
		row, sum := out[i*classes:(i+1)*classes], 0.0
		for j := range row {
			row[j] = float64(1 + r.IntN(8))
			if j == k {
				row[j] += 3
			}
			sum += row[j]
		}
		for j := range row {
			row[j] /= sum
		}
	}
	return y, out
}

// repeated gives every third row the weight 3 and every fifth 2, and makes the
// same rows without weights.
func repeated(y ml.Target, out []float64) (weighted, plain ml.Target, plainOut []float64) {
	weighted, plain = y, y
	weighted.Weights, plain.Values = make([]float64, y.Len()), nil
	width := y.Outputs()
	for i, v := range y.Values {
		n := 1
		switch {
		case i%3 == 0:
			n = 3
		case i%5 == 0:
			n = 2
		}
		weighted.Weights[i] = float64(n)
		for range n {
			plain.Values = append(plain.Values, v)
			plainOut = append(plainOut, out[i*width:(i+1)*width]...)
		}
	}
	return weighted, plain, plainOut
}

// TestWeightsAreRepetition checks every metric, curve and table.
func TestWeightsAreRepetition(t *testing.T) {
	t.Parallel()
	number := ml.Target{Task: ml.Regression}
	var near100 []float64
	r := rand.New(rand.NewPCG(1, 1))
	for range 400 {
		v := float64(1 + r.IntN(200))
		number.Values = append(number.Values, v)
		near100 = append(near100, v/2+float64(1+r.IntN(100)))
	}
	binary, twoOut := drawn(400, 2)
	several, manyOut := drawn(700, 4)
	for _, c := range []struct {
		y   ml.Target
		out []float64
	}{{binary, twoOut}, {several, manyOut}, {number, near100}} {
		weighted, plain, plainOut := repeated(c.y, c.out)
		got, err := metric.All(weighted, c.out)
		if err != nil {
			t.Fatal(err)
		}
		want, err := metric.All(plain, plainOut)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Values) < len(metric.Names(c.y.Task))-1 {
			t.Errorf("only %d metrics: %v", len(got.Values), got.Undefined)
		}
		for name, v := range got.Values {
			if !near(v, want.Values[name]) {
				t.Errorf("%s is %v with weights, %v with repeated rows", name, v, want.Values[name])
			}
		}
		if c.y.Task == ml.Regression {
			continue
		}
		for class := range c.y.Classes {
			sameCurves(t, class, weighted, c.out, plain, plainOut)
		}
	}
}

func sameCurves(t *testing.T, class int, y ml.Target, out []float64, plain ml.Target, plainOut []float64) {
	t.Helper()
	a, err := metric.NewROCCurve(y, out, class)
	if err != nil {
		t.Fatal(err)
	}
	b, err := metric.NewROCCurve(plain, plainOut, class)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(a.Points, b.Points, func(a, b metric.ROCPoint) bool {
		return a.Threshold == b.Threshold && near(a.FalsePositiveRate, b.FalsePositiveRate) && near(a.TruePositiveRate, b.TruePositiveRate)
	}) || a.Positives != b.Positives || a.Negatives != b.Negatives {
		t.Errorf("the ROC curve of class %d is %+v with weights, %+v with repeated rows", class, a, b)
	}
	for _, binning := range []metric.Binning{metric.EqualWidth, metric.EqualWeight} {
		p := metric.CalibrationParams{Bins: 7, Binning: binning}
		a, err := metric.NewCalibrationCurve(y, out, class, p)
		if err != nil {
			t.Fatal(err)
		}
		b, err := metric.NewCalibrationCurve(plain, plainOut, class, p)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(a.Bins, b.Bins, func(a, b metric.CalibrationBin) bool {
			return a.Low == b.Low && a.High == b.High && near(a.Predicted, b.Predicted) && near(a.Observed, b.Observed) && a.Weight == b.Weight
		}) || !near(a.ExpectedError, b.ExpectedError) || !near(a.LargestError, b.LargestError) {
			t.Errorf("the calibration of class %d is %+v with weights, %+v with repeated rows", class, a, b)
		}
	}
}

// TestLargeWeights checks that the scale of the weights does not matter.
func TestLargeWeights(t *testing.T) {
	t.Parallel()
	y := ml.Target{Task: ml.Binary, Values: []float64{0, 1, 0, 1}, Classes: []string{"no", "yes"}}
	out := []float64{0.9, 0.1, 0.6, 0.4, 0.3, 0.7, 0.2, 0.8}
	for _, name := range metric.Names(ml.Binary) {
		y.Weights = []float64{1, 2, 4, 1}
		want, err := metric.Score(name, y, out)
		if err != nil {
			t.Fatal(err)
		}
		for i := range y.Weights {
			y.Weights[i] *= 0x1p1021
		}
		if got, err := metric.Score(name, y, out); err != nil || got != want {
			t.Errorf("%s is %v with large weights, want %v (%v)", name, got, want, err)
		}
	}
	m, err := metric.NewConfusionMatrix(y, metric.Likeliest(out, 2))
	if err != nil || m.Counts[0][0] != 0x1p1021 || m.Counts[1][0] != 0x1p1022 {
		t.Errorf("the counts are %v, %v", m, err)
	}
	y.Weights = slices.Repeat([]float64{math.MaxFloat64}, 4)
	r, err := metric.NewClassReport(y, metric.Likeliest(out, 2))
	if err != nil || r.Macro.Support != math.MaxFloat64 || r.Accuracy != 0.5 {
		t.Errorf("the report is %+v, %v", r, err)
	}
}
