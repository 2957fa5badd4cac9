package gbdt_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
	"github.com/narrativeml/narrative/ml/metric"
)

// problem is a table and what is to be learned from it.
type problem struct {
	x *frame.Frame
	y ml.Target
}

// rows makes the rows of a table column by column from a function that fills
// one row.
func rows(n, columns int, fill func(row []float64) float64) (values [][]float64, y []float64) {
	values = make([][]float64, columns)
	for j := range values {
		values[j] = make([]float64, n)
	}
	y = make([]float64, n)
	row := make([]float64, columns)
	for i := range n {
		y[i] = fill(row)
		for j, v := range row {
			values[j][i] = v
		}
	}
	return values, y
}

func floats(values [][]float64) []frame.Column {
	list := make([]frame.Column, len(values))
	for j, v := range values {
		list[j] = frame.NewFloat("x"+strconv.Itoa(j), v)
	}
	return list
}

func binary(y []float64, columns ...frame.Column) problem {
	return problem{must(frame.New(columns...)), ml.Target{Task: ml.Binary, Values: y, Classes: []string{"no", "yes"}}}
}

func positive(s float64) float64 {
	if s > 0 {
		return 1
	}
	return 0
}

func holes(n int, seed uint64) problem {
	g := generator{seed}
	x, y := rows(n, 8, func(row []float64) float64 {
		for j := range row {
			row[j] = g.normal()
		}
		s := row[0]*row[1] + math.Abs(row[2]) + 0.5*row[3] - 0.7*row[4] + math.Sin(2*row[5]) + g.normal() - 0.8
		for j, v := range row {
			chance := 0.1
			if v > 0.5 {
				chance = 0.5
			}
			if g.uniform() < chance {
				row[j] = math.NaN()
			}
		}
		return positive(s)
	})
	return binary(y, floats(x)...)
}

func shops(n int, seed uint64) problem {
	g := generator{seed}
	x, y := rows(n, 5, func(row []float64) float64 {
		u := g.uniform()
		row[0], row[1] = math.Floor(u*u*40), math.Floor(g.uniform()*6)
		row[2], row[3], row[4] = g.normal(), g.normal(), g.normal()
		s := math.Mod(row[0]*7, 11)/5 - 1 + 0.5*row[3] + g.normal()
		if math.Mod(row[1]*5, 6) > 2 {
			s += row[2]
		} else {
			s -= row[2]
		}
		return positive(s)
	})
	list := floats(x)
	for j := range 2 {
		texts := make([]string, n)
		for i, v := range x[j] {
			texts[i] = "c" + strconv.Itoa(int(v))
		}
		list[j] = frame.StringsOf(list[j].Name(), texts, nil)
	}
	return binary(y, list...)
}

func rings(n int, seed uint64) problem {
	g := generator{seed}
	x, y := rows(n, 4, func(row []float64) float64 {
		for j := range row {
			row[j] = g.normal()
		}
		r := math.Sqrt(row[0]*row[0]+row[1]*row[1]+row[2]*row[2]) + 0.2*g.normal()
		switch {
		case r < 1:
			return 0
		case r < 1.5:
			return 1
		case r < 2:
			return 2
		default:
			return 3
		}
	})
	return problem{must(frame.New(floats(x)...)), ml.Target{
		Task: ml.Multiclass, Values: y, Classes: []string{"a", "b", "c", "d"},
	}}
}

func friedman(n int, seed uint64) problem {
	g := generator{seed}
	x, y := rows(n, 10, func(row []float64) float64 {
		for j := range row {
			row[j] = g.uniform()
		}
		return 10*math.Sin(math.Pi*row[0]*row[1]) + 20*(row[2]-0.5)*(row[2]-0.5) + 10*row[3] + 5*row[4] + g.normal()
	})
	return problem{must(frame.New(floats(x)...)), ml.Target{Task: ml.Regression, Values: y}}
}

func cancer(t *testing.T) problem {
	t.Helper()
	file, err := os.ReadFile("testdata/breast_cancer.csv")
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	x, y := rows(len(records), 30, func(row []float64) float64 {
		for j := range row {
			if row[j], err = strconv.ParseFloat(records[next][j], 64); err != nil {
				t.Fatal(err)
			}
		}
		next++
		return positive(float64(records[next-1][30][0] - '0'))
	})
	return binary(y, floats(x)...)
}

// take returns the rows for which keep is true.
func (p problem) take(keep func(row int) bool) problem {
	var list []int
	out := problem{y: p.y}
	out.y.Values = nil
	for i, v := range p.y.Values {
		if keep(i) {
			list = append(list, i)
			out.y.Values = append(out.y.Values, v)
		}
	}
	out.x = p.x.Take(list)
	return out
}

func train(t *testing.T, p gbdt.Params, data problem, o ml.Options) *gbdt.Model {
	t.Helper()
	m, err := gbdt.Train(t.Context(), p, data.x, data.y, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func predict(t *testing.T, m ml.Predictor, x *frame.Frame) []float64 {
	t.Helper()
	out := make([]float64, x.Rows()*m.Outputs())
	if err := m.Predict(x, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func score(t *testing.T, name string, m ml.Predictor, data problem) float64 {
	t.Helper()
	v, err := metric.Score(name, data.y, predict(t, m, data.x))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestReference compares scores on unseen rows with those of another
// implementation of the method.
func TestReference(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]map[string]float64
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	wideOf := func(n int, seed uint64) problem {
		x, y := wide(n, 12, seed)
		return problem{x, y}
	}
	folds := func(p problem) (list [][2]problem) {
		for r := range 3 {
			list = append(list, [2]problem{
				p.take(func(i int) bool { return i%3 != r }),
				p.take(func(i int) bool { return i%3 == r }),
			})
		}
		return list
	}
	tests := map[string][][2]problem{
		"wide":          {{wideOf(8000, 1), wideOf(8000, 2)}},
		"holes":         {{holes(8000, 3), holes(8000, 4)}},
		"shops":         {{shops(8000, 5), shops(8000, 6)}},
		"rings":         {{rings(6000, 7), rings(6000, 8)}},
		"friedman":      {{friedman(4000, 9), friedman(4000, 10)}},
		"breast_cancer": folds(cancer(t)),
	}
	if len(want) != len(tests) {
		t.Fatalf("%d problems have reference scores, %d are tested", len(want), len(tests))
	}
	// How much worse a score may be.
	slack := map[string]float64{"roc_auc": 0.005, "accuracy": 0.01, "log_loss": 0.02, "rmse": 0.03}
	for name, splits := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := make(map[string]float64)
			for _, s := range splits {
				m := train(t, gbdt.DefaultParams(), s[0], ml.Options{})
				for which := range want[name] {
					got[which] += score(t, which, m, s[1]) / float64(len(splits))
				}
			}
			for which, w := range want[name] {
				worse := got[which] - w
				if metric.HigherIsBetter(which) {
					worse = -worse
				}
				t.Logf("%s %.5f, reference %.5f", which, got[which], w)
				if worse > slack[which] {
					t.Errorf("%s is %.5f, reference %.5f", which, got[which], w)
				}
			}
		})
	}
}
