package forest_test

import (
	"math"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
)

// TestOutOfBag compares the out-of-bag outputs with the means of what single
// trees predict for the rows that they did not draw.
func TestOutOfBag(t *testing.T) {
	t.Parallel()
	for name, v := range variants(700) {
		if !v.p.Bootstrap && v.p.RowFraction == 1 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v.p.Trees = 5 // so that all draw some rows
			m, got, err := forest.TrainOutOfBag(t.Context(), v.p, v.data.x, v.data.y, ml.Options{})
			if err != nil {
				t.Fatal(err)
			}
			width := m.Outputs()
			want, trees := make([]float64, len(got.Outputs)), make([]int, len(got.Trees))
			for i := range v.p.Trees {
				out := predict(t, forest.Single(m, i), v.data.x)
				for row, times := range forest.Bag(v.p, v.data.x.Rows(), i) {
					if times > 0 {
						continue
					}
					trees[row]++
					for k := range width {
						want[row*width+k] += out[row*width+k]
					}
				}
			}
			if !slices.Equal(got.Trees, trees) || slices.Max(trees) == 0 || slices.Min(trees) > 0 {
				t.Fatalf("the numbers of trees are %v, want %v", got.Trees, trees)
			}
			for i, v := range got.Outputs {
				n := trees[i/width]
				if n == 0 != math.IsNaN(v) || n > 0 && math.Abs(v-want[i]/float64(n)) > 1e-9 {
					t.Fatalf("output %d is %v, want %v of %d trees", i, v, want[i]/float64(n), n)
				}
			}
			checkScore(t, m, got, v.data.y)
			if again, _ := roundTrip(t, m).OutOfBagScore(); again != must2(m.OutOfBagScore()) {
				t.Errorf("the decoded model has the score %v", again)
			}
		})
	}
}

func must2(v float64, _ bool) float64 { return v }

// checkScore compares the score of a model with that of the rows out of a bag.
func checkScore(t *testing.T, m *forest.Model, bag *forest.OutOfBag, y ml.Target) {
	t.Helper()
	name := "accuracy"
	if y.Task == ml.Regression {
		name = "r2"
	}
	part := ml.Target{Task: y.Task, Classes: y.Classes}
	var outputs []float64
	for i, n := range bag.Trees {
		if n > 0 {
			part.Values = append(part.Values, y.Values[i])
			outputs = append(outputs, bag.Outputs[i*m.Outputs():(i+1)*m.Outputs()]...)
		}
	}
	got, ok := m.OutOfBagScore()
	if want := score(t, name, part, outputs); !ok || math.Abs(got-want) > 1e-9 {
		t.Errorf("the score is %v, want %v", got, want)
	}
}

func TestOutOfBagScoreOfOddTables(t *testing.T) {
	t.Parallel()
	column := func(v ...float64) frame.Column { return frame.NewFloat("a", v) }
	for name, test := range map[string]struct {
		data problem
		want float64
		ok   bool
	}{
		"one row":         {regression([]float64{1}, column(1)), 0, false},
		"constant target": {regression([]float64{3, 3, 3, 3}, column(1, 2, 3, 4)), 1, true},
	} {
		p := params(func(p *forest.Params) { p.OutOfBag = true })
		if got, ok := train(t, p, test.data, ml.Options{}).OutOfBagScore(); got != test.want || ok != test.ok {
			t.Errorf("%s: the score is %v, %v", name, got, ok)
		}
	}
	if _, ok := train(t, forest.DefaultParams(), friedman(50, 1), ml.Options{}).OutOfBagScore(); ok {
		t.Error("there is a score that nobody asked for")
	}
}

// TestBags checks that rows are drawn as often as asked for.
func TestBags(t *testing.T) {
	t.Parallel()
	const rows = 5000
	for name, test := range map[string]struct {
		change         func(p *forest.Params)
		drawn, outside int
	}{
		"with replacement":    {func(*forest.Params) {}, rows, 1839}, // rows / e
		"fewer":               {func(p *forest.Params) { p.RowFraction = 0.2 }, rows / 5, 4094},
		"without replacement": {func(p *forest.Params) { p.Bootstrap, p.RowFraction = false, 0.2 }, rows / 5, rows * 4 / 5},
		"all":                 {func(p *forest.Params) { p.Bootstrap = false }, rows, 0},
	} {
		p := params(test.change)
		seen := make([]int, rows)
		for i := range 100 {
			drawn, outside := 0, 0
			for row, n := range forest.Bag(p, rows, i) {
				drawn += int(n)
				seen[row] += int(n)
				if n == 0 {
					outside++
				}
			}
			if math.Abs(float64(drawn-test.drawn)) > 5 || math.Abs(float64(outside-test.outside)) > 150 {
				t.Errorf("%s: %d draws leave %d rows out, want %d and about %d", name, drawn, outside, test.drawn, test.outside)
			}
		}
		if low, high := slices.Min(seen), slices.Max(seen); low < test.drawn*100/rows-60 || high > test.drawn*100/rows+60 {
			t.Errorf("%s: rows are drawn from %d to %d times", name, low, high)
		}
	}
}
