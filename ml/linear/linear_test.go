package linear_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
)

type reference struct {
	Name         string      `json:"name"`
	Task         ml.Task     `json:"task"`
	Alpha        float64     `json:"alpha"`
	X            [][]float64 `json:"x"`
	Y            []float64   `json:"y"`
	Weights      []float64   `json:"weights"`
	Coefficients [][]float64 `json:"coefficients"`
	Intercepts   []float64   `json:"intercepts"`
}

func references(t *testing.T) []reference {
	t.Helper()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []reference
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func (r reference) target() ml.Target {
	y := ml.Target{Task: r.Task, Values: r.Y, Weights: r.Weights}
	switch r.Task {
	case ml.Binary:
		y.Classes = []string{"no", "yes"}
	case ml.Multiclass:
		y.Classes = []string{"a", "b", "c"}
	case ml.Regression:
	}
	return y
}

func table(t *testing.T, values ...[]float64) *frame.Frame {
	t.Helper()
	columns := make([]frame.Column, len(values))
	for j, v := range values {
		columns[j] = frame.NewFloat("x"+strconv.Itoa(j), v)
	}
	x, err := frame.New(columns...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestReference(t *testing.T) {
	t.Parallel()
	for _, r := range references(t) {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			p := linear.DefaultParams()
			p.Alpha = r.Alpha
			p.Tolerance = 1e-10
			m, err := linear.Train(t.Context(), p, table(t, r.X...), r.target(), ml.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d iterations", m.Iterations())
			if !m.Converged() {
				t.Error("the fit did not converge")
			}
			for k := range r.Intercepts {
				for j, want := range r.Coefficients[k] {
					close(t, "coefficient "+strconv.Itoa(j), m.Coefficients(k)[j], want)
				}
				close(t, "intercept", m.Intercepts()[k], r.Intercepts[k])
			}
		})
	}
}

func close(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-5*math.Abs(want)+1e-7 {
		t.Errorf("%s of score is %v, want %v", what, got, want)
	}
}

var _ = []any{bytes.Equal, context.Canceled, errors.Is}
