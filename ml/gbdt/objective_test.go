package gbdt_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
)

// bent is the friedman problem with another target.
func bent(n int, seed uint64, bend func(y float64) float64) problem {
	p := friedman(n, seed)
	for i, y := range p.y.Values {
		p.y.Values[i] = bend(y)
	}
	return p
}

// TestObjectives compares losses on unseen rows with those of other
// implementations of the same objectives.
func TestObjectives(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/objectives.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]float64
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	same := func(y float64) float64 { return y }
	tests := map[gbdt.Objective]struct {
		bend func(y float64) float64
		loss func(y, p float64) float64
	}{
		gbdt.Absolute: {same, func(y, p float64) float64 { return math.Abs(y - p) }},
		gbdt.Huber: {same, func(y, p float64) float64 {
			if r := math.Abs(y - p); r > 1 {
				return r - 0.5
			}
			return (y - p) * (y - p) / 2
		}},
		gbdt.Quantile: {same, func(y, p float64) float64 { return max(0.8*(y-p), 0.2*(p-y)) }},
		gbdt.Poisson: {
			func(y float64) float64 { return math.Floor(max(y, 0) / 4) },
			func(y, p float64) float64 {
				if y == 0 {
					return 2 * p
				}
				return 2 * (y*math.Log(y/p) - y + p)
			},
		},
		gbdt.Gamma: {
			func(y float64) float64 { return math.Exp(y / 10) },
			func(y, p float64) float64 { return 2 * (math.Log(p/y) + y/p - 1) },
		},
		gbdt.Tweedie: {
			func(y float64) float64 { return max(y-12, 0) },
			func(y, p float64) float64 { return 4 * (math.Sqrt(p) - 2*math.Sqrt(y) + y/math.Sqrt(p)) },
		},
	}
	for name, test := range tests {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			p := gbdt.DefaultParams()
			p.Objective, p.QuantileLevel, p.HuberDelta = name, 0.8, 1
			m := roundTrip(t, train(t, p, bent(4000, 9, test.bend), ml.Options{}))
			data := bent(4000, 10, test.bend)
			sum := 0.0
			for i, v := range predict(t, m, data.x) {
				sum += test.loss(data.y.Values[i], v)
			}
			got := sum / float64(data.x.Rows())
			t.Logf("loss %.5f, reference %.5f", got, want[string(name)])
			if got > 1.05*want[string(name)] {
				t.Errorf("the loss is %.5f, reference %.5f", got, want[string(name)])
			}
		})
	}
}

// TestQuantileCovers checks that about the level of the rows is below.
func TestQuantileCovers(t *testing.T) {
	t.Parallel()
	for _, weighted := range []bool{false, true} {
		p := gbdt.DefaultParams()
		p.Objective, p.QuantileLevel, p.Trees = gbdt.Quantile, 0.9, 60
		p.MinChildSamples = 100
		data, unseen := friedman(4000, 1), friedman(4000, 2)
		if weighted {
			data.y.Weights = make([]float64, data.y.Len())
			for i := range data.y.Weights {
				data.y.Weights[i] = 2
			}
		}
		below := 0
		for i, v := range predict(t, train(t, p, data, ml.Options{}), unseen.x) {
			if unseen.y.Values[i] <= v {
				below++
			}
		}
		if share := float64(below) / 4000; share < 0.84 || share > 0.93 {
			t.Errorf("%.3f of the rows are below the 0.9 quantile (weights %v)", share, weighted)
		}
	}
}

