package linear_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
)

func newFrame(tb testing.TB, columns ...frame.Column) *frame.Frame {
	tb.Helper()
	x, err := frame.New(columns...)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

func floats(values ...[]float64) []frame.Column {
	columns := make([]frame.Column, len(values))
	for j, v := range values {
		columns[j] = frame.NewFloat("x"+strconv.Itoa(j), v)
	}
	return columns
}

func table(tb testing.TB, values ...[]float64) *frame.Frame {
	tb.Helper()
	return newFrame(tb, floats(values...)...)
}

// words makes a column of strings; nil is missing.
func words(name string, text []*string) frame.Column {
	values := make([]string, len(text))
	for i, s := range text {
		if s != nil {
			values[i] = *s
		}
	}
	return frame.StringsOf(name, values, func(i int) bool { return text[i] == nil })
}

func fit(tb testing.TB, p linear.Params, x *frame.Frame, y ml.Target, o ml.Options) *linear.Model {
	tb.Helper()
	m, err := linear.Train(tb.Context(), p, x, y, o)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func encode(tb testing.TB, m *linear.Model) []byte {
	tb.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func predict(tb testing.TB, m *linear.Model, x *frame.Frame) []float64 {
	tb.Helper()
	out := make([]float64, x.Rows()*m.Outputs())
	if err := m.Predict(x, out); err != nil {
		tb.Fatal(err)
	}
	return out
}

func inputError(tb testing.TB, err error, code, column string, row int) {
	tb.Helper()
	var e *ml.InputError
	if !errors.As(err, &e) {
		tb.Fatalf("the error is %v, want an input error %s", err, code)
	}
	if e.Code != code || e.Column != column || e.Row != row || e.Message == "" {
		tb.Errorf("the error is %+v, want %s of column %q, row %d", e, code, column, row)
	}
}

// product is the value of a feature in a row.
func product(tb testing.TB, x *frame.Frame, f linear.Feature, i int) float64 {
	tb.Helper()
	c, ok := x.Column(f.Column)
	if !ok {
		tb.Fatalf("no column %q", f.Column)
	}
	switch {
	case !f.Text:
		return c.Float(i)
	case f.Missing == c.Null(i) && (f.Missing || f.Category == c.Text(i)):
		return 1
	default:
		return 0
	}
}

// reference is a problem and what scikit-learn found.
type reference struct {
	Name         string      `json:"name"`
	Task         ml.Task     `json:"task"`
	Loss         linear.Loss `json:"loss"`
	Alpha        float64     `json:"alpha"`
	L1Ratio      float64     `json:"l1_ratio"`
	Standardize  bool        `json:"standardize"`
	Table        int         `json:"table"`
	Y            []float64   `json:"y"`
	Weights      []float64   `json:"weights"`
	Coefficients [][]float64 `json:"coefficients"`
	Intercepts   []float64   `json:"intercepts"`

	x *frame.Frame
}

func references(tb testing.TB) []reference {
	tb.Helper()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		tb.Fatal(err)
	}
	var all struct {
		Tables []struct {
			X     [][]float64 `json:"x"`
			Texts [][]*string `json:"texts"`
		} `json:"tables"`
		Problems []reference `json:"problems"`
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		tb.Fatal(err)
	}
	if len(all.Problems) < 30 {
		tb.Fatalf("%d problems", len(all.Problems))
	}
	for i := range all.Problems {
		r := &all.Problems[i]
		columns := floats(all.Tables[r.Table].X...)
		for j, text := range all.Tables[r.Table].Texts {
			columns = append(columns, words("s"+strconv.Itoa(j), text))
		}
		r.x = newFrame(tb, columns...)
	}
	return all.Problems
}

func (r reference) params() linear.Params {
	p := linear.DefaultParams()
	p.Alpha, p.L1Ratio, p.Loss, p.Standardize = r.Alpha, r.L1Ratio, r.Loss, r.Standardize
	return p
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

// problem is a loss and a target for a table.
type problem struct {
	name string
	loss linear.Loss
	y    ml.Target
}

func (p problem) params() linear.Params {
	d := linear.DefaultParams()
	d.Loss = p.loss
	return d
}

// problems makes a target for each loss of a score.
func problems(score []float64, r *rand.Rand) []problem {
	two, three, count := make([]float64, len(score)), make([]float64, len(score)), make([]float64, len(score))
	value := slices.Clone(score)
	for i := range value {
		value[i] += r.NormFloat64()
		if value[i] > 0 {
			two[i] = 1
		}
		three[i] = max(0, min(2, math.Floor(value[i]/2+1.5)))
		count[i] = math.Floor(math.Exp(min(value[i]/3, 3) + r.Float64()))
	}
	return []problem{
		{"binary", linear.LogLoss, ml.Target{Task: ml.Binary, Values: two, Classes: []string{"no", "yes"}}},
		{"multiclass", "", ml.Target{Task: ml.Multiclass, Values: three, Classes: []string{"a", "b", "c"}}},
		{"regression", linear.SquaredError, ml.Target{Task: ml.Regression, Values: value}},
		{"poisson", linear.Poisson, ml.Target{Task: ml.Regression, Values: count}},
	}
}

// dense makes a table of numbers, the later the more spread, and a problem of
// each loss.
func dense(tb testing.TB, rows, columns int) (*frame.Frame, []problem) {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	list := make([][]float64, columns)
	score := make([]float64, rows)
	for j := range list {
		list[j] = make([]float64, rows)
		for i := range rows {
			list[j][i] = r.NormFloat64()*float64(j+1) + 10
			score[i] += (list[j][i] - 10) / float64(j+1) / math.Sqrt(float64(columns))
		}
	}
	return table(tb, list...), problems(score, r)
}

// sparse makes a table of columns of strings, some categories frequent and most
// of them rare, with missing values in the first column, and of one column of
// numbers.
func sparse(tb testing.TB, rows, columns, categories int) (*frame.Frame, []problem) {
	tb.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	dict := make([]string, categories)
	for k := range dict {
		dict[k] = "category " + strconv.Itoa(k)
	}
	list := make([]frame.Column, columns, columns+1)
	score, number := make([]float64, rows), make([]float64, rows)
	for j := range list {
		effect := make([]float64, categories+1)
		for k := range effect {
			effect[k] = r.NormFloat64() / math.Sqrt(float64(columns))
		}
		codes := make([]int32, rows)
		for i := range codes {
			u := r.Float64()
			if codes[i] = int32(u * u * float64(categories)); j == 0 && r.IntN(20) == 0 {
				codes[i] = -1
			}
			score[i] += effect[codes[i]+1]
		}
		list[j] = frame.NewString("s"+strconv.Itoa(j), codes, dict)
	}
	for i := range number {
		number[i] = r.NormFloat64() - 30
		score[i] += (number[i] + 30) / 2
	}
	return newFrame(tb, append(list, frame.NewFloat("number", number))...), problems(score, r)
}
