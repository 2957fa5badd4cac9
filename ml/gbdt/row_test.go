package gbdt_test

import (
	"math"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
)

// TestPredictRow checks that single rows are predicted as many are.
func TestPredictRow(t *testing.T) {
	t.Parallel()
	x, y := wide(2000, 9, 1)
	many := gbdt.DefaultParams()
	many.MaxLeaves = 200
	counts := gbdt.DefaultParams()
	counts.Objective = gbdt.Poisson
	tests := map[string]struct {
		p    gbdt.Params
		data problem
	}{
		"numbers":      {gbdt.DefaultParams(), problem{x, y}},
		"many leaves":  {many, problem{x, y}},
		"missing":      {gbdt.DefaultParams(), holes(1500, 2)},
		"categories":   {gbdt.DefaultParams(), shops(1500, 3)},
		"both missing": {gbdt.DefaultParams(), gaps(shops(1500, 3))},
		"multiclass":   {gbdt.DefaultParams(), rings(1500, 4)},
		"regression":   {gbdt.DefaultParams(), friedman(1500, 5)},
		"counts":       {counts, bent(1500, 5, func(y float64) float64 { return max(0, y) })},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := train(t, test.p, test.data, ml.Options{})
			if !slices.Equal(m.Columns(), test.data.x.Names()) {
				t.Fatalf("the columns are %v", m.Columns())
			}
			want := predict(t, m, test.data.x)
			out := make([]float64, m.Outputs())
			values := make([]float64, len(m.Columns()))
			for row := range test.data.x.Rows() {
				for j, c := range test.data.x.Columns() {
					values[j] = c.Float(row)
					if c.Type() == frame.String {
						values[j] = m.Category(j, c.Text(row))
					}
				}
				if err := m.PredictRow(values, out); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(out, want[row*len(out):(row+1)*len(out)]) {
					t.Fatalf("row %d: %v, among others %v", row, out, want[row*len(out):(row+1)*len(out)])
				}
			}
		})
	}
}

// gaps makes every seventh value of each column missing, in other rows of each.
func gaps(p problem) problem {
	var list []frame.Column
	for j, c := range p.x.Columns() {
		if c.Type() == frame.String {
			codes := slices.Clone(c.Codes())
			for i := j; i < len(codes); i += 7 {
				codes[i] = -1
			}
			list = append(list, frame.NewString(c.Name(), codes, c.Dict()))
			continue
		}
		values := slices.Clone(c.Floats())
		for i := j; i < len(values); i += 7 {
			values[i] = math.NaN()
		}
		list = append(list, frame.NewFloat(c.Name(), values))
	}
	return problem{must(frame.New(list...)), p.y}
}

func TestPredictRowOfOddValues(t *testing.T) {
	t.Parallel()
	data := shops(500, 1)
	m := train(t, gbdt.DefaultParams(), data, ml.Options{})
	if v := m.Category(0, "never seen"); !math.IsNaN(v) {
		t.Errorf("an unseen category is %v", v)
	}
	if v := m.Category(2, "c1"); !math.IsNaN(v) {
		t.Errorf("a category of a column of numbers is %v", v)
	}
	out := make([]float64, 2)
	for _, v := range []float64{math.Inf(1), math.Inf(-1), -1, 0.5, 255, 256, 1e300, math.NaN()} {
		if err := m.PredictRow([]float64{v, v, v, v, v}, out); err != nil || out[0]+out[1] < 0.999 || out[0]+out[1] > 1.001 {
			t.Errorf("a row of %v gives %v, %v", v, out, err)
		}
	}
	if err := m.PredictRow(make([]float64, 4), out); err == nil {
		t.Error("a row that lacks a value is predicted")
	}
	if err := m.PredictRow(make([]float64, 5), out[:1]); err == nil {
		t.Error("a row is predicted into too few outputs")
	}
	stump := gbdt.DefaultParams()
	stump.MinChildSamples = 1000
	if err := train(t, stump, data, ml.Options{}).PredictRow(make([]float64, 5), out); err != nil || out[1] == 0 {
		t.Errorf("a model without splits gives %v, %v", out, err)
	}
}
