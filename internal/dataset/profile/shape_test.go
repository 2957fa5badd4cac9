package profile_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/ml/frame"
)

// shape computes skewness and kurtosis by their definitions.
func shape(values []float64) (skew, kurtosis float64) {
	n := float64(len(values))
	mean := 0.0
	for _, v := range values {
		mean += v / n
	}
	var m2, m3, m4 float64
	for _, v := range values {
		d := v - mean
		m2 += d * d / n
		m3 += d * d * d / n
		m4 += d * d * d * d / n
	}
	skew = math.Sqrt(n*(n-1)) / (n - 2) * m3 / math.Pow(m2, 1.5)
	kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n+1)*(m4/(m2*m2)-3) + 6)
	return skew, kurtosis
}

func TestShape(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() float64{
		"normal": rng.NormFloat64, "far from zero": func() float64 { return 1e6 + rng.NormFloat64() }, "long tail": func() float64 { return math.Exp(rng.NormFloat64()) },
	} {
		values := make([]float64, 5000)
		for i := range values {
			values[i] = draw()
		}
		skew, kurtosis := shape(values)
		for _, parts := range []int{1, 3, 40} {
			c := describe(t, table(t, frame.NewFloat("x", slices.Clone(values))), parts).Columns[0]
			if math.Abs(*c.Skew-skew) > 1e-6*max(1, math.Abs(skew)) || math.Abs(*c.Kurtosis-kurtosis) > 1e-6*max(1, math.Abs(kurtosis)) {
				t.Errorf("%s, %d parts: skewness %v, kurtosis %v, want %v, %v", name, parts, *c.Skew, *c.Kurtosis, skew, kurtosis)
			}
		}
	}
	// pandas: Series([1, 2, 2, 3, 14]).skew() and kurt()
	c := describe(t, table(t, frame.NewFloat("x", []float64{1, 2, 2, 3, 14})), 1).Columns[0]
	if math.Abs(*c.Skew-2.141244) > 1e-6 || math.Abs(*c.Kurtosis-4.663654) > 1e-6 {
		t.Errorf("skewness %v, kurtosis %v", *c.Skew, *c.Kurtosis)
	}
	for _, values := range [][]float64{{1, 1, 1, 1, 1}, {1, 2}} {
		if c := describe(t, table(t, frame.NewFloat("x", values)), 1).Columns[0]; c.Skew != nil || c.Kurtosis != nil {
			t.Errorf("%v has the shape %v, %v", values, c.Skew, c.Kurtosis)
		}
	}
}

func TestOutliers(t *testing.T) {
	t.Parallel()
	values := make([]int64, 0, 103)
	for i := range 100 {
		values = append(values, int64(i))
	}
	values = append(values, 1000, -1000, 160) // the quartiles are 24 and 76 or so
	o := describe(t, table(t, frame.NewInt("x", frame.Int, values, nil)), 1).Columns[0].Outliers
	if o == nil || o.Below != 1 || o.Above != 2 || o.Extreme != 2 || o.Z != 2 {
		t.Errorf("outliers %+v", o)
	}
	// Of many values the sketch knows.
	rng := rand.New(rand.NewPCG(1, 2))
	many := make([]float64, 50_000)
	for i := range many {
		many[i] = 100 + rng.NormFloat64()
		if i%1000 == 0 {
			many[i] = 500
		}
	}
	for _, parts := range []int{1, 4} {
		if o := describe(t, table(t, frame.NewFloat("x", many)), parts).Columns[0].Outliers; o == nil || o.Extreme != 50 || o.Above < 50 || o.Z < 50 {
			t.Errorf("outliers %+v", o)
		}
	}
	for _, values := range [][]float64{{1, 2, 3}, {math.MaxFloat64, -math.MaxFloat64, 1, 2}} {
		if o := describe(t, table(t, frame.NewFloat("x", values)), 1).Columns[0].Outliers; o != nil {
			t.Errorf("%v has outliers %+v", values, o)
		}
	}
	// Around one value there are no fences.
	flat := append(slices.Repeat([]float64{7}, 99), 8)
	if o := describe(t, table(t, frame.NewFloat("x", flat)), 1).Columns[0].Outliers; o == nil || o.Above != 0 || o.Extreme != 0 || o.Z != 1 {
		t.Errorf("outliers %+v", o)
	}
}