func TestObjectivesRefuse(t *testing.T) {
	t.Parallel()
	regression := friedman(100, 1)
	classes := shops(100, 1)
	with := func(p problem, row int, v float64) problem {
		p.y.Values = append([]float64(nil), p.y.Values...)
		for i := range p.y.Values {
			p.y.Values[i] = max(p.y.Values[i], 1)
		}
		p.y.Values[row] = v
		return p
	}
	zeros := bent(100, 1, func(float64) float64 { return 0 })
	tests := map[string]struct {
		change    func(p *gbdt.Params)
		data      problem
		code      string
		parameter string
		row       int
	}{
		"unknown":         {func(p *gbdt.Params) { p.Objective = "mse" }, regression, "bad_parameter", "objective", -1},
		"of classes":      {func(p *gbdt.Params) { p.Objective = gbdt.Logistic }, regression, "bad_parameter", "objective", -1},
		"of values":       {func(p *gbdt.Params) { p.Objective = gbdt.Poisson }, classes, "bad_parameter", "objective", -1},
		"level 0":         {func(p *gbdt.Params) { p.Objective, p.QuantileLevel = gbdt.Quantile, 0 }, regression, "bad_parameter", "quantile_level", -1},
		"unused level":    {func(p *gbdt.Params) { p.QuantileLevel = math.NaN() }, regression, "bad_parameter", "quantile_level", -1},
		"unused power":    {func(p *gbdt.Params) { p.TweediePower = -1 }, regression, "bad_parameter", "tweedie_power", -1},
		"power 2":         {func(p *gbdt.Params) { p.Objective, p.TweediePower = gbdt.Tweedie, 2 }, regression, "bad_parameter", "tweedie_power", -1},
		"negative delta":  {func(p *gbdt.Params) { p.HuberDelta = -1 }, regression, "bad_parameter", "huber_delta", -1},
		"negative L1":     {func(p *gbdt.Params) { p.L1 = -1 }, regression, "bad_parameter", "l1", -1},
		"negative count":  {func(p *gbdt.Params) { p.Objective = gbdt.Poisson }, with(regression, 3, -1), "target_range", "", 3},
		"amount of 0":     {func(p *gbdt.Params) { p.Objective = gbdt.Gamma }, with(regression, 4, 0), "target_range", "", 4},
		"nothing but 0":   {func(p *gbdt.Params) { p.Objective = gbdt.Tweedie }, zeros, "target_range", "", -1},
		"direction 2":     {func(p *gbdt.Params) { p.Monotone = map[string]int{"x0": 2} }, regression, "bad_parameter", "monotone", -1},
		"unknown column":  {func(p *gbdt.Params) { p.Monotone = map[string]int{"z": 1} }, regression, "bad_parameter", "monotone", -1},
		"monotone string": {func(p *gbdt.Params) { p.Monotone = map[string]int{"x0": 1} }, classes, "bad_parameter", "monotone", -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := gbdt.DefaultParams()
			test.change(&p)
			_, err := gbdt.Train(t.Context(), p, test.data.x, test.data.y, ml.Options{})
			inputError(t, err, test.code, "", test.row)
			if e := (*ml.InputError)(nil); errors.As(err, &e) && e.Parameter != test.parameter {
				t.Errorf("the parameter %q is blamed, want %q", e.Parameter, test.parameter)
			}
		})
	}
}

// TestL1 checks that a strong L1 keeps small leaves at 0.
func TestL1(t *testing.T) {
	t.Parallel()
	data := friedman(500, 1)
	spread := func(l1 float64) float64 {
		p := gbdt.DefaultParams()
		p.L1, p.Trees = l1, 20
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range predict(t, train(t, p, data, ml.Options{}), data.x) {
			low, high = min(low, v), max(high, v)
		}
		return high - low
	}
	none, some, strong := spread(0), spread(100), spread(1e6)
	if some >= none || some <= 0 || strong != 0 {
		t.Errorf("predictions spread over %g without L1, %g with 100, %g with 1e6", none, some, strong)
	}
}

func TestMonotone(t *testing.T) {
	t.Parallel()
	for name, objective := range map[string]gbdt.Objective{"squared": gbdt.Squared, "absolute": gbdt.Absolute, "poisson": gbdt.Poisson} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// x2 pulls down and then up, x3 up.
			data := bent(3000, 3, func(y float64) float64 { return max(y, 0) })
			p := gbdt.DefaultParams()
			p.Objective = objective
			free := steps(t, train(t, p, data, ml.Options{}), data, "x2")
			p.Monotone = map[string]int{"x2": 1, "x3": -1, "x4": 0}
			m := train(t, p, data, ml.Options{})
			if free[0] == 0 || free[1] == 0 {
				t.Errorf("without limits x2 rises %d and falls %d times", free[0], free[1])
			}
			if s := steps(t, m, data, "x2"); s[0] == 0 || s[1] > 0 {
				t.Errorf("x2 rises %d and falls %d times, and must not fall", s[0], s[1])
			}
			if s := steps(t, m, data, "x3"); s[0] > 0 {
				t.Errorf("x3 rises %d times, and must not", s[0])
			}
		})
	}
}

// steps counts how often predictions rise and fall while one column goes from
// low to high and all others stay.
func steps(t *testing.T, m ml.Predictor, data problem, column string) (count [2]int) {
	t.Helper()
	const points = 60
	for row := range 30 {
		var list []frame.Column
		for _, c := range data.x.Columns() {
			values := make([]float64, points)
			for i := range values {
				if values[i] = c.Float(row); c.Name() == column {
					values[i] = float64(i) / points
				}
			}
			list = append(list, frame.NewFloat(c.Name(), values))
		}
		out := predict(t, m, must(frame.New(list...)))
		for i := 1; i < points; i++ {
			switch {
			case out[i] > out[i-1]+1e-12:
				count[0]++
			case out[i] < out[i-1]-1e-12:
				count[1]++
			}
		}
	}
	return count
}
