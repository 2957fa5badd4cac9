package linear_test

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
)

// TestStringsAreIndicators compares columns of strings with the columns of 0 and
// 1 that they stand for.
func TestStringsAreIndicators(t *testing.T) {
	t.Parallel()
	x, list := sparse(t, 1500, 2, 20)
	for _, problem := range list {
		for _, ratio := range []float64{0, 0.5} {
			for _, standardize := range []bool{false, true} {
				p := problem.params()
				p.L1Ratio, p.Standardize, p.Tolerance = ratio, standardize, 1e-11
				made := fit(t, p, x, problem.y, ml.Options{})
				columns := make([]frame.Column, 0, len(made.Features()))
				for _, f := range made.Features() {
					values := make([]float64, x.Rows())
					for i := range values {
						values[i] = product(t, x, f, i)
					}
					name := f.Column + "=" + f.Category
					if f.Missing {
						name = f.Column + " is missing"
					}
					columns = append(columns, frame.NewFloat(name, values))
				}
				numbers := fit(t, p, newFrame(t, columns...), problem.y, ml.Options{})
				for k := range made.Intercepts() {
					for j, v := range made.Coefficients(k) {
						if w := numbers.Coefficients(k)[j]; !(math.Abs(v-w) <= 1e-7) {
							t.Errorf("%s: the coefficient of %+v is %v, of its column %v", problem.name, made.Features()[j], v, w)
						}
					}
				}
			}
		}
	}
}

// TestDictionaryOrder writes the same strings with another dictionary: in
// another order, with entries that no row has.
func TestDictionaryOrder(t *testing.T) {
	t.Parallel()
	x, list := sparse(t, 5000, 2, 9000)
	columns := slices.Clone(x.Columns())
	for c, column := range columns {
		if column.Type() != frame.String {
			continue
		}
		text := make([]string, column.Len())
		for i := range text {
			text[i] = column.Text(i)
		}
		of := frame.StringsOf(column.Name(), text, column.Null)
		columns[c] = frame.NewString(column.Name(), of.Codes(), append(slices.Clone(of.Dict()), "unused", "0"))
	}
	other := newFrame(t, columns...)
	for _, problem := range list {
		p := problem.params()
		p.Tolerance = 1e-5
		m := fit(t, p, x, problem.y, ml.Options{})
		if !bytes.Equal(encode(t, fit(t, p, other, problem.y, ml.Options{})), encode(t, m)) {
			t.Errorf("%s: the model depends on the dictionary", problem.name)
		}
		if !slices.Equal(predict(t, m, other), predict(t, m, x)) {
			t.Errorf("%s: the prediction depends on the dictionary", problem.name)
		}
	}
}

// TestLevels checks what a missing and an unseen category add to a score.
func TestLevels(t *testing.T) {
	t.Parallel()
	y := ml.Target{Task: ml.Regression, Values: []float64{1, 1, 5, 5, 9, 9}}
	gap := func(i int) bool { return i >= 4 }
	p := linear.DefaultParams()
	p.Alpha = 0.5
	text := []string{"b", "b", "a", "a", "-", "-"}
	with := fit(t, p, newFrame(t, frame.StringsOf("s", text, gap)), y, ml.Options{})
	without := fit(t, p, newFrame(t, frame.StringsOf("s", text, nil)), y, ml.Options{})
	features := with.Features()
	want := []linear.Feature{{Column: "s", Text: true, Category: "a"}, {Column: "s", Text: true, Category: "b"}, {Column: "s", Text: true, Missing: true}}
	if !slices.Equal(features, want) {
		t.Fatalf("the features are %+v, want %+v", features, want)
	}
	fresh := newFrame(t, frame.StringsOf("s", []string{"new", "a", "b", "-"}, func(i int) bool { return i == 3 }))
	for _, c := range []struct {
		m    *linear.Model
		want []int // the coefficient of each row, or none
	}{{with, []int{-1, 0, 1, 2}}, {without, []int{-1, 1, 2, -1}}} {
		for i, got := range predict(t, c.m, fresh) {
			score := c.m.Intercepts()[0]
			if c.want[i] >= 0 {
				score += c.m.Coefficients(0)[c.want[i]]
			}
			if got != score {
				t.Errorf("row %d is predicted as %v, want %v", i, got, score)
			}
		}
	}
	if with.Coefficients(0)[2] < 2 {
		t.Errorf("the coefficient of missing values is %v", with.Coefficients(0)[2])
	}
}

// TestMemory trains on a million rows of ten columns of a thousand categories
// within some bytes for each value. It does not run beside other tests, whose
// memory it would count.
func TestMemory(t *testing.T) { //nolint:paralleltest // as said above
	x, list := sparse(t, 1_000_000, 10, 1000)
	for _, ratio := range []float64{0, 1} {
		p := linear.DefaultParams()
		p.L1Ratio, p.Tolerance, p.Alpha = ratio, 1e-3, 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m := fit(t, p, x, list[0].y, ml.Options{})
		runtime.ReadMemStats(&after)
		const values = 11_000_000
		perValue := float64(after.TotalAlloc-before.TotalAlloc) / values
		t.Logf("%d iterations, %.1f bytes a value", m.Iterations(), perValue)
		if perValue > 16 {
			t.Errorf("%.1f bytes are allocated for each value, want at most 16: 10,000 columns would take 8,000", perValue)
		}
	}
}