// pearson computes the correlation of the rows that have both values.
func pearson(x, y []float64) float64 {
	var n, mx, my, sxy, sxx, syy float64
	for i := range x {
		if !math.IsNaN(x[i]) && !math.IsNaN(y[i]) {
			n++
			mx += x[i]
			my += y[i]
		}
	}
	mx, my = mx/n, my/n
	for i := range x {
		if !math.IsNaN(x[i]) && !math.IsNaN(y[i]) {
			sxy += (x[i] - mx) * (y[i] - my)
			sxx += (x[i] - mx) * (x[i] - mx)
			syy += (y[i] - my) * (y[i] - my)
		}
	}
	return sxy / math.Sqrt(sxx*syy)
}

func TestPearson(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	const rows = 5000
	columns := make([][]float64, 5)
	for k := range columns {
		columns[k] = make([]float64, rows)
	}
	for i := range rows {
		a := rng.NormFloat64()
		columns[0][i] = a
		columns[1][i] = 1e9 + 3*a + rng.NormFloat64() // far from zero
		columns[2][i] = -a + 0.1*rng.NormFloat64() + float64(i)/rows
		columns[3][i] = 7 // constant
		columns[4][i] = rng.Float64()
		for _, k := range []int{0, 2, 4} {
			if rng.IntN(5) == 0 {
				columns[k][i] = math.NaN()
			}
		}
	}
	var parts []frame.Column
	for k, values := range columns {
		parts = append(parts, frame.NewFloat(fmt.Sprintf("c%d", k), slices.Clone(values)))
	}
	for _, n := range []int{1, 3, 20} {
		m := describe(t, table(t, parts...), n).Associations.Pearson
		for i := range columns {
			for j := range columns {
				got := m.Values[i][j]
				switch {
				case i == j:
					if *got != 1 {
						t.Errorf("r of %d and itself is %v", i, *got)
					}
				case i == 3 || j == 3:
					if got != nil {
						t.Errorf("r of %d and the constant is %v", i, *got)
					}
				default:
					if want := pearson(columns[i], columns[j]); got == nil || math.Abs(*got-want) > 2e-6 {
						t.Errorf("%d parts: r of %d and %d is %v, want %v", n, i, j, got, want)
					}
				}
			}
		}
	}
}

func TestCramersV(t *testing.T) {
	t.Parallel()
	// 30, 10; 10, 50 rows: chi-squared is 34.0278, V is 0.583333.
	var a, b, c []string
	for _, cell := range []struct {
		a, b string
		n    int
	}{{"x", "p", 30}, {"x", "q", 10}, {"y", "p", 10}, {"y", "q", 50}} {
		a = append(a, slices.Repeat([]string{cell.a}, cell.n)...)
		b = append(b, slices.Repeat([]string{cell.b}, cell.n)...)
	}
	for i := range a {
		c = append(c, fmt.Sprintf("value %d", i)) // too many to be compared
	}
	truth := make([]int64, len(a))
	for i := range a {
		if a[i] == "x" {
			truth[i] = 1
		}
	}
	f := table(t, frame.StringsOf("a", a, nil), frame.StringsOf("b", b, nil), frame.StringsOf("c", c, nil),
		frame.NewInt("d", frame.Bool, truth, nil))
	for _, parts := range []int{1, 2, 5} {
		m := describe(t, f, parts).Associations.CramersV
		if !slices.Equal(m.Columns, []string{"a", "b", "d"}) {
			t.Fatalf("columns %q", m.Columns)
		}
		if v := *m.Values[0][1]; math.Abs(v-0.583333) > 1e-5 {
			t.Errorf("%d parts: V is %v", parts, v)
		}
		if v := *m.Values[0][2]; v != 1 {
			t.Errorf("%d parts: V of the same is %v", parts, v)
		}
	}
}

func TestManyColumnsAreLeftOut(t *testing.T) {
	t.Parallel()
	var columns []frame.Column
	for k := range 70 {
		columns = append(columns, frame.NewFloat(fmt.Sprintf("n%d", k), []float64{1, 2, float64(k)}))
	}
	for k := range 30 {
		columns = append(columns, frame.StringsOf(fmt.Sprintf("s%d", k), []string{"a", "b", "a"}, nil))
	}
	a := describe(t, table(t, columns...), 1).Associations
	if len(a.Pearson.Columns) != 50 || len(a.CramersV.Columns) != 20 || a.Left != 30 {
		t.Errorf("%d and %d columns, %d left out", len(a.Pearson.Columns), len(a.CramersV.Columns), a.Left)
	}
}

func TestMissingTogether(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	f := table(t,
		frame.NewFloat("a", []float64{1, nan, nan, 4, nan, 6}),
		frame.NewFloat("b", []float64{1, nan, nan, 4, 5, 6}),
		frame.StringsOf("c", []string{"x", "", "", "x", "x", ""}, func(i int) bool { return i == 5 }),
	)
	for _, parts := range []int{1, 2, 6} {
		m := describe(t, f, parts).Missing
		want := []profile.Pattern{{Columns: []string{"a", "b"}, Rows: 2}, {Columns: []string{"a"}, Rows: 1}, {Columns: []string{"c"}, Rows: 1}}
		if m.Cells != 6 || m.CompleteRows != 2 || m.OtherRows != 0 || !reflect.DeepEqual(m.Patterns, want) {
			t.Errorf("%d parts: %+v", parts, m)
		}
	}
	// More combinations than are shown.
	columns := make([]frame.Column, 11)
	for k := range columns {
		values := make([]float64, 2048)
		for i := range values {
			if values[i] = float64(i); i>>k&1 == 1 {
				values[i] = nan
			}
		}
		columns[k] = frame.NewFloat(fmt.Sprintf("c%d", k), values)
	}
	m := describe(t, table(t, columns...), 1).Missing
	if len(m.Patterns) != 10 || m.CompleteRows != 1 || m.OtherRows != 2048-1-10 {
		t.Errorf("%d patterns, %d complete, %d others", len(m.Patterns), m.CompleteRows, m.OtherRows)
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	f := table(t,
		frame.NewFloat("a", []float64{1, 1, 2, nan, nan, 1, 0}),
		frame.StringsOf("b", []string{"x", "x", "x", "y", "y", "y", "x"}, nil),
		frame.NewInt("c", frame.Bool, []int64{1, 1, 1, 0, 0, 1, 1}, nil),
	)
	for _, parts := range []int{1, 2, 7} {
		if d := describe(t, f, parts).Duplicates; d.Rows != 2 || !d.Exact || d.Error != 0 {
			t.Errorf("%d parts: %+v", parts, d)
		}
	}
}

func TestManyDuplicatesAreEstimated(t *testing.T) {
	t.Parallel()
	const rows = 1_400_000
	whole := make([]int64, rows)
	for i := range whole {
		whole[i] = int64(i) % 1_200_000
	}
	for _, parts := range []int{1, 2} {
		d := describe(t, table(t, frame.NewInt("x", frame.Int, whole, nil)), parts).Duplicates
		if d.Exact || math.Abs(float64(d.Rows)-200_000) > 4*d.Error || d.Error > 5_000 || d.Error < 1_000 {
			t.Errorf("%d parts: %+v", parts, d)
		}
	}
}
